"""Certificates that the whole pool trusts."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout

from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.dialogs.pool.trust import TrustDialog
from xolite_qt.ui.models import certificates
from xolite_qt.ui.models.certificates import TRUSTED_COLUMNS, CertificateRow
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.states import show_card_state
from xolite_qt.ui.widgets import Button, Card, DataTable

_ROW_PX, _HEAD_PX, _MOST_ROWS = 37, 46, 6
_ONE = "Choose one certificate first."


class TrustedCard(Card):
    """Lists authorities and pinned certificates, adds and removes them."""

    def __init__(self, context: PageContext) -> None:
        super().__init__("Trusted certificates")
        self._context = context
        self._rows: list[CertificateRow] = []
        self.model = RecordTableModel(TRUSTED_COLUMNS, parent=self)
        self.table = DataTable(self.model, says="Trusted certificates")
        self.table.selection_changed.connect(lambda _refs: self.tell())
        self.trust = Button("Add…", "tertiary", icon="plus", small=True, on_click=self.begin_trust)
        self.add_action(self.trust)
        self.add(self.table, 1)
        self.copy = Button("Copy fingerprint", small=True, icon="copy", on_click=self.copy_one)
        self.remove = Button(
            "Remove…", "tertiary-danger", icon="trash", small=True, on_click=self.begin_remove
        )
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.copy)
        line.addStretch(1)
        line.addWidget(self.remove)
        self.add_layout(line)

    def show_certificates(self) -> None:
        """Show what the store holds."""
        store = self._context.stores.certificate
        self.tell()
        if not show_card_state(self, store):
            return
        self._rows = certificates.trusted(store.records.values())
        self.model.replace(self._rows)
        days = [row.days_left for row in self._rows if row.days_left is not None]
        worst = min(days, default=None)
        if worst is not None and worst < certificates.WARNING_DAYS:
            self.set_info("ends soon", "danger" if worst < certificates.DANGER_DAYS else "warning")
        else:
            self.set_info("")
        if not self._rows:
            self.set_empty("None besides those of the hosts themselves")
            return
        self.table.setFixedHeight(_HEAD_PX + min(len(self._rows), _MOST_ROWS) * _ROW_PX)
        self.tell()

    def choices(self) -> list[Choice]:
        """What the button does, for the palette."""
        return [
            Choice(
                "pool.trust_certificate",
                "Trust a certificate…",
                "certificate",
                self.begin_trust,
                None if self._context.stores.the_pool() else "The pool is not known yet.",
                60,
            )
        ]

    def begin_trust(self) -> None:
        """Asks for a certificate."""
        pool = self._context.stores.the_pool()
        if pool is not None:
            taken = [row.record.name for row in self._rows]
            dialog = TrustDialog(
                self._context, pool.name_label, taken, self._context.actions.window
            )
            self._context.tasks.spawn(ask(dialog), "trust certificate")

    def begin_remove(self) -> None:
        """Asks, then removes the selected ones."""
        rows = self._selected()
        if rows:
            self._context.actions.begin(
                certificates.remove_ca_deeds(rows), certificates.remove_ca_question(rows)
            )

    def copy_one(self) -> None:
        """Puts the fingerprint of the selected one on the clipboard."""
        rows = self._selected()
        if rows:
            QGuiApplication.clipboard().setText(rows[0].fingerprint)
            self._context.notify("Fingerprint copied.")

    def _selected(self) -> list[CertificateRow]:
        chosen = set(self.table.selected_refs())
        return [row for row in self._rows if row.ref in chosen]

    def tell(self) -> None:
        """Say why something may not be done now, where that is so."""
        blocked = self._context.actions.blocked
        rows = self._selected()
        pinned = any(row.record.type == "pinned" for row in rows)
        self.trust.set_reason(blocked)
        self.copy.set_reason(None if len(rows) == 1 else _ONE)
        why = None if rows else "Choose one or more certificates first."
        if pinned:
            why = "Pinned certificates come with what needs them, and go with it."
        self.remove.set_reason(blocked or why)
