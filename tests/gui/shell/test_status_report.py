"""A host's status report comes to this computer whole, or not at all."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from PySide6.QtWidgets import QFileDialog

from tests.gui.shell.conftest import Shell
from tests.gui.shell.test_host_power import choose, master
from xolite_qt.ui.dialogs.host_edit.download_window import DownloadWindow


async def test_the_report_is_saved_from_the_hosts_menu(shell: Shell, tmp_path: Path) -> None:
    await shell.connect()
    choose(shell, master(shell), "host.report")
    chooser = await shell.dialog(QFileDialog)
    assert chooser.selectedFiles()[0].endswith(".tar")
    path = tmp_path / "report.tar"
    chooser.fileSelected.emit(str(path))
    chooser.reject()
    window = await shell.dialog(DownloadWindow)
    assert not window.isModal()
    await shell.until(path.exists)
    with tarfile.open(path) as archive:
        assert any("xensource-inventory" in name for name in archive.getnames())
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]
    window.close()
