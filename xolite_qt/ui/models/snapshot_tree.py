"""Snapshots of a VM as a tree: which was taken from which, and where the VM stands now.

Source: XAPI's `parent` of a snapshot or VM is the snapshot that it was last at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from xolite_qt.ui import format as fmt
from xolite_qt.xen_api import VBD, VDI, VM, PowerState, to_datetime

OLD = timedelta(days=7)
MANY, TOO_MANY = 10, 25
"""Snapshots of one VM: storage managers refuse more at about 30 copies of a disk."""


@dataclass(frozen=True)
class Node:
    """A snapshot in the tree, or the VM itself ("now").

    Attributes:
        ref: of it.
        vm: its record.
        at: when it was taken; None for the VM itself, and where the host does not say.
        size_bytes: what its disks take on their storages.
        children: taken after it.
    """

    ref: str
    vm: VM
    at: datetime | None = None
    size_bytes: int = 0
    children: tuple[Node, ...] = field(default=())

    @property
    def is_now(self) -> bool:
        """Whether it is the VM itself."""
        return not self.vm.is_a_snapshot

    @property
    def has_memory(self) -> bool:
        """Whether it holds the memory of the VM too."""
        return self.vm.is_a_snapshot and self.vm.power_state == PowerState.SUSPENDED


def tree_of(
    vm: VM, snapshots: Iterable[VM], sizes: Mapping[str, int] | None = None
) -> tuple[Node, ...]:
    """The roots of a VM's tree, oldest first; the VM itself stands where it was last."""
    known = {one.ref: one for one in snapshots if one.snapshot_of == vm.ref}
    below: dict[str, list[VM]] = {}
    for one in (*known.values(), vm):
        parent = one.parent if one.parent in known and one.parent != one.ref else ""
        below.setdefault(parent, []).append(one)
    placed: set[str] = set()

    def node(one: VM) -> Node:
        placed.add(one.ref)
        found = [other for other in below.get(one.ref, ()) if other.ref not in placed]
        children = tuple(node(other) for other in sorted(found, key=_order))
        at = to_datetime(one.snapshot_time) if one.is_a_snapshot else None
        return Node(one.ref, one, at, (sizes or {}).get(one.ref, 0), children)

    roots = [node(one) for one in sorted(below.get("", ()), key=_order)]
    # Parents in a circle are no parents: nothing may be missing from the page.
    for one in sorted((*known.values(), vm), key=_order):
        if one.ref not in placed:
            roots.append(node(one))
    return tuple(roots)


def _order(vm: VM) -> tuple[bool, str, str]:
    return (not vm.is_a_snapshot, vm.snapshot_time, vm.ref)


def sizes_of(
    snapshots: Iterable[VM], vbds: Mapping[str, VBD], vdis: Mapping[str, VDI]
) -> dict[str, int]:
    """What the disks of each snapshot take on their storages, in bytes."""
    found: dict[str, int] = {}
    for one in snapshots:
        total = 0
        for ref in one.vbds:
            vbd = vbds.get(ref)
            vdi = vdis.get(vbd.vdi) if vbd is not None and vbd.type == "Disk" else None
            total += max(0, vdi.physical_utilisation) if vdi is not None else 0
        found[one.ref] = total
    return found


def flat(nodes: Iterable[Node]) -> list[Node]:
    """All nodes, parents before children."""
    found: list[Node] = []
    for node in nodes:
        found.append(node)
        found.extend(flat(node.children))
    return found


def warnings_of(nodes: Iterable[Node], now: datetime) -> list[tuple[str, str]]:
    """What one should know of them: (accent, words)."""
    snapshots = [node for node in flat(nodes) if not node.is_now]
    found = []
    if len(snapshots) >= TOO_MANY:
        found.append(
            (
                "danger",
                f"{len(snapshots)} snapshots: storages refuse more at about 30. Delete some.",
            )
        )
    elif len(snapshots) >= MANY:
        found.append(
            ("warning", f"{len(snapshots)} snapshots: each makes the disks of this VM slower.")
        )
    old = [node for node in snapshots if node.at is not None and now - node.at > OLD]
    if old:
        many = fmt.plural(len(old), "snapshot is", "snapshots are")
        found.append(
            (
                "warning",
                f"{many} older than a week. A snapshot is no backup: it lives on the same storage.",
            )
        )
    return found
