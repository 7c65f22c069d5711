"""What can be written back is offered to be taken back, and nothing else is."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QAbstractButton

from tests.gui.shell.conftest import Shell
from xolite_qt.ui.actions import ActionId
from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.dialogs.snapshots.dialogs import NameDialog
from xolite_qt.ui.views.page import Kind


def undo_button(shell: Shell) -> QAbstractButton | None:
    """The newest one on screen."""
    found = [
        button
        for button in shell.window.toasts.findChildren(QAbstractButton)
        if button.text() == "Undo" and button.isVisible()
    ]
    return found[-1] if found else None


async def do(shell: Shell, *calls: tuple[Any, ...], name: str = "web") -> None:
    """Does calls as one deed."""

    async def work(api: Any) -> None:
        for method, *params in calls:
            await api.call(method, *params)

    await shell.workspace.runner.do([Deed(name, "Edit", "edited", work)])


async def undo(shell: Shell) -> None:
    button = undo_button(shell)
    assert button is not None
    button.click()


async def test_a_rename_is_taken_back_by_a_click(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Halted")
    was = shell.db.get("VM", ref)["name_label"]
    shell.workspace.open_object(Kind.VM, ref, "dashboard")
    choice = next(
        one
        for one in shell.workspace.runner.choices("vm", [shell.workspace.stores.vm.records[ref]])
        if one.label.startswith("Rename")
    )
    choice.run()
    dialog = await shell.dialog(NameDialog)
    dialog.name.setText("another name")
    dialog.go.click()
    await shell.until(lambda: shell.db.get("VM", ref)["name_label"] == "another name")
    await shell.until(lambda: undo_button(shell))
    await undo(shell)
    await shell.until(lambda: shell.db.get("VM", ref)["name_label"] == was)
    # And that can be taken back, too.
    await shell.until(lambda: "as it was before." in "\n".join(shell.window.toasts.texts()))
    await undo(shell)
    await shell.until(lambda: shell.db.get("VM", ref)["name_label"] == "another name")


async def test_tags_and_keys_of_maps_come_back(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Halted")
    shell.db.set("VM", ref, tags=["old"], other_config={"kept": "1", "gone": "2"})
    before = {k: shell.db.get("VM", ref)[k] for k in ("tags", "other_config", "memory_static_max")}
    await do(
        shell,
        ("VM.add_tags", ref, "new"),
        ("VM.remove_tags", ref, "old"),
        ("VM.remove_from_other_config", ref, "gone"),
        ("VM.add_to_other_config", ref, "came", "3"),
        ("VM.remove_from_other_config", ref, "never-there"),
        ("VM.set_memory_limits", ref, *[str(1 << 30)] * 4),
    )
    assert shell.db.get("VM", ref)["tags"] == ["new"]
    await undo(shell)
    await shell.until(
        lambda: (
            {k: shell.db.get("VM", ref)[k] for k in before} == before
            and "as it was before." in "\n".join(shell.window.toasts.texts())
        )
    )


async def test_what_somebody_else_wrote_since_is_not_overwritten(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Halted")
    await do(
        shell,
        ("VM.set_name_description", ref, "mine"),
        ("VM.set_name_label", ref, "mine, too"),
    )
    shell.db.set("VM", ref, name_label="theirs")
    await undo(shell)
    await shell.until(lambda: "Changed by somebody else" in "\n".join(shell.window.toasts.texts()))
    # All or nothing.
    assert shell.db.get("VM", ref)["name_description"] == "mine"
    assert shell.db.get("VM", ref)["name_label"] == "theirs"


async def test_nothing_is_offered_where_a_part_would_stay(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Halted")
    vm = shell.workspace.stores.vm.records[ref]
    shell.workspace.runner.trigger(ActionId.VM_START, (vm,))
    await shell.until(lambda: "started." in "\n".join(shell.window.toasts.texts()))
    assert undo_button(shell) is None
    disk = next(
        shell.db.get("VBD", vbd)["VDI"]
        for vbd in shell.db.get("VM", ref)["VBDs"]
        if shell.db.get("VBD", vbd)["type"] == "Disk"
    )
    snapshot: tuple[Any, ...] = ("VDI.snapshot", disk, {})
    await do(shell, ("VM.set_name_label", ref, "half"), snapshot, name="half")
    assert "half: edited." in shell.window.toasts.texts()
    assert undo_button(shell) is None
    # Nor where nothing was changed.
    name = shell.db.get("VM", ref)["name_label"]
    await do(shell, ("VM.set_name_label", ref, name), name="same")
    assert undo_button(shell) is None


async def test_many_are_taken_back_together(shell: Shell) -> None:
    await shell.connect()
    refs = [ref for ref in shell.db.refs("VM") if shell.db.get("VM", ref)["is_a_template"] is False]
    refs = refs[:3]
    before = [list(shell.db.get("VM", ref)["tags"]) for ref in refs]

    def work(ref: str) -> Any:
        async def add(api: Any) -> None:
            await api.call("VM.add_tags", ref, "nightly")

        return add

    deeds = [Deed(ref[-6:], "Tag", "tagged", work(ref)) for ref in refs]
    await shell.workspace.runner.do(deeds)
    assert all("nightly" in shell.db.get("VM", ref)["tags"] for ref in refs)
    await undo(shell)
    await shell.until(lambda: [list(shell.db.get("VM", ref)["tags"]) for ref in refs] == before)
