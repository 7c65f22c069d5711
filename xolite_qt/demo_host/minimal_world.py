"""The smallest world that a client can work with: one host, one SR, one network, a few VMs.

Quick to build and easy to count, for tests of the wire; people get the default world.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .host import DemoHost

GIB = 1 << 30


def build_minimal_world(host: DemoHost, *, vms: int = 3) -> None:
    """Fill an empty host. The first VM runs, the others are halted; all have one disk."""
    db = host.db
    host_ref = db.create(
        "host",
        name_label="demo",
        hostname="demo",
        address="127.0.0.1",
        enabled=True,
        API_version_major=2,
        API_version_minor=21,
        software_version={"product_brand": "XCP-ng", "product_version": "8.3.0"},
    )
    metrics = db.create("host_metrics", memory_total=64 * GIB, memory_free=32 * GIB, live=True)
    sr = db.create("SR", name_label="Local storage", type="ext", content_type="user")
    db.set("SR", sr, physical_size=500 * GIB, physical_utilisation=100 * GIB)
    db.create("PBD", host=host_ref, SR=sr, currently_attached=True)
    network = db.create("network", name_label="Pool-wide network", bridge="xenbr0")
    db.create("PIF", host=host_ref, network=network, device="eth0", management=True)
    db.create("pool", name_label="demo", master=host_ref, default_SR=sr)
    db.create("user", short_name="root", fullname="superuser")
    db.set("host", host_ref, metrics=metrics)
    for number in range(vms):
        running = number == 0
        vm = db.create(
            "VM",
            name_label=f"vm {number}",
            power_state="Running" if running else "Halted",
            resident_on=host_ref if running else "OpaqueRef:NULL",
            memory_static_max=GIB,
            memory_dynamic_max=GIB,
            VCPUs_max=2,
            VCPUs_at_startup=2,
            metrics=db.create("VM_metrics", memory_actual=GIB if running else 0),
        )
        vdi = db.create("VDI", name_label=f"disk {number}", SR=sr, virtual_size=10 * GIB)
        db.create("VBD", VM=vm, VDI=vdi, type="Disk", userdevice="0", device="xvda")
        db.create("VIF", VM=vm, network=network, device="0")
    for cls in ("VM", "host"):
        for ref in db.refs(cls):
            host.recompute(cls, ref)
