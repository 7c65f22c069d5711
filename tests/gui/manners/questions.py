"""Every dialog that a choice opens: Esc leaves it, Enter destroys nothing, and it has manners."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QPushButton

from tests.gui.manners import accessible, layout, reasons
from tests.gui.manners.test_lint import NO_VERBS
from tests.gui.shell.shell_bench import Shell, press, until
from xolite_qt.ui.actions import ACTIONS, ActionId, Harm
from xolite_qt.ui.deeds import CHOICES
from xolite_qt.ui.views.page import Page
from xolite_qt.ui.widgets.table import DataTable

_OPENED: set[tuple[str, str]] = set()
"""What was opened already, by its page's class or kind: once is enough."""

DIALOGS: set[str] = set()
"""Classes of all dialogs that were met."""

READS = ("get_", "assert_", "retrieve_", "probe", "query", "host_plugin")


def select_first_row(page: Page) -> None:
    """So that choices about rows have one."""
    table = getattr(page, "table", None)
    if isinstance(table, DataTable) and table.view.model().rowCount():
        table.view.selectRow(0)


async def faults_of_page(bench: Shell, page: Page) -> list[str]:
    """Begins all that asks first, and takes it back with Esc."""
    select_first_row(page)
    found: list[str] = []
    for what, begin in _beginnings(bench, page).items():
        if what in _OPENED:
            continue
        _OPENED.add(what)
        found += [f"{what[1]}: {fault}" for fault in await _open(bench, begin)]
        if bench.workspace.page is not page:
            # It led to a form of its own.
            break
    return found


def _beginnings(bench: Shell, page: Page) -> dict[tuple[str, str], Callable[[], object]]:
    workspace = bench.workspace
    found: dict[tuple[str, str], Callable[[], object]] = {}
    for choice in page.choices():
        if choice.reason is None and choice.label.endswith("…"):
            found[type(page).__name__, choice.id] = choice.run
    node = workspace.node
    kind = workspace.kind.value
    if node is None or kind not in CHOICES:
        return found
    items: Any = (node.record,)
    for choice in workspace.runner.choices(kind, items):
        if choice.reason is None and choice.label.endswith("…"):
            found[kind, choice.id] = choice.run
    for action in ACTIONS.values():
        asks = action.label.endswith("…") or action.harm is not Harm.NONE
        if action.kind == kind and asks and workspace.runner.reason(action.id, items) is None:
            found[kind, action.id.value] = _triggers(bench, action.id, items)
    return found


def _triggers(bench: Shell, action: ActionId, items: Any) -> Callable[[], object]:
    return lambda: bench.workspace.runner.trigger(action, items)


async def _open(bench: Shell, begin: Callable[[], object]) -> list[str]:
    page, calls = bench.workspace.page, len(bench.host.calls)
    open_before = set(bench.dialogs(QDialog))
    begin()

    def opened() -> list[QDialog]:
        return [one for one in bench.dialogs(QDialog) if one not in open_before]

    try:
        await until(lambda: opened() or bench.workspace.page is not page, 3)
    except AssertionError:
        return ["nothing opened, though its label ends in …"]
    if not opened():
        return []
    dialog = opened()[0]
    await asyncio.sleep(0.05)
    found = await _faults_of(dialog)
    written = [
        call.method
        for call in list(bench.host.calls)[calls:]
        if call.method.startswith("Async.")
        or (
            call.method.split(".")[-1].startswith(("set_", "add_", "remove_", "destroy", "create"))
            and not call.method.startswith("task.")
        )
    ]
    if written:
        found.append(f"nothing was done, and yet it called {written}")
    return found


async def _faults_of(dialog: QDialog) -> list[str]:
    DIALOGS.add(type(dialog).__name__)
    found = []
    if isinstance(dialog, QFileDialog):
        dialog.reject()
        return []
    found += accessible.faults(dialog) + layout.faults(dialog) + reasons.faults(dialog)
    # It takes what the screen has and scrolls; this much it wants on any screen.
    least = dialog.minimumSizeHint()
    if least.width() > layout.LEAST[0] or least.height() > layout.LEAST[1]:
        found.append(f"it wants {least.width()} x {least.height()} at least")
    if not dialog.windowTitle():
        found.append("it has no title")
    buttons = [one for one in dialog.findChildren(QPushButton) if one.isVisible()]
    for button in buttons:
        if button.text().strip(" .…!?&").lower() in NO_VERBS:
            found.append(f"a button says {button.text()!r}")
        if button.isDefault() and str(button.property("kind")).endswith("danger"):
            found.append(f"Enter presses {button.text()!r}")
    destroys = [one for one in buttons if str(one.property("kind")) == "danger"]
    if destroys:
        press(dialog, Qt.Key.Key_Return)
        press(dialog, Qt.Key.Key_Enter)
        await asyncio.sleep(0)
        if dialog.isHidden() and dialog.result() == QDialog.DialogCode.Accepted:
            return [*found, "Enter did what destroys"]
    name = type(dialog).__name__
    if not dialog.isHidden():
        press(dialog, Qt.Key.Key_Escape)
    try:
        await until(lambda: _is_gone(dialog), 2)
    except AssertionError:
        found.append(f"Esc does not leave {name}")
        dialog.reject()
    return found


def _is_gone(dialog: QDialog) -> bool:
    try:
        return dialog.isHidden()
    except RuntimeError:  # Qt has deleted it
        return True
