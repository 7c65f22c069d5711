"""Actions where a user finds them: the bar of the VM list, menus, the tree, the palette."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu, QWidget

from tests.gui.shell.shell_bench import Shell, press, shell, until
from xolite_qt.ui.actions import ActionId
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.vm.delete import DeleteVmsDialog
from xolite_qt.ui.views.page import Kind
from xolite_qt.ui.views.palette import Palette
from xolite_qt.ui.views.pool.vms import VmsPage


def refs_in(bench: Shell, state: str) -> list[str]:
    return [
        ref
        for ref, vm in bench.db.records("VM").items()
        if vm["power_state"] == state
        and not (vm["is_a_template"] or vm["is_a_snapshot"] or vm["is_control_domain"])
    ]


def state(bench: Shell, ref: str) -> str:
    return str(bench.db.get("VM", ref)["power_state"])


def name(bench: Shell, ref: str) -> str:
    return str(bench.db.get("VM", ref)["name_label"])


async def vm_list(bench: Shell, *refs: str) -> VmsPage:
    """The list of VMs, with some selected."""
    await bench.connected()
    page = await bench.open_tab(Kind.POOL, "", "vms")
    assert isinstance(page, VmsPage)
    select(page, *refs)
    return page


def select(page: VmsPage, *refs: str) -> None:
    selection = page.table.view.selectionModel()
    selection.clearSelection()
    for ref in refs:
        selection.select(
            page.model.find(ref),
            QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows,
        )
    assert set(page.table.selected_refs()) == set(refs)


def open_menu(owner: QWidget) -> QMenu:
    """The menu that is on screen."""
    (menu,) = [menu for menu in owner.findChildren(QMenu) if menu.isVisible()]
    return menu


def entry(menu: QMenu, text: str) -> QAction:
    (found,) = [action for action in menu.actions() if action.text() == text]
    return found


async def test_the_bar_judges_the_selection_and_starts_what_is_selected() -> None:
    async with shell() as bench:
        halted, running = refs_in(bench, "Halted"), refs_in(bench, "Running")
        page = await vm_list(bench)
        start = page.buttons[ActionId.VM_START]
        assert start.accessibleDescription() == "Nothing is selected."
        select(page, running[0])
        assert start.accessibleDescription() == (
            f"{name(bench, running[0])} is running; it has to be halted."
        )
        select(page, halted[0], running[0])
        assert not start.isEnabled()
        select(page, *halted)
        assert start.isEnabled()
        QTest.mouseClick(start, Qt.MouseButton.LeftButton)
        await until(lambda: all(state(bench, ref) == "Running" for ref in halted))
        await until(lambda: f"{len(halted)} objects: started." in bench.notices())
        # The rows say so as well, and the bar has thought again.
        await until(lambda: not start.isEnabled())
        assert {str(vm.power_state) for vm in page.chosen()} == {"Running"}


async def test_shutting_down_asks_nothing_and_the_forced_form_asks() -> None:
    async with shell() as bench:
        # One whose guest answers: without tools a clean shutdown is refused.
        one, other = [
            ref
            for ref in refs_in(bench, "Running")
            if "clean_shutdown" in bench.db.get("VM", ref)["allowed_operations"]
        ][:2]
        page = await vm_list(bench, one)
        page.buttons[ActionId.VM_CLEAN_SHUTDOWN].click()
        await until(lambda: state(bench, one) == "Halted")
        assert bench.dialogs(ConfirmDialog) == []

        select(page, other)
        page.more.menu().aboutToShow.emit()
        entry(page.more.menu(), "Force shut down").trigger()
        dialog = await bench.dialog(ConfirmDialog)
        assert name(bench, other) in dialog.windowTitle()
        assert dialog.focusWidget() is dialog.cancel
        press(dialog, Qt.Key.Key_Escape)
        await until(lambda: not bench.dialogs(ConfirmDialog))
        assert state(bench, other) == "Running"
        assert "Async.VM.hard_shutdown" not in bench.methods()
        entry(page.more.menu(), "Force shut down").trigger()
        dialog = await bench.dialog(ConfirmDialog)
        dialog.go.click()
        await until(lambda: state(bench, other) == "Halted")


async def test_many_that_are_forced_are_named_in_the_question() -> None:
    async with shell() as bench:
        running = refs_in(bench, "Running")[:3]
        page = await vm_list(bench, *running)
        page.more.menu().aboutToShow.emit()
        entry(page.more.menu(), "Force reboot").trigger()
        dialog = await bench.dialog(ConfirmDialog)
        assert dialog.windowTitle() == "Force reboot 3 VMs?"
        assert set(dialog.question.objects) == {name(bench, ref) for ref in running}
        dialog.reject()


async def test_deleting_takes_the_vms_own_disks_and_leaves_shared_ones() -> None:
    async with shell() as bench:
        ref = refs_in(bench, "Halted")[0]
        own = [
            bench.db.get("VBD", vbd)["VDI"]
            for vbd in bench.db.get("VM", ref)["VBDs"]
            if bench.db.get("VBD", vbd)["type"] == "Disk"
        ]
        # Another VM uses this one too.
        other = refs_in(bench, "Halted")[1]
        sr = bench.db.get("VDI", own[0])["SR"]
        shared = bench.db.create("VDI", name_label="shared", SR=sr, virtual_size=1 << 30)
        for number, vm in enumerate((ref, other)):
            bench.db.create(
                "VBD", VM=vm, VDI=shared, type="Disk", mode="RW", userdevice=str(7 + number)
            )
        page = await vm_list(bench, ref)
        page.more.menu().aboutToShow.emit()
        entry(page.more.menu(), "Delete").trigger()
        dialog = await bench.dialog(DeleteVmsDialog)
        assert dialog.ticked() == set(own)
        assert shared in dialog.items()
        assert dialog.go.accessibleDescription() == "Type the name first."
        QTest.keyClicks(dialog.typed, name(bench, ref))
        QTest.keyClick(dialog.typed, Qt.Key.Key_Return)
        assert dialog.isVisible()
        dialog.go.click()
        await until(lambda: not bench.db.exists("VM", ref))
        await until(lambda: not any(bench.db.exists("VDI", vdi) for vdi in own))
        assert bench.db.exists("VDI", shared)
        # The row is gone, and nobody stands selected in its place.
        await until(lambda: not page.model.find(ref).isValid())
        assert page.chosen() == []


async def test_the_menu_of_the_list_acts_on_what_is_selected() -> None:
    async with shell() as bench:
        ref = refs_in(bench, "Suspended")[0]
        page = await vm_list(bench, ref)
        page.show_menu(QPoint(20, 20), page.table.selected_refs())
        menu = open_menu(page)
        assert not entry(menu, "Start").isEnabled()
        entry(menu, "Resume").trigger()
        menu.close()
        await until(lambda: state(bench, ref) == "Running")


async def test_the_palette_starts_a_vm_that_is_not_on_screen() -> None:
    async with shell() as bench:
        await bench.connected()
        ref = refs_in(bench, "Halted")[0]
        bench.window.open_palette()
        palette = await bench.dialog(Palette)
        QTest.keyClicks(palette.search, f"start {name(bench, ref)}")
        QTest.keyClick(palette.search, Qt.Key.Key_Return)
        await until(lambda: state(bench, ref) == "Running")


async def test_the_palette_shows_why_not_and_does_nothing_then() -> None:
    async with shell() as bench:
        await bench.connected()
        ref = refs_in(bench, "Running")[0]
        await bench.open_tab(Kind.VM, ref, "dashboard")
        bench.window.open_palette()
        palette = await bench.dialog(Palette)
        QTest.keyClicks(palette.search, f"Resume {name(bench, ref)}")
        entries = {one.text: one for one in palette.model.entries}
        assert "has to be suspended or paused" in (entries["Resume"].reason or "")
        before = len(bench.methods("Async."))
        QTest.keyClick(palette.search, Qt.Key.Key_Return)
        assert palette.isVisible()
        press(palette, Qt.Key.Key_Escape)
        assert len(bench.methods("Async.")) == before


async def test_the_tree_offers_what_the_object_can_do() -> None:
    async with shell() as bench:
        workspace = await bench.connected()
        ref = refs_in(bench, "Paused")[0]
        node = workspace.stores.vm_tree.records[ref]
        workspace.tree.menu_wanted.emit(node, QPoint(10, 10))
        menu = open_menu(workspace)
        assert not entry(menu, "Pause").isEnabled()
        entry(menu, "Resume").trigger()
        menu.close()
        await until(lambda: state(bench, ref) == "Running")
        # It did not navigate.
        assert workspace.kind is Kind.POOL


async def test_a_refusal_of_the_host_is_told_with_its_words() -> None:
    async with shell() as bench:
        ref = refs_in(bench, "Halted")[0]
        page = await vm_list(bench, ref)
        # The host knows better than the row that is still on screen.
        vm = page.chosen()[0]
        bench.db.set("VM", ref, power_state="Running")
        bench.workspace.runner.trigger(ActionId.VM_START, (vm,))
        said = f"Start {vm.name_label}: The VM is running; this needs it to be halted."
        await until(lambda: said in bench.notices())
