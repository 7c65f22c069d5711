"""Where one starts: the demo host for newcomers, remembered hosts, and the form for a new one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QIcon, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from xolite_qt.settings import KnownHost
from xolite_qt.ui import theme
from xolite_qt.ui.icons import icon
from xolite_qt.ui.views.notice import Notice
from xolite_qt.ui.widgets.button import Button
from xolite_qt.ui.widgets.text import TextLabel, plain_tooltip


@dataclass(frozen=True)
class Wish:
    """What the user wants to connect to."""

    url: str
    user: str
    password: str
    keep: bool


class StartPage(QScrollArea):
    """The connect form.

    Signals:
        connect_wanted: the form was sent.
            arg: the `Wish`.
        demo_wanted: the demo host was chosen.
        cancel_wanted: the attempt under way should end.
        known_chosen: a remembered host was chosen; its password may be in the keyring.
            arg: the `KnownHost`.
        forget_wanted: a remembered host should be forgotten.
            arg: the `KnownHost`.
    """

    connect_wanted = Signal(object)
    demo_wanted = Signal()
    cancel_wanted = Signal()
    known_chosen = Signal(object)
    forget_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        page = QWidget()
        page.setProperty("panel", "page")
        self.setWidget(page)
        self._busy = False
        self._keyring_trouble = ""
        outer = QVBoxLayout(page)
        outer.setContentsMargins(24, 24, 24, 24)
        outer.addStretch(2)
        middle = QHBoxLayout()
        middle.addStretch(1)
        column = QVBoxLayout()
        column.setSpacing(16)
        middle.addLayout(column)
        middle.addStretch(1)
        outer.addLayout(middle)
        outer.addStretch(3)
        column.addLayout(self._build_title())
        panes = QHBoxLayout()
        panes.setSpacing(16)
        panes.addWidget(self._build_known(), 0)
        panes.addWidget(self._build_form(), 0)
        column.addLayout(panes)

    # ------------------------------------------------------------------ building

    def _build_title(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(12)
        mark = QLabel()
        mark.setPixmap(QIcon(str(theme.resource("mark.svg"))).pixmap(QSize(44, 44)))
        mark.setAccessibleName("xolite-qt")
        row.addWidget(mark)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(TextLabel("xolite-qt", kind="h3"))
        words.addWidget(TextLabel(self.tr("See and run your XCP-ng host."), tone="secondary"))
        row.addLayout(words, 1)
        return row

    def _build_known(self) -> QFrame:
        card = QFrame()
        card.setProperty("panel", "card")
        card.setFixedWidth(320)
        column = QVBoxLayout(card)
        column.setContentsMargins(20, 20, 20, 20)
        column.setSpacing(12)
        column.addWidget(TextLabel(self.tr("New here?"), kind="h6"))
        column.addWidget(
            TextLabel(
                self.tr("Look around on a simulated host. Nothing there can break."),
                tone="secondary",
                wrap=True,
            )
        )
        self.demo = Button(self.tr("Open the demo host"), "primary", icon="play")
        self.demo.clicked.connect(self.demo_wanted)
        column.addWidget(self.demo)
        line = QFrame()
        line.setProperty("line", "h")
        column.addSpacing(4)
        column.addWidget(line)
        column.addWidget(TextLabel(self.tr("Your hosts"), kind="h6"))
        self.none_known = TextLabel(
            self.tr("Hosts that you connect to appear here."), tone="secondary", wrap=True
        )
        column.addWidget(self.none_known)
        self.known = QListWidget()
        self.known.setAccessibleName(self.tr("Hosts connected to before"))
        self.known.setMinimumHeight(120)
        self.known.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.known.itemActivated.connect(self._activate)
        self.known.itemClicked.connect(self._activate)
        self.known.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        forget = QAction(icon("trash"), self.tr("Forget this host"), self.known)
        forget.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        forget.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        forget.triggered.connect(self._forget)
        self.known.addAction(forget)
        column.addWidget(self.known, 1)
        self.forget = Button(self.tr("Forget this host"), "tertiary", small=True)
        self.forget.clicked.connect(self._forget)
        column.addWidget(self.forget, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(0)
        self.set_known(())
        return card

    def _build_form(self) -> QFrame:
        card = QFrame()
        card.setProperty("panel", "card")
        card.setFixedWidth(420)
        column = QVBoxLayout(card)
        column.setContentsMargins(20, 20, 20, 20)
        column.setSpacing(12)
        column.addWidget(TextLabel(self.tr("Connect to a host"), kind="h6"))
        self.notice = Notice()
        column.addWidget(self.notice)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(10)
        self.address = QLineEdit()
        self.address.setPlaceholderText(self.tr("192.168.1.10 or host.example.org"))
        self.user = QLineEdit("root")
        self.password = QLineEdit()
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        for row, (caption, field) in enumerate(
            (
                (self.tr("&Address"), self.address),
                (self.tr("&User"), self.user),
                (self.tr("&Password"), self.password),
            )
        ):
            label = TextLabel(caption)
            label.setBuddy(field)
            field.setAccessibleName(caption.replace("&", ""))
            field.returnPressed.connect(self._send)
            field.textChanged.connect(self._changed)
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
        column.addLayout(grid)
        self.keep = QCheckBox(self.tr("&Keep me signed in"))
        self.keep_note = TextLabel("", kind="small", tone="secondary", wrap=True)
        column.addWidget(self.keep)
        column.addWidget(self.keep_note)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        self.cancel = Button(self.tr("Cancel"), "secondary")
        self.cancel.clicked.connect(self.cancel_wanted)
        self.cancel.hide()
        self.go = Button(self.tr("Connect"), "primary")
        self.go.clicked.connect(self._send)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.go)
        column.addStretch(1)
        column.addLayout(buttons)
        self.set_keyring_trouble("")
        self._changed()
        return card

    # ------------------------------------------------------------------ from the application

    def set_known(self, hosts: Sequence[KnownHost]) -> None:
        """Shows the remembered hosts, the last used first."""
        self.known.clear()
        for host in hosts:
            shown = host.url.removeprefix("https://")
            item = QListWidgetItem(icon("host"), f"{shown}  ·  {host.user}")
            item.setData(Qt.ItemDataRole.UserRole, host)
            item.setToolTip(plain_tooltip(f"{host.user} at {host.url}"))
            self.known.addItem(item)
        self.known.setVisible(bool(hosts))
        self.forget.setVisible(bool(hosts))
        self.none_known.setVisible(not hosts)

    def set_keyring_trouble(self, trouble: str) -> None:
        """Says why passwords cannot be kept, or, with an empty string, that they can."""
        self._keyring_trouble = trouble
        self.keep.setEnabled(not trouble)
        self.keep.setChecked(self.keep.isChecked() and not trouble)
        self.keep_note.set_text(
            trouble or self.tr("The password is kept in the keyring of your desktop.")
        )

    def fill(self, url: str, user: str, *, keep: bool = False) -> None:
        """Fills the form, and waits for the password."""
        self.address.setText(url.removeprefix("https://"))
        self.user.setText(user)
        self.keep.setChecked(keep and not self._keyring_trouble)
        self.password.clear()
        self.password.setFocus()

    def set_busy(self, busy: bool, text: str = "") -> None:
        """While busy nothing can be typed, and the attempt can be cancelled."""
        self._busy = busy
        for widget in (self.address, self.user, self.password, self.demo, self.known, self.forget):
            widget.setEnabled(not busy)
        self.keep.setEnabled(not busy and not self._keyring_trouble)
        self.cancel.setVisible(busy)
        self._changed()
        if busy:
            self.notice.show_busy(text)
            self.cancel.setFocus()
        else:
            self.notice.clear()

    def show_error(
        self,
        summary: str,
        advice: str = "",
        details: str = "",
        *,
        action: str = "",
        on_action: Callable[[], object] | None = None,
    ) -> None:
        """Says in place what went wrong; what was typed stays."""
        self.set_busy(False)
        self.notice.show_error(summary, advice, details, action=action, on_action=on_action)
        if action:
            self.notice.button.setFocus()
        else:
            self.password.setFocus()
            self.password.selectAll()

    # ------------------------------------------------------------------ from the user

    def _changed(self) -> None:
        ready = bool(self.address.text().strip() and self.user.text().strip())
        if self._busy:
            self.go.set_reason(self.tr("Connecting…"))
        else:
            self.go.set_reason(None if ready else self.tr("Enter the address and the user first."))

    def _send(self) -> None:
        if self._busy or not self.go.isEnabled():
            return
        self.connect_wanted.emit(
            Wish(
                self.address.text().strip(),
                self.user.text().strip(),
                self.password.text(),
                self.keep.isChecked(),
            )
        )

    def _activate(self, item: QListWidgetItem) -> None:
        host = item.data(Qt.ItemDataRole.UserRole)
        if isinstance(host, KnownHost) and not self._busy:
            self.known_chosen.emit(host)

    def _forget(self) -> None:
        item = self.known.currentItem()
        if self.known.currentRow() >= 0 and not self._busy:
            self.forget_wanted.emit(item.data(Qt.ItemDataRole.UserRole))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Override QScrollArea::keyPressEvent: Esc ends an attempt."""
        if event.key() == Qt.Key.Key_Escape and self._busy:
            self.cancel_wanted.emit()
            return
        super().keyPressEvent(event)
