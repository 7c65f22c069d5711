"""Opens the forms for new networks and bonds, with what they have to know."""

from __future__ import annotations

from contextlib import ExitStack

from xolite_qt.stores import Stores
from xolite_qt.ui.dialogs.network.new_bond import Card, NewBondDialog
from xolite_qt.ui.dialogs.network.new_network import Interface, NewNetworkDialog
from xolite_qt.ui.models import network_facts as facts
from xolite_qt.ui.models.backup_nbd import nbd_networks
from xolite_qt.ui.models.network_bonds import BondWorld, member_reason
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.backups.deed import loaded
from xolite_qt.ui.views.page import PageContext
from xolite_qt.xen_api import PIF

MADE = "network.made"
"""Where the page finds the reference of a network that was just made, to show it."""


def new_network(context: PageContext) -> None:
    """Opens the form; the new network is shown afterwards."""
    context.tasks.spawn(_new(context, bond=False), "new network")


def new_bond(context: PageContext) -> None:
    """Opens the form; the new network is shown afterwards."""
    context.tasks.spawn(_new(context, bond=True), "new bond")


async def _new(context: PageContext, *, bond: bool) -> None:
    stores = context.stores
    wanted = (
        stores.pool,
        stores.host,
        stores.network,
        stores.pif,
        stores.pif_metrics,
        stores.bond,
    )
    with ExitStack() as stack:
        for store in wanted:
            stack.enter_context(store.subscribe(_nothing))
        for store in wanted:
            await loaded(store)
        window = context.actions.window
        dialog: NewBondDialog | NewNetworkDialog
        if bond:
            dialog = NewBondDialog(
                context, cards(stores), bond_world(stores), nbd_networks(stores), window
            )
        else:
            names = [network.name_label for network in stores.network.records.values()]
            dialog = NewNetworkDialog(
                context, interfaces(stores), nbd_networks(stores), names, window
            )
        made = dialog.made
        if await ask(dialog) and made:
            context.services[MADE] = made[0]
            context.navigate("pool", "", "network")


def _nothing(_change: object) -> None:
    """Rows are read when the form opens."""


def interfaces(stores: Stores) -> list[Interface]:
    """Interfaces of the master that a network can go over."""
    pool = stores.the_pool()
    known = stores.pif.records
    found = []
    for pif in facts.base_pifs(known.values(), pool.master if pool is not None else ""):
        there = {one.host for one in known.values() if one.device == pif.device}
        missing = tuple(
            sorted(
                host.name_label for host in stores.host.records.values() if host.ref not in there
            )
        )
        taken = {
            one.vlan: facts.name_of(stores.network.get(one.network))
            for one in known.values()
            if one.host == pif.host and one.device == pif.device and one.vlan != facts.NO_VLAN
        }
        words = " · ".join(
            (facts.device_words(pif, known, stores.bond.records), _words(stores, pif))
        )
        found.append(Interface(pif.ref, words, taken, missing))
    return found


def _words(stores: Stores, pif: PIF) -> str:
    status = facts.pif_status(
        pif, stores.pif_metrics.get(pif.metrics), facts.bond_of(pif, stores.bond.records)
    )
    network = facts.name_of(stores.network.get(pif.network))
    return f"{network} · {facts.status_words(status).lower()}"


def cards(stores: Stores) -> list[Card]:
    """Network cards of the master, those that can't be bonded with the reason."""
    pool = stores.the_pool()
    found = [
        pif
        for pif in stores.pif.records.values()
        if pool is not None and pif.host == pool.master and pif.physical
    ]
    found.sort(key=lambda pif: (len(pif.device), pif.device))
    return [Card(pif.device, _card_words(stores, pif), member_reason(pif)) for pif in found]


def _card_words(stores: Stores, pif: PIF) -> str:
    role = "management · " if pif.management else ""
    address = f"{pif.ip} · " if pif.ip else ""
    return f"{role}{address}{_words(stores, pif)}"


def bond_world(stores: Stores) -> BondWorld:
    """What a bond is planned from."""
    pool = stores.the_pool()
    return BondWorld(
        hosts=dict(stores.host.records),
        pifs=dict(stores.pif.records),
        master=pool.master if pool is not None else "",
        ha=pool.ha_enabled if pool is not None else False,
    )
