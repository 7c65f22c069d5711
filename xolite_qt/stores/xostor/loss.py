"""What is left of each resource when nodes are lost: the arithmetic of DRBD's quorum.

The lost nodes are taken to vanish at once, as in a power cut, and those left to see one another.
Nodes that leave in order do better than this: DRBD then counts fewer voices.

LINSTOR asks for a quorum (a majority) where one is possible: three copies, or two and a diskless
node. Copies vote; where their number is even and exactly half of them is left, a majority of the
diskless nodes decides. Where no quorum is possible, each side may go on writing on its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum

import msgspec

from xolite_qt.stores.xostor.answers import Health, Replica, Resource


class Fate(StrEnum):
    """What becomes of a resource, worst last."""

    UNTOUCHED = "untouched"
    """It loses no copy."""
    FEWER_COPIES = "fewer copies"
    """It can be used, with fewer current copies than before."""
    NO_QUORUM = "no quorum"
    """A current copy is left, but too few voices: reads and writes stop."""
    NO_DATA = "no data"
    """No current copy is left."""


class Outcome(msgspec.Struct, frozen=True):
    """One resource after the loss.

    Attributes:
        resource: as it was.
        fate: what becomes of it.
        copies_before: whole and current copies on nodes that are online.
        copies_after: of those, the ones left.
        has_quorum: whether those left are a majority; True where no quorum is asked for.
        quorum_possible: whether there are voices enough to ask for one.
        used_on_lost: it is open on a lost node, so what uses it there ends.
    """

    resource: Resource
    fate: Fate
    copies_before: int
    copies_after: int
    has_quorum: bool
    quorum_possible: bool
    used_on_lost: bool

    @property
    def is_available(self) -> bool:
        """Whether it can be read and written on the nodes left."""
        return self.fate in (Fate.UNTOUCHED, Fate.FEWER_COPIES)

    @property
    def may_split(self) -> bool:
        """It goes on without a quorum while another copy is away: both sides may write."""
        lost_copies = self.copies_before > self.copies_after or len(self.resource.diskful) > (
            self.copies_after
        )
        return self.is_available and not self.quorum_possible and lost_copies


class Loss(msgspec.Struct, frozen=True):
    """What a loss of nodes means.

    Attributes:
        lost: the nodes taken away; those offline already are not named here.
        outcomes: one per resource, worst first, then by name.
        controller_moves: the controller ran on a lost node and starts on another.
        controller_ends: LINSTOR's own database is not available: nothing can be changed.
    """

    lost: frozenset[str]
    outcomes: tuple[Outcome, ...]
    controller_moves: bool = False
    controller_ends: bool = False

    def count(self, fate: Fate) -> int:
        """Number of resources that meet this fate."""
        return sum(outcome.fate is fate for outcome in self.outcomes)


def quorum_possible(resource: Resource) -> bool:
    """Whether LINSTOR asks for a quorum: it does where voices are enough for one."""
    copies = len(resource.diskful)
    return copies >= 3 or (copies == 2 and len(resource.replicas) > copies)


def has_quorum(resource: Resource, left: Collection[str]) -> bool:
    """Whether the nodes in `left`, which see one another, may write.

    Args:
        resource: with at least one copy; without any the answer is no.
        left: names of nodes; others count as gone.
    """
    copies = [replica for replica in resource.replicas if replica.is_diskful]
    others = [replica for replica in resource.replicas if not replica.is_diskful]
    voices = sum(_votes(replica, left) for replica in copies)
    if not quorum_possible(resource):
        return voices > 0
    if 2 * voices > len(copies):
        return True
    if 2 * voices < len(copies):
        return False
    return 2 * sum(replica.node in left for replica in others) > len(others)


def _votes(replica: Replica, left: Collection[str]) -> bool:
    # A copy whose disk is gone, or of which nobody knows anything, does not vote.
    gone = {state.lower() for state in replica.states} & {"diskless", "failed", "dunknown"}
    return replica.node in left and not gone


def outcome_of(resource: Resource, lost: Collection[str], offline: Collection[str]) -> Outcome:
    """What becomes of one resource.

    Args:
        resource: as the health check tells it.
        lost: nodes taken away.
        offline: nodes that are away already.
    """
    here = {replica.node for replica in resource.replicas} - set(offline)
    left = here - set(lost)
    current = [replica for replica in resource.replicas if replica.is_up_to_date]
    before = sum(replica.node in here for replica in current)
    after = sum(replica.node in left for replica in current)
    quorum = has_quorum(resource, left)
    if after == 0:
        fate = Fate.NO_DATA
    elif not quorum:
        fate = Fate.NO_QUORUM
    elif after < before:
        fate = Fate.FEWER_COPIES
    else:
        fate = Fate.UNTOUCHED
    used = any(replica.in_use and replica.node in set(lost) for replica in resource.replicas)
    return Outcome(resource, fate, before, after, quorum, quorum_possible(resource), used)


def explore(health: Health, lost: Iterable[str]) -> Loss:
    """What a loss means for every resource.

    Args:
        health: the last check.
        lost: nodes taken away, on top of those that LINSTOR calls offline.
    """
    offline = frozenset(node for node in health.all_nodes if health.is_online(node) is False)
    gone = frozenset(lost) - offline
    order = list(Fate)
    outcomes = [outcome_of(resource, gone, offline) for resource in health.resources]
    outcomes.sort(key=lambda o: (-order.index(o.fate), o.resource.name))
    database = next((o for o in outcomes if o.resource.is_database), None)
    at = [r.node for r in database.resource.replicas if r.in_use] if database else []
    ends = database is not None and not database.is_available
    moves = not ends and (any(node in gone for node in at) or health.controller_host in gone)
    return Loss(gone, tuple(outcomes), moves, ends)
