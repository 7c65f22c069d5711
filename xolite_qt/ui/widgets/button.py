"""Buttons: with words, with an icon alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QMenu, QPushButton, QToolButton, QWidget

from xolite_qt.ui.icons import icon as make_icon
from xolite_qt.ui.widgets.text import set_tooltip

__all__ = ["Button", "ButtonKind", "IconButton"]

ButtonKind = Literal["primary", "secondary", "tertiary", "danger", "tertiary-danger"]

_ICON_COLOUR: dict[ButtonKind, str] = {
    "primary": "brand-on",
    "secondary": "brand",
    "tertiary": "brand",
    "danger": "danger-on",
    "tertiary-danger": "danger",
}


class Button(QPushButton):
    """A button with a verb.

    Args:
        text: the verb; `&` marks the mnemonic.
        kind: primary (the one expected thing), secondary, tertiary (no border), danger
            (destroys), tertiary-danger.
        icon: name of an icon before the text.
        on_click: called without arguments.
        small: for table rows, cards and bars.
        menu: shown on press, with a chevron after the text.
    """

    def __init__(
        self,
        text: str,
        kind: ButtonKind = "secondary",
        *,
        icon: str | None = None,
        on_click: Callable[[], object] | None = None,
        small: bool = False,
        menu: QMenu | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self.kind: ButtonKind = kind
        self._text = text
        self._why_not = ""
        self._tip = ""
        self.setProperty("kind", kind)
        self.setProperty("fit", "small" if small else "medium")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAutoDefault(False)
        # Wider than high: the glyph keeps its distance from the text.
        self.setIconSize(QSize(18, 14) if small else QSize(20, 16))
        if icon is not None:
            self.set_icon(icon)
        if menu is not None:
            self.set_menu(menu)
        if on_click is not None:
            self.clicked.connect(lambda: on_click())

    def set_icon(self, name: str, state: str | None = None) -> None:
        """Show an icon in the button's own colour."""
        self.setIcon(make_icon(name, _ICON_COLOUR[self.kind], state))

    def set_menu(self, menu: QMenu) -> None:
        """Open a menu on press."""
        self.setMenu(menu)
        self.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        self.setIcon(make_icon("chevron-down", _ICON_COLOUR[self.kind]))
        self.setIconSize(QSize(20, 12))

    def set_tip(self, text: str) -> None:
        """A plain tooltip."""
        self._tip = text
        set_tooltip(self, self._why_not or text)

    def set_reason(self, reason: str | None) -> None:
        """Disable with the reason in the tooltip, or enable again with None."""
        self._why_not = reason or ""
        self.setEnabled(reason is None)
        self.setAccessibleDescription(self._why_not)
        set_tooltip(self, self._why_not or self._tip)

    def set_busy(self, busy: bool, text: str | None = None) -> None:
        """While busy the button is disabled and may say what goes on."""
        self.setEnabled(not busy and not self._why_not)
        self.setText(text if busy and text else self._text)


class IconButton(QToolButton):
    """A button that is only an icon; its words are tooltip and accessible name.

    Args:
        icon: name of the icon.
        text: what it does.
        on_click: called without arguments.
        size: of the icon in logical px; the button is 12 px larger.
    """

    def __init__(
        self,
        icon: str,
        text: str,
        on_click: Callable[[], object] | None = None,
        *,
        color: str = "brand",
        size: int = 16,
        menu: QMenu | None = None,
        checkable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._text = text
        self._color = color
        self.setIcon(make_icon(icon, color))
        self.setIconSize(QSize(size, size))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCheckable(checkable)
        self.set_text(text)
        if menu is not None:
            self.setMenu(menu)
            self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        if on_click is not None:
            self.clicked.connect(lambda: on_click())

    def set_text(self, text: str) -> None:
        """Change what it says it does."""
        self._text = text
        self.setAccessibleName(text)
        set_tooltip(self, text)

    def set_icon(self, name: str, color: str | None = None) -> None:
        """Show another icon."""
        self.setIcon(make_icon(name, color or self._color))

    def set_reason(self, reason: str | None) -> None:
        """Disable with the reason in the tooltip, or enable again with None."""
        self.setEnabled(reason is None)
        self.setAccessibleDescription(reason or "")
        set_tooltip(self, f"{self._text}\n{reason}" if reason else self._text)
