"""What a user may do with objects: one registry for menus, bars, lists and the palette.

An action knows whether it may run on a selection, and why not in words; running it goes through
`XenApi.run`, so it is a task with progress that can be cancelled. Rules: xo-lite.md 1.5.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from xolite_qt.xen_api import VM, Host, PowerState

Record = VM | Host
Items = Sequence[Record]


class ActionId(StrEnum):
    """Every action, in the order in which menus show them."""

    VM_START = "vm.start"
    VM_START_ON = "vm.start_on"
    VM_RESUME = "vm.resume"
    VM_PAUSE = "vm.pause"
    VM_SUSPEND = "vm.suspend"
    VM_CLEAN_REBOOT = "vm.clean_reboot"
    VM_HARD_REBOOT = "vm.hard_reboot"
    VM_CLEAN_SHUTDOWN = "vm.clean_shutdown"
    VM_HARD_SHUTDOWN = "vm.hard_shutdown"
    VM_MIGRATE = "vm.migrate"
    VM_SNAPSHOT = "vm.snapshot"
    VM_COPY = "vm.copy"
    VM_DELETE = "vm.delete"
    HOST_ENABLE = "host.enable"
    HOST_DISABLE = "host.disable"
    HOST_RESTART_TOOLSTACK = "host.restart_toolstack"
    HOST_REBOOT = "host.reboot"
    HOST_SHUTDOWN = "host.shutdown"


class Harm(StrEnum):
    """How much an action can hurt, and so how it is asked about."""

    NONE = "none"
    DISRUPTIVE = "disruptive"
    DESTRUCTIVE = "destructive"


@dataclass(frozen=True)
class Question:
    """What is asked before an action that hurts.

    Attributes:
        title: "Force 2 VMs to shut down?"
        text: what it means.
        verb: the word on the button.
        harm: how it is dressed; a destructive one wants `type_this` typed.
        objects: names of what it is about.
        consequences: what else goes: disks, with their sizes.
        type_this: what must be typed first; empty where nothing.
    """

    title: str
    text: str
    verb: str
    harm: Harm
    objects: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()
    type_this: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of one object; `error` None where it went well, `cancelled` where it was."""

    name: str
    error: Exception | None = None


Reason = str
Rule = Callable[["Items", "ActionScope"], Reason | None]
Steps = Callable[["ActionScope", Any, str], Awaitable[None]]


@dataclass(frozen=True)
class ActionScope:
    """What actions may look at and use.

    Attributes:
        api: the connection (`xen_api.XenApi`).
        hosts: the hosts known now.
    """

    api: Any
    hosts: Callable[[], Sequence[Host]]


@dataclass(frozen=True)
class Action:
    """One thing to do.

    Attributes:
        id: its identity.
        label: words for menus and buttons.
        icon: name of its icon.
        done: words for the message at its end: "started".
        doing: words for what is under way: "starting".
        rule: why it may not run on a selection, or None.
        steps: does it for one object; the last argument is the reference of a chosen host.
        harm: how it is asked about.
        warning: what it means, for the question.
        wants_host: whether a host has to be chosen.
        operation: name in `current_operations` while it is under way.
    """

    id: ActionId
    label: str
    icon: str
    done: str
    doing: str
    rule: Rule
    steps: Steps
    harm: Harm = Harm.NONE
    warning: str = ""
    wants_host: bool = False
    operation: str = ""
    shortcuts: tuple[str, ...] = field(default=())

    @property
    def kind(self) -> str:
        """What it is done to: "vm" or "host"."""
        return self.id.value.partition(".")[0]

    def reason(self, items: Items, scope: ActionScope) -> Reason | None:
        """Why it may not run now, in words; None where it may."""
        if not items:
            return "Nothing is selected."
        for item in items:
            if self.operation and self.operation in item.current_operations.values():
                return f"{item.name_label} is {self.doing} already."
        return self.rule(items, scope)


_STATE_WORDS = {
    PowerState.RUNNING: "running",
    PowerState.HALTED: "halted",
    PowerState.PAUSED: "paused",
    PowerState.SUSPENDED: "suspended",
}


def _in_state(*wanted: PowerState) -> Rule:
    def rule(items: Items, scope: ActionScope) -> Reason | None:
        words = " or ".join(_STATE_WORDS[state] for state in wanted)
        for item in items:
            if isinstance(item, VM) and item.power_state not in wanted:
                state = item.power_state.lower()
                return f"{item.name_label} is {state}; it has to be {words}."
        return None

    return rule


def _may_resume(items: Items, scope: ActionScope) -> Reason | None:
    states = {item.power_state for item in items if isinstance(item, VM)}
    if states in ({PowerState.SUSPENDED}, {PowerState.PAUSED}):
        return None
    if states == {PowerState.SUSPENDED, PowerState.PAUSED}:
        return "Some are paused and some suspended: choose one kind."
    return _in_state(PowerState.SUSPENDED, PowerState.PAUSED)(items, scope)


def _may_migrate(items: Items, scope: ActionScope) -> Reason | None:
    if len(scope.hosts()) < 2:
        return "The pool has no other host."
    for item in items:
        allowed = item.allowed_operations
        if "pool_migrate" not in allowed and "migrate_send" not in allowed:
            return f"{item.name_label} cannot be moved in its present state."
    return None


def _may_snapshot(items: Items, scope: ActionScope) -> Reason | None:
    for item in items:
        if "snapshot" not in item.allowed_operations:
            return f"{item.name_label} cannot be snapshotted in its present state."
    return None


def _enabled(wanted: bool) -> Rule:
    def rule(items: Items, scope: ActionScope) -> Reason | None:
        for item in items:
            if isinstance(item, Host) and item.enabled is not wanted:
                state = "enabled" if item.enabled else "in maintenance"
                return f"{item.name_label} is {state}."
        return None

    return rule


def _always(items: Items, scope: ActionScope) -> Reason | None:
    return None


def _run(method: str, *params: Any) -> Steps:
    async def steps(scope: ActionScope, item: Record, host: str) -> None:
        await scope.api.run(method, item.ref, *params)

    return steps


async def _resume(scope: ActionScope, item: Record, host: str) -> None:
    if isinstance(item, VM) and item.power_state == PowerState.PAUSED:
        await scope.api.run("VM.unpause", item.ref)
    else:
        await scope.api.run("VM.resume", item.ref, False, False)


async def _start_on(scope: ActionScope, item: Record, host: str) -> None:
    await scope.api.run("VM.start_on", item.ref, host, False, False)


async def _migrate(scope: ActionScope, item: Record, host: str) -> None:
    await scope.api.run("VM.pool_migrate", item.ref, host, {"live": "true"})


async def _snapshot(scope: ActionScope, item: Record, host: str) -> None:
    stamp = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    await scope.api.run("VM.snapshot", item.ref, f"{item.name_label} {stamp}")


async def _copy(scope: ActionScope, item: Record, host: str) -> None:
    await scope.api.run("VM.clone", item.ref, f"{item.name_label} (copy)")


async def own_disks(api: Any, vm_ref: str) -> dict[str, Any]:
    """Disks that no other VM uses: reference to record. They would be orphans without their VM."""
    disks: dict[str, Any] = {}
    for vbd_ref in await api.call("VM.get_VBDs", vm_ref):
        vbd = await api.get_record("vbd", vbd_ref)
        if vbd.type != "Disk" or vbd.vdi in disks or vbd.vdi == "OpaqueRef:NULL":
            continue
        vdi = await api.get_record("vdi", vbd.vdi)
        if set(vdi.vbds) <= {vbd_ref}:
            disks[vbd.vdi] = vdi
    return disks


async def _delete(scope: ActionScope, item: Record, host: str) -> None:
    disks = await own_disks(scope.api, item.ref)
    await scope.api.run("VM.destroy", item.ref)
    for vdi_ref in disks:
        await scope.api.run("VDI.destroy", vdi_ref)


_HALTED = _in_state(PowerState.HALTED)
_RUNNING = _in_state(PowerState.RUNNING)
_POWER_CUT = "Like pulling the plug: what the guest has not written to disk yet is lost."

ACTIONS: dict[ActionId, Action] = {
    action.id: action
    for action in (
        Action(
            ActionId.VM_START,
            "Start",
            "play",
            "started",
            "starting",
            _HALTED,
            _run("VM.start", False, False),
            operation="start",
        ),
        Action(
            ActionId.VM_START_ON,
            "Start on…",
            "play",
            "started",
            "starting",
            _HALTED,
            _start_on,
            wants_host=True,
            operation="start_on",
        ),
        Action(ActionId.VM_RESUME, "Resume", "play", "resumed", "resuming", _may_resume, _resume),
        Action(
            ActionId.VM_PAUSE,
            "Pause",
            "pause",
            "paused",
            "pausing",
            _RUNNING,
            _run("VM.pause"),
            operation="pause",
        ),
        Action(
            ActionId.VM_SUSPEND,
            "Suspend",
            "moon",
            "suspended",
            "suspending",
            _RUNNING,
            _run("VM.suspend"),
            operation="suspend",
        ),
        Action(
            ActionId.VM_CLEAN_REBOOT,
            "Reboot",
            "reboot",
            "rebooted",
            "rebooting",
            _RUNNING,
            _run("VM.clean_reboot"),
            operation="clean_reboot",
        ),
        Action(
            ActionId.VM_HARD_REBOOT,
            "Force reboot",
            "reboot",
            "rebooted",
            "rebooting",
            _in_state(PowerState.RUNNING, PowerState.PAUSED),
            _run("VM.hard_reboot"),
            Harm.DISRUPTIVE,
            _POWER_CUT,
            operation="hard_reboot",
        ),
        Action(
            ActionId.VM_CLEAN_SHUTDOWN,
            "Shut down",
            "power",
            "shut down",
            "shutting down",
            _RUNNING,
            _run("VM.clean_shutdown"),
            operation="clean_shutdown",
        ),
        Action(
            ActionId.VM_HARD_SHUTDOWN,
            "Force shut down",
            "power",
            "shut down",
            "shutting down",
            _in_state(PowerState.RUNNING, PowerState.SUSPENDED, PowerState.PAUSED),
            _run("VM.hard_shutdown"),
            Harm.DISRUPTIVE,
            _POWER_CUT,
            operation="hard_shutdown",
        ),
        Action(
            ActionId.VM_MIGRATE,
            "Migrate to…",
            "migrate",
            "migrated",
            "migrating",
            _may_migrate,
            _migrate,
            wants_host=True,
            operation="pool_migrate",
        ),
        Action(
            ActionId.VM_SNAPSHOT,
            "Take snapshot",
            "snapshot",
            "snapshotted",
            "taking a snapshot of",
            _may_snapshot,
            _snapshot,
            operation="snapshot",
        ),
        Action(ActionId.VM_COPY, "Copy", "copy", "copied", "being copied", _HALTED, _copy),
        Action(
            ActionId.VM_DELETE,
            "Delete",
            "trash",
            "deleted",
            "being deleted",
            _HALTED,
            _delete,
            Harm.DESTRUCTIVE,
            "The VM and the disks that only it uses are deleted. This cannot be undone.",
            operation="destroy",
        ),
        Action(
            ActionId.HOST_ENABLE,
            "Leave maintenance",
            "play",
            "enabled",
            "being enabled",
            _enabled(False),
            _run("host.enable"),
        ),
        Action(
            ActionId.HOST_DISABLE,
            "Enter maintenance",
            "ban",
            "in maintenance",
            "being disabled",
            _enabled(True),
            _run("host.disable"),
            Harm.DISRUPTIVE,
            "The host starts no VM any more until it leaves maintenance. Running VMs stay.",
        ),
        Action(
            ActionId.HOST_RESTART_TOOLSTACK,
            "Restart toolstack",
            "refresh",
            "restarting its toolstack",
            "restarting",
            _always,
            _run("host.restart_agent"),
            Harm.DISRUPTIVE,
            "VMs keep running. The connection is lost for a moment and comes back by itself; "
            "tasks under way are lost.",
        ),
        Action(
            ActionId.HOST_REBOOT,
            "Reboot host",
            "reboot",
            "rebooting",
            "rebooting",
            _enabled(False),
            _run("host.reboot"),
            Harm.DESTRUCTIVE,
            "VMs that still run on it are shut down.",
        ),
        Action(
            ActionId.HOST_SHUTDOWN,
            "Shut down host",
            "power",
            "shutting down",
            "shutting down",
            _enabled(False),
            _run("host.shutdown"),
            Harm.DESTRUCTIVE,
            "VMs that still run on it are shut down. The host has to be switched on by hand.",
        ),
    )
}


def actions_for(kind: str) -> list[Action]:
    """The actions of a kind of object, in menu order."""
    return [action for action in ACTIONS.values() if action.kind == kind]


def question_for(action: Action, items: Items, consequences: Sequence[str] = ()) -> Question:
    """What is asked before an action that hurts."""
    names = tuple(item.name_label for item in items)
    noun = {"vm": "VMs", "host": "hosts"}[action.kind]
    what = names[0] if len(names) == 1 else f"{len(names)} {noun}"
    typed = ""
    if action.harm is Harm.DESTRUCTIVE:
        typed = names[0] if len(names) == 1 else f"{action.label.lower()} {len(names)} {noun}"
    return Question(
        f"{action.label}: {what}?",
        action.warning,
        action.label,
        action.harm,
        names,
        tuple(consequences),
        typed,
    )
