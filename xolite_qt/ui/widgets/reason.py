"""Greying a control and saying why, for all that is no button of the kit."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from xolite_qt.ui.widgets.text import set_tooltip

__all__ = ["set_reason"]


def set_reason(widget: QWidget, reason: str | None) -> None:
    """Disable a widget with the reason in its tooltip, or enable it again with None."""
    widget.setEnabled(reason is None)
    widget.setAccessibleDescription(reason or "")
    set_tooltip(widget, reason or "")
