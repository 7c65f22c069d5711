"""A network card of a VM: a new one, or changes to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QCheckBox, QLineEdit, QWidget

from xolite_qt.ui.dialogs.backups.form import Choice, Form, number
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.models.vif_columns import LOCKING, mac_trouble, rate_kbs
from xolite_qt.ui.widgets.reason import set_reason
from xolite_qt.xen_api import VIF, Network


@dataclass(frozen=True)
class VifWish:
    """What was entered.

    Attributes:
        network: reference.
        mac: "" where the host is to choose.
        locking: of XAPI's `locking_mode`s.
        limit_kbs: KiB/s; None for none.
    """

    network: str
    mac: str
    locking: str
    limit_kbs: int | None


class VifDialog(Dialog):
    """Network, address, locking and limit of a card.

    Args:
        title: of the window.
        verb: the word on the button.
        networks: to choose from.
        vif: the card that is changed; None for a new one. Its MAC cannot be changed.
        taken: MAC addresses that are in use.
    """

    def __init__(
        self,
        title: str,
        verb: str,
        networks: Sequence[Network],
        vif: VIF | None = None,
        taken: frozenset[str] = frozenset(),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, icon="pif", width=600, parent=parent)
        self._taken = {mac.lower() for mac in taken}
        form = Form()
        ordered = sorted(networks, key=lambda network: network.name_label.casefold())
        self.network = Choice([(one.ref, one.name_label or one.bridge) for one in ordered])
        form.add(self.tr("Network"), self.network)
        self.mac = QLineEdit(vif.mac if vif is not None else "")
        self.mac.setPlaceholderText(self.tr("The host chooses one"))
        set_reason(self.mac, None if vif is None else self.tr("A card keeps its address."))
        self.mac_row = form.add(self.tr("MAC address"), self.mac)
        self.locking = Choice(list(LOCKING.items()))
        form.add(self.tr("Traffic"), self.locking)
        self.limited = QCheckBox(self.tr("Limit what it sends to"))
        self.limit = number(1, 100_000_000, 10_240, suffix=" KiB/s", says=self.tr("Limit"))
        form.add(self.tr("Limit"), self.limited, self.limit)
        if vif is not None:
            self.network.set_current(vif.network)
            self.locking.set_current(vif.locking_mode or "network_default")
            self.limited.setChecked(rate_kbs(vif) is not None)
            self.limit.setValue(rate_kbs(vif) or 10_240)
        self.limited.toggled.connect(self._judge_limit)
        self._judge_limit()
        self.body.addWidget(form)
        self.body.addStretch(1)
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(verb, "primary", default=True)
        self.go.clicked.connect(self.accept)
        self.mac.textChanged.connect(lambda _text: self._judge())
        self._judge()

    def _judge_limit(self) -> None:
        no = None if self.limited.isChecked() else self.tr("What it sends is not limited.")
        set_reason(self.limit, no)

    def _judge(self) -> None:
        text = self.mac.text().strip()
        trouble = mac_trouble(text) if self.mac.isEnabled() else ""
        if not trouble and self.mac.isEnabled() and text.lower() in self._taken:
            trouble = self.tr("Another card of this pool has this address.")
        self.mac_row.set_problem(trouble)
        none = None if self.network.count() else self.tr("The pool has no network.")
        self.go.set_reason(trouble or none)

    def wish(self) -> VifWish:
        """What was entered."""
        limit = self.limit.value() if self.limited.isChecked() else None
        return VifWish(
            self.network.current(), self.mac.text().strip().lower(), self.locking.current(), limit
        )
