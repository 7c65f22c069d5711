"""Virtual TPMs of VMs: made and removed.

Source: `xapi.md` 1.5.
"""

from __future__ import annotations

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.lifecycle import HALTED
from xolite_qt.demo_host.registry import Call, Failure, method

LIMIT = 1
"""VTPMs a VM may have."""


def _check_halted(call: Call, vm: str) -> None:
    state = call.db.get("VM", vm)["power_state"]
    if state != HALTED:
        raise Failure("VM_BAD_POWER_STATE", vm, "halted", state.lower())


@method("VTPM.create")
def vtpm_create(call: Call, vm: str, is_unique: bool) -> str:
    """A chip for a halted VM.

    Raises:
        Failure: VM_BAD_POWER_STATE, VTPM_MAX_AMOUNT_REACHED [limit].
    """
    _check_halted(call, vm)
    if len(call.db.get("VM", vm)["VTPMs"]) >= LIMIT:
        raise Failure("VTPM_MAX_AMOUNT_REACHED", LIMIT)
    fields = {"VM": vm, "backend": NULL_REF, "is_unique": is_unique, "is_protected": False}
    return call.db.create("VTPM", fields, persistence_backend="xapi")


@method("VTPM.destroy")
def vtpm_destroy(call: Call, self: str) -> None:
    """Removes a chip of a halted VM."""
    _check_halted(call, call.db.get("VTPM", self)["VM"])
    call.db.destroy("VTPM", self)
