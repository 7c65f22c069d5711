"""The tour: every page, tab and dialog, one picture each, and an index of them.

It is how one checks the looks without a screen, and the proof that no page is broken: a page that
shows an error, logs one, or stays blank ends the tour with a failure.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QAbstractButton, QDialog, QScrollArea, QWidget

from xolite_qt.stores import NodeKind, TreeNode
from xolite_qt.ui.actions import ActionId, question_for
from xolite_qt.ui.views.page import PAGES, Kind, Page
from xolite_qt.ui.views.start_page import StartPage
from xolite_qt.ui.widgets.hero import Hero
from xolite_qt.xen_api import (
    Certificate,
    CertificateChanged,
    CertificateUnknown,
    LinkPhase,
)

if TYPE_CHECKING:
    from xolite_qt.ui.views.backups.tour import BackupTour
    from xolite_qt.ui.views.main_window import MainWindow

_PAGE_TIMEOUT_S = 30.0
_STATES = ("running", "halted")
"""Of VMs whose dialogs are opened: the others have the same."""
_SETTLE_S = 0.2
# A picture with fewer colours than this shows nothing.
_LEAST_COLOURS = 12


@dataclass
class Shot:
    """One picture of the tour."""

    page: str
    file: str
    shown: str
    first_paint_s: float
    classes: list[str] = field(default_factory=list)
    error: str = ""


@dataclass
class Report:
    """What the tour found."""

    shots: list[Shot] = field(default_factory=list)

    @property
    def errors(self) -> list[str]:
        """What went wrong, with the page where it did."""
        return [f"{shot.page}: {shot.error}" for shot in self.shots if shot.error]


class _Complaints(logging.Handler):
    """Collects what is logged as a warning or worse while a page is shown."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name}: {record.getMessage()}")

    def take(self) -> str:
        lines, self.lines = self.lines, []
        return "; ".join(lines)


class Tour:
    """Walks through a window that is connected.

    Args:
        window: the main window.
        folder: where the pictures go.
        say: tells how far it is.
        profile: a folder of the tour's own; examples of backups are written there. None shows the
            pages of backups as they are.
    """

    def __init__(
        self,
        window: MainWindow,
        folder: Path,
        say: Callable[[str], None],
        profile: Path | None = None,
    ) -> None:
        self._window = window
        self._folder = folder
        self._say = say
        self._profile = profile
        self._complaints = _Complaints()
        self.report = Report()

    async def start_page(self) -> None:
        """The page before a connection, and what it says when one fails."""
        start: StartPage = self._window.start
        await self._settled()
        await self._shoot("start", self._window, "Connect form", 0.0)
        start.fill("pool-member.example.org", "root")
        start.show_error(
            "This host is a member of a pool; only its master can be managed.",
            "Connect to the master: 10.0.0.11",
            "HOST_IS_SLAVE(10.0.0.11)",
            action="Connect to the master",
        )
        await self._shoot("start.error", self._window, "Connect form, refused", 0.0)
        start.notice.clear()
        start.fill("", "root")

    async def walk(self) -> Report:
        """Every page of a pool, its hosts and its VMs, then every dialog."""
        logging.getLogger().addHandler(self._complaints)
        try:
            await self._connected()
            backups = self._backups()
            if backups is not None:
                await backups.before()
            for kind, node in self._objects():
                for spec in PAGES[kind]:
                    await self._page(kind, node, spec.tab_id)
            await self._page(Kind.APP, None, PAGES[Kind.APP][0].tab_id)
            await self._xostor()
            await self._extras()
            await self._dialogs()
            await self._dialogs_of_objects()
            if backups is not None:
                await backups.after()
        finally:
            logging.getLogger().removeHandler(self._complaints)
        self._write_index()
        return self.report

    def _backups(self) -> BackupTour | None:
        if self._profile is None:
            return None
        from xolite_qt.ui.views.backups.tour import BackupTour

        async def shoot(name: str, widget: QWidget, shown: str) -> None:
            await self._settled()
            await self._shoot(name, widget, shown, 0.0)

        assert self._window.workspace is not None
        return BackupTour(self._window.workspace, self._window, self._profile, shoot)

    async def _xostor(self) -> None:
        from xolite_qt.ui.views.pool.xostor.tour import XostorTour

        async def shoot(name: str, widget: QWidget, shown: str) -> None:
            await self._settled()
            await self._shoot(name, widget, shown, 0.0)

        assert self._window.workspace is not None
        await XostorTour(self._window.workspace, self._window, shoot).walk()

    # ------------------------------------------------------------------ pages

    async def _connected(self) -> None:
        workspace = self._window.workspace
        assert workspace is not None
        deadline = time.monotonic() + _PAGE_TIMEOUT_S
        hub = workspace.stores.api.events
        while hub.state.phase is not LinkPhase.CONNECTED or not workspace.stores.vm_tree.is_ready:
            if time.monotonic() > deadline:
                raise TimeoutError("the host was not loaded in time")
            await asyncio.sleep(0.05)

    def _objects(self) -> list[tuple[Kind, TreeNode]]:
        """The pool, its master, and a VM of each state and oddity."""
        workspace = self._window.workspace
        assert workspace is not None
        nodes = list(workspace.stores.vm_tree.records.values())
        pool = next(node for node in nodes if node.kind is NodeKind.POOL)
        hosts = [node for node in nodes if node.kind is NodeKind.HOST]
        chosen: list[TreeNode] = [node for node in hosts if node.is_master][:1]
        # Where the pool is a file of records only its master answers: measurements of other
        # members' VMs would be asked of addresses where nobody listens.
        here = {pool.ref, *(node.ref for node in chosen)}
        vms = sorted(
            (node for node in nodes if node.kind is NodeKind.VM and node.parent in here),
            key=lambda node: node.name,
        )
        states: set[str] = set()
        for vm in vms:
            odd = "<" in vm.name or not vm.name.isascii() or len(vm.name) > 60
            if vm.state not in states or odd:
                states.add(vm.state)
                chosen.append(vm)
            if len(chosen) > 9:
                break
        return [(Kind.POOL, pool), *((Kind(node.kind.value), node) for node in chosen)]

    async def _page(self, kind: Kind, node: TreeNode | None, tab: str) -> None:
        workspace = self._window.workspace
        assert workspace is not None
        began = time.monotonic()
        ref = "" if node is None or kind is Kind.POOL else node.ref
        workspace.open_object(kind, ref, tab)
        page = workspace.page
        assert page is not None
        painted_s = await self._painted(page, began)
        slow = await self._quiet(page)
        name = f"{kind.value}.{tab}"
        if kind is Kind.VM and node is not None:
            name += f".{node.state}"
        shown = node.name[:80] if node is not None else "xolite-qt"
        shot = await self._shoot(name, self._window, shown, painted_s)
        shot.classes = sorted(workspace.stores.classes_in_use)
        shot.error = shot.error or slow
        await self._lower_half(page, name, shown)

    async def _painted(self, page: Page, began: float) -> float:
        """Waits for the first paint; seconds since the page was asked for."""
        await asyncio.sleep(0)
        page.repaint()
        return time.monotonic() - began

    async def _quiet(self, page: Page) -> str:
        """Waits until nothing loads any more; says so where that takes too long."""
        deadline = time.monotonic() + _PAGE_TIMEOUT_S
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < _SETTLE_S:
            await asyncio.sleep(0.05)
            if page.busy or _said(page, "loading"):
                quiet_since = time.monotonic()
            if time.monotonic() > deadline:
                return f"still loading after {_PAGE_TIMEOUT_S:.0f} s"
        if errors := _said(page, "error"):
            return "; ".join(errors)
        return ""

    async def _lower_half(self, page: Page, name: str, shown: str) -> None:
        """A second picture of what one has to scroll to."""
        for area in page.findChildren(QScrollArea):
            bar = area.verticalScrollBar()
            if area.isVisible() and bar.maximum() > 40:
                bar.setValue(bar.maximum())
                await asyncio.sleep(_SETTLE_S)
                await self._shoot(f"{name}.lower", self._window, f"{shown}, scrolled down", 0.0)
                bar.setValue(0)
                return

    # ------------------------------------------------------------------ more states

    async def _extras(self) -> None:
        workspace = self._window.workspace
        assert workspace is not None
        await self._loaded_alarms()
        workspace.open_object(Kind.POOL, "", "vms")
        await self._settled()
        filters = self._button("Filter each column")
        if filters is not None:
            filters.click()
            await self._settled()
            await self._shoot("pool.vms.filters", self._window, "Filter row open", 0.0)
        workspace.tree.search.setText("zzz-nothing")
        await self._settled()
        await self._shoot("tree.no-result", self._window, "Tree filtered to nothing", 0.0)
        workspace.tree.search.clear()
        workspace.drawer.set_open(True)
        await self._settled()
        await self._shoot("tasks.drawer", self._window, "Task drawer open", 0.0)
        workspace.drawer.set_open(False)
        self._window.notify("web-1: started.", level="success")
        self._window.notify(
            "Start db-2: The host has too little free memory.", level="danger", details="details"
        )
        await self._settled()
        await self._shoot("toasts", self._window, "Notices", 0.0)
        self._window.toasts.clear()

    async def _loaded_alarms(self) -> None:
        """The alarms, which nobody fetches before one asks for them."""
        workspace = self._window.workspace
        assert workspace is not None
        workspace.open_object(Kind.POOL, "", "dashboard")
        await self._settled()
        load = self._button("Load alarms")
        if load is None:
            self._failed("pool.dashboard.alarms", "the button that loads the alarms is missing")
            return
        began = time.monotonic()
        load.click()
        page = workspace.page
        assert page is not None
        slow = await self._quiet(page)
        shot = await self._shoot(
            "pool.dashboard.alarms", self._window, "Alarms loaded", time.monotonic() - began
        )
        shot.error = shot.error or slow

    async def _dialogs(self) -> None:
        from xolite_qt.ui.actions import ACTIONS
        from xolite_qt.ui.dialogs.certificate import ChangedDialog, TrustDialog
        from xolite_qt.ui.dialogs.choose_host import ChooseHostDialog
        from xolite_qt.ui.dialogs.confirm import ConfirmDialog
        from xolite_qt.ui.dialogs.error import ErrorDialog
        from xolite_qt.ui.dialogs.shortcuts import ShortcutsDialog
        from xolite_qt.ui.dialogs.sign_in import SignInDialog
        from xolite_qt.ui.errors import explain
        from xolite_qt.xen_api import XapiError

        workspace = self._window.workspace
        assert workspace is not None
        stores = workspace.stores
        vms = list(stores.vm.records.values())[:3]
        hosts = list(stores.host.records.values())
        now = datetime.now(UTC)
        certificate = Certificate(
            fingerprint=":".join(f"{byte:02X}" for byte in range(7, 39)),
            subject="CN=xcp-1.example.org",
            issuer="CN=xcp-1.example.org",
            not_before=now - timedelta(days=30),
            not_after=now + timedelta(days=3620),
            pem="",
        )
        other = ":".join(f"{byte:02X}" for byte in range(99, 131))
        refused = XapiError.from_wire("HOST_NOT_ENOUGH_FREE_MEMORY", ["8589934592", "4211081216"])
        dialogs: Sequence[tuple[str, Callable[[], QDialog]]] = (
            (
                "certificate.first-use",
                lambda: TrustDialog(
                    CertificateUnknown("xcp-1.example.org", 443, certificate), self._window
                ),
            ),
            (
                "certificate.changed",
                lambda: ChangedDialog(
                    CertificateChanged("xcp-1.example.org", 443, certificate, other), self._window
                ),
            ),
            (
                "confirm.force",
                lambda: ConfirmDialog(
                    question_for(ACTIONS[ActionId.VM_HARD_SHUTDOWN], vms), self._window
                ),
            ),
            (
                "confirm.delete",
                lambda: ConfirmDialog(
                    question_for(
                        ACTIONS[ActionId.VM_DELETE], vms[:1], ["system (32 GiB)", "data (200 GiB)"]
                    ),
                    self._window,
                ),
            ),
            (
                "choose-host",
                lambda: ChooseHostDialog("Start on a host", "Start", hosts, parent=self._window),
            ),
            (
                "error",
                lambda: ErrorDialog("What happened", explain(refused), self._window),
            ),
            (
                "sign-in",
                lambda: SignInDialog("10.0.0.11", "root", "Wrong password.", self._window),
            ),
            ("shortcuts", lambda: ShortcutsDialog(self._window)),
        )
        for name, make in dialogs:
            dialog = make()
            dialog.open()
            await self._settled()
            await self._shoot(f"dialog.{name}", dialog, dialog.windowTitle(), 0.0)
            dialog.reject()
            dialog.deleteLater()
        self._window.open_palette()
        await self._settled()
        palette = next(
            (w for w in self._window.findChildren(QDialog) if w.isVisible()), self._window
        )
        await self._shoot("dialog.palette", palette, "Palette", 0.0)
        if isinstance(palette, QDialog):
            palette.reject()

    async def _dialogs_of_objects(self) -> None:
        from xolite_qt.ui.views.tour_dialogs import DialogTour

        async def shoot(name: str, widget: QWidget, shown: str) -> None:
            await self._shoot(name, widget, shown, 0.0)

        async def settled() -> None:
            workspace = self._window.workspace
            if workspace is not None and workspace.page is not None:
                await self._quiet(workspace.page)

        dialogs = DialogTour(self._window, shoot, self._failed)
        seen: set[tuple[Kind, str]] = set()
        for kind, node in self._objects():
            if (kind, node.state) in seen or (kind is Kind.VM and node.state not in _STATES):
                continue
            seen.add((kind, node.state))
            await dialogs.walk(kind, "" if kind is Kind.POOL else node.ref, settled)

    # ------------------------------------------------------------------ pictures

    async def _settled(self) -> None:
        await asyncio.sleep(_SETTLE_S)

    def _button(self, words: str) -> QAbstractButton | None:
        for button in self._window.findChildren(QAbstractButton):
            if button.isVisible() and words in (button.text(), button.accessibleName()):
                return button
        return None

    def _failed(self, page: str, error: str) -> None:
        self.report.shots.append(Shot(page, "", "", 0.0, error=error))

    async def _shoot(self, page: str, widget: QWidget, shown: str, seconds: float) -> Shot:
        number = len(self.report.shots) + 1
        name = f"{number:02d}-{page.replace('.', '-')}.png"
        image = widget.grab().toImage()
        shot = Shot(page, name, shown, round(seconds, 3))
        if not image.save(str(self._folder / name)):
            shot.error = "the picture could not be written"
        elif colours(image) < _LEAST_COLOURS:
            shot.error = "the picture is blank"
        shot.error = shot.error or self._complaints.take()
        self.report.shots.append(shot)
        self._say(f"{name}: {shown}" + (f"  ERROR: {shot.error}" if shot.error else ""))
        await asyncio.sleep(0)
        return shot

    def _write_index(self) -> None:
        body = msgspec.json.format(msgspec.json.encode(self.report.shots), indent=1)
        (self._folder / "index.json").write_bytes(body)


def _said(page: QWidget, kind: str) -> list[str]:
    """What the parts of a page say that are loading, or that show an error."""
    return [
        hero.text() for hero in page.findChildren(Hero) if hero.kind == kind and hero.isVisible()
    ]


def colours(image: QImage) -> int:
    """Number of colours in a picture, counted on a coarse grid up to a hundred."""
    seen: set[int] = set()
    for y in range(0, image.height(), 3):
        for x in range(0, image.width(), 3):
            seen.add(image.pixel(x, y))
        if len(seen) > 100:
            break
    return len(seen)
