"""A text console: what goes over the serial line, in a terminal."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from xolite_qt.ui.models.terminal import Terminal
from xolite_qt.ui.tasks import TaskOwner
from xolite_qt.ui.views.console.bar import ConsoleBar
from xolite_qt.ui.views.console.connection import Connection, Phase
from xolite_qt.ui.views.console.feed import ConsoleFeed, Sight
from xolite_qt.ui.views.console.part import ConsolePart
from xolite_qt.ui.views.console.way import Place, Streams
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.widgets import Button, IconButton
from xolite_qt.ui.widgets.console.keys import RELEASE_KEYS, release_key
from xolite_qt.ui.widgets.console.terminal_view import TerminalView
from xolite_qt.ui.widgets.console.view import GrabFrame
from xolite_qt.xen_api import XenApi

_READ_BYTES = 4096
_MOST_UNSENT_BYTES = 1 << 20
_COLUMNS, _ROWS = 80, 24


class LineConnection(Connection):
    """A connection to a text console, shown in a terminal."""

    def __init__(self, api: XenApi, tasks: TaskOwner, name: str, view: TerminalView) -> None:
        super().__init__(api, tasks, name)
        self._view = view
        self._writer: asyncio.StreamWriter | None = None

    def send(self, data: bytes) -> None:
        """Sends what was typed; a host that takes nothing any more gets nothing more."""
        writer = self._writer
        if writer is None or writer.is_closing():
            return
        if writer.transport.get_write_buffer_size() < _MOST_UNSENT_BYTES:
            writer.write(data)

    async def _talk(self, streams: Streams) -> None:
        reader, writer = streams
        self._writer = writer
        try:
            self._live()
            while data := await reader.read(_READ_BYTES):
                answer = self._view.terminal.feed(data)
                if answer:
                    self.send(answer)
                self._view.refresh()
                # What is buffered is read without a pause, and the window wants its turn.
                await asyncio.sleep(0)
        finally:
            if self._writer is writer:
                self._let_go()
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    def _let_go(self) -> None:
        self._writer = None


class LinePart(ConsolePart):
    """The text console of one machine, with its bar.

    Attributes:
        terminal: its widget.
    """

    kind = "line"

    def __init__(self, context: PageContext, feed: ConsoleFeed) -> None:
        super().__init__(context, feed)
        self.terminal = TerminalView(Terminal(_COLUMNS, _ROWS))
        self._frame = GrabFrame()
        self._frame.column.addWidget(self.terminal)
        self._line = LineConnection(context.stores.api, context.tasks, feed.key, self.terminal)
        self.terminal.typed.connect(self._line.send)
        self.terminal.grab_changed.connect(
            lambda on: self._frame.set_grabbed(on and self.terminal.live)
        )
        self.terminal.release_wanted.connect(self._released)
        self._console_bar = bar = ConsoleBar()
        self.enter = Button(
            self.tr("Press Enter"), "secondary", small=True, on_click=self._press_enter
        )
        bar.add("enter", self.enter)
        copy = Button(self.tr("Copy"), "secondary", small=True, on_click=self.terminal.copy)
        bar.add("copy", copy)
        paste = Button(self.tr("Paste"), "secondary", small=True, on_click=self._paste)
        bar.add("paste", paste)
        whole = Button(
            self.tr("Use the whole window"), "tertiary", small=True, on_click=self.use_room
        )
        whole.set_tip(
            self.tr("Types a command that tells the shell how many columns and rows there are")
        )
        bar.add("size", whole)
        bar.add("full", IconButton("expand", self.tr("Full screen (F11)"), self.full_wanted.emit))
        self.detach = IconButton(
            "external", self.tr("Open in a window of its own"), self.detach_wanted.emit
        )
        bar.add("detach", self.detach)
        key = release_key(context.settings.console_release_key)
        self.terminal.release_key = key
        bar.note.set_text(self.tr("{0} gives the keyboard back").format(RELEASE_KEYS[key]))
        self.assemble(bar, self._frame, self._line)

    # ------------------------------------------------------------------ what part.py asks for

    def place_of(self, sight: Sight) -> Place | None:
        """Override ConsolePart::place_of."""
        return sight.line

    def has_picture(self) -> bool:
        """Override ConsolePart::has_picture."""
        return bool(self.terminal.terminal.version)

    def forget(self) -> None:
        """Override ConsolePart::forget."""
        self.terminal.terminal = Terminal(_COLUMNS, _ROWS)
        self.terminal.clear_selection()
        self.terminal.refresh()

    def name_changed(self, name: str) -> None:
        """Override ConsolePart::name_changed."""
        self.terminal.set_name(name)

    def take_keyboard(self) -> None:
        """Override ConsolePart::take_keyboard."""
        self.terminal.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_live(self, live: bool) -> None:
        """Override ConsolePart::show_live."""
        self.terminal.set_live(live)
        self._frame.set_grabbed(self.terminal.has_grab)
        reason = None if live else self.tr("The console is not connected.")
        self._console_bar.set_reason(("enter", "paste", "size"), reason)

    @property
    def release_words(self) -> str:
        """Override ConsolePart::release_words."""
        return self._console_bar.note.text()

    @property
    def pointer_widget(self) -> QWidget:
        """Override ConsolePart::pointer_widget."""
        return self.terminal.viewport()

    # ------------------------------------------------------------------ what is done

    def _released(self) -> None:
        if self._watch is not None:
            self._watch.released()
        if self.bar.isVisible():
            self.enter.setFocus(Qt.FocusReason.OtherFocusReason)

    def _press_enter(self) -> None:
        self._line.send(b"\r")
        self.take_keyboard()

    def _paste(self) -> None:
        self.terminal.paste()
        self.take_keyboard()

    def use_room(self) -> None:
        """Takes as many columns and rows as there is room for, and tells the shell."""
        if self._line.phase is not Phase.LIVE:
            return
        columns, rows = self.terminal.grid_for_room()
        terminal = self.terminal.terminal
        terminal.resize(columns, rows)
        self._line.send(f"stty columns {terminal.columns} rows {terminal.rows}\r".encode())
        self.terminal.refresh()
        self.take_keyboard()
