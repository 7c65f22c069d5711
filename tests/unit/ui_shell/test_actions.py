"""What may be done when: the whole table, reasons in words, and how much is asked first."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from xolite_qt.ui.actions import (
    ACTIONS,
    POWER_ACTIONS,
    ActionId,
    ActionScope,
    Harm,
    actions_for,
    question_for,
)
from xolite_qt.xen_api import VM, Host, PowerState

RUNNING, HALTED = PowerState.RUNNING, PowerState.HALTED
PAUSED, SUSPENDED = PowerState.PAUSED, PowerState.SUSPENDED
A = ActionId

# Source: xo-lite.md 1.5. The states in which each may run.
STATES: dict[ActionId, set[PowerState]] = {
    A.VM_START: {HALTED},
    A.VM_START_ON: {HALTED},
    A.VM_RESUME: {PAUSED, SUSPENDED},
    A.VM_PAUSE: {RUNNING},
    A.VM_SUSPEND: {RUNNING},
    A.VM_CLEAN_REBOOT: {RUNNING},
    A.VM_HARD_REBOOT: {RUNNING, PAUSED},
    A.VM_CLEAN_SHUTDOWN: {RUNNING},
    A.VM_HARD_SHUTDOWN: {RUNNING, PAUSED, SUSPENDED},
    A.VM_MIGRATE: {RUNNING, HALTED, PAUSED, SUSPENDED},
    A.VM_SNAPSHOT: {RUNNING, HALTED, PAUSED, SUSPENDED},
    A.VM_COPY: {HALTED},
    A.VM_DELETE: {HALTED},
}

HARM = {
    A.VM_HARD_REBOOT: Harm.DISRUPTIVE,
    A.VM_HARD_SHUTDOWN: Harm.DISRUPTIVE,
    A.VM_DELETE: Harm.DESTRUCTIVE,
}

TWO_HOSTS = (Host(ref="H1", name_label="one"), Host(ref="H2", name_label="two"))
SCOPE = ActionScope(None, lambda: TWO_HOSTS)
EVERYTHING = ("snapshot", "pool_migrate")


def vm(state: str = RUNNING, name: str = "web", **fields: Any) -> VM:
    allowed = fields.pop("allowed", EVERYTHING)
    blocked = fields.pop("blocked", {})
    return VM(
        ref=name,
        name_label=name,
        power_state=state,
        allowed_operations_json=msgspec.Raw(msgspec.json.encode(allowed)),
        blocked_operations_json=msgspec.Raw(msgspec.json.encode(blocked)),
        **fields,
    )


def test_the_tables_here_name_every_action() -> None:
    assert set(STATES) == {action.id for action in actions_for("vm")}
    assert set(ACTIONS) == set(ActionId)
    assert {action.id for action in ACTIONS.values() if action.harm is not Harm.NONE} == set(HARM)
    assert set(POWER_ACTIONS) < set(STATES)


@pytest.mark.parametrize("action_id", STATES)
@pytest.mark.parametrize("state", [RUNNING, HALTED, PAUSED, SUSPENDED])
def test_a_vms_state_decides(action_id: ActionId, state: PowerState) -> None:
    reason = ACTIONS[action_id].reason((vm(state),), SCOPE)
    assert (reason is None) == (state in STATES[action_id])
    if reason is not None:
        assert reason.startswith("web is ")
        assert reason.endswith(".")


@pytest.mark.parametrize("action_id", STATES)
def test_one_unfit_vm_stops_the_whole_selection(action_id: ActionId) -> None:
    fit = [vm(state, f"fit-{state}") for state in STATES[action_id]][:1]
    unfit = [s for s in (RUNNING, HALTED, PAUSED, SUSPENDED) if s not in STATES[action_id]]
    assert ACTIONS[action_id].reason(fit, SCOPE) is None
    for state in unfit:
        assert ACTIONS[action_id].reason([*fit, vm(state, "odd-one")], SCOPE) is not None


def test_paused_and_suspended_are_not_resumed_together() -> None:
    mixed = (vm(PAUSED, "a"), vm(SUSPENDED, "b"))
    assert "one kind" in (ACTIONS[A.VM_RESUME].reason(mixed, SCOPE) or "")


@pytest.mark.parametrize("action_id", list(ActionId))
def test_nothing_selected_is_a_reason(action_id: ActionId) -> None:
    assert ACTIONS[action_id].reason((), SCOPE) == "Nothing is selected."


def test_what_is_under_way_is_told() -> None:
    busy = vm(RUNNING, current_operations={"task": "clean_shutdown"}, allowed=["hard_shutdown"])
    reasons = {a.id: a.reason((busy,), SCOPE) for a in actions_for("vm")}
    assert reasons[A.VM_CLEAN_SHUTDOWN] == "web is shutting down already."
    assert reasons[A.VM_CLEAN_REBOOT] == "web is busy (clean shutdown)."
    assert reasons[A.VM_HARD_SHUTDOWN] is None


def test_what_an_administrator_protected_is_told() -> None:
    kept = vm(HALTED, blocked={"destroy": "do not", "start": "no"})
    assert "protected" in (ACTIONS[A.VM_DELETE].reason((kept,), SCOPE) or "")
    assert "protected" in (ACTIONS[A.VM_START].reason((kept,), SCOPE) or "")
    assert ACTIONS[A.VM_COPY].reason((kept,), SCOPE) is None


def test_migration_needs_another_host_and_a_vm_that_can_move() -> None:
    alone = ActionScope(None, lambda: TWO_HOSTS[:1])
    migrate = ACTIONS[A.VM_MIGRATE]
    assert migrate.reason((vm(),), alone) == "The pool has no other host."
    assert migrate.reason((vm(allowed=["migrate_send"]),), SCOPE) is None
    assert migrate.reason((vm(allowed=[]),), SCOPE) is not None


@pytest.mark.parametrize(
    ("action_id", "enabled"),
    [
        (A.HOST_ENABLE, False),
    ],
)
def test_a_host_has_to_be_in_maintenance_first(action_id: ActionId, enabled: bool) -> None:
    action = ACTIONS[action_id]
    assert action.reason((Host(ref="H", name_label="h", enabled=enabled),), SCOPE) is None
    assert action.reason((Host(ref="H", name_label="h", enabled=not enabled),), SCOPE) is not None


@pytest.mark.parametrize("action_id", HARM)
def test_harm_decides_what_is_asked(action_id: ActionId) -> None:
    action = ACTIONS[action_id]
    one = (vm() if action.kind == "vm" else TWO_HOSTS[0],)
    question = question_for(action, one, ["data (1 GiB)"])
    name = one[0].name_label
    assert question.harm is HARM[action_id]
    assert name in question.title
    assert question.title.endswith("?")
    assert question.text
    assert question.verb not in ("OK", "Yes", "No")
    assert question.type_this == (name if question.harm is Harm.DESTRUCTIVE else "")
    assert question.consequences == ("data (1 GiB)",)


def test_many_are_counted_and_named() -> None:
    question = question_for(ACTIONS[A.VM_DELETE], [vm(HALTED, f"vm-{n}") for n in range(3)])
    assert question.title == "Delete 3 VMs?"
    assert question.objects == ("vm-0", "vm-1", "vm-2")
    assert question.type_this == "delete 3 VMs"
