"""What can be done with consoles from menus and the palette."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xolite_qt.ui.deeds import Choice, provides
from xolite_qt.ui.views.console.wall import open_wall
from xolite_qt.ui.views.page import PageContext
from xolite_qt.xen_api import VM, Host, Pool

_GROUP = 20


def running(vms: Sequence[VM]) -> list[VM]:
    """Those that have a screen now, by name."""
    return sorted(
        (vm for vm in vms if vm.power_state == "Running"), key=lambda vm: vm.name_label.casefold()
    )


def tile_choice(
    context: PageContext, id_: str, label: str, title: str, vms: Sequence[VM]
) -> Choice:
    """An entry that opens a window with the consoles of those VMs that run."""
    shown = running(vms)
    return Choice(
        id_,
        label,
        "columns",
        lambda: open_wall(context, title, [vm.ref for vm in shown]),
        None if shown else "None of these VMs is running.",
        _GROUP,
    )


def tile_pool(context: PageContext) -> Choice:
    """The consoles of all running VMs."""
    pool = context.stores.the_pool()
    title = pool.name_label if pool is not None else ""
    vms = list(context.stores.vm.records.values())
    return tile_choice(context, "pool.consoles", "Tile all consoles", title, vms)


@provides("vm")
def _of_vms(context: Any, records: Sequence[Any]) -> Sequence[Choice]:
    vms: Sequence[VM] = records
    if len(vms) == 1:
        vm = vms[0]
        reason = None if vm.power_state == "Running" else "The VM is not running."
        return (
            Choice(
                "vm.console",
                "Open console",
                "console",
                lambda: context.navigate("vm", vm.ref, "console"),
                reason,
                _GROUP,
            ),
        )
    return (tile_choice(context, "vm.consoles", "Tile consoles", f"{len(vms)} VMs", vms),)


@provides("host")
def _of_hosts(context: Any, records: Sequence[Any]) -> Sequence[Choice]:
    hosts: Sequence[Host] = records
    refs = {host.ref for host in hosts}
    vms = [vm for vm in context.stores.vm.records.values() if vm.resident_on in refs]
    title = hosts[0].name_label if len(hosts) == 1 else f"{len(hosts)} hosts"
    return (tile_choice(context, "host.consoles", "Tile consoles of its VMs", title, vms),)


@provides("pool")
def _of_pool(context: Any, _records: Sequence[Pool]) -> Sequence[Choice]:
    return (tile_pool(context),)
