"""The details of one network, at the right of the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtWidgets import QVBoxLayout, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.models import network_facts as facts
from xolite_qt.ui.models.network_facts import Guest, Link, NetworkFacts, Status
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.fact_card import FactCard, Facts
from xolite_qt.ui.widgets import (
    Button,
    Card,
    FlowLayout,
    IconButton,
    LinkLabel,
    SidePanel,
    StateBadge,
    TextLabel,
)
from xolite_qt.xen_api import Network

_GUESTS = 100


class NetworkPanel(SidePanel):
    """Facts of a network, its interfaces per host, and the VMs on it.

    Args:
        on_copy: copies the network as JSON.
    """

    def __init__(self, context: PageContext, on_copy: Callable[[], object]) -> None:
        super().__init__()
        self.context = context
        self.copy = IconButton("copy", self.tr("Copy as JSON"), on_copy, size=14)
        self.add_action(self.copy)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        self.general = FactCard("Network")
        self.buttons: dict[str, Button] = {}
        bar = QWidget()
        self._flow = FlowLayout(bar, spacing=6)
        self.description = TextLabel("", tone="secondary", wrap=True, selectable=True)
        self.general.body.insertWidget(0, bar)
        self.general.body.insertWidget(1, self.description)
        self.links = Card("Interfaces")
        self.guests = Card("Virtual interfaces")
        for card in (self.general, self.links, self.guests):
            column.addWidget(card)
        column.addStretch(1)
        self.set_content(body)
        self._drawn: tuple[object, ...] = ()

    def show_choices(self, choices: Sequence[Choice]) -> None:
        """A button for each, with its reason."""
        blocked = self.context.actions.blocked
        for choice in choices:
            button = self.buttons.get(choice.id)
            if button is None:
                kind = "tertiary-danger" if choice.group >= 90 else "secondary"
                button = Button("", kind, icon=choice.icon, small=True)  # type: ignore[arg-type]
                self.buttons[choice.id] = button
                self._flow.addWidget(button)
            else:
                button.clicked.disconnect()
            button.setText(choice.label)
            button.set_reason(blocked or choice.reason)
            button.clicked.connect(partial(self._choose, choice))

    def show_network(self, network: Network, found: NetworkFacts) -> None:
        """Everything of one network."""
        card = self.general.facts
        self.description.set_text(network.name_description)
        self.description.setVisible(bool(network.name_description))
        card.state("Status", found.status.value or "unknown", _words(found.status))
        card.text("VLAN", ", ".join(map(str, found.vlans)) if found.vlans else None)
        card.text("MTU", str(network.mtu) if network.mtu else None)
        card.text("NBD", facts.purpose_words(network))
        card.text("Locking mode", facts.locking_words(network))
        card.yes("In new VMs", facts.is_automatic(network))
        card.tags("Tags", network.tags)
        card.text("Bridge", network.bridge, mono=True)
        card.text("UUID", network.uuid, mono=True)
        drawn = (found, network.ref)
        if drawn != self._drawn:
            self._drawn = drawn
            self._show_links(found.links)
            self._show_guests(found.guests)

    def _show_links(self, links: Sequence[Link]) -> None:
        self.links.set_count(len(links), "brand")
        if not links:
            self.links.set_empty("Internal: VMs on one host talk among themselves.")
            return
        self.links.set_ready()
        column = _fresh(self.links)
        for link in links:
            rows = Facts()
            rows.link("Host", link.host_name, partial(self._open_host, link.host), icon="host")
            rows.text("Device", link.device)
            rows.state("Status", link.status.value or "unknown", _words(link.status))
            rows.text("IP address", ", ".join(link.addresses))
            if link.management:
                rows.text("Role", "Management")
            column.addWidget(rows)

    def _choose(self, choice: Choice, _on: bool = False) -> None:
        self.context.actions.choose(choice)

    def _open_host(self, ref: str) -> None:
        self.context.navigate("host", ref, "network")

    def _show_guests(self, guests: Sequence[Guest]) -> None:
        self.guests.set_count(len(guests), "brand")
        if not guests:
            self.guests.set_empty("No virtual interface is on this network.")
            return
        self.guests.set_ready()
        column = _fresh(self.guests)
        for guest in guests[:_GUESTS]:
            row = QWidget()
            line = FlowLayout(row, spacing=8)
            state = "connected" if guest.attached else "disconnected"
            if guest.name:
                line.addWidget(LinkLabel(guest.name, partial(self._open_vm, guest.vm)))
            else:
                line.addWidget(TextLabel("Template or snapshot"))
            line.addWidget(TextLabel(f"card {guest.device}", kind="small", tone="secondary"))
            line.addWidget(StateBadge(state))
            column.addWidget(row)
        if len(guests) > _GUESTS:
            left = fmt.plural(len(guests) - _GUESTS, "more", "more")
            column.addWidget(TextLabel(f"and {left}", tone="secondary"))

    def _open_vm(self, ref: str) -> None:
        self.context.navigate("vm", ref, None)


def _words(status: Status) -> str:
    return facts.status_words(status)


def _fresh(card: Card) -> QVBoxLayout:
    """An empty column in the card; what was there before goes."""
    old = card.findChild(QWidget, "rows")
    if old is not None:
        old.setObjectName("")
        card.body.removeWidget(old)
        old.hide()
        old.deleteLater()
    rows = QWidget()
    rows.setObjectName("rows")
    column = QVBoxLayout(rows)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(12)
    card.add(rows)
    return column
