"""Settings of a VM that follow rules of their own: memory, processors, blocked operations.

Source: `xapi.md` 1.5 and 1.10.
"""

from __future__ import annotations

from typing import Any

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.lifecycle import HALTED, RUNNING, refusal
from xolite_qt.demo_host.ops.running import take_memory
from xolite_qt.demo_host.registry import Call, Failure, method

# Fields of a host's bios_strings that a guest may show too.
_BIOS_KEYS = (
    "bios-vendor",
    "bios-version",
    "system-manufacturer",
    "system-product-name",
    "system-version",
    "system-serial-number",
    "baseboard-manufacturer",
    "baseboard-product-name",
    "hp-rombios",
    "oem-1",
)


def allowed(call: Call, vm: str, operation: str) -> None:
    """Raises: Failure: why a VM does not take a change now."""
    if (failure := refusal(call.host, vm, operation)) is not None:
        raise failure


def _limits(call: Call, vm: str, **values: int) -> None:
    """Write memory limits if they stand in order.

    Raises:
        Failure: MEMORY_CONSTRAINT_VIOLATION [rule], INVALID_VALUE.
    """
    record = call.db.get("VM", vm)
    names = ("static_min", "dynamic_min", "dynamic_max", "static_max")
    wanted = {name: values.get(name, record[f"memory_{name}"]) for name in names}
    if wanted["static_min"] < 0:
        raise Failure("INVALID_VALUE", "memory_static_min", wanted["static_min"])
    ordered = list(wanted.values())
    if ordered != sorted(ordered):
        raise Failure(
            "MEMORY_CONSTRAINT_VIOLATION", "static_min ≤ dynamic_min ≤ dynamic_max ≤ static_max"
        )
    if record["power_state"] == RUNNING:
        more = wanted["dynamic_max"] - record["memory_dynamic_max"]
        take_memory(call.host, record["resident_on"], more)
        if call.db.exists("VM_metrics", record["metrics"]):
            call.db.set("VM_metrics", record["metrics"], memory_actual=wanted["dynamic_max"])
    fields: dict[str, Any] = {f"memory_{name}": value for name, value in wanted.items()}
    call.db.set("VM", vm, memory_target=wanted["dynamic_max"], **fields)


@method("VM.set_memory_limits")
def vm_set_memory_limits(
    call: Call, self: str, static_min: int, static_max: int, dynamic_min: int, dynamic_max: int
) -> None:
    allowed(call, self, "changing_memory_limits")
    _limits(
        call,
        self,
        static_min=static_min,
        static_max=static_max,
        dynamic_min=dynamic_min,
        dynamic_max=dynamic_max,
    )


@method("VM.set_memory")
def vm_set_memory(call: Call, self: str, value: int) -> None:
    allowed(call, self, "changing_memory_limits")
    low = min(call.db.get("VM", self)["memory_static_min"], value)
    _limits(call, self, static_min=low, dynamic_min=value, dynamic_max=value, static_max=value)


@method("VM.set_memory_static_range")
def vm_set_memory_static_range(call: Call, self: str, low: int, high: int) -> None:
    allowed(call, self, "changing_static_range")
    _limits(call, self, static_min=low, static_max=high)


@method("VM.set_memory_static_min")
def vm_set_memory_static_min(call: Call, self: str, value: int) -> None:
    allowed(call, self, "changing_static_range")
    _limits(call, self, static_min=value)


@method("VM.set_memory_static_max")
def vm_set_memory_static_max(call: Call, self: str, value: int) -> None:
    allowed(call, self, "changing_static_range")
    _limits(call, self, static_max=value)


@method("VM.set_memory_dynamic_range")
def vm_set_memory_dynamic_range(call: Call, self: str, low: int, high: int) -> None:
    allowed(call, self, "changing_dynamic_range")
    _limits(call, self, dynamic_min=low, dynamic_max=high)


@method("VM.set_memory_dynamic_min")
def vm_set_memory_dynamic_min(call: Call, self: str, value: int) -> None:
    allowed(call, self, "changing_dynamic_range")
    _limits(call, self, dynamic_min=value)


@method("VM.set_memory_dynamic_max")
def vm_set_memory_dynamic_max(call: Call, self: str, value: int) -> None:
    allowed(call, self, "changing_dynamic_range")
    _limits(call, self, dynamic_max=value)


@method("VM.set_HVM_shadow_multiplier")
def vm_set_shadow_multiplier(call: Call, self: str, value: float) -> None:
    allowed(call, self, "changing_shadow_memory")
    if value < 1.0:
        raise Failure("INVALID_VALUE", "HVM_shadow_multiplier", value)
    call.db.set("VM", self, HVM_shadow_multiplier=value)


# Processors


@method("VM.set_VCPUs_max")
def vm_set_vcpus_max(call: Call, self: str, value: int) -> None:
    allowed(call, self, "changing_VCPUs")
    least = call.db.get("VM", self)["VCPUs_at_startup"]
    if value < max(1, least):
        raise Failure(
            "INVALID_VALUE", "VCPUs_max", f"value greater or equal to VCPUs_at_startup ({least})"
        )
    call.db.set("VM", self, VCPUs_max=value)


@method("VM.set_VCPUs_at_startup")
def vm_set_vcpus_at_startup(call: Call, self: str, value: int) -> None:
    allowed(call, self, "changing_VCPUs")
    most = call.db.get("VM", self)["VCPUs_max"]
    if not 1 <= value <= most:
        raise Failure("INVALID_VALUE", "VCPUs_at_startup", f"value between 1 and {most}")
    call.db.set("VM", self, VCPUs_at_startup=value)


@method("VM.set_VCPUs_number_live")
def vm_set_vcpus_number_live(call: Call, self: str, nvcpu: int) -> None:
    allowed(call, self, "changing_VCPUs_live")
    record = call.db.get("VM", self)
    if not 1 <= nvcpu <= record["VCPUs_max"]:
        raise Failure("INVALID_VALUE", "VCPUs_number_live", nvcpu)
    call.db.set("VM", self, VCPUs_at_startup=nvcpu)
    if call.db.exists("VM_metrics", record["metrics"]):
        call.db.set("VM_metrics", record["metrics"], VCPUs_number=nvcpu)


@method("VM.add_to_VCPUs_params_live")
def vm_add_to_vcpus_params_live(call: Call, self: str, key: str, value: str) -> None:
    allowed(call, self, "changing_VCPUs_live")
    params = call.db.get("VM", self)["VCPUs_params"]
    call.db.set("VM", self, VCPUs_params={**params, key: value})


# What is allowed at all


@method("VM.set_blocked_operations")
def vm_set_blocked_operations(call: Call, self: str, value: dict[str, str]) -> None:
    call.db.set("VM", self, blocked_operations=value)
    call.host.recompute("VM", self)


@method("VM.add_to_blocked_operations")
def vm_add_to_blocked_operations(call: Call, self: str, key: str, value: str) -> None:
    blocked = call.db.get("VM", self)["blocked_operations"]
    if key in blocked:
        uuid = call.db.get("VM", self)["uuid"]
        raise Failure("MAP_DUPLICATE_KEY", "VM", "blocked_operations", uuid, key)
    vm_set_blocked_operations(call, self, {**blocked, key: value})


@method("VM.remove_from_blocked_operations")
def vm_remove_from_blocked_operations(call: Call, self: str, key: str) -> None:
    blocked = dict(call.db.get("VM", self)["blocked_operations"])
    blocked.pop(key, None)
    vm_set_blocked_operations(call, self, blocked)


@method("VM.update_allowed_operations")
def vm_update_allowed_operations(call: Call, self: str) -> None:
    call.host.recompute("VM", self)


@method("VM.set_NVRAM")
def vm_set_nvram(call: Call, self: str, value: dict[str, str]) -> None:
    allowed(call, self, "changing_NVRAM")
    call.db.set("VM", self, NVRAM=value)


# The rest


@method("VM.copy_bios_strings")
def vm_copy_bios_strings(call: Call, vm: str, host: str) -> None:
    if call.db.get("VM", vm)["bios_strings"]:
        raise Failure("VM_BIOS_STRINGS_ALREADY_SET")
    theirs = call.db.get("host", host)["bios_strings"]
    call.db.set("VM", vm, bios_strings={key: theirs.get(key, "") for key in _BIOS_KEYS})


@method("VM.set_bios_strings")
def vm_set_bios_strings(call: Call, self: str, value: dict[str, str]) -> None:
    if call.db.get("VM", self)["bios_strings"]:
        raise Failure("VM_BIOS_STRINGS_ALREADY_SET")
    for key in value:
        if key not in _BIOS_KEYS:
            raise Failure("INVALID_VALUE", key, "not a BIOS string that may be set")
    call.db.set("VM", self, bios_strings=value)


@method("VM.set_domain_type")
def vm_set_domain_type(call: Call, self: str, value: str) -> None:
    state = call.db.get("VM", self)["power_state"]
    if state != HALTED:
        raise Failure("VM_BAD_POWER_STATE", self, "halted", state.lower())
    policy = "BIOS order" if value == "hvm" else ""
    call.db.set("VM", self, domain_type=value, HVM_boot_policy=policy)
    call.host.recompute("VM", self)


@method("VM.set_suspend_VDI")
def vm_set_suspend_vdi(call: Call, self: str, value: str) -> None:
    allowed_states = call.db.get("VM", self)["power_state"]
    if allowed_states != "Suspended":
        raise Failure("VM_BAD_POWER_STATE", self, "suspended", allowed_states.lower())
    call.db.set("VM", self, suspend_VDI=value or NULL_REF)
