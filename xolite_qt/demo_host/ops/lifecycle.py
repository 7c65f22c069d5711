"""Which operations a VM allows, and why another is refused.

Source: xapi.md 1.10 (power states, order of the checks).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.registry import Failure, install

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

HALTED, PAUSED, SUSPENDED, RUNNING = "Halted", "Paused", "Suspended", "Running"
_ANY = (HALTED, PAUSED, SUSPENDED, RUNNING)

POWER_STATES: dict[str, tuple[str, ...]] = {
    "start": (HALTED,),
    "start_on": (HALTED,),
    "make_into_template": (HALTED,),
    "provision": (HALTED,),
    "changing_NVRAM": (HALTED,),
    "unpause": (PAUSED,),
    "resume": (SUSPENDED,),
    "resume_on": (SUSPENDED,),
    "pause": (RUNNING,),
    "suspend": (RUNNING,),
    "clean_shutdown": (RUNNING,),
    "clean_reboot": (RUNNING,),
    "pool_migrate": (RUNNING,),
    "call_plugin": (RUNNING,),
    "changing_VCPUs_live": (RUNNING,),
    "hard_reboot": (PAUSED, RUNNING),
    "checkpoint": (PAUSED, SUSPENDED, RUNNING),
    "shutdown": (PAUSED, SUSPENDED, RUNNING),
    "hard_shutdown": (PAUSED, SUSPENDED, RUNNING),
    "clone": (HALTED,),
    "copy": (HALTED,),
    "destroy": (HALTED, SUSPENDED),
    "export": (HALTED, SUSPENDED),
    "migrate_send": (HALTED, SUSPENDED, RUNNING),
    "snapshot": _ANY,
    "revert": _ANY,
    "metadata_export": _ANY,
    "changing_dynamic_range": (HALTED, RUNNING),
}
"""Operation to the power states in which it is possible."""

# Guest features that an HVM guest must have for these.
_FEATURES = {
    "clean_shutdown": "feature-shutdown",
    "clean_reboot": "feature-reboot",
    "suspend": "feature-suspend",
}
_TEMPLATE_OPS = frozenset(
    {"clone", "copy", "export", "provision", "destroy", "metadata_export", "changing_dynamic_range"}
)
_SNAPSHOT_OPS = frozenset(
    {"revert", "clone", "copy", "export", "destroy", "hard_shutdown", "metadata_export"}
)
# Pairs that may overlap.
_TOGETHER = (frozenset({"clone", "copy", "export"}), frozenset({"snapshot", "checkpoint"}))


def is_default_template(vm: dict[str, Any]) -> bool:
    """Whether a template came with the host."""
    return bool(vm["is_default_template"]) or vm["other_config"].get("default_template") == "true"


def refusal(host: DemoHost, ref: str, operation: str, *, strict: bool = False) -> Failure | None:
    """Why an operation is not possible now, or None.

    Args:
        strict: as the list of allowed operations sees it; a real attempt is more permissive about
            what the guest can do.
    """
    vm = host.db.get("VM", ref)
    if operation in vm["blocked_operations"]:
        return Failure("OPERATION_BLOCKED", ref, vm["blocked_operations"][operation])
    states = POWER_STATES[operation]
    if vm["is_a_snapshot"] and operation in ("clone", "copy"):
        states = (HALTED, SUSPENDED)
    if vm["power_state"] not in states and not (vm["is_a_snapshot"] and operation == "destroy"):
        expected = ", ".join(state.lower() for state in states)
        return Failure("VM_BAD_POWER_STATE", ref, expected, vm["power_state"].lower())
    if (failure := _concurrent(host, ref, vm, operation)) is not None:
        return failure
    if vm["is_a_snapshot"]:
        if operation not in _SNAPSHOT_OPS:
            return Failure("VM_IS_SNAPSHOT", ref, operation)
    elif vm["is_a_template"]:
        if operation not in _TEMPLATE_OPS:
            return Failure("VM_IS_TEMPLATE", ref, operation)
        if operation == "destroy" and is_default_template(vm):
            return Failure("VM_CANNOT_DELETE_DEFAULT_TEMPLATE", ref)
    elif operation == "revert":
        return Failure("ONLY_REVERT_SNAPSHOT")
    elif operation == "provision":
        return Failure("ONLY_PROVISION_TEMPLATE")
    if vm["is_control_domain"] and operation not in ("metadata_export",):
        return Failure("OPERATION_NOT_ALLOWED", "This is the host's own control domain.")
    feature = _FEATURES.get(operation)
    if feature and not has_feature(host, vm, feature, strict=strict):
        return Failure("VM_LACKS_FEATURE", ref)
    return None


def has_feature(host: DemoHost, vm: dict[str, Any], feature: str, *, strict: bool) -> bool:
    """Whether the guest can do something; without tools a fully virtualised one cannot."""
    if not vm["HVM_boot_policy"]:
        return True
    guest = vm["guest_metrics"]
    if guest == NULL_REF or not host.db.exists("VM_guest_metrics", guest):
        return False
    record = host.db.get("VM_guest_metrics", guest)
    return record["other"].get(feature) == "1" or (
        not strict and bool(record["PV_drivers_version"])
    )


def _concurrent(host: DemoHost, ref: str, vm: dict[str, Any], operation: str) -> Failure | None:
    for task, other in vm["current_operations"].items():
        if any({operation, other} <= pair for pair in _TOGETHER):
            continue
        if operation == "hard_shutdown" and other != "hard_shutdown":
            continue
        return Failure("OTHER_OPERATION_IN_PROGRESS", "VM", ref, other, task)
    return None


def allowed_operations(host: DemoHost, ref: str) -> list[str]:
    """The operations that a VM allows now."""
    return [
        operation
        for operation in POWER_STATES
        if operation not in ("start_on", "resume_on", "shutdown")
        and refusal(host, ref, operation, strict=True) is None
    ]


@install
def _install(host: DemoHost) -> None:
    host.allowed_operations_hook("VM", allowed_operations)
