"""The page of one machine's consoles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from xolite_qt.stores import Subscription
from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.views.console.choices import tile_pool
from xolite_qt.ui.views.console.connection import Phase
from xolite_qt.ui.views.console.feed import ConsoleFeed
from xolite_qt.ui.views.console.line_part import LinePart
from xolite_qt.ui.views.console.part import ConsolePart
from xolite_qt.ui.views.console.screen_part import ScreenPart
from xolite_qt.ui.views.console.windows import windows_of
from xolite_qt.ui.views.page import Page, PageContext
from xolite_qt.ui.widgets import Hero, Tabs


class ConsolePage(Page):
    """Shows the console of a VM or a host, unless that is in a window of its own.

    Attributes:
        part: the console; None while it is in a window.
        hero: what stands here then.
    """

    title = "Console"
    icon_name = "console"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        self.windows = windows_of(context)
        self.part: ConsolePart | None = None
        self._feed = self.make_feed()
        self._feed.changed.connect(self._show_kinds)
        self.kinds = Tabs(says=self.tr("Consoles of this machine"))
        self.kinds.add("screen", self.tr("Graphical"))
        self.kinds.add("line", self.tr("Text"))
        self.kinds.selected.connect(lambda _kind: self._show_part())
        self.hero = Hero(
            "empty",
            "",
            action=self.tr("Bring it back here"),
            on_action=lambda: self.windows.bring_back(self.key),
            compact=False,
        )
        self._head = QWidget()
        head = QHBoxLayout(self._head)
        head.setContentsMargins(8, 0, 8, 0)
        head.addWidget(self.kinds)
        head.addStretch(1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self._head)
        self._column.addWidget(self.hero, 1)
        self._head.hide()
        self.hero.hide()

    def make_feed(self) -> ConsoleFeed:
        """Follows the machine; overridden."""
        raise NotImplementedError

    @property
    def kind(self) -> str:
        """Which console is shown: "screen" or "line"."""
        return self.kinds.current()

    @property
    def key(self) -> str:
        """What the shown console is called among the windows."""
        return f"{self.kind}:{self._feed.key}"

    # ------------------------------------------------------------------ life

    def wanted(self) -> Iterable[Subscription[Any]]:
        """Override Page::wanted: what the consoles read, so that the page knows when it is busy."""
        return [
            store.subscribe(None, lambda _state: self.tell_busy())
            for store in self._feed.stores_wanted
        ]

    def subscribe(self) -> None:
        """Override Page::subscribe."""
        if not self.is_subscribed:
            self.windows.changed.connect(self._window_changed)
            self._feed.start()
            super().subscribe()
            self._show_kinds()
            self._show_part()

    def unsubscribe(self) -> None:
        """Override Page::unsubscribe: nothing goes on here that nobody sees."""
        if self.is_subscribed:
            super().unsubscribe()
            self.windows.changed.disconnect(self._window_changed)
            self._feed.stop()
            self._drop_part()
            for kind in self.kinds.ids():
                self.windows.leave(f"{kind}:{self._feed.key}", self.take)

    @property
    def busy(self) -> bool:
        """Override Page::busy: also until the first attempt to connect has ended."""
        part = self.part
        connecting = part is not None and part.connection.phase is Phase.CONNECTING
        return super().busy or connecting

    # ------------------------------------------------------------------ what is shown

    def _show_kinds(self) -> None:
        sight = self._feed.sight
        both = sight.screen is not None and sight.line is not None
        if both:
            self._head.show()
        elif sight.screen is not None or sight.line is not None:
            self._head.hide()
            self.kinds.set_current("screen" if sight.screen is not None else "line")

    def _window_changed(self, key: str) -> None:
        if key == self.key:
            self._show_part()

    def _show_part(self) -> None:
        if not self.is_subscribed:
            return
        for kind in self.kinds.ids():
            if kind != self.kind:
                self.windows.leave(f"{kind}:{self._feed.key}", self.take)
        self.windows.settle(self.key, self.take)
        window = self.windows.window(self.key)
        if self.part is not None and self.windows.key_of(self.part) != self.key:
            self._drop_part()
        if window is not None:
            name = window.part.title if window.part is not None else ""
            self.hero.set_state(
                "empty",
                self.tr("The console of {0} is in a window of its own").format(name),
                action=self.tr("Bring it back here"),
                on_action=lambda: self.windows.bring_back(self.key),
                icon="external",
            )
            self.hero.show()
            return
        if self.part is None:
            self.take(self._make_part())
            assert self.part is not None
            self.part.start()

    def _make_part(self) -> ConsolePart:
        if self.kind == "line":
            return LinePart(self.context, self.make_feed())
        return ScreenPart(self.context, self.make_feed(), self._open_wall)

    def _open_wall(self) -> None:
        self.context.actions.choose(tile_pool(self.context))

    def take(self, part: ConsolePart) -> None:
        """Puts a console here: a new one, or one that comes back from its window."""
        self.hero.hide()
        self.part = part
        part.detach_wanted.connect(self.detach)
        part.full_wanted.connect(self.fill_screen)
        part.connection.changed.connect(self.tell_busy)
        self._column.addWidget(part, 1)
        part.show()

    def _give(self) -> ConsolePart | None:
        part, self.part = self.part, None
        if part is not None:
            part.detach_wanted.disconnect(self.detach)
            part.full_wanted.disconnect(self.fill_screen)
            part.connection.changed.disconnect(self.tell_busy)
            self._column.removeWidget(part)
        return part

    def _drop_part(self) -> None:
        part = self._give()
        if part is not None:
            part.stop()
            part.hide()
            part.deleteLater()

    def detach(self) -> None:
        """Moves the console into a window of its own; its connection goes on."""
        part = self._give()
        if part is not None:
            self.windows.open(part)

    def fill_screen(self) -> None:
        """Lets the console fill the screen."""
        part = self._give()
        if part is not None:
            self.windows.open(part, full=True)

    def choices(self) -> Sequence[Choice]:
        """Override Page::choices."""
        reason = None if self.part is not None else self.tr("It is in a window of its own.")
        return (
            Choice("console.detach", "Open console in its own window", "external", self.detach,
                   reason),
            Choice("console.full", "Console in full screen", "expand", self.fill_screen, reason),
        )  # fmt: skip
