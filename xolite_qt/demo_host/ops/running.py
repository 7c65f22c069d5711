"""What changes in the records when a VM comes to life, stops, or moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.registry import Failure

from .lifecycle import HALTED, PAUSED, RUNNING, SUSPENDED

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

MIB = 1 << 20
# Seconds after the start until the guest's tools report, on a real host.
TOOLS_AFTER_S = 8.0


def free_memory(host: DemoHost, host_ref: str) -> int:
    """Free memory of a host, in bytes."""
    metrics = host.db.get("host", host_ref)["metrics"]
    if not host.db.exists("host_metrics", metrics):
        return 0
    return int(host.db.get("host_metrics", metrics)["memory_free"])


def take_memory(host: DemoHost, host_ref: str, size_bytes: int) -> None:
    """Takes memory from a host, or gives it back with a negative size."""
    if host_ref == NULL_REF or not host.db.exists("host", host_ref):
        return
    metrics = host.db.get("host", host_ref)["metrics"]
    if host.db.exists("host_metrics", metrics):
        record = host.db.get("host_metrics", metrics)
        free = min(record["memory_total"], max(0, record["memory_free"] - size_bytes))
        host.db.set("host_metrics", metrics, memory_free=free)


def memory_of(vm: dict[str, Any]) -> int:
    """Memory that a VM takes, in bytes."""
    return int(vm["memory_dynamic_max"] or vm["memory_static_max"] or 0)


def choose_host(host: DemoHost, ref: str) -> str:
    """The host that would run a VM: its favourite, else the one with the most free memory.

    Raises:
        Failure: HOST_DISABLED or HOST_NOT_ENOUGH_FREE_MEMORY where there is one host only,
            NO_HOSTS_AVAILABLE otherwise.
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
    if not host.db.get("host", host_ref)["enabled"]:
        return Failure("HOST_DISABLED", host_ref)
    needed, free = memory_of(host.db.get("VM", ref)), free_memory(host, host_ref)
    if needed > free:
        return Failure("HOST_NOT_ENOUGH_FREE_MEMORY", needed, free)
    return None


def bring_up(host: DemoHost, ref: str, host_ref: str, state: str = RUNNING) -> None:
    """A VM runs now."""
    db = host.db
    vm = db.get("VM", ref)
    memory = memory_of(vm)
    take_memory(host, host_ref, memory)
    db.set(
        "VM",
        ref,
        power_state=state,
        resident_on=host_ref,
        domid=host.rng.randrange(1, 60_000),
    )
    db.create(
        "console",
        VM=ref,
        protocol="rfb",
        location=f"https://{db.get('host', host_ref)['address']}/console?uuid={vm['uuid']}",
    )
    now = host.clock.iso()
    if db.exists("VM_metrics", vm["metrics"]):
        db.set(
            "VM_metrics",
            vm["metrics"],
            start_time=now,
            memory_actual=memory,
            VCPUs_number=vm["VCPUs_at_startup"],
            state=[state.lower()],
            last_updated=now,
        )
    attach(host, ref, attached=True)
    guest = vm["guest_metrics"]
    if guest != NULL_REF and db.exists("VM_guest_metrics", guest):
        remembered = db.get("VM_guest_metrics", guest)["networks"]
        if remembered:
            db.set("VM_guest_metrics", guest, networks={}, live=False)
            host.later(TOOLS_AFTER_S * host.speed, tools_report, host, guest, dict(remembered))


def tools_report(host: DemoHost, guest: str, networks: dict[str, str]) -> None:
    """The guest's tools are up and tell the addresses."""
    if host.db.exists("VM_guest_metrics", guest):
        host.db.set(
            "VM_guest_metrics",
            guest,
            networks=networks,
            live=True,
            last_updated=host.clock.iso(),
        )


def bring_down(host: DemoHost, ref: str, state: str = HALTED) -> None:
    """A VM runs no more: halted, or suspended to disk."""
    db = host.db
    vm = db.get("VM", ref)
    if vm["power_state"] in (RUNNING, PAUSED):
        take_memory(host, vm["resident_on"], -memory_of(vm))
    for console in list(vm["consoles"]):
        if db.exists("console", console):
            db.destroy("console", console)
    db.set("VM", ref, power_state=state, resident_on=NULL_REF, domid=-1)
    if db.exists("VM_metrics", vm["metrics"]):
        db.set("VM_metrics", vm["metrics"], memory_actual=0, state=[state.lower()])
    if state != SUSPENDED:
        attach(host, ref, attached=False)


def attach(host: DemoHost, ref: str, *, attached: bool) -> None:
    """Plugs all devices of a VM in, or out."""
    vm = host.db.get("VM", ref)
    for cls, refs in (("VBD", vm["VBDs"]), ("VIF", vm["VIFs"])):
        for device in list(refs):
            if host.db.exists(cls, device):
                host.db.set(cls, device, currently_attached=attached)


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
