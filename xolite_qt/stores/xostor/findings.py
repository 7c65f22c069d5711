"""What is wrong with a pool's LINSTOR, as we see it from the data, and the matrix of replicas.

The plug-in's own list of errors is not enough: some versions stop before they look at volumes.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from xolite_qt.stores.xostor.answers import UP_TO_DATE, Health, Replica, ReplicaKind, Resource
from xolite_qt.stores.xostor.loss import quorum_possible

DATABASE_COPIES = 3
"""LINSTOR keeps its own database so many times, whatever the SR asks for."""
LOW_FREE = 0.10
"""Less free room than this part of a storage pool is too little."""


class Level(StrEnum):
    """How bad a finding is, worst first."""

    DANGER = "danger"
    WARNING = "warning"
    INFO = "info"


class Finding(msgspec.Struct, frozen=True):
    """Something to look at.

    Attributes:
        level: how bad.
        what: in one line.
        advice: what it means, or what helps.
        resource: name of the resource it is about; empty for others.
        node: name of the node it is about; empty for others.
        many: for resources: what is said of several at once, after "3 disks ".
    """

    level: Level
    what: str
    advice: str = ""
    resource: str = ""
    node: str = ""
    many: str = ""


class CellState(StrEnum):
    """How a replica is."""

    GOOD = "good"
    BUSY = "busy"
    BAD = "bad"
    AWAY = "away"
    UNKNOWN = "unknown"


class Cell(msgspec.Struct, frozen=True):
    """One replica in the matrix.

    Attributes:
        node: its column.
        kind: copy, way or voice.
        state: how it is.
        words: DRBD's own words for it, or why there are none.
        in_use: whether it is open there.
    """

    node: str
    kind: ReplicaKind
    state: CellState
    words: str
    in_use: bool


class MatrixRow(msgspec.Struct, frozen=True):
    """One resource in the matrix.

    Attributes:
        resource: what the row is about.
        cells: by node; nodes that have nothing of it are not in.
        healthy: whole and current copies on nodes that are not offline.
        expected: copies that there should be.
    """

    resource: Resource
    cells: dict[str, Cell]
    healthy: int
    expected: int

    @property
    def ref(self) -> str:
        """Name of the resource."""
        return self.resource.name

    @property
    def is_orphan(self) -> bool:
        """Whether it belongs to no VDI although it should."""
        return not self.resource.vdi_uuid and not self.resource.is_persistent

    @property
    def has_problem(self) -> bool:
        """Whether a filter for problems should show it."""
        bad = any(cell.state is not CellState.GOOD for cell in self.cells.values())
        return bad or self.healthy < self.expected or self.is_orphan


_BUSY = ("synctarget", "syncing", "negotiating", "attaching", "inconsistent")


def cell_of(replica: Replica, online: bool | None) -> Cell:
    """How one replica is.

    Args:
        replica: what the node has.
        online: of the node; None where not known.
    """
    words = ", ".join(replica.states)
    if online is False:
        state, words = CellState.AWAY, words or "node offline"
    elif not replica.is_diskful:
        # Without a disk there is no state to be good or bad; it is there.
        state = CellState.GOOD
    elif replica.is_up_to_date:
        state = CellState.GOOD
    elif not replica.states or any(s.lower() == "dunknown" for s in replica.states):
        state, words = CellState.UNKNOWN, words or "state not told"
    elif any(s.lower().startswith(_BUSY) for s in replica.states if s != UP_TO_DATE):
        state = CellState.BUSY
    else:
        state = CellState.BAD
    return Cell(replica.node, replica.kind, state, words, bool(replica.in_use))


def expected_copies(resource: Resource, redundancy: int | None) -> int:
    """Copies that a resource should have; those that it is set up for where that is not known."""
    if resource.is_persistent:
        return DATABASE_COPIES
    return redundancy if redundancy else len(resource.diskful)


def matrix(health: Health, redundancy: int | None = None) -> tuple[MatrixRow, ...]:
    """Resources by nodes, in the order of their names.

    Args:
        health: the last check.
        redundancy: copies that the SR asks for; None where not known.
    """
    rows = []
    for resource in health.resources:
        cells = {r.node: cell_of(r, health.is_online(r.node)) for r in resource.replicas}
        healthy = sum(
            replica.is_up_to_date and health.is_online(replica.node) is not False
            for replica in resource.replicas
        )
        rows.append(MatrixRow(resource, cells, healthy, expected_copies(resource, redundancy)))
    return tuple(rows)


def findings(health: Health, redundancy: int | None = None) -> tuple[Finding, ...]:
    """Everything to look at, worst first.

    Args:
        health: the last check.
        redundancy: copies that the SR asks for; None where not known.
    """
    found = [*_of_nodes(health)]
    for row in matrix(health, redundancy):
        found += _of_row(row)
    if health.has_resources and health.resources and health.database is None:
        found.append(
            Finding(
                Level.WARNING,
                "LINSTOR's own database is not among the resources",
                "Without it nothing can be created or moved.",
            )
        )
    found += _of_answer(health)
    order = list(Level)
    return tuple(sorted(found, key=lambda finding: order.index(finding.level)))


def _of_nodes(health: Health) -> list[Finding]:
    found = []
    for node, state in health.nodes.items():
        if health.is_online(node) is False:
            evicted = state.upper() == "EVICTED"
            found.append(
                Finding(
                    Level.DANGER,
                    f"{node} is {state.lower()}",
                    f"Its copies were made anew elsewhere. Once it is back: "
                    f"linstor node restore {node}"
                    if evicted
                    else "After an hour away LINSTOR evicts a node and copies its data elsewhere.",
                    node=node,
                )
            )
        elif health.is_online(node) is None:
            found.append(Finding(Level.WARNING, f"The state of {node} is not known", node=node))
    for pool in health.pools:
        used = pool.used_fraction
        if used is not None and 1 - used < LOW_FREE:
            found.append(
                Finding(
                    Level.WARNING,
                    f"{pool.node} has less than 10 % free",
                    "A full storage pool makes writes fail on every VM that has a copy there.",
                    node=pool.node,
                )
            )
    return found


def _of_row(row: MatrixRow) -> list[Finding]:
    resource, name = row.resource, row.resource.name
    if row.healthy == 0 and resource.diskful:
        told = [
            Finding(
                Level.DANGER,
                f"{name} has no current copy",
                "It can't be read until a node with a copy is back.",
                name,
                many="have no current copy",
            )
        ]
    elif row.healthy < row.expected:
        title = "LINSTOR's own database" if resource.is_database else name
        told = [
            Finding(
                Level.DANGER if row.healthy == 1 and row.expected > 1 else Level.WARNING,
                f"{title} has {row.healthy} of {row.expected} current copies",
                "One more loss and the data is gone." if row.healthy == 1 else "",
                name,
                many=f"have {row.healthy} of {row.expected} current copies",
            )
        ]
    else:
        told = []
    if row.is_orphan:
        told.append(
            Finding(
                Level.INFO,
                f"{name} belongs to no VDI",
                "It takes room and nothing uses it; look at it before you delete it.",
                name,
                many="belong to no VDI",
            )
        )
    if len(resource.diskful) == 2 and not quorum_possible(resource):
        told.append(
            Finding(
                Level.WARNING,
                f"{name} has two copies and no tie-breaker",
                "When both lose sight of each other, both may go on writing (split brain).",
                name,
                many="have two copies and no tie-breaker",
            )
        )
    if len(resource.diskful) == 1 and row.expected > 1:
        told.append(
            Finding(
                Level.WARNING,
                f"{name} has its only copy on {resource.diskful[0].node}",
                "If that node dies, so does the data.",
                name,
                many=f"have their only copy on {resource.diskful[0].node}",
            )
        )
    return told


def _of_answer(health: Health) -> list[Finding]:
    found = [
        Finding(
            Level.WARNING if error.is_warning else Level.DANGER,
            f"The plug-in says: {error.what}",
            error.text,
        )
        for error in health.errors
        if error.code not in (0x1020000, 0x1030002) or not health.has_nodes
    ]
    if not health.has_resources:
        found.append(
            Finding(
                Level.INFO,
                "This plug-in does not tell of resources",
                "It is an old one: update the packages xcp-ng-linstor and sm on the hosts.",
            )
        )
    if health.oddities:
        found.append(
            Finding(
                Level.WARNING,
                f"{len(health.oddities)} parts of the answer can't be read",
                "; ".join(health.oddities[:3]),
            )
        )
    return found
