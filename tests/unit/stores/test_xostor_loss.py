"""What is left of a replicated disk after a loss, against a model that counts every ballot."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.stores.xostor.answers import Health, Replica, ReplicaKind, Resource, Volume
from xolite_qt.stores.xostor.loss import Fate, explore, has_quorum, outcome_of, quorum_possible

NODES = tuple("abcdefg")
STATES = ("UpToDate", "UpToDate", "UpToDate", "Inconsistent", "Outdated", "DUnknown", "Diskless")


def copy(node: str, state: str = "UpToDate", *, in_use: bool = False) -> Replica:
    return Replica(node, ReplicaKind.DISKFUL, in_use, (Volume(0, state),))


def way(node: str, *, voice: bool = False) -> Replica:
    return Replica(node, ReplicaKind.TIE_BREAKER if voice else ReplicaKind.DISKLESS, False)


@st.composite
def resources(draw: st.DrawFn) -> Resource:
    replicas = []
    for node in NODES[: draw(st.integers(1, 7))]:
        what = draw(st.sampled_from(("copy", "copy", "way", "voice", "none")))
        if what == "copy":
            replicas.append(copy(node, draw(st.sampled_from(STATES))))
        elif what != "none":
            replicas.append(way(node, voice=what == "voice"))
    return Resource("xcp-volume-x", "uuid", tuple(replicas))


subsets = st.sets(st.sampled_from(NODES)).map(frozenset)


def ballots(resource: Resource) -> list[tuple[str, bool]]:
    """Every ballot as (voter, whether that voter can cast it).

    With an odd number of copies each has one ballot and nobody else votes. With an even number,
    every copy outvotes all diskless nodes together, which have one ballot each.
    """
    copies = [r for r in resource.replicas if r.is_diskful]
    others = [r for r in resource.replicas if not r.is_diskful]
    even = len(copies) % 2 == 0
    box: list[tuple[str, bool]] = []
    for replica in copies:
        able = replica.states[0] not in ("DUnknown", "Diskless")
        box += [(replica.node, able)] * (len(others) + 1 if even else 1)
    if even:
        box += [(replica.node, True) for replica in others]
    return box


def may_write(resource: Resource, left: frozenset[str]) -> bool:
    """The model: more ballots on this side than all the others together."""
    copies = sum(r.is_diskful for r in resource.replicas)
    others = len(resource.replicas) - copies
    box = ballots(resource)
    here = sum(able and node in left for node, able in box)
    if copies < 2 or (copies == 2 and not others):
        return here > 0 and copies > 0
    return here > len(box) - here


@given(resources(), subsets, subsets)
def test_every_fate_agrees_with_the_counted_ballots(
    resource: Resource, lost: frozenset[str], offline: frozenset[str]
) -> None:
    left = frozenset(NODES) - lost - offline
    found = outcome_of(resource, lost, offline)
    current = [r for r in resource.replicas if r.is_diskful and r.states == ("UpToDate",)]
    assert found.copies_after == sum(r.node in left for r in current)
    assert found.has_quorum == may_write(resource, left)
    assert found.is_available == (found.copies_after > 0 and may_write(resource, left))


@given(resources())
def test_no_two_sides_both_write_where_there_is_a_quorum(resource: Resource) -> None:
    if not quorum_possible(resource):
        return
    names = [replica.node for replica in resource.replicas]
    for size in range(len(names) + 1):
        for one in combinations(names, size):
            other = set(names) - set(one)
            assert not (has_quorum(resource, one) and has_quorum(resource, other))


@given(resources(), subsets, st.sampled_from(NODES))
def test_losing_one_more_node_never_helps(
    resource: Resource, lost: frozenset[str], more: str
) -> None:
    if outcome_of(resource, lost | {more}, ()).is_available:
        assert outcome_of(resource, lost, ()).is_available


@pytest.mark.parametrize(
    ("replicas", "lost", "fate"),
    [
        ((copy("a"), copy("b"), way("c", voice=True)), "a", Fate.FEWER_COPIES),
        ((copy("a"), copy("b"), way("c", voice=True)), "c", Fate.UNTOUCHED),
        ((copy("a"), copy("b"), way("c", voice=True)), "ac", Fate.NO_QUORUM),
        ((copy("a"), copy("b"), way("c", voice=True)), "ab", Fate.NO_DATA),
        ((copy("a"), copy("b"), copy("c")), "ab", Fate.NO_QUORUM),
        ((copy("a"), copy("b"), copy("c"), way("d")), "a", Fate.FEWER_COPIES),
        ((copy("a"), copy("b"), copy("c"), way("d")), "d", Fate.UNTOUCHED),
        ((copy("a"), copy("b", "Outdated"), way("c")), "a", Fate.NO_DATA),
        ((copy("a"), copy("b")), "a", Fate.FEWER_COPIES),
        ((copy("a"),), "a", Fate.NO_DATA),
        ((copy("a"), way("b"), way("c")), "bc", Fate.UNTOUCHED),
    ],
)
def test_known_losses(replicas: tuple[Replica, ...], lost: str, fate: Fate) -> None:
    assert outcome_of(Resource("r", "u", replicas), set(lost), ()).fate is fate


def test_two_copies_without_a_voice_may_split() -> None:
    found = outcome_of(Resource("r", "u", (copy("a"), copy("b"))), {"a"}, ())
    assert found.is_available
    assert found.may_split


def test_a_node_that_is_away_already_counts_as_lost() -> None:
    disk = Resource("r", "u", (copy("a"), copy("b"), way("c", voice=True)))
    health = Health(nodes={"a": "OFFLINE", "b": "ONLINE", "c": "ONLINE"}, resources=(disk,))
    assert explore(health, ()).outcomes[0].fate is Fate.UNTOUCHED
    assert explore(health, ["c"]).outcomes[0].fate is Fate.NO_QUORUM
    assert explore(health, ["a"]).lost == frozenset()


def test_the_controller_moves_or_ends_with_its_database() -> None:
    database = Resource(
        "xcp-persistent-database", "", (copy("a", in_use=True), copy("b"), copy("c"))
    )
    health = Health(nodes=dict.fromkeys("abc", "ONLINE"), resources=(database,))
    assert not explore(health, ["b"]).controller_moves
    assert explore(health, ["a"]).controller_moves
    assert not explore(health, ["a"]).controller_ends
    assert explore(health, ["a", "b"]).controller_ends
    assert explore(health, ["a"]).outcomes[0].used_on_lost
