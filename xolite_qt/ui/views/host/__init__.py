"""The pages of a host."""

from __future__ import annotations

# They enter what may be done to hosts.
from xolite_qt.ui.views.host import power, status_report  # noqa: F401
from xolite_qt.ui.views.host.alarms import HostAlarms
from xolite_qt.ui.views.host.console import HostConsole
from xolite_qt.ui.views.host.dashboard import HostDashboard
from xolite_qt.ui.views.host.network import HostNetwork
from xolite_qt.ui.views.host.stats import HostStats
from xolite_qt.ui.views.host.storage import HostStorage
from xolite_qt.ui.views.host.system import HostSystem
from xolite_qt.ui.views.host.tasks import HostTasks
from xolite_qt.ui.views.host.vms import HostVms
from xolite_qt.ui.views.page import PAGES, Kind, PageSpec
from xolite_qt.ui.views.parts.timeline.page import HostTimeLine

PAGES[Kind.HOST] = [
    PageSpec("dashboard", "Dashboard", HostDashboard),
    PageSpec("console", "Console", HostConsole),
    PageSpec("stats", "Stats", HostStats),
    PageSpec("timeline", "Time line", HostTimeLine),
    PageSpec("alarms", "Alarms", HostAlarms),
    PageSpec("system", "System", HostSystem),
    PageSpec("network", "Network", HostNetwork),
    PageSpec("vms", "VMs", HostVms),
    PageSpec("storage", "Storage", HostStorage),
    PageSpec("tasks", "Tasks", HostTasks),
]
