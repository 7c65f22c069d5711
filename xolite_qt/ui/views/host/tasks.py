"""What the host is doing with this host, and has done since the window was opened."""

from __future__ import annotations

from xolite_qt.ui.views.parts.object_tasks import ObjectTasks


class HostTasks(ObjectTasks):
    """Tasks that work on this host."""

    page_id = "host.tasks"
    kind = "host"
