"""Every dialog that the pages and menus of an object open, for the tour.

Nothing is done: only what ends in "…" is begun, and taken back once it is pictured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from xolite_qt.ui.actions import ACTIONS
from xolite_qt.ui.deeds import CHOICES
from xolite_qt.ui.views.main_window import MainWindow
from xolite_qt.ui.views.page import PAGES, Kind
from xolite_qt.ui.widgets.table import DataTable

Begin = Callable[[], object]
Shoot = Callable[[str, QWidget, str], Awaitable[None]]
_OPENS_S = 5.0
_LOADS_S = 0.3


class DialogTour:
    """Opens dialogs of one object after the other.

    Args:
        window: connected.
        shoot: takes a picture: name, widget, what it shows.
        failed: is told of what did not open: name and why.
    """

    def __init__(
        self, window: MainWindow, shoot: Shoot, failed: Callable[[str, str], None]
    ) -> None:
        self._window = window
        self._shoot = shoot
        self._failed = failed
        self._seen: set[str] = set()

    async def walk(self, kind: Kind, ref: str, settled: Callable[[], Awaitable[object]]) -> None:
        """Every page of an object with its dialogs, then its menu's."""
        workspace = self._window.workspace
        assert workspace is not None
        for spec in PAGES[kind]:
            if spec.passing:
                continue
            workspace.open_object(kind, ref, spec.tab_id)
            await settled()
            page = workspace.page
            if page is None:
                continue
            table = getattr(page, "table", None)
            if isinstance(table, DataTable) and table.view.model().rowCount():
                # So that what is about a row has one.
                table.view.selectRow(0)
            for choice in page.choices():
                if choice.reason is None and choice.label.endswith("…"):
                    await self._open(f"{kind.value}.{spec.tab_id}.{choice.id}", choice.run)
        workspace.open_object(kind, ref, PAGES[kind][0].tab_id)
        await settled()
        for name, begin in self._of_menu(kind).items():
            await self._open(name, begin)

    def _of_menu(self, kind: Kind) -> dict[str, Begin]:
        workspace = self._window.workspace
        assert workspace is not None
        node = workspace.node
        found: dict[str, Begin] = {}
        if node is None or kind.value not in CHOICES:
            return found
        items: Any = (node.record,)
        for choice in workspace.runner.choices(kind.value, items):
            if choice.reason is None and choice.label.endswith("…"):
                found[f"{kind.value}.{choice.id}"] = choice.run
        for action in ACTIONS.values():
            if action.kind != kind.value or not action.label.endswith("…"):
                continue
            if workspace.runner.reason(action.id, items) is None:
                name = f"{kind.value}.{action.id.value}"
                found[name] = partial(workspace.runner.trigger, action.id, items)
        return found

    async def _open(self, name: str, begin: Begin) -> None:
        if name in self._seen:
            return
        self._seen.add(name)
        workspace = self._window.workspace
        assert workspace is not None
        before, page = set(self._dialogs()), workspace.page
        begin()
        deadline = time.monotonic() + _OPENS_S
        while not (opened := [d for d in self._dialogs() if d not in before]):
            if workspace.page is not page:
                # It led to a form of its own, which is a page of the tour.
                await self._shoot(f"form.{name}", self._window, name)
                return
            if time.monotonic() > deadline:
                self._failed(name, "nothing opened")
                return
            await asyncio.sleep(0.05)
        dialog = opened[0]
        if not isinstance(dialog, QFileDialog):
            await asyncio.sleep(_LOADS_S)
            if dialog.isVisible():
                await self._shoot(f"dialog.{name}", dialog, dialog.windowTitle())
        dialog.reject()
        await asyncio.sleep(0.05)

    def _dialogs(self) -> list[QDialog]:
        return [one for one in self._window.findChildren(QDialog) if one.isVisible()]
