"""Whatever a host sends: shown as text, cut where it is long, said in words where it is none."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from PySide6.QtCore import QAbstractListModel, QModelIndex, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QGraphicsTextItem,
    QGraphicsView,
    QLabel,
    QMenu,
    QTextEdit,
    QWidget,
)

from tests.gui.shell.shell_bench import QUICK, Shell, shell, until
from xolite_qt.stores import StoreState
from xolite_qt.ui.actions import ActionId
from xolite_qt.ui.dialogs.choose_host import ChooseHostDialog
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.error import ErrorDialog
from xolite_qt.ui.dialogs.vm.delete import DeleteVmsDialog
from xolite_qt.ui.views.page import PAGES, Kind, Page
from xolite_qt.ui.views.palette import Palette
from xolite_qt.ui.views.workspace import load_pages
from xolite_qt.xen_api import LinkPhase

EVIL = '<h1>evil</h1><img src="http://127.0.0.1/x">&lt;'
HUGE = 3_000_000

load_pages()


def real_vms(bench: Shell, state: str) -> list[str]:
    return [
        ref
        for ref, vm in bench.db.records("VM").items()
        if vm["power_state"] == state
        and not (vm["is_a_template"] or vm["is_a_snapshot"] or vm["is_control_domain"])
    ]


def poison(bench: Shell, text: str) -> None:
    """Puts a text wherever a person or a guest could."""
    for cls in ("pool", "host", "VM", "SR", "VDI", "network", "task"):
        for ref in bench.db.refs(cls):
            bench.db.set(cls, ref, name_label=text, name_description=text)
    for ref in bench.db.refs("VM"):
        bench.db.set("VM", ref, tags=[text])
    for ref in bench.db.refs("VM_guest_metrics"):
        bench.db.set(
            "VM_guest_metrics",
            ref,
            os_version={"name": text, "uname": text, "distro": text},
            networks={"0/ip": text, "0/ipv4/0": text},
        )
    for ref in bench.db.refs("message"):
        bench.db.set("message", ref, name=text, body=text)


def closed(bench: Shell, kind: type[QDialog]) -> bool:
    return not bench.dialogs(kind)


def words_of(widget: QWidget) -> list[str]:
    return [label.text() for label in widget.findChildren(QLabel) if label.isVisible()]


def renders_markup(window: QWidget) -> list[str]:
    """Every place in a window that would take what the host sends for markup."""
    found = []
    for widget in (window, *window.findChildren(QWidget)):
        if "<img" in widget.toolTip() or "<img" in widget.statusTip() + widget.whatsThis():
            found.append(f"tooltip of {widget}: {widget.toolTip()[:80]}")
        match widget:
            case QLabel():
                if "<" in widget.text() and widget.textFormat() is not Qt.TextFormat.PlainText:
                    found.append(f"label {widget}: {widget.text()[:80]}")
            case QTextEdit():
                if "<img" in widget.toHtml():
                    found.append(f"text {widget}")
            case QGraphicsView() if widget.scene() is not None:
                for item in widget.scene().items():
                    if isinstance(item, QGraphicsTextItem) and "<img" in item.toHtml():
                        found.append(f"drawn text in {widget}")
            case QAbstractItemView() if widget.model() is not None:
                found += [f"{place} of {widget}" for place in rich_tips(widget)]
            case QMenu():
                found += [
                    f"menu tooltip {entry.text()}" for entry in widget.actions() if rich_tip(entry)
                ]
            case _:
                pass
    return found


def rich_tip(entry: QAction) -> bool:
    return "<img" in entry.toolTip()


def rich_tips(view: QAbstractItemView) -> list[str]:
    model = view.model()
    found: list[str] = []

    def look(parent: QModelIndex) -> None:
        for row in range(model.rowCount(parent)):
            # A list has one column, and says so to nobody.
            is_list = isinstance(model, QAbstractListModel)
            for column in range(1 if is_list else model.columnCount(parent)):
                index = model.index(row, column, parent)
                tip = index.data(Qt.ItemDataRole.ToolTipRole)
                if isinstance(tip, str) and "<img" in tip:
                    found.append(f"tooltip at {row}, {column}")
            if not is_list:
                look(model.index(row, 0, parent))

    look(QModelIndex())
    return found


async def every_page(bench: Shell) -> list[Page]:
    """Opens page after page; what is returned was looked at while it was on screen."""
    vm = real_vms(bench, "Running")[0]
    targets = {Kind.POOL: "", Kind.APP: "", Kind.HOST: bench.db.refs("host")[0], Kind.VM: vm}
    seen = []
    for kind, ref in targets.items():
        for spec in PAGES[kind]:
            page = await bench.open_tab(kind, str(ref), spec.tab_id)
            await asyncio.sleep(0.15)
            bench.window.grab()
            assert renders_markup(bench.window) == [], page.page_id
            seen.append(page)
    return seen


async def test_markup_from_a_host_is_text_on_every_page() -> None:
    async with shell() as bench:
        poison(bench, EVIL)
        workspace = await bench.connected()
        workspace.drawer.set_open(True)
        assert len(await every_page(bench)) >= 11
        assert EVIL[:12] in bench.window.windowTitle() or bench.workspace.kind is Kind.APP
        assert any(EVIL in text for text in words_of(bench.window))


async def test_markup_from_a_host_is_text_in_questions_menus_and_notices() -> None:
    async with shell() as bench:
        poison(bench, EVIL)
        workspace = await bench.connected()
        runner, vms = workspace.runner, workspace.stores.vm
        running, halted = real_vms(bench, "Running")[0], real_vms(bench, "Halted")[0]
        menu = runner.menu("vm", lambda: (vms.records[running],), workspace)
        menu.aboutToShow.emit()
        why_not = [entry for entry in menu.actions() if not entry.isEnabled()]
        assert any("evil" in entry.toolTip() for entry in why_not)
        assert renders_markup(bench.window) == []

        kinds: list[tuple[ActionId, str, type[Any]]] = [
            (ActionId.VM_HARD_SHUTDOWN, running, ConfirmDialog),
            (ActionId.VM_DELETE, halted, DeleteVmsDialog),
            (ActionId.VM_START_ON, halted, ChooseHostDialog),
        ]
        for action, ref, kind in kinds:
            runner.trigger(action, (vms.records[ref],))
            dialog = await bench.dialog(kind)
            assert any(EVIL in text for text in words_of(dialog))
            assert renders_markup(dialog) == []
            dialog.reject()
            await until(partial(closed, bench, kind))
        runner.trigger(ActionId.VM_PAUSE, (vms.records[halted],))
        bench.window.notify(EVIL, level="danger", details=EVIL)
        assert any(EVIL in text for text in bench.notices())
        assert renders_markup(bench.window) == []
        bench.window._show_details(EVIL, EVIL)
        assert renders_markup(await bench.dialog(ErrorDialog)) == []
        bench.dialogs(ErrorDialog)[0].reject()
        bench.window.open_palette()
        assert renders_markup(await bench.dialog(Palette)) == []
        bench.dialogs(Palette)[0].reject()


async def test_megabytes_of_name_are_cut_and_do_not_freeze_the_window() -> None:
    async with shell() as bench:
        await bench.connected()
        vm, host = real_vms(bench, "Running")[0], str(bench.db.refs("host")[0])
        gaps: list[float] = []

        async def feel() -> None:
            loop = asyncio.get_running_loop()
            while True:
                before = loop.time()
                await asyncio.sleep(0.01)
                gaps.append(loop.time() - before)

        pulse = asyncio.get_running_loop().create_task(feel())
        try:
            bench.db.set("VM", vm, name_label="<" * HUGE, name_description="&" * HUGE)
            bench.db.set("host", host, name_label="h" * HUGE)
            bench.db.set("pool", bench.db.refs("pool")[0], name_label="p" * HUGE)
            stores = bench.workspace.stores
            await until(lambda: len(stores.vm.records[vm].name_label) == HUGE, 30)
            await until(lambda: len(stores.host.records[host].name_label) == HUGE, 30)
            for kind, ref in ((Kind.POOL, ""), (Kind.HOST, host), (Kind.VM, vm)):
                for spec in PAGES[kind]:
                    await bench.open_tab(kind, ref, spec.tab_id)
                    bench.window.grab()
                    assert max(len(text) for text in words_of(bench.window)) <= 4_000
            assert len(bench.window.windowTitle()) < 400
            record = stores.vm.records[vm]
            bench.workspace.runner.trigger(ActionId.VM_HARD_SHUTDOWN, (record,))
            dialog = await bench.dialog(ConfirmDialog)
            assert max(len(text) for text in words_of(dialog)) <= 4_000
            dialog.reject()
            bench.window.open_palette()
            palette = await bench.dialog(Palette)
            palette.search.setText("<<<")
            bench.window.grab()
            palette.reject()
        finally:
            pulse.cancel()
        # Laying out even one such name takes Qt far longer than this.
        assert max(gaps) < 3.0


@pytest.mark.parametrize("fault", ["garbage", "half", "wrong_types"])
async def test_nonsense_is_said_in_words_and_gone_when_the_host_speaks_again(fault: str) -> None:
    async with shell() as bench:
        await bench.connected(QUICK)
        vm, host = real_vms(bench, "Running")[0], str(bench.db.refs("host")[0])
        getattr(bench.host.faults, fault)(10_000)
        bench.db.set("VM", vm, name_label="woken")
        await until(lambda: bench.api.events.state.phase is LinkPhase.RECONNECTING)
        for kind, ref in ((Kind.POOL, ""), (Kind.HOST, host), (Kind.VM, vm)):
            for spec in PAGES[kind]:
                bench.workspace.open_object(kind, ref, spec.tab_id)
                await asyncio.sleep(0.1)
                bench.window.grab()
                shown = "\n".join([*words_of(bench.window), *bench.notices()])
                assert "Traceback" not in shown
                assert "0x" not in shown
                assert "Exception" not in shown
        assert bench.workspace.banner.isVisible()
        bench.host.faults.clear()
        await until(bench.is_settled, 25)
        stores = bench.workspace.stores
        await until(lambda: stores.vm.records[vm].name_label == "woken")
        page = await bench.open_tab(Kind.POOL, "", "vms")
        assert page.busy is False
        assert stores.vm_rows.state is StoreState.READY
        assert bench.workspace.banner.isHidden()
        assert len(stores.vm_rows.records) == sum(
            len(real_vms(bench, state)) for state in ("Running", "Halted", "Paused", "Suspended")
        )
