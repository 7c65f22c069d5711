"""What the host is doing with this VM, and has done since the window was opened."""

from __future__ import annotations

from xolite_qt.ui.views.parts.object_tasks import ObjectTasks


class VmTasks(ObjectTasks):
    """Tasks that work on this VM."""

    page_id = "vm.tasks"
    kind = "vm"
