"""A field of storages; those that cannot serve stay visible, closed, with the reason."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox

from xolite_qt.ui.models.column import one_line
from xolite_qt.ui.models.sr_reasons import SrEntry
from xolite_qt.ui.widgets.text import plain_tooltip


class SrPicker(QComboBox):
    """Offers storages; nothing unusable is ever chosen."""

    def __init__(self, says: str) -> None:
        super().__init__()
        self.setAccessibleName(says)
        self.setMinimumContentsLength(18)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._entries: dict[str, SrEntry] = {}

    def offer(self, entries: Sequence[SrEntry], preferred: str = "") -> None:
        """Offer these; what was chosen stays chosen while it can serve."""
        wanted = self.current() or preferred
        self._entries = {entry.ref: entry for entry in entries}
        self.blockSignals(True)
        self.clear()
        model = self.model()
        assert isinstance(model, QStandardItemModel)
        for at, entry in enumerate(entries):
            self.addItem(one_line(entry.text), entry.ref)
            item = model.item(at)
            item.setEnabled(entry.reason is None)
            item.setToolTip(plain_tooltip(entry.reason or entry.text))
        usable = [entry.ref for entry in entries if entry.reason is None]
        chosen = wanted if wanted in usable else (usable[0] if usable else "")
        self.setPlaceholderText("" if chosen else self.tr("None can serve: open it to see why"))
        self.setCurrentIndex(self.findData(chosen) if chosen else -1)
        self.blockSignals(False)
        self.currentIndexChanged.emit(self.currentIndex())

    def current(self) -> str:
        """Reference of the chosen storage; "" where none can serve."""
        data = self.currentData()
        entry = self._entries.get(data) if isinstance(data, str) else None
        return entry.ref if entry is not None and entry.reason is None else ""

    def choose(self, ref: str) -> None:
        """Choose one that can serve."""
        entry = self._entries.get(ref)
        if entry is not None and entry.reason is None:
            self.setCurrentIndex(self.findData(ref))

    @property
    def warning(self) -> str:
        """What speaks against the chosen one; may be ""."""
        entry = self._entries.get(self.current())
        return entry.warning if entry is not None else ""
