"""A host's status report: everything that support wants to know, as an archive on this computer.

Source: xapi.md 1.1 (`/system-status`, xen-bugtool behind it).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from PySide6.QtWidgets import QFileDialog

from xolite_qt.ui.deeds import Choice, provides
from xolite_qt.ui.dialogs.host_edit.download_window import DownloadWindow
from xolite_qt.ui.errors import explain
from xolite_qt.ui.views.host.crash_dumps import door_of
from xolite_qt.ui.views.page import PageContext
from xolite_qt.xen_api import Host, XenApiError

PATH = "/system-status"


@provides("host")
def report_choices(context: PageContext, hosts: Sequence[Host]) -> list[Choice]:
    """The report of one host."""
    reason = None if len(hosts) == 1 else "Choose one host: each has a report of its own."
    return [
        Choice(
            "host.report",
            "Download status report…",
            "download",
            lambda: choose_file(context, hosts[0]),
            reason,
            80,
        )
    ]


def choose_file(context: PageContext, host: Host) -> QFileDialog:
    """Asks where to, then fetches."""
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M")
    name = "".join(char if char.isalnum() or char in "-_." else "_" for char in host.name_label)
    dialog = QFileDialog(context.actions.window, "Save status report")
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix("tar")
    dialog.selectFile(f"status-report-{name}-{stamp}.tar")
    dialog.fileSelected.connect(
        lambda path: context.tasks.spawn(_fetch(context, host, Path(path)), "status report")
    )
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
    return dialog


async def _fetch(context: PageContext, host: Host, target: Path) -> None:
    api = context.stores.api
    try:
        # Each host tells of itself alone.
        door = await door_of(context, host)
    except XenApiError as error:
        explained = explain(error)
        context.notify(explained.summary, level="danger", details=explained.details)
        return
    title = f"Status report of {host.name_label}"
    window = DownloadWindow(title, target, context.notify, parent=context.actions.window)
    await window.work(api, door, PATH, {"output": "tar"})
