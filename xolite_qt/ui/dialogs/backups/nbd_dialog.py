"""NBD per network: where hosts serve their disks, and what that rules out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from xolite_qt.ui.dialogs.backups.form import Choice
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.models.backup_nbd import INSECURE, NBD, NbdNetwork, conflict
from xolite_qt.ui.tasks import TaskOwner
from xolite_qt.ui.widgets.badges import IconLabel
from xolite_qt.ui.widgets.banner import Banner
from xolite_qt.ui.widgets.text import TextLabel, Tone

SetPurpose = Callable[[NbdNetwork, str], Awaitable[str]]
"""Gives a network its purpose ("nbd", "insecure_nbd" or ""); returns why not, or nothing."""

_PURPOSES = (
    ("", "Off"),
    (NBD, "NBD, encrypted (TLS)"),
    (INSECURE, "NBD, not encrypted"),
)


class _NetworkCard(QFrame):
    """One network with its choice, and what each host does on it."""

    def __init__(self, network: NbdNetwork, chosen: Callable[[str], None]) -> None:
        super().__init__()
        self.setProperty("panel", "card")
        self.setAccessibleName(network.name)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(IconLabel("network", 16, color="success" if network.purpose else "secondary"))
        row.addWidget(TextLabel(network.name or network.ref, kind="body-bold", elide=True), 1)
        self.choice = Choice([(ident, self.tr(text)) for ident, text in _PURPOSES], network.purpose)
        self.choice.setAccessibleName(f"NBD on {network.name}")
        self.choice.setMinimumWidth(220)
        self.choice.activated.connect(lambda _at: chosen(self.choice.current()))
        row.addWidget(self.choice)
        column.addLayout(row)
        serving = bool(network.purpose)
        for host in network.hosts:
            line = QHBoxLayout()
            line.setSpacing(8)
            sign, color = _sign(serving, bool(host.address), host.reason)
            line.addSpacing(26)
            line.addWidget(IconLabel(sign, 14, color=color), 0, Qt.AlignmentFlag.AlignVCenter)
            text = f"{host.host}: {_host_words(serving, host.address, host.reason)}"
            tone: Tone = "warning" if serving and not host.address else "secondary"
            line.addWidget(TextLabel(text, kind="small", tone=tone, wrap=True), 1)
            column.addLayout(line)


def _sign(serving: bool, able: bool, reason: str) -> tuple[str, str]:
    if not able:
        return ("warning", "warning") if serving else ("minus", "secondary")
    if reason:
        return "warning", "warning"
    return ("success", "success") if serving else ("check", "secondary")


def _host_words(serving: bool, address: str, reason: str) -> str:
    if not address:
        return f"does not serve here, {reason}" if serving else f"would not serve here, {reason}"
    said = f"serves at {address}" if serving else f"would serve at {address}"
    return f"{said} ({reason})" if reason else said


class NbdDialog(Dialog):
    """The networks of the pool; each change is made at once, on the host.

    Args:
        set_purpose: makes a change.
        tasks: owner of the changes.
        blocked: why nothing may be changed now, or None.
    """

    def __init__(
        self,
        networks: Sequence[NbdNetwork],
        *,
        set_purpose: SetPurpose,
        tasks: TaskOwner,
        blocked: Callable[[], str | None] = lambda: None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("NBD per network", icon="network", width=680, parent=parent)
        self._networks: tuple[NbdNetwork, ...] = ()
        self._set_purpose = set_purpose
        self._tasks = tasks
        self._blocked = blocked
        self._busy = False
        self.body.addWidget(
            TextLabel(
                self.tr(
                    "Over NBD, backups read disks straight from the hosts, several connections at "
                    "a time: much faster than the export. A host serves on every network below "
                    "that is switched on and where it has an IP address, on port 10809. Choose a "
                    "network that this machine reaches."
                ),
                tone="secondary",
                wrap=True,
            )
        )
        self.banner = Banner()
        self.body.addWidget(self.banner)
        self._list = QWidget()
        self._column = QVBoxLayout(self._list)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self.body.addWidget(self._list)
        self.body.addStretch(1)
        self.cards: dict[str, _NetworkCard] = {}
        close = self.add_button(self.tr("Close"), "primary", default=True)
        close.clicked.connect(self.accept)
        self.set_networks(networks)
        close.setFocus()

    def set_networks(self, networks: Sequence[NbdNetwork]) -> None:
        """The networks as they are now."""
        if tuple(networks) == self._networks:
            return
        focused = next((ref for ref, card in self.cards.items() if card.choice.hasFocus()), "")
        self._networks = tuple(networks)
        while (item := self._column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.cards = {}
        for network in networks:
            card = _NetworkCard(network, partial(self._chosen, network))
            self.cards[network.ref] = card
            self._column.addWidget(card)
        if not networks:
            self._column.addWidget(
                TextLabel(self.tr("This pool has no network that a host has an address on."))
            )
        if focused in self.cards:
            self.cards[focused].choice.setFocus()
        self._judge()

    def _judge(self) -> None:
        reason = self._blocked()
        for card in self.cards.values():
            card.choice.setEnabled(not self._busy and reason is None)
        if reason is not None:
            self.banner.show_message(reason, "warning")

    def _chosen(self, network: NbdNetwork, purpose: str) -> None:
        if purpose == network.purpose or self._busy:
            return
        against = conflict(self._networks, network.ref, purpose)
        if against:
            # Said before the host refuses: what has to go first, and a way to do it.
            self.cards[network.ref].choice.set_current(network.purpose)
            names = ", ".join(net.name or net.ref for net in against)
            kind = "not encrypted" if against[0].purpose == INSECURE else "encrypted"
            self.banner.show_message(
                f"A pool serves NBD either encrypted or not, never both. {names} "
                f"{'is' if len(against) == 1 else 'are'} {kind}.",
                "warning",
                action=f"Switch {'it' if len(against) == 1 else 'them'} off and go on",
                on_action=lambda: self._start(network, purpose, against),
            )
            return
        self._start(network, purpose, ())

    def _start(self, network: NbdNetwork, purpose: str, first_off: Sequence[NbdNetwork]) -> None:
        self._busy = True
        self.banner.show_message(self.tr("Telling the host…"), "info", busy=True)
        self._judge()
        self._tasks.spawn(self._change(network, purpose, first_off), "NBD purpose of a network")

    async def _change(
        self, network: NbdNetwork, purpose: str, first_off: Sequence[NbdNetwork]
    ) -> None:
        try:
            trouble = ""
            for other in first_off:
                trouble = trouble or await self._set_purpose(other, "")
            trouble = trouble or await self._set_purpose(network, purpose)
        finally:
            self._busy = False
        card = self.cards.get(network.ref)
        if trouble:
            self.banner.show_message(trouble, "danger", closable=True)
            if card is not None:
                card.choice.set_current(network.purpose)
        elif purpose == INSECURE:
            self.banner.show_message(
                f"Whoever can reach {network.name} can listen in on the disks' content.",
                "warning",
                closable=True,
            )
        else:
            self.banner.clear()
        self._judge()
