"""The pages of a pool."""

from __future__ import annotations

from xolite_qt.ui.views.backups.page import BackupsPage
from xolite_qt.ui.views.page import PAGES, Kind, PageSpec
from xolite_qt.ui.views.parts import thresholds  # noqa: F401 -- enters its choices
from xolite_qt.ui.views.pool.alarms import PoolAlarms
from xolite_qt.ui.views.pool.dashboard import PoolDashboard
from xolite_qt.ui.views.pool.health.page import HealthPage
from xolite_qt.ui.views.pool.hosts import HostsPage
from xolite_qt.ui.views.pool.networks.page import NetworksPage
from xolite_qt.ui.views.pool.new_vm.choices import TAB as NEW_VM
from xolite_qt.ui.views.pool.new_vm.page import NewVmPage
from xolite_qt.ui.views.pool.stats import PoolStats
from xolite_qt.ui.views.pool.storage import new  # noqa: F401 -- enters its choices
from xolite_qt.ui.views.pool.storage.page import StoragePage
from xolite_qt.ui.views.pool.system.page import PoolSystem
from xolite_qt.ui.views.pool.vms import VmsPage
from xolite_qt.ui.views.pool.xostor.page import XostorPage
from xolite_qt.ui.views.tasks import TasksPage

PAGES[Kind.POOL] = [
    PageSpec("dashboard", "Dashboard", PoolDashboard),
    PageSpec("alarms", "Alarms", PoolAlarms),
    PageSpec("stats", "Stats", PoolStats),
    PageSpec("system", "System", PoolSystem),
    PageSpec("network", "Network", NetworksPage),
    PageSpec("health", "Health", HealthPage),
    PageSpec("storage", "Storage", StoragePage),
    PageSpec("tasks", "Tasks", TasksPage),
    PageSpec("hosts", "Hosts", HostsPage),
    PageSpec("vms", "VMs", VmsPage),
    PageSpec("backups", "Backups", BackupsPage),
    PageSpec("xostor", "XOSTOR", XostorPage),
    PageSpec(NEW_VM, "New VM", NewVmPage, passing=True),
]
