"""The infrastructure tree: pool, hosts, VMs, and where each VM stands.

Needs four classes only (pool, host, host_metrics, vm): the original loads disks and SRs as well to
place halted VMs, which makes every login read the whole host (xo-lite.md 2.3, weakness 7).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec

from xolite_qt.stores.base import Store
from xolite_qt.stores.change import Change
from xolite_qt.stores.derived import DerivedStore
from xolite_qt.xen_api import VM, Host, HostMetrics, Pool, PowerState, is_null


class NodeKind(StrEnum):
    """What a node of the tree stands for."""

    POOL = "pool"
    HOST = "host"
    VM = "vm"


class TreeNode(msgspec.Struct, frozen=True, gc=False):
    """One place in the tree.

    Attributes:
        ref: of the object.
        kind: pool, host or vm.
        parent: reference of the node above; None for the pool, and for all while no pool is known.
        record: the pool, host or VM.
        metrics: a host's.
        is_master: whether a host leads the pool.
        running: number of running VMs below a host or the pool.
    """

    ref: str
    kind: NodeKind
    parent: str | None
    record: Pool | Host | VM
    metrics: HostMetrics | None = None
    is_master: bool = False
    running: int = 0

    @property
    def uuid(self) -> str:
        """The object's."""
        return self.record.uuid

    @property
    def name(self) -> str:
        """The object's."""
        return self.record.name_label

    @property
    def state(self) -> str:
        """As icons call it: a VM's power state in lower case; `running`, `disabled` or `halted`."""
        record = self.record
        if isinstance(record, VM):
            return record.power_state.lower()
        if isinstance(record, Host):
            if self.metrics is None or not self.metrics.live:
                return "halted"
            return "running" if record.enabled else "disabled"
        return ""


class TreeStore(DerivedStore[TreeNode]):
    """Nodes by reference; `children` has them by parent."""

    def __init__(
        self,
        pool: Store[Pool],
        host: Store[Host],
        host_metrics: Store[HostMetrics],
        vm: Store[VM],
        *,
        linger_s: float = 1.0,
    ) -> None:
        super().__init__("vm_tree", (pool, host, host_metrics, vm), linger_s=linger_s)
        self._pool = pool
        self._host = host
        self._host_metrics = host_metrics
        self._vm = vm
        # Parent (or None) -> its nodes, in the order in which they came.
        self._children: dict[str | None, dict[str, None]] = {}
        self._running: dict[str, int] = {}
        # Metrics -> the hosts that name them; one in a sound database.
        self._metrics_hosts: dict[str, set[str]] = {}
        self._dirty_vms: set[str] = set()
        self._dirty_hosts: set[str] = set()
        self._all_dirty = False
        self._top: str | None = None

    def children(self, parent: str | None) -> tuple[TreeNode, ...]:
        """Nodes below one, unsorted; `None` gives those at the top."""
        rows = self._rows
        return tuple(rows[ref] for ref in self._children.get(parent, ()))

    @property
    def below(self) -> Mapping[str | None, Mapping[str, None]]:
        """References of nodes by that of their parent; live."""
        return MappingProxyType(self._children)

    # ------------------------------------------------------------------ changes

    def _on_source_change(self, at: int, change: Change[Any]) -> None:
        if at == 0:
            self._all_dirty = self._all_dirty or bool(change.added or change.removed)
            self._dirty_hosts.update(self._host.records)
        elif at == 1:
            self._dirty_hosts.update(change.removed)
            self._dirty_hosts.update(host.ref for host in (*change.added, *change.changed))
            # VMs of a host that came or went stand elsewhere now.
            self._all_dirty = self._all_dirty or bool(change.added or change.removed)
        elif at == 2:
            touched = [metrics.ref for metrics in (*change.added, *change.changed)]
            for ref in (*change.removed, *touched):
                self._dirty_hosts.update(self._metrics_hosts.get(ref, ()))
        else:
            self._dirty_vms.update(change.removed)
            self._dirty_vms.update(vm.ref for vm in (*change.added, *change.changed))

    def _rebuild(self) -> None:
        self._forget()
        self._all_dirty = True
        self._refresh()

    def _refresh(self) -> None:
        if self._all_dirty:
            self._dirty_vms.update(self._vm.records)
            self._dirty_hosts.update(self._host.records)
        rows: dict[str, TreeNode] = {}
        gone: list[str] = []
        pool = next(iter(self._pool.records.values()), None)
        top = pool.ref if pool is not None else None
        for ref in self._dirty_vms:
            self._count(self._rows.get(ref), -1)
            vm = self._vm.records.get(ref)
            if vm is None:
                gone.append(ref)
            else:
                rows[ref] = TreeNode(ref, NodeKind.VM, self._place(vm, top), vm)
                self._count(rows[ref], +1)
        for ref in self._dirty_hosts:
            host = self._host.records.get(ref)
            if host is not None:
                rows[ref] = self._host_node(host, pool)
            elif (old := self._rows.get(ref)) is not None and old.kind is NodeKind.HOST:
                gone.append(ref)
        if self._top is not None and self._top != top:
            gone.append(self._top)
        self._top = top
        if pool is not None:
            rows[pool.ref] = TreeNode(
                pool.ref, NodeKind.POOL, None, pool, running=sum(self._running.values())
            )
        self._dirty_vms.clear()
        self._dirty_hosts.clear()
        self._all_dirty = False
        self._move(rows, gone)
        self._apply(rows, gone)

    def _host_node(self, host: Host, pool: Pool | None) -> TreeNode:
        self._metrics_hosts.setdefault(host.metrics, set()).add(host.ref)
        return TreeNode(
            host.ref,
            NodeKind.HOST,
            pool.ref if pool is not None else None,
            host,
            self._host_metrics.records.get(host.metrics),
            pool is not None and pool.master == host.ref,
            self._running.get(host.ref, 0),
        )

    def _place(self, vm: VM, top: str | None) -> str | None:
        """Where it runs, else where it likes to run, else directly under the pool."""
        for ref in (vm.resident_on, vm.affinity):
            if not is_null(ref) and ref in self._host.records:
                return ref
        return top

    def _count(self, node: TreeNode | None, by: int) -> None:
        """Puts a running VM in (+1) or out (-1) of the numbers of its place."""
        if node is None or not _is_running(node):
            return
        place = node.parent or ""
        self._running[place] = self._running.get(place, 0) + by
        self._dirty_hosts.add(place)

    def _move(self, rows: dict[str, TreeNode], gone: list[str]) -> None:
        for ref in gone:
            if (old := self._rows.get(ref)) is not None:
                self._children.get(old.parent, {}).pop(ref, None)
        for ref, node in rows.items():
            old = self._rows.get(ref)
            if old is not None and old.parent != node.parent:
                self._children.get(old.parent, {}).pop(ref, None)
            self._children.setdefault(node.parent, {})[ref] = None

    def _same(self, old: TreeNode, new: TreeNode) -> bool:
        return (
            old.record is new.record
            and old.parent == new.parent
            and old.metrics is new.metrics
            and old.is_master == new.is_master
            and old.running == new.running
        )

    def _forget(self) -> None:
        self._children.clear()
        self._running.clear()
        self._metrics_hosts.clear()
        self._dirty_vms.clear()
        self._dirty_hosts.clear()
        self._all_dirty = False
        self._top = None


def _is_running(node: TreeNode) -> bool:
    return isinstance(node.record, VM) and node.record.power_state == PowerState.RUNNING
