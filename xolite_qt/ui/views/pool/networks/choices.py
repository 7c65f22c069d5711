"""What may be done with networks: for buttons, menus and the palette."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from xolite_qt.ui.deeds import Choice, Deed, provides
from xolite_qt.ui.dialogs.network.edit_network import EditNetworkDialog
from xolite_qt.ui.models import network_facts as facts
from xolite_qt.ui.models.backup_nbd import nbd_networks
from xolite_qt.ui.models.network_deeds import delete_deed, delete_question, purpose_calls
from xolite_qt.ui.models.network_facts import NetworkFacts
from xolite_qt.ui.models.pif_deeds import pool_management_deed, pool_management_question
from xolite_qt.ui.models.pif_rules import Link, link_of, network_reason
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.pool.networks.create import new_bond, new_network
from xolite_qt.ui.views.pool.networks.follow import follow
from xolite_qt.xen_api import PIF, Network

_ONE = "Choose one network."


def network_choices(
    context: PageContext, networks: Sequence[Network], found: dict[str, NetworkFacts]
) -> list[Choice]:
    """What the page offers for the chosen networks.

    Args:
        found: what is on the pool's networks, by reference.
    """
    one = networks[0] if len(networks) == 1 else None
    its = found.get(one.ref, facts.NOTHING) if one is not None else facts.NOTHING
    on = one is not None and bool(facts.purpose_of(one))

    def run(act: Any) -> Any:
        return partial(act, context, one, its)

    nbd_reason = _ONE if one is None else None
    if one is not None and not on:
        nbd_reason = _nbd_reason(context, one, its)
    delete_reason = _ONE if one is None else facts.delete_reason(one, its)
    deletes_bond = one is not None and any(link.bonded for link in its.links)
    return [
        Choice("network.edit", "Edit…", "edit", run(edit), _ONE if one is None else None, 10),
        Choice(
            "network.nbd",
            "Switch NBD off" if on else "Switch NBD on",
            "backup",
            run(switch_nbd),
            nbd_reason,
            20,
        ),
        Choice(
            "network.management",
            "Make management…",
            "star",
            run(manage),
            _ONE if one is None else _management_reason(context, its),
            30,
        ),
        Choice(
            "network.delete",
            "Delete bond…" if deletes_bond else "Delete…",
            "trash",
            run(delete),
            delete_reason,
            90,
        ),
    ]


def _nbd_reason(context: PageContext, network: Network, its: NetworkFacts) -> str | None:
    if its.is_internal:
        return "Hosts have no address on an internal network."
    if not any(link.addresses for link in its.links):
        return "No host has an address on it."
    insecure = [
        facts.name_of(other)
        for other in context.stores.network.records.values()
        if "insecure_nbd" in other.purpose and other.ref != network.ref
    ]
    if insecure:
        return (
            "A pool serves NBD either encrypted or not, never both. "
            f"{', '.join(insecure)}: not encrypted."
        )
    return None


def _pifs(context: PageContext, its: NetworkFacts) -> list[PIF]:
    known = context.stores.pif.records
    return [known[link.ref] for link in its.links if link.ref in known]


def _management_reason(context: PageContext, its: NetworkFacts) -> str | None:
    pool = context.stores.the_pool()
    ha = pool.ha_enabled if pool is not None else False
    return network_reason(_pifs(context, its), context.stores.host.records, ha=ha)


def manage(context: PageContext, network: Network, its: NetworkFacts) -> None:
    """Lets all hosts be managed over it, after a question that names their new addresses."""
    context.tasks.spawn(_manage(context, network, its), f"manage over {network.name_label[:80]}")


async def _manage(context: PageContext, network: Network, its: NetworkFacts) -> None:
    stores = context.stores
    pool = stores.the_pool()
    master = pool.master if pool is not None else ""
    address = stores.api.address[0]
    links = [
        link_of(pif, master=master, address=address)
        for pif in stores.pif.records.values()
        if pif.management and pif.host == master
    ]
    link = links[0] if links else Link.BEHIND
    pifs = _pifs(context, its)
    question = pool_management_question(network, pifs, master, stores.host.records, link)
    outcomes = await context.actions.do([pool_management_deed(network, link)], question)
    if outcomes and outcomes[0].error is None and link is Link.OURS:
        follow(context, next((pif.ip for pif in pifs if pif.host == master), ""))


def edit(context: PageContext, network: Network, its: NetworkFacts) -> None:
    """Opens the form."""
    dialog = EditNetworkDialog(
        context, network, its, nbd_networks(context.stores), context.actions.window
    )
    context.tasks.spawn(ask(dialog), f"edit network {network.name_label[:80]}")


def switch_nbd(context: PageContext, network: Network, _its: NetworkFacts) -> None:
    """Lets hosts serve disks over it, encrypted, or no more."""
    on = not facts.purpose_of(network)
    calls = purpose_calls(network, "nbd" if on else "")

    async def work(api: Any) -> None:
        for method, *params in calls:
            await api.call(method, *params)

    done = "hosts serve disks over it" if on else "NBD is off"
    label = "Switch NBD on" if on else "Switch NBD off"
    context.actions.begin([Deed(facts.name_of(network), label, done, work)])


def delete(context: PageContext, network: Network, its: NetworkFacts) -> None:
    """Asks, with all that goes, then deletes."""
    pifs = _pifs(context, its)
    context.actions.begin([delete_deed(network, pifs)], delete_question(network, its))


@provides("pool")
def pool_choices(context: PageContext, _pools: Sequence[Any]) -> Sequence[Choice]:
    """Forms for new networks; they say themselves what stands in the way."""
    return (
        Choice("pool.new_network", "New network…", "plus", partial(new_network, context), None, 15),
        Choice("pool.new_bond", "New bond…", "link", partial(new_bond, context), None, 15),
    )
