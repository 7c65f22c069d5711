"""The flight recorder in the window: opened from the menu, saved, shown as a script."""

from __future__ import annotations

import zipfile
from pathlib import Path

from PySide6.QtWidgets import QFileDialog

from tests.gui.shell.conftest import Shell
from xolite_qt.ui.actions import ActionId
from xolite_qt.ui.dialogs.calls import CallsDialog
from xolite_qt.ui.dialogs.recorder import RecorderDialog


async def test_calls_are_listed_saved_and_shown_as_a_script(shell: Shell, tmp_path: Path) -> None:
    await shell.connect()
    ref = shell.vm("Halted")
    vm = shell.workspace.stores.vm.records[ref]
    shell.workspace.runner.trigger(ActionId.VM_START, (vm,))
    await shell.until(lambda: shell.db.get("VM", ref)["power_state"] == "Running")
    menu = shell.workspace.header.menu_button.menu()
    next(a for a in menu.actions() if "recorder" in a.text()).trigger()
    dialog = await shell.dialog(RecorderDialog)
    assert not dialog.isModal()
    methods = [row.call.method for row in dialog.model.rows()]
    assert "Async.VM.start" in methods
    assert not any(method.startswith("session.") for method in methods)
    assert not dialog.script.isEnabled()
    dialog.search.setText("VM.start")
    await shell.until(lambda: dialog.model.rowCount() == 1)
    dialog.table.select_ref(dialog.model.row_at(0).ref)
    dialog.script.click()
    script = await shell.dialog(CallsDialog)
    assert f"xe vm-start uuid={vm.uuid}" in script.text.toPlainText()
    script.cancel.click()
    dialog.save.click()
    chooser = await shell.dialog(QFileDialog)
    path = tmp_path / "kept.flight.zip"
    chooser.fileSelected.emit(str(path))
    chooser.reject()
    await shell.until(path.exists)
    with zipfile.ZipFile(path) as bundle:
        assert set(bundle.namelist()) == {"meta.json", "world.json", "timeline.jsonl"}
        assert shell.running.password not in bundle.read("timeline.jsonl").decode()
    dialog.close_button.click()
