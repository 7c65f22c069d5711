"""The default world: a dental practice with one server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .administration import build_administration
from .alarms import add_alarm, add_lifecycle, perfmon_config
from .guests import build_guests
from .motion import start_motion
from .premises import Premises, build_premises

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

HOUR_S = 3600.0


def build_default_world(host: DemoHost) -> None:
    """Fill an empty host; in a running loop the world moves from then on.

    Args:
        host: an empty one.
    """
    premises = build_premises(host)
    build_administration(host, premises.host)
    vms = build_guests(host, premises)
    _watch(host, vms["pms"])
    _lifecycle(host, premises, vms)
    _alarms(host, premises, vms)
    task = host.tasks.create(
        "Exporting disk",
        "x-ray archive disk 0, to backup-2",
        progress=0.35,
        resident_on=premises.host,
        allowed_operations=["cancel"],
    )
    for cls in ("VM", "host", "SR", "VDI", "VBD", "VIF", "network"):
        for ref in host.db.refs(cls):
            host.recompute(cls, ref)
    start_motion(host, premises, vms, task)


def _watch(host: DemoHost, vm: str) -> None:
    config = host.db.get("VM", vm)["other_config"]
    host.db.set("VM", vm, other_config={**config, "perfmon": perfmon_config("cpu_usage", 0.9)})


def _alarms(host: DemoHost, premises: Premises, vms: dict[str, str]) -> None:
    """Oldest first, as they came in."""
    rows = (
        ("SR", premises.srs["old"], "physical_utilisation", 0.94, 0.9, 50.0),
        ("host", premises.host, "fs_usage", 0.913, 0.9, 31.5),
        ("VM", vms["mail"], "disk_usage", 88123.25, 75000.0, 28.2),
        ("VM", vms["pacs"], "network_usage", 61234.5, 50000.0, 26.1),
        ("host", premises.host, "memory_free_kib", 3912404.0, 4194304.0, 9.0),
        ("VM", vms["treatment"], "mem_usage", 0.971, 0.95, 4.4),
        ("VM", vms["pms"], "cpu_usage", 0.932, 0.9, 3.1),
        ("VM", vms["pms"], "cpu_usage", 0.958, 0.9, 2.1),
        ("VM", vms["pms"], "cpu_usage", 0.947, 0.9, 1.1),
    )
    for cls, ref, name, value, level, hours in rows:
        add_alarm(host, cls, ref, name, value, level, age_s=hours * HOUR_S)


def _lifecycle(host: DemoHost, premises: Premises, vms: dict[str, str]) -> None:
    uuid = host.db.get("host", premises.host)["uuid"]
    started = f"started on host: brightwater-1 (uuid: {uuid})"
    rows = (
        ("fw", "VM_STARTED", started, 984.0),
        ("pacs", "VM_STARTED", started, 983.9),
        ("oldpms", "VM_SHUTDOWN", "shutdown", 700.0),
        ("pms", "VM_SNAPSHOTTED", "snapshotted, snapshot name: Before update 24.3", 504.0),
        ("dc1", "VM_REBOOTED", "rebooted cleanly", 439.0),
        ("pms", "VM_REBOOTED", "rebooted cleanly", 437.0),
        ("treatment", "VM_CRASHED", "crashed", 166.0),
        ("treatment", "VM_STARTED", started, 165.6),
        ("training", "VM_SUSPENDED", "suspended", 120.0),
        ("monitor", "VM_PAUSED", "paused", 70.0),
        ("lab", "VM_SHUTDOWN", "shutdown forcibly", 68.0),
        ("reception", "VM_STARTED", started, 57.6),
    )
    for key, name, what, hours in rows:
        add_lifecycle(host, vms[key], name, what, age_s=hours * HOUR_S)
