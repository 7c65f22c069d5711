"""What can be asked about a VM: where it may run, what fits, what is allowed.

Source: `xapi.md` 1.5 and 1.10.
"""

from __future__ import annotations

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.lifecycle import POWER_STATES, RUNNING, refusal
from xolite_qt.demo_host.ops.running import bring_down, free_memory, may_run
from xolite_qt.demo_host.registry import Call, Failure, method

MIB = 1 << 20
DISKS, CARDS = 255, 7


def free_positions(call: Call, vm: str, cls: str) -> list[str]:
    """Positions at which another disk (VBD) or card (VIF) fits, lowest first."""
    most = DISKS if cls == "VBD" else CARDS
    name = "userdevice" if cls == "VBD" else "device"
    taken = {
        call.db.get(cls, ref)[name]
        for ref in call.db.get("VM", vm)[f"{cls}s"]
        if call.db.exists(cls, ref)
    }
    return [str(number) for number in range(most) if str(number) not in taken]


@method("VM.get_allowed_VBD_devices")
def vm_get_allowed_vbd_devices(call: Call, vm: str) -> list[str]:
    return free_positions(call, vm, "VBD")


@method("VM.get_allowed_VIF_devices")
def vm_get_allowed_vif_devices(call: Call, vm: str) -> list[str]:
    return free_positions(call, vm, "VIF")


@method("VM.get_possible_hosts")
def vm_get_possible_hosts(call: Call, vm: str) -> list[str]:
    return [ref for ref in call.db.refs("host") if may_run(call.host, vm, ref) is None]


@method("VM.assert_can_boot_here")
def vm_assert_can_boot_here(call: Call, self: str, host: str) -> None:
    if (failure := may_run(call.host, self, host)) is not None:
        raise failure


@method("VM.assert_operation_valid")
def vm_assert_operation_valid(call: Call, self: str, operation: str) -> None:
    if operation not in POWER_STATES:
        raise Failure("OPERATION_NOT_ALLOWED", f"{operation} cannot be asked about")
    if (failure := refusal(call.host, self, operation)) is not None:
        raise failure


@method("VM.assert_agile")
def vm_assert_agile(call: Call, self: str) -> None:
    """Agile: nothing of it lives on one host only."""
    db = call.db
    for vbd in db.get("VM", self)["VBDs"]:
        disk = db.get("VBD", vbd)["VDI"] if db.exists("VBD", vbd) else NULL_REF
        if db.exists("VDI", disk):
            sr = db.get("VDI", disk)["SR"]
            if not db.exists("SR", sr) or not db.get("SR", sr)["shared"]:
                raise Failure("HA_CONSTRAINT_VIOLATION_SR_NOT_SHARED", sr)


@method("VM.compute_memory_overhead")
def vm_compute_memory_overhead(call: Call, vm: str) -> int:
    record = call.db.get("VM", vm)
    return int(record["memory_overhead"] or 12 * MIB + record["memory_static_max"] // 256)


@method("VM.maximise_memory")
def vm_maximise_memory(call: Call, self: str, total: int, approximate: bool) -> int:
    overhead = vm_compute_memory_overhead(call, self)
    return max(0, total - overhead) // MIB * MIB


@method("VM.get_SRs_required_for_recovery")
def vm_get_srs_required(call: Call, self: str, session_to: str) -> list[str]:
    db = call.db
    disks = [db.get("VBD", vbd)["VDI"] for vbd in db.get("VM", self)["VBDs"]]
    return sorted({db.get("VDI", disk)["SR"] for disk in disks if db.exists("VDI", disk)})


@method("VM.get_secureboot_readiness")
def vm_get_secureboot_readiness(call: Call, self: str) -> str:
    record = call.db.get("VM", self)
    if record["HVM_boot_params"].get("firmware") != "uefi":
        return "not_supported"
    return "ready" if record["platform"].get("secureboot") == "true" else "disabled"


@method("VM.call_plugin")
def vm_call_plugin(call: Call, vm: str, plugin: str, fn: str, args: dict[str, str]) -> str:
    if (failure := refusal(call.host, vm, "call_plugin")) is not None:
        raise failure
    raise Failure("XENAPI_MISSING_PLUGIN", plugin)


@method("VM.power_state_reset")
def vm_power_state_reset(call: Call, vm: str) -> None:
    """For a VM whose host is gone: it is halted, whatever the database says."""
    if call.db.get("VM", vm)["is_control_domain"]:
        raise Failure("OPERATION_NOT_ALLOWED", "This is the host's own control domain.")
    bring_down(call.host, vm)
    call.host.recompute("VM", vm)


@method("host.compute_free_memory")
def host_compute_free_memory(call: Call, host: str) -> int:
    return free_memory(call.host, host)


@method("host.compute_memory_overhead")
def host_compute_memory_overhead(call: Call, host: str) -> int:
    return int(call.db.get("host", host)["memory_overhead"])


@method("VM.send_sysrq")
def vm_send_sysrq(call: Call, vm: str, key: str) -> None:
    _running(call, vm)
    raise Failure("NOT_IMPLEMENTED", "VM.send_sysrq")


@method("VM.send_trigger")
def vm_send_trigger(call: Call, vm: str, trigger: str) -> None:
    _running(call, vm)
    raise Failure("NOT_IMPLEMENTED", "VM.send_trigger")


def _running(call: Call, vm: str) -> None:
    state = call.db.get("VM", vm)["power_state"]
    if state != RUNNING:
        raise Failure("VM_BAD_POWER_STATE", vm, "running", state.lower())
