"""What tests of system pages do over and over."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialog

from tests.gui.pages.conftest import Bench

D = TypeVar("D", bound=QDialog)


async def dialog(bench: Bench, kind: type[D]) -> D:
    """The open dialog of a class, once it is there."""
    found: list[D] = []

    def look() -> bool:
        found[:] = [each for each in bench.window.findChildren(kind) if each.isVisible()]
        return bool(found)

    await bench.until(look)
    return found[0]


def pick(combo: QComboBox, ref: str) -> None:
    """Choose an entry in the opened list, as a user does."""
    at = combo.findData(ref)
    assert at >= 0, "no such entry"
    flags = combo.model().flags(combo.model().index(at, 0))
    assert flags & Qt.ItemFlag.ItemIsEnabled, combo.itemText(at)
    combo.setCurrentIndex(at)
    combo.activated.emit(at)


def entry(combo: QComboBox, ref: str) -> tuple[str, bool]:
    """Text of an entry, and whether it can be chosen."""
    at = combo.findData(ref)
    assert at >= 0, "no such entry"
    flags = combo.model().flags(combo.model().index(at, 0))
    return combo.itemText(at), bool(flags & Qt.ItemFlag.ItemIsEnabled)
