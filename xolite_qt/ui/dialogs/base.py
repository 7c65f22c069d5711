"""The shape that all dialogs share: a title, a body that scrolls, buttons that are verbs."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from xolite_qt.ui.widgets.badges import IconLabel
from xolite_qt.ui.widgets.button import Button, ButtonKind
from xolite_qt.ui.widgets.text import TextLabel

_MARGIN = 24


class Dialog(QDialog):
    """A dialog with icon and title on top, `body` in the middle and a row of buttons.

    Esc always cancels. Enter does nothing unless a button was made the default one, and none that
    destroys ever is.

    Args:
        title: what the window is about.
        icon: name of the icon beside the title.
        accent: info, success, warning or danger; the colour of the icon.
        width: of the content, in logical pixels.
    """

    def __init__(
        self,
        title: str,
        *,
        icon: str = "info",
        accent: str = "brand",
        width: int = 560,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setSizeGripEnabled(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        head = QHBoxLayout()
        head.setContentsMargins(_MARGIN, 20, _MARGIN, 12)
        head.setSpacing(12)
        head.addWidget(IconLabel(icon, 24, color=accent), 0, Qt.AlignmentFlag.AlignTop)
        self.heading = TextLabel(title, kind="h5", wrap=True)
        head.addWidget(self.heading, 1)
        column.addLayout(head)
        inside = QWidget()
        inside.setProperty("panel", "bg")
        self.body = QVBoxLayout(inside)
        self.body.setContentsMargins(_MARGIN, 4, _MARGIN, 16)
        self.body.setSpacing(12)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        self._inside, self._scroll = inside, scroll
        column.addWidget(scroll, 1)
        line = QFrame()
        line.setProperty("line", "h")
        column.addWidget(line)
        self._buttons = QHBoxLayout()
        self._buttons.setContentsMargins(_MARGIN, 12, _MARGIN, 12)
        self._buttons.setSpacing(8)
        self._buttons.addStretch(1)
        column.addLayout(self._buttons)
        self._width = width

    def add_button(
        self, text: str, kind: ButtonKind = "secondary", *, default: bool = False
    ) -> Button:
        """Appends a button; one marked default is what Enter presses."""
        button = Button(text, kind)
        button.setAutoDefault(False)
        button.setDefault(default)
        self._buttons.addWidget(button)
        return button

    def bring_into_sight(self, widget: QWidget) -> None:
        """Scrolls to a part of the content, once it is laid out."""
        QTimer.singleShot(0, self, lambda: self._scroll.ensureWidgetVisible(widget, 0, 16))

    def fit(self) -> None:
        """Takes the height that the content wants, as far as the screen has it."""
        self._inside.adjustSize()
        screen = self.screen() or QGuiApplication.primaryScreen()
        room = screen.availableGeometry()
        width = min(self._width, room.width() - 40)
        wanted = self.body.totalHeightForWidth(width)
        if wanted < 0:
            wanted = self._inside.sizeHint().height()
        self.resize(width, min(wanted + 140, room.height() - 60))

    def open(self) -> None:
        """Override QDialog::open: sized to its content first."""
        self.fit()
        super().open()
