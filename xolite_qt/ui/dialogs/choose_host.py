"""Which host an action should use."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.icons import icon
from xolite_qt.ui.widgets.text import TextLabel, plain_tooltip
from xolite_qt.xen_api import Host

_ROW_PX = 36


class ChooseHostDialog(Dialog):
    """The hosts of the pool; those that cannot serve stay visible, with the reason."""

    def __init__(
        self,
        title: str,
        verb: str,
        hosts: Sequence[Host],
        *,
        current: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, icon="host", width=460, parent=parent)
        self.body.addWidget(TextLabel(self.tr("Choose the host."), tone="secondary"))
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Hosts"))
        self.list.setFixedHeight(min(360, _ROW_PX * max(2, len(hosts)) + 8))
        for host in sorted(hosts, key=lambda host: host.name_label.casefold()):
            reason = ""
            if host.ref == current:
                reason = self.tr("it is there already")
            elif not host.enabled:
                reason = self.tr("in maintenance")
            item = QListWidgetItem(icon("host"), host.name_label)
            # Rows may be laid out before the style sheet is known to them.
            item.setSizeHint(QSize(0, _ROW_PX))
            item.setData(Qt.ItemDataRole.UserRole, host.ref)
            if reason:
                _close(item, reason)
            self.list.addItem(item)
        self.list.currentItemChanged.connect(lambda: self._chosen())
        self.list.itemDoubleClicked.connect(self._double_clicked)
        self.body.addWidget(self.list)
        self.body.addStretch(1)
        cancel = self.add_button(self.tr("Cancel"))
        cancel.clicked.connect(self.reject)
        self.go = self.add_button(verb, "primary", default=True)
        self.go.clicked.connect(self.accept)
        self._choose_first()
        self.list.setFocus()

    def _choose_first(self) -> None:
        rows = range(self.list.count())
        fit = [at for at in rows if self.list.item(at).flags() & Qt.ItemFlag.ItemIsEnabled]
        self.list.setCurrentRow(fit[0] if fit else -1)
        self._chosen()

    def close_host(self, ref: str, reason: str) -> None:
        """Says why a host cannot serve; where it was chosen, another one is."""
        for at in range(self.list.count()):
            item = self.list.item(at)
            if item.data(Qt.ItemDataRole.UserRole) != ref:
                continue
            if item.flags() & Qt.ItemFlag.ItemIsEnabled:
                _close(item, reason)
                if at == self.list.currentRow():
                    self._choose_first()

    @property
    def chosen(self) -> str:
        """Reference of the chosen host, or an empty string."""
        item = self.list.currentItem()
        if self.list.currentRow() < 0 or not item.flags() & Qt.ItemFlag.ItemIsEnabled:
            return ""
        return str(item.data(Qt.ItemDataRole.UserRole))

    def _double_clicked(self) -> None:
        if self.chosen:
            self.accept()

    def _chosen(self) -> None:
        self.go.set_reason(None if self.chosen else self.tr("Choose a host first."))


def _close(item: QListWidgetItem, reason: str) -> None:
    item.setText(f"{item.text()}  ({reason})")
    item.setFlags(Qt.ItemFlag.NoItemFlags)
    item.setToolTip(plain_tooltip(reason))
