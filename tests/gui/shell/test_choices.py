"""What is offered besides the fixed actions: in menus, in the palette, with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from tests.gui.shell.conftest import Shell
from xolite_qt.ui.actions import ActionId, Harm, Question
from xolite_qt.ui.deeds import CHOICES, Choice, Deed
from xolite_qt.ui.dialogs.calls import CallsDialog
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.results import ResultState, ResultsWindow
from xolite_qt.ui.rehearsal import PLANNED, PlannedCall, rehearse
from xolite_qt.ui.views.page import Kind


@pytest.fixture
def chosen() -> Iterator[list[str]]:
    ran: list[str] = []

    def provider(_context: Any, records: Sequence[Any]) -> list[Choice]:
        name = records[0].name_label if records else ""
        return [
            Choice(
                "vm.test-last", "Test last", "trash", lambda: ran.append(f"last {name}"), group=90
            ),
            Choice("vm.test-first", "Test & first", "play", lambda: ran.append(f"first {name}")),
            Choice(
                "vm.test-never", "Test never", "ban", lambda: ran.append("never"), "It is closed."
            ),
        ]

    CHOICES["vm"].append(provider)
    yield ran
    CHOICES["vm"].remove(provider)


async def test_choices_stand_in_menus_by_group_and_run(shell: Shell, chosen: list[str]) -> None:
    await shell.connect()
    ref = shell.vm("Halted")
    shell.workspace.open_object(Kind.VM, ref)
    name = shell.workspace.stores.vm.records[ref].name_label
    menu = shell.workspace.runner.menu("vm", shell.workspace._items, shell.workspace)
    menu.aboutToShow.emit()
    menu.aboutToShow.emit()
    ours = [entry for entry in menu.actions() if entry.objectName().startswith("vm.test")]
    names = [entry.objectName() for entry in ours]
    assert names == ["vm.test-first", "vm.test-never", "vm.test-last"]
    assert ours[0].text() == "Test && first"
    assert not ours[1].isEnabled()
    assert "It is closed." in ours[1].toolTip()
    ours[0].trigger()
    assert chosen == [f"first {name}"]
    entries = {entry.text: entry for entry in shell.workspace.entries()}
    assert entries["Test never"].reason == "It is closed."
    entries["Test last"].run()
    assert chosen[-1] == f"last {name}"


async def test_a_deed_asks_works_and_tells_each_outcome(shell: Shell) -> None:
    await shell.connect()
    runner = shell.workspace.runner
    refs = [ref for ref in shell.db.refs("VM") if not shell.db.get("VM", ref)["is_a_template"]][:2]

    def deed(ref: str, name: str) -> Deed:
        return Deed(name, "Rename", "renamed", lambda api: api.call("VM.set_name_label", ref, name))

    runner.begin([deed(refs[0], "new name")])
    await shell.until(lambda: "new name: renamed." in "\n".join(shell.window.toasts.texts()))
    assert shell.db.get("VM", refs[0])["name_label"] == "new name"
    question = Question("Rename both?", "They change.", "Rename", Harm.DISRUPTIVE)
    runner.begin([deed(refs[1], "other"), deed("OpaqueRef:gone", "gone")], question)
    dialog = await shell.dialog(ConfirmDialog)
    dialog.go.click()
    window = await shell.dialog(ResultsWindow)
    await shell.until(lambda: window.state(1) is ResultState.FAILED)
    await shell.until(lambda: window.state(0) is ResultState.DONE)
    window.close()
    assert shell.db.get("VM", refs[1])["name_label"] == "other"


async def test_a_rehearsal_reads_and_writes_nothing(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Halted")
    api = shell.workspace.stores.api

    async def work(api: Any) -> None:
        name = await api.call("VM.get_name_label", ref)
        copy = await api.run("VM.clone", ref, f"{name} 2")
        await api.call("VM.set_name_description", copy, "text")

    before = len(shell.db.refs("VM"))
    name = shell.db.get("VM", ref)["name_label"]
    assert await rehearse(api, [work]) == [
        PlannedCall("VM.clone", (ref, f"{name} 2")),
        PlannedCall("VM.set_name_description", (f"{PLANNED}0", "text")),
    ]
    assert len(shell.db.refs("VM")) == before


async def test_an_action_is_shown_as_a_script_and_nothing_is_done(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Running")
    vm = shell.workspace.stores.vm.records[ref]
    shell.workspace.open_object(Kind.VM, ref)
    menu = shell.workspace.runner.menu("vm", shell.workspace._items, shell.workspace)
    menu.aboutToShow.emit()
    scripts = next(entry for entry in menu.actions() if entry.text() == "Show as script")
    assert menu.actions()[-1] is scripts
    inside = scripts.menu()
    assert isinstance(inside, QMenu)
    assert "Start" not in [entry.text() for entry in inside.actions()]
    next(entry for entry in inside.actions() if entry.text() == "Force shut down").trigger()
    dialog = await shell.dialog(CallsDialog)
    assert dialog.text.toPlainText().splitlines()[2:] == [
        f"# {vm.name_label}",
        f"xe vm-shutdown uuid={vm.uuid} force=true",
    ]
    QTest.mouseClick(dialog.tabs, Qt.MouseButton.LeftButton, pos=dialog.tabs.tabRect(1).center())
    dialog.copy.click()
    copied = QGuiApplication.clipboard().text()
    assert f"api.VM.hard_shutdown(api.VM.get_by_uuid('{vm.uuid}'))" in copied
    dialog.cancel.click()
    await shell.until(lambda: not shell.window.findChildren(CallsDialog))
    assert shell.db.get("VM", ref)["power_state"] == "Running"


async def test_with_the_setting_calls_are_shown_first(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Halted")
    shell.workspace.settings.show_calls_first = True
    vm = shell.workspace.stores.vm.records[ref]
    shell.workspace.runner.trigger(ActionId.VM_START, (vm,))
    dialog = await shell.dialog(CallsDialog)
    assert f"xe vm-start uuid={vm.uuid}" in dialog.text.toPlainText()
    dialog.cancel.click()
    await shell.until(lambda: not shell.window.findChildren(CallsDialog))
    assert shell.db.get("VM", ref)["power_state"] == "Halted"

    def work(api: Any) -> Any:
        return api.call("VM.set_name_label", ref, "another")

    shell.workspace.runner.begin([Deed(vm.name_label, "Rename", "renamed", work)])
    dialog = await shell.dialog(CallsDialog)
    assert "name-label=another" in dialog.text.toPlainText()
    dialog.go.click()
    await shell.until(lambda: shell.db.get("VM", ref)["name_label"] == "another")
