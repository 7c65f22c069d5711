"""A world of any size from numbers: the same seed gives the same world."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from xolite_qt.demo_host.datamodel import NULL_REF

from .alarms import ALARM_PRIORITY, alarm_body
from .hardware import host_fields
from .machines import DAY_S, GIB, SYSTEMS, guest_metrics, mac, vm_actions, vm_fields
from .premises import add_consoles, add_drivers

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

SHARED_SRS = 8
SR_HOSTS = 16
NETWORKS = 12
ROLES = ("web", "db", "mail", "build", "desktop", "files", "proxy", "cache", "queue", "test")
TAGS = ("production", "staging", "backup-daily", "backup-weekly", "web", "database", "legacy")
WATCHED = (
    ("cpu_usage", 0.97, 0.9),
    ("mem_usage", 0.96, 0.95),
    ("fs_usage", 0.93, 0.9),
    ("network_usage", 61234.5, 50000.0),
    ("disk_usage", 88123.25, 75000.0),
)


def generate_world(host: DemoHost, *, hosts: int, vms: int, alarms: int = 0) -> None:
    """Fill an empty host with one pool.

    Args:
        host: an empty one.
        hosts: how many, at least 1.
        vms: how many besides control domains and templates; three of four run.
        alarms: how many ALARM messages over the VMs.

    Raises:
        ValueError: no hosts.
    """
    if hosts < 1:
        raise ValueError("a pool has at least one host")
    with _no_collection():
        _fill(host, hosts, vms)
        if alarms:
            store_alarms(host, alarms)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Everything made here stays; looking for garbage in it takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _fill(host: DemoHost, hosts: int, vms: int) -> None:
    db = host.db
    host_refs = [_add_host(host, number) for number in range(hosts)]
    networks = [
        db.create(
            "network",
            name_label=f"Network {number}",
            name_description=f"Floor {number}",
            bridge=f"xapi{number}" if number else "xenbr0",
            MTU=1500,
        )
        for number in range(NETWORKS)
    ]
    for number, ref in enumerate(host_refs):
        db.create(
            "PIF",
            host=ref,
            network=networks[0],
            device="eth0",
            MAC=mac(host.rng),
            management=True,
            physical=True,
            currently_attached=True,
            VLAN=-1,
            MTU=1500,
            ip_configuration_mode="Static",
            IP=_address(number),
            netmask="255.0.0.0",
            gateway="10.0.0.1",
            metrics=db.create("PIF_metrics", carrier=True, speed=10000, duplex=True),
        )
    srs = _add_srs(host, host_refs)
    db.create(
        "pool",
        name_label=f"Generated pool of {hosts}",
        master=host_refs[0],
        default_SR=srs[0],
        tls_verification_enabled=True,
    )
    db.create("user", short_name="root", fullname="superuser")
    for number in range(vms):
        add_vm(host, number, host_refs, srs, networks)
    # Last: the references of everything before stay those of the seed.
    add_drivers(host)
    add_consoles(host)


def store_alarms(host: DemoHost, count: int) -> None:
    """Store ALARM messages over the VMs, the newest last.

    Args:
        host: a filled one.
        count: how many.

    Raises:
        ValueError: there is no VM.
    """
    uuids = [
        record["uuid"]
        for record in host.db.records("VM").values()
        if not (record["is_a_template"] or record["is_control_domain"])
    ]
    if not uuids:
        raise ValueError("no VM to raise an alarm about")
    bodies = [alarm_body(*watched) for watched in WATCHED]
    for number in range(count):
        host.db.create(
            "message",
            {
                "name": "ALARM",
                "priority": ALARM_PRIORITY,
                "cls": "VM",
                "obj_uuid": uuids[number % len(uuids)],
                "timestamp": host.clock.iso(number - count),
                "body": bodies[(number // len(uuids) + number) % len(bodies)],
            },
        )


def _address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _add_host(host: DemoHost, number: int) -> str:
    db = host.db
    total = (128 << number % 4) * GIB
    return db.create(
        "host",
        host_fields(name=f"host-{number:04}", address=_address(number), cores=32, sockets=2),
        metrics=db.create("host_metrics", memory_total=total, memory_free=total // 3, live=True),
        tags=[TAGS[number % len(TAGS)]] if number % 3 == 0 else [],
    )


def _add_srs(host: DemoHost, host_refs: list[str]) -> list[str]:
    db = host.db
    srs = []
    for number in range(SHARED_SRS):
        sr = db.create(
            "SR",
            name_label=f"Shared storage {number}",
            type="nfs" if number % 2 else "lvmoiscsi",
            content_type="user",
            shared=True,
            physical_size=200 * 1024 * GIB,
            physical_utilisation=(60 + 10 * number) * 1024 * GIB,
            virtual_allocation=(80 + 12 * number) * 1024 * GIB,
            sm_config={"allocation": "thick"},
            allowed_operations=["vdi_create", "vdi_destroy", "vdi_clone", "vdi_snapshot", "scan"],
        )
        srs.append(sr)
        # Each SR on hosts of its own, as far as they go.
        for step in range(min(SR_HOSTS, len(host_refs))):
            db.create(
                "PBD",
                host=host_refs[(number * SR_HOSTS + step) % len(host_refs)],
                SR=sr,
                currently_attached=True,
                device_config={"server": "10.255.0.1", "serverpath": f"/export/{number}"},
            )
    return srs


def add_vm(
    host: DemoHost, number: int, host_refs: list[str], srs: list[str], networks: list[str]
) -> str:
    """Create a VM with one disk and one card; three of four run.

    Args:
        host: a filled one.
        number: makes it differ from others.
        host_refs, srs, networks: what it may be on; taken in turns.

    Returns:
        Its reference.
    """
    db, rng = host.db, host.rng
    system = SYSTEMS[number % len(SYSTEMS)]
    running = rng.random() < 0.75
    memory = rng.choice((1, 2, 4, 8, 16)) * GIB
    vcpus = rng.choice((1, 2, 4, 8))
    name = f"{ROLES[number % len(ROLES)]}-{number:05}"
    now = host.clock.iso(-rng.random() * 60)
    guest = NULL_REF
    if running:
        report = guest_metrics(
            system,
            now,
            [(_address(number + (1 << 16)), f"fd00::{number:x}")],
            hostname=name,
        )
        guest = db.create("VM_guest_metrics", report)
    metrics = db.create(
        "VM_metrics",
        memory_actual=memory if running else 0,
        VCPUs_number=vcpus if running else 0,
        start_time=host.clock.iso(-rng.random() * 90 * DAY_S),
        install_time=host.clock.iso(-(90 + rng.random() * 900) * DAY_S),
        last_updated=now,
        hvm=True,
        current_domain_type="hvm" if running else "unspecified",
        state=[],
    )
    on = host_refs[number % len(host_refs)] if running else NULL_REF
    fields: dict[str, Any] = vm_fields(
        system, rng, memory=memory, vcpus=vcpus, mac_seed=db.new_uuid()
    )
    fields |= {
        "name_label": name,
        "name_description": f"{system.name}, made by the generator as number {number}",
        "power_state": "Running" if running else "Halted",
        "domid": number + 1 if running else -1,
        "resident_on": on,
        "affinity": host_refs[number % len(host_refs)],
        "metrics": metrics,
        "guest_metrics": guest,
        "tags": [TAGS[number % len(TAGS)], *(["generated"] if number % 2 else [])],
        "is_a_snapshot": False,
        "is_a_template": False,
        "start_delay": 0,
    }
    fields["allowed_operations"] = vm_actions(fields, tools=running)
    vm = db.create("VM", fields)
    size = rng.choice((10, 20, 40, 80, 200)) * GIB
    vdi = db.create(
        "VDI",
        name_label=f"{name} disk 0",
        SR=srs[number % len(srs)],
        virtual_size=size,
        physical_utilisation=size // 2,
        type="user",
        managed=True,
        allowed_operations=["snapshot", "clone", "copy", "resize"],
    )
    db.create(
        "VBD",
        VM=vm,
        VDI=vdi,
        type="Disk",
        mode="RW",
        bootable=True,
        userdevice="0",
        device="xvda" if running else "",
        currently_attached=running,
    )
    db.create(
        "VIF",
        VM=vm,
        network=networks[number % len(networks)],
        device="0",
        MAC=mac(rng),
        MAC_autogenerated=True,
        MTU=1500,
        currently_attached=running,
    )
    return vm
