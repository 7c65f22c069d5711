"""The consoles of several running VMs side by side, in one window."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt
from PySide6.QtGui import QCloseEvent, QGuiApplication, QIcon, QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from xolite_qt.ui import theme
from xolite_qt.ui.views.console.connection import Phase, ScreenConnection
from xolite_qt.ui.views.console.feed import ConsoleFeed, Scene, Sight
from xolite_qt.ui.views.console.windows import windows_of
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.widgets import IconButton, TextLabel
from xolite_qt.ui.widgets.console.keys import RELEASE_KEYS, release_key
from xolite_qt.ui.widgets.console.view import ConsoleView

MOST_TILES = 36
_GAP_PX, _HEAD_PX = 8, 32
_SHAPE = 4 / 3
_LEAST_TILE_PX = 220


class Tile(QFrame):
    """One VM's screen with its name; typed to after a click.

    Attributes:
        view: the screen in its frame.
        connection: of its own.
    """

    def __init__(self, context: PageContext, ref: str) -> None:
        super().__init__()
        self.ref = ref
        self._running = False
        self.feed = ConsoleFeed(context.stores, vm=ref)
        self.view = ConsoleView()
        screen = self.view.screen_widget
        screen.release_key = release_key(context.settings.console_release_key)
        self.connection = ScreenConnection(context.stores.api, context.tasks, ref, screen)
        self.name = TextLabel(kind="small-bold", elide=True)
        self.says = TextLabel(kind="small", tone="secondary", wrap=True)
        self.says.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.says)
        self.stack.addWidget(self.view)
        self.open = IconButton(
            "external",
            self.tr("Go to this VM's console"),
            lambda: context.navigate("vm", ref, "console"),
            size=12,
        )
        head = QHBoxLayout()
        head.setContentsMargins(8, 0, 0, 0)
        head.addWidget(self.name, 1)
        head.addWidget(self.open)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self.stack, 1)
        self.feed.changed.connect(self.refresh)
        self.connection.changed.connect(self.refresh)

    def start(self) -> None:
        """Begins to follow."""
        self._running = True
        self.feed.start()
        self.refresh()

    def stop(self) -> None:
        """Hangs up."""
        self._running = False
        self.connection.stop()
        self.feed.stop()

    def refresh(self) -> None:
        """Connects to what there is, and shows it."""
        sight = self.feed.sight
        name = sight.name or "…"
        self.name.set_text(name)
        self.view.screen_widget.set_name(name)
        self.open.set_text(self.tr("Go to the console of {0}").format(name))
        if self._running:
            self._follow(sight)
        live = self.connection.phase is Phase.LIVE
        shown = live or self.view.screen_widget.has_picture
        self.stack.setCurrentWidget(self.view if shown else self.says)
        self.says.set_text(self._words())
        self.view.refresh_grab()

    def _follow(self, sight: Sight) -> None:
        if sight.scene is Scene.THERE:
            self.connection.go(sight.screen)
        elif sight.scene not in (Scene.LOADING, Scene.FAILED):
            self.connection.go(None)
            if sight.scene is not Scene.ABSENT:
                self.view.screen_widget.forget()

    def _words(self) -> str:
        sight, failure = self.feed.sight, self.connection.failure
        match sight.scene:
            case Scene.OFF:
                state = sight.vm.power_state.lower() if sight.vm is not None else ""
                return self.tr("{0} is {1}").format(sight.name, state)
            case Scene.GONE:
                return self.tr("This VM is gone")
            case Scene.FAILED:
                return sight.failure.summary if sight.failure is not None else ""
            case Scene.THERE if sight.screen is None:
                return self.tr("No graphical console")
            case _:
                return failure.summary if failure is not None else self.tr("Connecting…")


class ConsoleWall(QWidget):
    """Tiles in as many columns as make them largest.

    Attributes:
        tiles: in the order of the VMs that were given.
    """

    def __init__(self, context: PageContext, title: str, refs: Sequence[str]) -> None:
        """A window of tiles.

        Args:
            context: of the connection.
            title: what the VMs have in common.
            refs: of the VMs; only the first `MOST_TILES` are shown.
        """
        super().__init__(None, Qt.WindowType.Window)
        self.setWindowIcon(QIcon(str(theme.resource("mark.svg"))))
        self.setWindowTitle(self.tr("Consoles: {0}").format(title.replace("[*]", "[*][*]")))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("panel", "page")
        self.tiles = [Tile(context, ref) for ref in refs[:MOST_TILES]]
        words = RELEASE_KEYS[release_key(context.settings.console_release_key)]
        note = self.tr("Click a screen to type to it; {0} gives the keyboard back").format(words)
        if len(refs) > MOST_TILES:
            note = self.tr("The first {0} of {1} VMs. {2}").format(MOST_TILES, len(refs), note)
        self.note = TextLabel(note, kind="small", tone="secondary", elide=True)
        self._board = QWidget()
        for tile in self.tiles:
            tile.setParent(self._board)
        self._scroll = QScrollArea()
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self._board)
        self._scroll.viewport().installEventFilter(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(_GAP_PX, _GAP_PX, _GAP_PX, _GAP_PX)
        column.addWidget(self.note)
        column.addWidget(self._scroll, 1)
        self._full_key = QShortcut(QKeySequence("F11"), self)
        self._full_key.activated.connect(self._toggle_full)
        self._close_key = QShortcut(QKeySequence(QKeySequence.StandardKey.Close), self)
        self._close_key.activated.connect(self.close)
        room = (self.screen() or QGuiApplication.primaryScreen()).availableGeometry()
        self.resize(int(room.width() * 0.9), int(room.height() * 0.9))
        for tile in self.tiles:
            tile.start()

    def _toggle_full(self) -> None:
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    def arrange(self) -> None:
        """Puts the tiles where they are largest."""
        room = self._scroll.viewport().size()
        columns, size = best_grid(len(self.tiles), room)
        rows = math.ceil(len(self.tiles) / columns)
        self._board.resize(
            room.width(), max(rows * (size.height() + _GAP_PX) - _GAP_PX, room.height())
        )
        for number, tile in enumerate(self.tiles):
            x = number % columns * (size.width() + _GAP_PX)
            y = number // columns * (size.height() + _GAP_PX)
            tile.setGeometry(QRect(x, y, size.width(), size.height()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Override QObject::eventFilter: the room for tiles is another one."""
        if watched is self._scroll.viewport() and event.type() is QEvent.Type.Resize:
            self.arrange()
        return False

    def changeEvent(self, event: QEvent) -> None:
        """Override QWidget::changeEvent: nobody sees what is minimised."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.WindowStateChange:
            for tile in self.tiles:
                tile.connection.set_seen(not self.isMinimized())

    def closeEvent(self, event: QCloseEvent) -> None:
        """Override QWidget::closeEvent: all of them hang up."""
        for tile in self.tiles:
            tile.stop()
        event.accept()


def best_grid(count: int, room: QSize) -> tuple[int, QSize]:
    """How many columns make tiles largest, and how large they are then.

    Args:
        count: of tiles.
        room: for all of them.
    """
    best = (1, QSize(_LEAST_TILE_PX, _LEAST_TILE_PX))
    area = -1.0
    for columns in range(1, max(count, 1) + 1):
        rows = math.ceil(max(count, 1) / columns)
        width = (room.width() - (columns - 1) * _GAP_PX) // columns
        height = (room.height() - (rows - 1) * _GAP_PX) // rows
        if columns > 1 and width < _LEAST_TILE_PX:
            break
        height = max(height, int(_LEAST_TILE_PX / _SHAPE) + _HEAD_PX)
        inner = min(width, (height - _HEAD_PX) * _SHAPE)
        # What has to be scrolled to is worth less.
        fits = rows * (height + _GAP_PX) - _GAP_PX <= room.height()
        worth = inner * inner * (1.0 if fits else 0.25)
        if worth > area:
            area, best = worth, (columns, QSize(max(width, 1), height))
    return best


def open_wall(context: PageContext, title: str, refs: Sequence[str]) -> ConsoleWall:
    """Shows the consoles of VMs; the window ends with the connection."""
    wall = ConsoleWall(context, title, refs)
    windows_of(context).keep(wall)
    wall.show()
    return wall
