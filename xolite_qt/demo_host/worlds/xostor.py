"""Pools whose disks LINSTOR keeps: three hosts in good health, four in trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xolite_qt.demo_host.linstor import GIB, Linstor, resource_name

from .generated import add_vm
from .hardware import host_fields
from .machines import mac
from .premises import add_consoles

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

GROUP = "linstor_group/thin_device"
DISK_BYTES = 1788 * GIB
NAMES = ("accounts", "web", "mail", "files", "monitor", "build", "database", "archive", "desktop")


def build_xostor3(host: DemoHost) -> None:
    """Three hosts, all well.

    Args:
        host: an empty one.
    """
    _build(host, 3, vms=7)


def build_xostor4(host: DemoHost) -> None:
    """Four hosts: one is away, one copy is outdated, one node is nearly full.

    Args:
        host: an empty one.
    """
    linstor = _build(host, 4, vms=9)
    db = host.db
    away = next(r for r in db.refs("host") if db.get("host", r)["hostname"] == "xostor-4")
    db.set("host_metrics", db.get("host", away)["metrics"], live=False)
    db.set("host", away, enabled=False)
    for ref in db.refs("PBD"):
        if db.get("PBD", ref)["host"] == away:
            db.set("PBD", ref, currently_attached=False)
    linstor.nodes["xostor-4"] = "OFFLINE"
    linstor.free["xostor-2"] = 108 * GIB
    vdis = [r for r in db.refs("VDI") if db.get("VDI", r)["SR"] == linstor.sr]
    names = [resource_name(db.get("VDI", ref)["uuid"]) for ref in vdis]
    # Copies of disk n are on nodes n and n+1 of 0 to 3, counted round from 1.
    linstor.states[names[0], "xostor-3"] = "Outdated"
    linstor.states[names[4], "xostor-3"] = "SyncTarget(41.80%)"
    linstor.without_tie_breaker.add(names[3])
    linstor.orphans.append(resource_name("of nothing"))


def _build(host: DemoHost, count: int, vms: int) -> Linstor:
    db = host.db
    networks = [
        db.create("network", name_label=name, bridge=bridge, MTU=mtu)
        for name, bridge, mtu in (("Management", "xenbr0", 1500), ("Replication", "xenbr1", 9000))
    ]
    hosts = []
    for number in range(1, count + 1):
        name = f"xostor-{number}"
        hosts.append(
            db.create(
                "host",
                host_fields(name=name, address=f"10.40.0.{number}", cores=32, sockets=2),
                name_description=f"Rack {number}",
                metrics=db.create(
                    "host_metrics", memory_total=256 * GIB, memory_free=90 * GIB, live=True
                ),
            )
        )
        for card, (network, address) in enumerate(
            zip(networks, (f"10.40.0.{number}", f"10.41.0.{number}"), strict=True)
        ):
            db.create(
                "PIF",
                host=hosts[-1],
                network=network,
                device=f"eth{card}",
                MAC=mac(host.rng),
                management=card == 0,
                physical=True,
                currently_attached=True,
                VLAN=-1,
                MTU=9000 if card else 1500,
                ip_configuration_mode="Static",
                IP=address,
                netmask="255.255.255.0",
                gateway="" if card else "10.40.0.254",
                metrics=db.create("PIF_metrics", carrier=True, speed=10000, duplex=True),
            )
    sr = db.create(
        "SR",
        name_label="XOSTOR",
        name_description="Two copies of each disk on the hosts' NVMe drives",
        type="linstor",
        content_type="user",
        shared=True,
        physical_size=DISK_BYTES * count // 2,
        physical_utilisation=410 * GIB,
        virtual_allocation=560 * GIB,
        allowed_operations=["vdi_create", "vdi_destroy", "vdi_clone", "vdi_snapshot", "scan"],
    )
    for ref in hosts:
        db.create(
            "PBD",
            host=ref,
            SR=sr,
            currently_attached=True,
            device_config={"group-name": GROUP, "redundancy": "2", "provisioning": "thin"},
        )
    db.create(
        "pool",
        name_label=f"XOSTOR of {count}",
        master=hosts[0],
        default_SR=sr,
        tls_verification_enabled=True,
    )
    db.create("user", short_name="root", fullname="superuser")
    # In a pool of four the last host is away: nothing runs there. In one of three, every VM runs
    # where a copy of its disk is.
    places = [hosts[1], hosts[2], hosts[0]]
    for number in range(vms):
        ref = add_vm(host, number, places, [sr], networks[:1])
        db.set("VM", ref, name_label=NAMES[number])
        for vbd in db.get("VM", ref)["VBDs"]:
            db.set("VDI", db.get("VBD", vbd)["VDI"], name_label=f"{NAMES[number]} system")
    add_consoles(host)
    for cls in ("VM", "host", "SR", "VDI", "VBD", "VIF", "network"):
        for ref in db.refs(cls):
            host.recompute(cls, ref)
    nodes = [f"xostor-{number}" for number in range(1, count + 1)]
    host.linstor = Linstor(
        sr,
        GROUP,
        2,
        nodes=dict.fromkeys(nodes, "ONLINE"),
        capacity=dict.fromkeys(nodes, DISK_BYTES),
        free={node: DISK_BYTES - (240 + 90 * n) * GIB for n, node in enumerate(nodes)},
        interfaces={
            node: {"default": f"10.40.0.{n}", "replication": f"10.41.0.{n}"}
            for n, node in enumerate(nodes, 1)
        },
        preferred=dict.fromkeys(nodes, "replication"),
    )
    return host.linstor
