"""Plans for hosts: the gentlest fate that is possible, and the order that xapi wants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.ui.models.host_plan import (
    Do,
    Fate,
    Goal,
    Guest,
    Situation,
    make_plan,
    needs_typing,
    offered,
    steps_of,
    trouble,
    wants_reboot,
    warnings_of,
)
from xolite_qt.xen_api import PowerState

ALL = frozenset({"suspend", "clean_shutdown", "hard_shutdown", "pool_migrate"})
WEB = Guest("OpaqueRef:web", "web-1", memory_bytes=1 << 30, allowed=ALL)
BARE = Guest("OpaqueRef:bare", "bare", allowed=frozenset({"hard_shutdown"}), stuck="No tools.")
HOST = "OpaqueRef:host"


def alone(*guests: Guest) -> Situation:
    return Situation(HOST, "xcp1", is_master=True, guests=guests)


def titles(goal: Goal, situation: Situation) -> list[str]:
    return [step.title for step in steps_of(make_plan(goal, situation))]


def test_a_single_host_suspends_and_resumes() -> None:
    assert titles(Goal.SMART_REBOOT, alone(WEB)) == [
        "xcp1 starts no VM any more",
        "Suspend web-1",
        "Reboot xcp1",
        "Wait until xcp1 is back; this takes some minutes",
        "xcp1 may start VMs again",
        "Resume web-1",
    ]


def test_a_pool_moves() -> None:
    pool = Situation(HOST, "xcp1", others=("xcp2",), guests=(WEB,))
    assert titles(Goal.MAINTENANCE, pool) == [
        "xcp1 starts no VM any more",
        "Move 1\N{NO-BREAK SPACE}VM to other hosts: web-1",
    ]


def test_who_stays_does_not_keep_others_from_moving() -> None:
    pool = Situation(HOST, "xcp1", others=("xcp2",), guests=(WEB, BARE))
    plan = make_plan(Goal.MAINTENANCE, pool)
    assert plan.fates == {WEB.ref: Fate.MOVE, BARE.ref: Fate.STAY}
    assert [(step.do, step.ref) for step in steps_of(plan)][1:] == [(Do.EVACUATE, WEB.ref)]


def test_what_cannot_be_is_said_and_not_done() -> None:
    plan = make_plan(Goal.REBOOT, alone(BARE))
    assert plan.fates == {BARE.ref: Fate.CUT}
    assert trouble(plan) is None
    wrong = plan.with_fate(BARE.ref, Fate.SUSPEND)
    assert trouble(wrong) == (
        "bare cannot suspend: It cannot be suspended: its guest tools may be missing."
    )
    assert any("pulling the plug" in line for line in warnings_of(plan))
    assert needs_typing(plan)


def test_a_toolstack_touches_no_vm() -> None:
    situation = Situation(HOST, "xcp1", is_master=True, guests=(WEB,), tasks=("Export of db",))
    plan = make_plan(Goal.TOOLSTACK, situation)
    assert {step.do for step in steps_of(plan)} == {Do.TOOLSTACK, Do.WAIT}
    assert any("Export of db" in line for line in warnings_of(plan))
    assert not needs_typing(plan)


@pytest.mark.parametrize(
    ("packages", "wanted"),
    [
        (["xapi-core"], False),
        (["xapi-core", "kernel"], True),
        (["xen-hypervisor"], True),
        ([], False),
    ],
)
def test_which_packages_want_a_reboot(packages: list[str], wanted: bool) -> None:
    assert wants_reboot(packages) is wanted


guests = st.builds(
    Guest,
    ref=st.uuids().map(lambda one: f"OpaqueRef:{one}"),
    name=st.text(min_size=1, max_size=5),
    state=st.sampled_from([PowerState.RUNNING, PowerState.PAUSED]),
    allowed=st.frozensets(st.sampled_from(sorted(ALL))),
    stuck=st.sampled_from(["", "No room."]),
)


@given(
    st.sampled_from(list(Goal)),
    st.lists(guests, max_size=5, unique_by=lambda one: one.ref),
    st.booleans(),
)
def test_no_plan_goes_down_over_a_running_vm(goal: Goal, vms: list[Guest], pool: bool) -> None:
    others = ("xcp2",) if pool else ()
    situation = Situation(HOST, "xcp1", others=others, guests=tuple(vms))
    plan = make_plan(goal, situation)
    steps = [step.do for step in steps_of(plan)]
    down = {Do.REBOOT, Do.SHUTDOWN} & set(steps)
    if down:
        assert steps[0] is Do.DISABLE
        assert Fate.STAY not in plan.fates.values()
        at = min(steps.index(do) for do in down)
        cleared = [step.ref for step in steps_of(plan)[:at]]
        for guest in vms:
            moved = plan.fates[guest.ref] is Fate.MOVE
            assert moved or guest.ref in cleared
    for guest in vms:
        reasons = offered(guest, situation, goal)
        if any(not why for why in reasons.values()) and trouble(plan) is None:
            assert reasons[plan.fates[guest.ref]] == ""
