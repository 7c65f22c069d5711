"""What will happen to a host and its VMs, as a plan to be read before anything is done.

Pure: a situation goes in, steps with words come out. Who works on them is `ui.views.host.work`.

Source: xapi.md 1.11; xapi wants a host disabled before it reboots or shuts down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from xolite_qt.ui import format as fmt
from xolite_qt.xen_api import PowerState


class Goal(StrEnum):
    """What is wanted of a host."""

    MAINTENANCE = "maintenance"
    REBOOT = "reboot"
    SMART_REBOOT = "smart reboot"
    SHUTDOWN = "shutdown"
    TOOLSTACK = "toolstack"


class Fate(StrEnum):
    """What becomes of a VM that runs on the host."""

    MOVE = "move"
    SUSPEND = "suspend"
    SHUT_DOWN = "shut down"
    CUT = "cut"
    STAY = "stay"


class Do(StrEnum):
    """What a step does."""

    DISABLE = "disable"
    SUSPEND = "suspend"
    SHUT_DOWN = "shut down"
    CUT = "cut"
    EVACUATE = "evacuate"
    UPDATE = "update"
    TOOLSTACK = "toolstack"
    REBOOT = "reboot"
    SHUTDOWN = "shutdown"
    WAIT = "wait"
    ENABLE = "enable"
    RESUME = "resume"
    START = "start"
    RETURN = "return"


FATE_WORDS = {
    Fate.MOVE: "Move to another host",
    Fate.SUSPEND: "Suspend",
    Fate.SHUT_DOWN: "Shut down",
    Fate.CUT: "Force shut down",
    Fate.STAY: "Keep running here",
}


@dataclass(frozen=True)
class Guest:
    """A VM on the host.

    Attributes:
        ref: of the VM.
        name: of it.
        state: running or paused; others hold no memory and do not matter.
        memory_bytes: that it holds.
        allowed: its `allowed_operations`.
        stuck: why no other host can take it, in words; "" where one can.
    """

    ref: str
    name: str
    state: PowerState = PowerState.RUNNING
    memory_bytes: int = 0
    allowed: frozenset[str] = frozenset()
    stuck: str = ""


@dataclass(frozen=True)
class Situation:
    """What is known when a plan is made.

    Attributes:
        host: reference of the host.
        name: of it.
        enabled: whether it starts VMs now.
        is_master: whether the connection goes to it.
        others: names of the other hosts that live and are enabled.
        guests: VMs on it that are not halted, without its control domain.
        tasks: names of operations that are under way in the pool.
        has_ha: whether high availability is on.
    """

    host: str
    name: str
    enabled: bool = True
    is_master: bool = False
    others: tuple[str, ...] = ()
    guests: tuple[Guest, ...] = ()
    tasks: tuple[str, ...] = ()
    has_ha: bool = False


@dataclass(frozen=True)
class PlanStep:
    """One step.

    Attributes:
        do: what.
        title: in words: "Suspend web-1".
        ref: of the VM or the host.
    """

    do: Do
    title: str
    ref: str


@dataclass(frozen=True)
class Plan:
    """A goal, a situation, and what becomes of each VM.

    Attributes:
        fates: by reference of the VM.
        bring_back: whether VMs are brought back once the host is.
        packages: that are installed on the way; none for plans that only reboot.
        notes: more to know before it is done, besides what follows from the situation.
    """

    goal: Goal
    situation: Situation
    fates: dict[str, Fate] = field(default_factory=dict)
    bring_back: bool = False
    packages: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def with_fate(self, ref: str, fate: Fate) -> Plan:
        """The plan with another fate of one VM."""
        return replace(self, fates={**self.fates, ref: fate})


def offered(guest: Guest, situation: Situation, goal: Goal) -> dict[Fate, str]:
    """The fates that a VM could have, each with why it cannot, or ""."""
    if goal is Goal.TOOLSTACK:
        return {Fate.STAY: ""}
    reasons = {
        Fate.MOVE: guest.stuck if situation.others else "The pool has no other host that could.",
        Fate.SUSPEND: _asked(guest, "suspend"),
        Fate.SHUT_DOWN: _asked(guest, "clean_shutdown"),
        Fate.CUT: _asked(guest, "hard_shutdown"),
    }
    if goal is Goal.MAINTENANCE:
        reasons[Fate.STAY] = ""
    return reasons


def _asked(guest: Guest, operation: str) -> str:
    if operation in guest.allowed:
        return ""
    if guest.state is PowerState.PAUSED and operation != "hard_shutdown":
        return "It is paused: resume it first."
    if operation == "suspend":
        return "It cannot be suspended: its guest tools may be missing."
    if operation == "clean_shutdown":
        return "It does not answer to a clean shut-down: its guest tools may be missing."
    return "The host does not allow it now."


_PREFERRED = {
    Goal.MAINTENANCE: (Fate.MOVE, Fate.STAY),
    Goal.REBOOT: (Fate.MOVE, Fate.SHUT_DOWN, Fate.CUT),
    Goal.SMART_REBOOT: (Fate.MOVE, Fate.SUSPEND, Fate.SHUT_DOWN, Fate.CUT),
    Goal.SHUTDOWN: (Fate.MOVE, Fate.SHUT_DOWN, Fate.CUT),
    Goal.TOOLSTACK: (Fate.STAY,),
}


def make_plan(
    goal: Goal,
    situation: Situation,
    packages: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Plan:
    """A plan with the gentlest fate for each VM that can have it."""
    fates = {}
    for guest in situation.guests:
        reasons = offered(guest, situation, goal)
        wanted = [fate for fate in _PREFERRED[goal] if not reasons.get(fate, "no")]
        fates[guest.ref] = wanted[0] if wanted else _PREFERRED[goal][-1]
    return Plan(goal, situation, fates, goal is Goal.SMART_REBOOT, tuple(packages), tuple(notes))


def trouble(plan: Plan) -> str | None:
    """Why the plan cannot be done as it stands, or None."""
    for guest in plan.situation.guests:
        fate = plan.fates[guest.ref]
        reason = offered(guest, plan.situation, plan.goal).get(fate)
        if reason:
            return f"{guest.name} cannot {FATE_WORDS[fate].lower()}: {reason}"
    return None


def steps_of(plan: Plan) -> list[PlanStep]:
    """What is done, in order."""
    here = plan.situation
    steps: list[PlanStep] = []

    def add(do: Do, title: str, ref: str = "") -> None:
        steps.append(PlanStep(do, title, ref or here.host))

    if plan.goal is not Goal.TOOLSTACK:
        if here.enabled:
            add(Do.DISABLE, f"{here.name} starts no VM any more")
        _clear(plan, add)
    if plan.packages:
        many = fmt.plural(len(plan.packages), "package", "packages")
        add(Do.UPDATE, f"Install {many} on {here.name}")
    if plan.goal is Goal.TOOLSTACK:
        add(Do.TOOLSTACK, f"Restart the toolstack of {here.name}")
        add(Do.WAIT, "Wait until it answers again")
    elif plan.goal is Goal.SHUTDOWN:
        add(Do.SHUTDOWN, f"Shut {here.name} down")
    elif plan.goal in (Goal.REBOOT, Goal.SMART_REBOOT):
        add(Do.REBOOT, f"Reboot {here.name}")
        add(Do.WAIT, f"Wait until {here.name} is back; this takes some minutes")
        add(Do.ENABLE, f"{here.name} may start VMs again")
        if plan.bring_back:
            _bring_back(plan, add)
    return steps


def _clear(plan: Plan, add: object) -> None:
    assert callable(add)
    by_fate = _by_fate(plan)
    for guest in by_fate.get(Fate.SUSPEND, []):
        add(Do.SUSPEND, f"Suspend {guest.name}", guest.ref)
    for guest in by_fate.get(Fate.SHUT_DOWN, []):
        add(Do.SHUT_DOWN, f"Shut {guest.name} down", guest.ref)
    for guest in by_fate.get(Fate.CUT, []):
        add(Do.CUT, f"Force {guest.name} to shut down", guest.ref)
    moved = by_fate.get(Fate.MOVE, [])
    if not moved:
        return
    if by_fate.get(Fate.STAY):
        # The host's own evacuation takes all or none: these are moved one by one.
        for guest in moved:
            add(Do.EVACUATE, f"Move {guest.name} to another host", guest.ref)
    else:
        names = ", ".join(guest.name for guest in moved[:3]) + (" …" if len(moved) > 3 else "")
        many = fmt.plural(len(moved), "VM", "VMs")
        add(Do.EVACUATE, f"Move {many} to other hosts: {names}")


def _bring_back(plan: Plan, add: object) -> None:
    assert callable(add)
    by_fate = _by_fate(plan)
    for guest in by_fate.get(Fate.SUSPEND, []):
        add(Do.RESUME, f"Resume {guest.name}", guest.ref)
    for fate in (Fate.SHUT_DOWN, Fate.CUT):
        for guest in by_fate.get(fate, []):
            add(Do.START, f"Start {guest.name}", guest.ref)
    for guest in by_fate.get(Fate.MOVE, []):
        add(Do.RETURN, f"Move {guest.name} back", guest.ref)


def _by_fate(plan: Plan) -> dict[Fate, list[Guest]]:
    found: dict[Fate, list[Guest]] = {}
    for guest in plan.situation.guests:
        found.setdefault(plan.fates[guest.ref], []).append(guest)
    return found


def warnings_of(plan: Plan) -> list[str]:
    """What one should know besides the steps."""
    here, goal = plan.situation, plan.goal
    found = list(plan.notes)
    if goal is Goal.SHUTDOWN and here.is_master:
        found.append(
            "It is the pool's master: until it is back, nothing in the pool can be managed, and "
            "no VM starts by itself; those on other hosts run on. Make another host the master "
            "first, unless the whole pool goes down."
            if here.others
            else "The connection ends with it."
        )
    elif goal is not Goal.MAINTENANCE and here.is_master:
        found.append(
            "It is the pool's master: the connection is lost for a while and comes back by itself."
        )
    if goal is Goal.SHUTDOWN:
        found.append("It has to be switched on by hand, or by its remote management.")
    cut = [guest for guest in here.guests if plan.fates[guest.ref] is Fate.CUT]
    if cut:
        names = ", ".join(guest.name for guest in cut[:5])
        found.append(f"Like pulling the plug: {names} loses what is not on disk yet.")
    down = [guest for guest in here.guests if plan.fates[guest.ref] is Fate.SHUT_DOWN]
    if down and not plan.bring_back:
        many = fmt.plural(len(down), "VM stays", "VMs stay")
        found.append(f"{many} off afterwards, unless set to start with the host.")
    if here.tasks and goal is not Goal.MAINTENANCE:
        names = ", ".join(here.tasks[:4]) + (" …" if len(here.tasks) > 4 else "")
        found.append(f"Operations under way are lost: {names}.")
    if here.has_ha and goal is not Goal.TOOLSTACK:
        found.append("High availability is on: VMs that it protects may be started elsewhere.")
    if plan.bring_back:
        found.append("This program has to stay open until the last step.")
    return found


def needs_typing(plan: Plan) -> bool:
    """Whether the host's name is to be typed first: VMs go down, or the host does not come back."""
    down = {Fate.SHUT_DOWN, Fate.CUT}
    return plan.goal is Goal.SHUTDOWN or any(fate in down for fate in plan.fates.values())


# Packages that only a reboot puts to work; others take effect with the toolstack's restart.
_REBOOTING = (
    "xen-hypervisor",
    "xen-dom0",
    "kernel",
    "microcode",
    "linux-firmware",
    "glibc",
    "qemu",
)


def wants_reboot(packages: Sequence[str]) -> bool:
    """Whether some of these packages take effect at the next boot only."""
    return any(name.startswith(_REBOOTING) for name in packages)
