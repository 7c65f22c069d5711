"""The bar on top of the window: whose host it is, how the connection does, and the main menu."""

from __future__ import annotations

import time

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QWidget

from xolite_qt.ui import format as words
from xolite_qt.ui import theme
from xolite_qt.ui.errors import explain
from xolite_qt.ui.icons import icon
from xolite_qt.ui.widgets.badges import StateBadge
from xolite_qt.ui.widgets.button import Button, IconButton
from xolite_qt.ui.widgets.text import TextLabel, set_tooltip
from xolite_qt.xen_api import EventHub, LinkPhase, LinkState


def link_words(state: LinkState, now_s: float) -> tuple[str, str]:
    """A badge's state and words for a connection: ("success", "Connected")."""
    match state.phase:
        case LinkPhase.CONNECTED:
            return "connected", "Connected"
        case LinkPhase.CONNECTING:
            return "pending", "Connecting…"
        case LinkPhase.RECONNECTING:
            if state.retry_in_s is None:
                return "warning", "Reconnecting…"
            left_s = max(0, round(state.since + state.retry_in_s - now_s))
            return "warning", f"Reconnecting in {left_s} s"
        case LinkPhase.EXPIRED:
            return "danger", "Signed out by the host"
        case LinkPhase.CLOSED:
            return "disabled", "Not connected"


class Header(QFrame):
    """Mark, connection state, and the buttons that are always there.

    Signals:
        palette_wanted, settings_wanted, help_wanted, sign_out_wanted, other_host_wanted,
        quit_wanted, tree_wanted, recorder_wanted: the user chose it.
        theme_wanted: the other theme was chosen.
            arg: "light" or "dark".
    """

    palette_wanted = Signal()
    settings_wanted = Signal()
    help_wanted = Signal()
    sign_out_wanted = Signal()
    other_host_wanted = Signal()
    quit_wanted = Signal()
    recorder_wanted = Signal()
    tree_wanted = Signal()
    theme_wanted = Signal(str)

    def __init__(self, hub: EventHub, address: str, user: str) -> None:
        super().__init__()
        self.setProperty("panel", "header")
        self.setFixedHeight(56)
        self._hub = hub
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 12, 0)
        row.setSpacing(10)
        self.tree_button = IconButton("menu", self.tr("Show or hide the tree"))
        self.tree_button.clicked.connect(self.tree_wanted)
        row.addWidget(self.tree_button)
        mark = QLabel()
        mark.setPixmap(QIcon(str(theme.resource("mark.svg"))).pixmap(QSize(26, 26)))
        mark.setAccessibleName("xolite-qt")
        row.addWidget(mark)
        row.addWidget(TextLabel("xolite-qt", kind="h6"))
        row.addSpacing(12)
        self.badge = StateBadge("pending", "")
        self.badge.setAccessibleName(self.tr("Connection"))
        row.addWidget(self.badge)
        self.address = TextLabel(address, kind="small", tone="secondary", elide=True)
        row.addWidget(self.address)
        self.heard = TextLabel("", kind="small", tone="secondary")
        row.addWidget(self.heard)
        row.addStretch(1)
        self.find_button = Button(self.tr("Find…  Ctrl+K"), "tertiary", icon="search", small=True)
        self.find_button.clicked.connect(self.palette_wanted)
        row.addWidget(self.find_button)
        self._tools = QHBoxLayout()
        row.addLayout(self._tools)
        self.theme_button = IconButton("theme", self.tr("Light or dark"))
        self.theme_button.clicked.connect(
            lambda: self.theme_wanted.emit("light" if theme.current().name == "dark" else "dark")
        )
        row.addWidget(self.theme_button)
        menu = QMenu(self)
        account = menu.addAction(icon("user"), f"{user} at {address}".replace("&", "&&"))
        account.setEnabled(False)
        account.setToolTip(self.tr("Who is signed in, and where."))
        menu.setToolTipsVisible(True)
        menu.addSeparator()
        for name, text, signal in (
            ("settings", self.tr("&Settings and about"), self.settings_wanted),
            ("keyboard", self.tr("&Keyboard shortcuts"), self.help_wanted),
            ("history", self.tr("&Flight recorder"), self.recorder_wanted),
            ("host", self.tr("&Connect to another host"), self.other_host_wanted),
            ("logout", self.tr("Sign &out"), self.sign_out_wanted),
            ("power", self.tr("&Quit"), self.quit_wanted),
        ):
            menu.addAction(icon(name), text).triggered.connect(lambda _on=False, s=signal: s.emit())
        self.menu_button = IconButton("user", self.tr("Account and settings"), menu=menu)
        row.addWidget(self.menu_button)
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.setTimerType(Qt.TimerType.CoarseTimer)
        self._clock.timeout.connect(self.refresh)
        self._clock.start()
        self.refresh()

    def add_tool(self, widget: QWidget) -> None:
        """Puts a button beside the others."""
        self._tools.addWidget(widget)

    def refresh(self) -> None:
        """Says how the connection does now."""
        state = self._hub.state
        now_s = time.monotonic()
        badge, text = link_words(state, now_s)
        if self.badge.text() != text:
            self.badge.set_state(badge, text)
        heard_s = self._hub.last_event_at
        ago = words.duration(max(0.0, now_s - heard_s)) if heard_s else ""
        self.heard.set_text(f"last event {ago} ago" if ago else "")
        set_tooltip(self.badge, explain(state.error).summary if state.error else "")
