"""The columns of XOSTOR's tables: nodes, the matrix of replicas, losses, rules, interfaces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xolite_qt.stores.xostor.answers import DATABASE, Health, Interface, ReplicaKind, Resource
from xolite_qt.stores.xostor.eligibility import Rule, Verdict
from xolite_qt.stores.xostor.findings import Cell, CellState, MatrixRow
from xolite_qt.stores.xostor.loss import Fate, Outcome
from xolite_qt.ui import format as fmt
from xolite_qt.ui import icons
from xolite_qt.ui.models.column import Column, Kind

# Icon, colour: never the colour alone; the words stand beside it.
CELLS: dict[CellState, tuple[str, str]] = {
    CellState.GOOD: ("success", "success"),
    CellState.BUSY: ("refresh", "info"),
    CellState.BAD: ("error", "danger"),
    CellState.AWAY: ("offline", "danger"),
    CellState.UNKNOWN: ("question", "warning"),
}
KINDS: dict[ReplicaKind, str] = {
    ReplicaKind.DISKFUL: "Copy",
    ReplicaKind.DISKLESS: "Diskless",
    ReplicaKind.TIE_BREAKER: "Tie-breaker",
}
FATES: dict[Fate, tuple[str, str, str]] = {
    Fate.UNTOUCHED: ("Goes on", "success", "success"),
    Fate.FEWER_COPIES: ("Fewer copies", "warning", "warning"),
    Fate.NO_QUORUM: ("Stops: no quorum", "ban", "danger"),
    Fate.NO_DATA: ("Stops: no data", "error", "danger"),
}
VERDICTS: dict[Verdict, tuple[str, str, str]] = {
    Verdict.YES: ("Yes", "check", "success"),
    Verdict.NO: ("No", "close", "danger"),
    Verdict.UNKNOWN: ("Not known", "question", "warning"),
    Verdict.NOTE: ("Later", "info", "info"),
}

_WORST_FIRST = (Verdict.NO, Verdict.UNKNOWN, Verdict.NOTE, Verdict.YES)


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Where a resource's VDI is used.

    Attributes:
        vdi: name of the VDI; "" where it is not known.
        vm: name of a VM that has it; "" for none.
        vm_ref: reference of that VM.
    """

    vdi: str = ""
    vm: str = ""
    vm_ref: str = ""


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One node of LINSTOR.

    Attributes:
        ref: its name.
        host_ref: of the host with that host name; "" where there is none.
        host: name of that host.
        state: LINSTOR's word; "" where not told.
        online: None where not known.
        is_controller: whether LINSTOR's controller is there.
        free_bytes, capacity_bytes: of all its storage pools; None where not known.
        copies: how many copies are there.
        in_use: how many resources are open there.
    """

    ref: str
    host_ref: str
    host: str
    state: str
    online: bool | None
    is_controller: bool
    free_bytes: int | None
    capacity_bytes: int | None
    copies: int
    in_use: int

    @property
    def used_fraction(self) -> float | None:
        """Of its storage pools; None where not known."""
        if not self.capacity_bytes or self.free_bytes is None:
            return None
        return min(1.0, max(0.0, 1 - self.free_bytes / self.capacity_bytes))


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """One resource after a loss, with its names."""

    ref: str
    outcome: Outcome
    use: DiskUse


@dataclass(frozen=True, slots=True)
class ReplicaRow:
    """A row of the matrix, with its names."""

    ref: str
    row: MatrixRow
    use: DiskUse


@dataclass(frozen=True, slots=True)
class InterfaceRow:
    """An interface of a node."""

    ref: str
    interface: Interface


def node_rows(
    health: Health, hosts: Mapping[str, tuple[str, str]], addresses: Mapping[str, str]
) -> list[NodeRow]:
    """One row per node.

    Args:
        health: the last check.
        hosts: host name to (reference, name).
        addresses: host name to management address.
    """
    controller = health.controller_host
    rows = []
    for node in health.all_nodes:
        pools = health.pools_of(node)
        free = [pool.free_bytes for pool in pools]
        capacity = [pool.capacity_bytes for pool in pools]
        known = bool(pools) and min(free) >= 0 and min(capacity) >= 0
        ref, name = hosts.get(node, ("", node))
        replicas = [r for resource in health.resources if (r := resource.on(node)) is not None]
        rows.append(
            NodeRow(
                node,
                ref,
                name,
                health.nodes.get(node, ""),
                health.is_online(node),
                bool(controller) and controller in (node, addresses.get(node)),
                sum(free) if known else None,
                sum(capacity) if known else None,
                sum(replica.is_diskful for replica in replicas),
                sum(bool(replica.in_use) for replica in replicas),
            )
        )
    return rows


def node_columns() -> tuple[Column[NodeRow], ...]:
    """Columns of the nodes."""
    return (
        Column(
            id="host",
            title="Host",
            value=lambda row: row.host,
            icon=lambda row: icons.icon("host"),
            width=150,
        ),
        Column(id="state", title="State", value=_node_state, icon=_node_icon, width=120),
        Column(
            id="role",
            title="Role",
            value=lambda row: "Controller" if row.is_controller else "Satellite",
            width=110,
        ),
        Column(
            id="used",
            title="Used",
            value=lambda row: row.used_fraction,
            text=lambda row: (
                fmt.NONE if row.used_fraction is None else fmt.percent(row.used_fraction)
            ),
            kind=Kind.PROGRESS,
            width=110,
        ),
        Column(
            id="free",
            title="Free",
            value=lambda row: row.free_bytes,
            text=lambda row: _size(row.free_bytes),
            kind=Kind.BYTES,
            width=90,
        ),
        Column(
            id="capacity",
            title="Capacity",
            value=lambda row: row.capacity_bytes,
            text=lambda row: _size(row.capacity_bytes),
            kind=Kind.BYTES,
            width=90,
        ),
        Column(
            id="copies", title="Copies", value=lambda row: row.copies, kind=Kind.NUMBER, width=74
        ),
        Column(
            id="in_use",
            title="Open here",
            value=lambda row: row.in_use,
            kind=Kind.NUMBER,
            width=90,
        ),
    )


def _node_state(row: NodeRow) -> str:
    return row.state.capitalize() if row.state else "Not told"


def _node_icon(row: NodeRow) -> object:
    if row.online is None:
        return icons.icon("question", "warning")
    return icons.icon("success", "success") if row.online else icons.icon("offline", "danger")


def _size(number: int | None) -> str:
    return fmt.NONE if number is None else fmt.size(number)


def resource_title(resource: Resource, use: DiskUse) -> str:
    """What people call a resource: its VDI's name, where it has one."""
    if resource.name == DATABASE:
        return "LINSTOR's database"
    return use.vdi or resource.name


def matrix_columns(nodes: Iterable[str]) -> tuple[Column[ReplicaRow], ...]:
    """Resource, VM, copies, then a column per node."""
    columns: list[Column[ReplicaRow]] = [
        Column(
            id="resource",
            title="Disk",
            value=lambda row: resource_title(row.row.resource, row.use),
            tooltip=lambda row: (
                f"Resource {row.row.resource.name}\nVDI {row.row.resource.vdi_uuid or 'none'}"
            ),
            icon=lambda row: icons.icon("sr" if row.row.resource.is_persistent else "vdi"),
            width=170,
        ),
        Column(
            id="vm",
            title="VM",
            value=lambda row: row.use.vm or ("no VDI" if row.row.is_orphan else None),
            icon=lambda row: icons.icon("warning", "warning") if row.row.is_orphan else None,
            width=110,
        ),
        Column(
            id="copies",
            title="Copies",
            value=lambda row: row.row.healthy - row.row.expected,
            text=lambda row: f"{row.row.healthy} of {row.row.expected}",
            tooltip=lambda row: f"{row.row.healthy} current copies of {row.row.expected}",
            icon=lambda row: _copies_icon(row.row),
            width=94,
        ),
    ]
    columns += [_cell_column(node) for node in nodes]
    columns.append(
        Column(
            id="size",
            title="Size",
            value=lambda row: row.row.resource.size_bytes or None,
            text=lambda row: _size(row.row.resource.size_bytes or None),
            kind=Kind.BYTES,
            default_visible=False,
            width=90,
        )
    )
    return tuple(columns)


def _copies_icon(row: MatrixRow) -> object:
    if row.healthy >= row.expected:
        return icons.icon("success", "success")
    return icons.icon("error", "danger") if row.healthy <= 1 else icons.icon("warning", "warning")


def _cell_column(node: str) -> Column[ReplicaRow]:
    def cell(row: ReplicaRow) -> Cell | None:
        return row.row.cells.get(node)

    def show(row: ReplicaRow) -> object:
        found = cell(row)
        if found is None:
            return None
        if found.kind is not ReplicaKind.DISKFUL and found.state is CellState.GOOD:
            # No disk to be good or bad: it has a way or a voice only.
            name = "link" if found.kind is ReplicaKind.DISKLESS else "shield"
            return icons.icon(name, "secondary")
        return icons.icon(*CELLS[found.state])

    return Column(
        id=f"node:{node}",
        title=node,
        value=lambda row: None if (found := cell(row)) is None else cell_text(found),
        text=lambda row: "" if (found := cell(row)) is None else cell_text(found),
        tooltip=lambda row: "" if (found := cell(row)) is None else cell_tip(found),
        icon=show,
        width=164,
    )


def cell_text(cell: Cell) -> str:
    """What stands in a cell: what it is, and how, unless that is as it should be."""
    text = KINDS[cell.kind]
    if cell.state is CellState.AWAY:
        text += ", away"
    elif cell.state is not CellState.GOOD:
        synced = re.match(r"SyncTarget\((\d+)", cell.words)
        text = f"Syncing {synced[1]} %" if synced else f"{text}, {cell.words.lower()}"
    return text + (" · open" if cell.in_use else "")


def cell_tip(cell: Cell) -> str:
    """More of a cell."""
    lines = [f"{KINDS[cell.kind]} on {cell.node}", f"State: {cell.words or 'as it should be'}"]
    if cell.in_use:
        lines.append("Open there now")
    return "\n".join(lines)


def outcome_columns() -> tuple[Column[OutcomeRow], ...]:
    """Columns of what a loss leaves."""
    return (
        Column(
            id="resource",
            title="Disk",
            value=lambda row: resource_title(row.outcome.resource, row.use),
            tooltip=lambda row: f"Resource {row.outcome.resource.name}",
            icon=lambda row: icons.icon("sr" if row.outcome.resource.is_persistent else "vdi"),
            width=190,
        ),
        Column(id="vm", title="VM", value=lambda row: row.use.vm or None, width=110),
        Column(
            id="fate",
            title="Outcome",
            value=lambda row: list(Fate).index(row.outcome.fate),
            text=lambda row: FATES[row.outcome.fate][0],
            search=lambda row: FATES[row.outcome.fate][0],
            icon=lambda row: icons.icon(*FATES[row.outcome.fate][1:]),
            width=190,
        ),
        Column(
            id="copies",
            title="Copies",
            value=lambda row: row.outcome.copies_after,
            text=lambda row: f"{row.outcome.copies_before} → {row.outcome.copies_after}",
            align_right=True,
            width=110,
        ),
        Column(id="notes", title="Also", value=_notes, width=230),
    )


def _notes(row: OutcomeRow) -> str:
    told = []
    if row.outcome.used_on_lost:
        told.append("used on a lost host")
    if row.outcome.may_split:
        told.append("no quorum to protect it: may split")
    return ", ".join(told).capitalize()


def rule_columns() -> tuple[Column[Rule], ...]:
    """Columns of the eligibility report."""
    return (
        Column(id="subject", title="For", value=lambda rule: rule.subject, width=120),
        Column(id="text", title="Rule", value=lambda rule: rule.text, width=200),
        Column(
            id="verdict",
            title="Kept",
            value=lambda rule: _WORST_FIRST.index(rule.verdict),
            text=lambda rule: VERDICTS[rule.verdict][0],
            search=lambda rule: VERDICTS[rule.verdict][0],
            icon=lambda rule: icons.icon(*VERDICTS[rule.verdict][1:]),
            width=104,
        ),
        Column(id="found", title="Found", value=lambda rule: rule.found, width=200),
        Column(id="why", title="Why", value=lambda rule: rule.why, width=330),
    )


def interface_columns() -> tuple[Column[InterfaceRow], ...]:
    """Columns of interfaces."""
    return (
        Column(id="node", title="Node", value=lambda row: row.interface.node, width=160),
        Column(id="name", title="Interface", value=lambda row: row.interface.name, width=160),
        Column(id="address", title="Address", value=lambda row: row.interface.address, width=180),
        Column(
            id="preferred",
            title="Replication takes it",
            value=lambda row: _preferred(row.interface),
            icon=lambda row: (
                icons.icon("star", "info-item") if row.interface.is_preferred else None
            ),
            width=160,
        ),
    )


def _preferred(interface: Interface) -> str:
    if interface.is_preferred is None:
        return "Not told"
    return "Yes" if interface.is_preferred else "No"
