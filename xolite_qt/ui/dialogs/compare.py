"""Which object's measurements are to be shown beside those of another."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.widgets.pick_list import Item, PickList
from xolite_qt.ui.widgets.text import TextLabel


class CompareDialog(Dialog):
    """The other objects of the same kind.

    Args:
        name: of the object that is shown.
        items: the others.
    """

    def __init__(self, name: str, items: Sequence[Item], parent: QWidget | None = None) -> None:
        title = self.tr("Compare {0} with").format(name)
        super().__init__(title, icon="chart", width=520, parent=parent)
        self.list = PickList(self.tr("Objects to compare with"), self.tr("Filter"), rows=8)
        self.list.set_items(items, self.tr("There is no other one that is measured."))
        self.list.picked.connect(lambda _ref: self._judge())
        self.body.addWidget(self.list, 1)
        words = self.tr("Its lines are dashed, in the same charts and colours.")
        self.body.addWidget(TextLabel(words, tone="secondary", wrap=True))
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(self.tr("Compare"), "primary", default=True)
        self.go.clicked.connect(self.accept)
        self._judge()
        self.list.search.setFocus()

    @property
    def chosen(self) -> str:
        """Reference of the other one; "" while none is picked."""
        return self.list.current

    def _judge(self) -> None:
        self.go.set_reason(None if self.chosen else self.tr("Choose one first."))
