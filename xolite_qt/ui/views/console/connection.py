"""One connection to a console, made again whenever it breaks, for as long as it is wanted."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from enum import StrEnum

from PySide6.QtCore import QObject, Signal

from xolite_qt.rfb import (
    Bell,
    CursorShape,
    CutText,
    FrameDamaged,
    Resized,
    RfbClient,
    RfbError,
    RfbSecurityUnsupported,
)
from xolite_qt.ui.errors import Explained, explain
from xolite_qt.ui.tasks import TaskOwner
from xolite_qt.ui.views.console.way import Place, Streams, open_place
from xolite_qt.ui.widgets.console.screen import ConsoleScreen
from xolite_qt.xen_api import (
    CertificateChanged,
    ConnectionLost,
    PermissionDenied,
    XenApi,
    XenApiError,
)
from xolite_qt.xen_api.consoles import ConsoleGone, ConsoleInUse, ConsoleRefused

QUICK_TRIES, QUICK_PAUSE_S, LONGEST_PAUSE_S = 10, 0.1, 5.0
_STEADY_S = 2.0
"""A connection that held for so long was a good one: what follows it is a first failure again."""


class Phase(StrEnum):
    """What goes on.

    BROKEN: it failed, or broke, and is tried again. FAILED: trying again would not help.
    """

    IDLE = "idle"
    CONNECTING = "connecting"
    LIVE = "live"
    BROKEN = "broken"
    IN_USE = "in use"
    FAILED = "failed"


def pause_s(failures: int) -> float:
    """How long to wait after so many failures in a row: short at first, so that no boot is missed.

    Args:
        failures: 1 or more.
    """
    if failures <= QUICK_TRIES:
        return QUICK_PAUSE_S
    doublings = min(failures - QUICK_TRIES, 16)
    return min(QUICK_PAUSE_S * 2.0**doublings, LONGEST_PAUSE_S)


class Connection(QObject):
    """Keeps one console connected.

    Signals:
        changed: `phase`, `failure` or `failures` are other ones.
        bell: the guest beeped.

    Attributes:
        phase: what goes on.
        failure: why it does not work; None where it does.
        failures: in a row.
    """

    changed = Signal()
    bell = Signal()

    def __init__(self, api: XenApi, tasks: TaskOwner, name: str) -> None:
        super().__init__()
        self._api = api
        self._tasks = tasks
        self._name = name
        self._place: Place | None = None
        self._task: asyncio.Task[None] | None = None
        self.phase = Phase.IDLE
        self.failure: Explained | None = None
        self.failures = 0

    @property
    def place(self) -> Place | None:
        """What is connected to, or tried."""
        return self._place

    def go(self, place: Place | None) -> None:
        """Connects to another place at once; None ends it. The same place changes nothing."""
        if place == self._place and (place is None or self.phase is not Phase.IDLE):
            return
        self._cancel()
        self._place = place
        self.failures = 0
        if place is None:
            self._set(Phase.IDLE)
        else:
            self._begin(place)

    def retry(self) -> None:
        """Tries again now."""
        if self._place is not None and self.phase is not Phase.LIVE:
            self._cancel()
            self._begin(self._place)

    def stop(self) -> None:
        """Hangs up; nothing is tried any more."""
        self.go(None)

    def _begin(self, place: Place) -> None:
        self._set(Phase.CONNECTING)
        self._task = self._tasks.spawn(self._keep(place), f"console of {self._name}")

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._let_go()

    def _let_go(self) -> None:
        """The connection ends: who shows it must not wait for that; overridden."""

    def _set(self, phase: Phase, failure: Explained | None = None) -> None:
        # Another failure of the same kind is news, too: patience has an end.
        if (phase, failure) != (self.phase, self.failure) or phase is Phase.BROKEN:
            self.phase, self.failure = phase, failure
            self.changed.emit()

    # ------------------------------------------------------------------ the loop

    async def _keep(self, place: Place) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._talk(await open_place(self._api, place))
                failed: Exception = ConnectionLost("the console ended")
            except (XenApiError, RfbError, OSError) as error:
                failed = error
            if self.phase is Phase.LIVE and loop.time() - began > _STEADY_S:
                self.failures = 0
            self.failures += 1
            phase = _phase_of(failed)
            self._set(phase, words_of(failed))
            if phase is Phase.FAILED:
                return
            pause = LONGEST_PAUSE_S if phase is Phase.IN_USE else pause_s(self.failures)
            await asyncio.sleep(pause)

    def _live(self) -> None:
        self._set(Phase.LIVE)

    async def _talk(self, streams: Streams) -> None:
        """Speaks with the guest until it hangs up; closes the streams.

        Raises:
            RfbError, OSError: it broke.
        """
        raise NotImplementedError


def _phase_of(error: Exception) -> Phase:
    match error:
        case ConsoleInUse():
            return Phase.IN_USE
        case CertificateChanged() | RfbSecurityUnsupported() | PermissionDenied():
            return Phase.FAILED
        case ConsoleRefused(status=403):
            return Phase.FAILED
        case _:
            return Phase.BROKEN


def words_of(error: Exception) -> Explained:
    """Why a console does not work, in words."""
    match error:
        case ConsoleInUse():
            return Explained(
                "Somebody else has this console open.",
                "The pool allows one viewer at a time. It is tried again by itself.",
                f"{error.status} {error.reason}".strip(),
            )
        case ConsoleGone():
            return Explained(
                "The console is not there.",
                "The machine was started anew or moved a moment ago. It is tried again by itself.",
                f"{error.status} {error.reason}".strip(),
            )
        case ConsoleRefused():
            return Explained(
                "The host refuses to open the console.",
                "Your role may not allow it." if error.status == 403 else "",
                f"{error.status} {error.reason}".strip(),
            )
        case RfbError():
            return Explained(f"{_upper(str(error))}.", "", type(error).__name__)
        case _:
            return explain(error)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


class ScreenConnection(Connection):
    """A connection to a graphical console, shown on a screen.

    Attributes:
        client: the one that is live; None otherwise.
        copied: what the guest copied last.
    """

    def __init__(self, api: XenApi, tasks: TaskOwner, name: str, screen: ConsoleScreen) -> None:
        super().__init__(api, tasks, name)
        self._screen = screen
        self._seen = True
        self.client: RfbClient | None = None
        self.copied = ""

    def set_seen(self, seen: bool) -> None:
        """Whether anybody looks; nobody: the guest sends no pictures."""
        self._seen = seen
        if self.client is not None:
            if seen:
                self.client.resume()
            else:
                self.client.pause()

    async def _talk(self, streams: Streams) -> None:
        client = RfbClient(*streams)
        try:
            await client.connect()
            async with aclosing(client.events()) as events:
                async for event in events:
                    match event:
                        case FrameDamaged():
                            if self.client is None:
                                self._meet(client)
                            self._screen.damage(event.rects)
                        case Resized():
                            self._screen.take_framebuffer()
                        case CursorShape():
                            self._screen.set_cursor_shape(event)
                        case Bell():
                            self.bell.emit()
                        case CutText():
                            self.copied = event.text
                        case _:
                            continue
        finally:
            # Another connection may have taken over the screen already, or nobody has it any more.
            if self.client is client:
                self._let_go()
            with suppress(RfbError):
                await client.close()

    def _let_go(self) -> None:
        if self.client is not None:
            self.client = None
            self._screen.set_guest(None)

    def _meet(self, client: RfbClient) -> None:
        # Only with its first picture: until then the last one of before stays.
        self.client = client
        self._screen.set_guest(client)
        if not self._seen:
            client.pause()
        self._live()
