"""A host's certificates: whom they are shown to, how long they last, and new ones."""

from __future__ import annotations

import contextlib

import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.dialogs.fingerprint import FingerprintView
from xolite_qt.ui.dialogs.host.install_certificate import InstallCertificateDialog
from xolite_qt.ui.models import certificates
from xolite_qt.ui.models.certificates import CertificateRow
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.fact_card import Facts
from xolite_qt.ui.views.parts.states import show_card_state
from xolite_qt.ui.widgets import Button, Card, CardGrid, FlowLayout, SectionTitle, Tag, TextLabel
from xolite_qt.xen_api import Host, XenApiError

_HTTPS = 443
_FINGERPRINT_AT = 5
"""Its place in the column of a block: behind its caption."""


class CertificateBlock(QWidget):
    """One certificate."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self._context = context
        self.row: CertificateRow | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.title = SectionTitle("")
        self.left = Tag("")
        self.pinned = Tag("", icon="pin")
        marks = FlowLayout()
        marks.addWidget(self.left)
        marks.addWidget(self.pinned)
        self.copy = Button(
            "Copy fingerprint", "tertiary", icon="copy", small=True, on_click=self.copy_fingerprint
        )
        self.facts = Facts()
        self.hint = TextLabel("", kind="small", tone="secondary", wrap=True)
        self.fingerprint: FingerprintView | None = None
        column.addWidget(self.title)
        column.addWidget(self.hint)
        column.addLayout(marks)
        column.addWidget(self.facts)
        column.addWidget(TextLabel("SHA-256", tone="secondary"))
        column.addWidget(self.copy)
        column.addStretch(1)
        column.setAlignment(self.copy, Qt.AlignmentFlag.AlignLeft)
        self._column = column

    def show_row(self, row: CertificateRow, accepted: str) -> None:
        """Show it.

        Args:
            row: what it says.
            accepted: fingerprint that this app has accepted for the host, "" where none.
        """
        self.row = row
        kind = row.record.type
        self.title.label.set_text(certificates.TYPES.get(kind, kind or "Certificate"))
        self.hint.set_text(certificates.TYPE_HINTS.get(kind, ""))
        accent = certificates.accent_of(row)
        self.left.set_text(certificates.left_words(row), accent=accent or "muted")
        self._show_pinned(row, accepted)
        self.facts.text(
            "Valid", f"{fmt.day(row.begins_s)} to {fmt.day(row.ends_s)}",
            tip=f"{fmt.absolute(row.begins_s)} to {fmt.absolute(row.ends_s)}",
        )  # fmt: skip
        self.copy.set_reason(None if row.fingerprint else "The host tells no SHA-256 of it.")
        if self.fingerprint is None or self.fingerprint.fingerprint != row.fingerprint:
            self._show_fingerprint(row.fingerprint)

    def _show_fingerprint(self, text: str) -> None:
        if self.fingerprint is not None:
            self._column.removeWidget(self.fingerprint)
            self.fingerprint.hide()
            self.fingerprint.deleteLater()
            self.fingerprint = None
        if text:
            self.fingerprint = FingerprintView(text, "SHA-256 fingerprint")
            self._column.insertWidget(_FINGERPRINT_AT, self.fingerprint)

    def _show_pinned(self, row: CertificateRow, accepted: str) -> None:
        is_seen = row.record.type == "host" and bool(accepted) and bool(row.fingerprint)
        self.pinned.setVisible(is_seen)
        if not is_seen:
            return
        if row.fingerprint == accepted:
            self.pinned.set_text("the one this app has accepted", accent="success")
        else:
            self.pinned.set_text("not the one this app has accepted", accent="warning")

    def copy_fingerprint(self) -> None:
        """Puts the fingerprint on the clipboard."""
        if self.row is not None:
            QGuiApplication.clipboard().setText(self.row.fingerprint)
            self._context.notify("Fingerprint copied.")


class CertificatesCard(Card):
    """The certificates of one host.

    Args:
        context: of the page.
        host: reference of the host.
    """

    def __init__(self, context: PageContext, host: str) -> None:
        super().__init__("Certificates")
        self._context = context
        self._host = host
        self._accepted: str | None = None
        self.blocks: list[CertificateBlock] = []
        self._grid = CardGrid(min_column=340, max_columns=2, gap=24)
        self.add(self._grid)
        self.reset = Button(
            "Replace server certificate…", small=True, on_click=self.begin_reset, icon="shield"
        )
        self.install = Button(
            "Install certificate…", small=True, on_click=self.begin_install, icon="certificate"
        )
        self.refresh = Button(
            "Renew internal certificate…", small=True, on_click=self.begin_refresh, icon="refresh"
        )
        line = FlowLayout()
        line.addWidget(self.install)
        line.addWidget(self.reset)
        line.addWidget(self.refresh)
        self.add_layout(line)
        self.add(
            TextLabel(
                "If nobody can connect any more, run xe host-emergency-reset-server-certificate "
                "on the host's own console.",
                kind="small",
                tone="secondary",
                wrap=True,
                selectable=True,
            )
        )
        self.add_stretch()

    def show_certificates(self) -> None:
        """Show what the stores hold."""
        stores = self._context.stores
        if not show_card_state(self, stores.certificate, stores.host):
            return
        rows = certificates.of_host(stores.certificate.records.values(), self._host)
        while len(self.blocks) < len(rows):
            block = CertificateBlock(self._context)
            self.blocks.append(block)
            self._grid.add(block)
        for at, block in enumerate(self.blocks):
            block.setVisible(at < len(rows))
            if at < len(rows):
                block.show_row(rows[at], self._accepted or "")
        worst = min((row.days_left for row in rows if row.days_left is not None), default=None)
        if worst is not None and worst < certificates.WARNING_DAYS:
            self.set_info("ends soon", "danger" if worst < certificates.DANGER_DAYS else "warning")
        else:
            self.set_info("" if rows else "none known")
        self.tell()
        if self._accepted is None:
            self._accepted = ""
            self._context.tasks.spawn(self._ask_accepted(), "accepted certificate")

    def choices(self) -> list[Choice]:
        """What the buttons do, for the palette."""
        reason = None if self._known() else "This host is not known."
        return [
            Choice(
                "host.install_certificate",
                "Install server certificate…",
                "certificate",
                self.begin_install,
                reason,
                60,
            ),
            Choice(
                "host.reset_certificate",
                "Replace server certificate…",
                "certificate",
                self.begin_reset,
                reason,
                60,
            ),
            Choice(
                "host.refresh_certificate",
                "Renew internal certificate…",
                "certificate",
                self.begin_refresh,
                reason,
                60,
            ),
        ]

    def begin_install(self) -> None:
        """Asks for key, certificate and chain, and sends them to the host."""
        host = self._known()
        if host is not None:
            dialog = InstallCertificateDialog(
                self._context,
                host,
                is_asked_here=self._is_master(),
                parent=self._context.actions.window,
            )
            self._context.tasks.spawn(ask(dialog), "install certificate")

    def begin_reset(self) -> None:
        """Asks, then lets the host make a new one for clients."""
        host = self._known()
        if host is not None:
            question = certificates.reset_question(host, is_asked_here=self._is_master())
            self._context.actions.begin([certificates.reset_deed(host)], question)

    def begin_refresh(self) -> None:
        """Asks, then lets the host make a new one for the pool."""
        host = self._known()
        if host is not None:
            self._context.actions.begin(
                [certificates.refresh_deed(host)], certificates.refresh_question(host)
            )

    def tell(self) -> None:
        """Say why nothing may be done now, where that is so."""
        for button in (self.install, self.reset, self.refresh):
            button.set_reason(self._context.actions.blocked)

    # ------------------------------------------------------------------ parts

    async def _ask_accepted(self) -> None:
        # What was accepted is the app's own knowledge; the host is not asked.
        accepted = ""
        host = self._known()
        with contextlib.suppress(XenApiError):
            door = await self._context.stores.api.door()
            if door.tls and self._is_master():
                accepted = door.fingerprint
            elif door.tls and host is not None:
                accepted = door.pinned(host.address, _HTTPS) or ""
        if shiboken6.isValid(self):
            self._accepted = accepted
            self.show_certificates()

    def _known(self) -> Host | None:
        return self._context.stores.host.get(self._host)

    def _is_master(self) -> bool:
        pool = self._context.stores.the_pool()
        return pool is not None and pool.master == self._host
