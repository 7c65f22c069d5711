"""What runs inside a VM, as far as its tools tell: nothing at first, the system after a while,
addresses last.

Source: `xapi.md` 1.10.
"""

from __future__ import annotations

import copy
import ipaddress
import zlib
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.device_rules import record_of, refresh_devices

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

# Seconds after the start until the tools report at all, and until addresses are there.
TOOLS_AFTER_S, ADDRESSES_AFTER_S = 8.0, 13.0

Told = dict[str, Any]
_KNOWN: WeakKeyDictionary[DemoHost, dict[str, Told]] = WeakKeyDictionary()


def _memory(host: DemoHost) -> dict[str, Told]:
    return _KNOWN.setdefault(host, {})


def _remember(host: DemoHost, vm: str) -> None:
    """Keep what the tools of a VM last told when they were up."""
    guest = record_of(host, "VM_guest_metrics", host.db.get("VM", vm)["guest_metrics"])
    if guest.get("PV_drivers_version"):
        told = {k: copy.deepcopy(v) for k, v in guest.items() if k != "uuid"}
        if not told["networks"]:
            told["networks"] = _memory(host).get(vm, {}).get("networks", {})
        _memory(host)[vm] = told


def knows_guest(host: DemoHost, vm: str) -> bool:
    """Whether a system with tools is installed in a VM."""
    _remember(host, vm)
    return vm in _memory(host)


def install_guest(host: DemoHost, vm: str, told: Told) -> None:
    """Tell what the tools of a halted VM will report once it runs.

    Args:
        told: fields of a VM_guest_metrics record.
    """
    _memory(host)[vm] = copy.deepcopy(told)


def inherit(host: DemoHost, source: str, target: str, *, whole: bool) -> None:
    """Give a copy of a VM the system that is installed in the original.

    Args:
        whole: the record as it is now, as snapshots keep it; otherwise without addresses.
    """
    _remember(host, source)
    known = _memory(host).get(source)
    if known is None:
        return
    told = copy.deepcopy(known)
    fields = copy.deepcopy(told)
    if not whole:
        told["networks"] = {}
        fields |= {"networks": {}, "live": False}
    _memory(host)[target] = told
    host.db.set("VM", target, guest_metrics=host.db.create("VM_guest_metrics", fields))


def switch_on(host: DemoHost, vm: str) -> None:
    """The VM boots: the tools say nothing yet, and will."""
    known = knows_guest(host, vm)
    guest = host.db.get("VM", vm)["guest_metrics"]
    if host.db.exists("VM_guest_metrics", guest):
        host.db.set(
            "VM_guest_metrics",
            guest,
            networks={},
            other={},
            PV_drivers_version={},
            PV_drivers_detected=False,
            live=False,
        )
    if known:
        domid = host.db.get("VM", vm)["domid"]
        for seconds, addresses in ((TOOLS_AFTER_S, False), (ADDRESSES_AFTER_S, True)):
            host.later(seconds * host.speed, _report, host, vm, domid, addresses)


def wake(host: DemoHost, vm: str) -> None:
    """The VM goes on where it was: its tools never noticed."""
    if knows_guest(host, vm):
        _report(host, vm, host.db.get("VM", vm)["domid"], True)


def switch_off(host: DemoHost, vm: str) -> None:
    """The VM is halted: its addresses are gone."""
    _remember(host, vm)
    guest = host.db.get("VM", vm)["guest_metrics"]
    if host.db.exists("VM_guest_metrics", guest):
        host.db.set("VM_guest_metrics", guest, networks={}, live=False)


def _report(host: DemoHost, vm: str, domid: int, addresses: bool) -> None:
    """The tools tell, unless that boot is over."""
    if not host.db.exists("VM", vm) or host.db.get("VM", vm)["domid"] != domid:
        return
    told = dict(_memory(host).get(vm, {}))
    if not told:
        return
    networks = _networks(host, vm, told.get("networks", {})) if addresses else {}
    if addresses:
        _memory(host)[vm]["networks"] = networks
    fields = {**told, "networks": networks, "live": True, "last_updated": host.clock.iso()}
    guest = host.db.get("VM", vm)["guest_metrics"]
    if host.db.exists("VM_guest_metrics", guest):
        host.db.set("VM_guest_metrics", guest, **fields)
    else:
        host.db.set("VM", vm, guest_metrics=host.db.create("VM_guest_metrics", fields))
    host.recompute("VM", vm)
    refresh_devices(host, vm)


def _networks(host: DemoHost, vm: str, known: dict[str, str]) -> dict[str, str]:
    """The addresses of all cards: those it had, others near those of its neighbours."""
    found: dict[str, str] = {}
    for ref in host.db.get("VM", vm)["VIFs"]:
        vif = record_of(host, "VIF", ref)
        if not vif.get("currently_attached"):
            continue
        device = vif["device"]
        own = {k: v for k, v in known.items() if k.partition("/")[0] == device}
        if not own:
            address = _address(host, vif)
            own = {f"{device}/ip": address, f"{device}/ipv4/0": address}
        found |= own
    return found


def _address(host: DemoHost, vif: dict[str, Any]) -> str:
    """A free IPv4 address in the net of whoever else is connected."""
    taken: set[str] = set()
    for ref in record_of(host, "network", vif["network"]).get("VIFs", ()):
        other = record_of(host, "VIF", ref)
        vm = record_of(host, "VM", other.get("VM", NULL_REF))
        guest = record_of(host, "VM_guest_metrics", vm.get("guest_metrics", NULL_REF))
        if address := guest.get("networks", {}).get(f"{other.get('device')}/ip"):
            taken.add(address)
    number = zlib.crc32(vif["MAC"].encode())
    near = min(taken, default=f"10.{number >> 8 & 255}.{number >> 16 & 255}.0")
    try:
        net = ipaddress.IPv4Network(f"{near}/24", strict=False)
    except ValueError:
        net = ipaddress.IPv4Network("10.0.0.0/24")
    for step in range(150):
        address = str(net[100 + (number + step) % 150])
        if address not in taken:
            return address
    return str(net[250])


def forget(host: DemoHost, vm: str) -> None:
    """The VM is no more."""
    _memory(host).pop(vm, None)
