"""Moving VMs with their disks.

Source: `xapi.md` 1.10.
"""

from __future__ import annotations

from typing import Any

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.device_rules import record_of
from xolite_qt.demo_host.ops.disks import check_storage
from xolite_qt.demo_host.ops.lifecycle import RUNNING, refusal
from xolite_qt.demo_host.ops.running import MIB, may_run, memory_of, move
from xolite_qt.demo_host.ops.space import use_space
from xolite_qt.demo_host.ops.vm_power import operating, place, reserving, say_migrated, take
from xolite_qt.demo_host.registry import Call, Failure, method

_BYTES_PER_S = 250 * MIB


@method("host.migrate_receive")
def host_migrate_receive(
    call: Call, host: str, network: str, options: dict[str, str]
) -> dict[str, str]:
    """What `migrate_send` needs to know of its target."""
    one = call.db.get("host", host)
    session = call.session.ref if call.session else ""
    address = one["address"]
    return {
        "host": host,
        "session_id": session,
        "SM": f"http://{address}/services/SM?session_id={session}",
        "xenops": f"http://{address}/services/xenops?session_id={session}",
        "master": f"http://{address}/",
    }


def _disks(call: Call, vm: str) -> list[str]:
    drives = [record_of(call.host, "VBD", ref) for ref in call.db.get("VM", vm)["VBDs"]]
    return [d["VDI"] for d in drives if d.get("type") == "Disk" and not d["empty"]]


def _target(call: Call, dest: dict[str, str]) -> str:
    host = dest.get("host", "")
    if not call.db.exists("host", host):
        raise Failure("HANDLE_INVALID", "host", host)
    return host


def _check(call: Call, vm: str, dest: dict[str, str], vdi_map: dict[str, str]) -> str:
    host = _target(call, dest)
    for vdi, sr in vdi_map.items():
        call.db.get("VDI", vdi)
        check_storage(call, sr)
    if call.db.get("VM", vm)["power_state"] == RUNNING:
        failure = may_run(call.host, vm, host)
        moved = [record_of(call.host, "VDI", vdi).get("SR") for vdi in vdi_map]
        # A storage that is left behind is no obstacle.
        if failure and not (failure.code == "VM_REQUIRES_SR" and failure.params[1] in moved):
            raise failure
    return host


@method("VM.assert_can_migrate")
def vm_assert_can_migrate(
    call: Call,
    vm: str,
    dest: dict[str, str],
    live: bool,
    vdi_map: dict[str, str],
    *_rest: Any,
) -> None:
    if (failure := refusal(call.host, vm, "migrate_send")) is not None:
        raise failure
    _check(call, vm, dest, vdi_map)


@method("VM.migrate_send")
async def vm_migrate_send(
    call: Call,
    vm: str,
    dest: dict[str, str],
    live: bool,
    vdi_map: dict[str, str],
    vif_map: dict[str, str],
    *_rest: Any,
) -> str:
    """Moves a VM within the pool, its disks to other storages; returns its reference."""
    async with operating(call, vm, "migrate_send"):
        host = _check(call, vm, dest, vdi_map)
        record = call.db.get("VM", vm)
        before, running = record["resident_on"], record["power_state"] == RUNNING
        moving = {
            vdi: sr
            for vdi, sr in vdi_map.items()
            if vdi in _disks(call, vm) and call.db.get("VDI", vdi)["SR"] != sr
        }
        size = sum(call.db.get("VDI", vdi)["physical_utilisation"] for vdi in moving)
        seconds = 2.0 + (size + memory_of(record) * running) / _BYTES_PER_S
        if running:
            if not moving:
                place(call, vm, host)
            async with reserving(call, vm, host):
                await take(call, seconds)
                _move_disks(call, moving)
                move(call.host, vm, host)
        else:
            await take(call, seconds)
            _move_disks(call, moving)
        for vif, network in vif_map.items():
            if call.db.exists("VIF", vif) and call.db.exists("network", network):
                call.db.set("VIF", vif, network=network)
    if before != NULL_REF:
        say_migrated(call, vm, before, host)
    return vm


def _move_disks(call: Call, moving: dict[str, str]) -> None:
    for vdi, sr in moving.items():
        disk = call.db.get("VDI", vdi)
        size, virtual = disk["physical_utilisation"], disk["virtual_size"]
        use_space(call.host, sr, size, virtual)
        use_space(call.host, disk["SR"], -size, -virtual)
        call.db.set("VDI", vdi, SR=sr)
