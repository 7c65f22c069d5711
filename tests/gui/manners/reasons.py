"""What is greyed without a word, in buttons, menus and choices."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QToolButton,
    QWidget,
)

from tests.gui.manners.accessible import described, is_inner
from tests.gui.manners.rounds import seen
from tests.gui.shell.shell_bench import Shell
from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.dialogs.backups.form import Row
from xolite_qt.ui.views.page import Page
from xolite_qt.ui.widgets.text import TextLabel

USABLE = (QAbstractButton, QLineEdit, QComboBox, QAbstractSpinBox, QPlainTextEdit)


def faults_of_page(bench: Shell, page: Page) -> list[str]:
    """Of all on screen, of every menu behind a button, and of what the palette offers."""
    found = faults(bench.window)
    for button in seen(bench.window):
        menu = button.menu() if hasattr(button, "menu") else None
        if isinstance(menu, QMenu):
            menu.aboutToShow.emit()
            found += _of_menu(menu)
            menu.aboutToHide.emit()
    for entry in bench.workspace.entries():
        if entry.reason is not None:
            found += _of_words(f"palette: {entry.text}", entry.reason)
    return found + _while_blocked(bench, page)


WHY = "The connection is down."


def _while_blocked(bench: Shell, page: Page) -> list[str]:
    """Nothing that writes can be chosen while the host is away, and each thing says so."""
    runner = bench.workspace.runner
    runner.blocked = WHY
    try:
        found = [
            f"{choice.id}: it can be chosen without a connection"
            for choice in page.choices()
            if _is_enabled(bench, choice)
        ]
        for name, button in getattr(page, "buttons", {}).items():
            if button.isEnabled():
                found.append(f"button {name}: it can be pressed without a connection")
            elif button.accessibleDescription() != WHY:
                found.append(f"button {name}: it says {button.accessibleDescription()!r}")
        return found
    finally:
        runner.blocked = None


def _is_enabled(bench: Shell, choice: Choice) -> bool:
    menu = QMenu()
    (entry,) = [one for one in bench.workspace.runner.fill(menu, [choice]) if not one.isSeparator()]
    return entry.isEnabled() or WHY not in entry.toolTip()


def faults(root: QWidget) -> list[str]:
    """Greyed widgets that don't say why: neither they nor what they stand in."""
    found = []
    for widget in seen(root):
        if not isinstance(widget, USABLE) or is_inner(widget) or widget.isEnabled():
            continue
        around: QWidget | None = widget
        while around is not None and not around.isEnabled():
            # The tooltip of a button without words is its name.
            tip = "" if isinstance(around, QToolButton) else around.toolTip()
            if around.accessibleDescription() or tip or _hint_of(around):
                break
            around = around.parentWidget()
        if around is None or around.isEnabled():
            found.append(f"{described(widget)} {widget.accessibleName()!r}: greyed, no reason")
    return found


def _hint_of(widget: QWidget) -> str:
    """What is said below a field of a form."""
    around = widget.parentWidget()
    while around is not None and not isinstance(around, Row):
        around = around.parentWidget()
    if around is None:
        return ""
    said = (label.text() for label in around.findChildren(TextLabel) if label.isVisible())
    return " ".join(text for text in said if text.endswith("."))


def _of_menu(menu: QMenu) -> list[str]:
    found = []
    for entry in menu.actions():
        if entry.isSeparator() or not entry.isVisible():
            continue
        inside = _menu_of(entry)
        if inside is not None:
            found += _of_menu(inside)
        elif not entry.isEnabled():
            tip = entry.toolTip()
            reason = "" if tip == entry.text().replace("&", "") else tip
            found += _of_words(f"menu: {entry.text()}", reason)
    if found and not menu.toolTipsVisible():
        found.append("a menu does not show why its entries are greyed")
    return found


def _menu_of(entry: QAction) -> QMenu | None:
    menu = entry.menu()
    return menu if isinstance(menu, QMenu) else None


def _of_words(what: str, reason: str) -> list[str]:
    """A reason is a sentence, for a human."""
    plain = reason.strip()
    if not plain:
        return [f"{what}: greyed, no reason"]
    if not plain.endswith((".", "?", "!", ")", "</qt>", "</p>")):
        return [f"{what}: its reason is no sentence: {plain!r}"]
    return []
