"""Leaving while a VM is being exported: asked about, for it would be lost."""

from __future__ import annotations

from pathlib import Path

from tests.gui.shell.conftest import Shell
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.vm.export import ExportVmsDialog
from xolite_qt.ui.dialogs.vm.transfers import Transfers, transfers_of
from xolite_qt.ui.views.page import Kind


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def export(shell: Shell, folder: Path) -> Transfers:
    """An export that takes its time."""
    await shell.connect()
    context = shell.workspace.context
    context.services["xva_folder"] = folder
    shell.running.host.faults.limit_transfers(1_000_000)
    ref = shell.vm("Halted")
    shell.workspace.open_object(Kind.VM, ref)
    entry = next(one for one in shell.workspace.entries() if one.text == "Export…")
    assert entry.reason is None
    entry.run()
    dialog = await shell.dialog(ExportVmsDialog)
    dialog.despite_room.setChecked(True)
    await shell.until(dialog.go.isEnabled)
    dialog.go.click()
    transfers = transfers_of(context)
    await shell.until(lambda: any(name.endswith(".part") for name in left_in(folder)))
    return transfers


async def test_closing_the_window_asks_and_may_be_taken_back(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    transfers = await export(shell, folder)
    shell.window.close()
    dialog = await shell.dialog(ConfirmDialog)
    assert transfers.losses()[0] in dialog.question.title
    assert "cannot be resumed" in dialog.question.text
    dialog.reject()
    await shell.until(lambda: not shell.window.findChildren(ConfirmDialog))
    assert shell.window.isVisible()
    assert transfers.losses()
    shell.window.close()
    dialog = await shell.dialog(ConfirmDialog)
    dialog.go.click()
    await shell.until(lambda: not shell.window.isVisible())
    await shell.until(lambda: not left_in(folder))


async def test_signing_out_asks_too(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    await export(shell, folder)
    shell.workspace.header.sign_out_wanted.emit()
    dialog = await shell.dialog(ConfirmDialog)
    assert dialog.go.text() == "End and sign out"
    dialog.go.click()
    await shell.until(lambda: shell.window.workspace is None)
    await shell.until(lambda: not left_in(folder))


async def test_nothing_is_asked_where_nothing_would_be_lost(shell: Shell) -> None:
    await shell.connect()
    shell.window.close()
    await shell.until(lambda: not shell.window.isVisible())
