"""When an action may run, and why not, in words that a tooltip can show.

Source: xo-lite.md 1.5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from xolite_qt.xen_api import VM, Host, PowerState

Record = VM | Host
Items = Sequence[Record]


@dataclass(frozen=True)
class ActionScope:
    """What actions may look at and use.

    Attributes:
        api: the connection (`xen_api.XenApi`).
        hosts: the hosts known now.
    """

    api: Any
    hosts: Callable[[], Sequence[Host]]


Reason = str
Rule = Callable[[Items, ActionScope], Reason | None]

_STATE_WORDS = {
    PowerState.RUNNING: "running",
    PowerState.HALTED: "halted",
    PowerState.PAUSED: "paused",
    PowerState.SUSPENDED: "suspended",
}


def in_state(*wanted: PowerState) -> Rule:
    def rule(items: Items, scope: ActionScope) -> Reason | None:
        words = " or ".join(_STATE_WORDS[state] for state in wanted)
        for item in items:
            if isinstance(item, VM) and item.power_state not in wanted:
                state = item.power_state.lower()
                return f"{item.name_label} is {state}; it has to be {words}."
        return None

    return rule


def may_resume(items: Items, scope: ActionScope) -> Reason | None:
    states = {item.power_state for item in items if isinstance(item, VM)}
    if states in ({PowerState.SUSPENDED}, {PowerState.PAUSED}):
        return None
    if states == {PowerState.SUSPENDED, PowerState.PAUSED}:
        return "Some are paused and some suspended: choose one kind."
    return in_state(PowerState.SUSPENDED, PowerState.PAUSED)(items, scope)


def may_migrate(items: Items, scope: ActionScope) -> Reason | None:
    if len(scope.hosts()) < 2:
        return "The pool has no other host."
    for item in items:
        allowed = item.allowed_operations
        if "pool_migrate" not in allowed and "migrate_send" not in allowed:
            return f"{item.name_label} cannot be moved in its present state."
    return None


def may_snapshot(items: Items, scope: ActionScope) -> Reason | None:
    for item in items:
        if "snapshot" not in item.allowed_operations:
            return f"{item.name_label} cannot be snapshotted in its present state."
    return None


def enabled(wanted: bool) -> Rule:
    def rule(items: Items, scope: ActionScope) -> Reason | None:
        for item in items:
            if isinstance(item, Host) and item.enabled is not wanted:
                state = "enabled" if item.enabled else "in maintenance"
                return f"{item.name_label} is {state}."
        return None

    return rule


def always(items: Items, scope: ActionScope) -> Reason | None:
    return None


def at_work(operations: Sequence[str], doing: str, items: Items) -> Reason | None:
    """Why what the host is doing, or what an administrator forbade, stands in the way.

    Args:
        operations: names of the action in XAPI's operation fields; the first that fits counts.
        doing: words for what is under way: "starting".
        items: the objects.
    """
    for item in items:
        under_way = set(item.current_operations.values())
        if under_way & set(operations):
            return f"{item.name_label} is {doing} already."
        if not isinstance(item, VM) or not operations:
            continue
        if under_way and not set(operations) & set(item.allowed_operations):
            what = ", ".join(sorted(under_way)).replace("_", " ")
            return f"{item.name_label} is busy ({what})."
        if all(operation in item.blocked_operations for operation in operations):
            return f"An administrator has protected {item.name_label} from this."
    return None
