"""The interfaces of a host: their links, addresses and roles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from PySide6.QtWidgets import QWidget

from xolite_qt.ui.actions import Question
from xolite_qt.ui.deeds import Choice, Deed
from xolite_qt.ui.dialogs.network.ip import IpDialog, taken_addresses
from xolite_qt.ui.models import network_facts as facts
from xolite_qt.ui.models import pif_deeds, pif_rules
from xolite_qt.ui.models.pif_columns import (
    PifFacts,
    mode_words,
    nbd_words,
    pif_columns,
    speed_of,
    speed_words,
)
from xolite_qt.ui.models.pif_rules import Link
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.acting_table import ActingTable, Fact
from xolite_qt.ui.views.pool.networks.follow import follow
from xolite_qt.xen_api import PIF, Host

_NONE = "Select an interface first."
_ONE = "Select one interface."


class HostNetwork(ActingTable[PIF]):
    """Interfaces: scanned, configured, connected; the management link with a guard."""

    page_id = "host.network"
    title = "Network"
    icon_name = "pif"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        stores = context.stores
        self._stores = stores
        super().__init__(
            context,
            ref,
            columns=pif_columns(self.read),
            store=stores.pif,
            one="interface",
            many="interfaces",
            beside=(stores.network, stores.pif_metrics, stores.bond, stores.host, stores.pool),
            on_bar=("pif.scan", "pif.ip", "pif.plug", "pif.unplug", "pif.management"),
            parent=parent,
        )

    # ------------------------------------------------------------------ what is there

    @property
    def host(self) -> Host | None:
        """The host, or None while it is not known."""
        return self._stores.host.get(self.ref)

    @property
    def host_name(self) -> str:
        """Its name."""
        host = self.host
        return host.name_label if host is not None else "the host"

    def belongs(self, row: PIF) -> bool:
        """Interfaces of this host."""
        return row.host == self.ref

    def read(self, pif: PIF) -> PifFacts:
        """What stands around an interface."""
        stores = self._stores
        metrics = stores.pif_metrics.get(pif.metrics)
        bond = facts.bond_of(pif, stores.bond.records)
        return PifFacts(
            network=stores.network.get(pif.network),
            metrics=metrics,
            device=facts.device_words(pif, stores.pif.records, stores.bond.records),
            status=facts.pif_status(pif, metrics, bond),
        )

    def link_of(self, pif: PIF) -> Link:
        """What an interface is to the connection of this program."""
        pool = self._stores.the_pool()
        master = pool.master if pool is not None else ""
        return pif_rules.link_of(pif, master=master, address=self._stores.api.address[0])

    # ------------------------------------------------------------------ details

    def title_of(self, row: PIF) -> str:
        """`eth0`, `eth0, VLAN 20`."""
        return row.device if row.vlan == facts.NO_VLAN else f"{row.device}, VLAN {row.vlan}"

    def facts(self, row: PIF) -> Sequence[Fact]:
        """Everything about an interface."""
        found = self.read(row)
        network, metrics = found.network, found.metrics
        bond = facts.bond_of(row, self._stores.bond.records)
        more: list[Fact] = []
        if bond is not None:
            members = [self._stores.pif.get(ref) for ref in bond.slaves]
            devices = ", ".join(sorted(pif.device for pif in members if pif is not None))
            more = [
                Fact("Bond of", devices),
                Fact("Bond mode", bond.mode),
                Fact("Links up", f"{bond.links_up} of {len(bond.slaves)}"),
            ]
        link = "" if metrics is None else ("Up" if metrics.carrier else "Down")
        return (
            Fact("Network", facts.name_of(network), self._open_network, icon="network"),
            Fact("Device", found.device),
            Fact("Role", "Management" if row.management else ""),
            Fact("Status", facts.status_words(found.status)),
            Fact("Physical link", link),
            *more,
            Fact("VLAN", str(row.vlan) if row.vlan != facts.NO_VLAN else ""),
            Fact("Tags", ", ".join(network.tags) if network is not None else ""),
            Fact("IP addresses", ", ".join(facts.addresses_of(row))),
            Fact("MAC", row.mac, mono=True),
            Fact("Netmask", row.netmask),
            Fact("Gateway", row.gateway),
            Fact("IPv6 gateway", row.ipv6_gateway),
            Fact("DNS", row.dns),
            Fact("IP mode", mode_words(row)),
            Fact("MTU", str(row.mtu or "")),
            Fact("Speed", speed_words(speed_of(metrics))),
            Fact("NBD", nbd_words(network)),
            Fact("Disconnecting", "Forbidden" if row.disallow_unplug else "Allowed"),
            Fact("Card", _card(metrics)),
            Fact("UUID", row.uuid, mono=True),
        )

    def _open_network(self) -> None:
        self.context.navigate("pool", "", "network")

    # ------------------------------------------------------------------ choices

    def row_choices(self, rows: Sequence[PIF]) -> Sequence[Choice]:
        """What may be done with interfaces."""
        one = rows[0] if len(rows) == 1 else None
        which = None if one is not None else (_ONE if rows else _NONE)
        pool = self._stores.the_pool()
        ha = pool.ha_enabled if pool is not None else False

        def choice(
            ident: str,
            label: str,
            icon: str,
            act: Callable[[PIF], object],
            why: Callable[[PIF], str | None],
            group: int,
        ) -> Choice:
            reason = which if one is None else why(one)
            return Choice(ident, label, icon, partial(_with, act, one), reason, group)

        return (
            Choice("pif.scan", "Scan interfaces", "refresh", self._scan, self._may_scan(), 10),
            choice("pif.ip", "IP configuration…", "edit", self._ip, pif_rules.ip_reason, 20),
            choice("pif.plug", "Connect", "plug", self._plug, pif_rules.plug_reason, 30),
            choice(
                "pif.unplug",
                "Disconnect…",
                "disconnect",
                self._unplug,
                pif_rules.unplug_reason,
                30,
            ),
            choice(
                "pif.management",
                "Make management…",
                "star",
                self._manage,
                partial(pif_rules.management_reason, ha=ha),
                40,
            ),
            choice("pif.forget", "Forget…", "trash", self._forget, pif_rules.forget_reason, 90),
        )

    def _may_scan(self) -> str | None:
        return None if self.host is not None else "The host is not known yet."

    def _scan(self) -> None:
        self.context.actions.begin([pif_deeds.scan_deed(self.ref, self.host_name)])

    def _plug(self, pif: PIF) -> None:
        self.context.actions.begin([pif_deeds.plug_deed(pif)])

    def _unplug(self, pif: PIF) -> None:
        network = facts.name_of(self._stores.network.get(pif.network))
        question = pif_deeds.unplug_question(pif, self.host_name, network)
        self.context.actions.begin([pif_deeds.unplug_deed(pif)], question)

    def _forget(self, pif: PIF) -> None:
        question = pif_deeds.forget_question(pif, self.host_name)
        self.context.actions.begin([pif_deeds.forget_deed(pif)], question)

    def _manage(self, pif: PIF) -> None:
        # The link that moves is the management link of now, not the one that it becomes.
        link = Link.OTHER
        for other in self._stores.pif.records.values():
            if other.host == pif.host and other.management:
                link = self.link_of(other)
        deed = pif_deeds.management_deed(pif, link)
        question = pif_deeds.management_question(pif, self.host_name, link)
        self.context.tasks.spawn(
            self._move(deed, question, pif.ip, link), f"manage over {pif.device}"
        )

    async def _move(self, deed: Deed, question: Question, address: str, link: Link) -> None:
        outcomes = await self.context.actions.do([deed], question)
        if outcomes and outcomes[0].error is None and link is Link.OURS:
            follow(self.context, address)

    def _ip(self, pif: PIF) -> None:
        self.context.tasks.spawn(self._configure(pif), f"IP configuration of {pif.device}")

    async def _configure(self, pif: PIF) -> None:
        stores, link = self._stores, self.link_of(pif)
        hosts = stores.host.records
        taken = taken_addresses(
            list(stores.pif.records.values()),
            pif,
            lambda ref: hosts[ref].name_label if ref in hosts else "a host",
        )
        dialog = IpDialog(
            self.context, pif, self.host_name, link, taken, self.context.actions.window
        )
        if await ask(dialog) and link is Link.OURS:
            self._follow(pif, dialog)

    def _follow(self, pif: PIF, dialog: IpDialog) -> None:
        if ":" in self._stores.api.address[0]:
            to6 = dialog.applied6
            if to6 is not None and to6.mode != "Static":
                follow(self.context, "")
            elif to6 is not None and to6.address not in pif.ipv6:
                follow(self.context, to6.plain)
        elif (to := dialog.applied) is not None:
            if to.mode == "DHCP":
                follow(self.context, "")
            elif to.address != pif.ip:
                follow(self.context, to.address)


def _with(act: Callable[[PIF], object], pif: PIF | None) -> None:
    if pif is not None:
        act(pif)


def _card(metrics: Any) -> str:
    if metrics is None:
        return ""
    words = f"{metrics.vendor_name} {metrics.device_name}".strip()
    return f"{words} ({metrics.pci_bus_path})" if words and metrics.pci_bus_path else words
