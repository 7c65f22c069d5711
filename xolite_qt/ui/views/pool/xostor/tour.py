"""The part of the tour that shows XOSTOR: every part, filters, losses, and a failed check."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from PySide6.QtWidgets import QScrollArea

from xolite_qt.stores import StoreState
from xolite_qt.ui.models.roles import REF_ROLE
from xolite_qt.ui.views.page import Kind
from xolite_qt.ui.views.pool.xostor.page import XostorPage
from xolite_qt.ui.views.workspace import Workspace

Shoot = Callable[[str, Any, str], Awaitable[None]]
"""Takes a picture of a widget once it is quiet: name, widget, what is shown."""
_PATIENCE_S = 30.0


class XostorTour:
    """Shows the XOSTOR page of a window that is connected.

    Args:
        workspace: the connection on screen.
        window: where it is.
        shoot: takes a picture.
    """

    def __init__(self, workspace: Workspace, window: Any, shoot: Shoot) -> None:
        self._workspace = workspace
        self._window = window
        self._shoot = shoot

    async def walk(self) -> None:
        """Every part of the page."""
        self._workspace.open_object(Kind.POOL, "", "xostor")
        page = self._workspace.page
        assert isinstance(page, XostorPage)
        await self._until(lambda: not page.busy and page.part is not None)
        for ident in page.tabs.ids():
            page.open_part(ident)
            await self._quiet(page)
            await self._shoot(f"pool.xostor.{ident}", self._window, f"XOSTOR: {ident}")
            await self._lower(page, ident)
        if "health" in page.tabs.ids():
            await self._more(page)
        page.open_part(page.tabs.ids()[0])

    async def _more(self, page: XostorPage) -> None:
        page.open_part("health")
        page.health.only_problems.setChecked(True)
        await self._shoot("pool.xostor.problems", self._window, "XOSTOR: only problems")
        page.health.only_problems.setChecked(False)
        page.open_part("loss")
        await self._quiet(page)
        page.loss.hosts.model.set_ticks([page.loss.hosts.model.index(0).data(REF_ROLE)])
        await self._shoot("pool.xostor.loss.one", self._window, "XOSTOR: one host lost")
        page.open_part("interfaces")
        self._workspace.stores.xostor.ask_interfaces()
        await self._quiet(page)
        await self._shoot("pool.xostor.interfaces.asked", self._window, "XOSTOR: interfaces")

    async def _quiet(self, page: XostorPage) -> None:
        probes = self._workspace.stores.xostor_hosts
        await self._until(lambda: not page.busy and probes.state is not StoreState.LOADING)

    async def _lower(self, page: XostorPage, ident: str) -> None:
        areas = [area for area in page.findChildren(QScrollArea) if area.isVisible()]
        long = [area for area in areas if area.verticalScrollBar().maximum() > 40]
        if not long:
            return
        for area in long:
            area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())
        await self._shoot(f"pool.xostor.{ident}.lower", self._window, f"XOSTOR: {ident}, lower")
        for area in long:
            area.verticalScrollBar().setValue(0)

    async def _until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            while not true():  # noqa: ASYNC110 -- asks widgets, which have no event to wait for
                await asyncio.sleep(0.05)
