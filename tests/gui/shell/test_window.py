"""The window: what it remembers, what the keys do, what it says about the connection."""

from __future__ import annotations

import asyncio
import base64

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QLabel,
    QLineEdit,
    QWidget,
)

from tests.gui.shell.conftest import Shell
from xolite_qt.settings import Settings
from xolite_qt.ui import theme
from xolite_qt.ui.actions import ActionId
from xolite_qt.ui.dialogs.shortcuts import ShortcutsDialog
from xolite_qt.ui.dialogs.sign_in import SignInDialog
from xolite_qt.ui.views.main_window import MainWindow
from xolite_qt.ui.views.page import PAGES, Kind
from xolite_qt.ui.views.palette import Palette
from xolite_qt.ui.widgets.hero import Hero
from xolite_qt.ui.widgets.text import TextLabel
from xolite_qt.xen_api import LinkPhase

CTRL = Qt.KeyboardModifier.ControlModifier
K = Qt.Key


async def test_it_comes_back_as_it_was_left(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Running")
    shell.window.resize(1100, 700)
    shell.workspace.open_object(Kind.VM, ref, "system")
    shell.workspace.tabs.set_current("dashboard")
    shell.workspace.tabs.set_current("system")
    shell.workspace.drawer.set_open(True)
    await asyncio.sleep(0.05)
    shell.workspace.splitter.setSizes([240, 860])
    sizes = shell.workspace.splitter.sizes()
    await shell.quit()

    shell.launch()
    # Off screen the screen is 800 px wide, and windows are fitted into it.
    assert shell.window.height() == 700
    await shell.connect()
    await shell.until(lambda: shell.workspace.ref == ref)
    assert shell.workspace.tabs.ids()[shell.workspace.tabs.currentIndex()] == "system"
    assert shell.workspace.drawer.is_open
    shell.window.resize(1100, 700)
    await asyncio.sleep(0.05)
    assert abs(shell.workspace.splitter.sizes()[0] - sizes[0]) <= 2


async def test_an_object_that_is_gone_opens_the_pool_instead(shell: Shell) -> None:
    await shell.quit()
    shell.file.save(Settings(last_object={"kind": "vm", "uuid": "no-longer"}))
    shell.launch()
    await shell.connect()
    assert shell.workspace.kind is Kind.POOL


async def test_a_window_of_a_screen_that_is_gone_opens_on_one_that_is_there(
    shell: Shell,
) -> None:
    elsewhere = MainWindow(Settings())
    elsewhere.setGeometry(QRect(QPoint(-9000, -9000), shell.window.size()))
    saved = base64.b64encode(elsewhere.saveGeometry().data()).decode()
    elsewhere.deleteLater()
    window = MainWindow(Settings(window_geometry=saved))
    rooms = [screen.availableGeometry() for screen in QGuiApplication.screens()]
    assert any(room.intersects(window.geometry()) for room in rooms)
    window.deleteLater()


@pytest.mark.parametrize("saved", ["", "garbage", "////", "\N{SNOWMAN}"])
async def test_a_spoilt_geometry_is_none(shell: Shell, saved: str) -> None:
    window = MainWindow(Settings(window_geometry=saved))
    assert window.width() >= 960
    window.deleteLater()


async def test_it_fits_a_small_screen(shell: Shell) -> None:
    await shell.connect()
    for kind, ref in ((Kind.POOL, ""), (Kind.VM, shell.vm("Running")), (Kind.APP, "")):
        for spec in PAGES[kind]:
            shell.workspace.open_object(kind, ref, spec.tab_id)
            await asyncio.sleep(0.02)
            least = shell.window.minimumSizeHint()
            assert (least.width(), least.height()) <= (1024, 700), spec.tab_id
            assert least.height() <= 700, spec.tab_id


async def test_closing_the_window_signs_out(shell: Shell) -> None:
    await shell.connect()
    await shell.quit()
    assert [c.method for c in shell.running.host.calls][-1] == "session.logout"


# ---------------------------------------------------------------------- keys


async def test_the_palette_finds_objects_and_actions_by_keys_alone(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Halted")
    name = shell.db.get("VM", ref)["name_label"]
    QTest.keyClick(shell.window, K.Key_K, CTRL)
    palette = await shell.dialog(Palette)
    QTest.keyClicks(palette.search, name)
    assert palette.list.currentIndex().data() == name
    QTest.keyClick(palette.search, K.Key_Return)
    await shell.until(lambda: shell.workspace.ref == ref)

    QTest.keyClick(shell.window, K.Key_K, CTRL)
    palette = await shell.dialog(Palette)
    QTest.keyClicks(palette.search, "shut down")
    row = next(e for e in palette.model.entries if e.text == "Shut down")
    assert row.reason == f"{name} is halted; it has to be running."
    palette.list.setCurrentIndex(palette.model.index(palette.model.entries.index(row)))
    QTest.keyClick(palette.search, K.Key_Return)
    # What cannot be done is shown with its reason, and does nothing.
    assert palette.isVisible()
    QTest.keyClick(palette.search, K.Key_Escape)
    await shell.until(lambda: not shell.window.findChildren(Palette))
    assert shell.db.get("VM", ref)["power_state"] == "Halted"


async def test_the_palette_moves_with_the_arrows_and_says_when_nothing_fits(
    shell: Shell,
) -> None:
    await shell.connect()
    shell.window.open_palette()
    palette = await shell.dialog(Palette)
    last = palette.model.rowCount() - 1
    for key, row in (
        (K.Key_Down, 1),
        (K.Key_Up, 0),
        (K.Key_Up, last),
        (K.Key_Down, 0),
        (K.Key_PageDown, 8),
        (K.Key_PageUp, 0),
    ):
        QTest.keyClick(palette.search, key)
        assert palette.list.currentIndex().row() == row
    QTest.keyClicks(palette.search, "qqqqqqqq")
    assert palette.none.isVisible()
    QTest.keyClick(palette.search, K.Key_Return)
    assert palette.isVisible()
    palette.reject()


async def test_keys_reach_everything(shell: Shell) -> None:
    await shell.connect()
    window, workspace = shell.window, shell.workspace
    QTest.keyClick(window, K.Key_2, CTRL)
    assert workspace.tabs.currentIndex() == 1
    QTest.keyClick(window, K.Key_9, CTRL)
    assert workspace.tabs.currentIndex() == 8
    QTest.keyClick(window, K.Key_F, CTRL)
    assert workspace.tree.search.hasFocus() or window.focusWidget() is workspace.tree.search
    QTest.keyClick(window, K.Key_J, CTRL)
    assert workspace.drawer.is_open
    QTest.keyClick(window, K.Key_Comma, CTRL)
    assert workspace.kind is Kind.APP
    QTest.keyClick(window, K.Key_F1)
    dialog = await shell.dialog(ShortcutsDialog)
    QTest.keyClick(dialog, K.Key_Escape)
    await shell.until(lambda: not dialog.isVisible())


async def test_typing_in_the_tree_filters_and_enter_opens(shell: Shell) -> None:
    await shell.connect()
    tree = shell.workspace.tree
    ref = shell.vm("Suspended")
    name = shell.db.get("VM", ref)["name_label"]
    QTest.keyClicks(tree.view, name[0])
    QTest.keyClicks(tree.search, name[1:])
    await shell.until(lambda: tree.model.is_filtered)
    assert tree.model.index_of(ref).isValid()
    QTest.keyClick(tree.search, K.Key_Return)
    await shell.until(lambda: shell.workspace.ref == ref)
    tree.search.setText("nothing has this name")
    await shell.until(lambda: tree.hero.isVisible())
    tree.search.clear()
    await shell.until(lambda: tree.view.isVisible())
    assert tree.view.currentIndex().data() == name


async def test_the_arrows_open_what_they_reach(shell: Shell) -> None:
    await shell.connect()
    view = shell.workspace.tree.view
    view.setFocus()
    QTest.keyClick(view, K.Key_Down)
    await shell.until(lambda: shell.workspace.kind is Kind.HOST)
    QTest.keyClick(view, K.Key_Down)
    await shell.until(lambda: shell.workspace.kind is Kind.VM)


def nameless(window: QWidget) -> list[str]:
    """Controls on screen that a screen reader could not name."""
    kinds = (QAbstractButton, QLineEdit, QAbstractItemView, QAbstractSpinBox)
    found = []
    for widget in window.findChildren(QWidget):
        inner = isinstance(widget.parent(), QAbstractSpinBox | QLineEdit | QAbstractItemView)
        if not isinstance(widget, kinds) or not widget.isVisible() or inner:
            continue
        text = widget.text() if isinstance(widget, QAbstractButton) else ""
        buddy = any(
            label.buddy() is widget for label in window.findChildren(QLabel) if label.buddy()
        )
        if not (widget.accessibleName() or text or buddy):
            found.append(f"{type(widget).__name__} in {type(widget.parent()).__name__}")
    return found


async def test_every_control_has_a_name(shell: Shell) -> None:
    assert nameless(shell.window) == []
    await shell.connect()
    shell.workspace.drawer.set_open(True)
    await asyncio.sleep(0.05)
    assert nameless(shell.window) == []


async def test_what_a_host_sends_is_never_markup(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Running")
    evil = "<h1>x</h1>[*]&File" + "y" * 100_000
    shell.db.set("VM", ref, name_label=evil)
    shell.workspace.open_object(Kind.VM, ref)
    title = shell.workspace.head.title
    await shell.until(lambda: title.text().startswith("<h1>x</h1>"))
    assert "[*]&File" in shell.window.windowTitle().replace("[*][*]", "[*]")
    assert len(shell.window.windowTitle()) < 400
    for label in shell.window.findChildren(QLabel):
        if label.isVisible() and "<h1>" in label.text():
            assert isinstance(label, TextLabel)
            assert label.textFormat() is Qt.TextFormat.PlainText
    shell.window.open_palette()
    palette = await shell.dialog(Palette)
    QTest.keyClicks(palette.search, "<h1>")
    assert len(str(palette.list.currentIndex().data())) <= 200
    palette.reject()


async def test_the_theme_changes_at_once_and_is_remembered(shell: Shell) -> None:
    await shell.connect()
    shell.workspace.header.theme_button.click()
    assert theme.current().name == "dark"
    await shell.quit()
    assert shell.file.load().theme == "dark"


# ---------------------------------------------------------------------- connection


async def test_a_lost_connection_is_said_blocks_actions_and_heals(shell: Shell) -> None:
    await shell.connect()
    workspace = shell.workspace
    before = set(workspace.stores.vm_tree.records)
    shell.running.host.faults.refuse(1.5)
    await shell.until(lambda: workspace.stores.api.events.state.phase is LinkPhase.RECONNECTING)
    assert workspace.banner.isVisible()
    assert "as of" in workspace.banner.text()
    await shell.until(lambda: "Reconnecting" in workspace.header.badge.text())
    # Old data stays on screen, and nothing can be done with it.
    assert set(workspace.stores.vm_tree.records) == before
    vm = workspace.stores.vm.records[shell.vm("Halted")]
    assert workspace.runner.reason(ActionId.VM_START, (vm,)) == "The connection is down."
    gone = shell.vm("Suspended")
    shell.db.destroy("VM", gone)
    QTest.keyClick(shell.window, K.Key_F5)
    await shell.until(lambda: workspace.stores.api.events.state.phase is LinkPhase.CONNECTED)
    assert not workspace.banner.isVisible()
    assert workspace.runner.reason(ActionId.VM_START, (vm,)) is None
    await shell.until(lambda: not workspace.tree.model.index_of(gone).isValid())


async def test_an_ended_session_asks_for_the_password_again(shell: Shell) -> None:
    await shell.connect()
    workspace = shell.workspace
    shell.running.host.password = "changed meanwhile"
    shell.running.host.faults.expire_sessions()
    await shell.until(lambda: workspace.stores.api.events.state.phase is LinkPhase.EXPIRED)
    assert "ended the session" in workspace.banner.text()
    vm = workspace.stores.vm.records[shell.vm("Halted")]
    assert workspace.runner.reason(ActionId.VM_START, (vm,)) == "Sign in again first."
    workspace.sign_in_wanted.emit()
    dialog = await shell.dialog(SignInDialog)
    dialog.password.setText("wrong")
    dialog.accept()
    await shell.until(lambda: not dialog.isVisible())
    dialog = await shell.dialog(SignInDialog)
    assert any("did not accept" in label.text() for label in dialog.findChildren(TextLabel))
    dialog.password.setText("changed meanwhile")
    QTest.keyClick(dialog.password, K.Key_Return)
    await shell.until(lambda: workspace.stores.api.events.state.phase is LinkPhase.CONNECTED)
    assert not workspace.banner.isVisible()


async def test_an_object_removed_while_one_looks_is_said_to_be_gone(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Halted")
    shell.workspace.open_object(Kind.VM, ref)
    shell.db.destroy("VM", ref)
    await shell.until(lambda: isinstance(shell.workspace.pages.currentWidget(), Hero))
    assert not shell.workspace.tree.view.selectionModel().hasSelection()
    hero = shell.workspace.pages.currentWidget()
    assert hero is not None
    (button,) = [b for b in hero.findChildren(QAbstractButton) if b.isVisible()]
    button.click()
    assert shell.workspace.kind is Kind.POOL
    assert shell.workspace.tabs.isVisible()


async def test_the_title_and_head_follow_a_new_name(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Running")
    shell.workspace.open_object(Kind.VM, ref)
    shell.db.set("VM", ref, name_label="renamed")
    await shell.until(lambda: shell.window.windowTitle() == "renamed – xolite-qt")
    assert shell.workspace.head.title.text() == "renamed"
