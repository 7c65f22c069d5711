"""The replica-loss explorer against brute force: every small resource, every loss.

The model knows no majority, no halves and no thresholds. It knows what a quorum is for: a side may
write only if, wherever the nodes that it does not see may be, no gathering of them could think the
same. So it tries every gathering.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, combinations, combinations_with_replacement

import pytest

from xolite_qt.stores.xostor.answers import Replica, ReplicaKind, Resource, Volume
from xolite_qt.stores.xostor.loss import Fate, outcome_of, quorum_possible

NODES = "abcde"
# What a node may have of a resource: a current copy, an old one, one that nobody can reach, no copy
# but a way to it, no copy but a voice, nothing.
ROLES = ("current", "old", "unreachable", "way", "voice", "nothing")
_STATES = {"current": "UpToDate", "old": "Outdated", "unreachable": "DUnknown"}

Roles = dict[str, str]


def subsets(nodes: Iterable[str]) -> Iterator[frozenset[str]]:
    """All of them, the empty one first."""
    known = tuple(nodes)
    picks = chain.from_iterable(combinations(known, size) for size in range(len(known) + 1))
    return map(frozenset, picks)


def resource_of(roles: Roles) -> Resource:
    """The same as the explorer gets it."""
    replicas = []
    for node, role in roles.items():
        if role in _STATES:
            volumes = (Volume(0, _STATES[role]),)
            replicas.append(Replica(node, ReplicaKind.DISKFUL, False, volumes))
        elif role != "nothing":
            kind = ReplicaKind.TIE_BREAKER if role == "voice" else ReplicaKind.DISKLESS
            replicas.append(Replica(node, kind, False))
    return Resource("xcp-volume-x", "uuid", tuple(replicas))


def weight(roles: Roles, copies: Iterable[str], others: Iterable[str]) -> tuple[int, int]:
    """What a gathering brings: copies count first; nodes without one decide between equals."""
    return (
        sum(roles[node] in _STATES for node in copies),
        sum(roles[node] in ("way", "voice") for node in others),
    )


def outweighs_all(roles: Roles, side: frozenset[str]) -> bool:
    """Whether no gathering of what this side does not see weighs as much.

    A copy that cannot be reached helps nobody here, and who knows whom it helps elsewhere.
    """
    seen = {node for node in side if roles[node] != "unreachable"}
    own = weight(roles, seen, seen)
    unseen = set(roles) - seen
    return all(own > weight(roles, there, there) for there in subsets(unseen))


def asks_for_quorum(roles: Roles) -> bool:
    """LINSTOR asks for one where it costs nothing: where each copy, were all well, may be lost."""
    well = {node: "current" if role in _STATES else role for node, role in roles.items()}
    copies = [node for node, role in well.items() if role == "current"]
    return bool(copies) and all(
        outweighs_all(well, frozenset(well) - {copy})
        and any(role == "current" for node, role in well.items() if node != copy)
        for copy in copies
    )


def fate_of(roles: Roles, lost: frozenset[str], offline: frozenset[str]) -> Fate:
    """What becomes of a resource, by trying everything."""
    left = frozenset(roles) - lost - offline
    before = [n for n, role in roles.items() if role == "current" and n not in offline]
    after = [node for node in before if node in left]
    if not after:
        return Fate.NO_DATA
    if asks_for_quorum(roles) and not outweighs_all(roles, left):
        return Fate.NO_QUORUM
    return Fate.FEWER_COPIES if len(after) < len(before) else Fate.UNTOUCHED


def every_resource(size: int) -> Iterator[Roles]:
    """All on so many nodes; nodes that swap their roles make no other resource."""
    for roles in combinations_with_replacement(ROLES, size):
        yield dict(zip(NODES, roles, strict=False))


@pytest.mark.parametrize("size", range(1, 6))
def test_every_loss_of_every_small_resource_ends_as_brute_force_says(size: int) -> None:
    seen: set[Fate] = set()
    for roles in every_resource(size):
        resource = resource_of(roles)
        assert quorum_possible(resource) == asks_for_quorum(roles), roles
        for away in subsets(roles):
            # Lost now, or away before: half of each, in every second case the other half.
            nodes = sorted(away)
            lost, offline = frozenset(nodes[::2]), frozenset(nodes[1::2])
            for gone, before in ((away, frozenset[str]()), (lost, offline), (offline, lost)):
                expected = fate_of(roles, gone, before)
                assert outcome_of(resource, gone, before).fate is expected, (roles, gone, before)
                seen.add(expected)
    assert seen == set(Fate) if size > 2 else Fate.NO_QUORUM not in seen


def test_where_a_quorum_is_asked_for_two_sides_never_both_go_on() -> None:
    for roles in every_resource(5):
        resource = resource_of(roles)
        if not quorum_possible(resource):
            continue
        for side in subsets(roles):
            rest = frozenset(roles) - side
            both = [outcome_of(resource, gone, ()) for gone in (side, rest)]
            assert not all(outcome.is_available for outcome in both), (roles, side)
