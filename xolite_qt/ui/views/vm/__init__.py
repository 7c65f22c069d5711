"""The pages of a VM."""

from __future__ import annotations

from xolite_qt.ui.views.page import PAGES, Kind, PageSpec
from xolite_qt.ui.views.parts.timeline.page import VmTimeLine
from xolite_qt.ui.views.vm import life, life_choices, life_transfers
from xolite_qt.ui.views.vm.alarms import VmAlarms
from xolite_qt.ui.views.vm.backups import VmBackups
from xolite_qt.ui.views.vm.console import VmConsole
from xolite_qt.ui.views.vm.dashboard import VmDashboard
from xolite_qt.ui.views.vm.disks import VmDisks
from xolite_qt.ui.views.vm.network import VmNetwork
from xolite_qt.ui.views.vm.snapshots import VmSnapshots
from xolite_qt.ui.views.vm.system import VmSystem
from xolite_qt.ui.views.vm.tasks import VmTasks

# Imported for what they enter: the forms of actions, entries of menus.
__all__ = ["life", "life_choices", "life_transfers"]
from xolite_qt.ui.views.vm.stats import VmStats

PAGES[Kind.VM] = [
    PageSpec("dashboard", "Dashboard", VmDashboard),
    PageSpec("console", "Console", VmConsole),
    PageSpec("stats", "Stats", VmStats),
    PageSpec("timeline", "Time line", VmTimeLine),
    PageSpec("alarms", "Alarms", VmAlarms),
    PageSpec("system", "System", VmSystem),
    PageSpec("network", "Network", VmNetwork),
    PageSpec("disks", "Disks", VmDisks),
    PageSpec("snapshots", "Snapshots", VmSnapshots),
    PageSpec("backups", "Backups", VmBackups),
    PageSpec("tasks", "Tasks", VmTasks),
]
