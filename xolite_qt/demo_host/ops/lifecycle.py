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
    "changing_static_range": (HALTED,),
    "changing_shadow_memory": (HALTED,),
    "changing_memory_limits": (HALTED,),
    "changing_VCPUs": (HALTED,),
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
    "reverting": _ANY,
    "metadata_export": _ANY,
    "changing_dynamic_range": (HALTED, RUNNING),
}
"""Operation to the power states in which it is possible."""

# Not in the list of allowed operations: shutdown is asked through its two halves, the others
# come along with another operation.
_UNLISTED = frozenset({"shutdown", "changing_memory_limits", "reverting"})
# Guest features that an HVM guest must have for these.
_FEATURES = {
    "clean_shutdown": "feature-shutdown",
    "clean_reboot": "feature-reboot",
    "suspend": "feature-suspend",
}
_SETTINGS = frozenset(
    {
        "changing_dynamic_range",
        "changing_static_range",
        "changing_shadow_memory",
        "changing_memory_limits",
        "changing_VCPUs",
        "changing_NVRAM",
    }
)
_TEMPLATE_OPS = _SETTINGS | {"clone", "copy", "export", "provision", "destroy", "metadata_export"}
_SNAPSHOT_OPS = frozenset(
    {"revert", "clone", "copy", "export", "destroy", "hard_shutdown", "metadata_export"}
)
_CONTROL_DOMAIN_OPS = frozenset({"metadata_export", "changing_dynamic_range"})
# Operations that may overlap.
_TOGETHER = (frozenset({"clone", "copy", "export"}), frozenset({"snapshot", "checkpoint"}))


def is_default_template(vm: dict[str, Any]) -> bool:
    """Whether a template came with the host."""
    return bool(vm["is_default_template"]) or vm["other_config"].get("default_template") == "true"


def refusal(host: DemoHost, ref: str, operation: str) -> Failure | None:
    """Why an operation is not possible now, or None."""
    vm = host.db.get("VM", ref)
    if operation in vm["blocked_operations"]:
        return Failure("OPERATION_BLOCKED", ref, vm["blocked_operations"][operation])
    states = POWER_STATES[operation]
    if vm["is_a_snapshot"] and operation in ("clone", "copy"):
        states = (HALTED, SUSPENDED)
    if vm["power_state"] not in states:
        expected = ", ".join(state.lower() for state in states)
        return Failure("VM_BAD_POWER_STATE", ref, expected, vm["power_state"].lower())
    return (
        _concurrent(ref, vm, operation) or _kind(ref, vm, operation) or _guest(host, ref, operation)
    )


def _concurrent(ref: str, vm: dict[str, Any], operation: str) -> Failure | None:
    """What runs already and does not bear another beside it."""
    if operation == "hard_shutdown":
        others = {t: o for t, o in vm["current_operations"].items() if o == "hard_shutdown"}
    else:
        others = {
            task: other
            for task, other in vm["current_operations"].items()
            if not any({operation, other} <= group for group in _TOGETHER)
        }
    if not others:
        return None
    if len(others) == 1:
        ((task, other),) = others.items()
        return Failure("OTHER_OPERATION_IN_PROGRESS", "VM", ref, other, task)
    names, tasks = (f"{{{','.join(part)}}}" for part in (others.values(), others))
    return Failure("OTHER_OPERATION_IN_PROGRESS", "VM", ref, names, tasks)


def _kind(ref: str, vm: dict[str, Any], operation: str) -> Failure | None:
    """What templates, snapshots and control domains are not for."""
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
    if vm["is_control_domain"] and operation not in _CONTROL_DOMAIN_OPS:
        return Failure("OPERATION_NOT_ALLOWED", "This is the host's own control domain.")
    return None


def _guest(host: DemoHost, ref: str, operation: str) -> Failure | None:
    """What the guest cannot do or must not be put through."""
    vm = host.db.get("VM", ref)
    if operation in ("pool_migrate", "migrate_send") and vm["power_state"] == RUNNING:
        metrics = vm["metrics"]
        known = host.db.exists("VM_metrics", metrics)
        if known and host.db.get("VM_metrics", metrics)["nomigrate"]:
            return Failure("VM_IS_IMMOBILE", ref)
    feature = _FEATURES.get(operation)
    if feature and not has_feature(host, vm, feature):
        return Failure("VM_LACKS_FEATURE", ref)
    return None


def has_feature(host: DemoHost, vm: dict[str, Any], feature: str) -> bool:
    """Whether the guest can do something; without tools a fully virtualised one cannot."""
    if not vm["HVM_boot_policy"]:
        return True
    guest = vm["guest_metrics"]
    if guest == NULL_REF or not host.db.exists("VM_guest_metrics", guest):
        return False
    return bool(host.db.get("VM_guest_metrics", guest)["other"].get(feature) == "1")


def allowed_operations(host: DemoHost, ref: str) -> list[str]:
    """The operations that a VM allows now."""
    return [
        operation
        for operation in POWER_STATES
        if operation not in _UNLISTED and refusal(host, ref, operation) is None
    ]


@install
def _install(host: DemoHost) -> None:
    host.allowed_operations_hook("VM", allowed_operations)
