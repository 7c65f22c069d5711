"""Roles for widgets that paint themselves: a screen reader calls them by what they are.

Qt knows the roles of its own widgets; one that paints itself is a nameless "client area" to it. A
class that has `accessible_role` is told about with that role.
"""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import QAccessibleWidget, QLabel, QWidget

__all__ = ["tell_roles"]

_told: list[object] = []


def tell_roles() -> None:
    """To be called once there is an application; harmless to call again."""
    if not _told:
        _told.append(_face)
        QAccessible.installFactory(_face)


class _Face(QAccessibleWidget):
    """A widget with a role; what it shows is its name where it has no other."""

    def text(self, which: QAccessible.Text) -> str:
        """Override QAccessibleWidget::text."""
        said = super().text(which)
        if not said and which is QAccessible.Text.Name:
            widget = self.widget()
            return widget.text() if isinstance(widget, QLabel) else ""
        return said


def _face(_class_name: str, thing: QObject | None) -> QAccessibleInterface | None:
    """What readers ask about a widget; None leaves it to Qt."""
    role = getattr(thing, "accessible_role", None)
    if role is None or not isinstance(thing, QWidget):
        return None
    return _Face(thing, role)
