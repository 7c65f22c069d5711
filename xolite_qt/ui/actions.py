"""What a user may do with objects: one registry for menus, bars, lists and the palette.

An action knows whether it may run on a selection, and why not in words; running it goes through
`XenApi.run`, so it is a task with progress that can be cancelled. Rules: xo-lite.md 1.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from xolite_qt.ui import action_rules as rules
from xolite_qt.ui import action_steps as steps
from xolite_qt.ui.action_rules import ActionScope, Items, Reason, Rule
from xolite_qt.ui.action_steps import Steps
from xolite_qt.xen_api import PowerState

__all__ = [
    "ACTIONS",
    "POWER_ACTIONS",
    "Action",
    "ActionId",
    "ActionScope",
    "Harm",
    "Items",
    "Outcome",
    "Question",
    "Reason",
    "actions_for",
    "question_for",
]


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
    """What became of one object; `error` is None where it went well."""

    name: str
    error: Exception | None = None


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
        operations: its names in `current_operations`, `allowed_operations` and
            `blocked_operations`.
        asks: the question's title; `{label}` and `{what}` are filled in.
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
    operations: tuple[str, ...] = ()
    asks: str = "{label} {what}?"

    @property
    def kind(self) -> str:
        """What it is done to: "vm" or "host"."""
        return self.id.value.partition(".")[0]

    def reason(self, items: Items, scope: ActionScope) -> Reason | None:
        """Why it may not run now, in words; None where it may."""
        if not items:
            return "Nothing is selected."
        return self.rule(items, scope) or rules.at_work(self.operations, self.doing, items)


_HALTED = rules.in_state(PowerState.HALTED)
_RUNNING = rules.in_state(PowerState.RUNNING)
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
            steps.start,
            operations=("start",),
        ),
        Action(
            ActionId.VM_START_ON,
            "Start on…",
            "play",
            "started",
            "starting",
            _HALTED,
            steps.start_on,
            wants_host=True,
            operations=("start_on",),
        ),
        Action(
            ActionId.VM_RESUME,
            "Resume",
            "play",
            "resumed",
            "resuming",
            rules.may_resume,
            steps.resume,
            operations=("resume", "unpause"),
        ),
        Action(
            ActionId.VM_PAUSE,
            "Pause",
            "pause",
            "paused",
            "pausing",
            _RUNNING,
            steps.run("VM.pause"),
            operations=("pause",),
        ),
        Action(
            ActionId.VM_SUSPEND,
            "Suspend",
            "moon",
            "suspended",
            "suspending",
            _RUNNING,
            steps.run("VM.suspend"),
            operations=("suspend",),
        ),
        Action(
            ActionId.VM_CLEAN_REBOOT,
            "Reboot",
            "reboot",
            "rebooted",
            "rebooting",
            _RUNNING,
            steps.run("VM.clean_reboot"),
            operations=("clean_reboot",),
        ),
        Action(
            ActionId.VM_HARD_REBOOT,
            "Force reboot",
            "reboot",
            "rebooted",
            "rebooting",
            rules.in_state(PowerState.RUNNING, PowerState.PAUSED),
            steps.run("VM.hard_reboot"),
            Harm.DISRUPTIVE,
            _POWER_CUT,
            operations=("hard_reboot",),
        ),
        Action(
            ActionId.VM_CLEAN_SHUTDOWN,
            "Shut down",
            "power",
            "shut down",
            "shutting down",
            _RUNNING,
            steps.run("VM.clean_shutdown"),
            operations=("clean_shutdown",),
        ),
        Action(
            ActionId.VM_HARD_SHUTDOWN,
            "Force shut down",
            "power",
            "shut down",
            "shutting down",
            rules.in_state(PowerState.RUNNING, PowerState.SUSPENDED, PowerState.PAUSED),
            steps.run("VM.hard_shutdown"),
            Harm.DISRUPTIVE,
            _POWER_CUT,
            operations=("hard_shutdown",),
        ),
        Action(
            ActionId.VM_MIGRATE,
            "Migrate to…",
            "migrate",
            "migrated",
            "migrating",
            rules.may_migrate,
            steps.migrate,
            wants_host=True,
            operations=("pool_migrate", "migrate_send"),
        ),
        Action(
            ActionId.VM_SNAPSHOT,
            "Take snapshot",
            "snapshot",
            "snapshotted",
            "taking a snapshot of",
            rules.may_snapshot,
            steps.snapshot,
            operations=("snapshot",),
        ),
        Action(
            ActionId.VM_COPY,
            "Copy…",
            "copy",
            "copied",
            "being copied",
            _HALTED,
            steps.copy,
            operations=("clone", "copy"),
        ),
        Action(
            ActionId.VM_DELETE,
            "Delete",
            "trash",
            "deleted",
            "being deleted",
            _HALTED,
            steps.delete,
            Harm.DESTRUCTIVE,
            "The VM and the disks that only it uses are deleted. This cannot be undone.",
            operations=("destroy",),
        ),
        Action(
            ActionId.HOST_ENABLE,
            "Leave maintenance",
            "play",
            "enabled",
            "being enabled",
            rules.enabled(False),
            steps.run("host.enable"),
        ),
    )
}

# What "Change state" offers; the rest of a VM's actions stand beside it.
POWER_ACTIONS = (
    ActionId.VM_START,
    ActionId.VM_START_ON,
    ActionId.VM_RESUME,
    ActionId.VM_PAUSE,
    ActionId.VM_SUSPEND,
    ActionId.VM_CLEAN_REBOOT,
    ActionId.VM_HARD_REBOOT,
    ActionId.VM_CLEAN_SHUTDOWN,
    ActionId.VM_HARD_SHUTDOWN,
)


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
        action.asks.format(label=action.label, what=what),
        action.warning,
        action.label,
        action.harm,
        names,
        tuple(consequences),
        typed,
    )
