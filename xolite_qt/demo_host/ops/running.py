"""What changes in the records when a VM comes to life, stops, or moves.

Source: `xapi.md` 1.9, 1.10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops import guests
from xolite_qt.demo_host.ops.device_rules import device_name, record_of, refresh_devices
from xolite_qt.demo_host.ops.lifecycle import HALTED, PAUSED, RUNNING, SUSPENDED
from xolite_qt.demo_host.ops.space import drop_disk
from xolite_qt.demo_host.registry import Failure

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

MIB = 1 << 20
_LAST_DOMID: WeakKeyDictionary[DemoHost, int] = WeakKeyDictionary()


# Memory


def free_memory(host: DemoHost, host_ref: str) -> int:
    """Free memory of a host, in bytes."""
    metrics = record_of(host, "host_metrics", host.db.get("host", host_ref)["metrics"])
    return int(metrics.get("memory_free", 0))


def take_memory(host: DemoHost, host_ref: str, size_bytes: int) -> None:
    """Takes memory from a host, or gives it back with a negative size."""
    metrics = record_of(host, "host", host_ref).get("metrics", NULL_REF)
    if host.db.exists("host_metrics", metrics):
        record = host.db.get("host_metrics", metrics)
        free = min(record["memory_total"], max(0, record["memory_free"] - size_bytes))
        host.db.set("host_metrics", metrics, memory_free=free)


def memory_of(vm: dict[str, Any]) -> int:
    """Memory that a VM takes, in bytes."""
    return int(vm["memory_dynamic_max"] or vm["memory_static_max"] or 0)


# Where


def choose_host(host: DemoHost, ref: str) -> str:
    """The host that would run a VM: its favourite, else the one with the most free memory.

    Raises:
        Failure: what is wrong with it where there is one host only, NO_HOSTS_AVAILABLE otherwise.
    """
    vm = host.db.get("VM", ref)
    hosts = host.db.refs("host")
    fitting = [one for one in hosts if may_run(host, ref, one) is None]
    if vm["affinity"] in fitting:
        return str(vm["affinity"])
    if fitting:
        return max(fitting, key=lambda one: free_memory(host, one))
    if len(hosts) == 1 and (failure := may_run(host, ref, hosts[0])) is not None:
        raise failure
    raise Failure("NO_HOSTS_AVAILABLE")


def may_run(host: DemoHost, ref: str, host_ref: str) -> Failure | None:
    """Why a host cannot run a VM, or None."""
    one = host.db.get("host", host_ref)
    metrics = record_of(host, "host_metrics", one["metrics"])
    if metrics and not metrics["live"]:
        return Failure("HOST_OFFLINE", host_ref)
    if not one["enabled"]:
        return Failure("HOST_DISABLED", host_ref)
    vm = host.db.get("VM", ref)
    if vm["resident_on"] != host_ref:
        needed, free = memory_of(vm), free_memory(host, host_ref)
        if needed > free:
            return Failure("HOST_NOT_ENOUGH_FREE_MEMORY", needed, free)
    return _missing_storage(host, ref, host_ref) or _missing_network(host, ref, host_ref)


def _missing_storage(host: DemoHost, ref: str, host_ref: str) -> Failure | None:
    for vbd in host.db.get("VM", ref)["VBDs"]:
        disk = record_of(host, "VBD", vbd).get("VDI", NULL_REF)
        sr = record_of(host, "VDI", disk).get("SR", NULL_REF)
        pbds = [record_of(host, "PBD", pbd) for pbd in record_of(host, "SR", sr).get("PBDs", ())]
        # A storage without any way to it is one of a broken picture: it is no obstacle.
        if pbds and not any(
            pbd.get("host") == host_ref and pbd["currently_attached"] for pbd in pbds
        ):
            return Failure("VM_REQUIRES_SR", ref, sr)
    return None


def _missing_network(host: DemoHost, ref: str, host_ref: str) -> Failure | None:
    for vif in host.db.get("VM", ref)["VIFs"]:
        network = record_of(host, "VIF", vif).get("network", NULL_REF)
        pifs = record_of(host, "network", network).get("PIFs", ())
        # Networks without interfaces are made on any host.
        if pifs and not any(record_of(host, "PIF", pif).get("host") == host_ref for pif in pifs):
            return Failure("VM_REQUIRES_NET", ref, network)
    return None


# Up and down


def new_domid(host: DemoHost) -> int:
    """The next number of a domain; they only go up."""
    last = _LAST_DOMID.get(host)
    if last is None:
        last = max((record["domid"] for record in host.db.records("VM").values()), default=0)
    _LAST_DOMID[host] = max(last, 0) + 1
    return _LAST_DOMID[host]


def bring_up(
    host: DemoHost, ref: str, host_ref: str, state: str = RUNNING, *, resumed: bool = False
) -> None:
    """A VM runs now; its memory was taken from the host before.

    Args:
        state: Running or Paused.
        resumed: it goes on where it was, instead of booting.
    """
    db = host.db
    vm = db.get("VM", ref)
    db.set(
        "VM",
        ref,
        power_state=state,
        resident_on=host_ref,
        scheduled_to_be_resident_on=NULL_REF,
        domid=new_domid(host),
    )
    _connect_console(host, ref)
    if db.exists("VM_metrics", vm["metrics"]):
        now = host.clock.iso()
        hvm = bool(vm["HVM_boot_policy"])
        db.set(
            "VM_metrics",
            vm["metrics"],
            start_time=now,
            memory_actual=memory_of(vm),
            VCPUs_number=vm["VCPUs_at_startup"],
            hvm=hvm,
            current_domain_type="hvm" if hvm else "pv",
            last_updated=now,
        )
    attach(host, ref, attached=True)
    if resumed:
        guests.wake(host, ref)
    else:
        host.consoles.switched_on(ref)
        guests.switch_on(host, ref)


def _connect_console(host: DemoHost, ref: str) -> None:
    db = host.db
    _drop_consoles(host, ref)
    where = record_of(host, "host", db.get("VM", ref)["resident_on"])
    console = db.create("console", VM=ref, protocol="rfb")
    uuid = db.get("console", console)["uuid"]
    db.set("console", console, location=f"https://{where.get('address')}/console?uuid={uuid}")


def _drop_consoles(host: DemoHost, ref: str) -> None:
    for console in list(host.db.get("VM", ref)["consoles"]):
        if host.db.exists("console", console):
            host.db.destroy("console", console)
    # References of a file that point nowhere go too.
    host.db.set("VM", ref, consoles=[])


def bring_down(host: DemoHost, ref: str, state: str = HALTED) -> None:
    """A VM runs no more: halted, or suspended to disk."""
    db = host.db
    vm = db.get("VM", ref)
    if vm["power_state"] in (RUNNING, PAUSED):
        take_memory(host, vm["resident_on"], -memory_of(vm))
    _drop_consoles(host, ref)
    db.set(
        "VM",
        ref,
        power_state=state,
        resident_on=NULL_REF,
        scheduled_to_be_resident_on=NULL_REF,
        domid=-1,
    )
    if db.exists("VM_metrics", vm["metrics"]):
        db.set("VM_metrics", vm["metrics"], memory_actual=0, last_updated=host.clock.iso())
    if state == SUSPENDED:
        refresh_devices(host, ref)
        return
    image = db.get("VM", ref)["suspend_VDI"]
    db.set("VM", ref, suspend_VDI=NULL_REF)
    drop_disk(host, image)
    attach(host, ref, attached=False)
    guests.switch_off(host, ref)


def move(host: DemoHost, ref: str, host_ref: str) -> None:
    """A VM that runs goes on, on another host whose memory was taken before."""
    vm = host.db.get("VM", ref)
    take_memory(host, vm["resident_on"], -memory_of(vm))
    host.db.set(
        "VM",
        ref,
        resident_on=host_ref,
        scheduled_to_be_resident_on=NULL_REF,
        domid=new_domid(host),
    )
    _connect_console(host, ref)


def attach(host: DemoHost, ref: str, *, attached: bool) -> None:
    """Plugs all devices of a VM in, or out."""
    vm = host.db.get("VM", ref)
    for vbd in vm["VBDs"]:
        if host.db.exists("VBD", vbd):
            name = device_name(host.db.get("VBD", vbd)["userdevice"]) if attached else ""
            host.db.set("VBD", vbd, currently_attached=attached, device=name)
    for vif in vm["VIFs"]:
        if host.db.exists("VIF", vif):
            host.db.set("VIF", vif, currently_attached=attached)
    refresh_devices(host, ref)


# What is told


def say(
    host: DemoHost, name: str, ref: str, body: str, *, cls: str = "VM", priority: int = 5
) -> None:
    """Leaves a message about an object."""
    host.db.create(
        "message",
        {
            "name": name,
            "priority": priority,
            "cls": cls,
            "obj_uuid": host.db.get(cls, ref)["uuid"],
            "timestamp": host.clock.iso(),
            "body": body,
        },
    )


def named(host: DemoHost, ref: str, cls: str = "VM") -> str:
    """`'name' (uuid: …)` as messages spell it."""
    record = host.db.get(cls, ref)
    return f"'{record['name_label']}' (uuid: {record['uuid']})"
