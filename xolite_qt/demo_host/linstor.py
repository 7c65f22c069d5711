"""The LINSTOR of a demo host: where copies of disks are, and how they are.

It follows the database: a VDI made in the SR later has its copies too, and a disk is in use where
its VM runs.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .datamodel import NULL_REF

if TYPE_CHECKING:
    from .host import DemoHost

DATABASE = "xcp-persistent-database"
STORAGE_POOL = "xcp-sr-linstor_group_thin_device"
GIB = 1 << 30
_PORT = 1000


@dataclass
class Linstor:
    """What only LINSTOR knows.

    Attributes:
        sr: reference of the SR.
        group_name: what its PBDs call the room on the hosts.
        redundancy: copies of each VDI.
        nodes: state of each node, "ONLINE" if all is well.
        capacity: bytes of each node.
        free: bytes of each node.
        states: state of a copy where it is not "UpToDate": (resource, node) to DRBD's word.
        without_tie_breaker: resources that have none.
        orphans: resources that belong to no VDI.
        interfaces: per node, name to address.
        preferred: per node, name of the interface that replication takes.
    """

    sr: str
    group_name: str
    redundancy: int
    nodes: dict[str, str]
    capacity: dict[str, int]
    free: dict[str, int]
    states: dict[tuple[str, str], str] = field(default_factory=dict)
    without_tie_breaker: set[str] = field(default_factory=set)
    orphans: list[str] = field(default_factory=list)
    interfaces: dict[str, dict[str, str]] = field(default_factory=dict)
    preferred: dict[str, str] = field(default_factory=dict)

    def health(self, host: DemoHost) -> dict[str, Any]:
        """What a health check finds, the plug-in's own errors included."""
        resources = {DATABASE: self._resource(host, 0, DATABASE, "", GIB, 3)}
        used = self._users(host)
        refs = [r for r in host.db.refs("VDI") if host.db.get("VDI", r)["SR"] == self.sr]
        for number, ref in enumerate(refs, 1):
            vdi = host.db.get("VDI", ref)
            name = resource_name(vdi["uuid"])
            resources[name] = self._resource(
                host,
                number,
                name,
                vdi["uuid"],
                vdi["virtual_size"],
                self.redundancy,
                used.get(ref, ""),
            )
        for number, name in enumerate(self.orphans, len(refs) + 1):
            resources[name] = self._resource(host, number, name, "", 20 * GIB, self.redundancy)
        return {
            "controller-uri": f"linstor://{self._address(host, self._controller())}",
            "nodes": dict(self.nodes),
            "storage-pools": {
                node: [
                    {
                        "name": STORAGE_POOL,
                        "linstor-uuid": str(uuid.uuid5(uuid.NAMESPACE_DNS, node)),
                        "free-size": self.free[node] if self._is_up(node) else -1,
                        "capacity": self.capacity[node] if self._is_up(node) else -1,
                    }
                ]
                for node in self.nodes
            },
            "resources": resources,
            "errors": self._errors(),
        }

    def _is_up(self, node: str) -> bool:
        return self.nodes[node] == "ONLINE"

    def _controller(self) -> str:
        return next(node for node in self.nodes if self._is_up(node))

    def _address(self, host: DemoHost, node: str) -> str:
        for ref in host.db.refs("host"):
            record = host.db.get("host", ref)
            if record["hostname"] == node:
                return str(record["address"])
        return node

    def _users(self, host: DemoHost) -> dict[str, str]:
        """VDI to the node that has it open."""
        used = {}
        for ref in host.db.refs("VBD"):
            vbd = host.db.get("VBD", ref)
            if not vbd["currently_attached"] or not host.db.exists("VM", vbd["VM"]):
                continue
            on = host.db.get("VM", vbd["VM"])["resident_on"]
            if on != NULL_REF and host.db.exists("host", on):
                used[vbd["VDI"]] = str(host.db.get("host", on)["hostname"])
        return used

    def _resource(
        self,
        host: DemoHost,
        number: int,
        name: str,
        vdi_uuid: str,
        size: int,
        copies: int,
        used_on: str = "",
    ) -> dict[str, Any]:
        names = list(self.nodes)
        order = [names[(number + step) % len(names)] for step in range(len(names))]
        used_on = used_on or (self._controller() if name == DATABASE else "")
        nodes = {}
        for step, node in enumerate(order):
            diskful = step < copies
            voice = not diskful and step == copies and copies % 2 == 0
            voice = voice and name not in self.without_tie_breaker
            if not diskful and not voice and node != used_on:
                continue
            state = self.states.get((name, node), "UpToDate")
            if not self._is_up(node):
                state = "DUnknown"
            volume = {
                "number": 0,
                "device-path": f"/dev/drbd{_PORT + number}",
                "usable-size": size,
                "allocated-size": size // 2,
                "storage-pool-name": STORAGE_POOL,
                "disk-state": state,
            }
            nodes[node] = {
                # A node without a disk shows no volume: its pool has another name.
                "volumes": [volume] if diskful else [],
                "diskful": diskful,
                # One that is used is a way to the data, and no longer a mere voice.
                "tie-breaker": voice and node != used_on,
                "in-use": node == used_on,
            }
        return {"uuid": vdi_uuid, "nodes": nodes}

    def _errors(self) -> list[dict[str, Any]]:
        errors: list[dict[str, Any]] = [
            {"code": 0x1020000, "node": node, "state": state}
            for node, state in self.nodes.items()
            if state != "ONLINE"
        ]
        errors += [
            {"code": 0x1030002, "node": node, "pool": STORAGE_POOL}
            for node, free in self.free.items()
            if self._is_up(node) and free < self.capacity[node] // 10
        ]
        return errors


def resource_name(vdi_uuid: str) -> str:
    """LINSTOR's name for the resource of a VDI; it has a uuid of its own."""
    return f"xcp-volume-{uuid.uuid5(uuid.NAMESPACE_OID, vdi_uuid)}"
