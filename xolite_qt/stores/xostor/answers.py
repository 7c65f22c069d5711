"""What the plug-in `linstor-manager` says of a pool's LINSTOR, read without trust.

Plug-ins differ by version: old ones name neither nodes nor resources, volumes lack states, diskless
nodes have no volumes, and some versions add an error of their own to data that is right. So data
and errors are kept side by side, and whatever cannot be read is told in `oddities` instead of
costing the rest.

Source: peers.md 3.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from xolite_qt.xen_api import MalformedAnswer

PLUGIN = "linstor-manager"
"""Name of the plug-in."""
DATABASE = "xcp-persistent-database"
"""The resource that holds LINSTOR's own database; without it there is no controller."""
PERSISTENT = "xcp-persistent-"
"""Beginning of the names of resources that belong to no VDI."""
UP_TO_DATE = "UpToDate"

_MOST_ODDITIES = 20


class ReplicaKind(StrEnum):
    """What a node has of a resource."""

    DISKFUL = "diskful"
    """A copy of the data."""
    DISKLESS = "diskless"
    """A way to it over the network."""
    TIE_BREAKER = "tie-breaker"
    """A voice in the quorum only."""


class Volume(msgspec.Struct, frozen=True):
    """One disk of a replica.

    Attributes:
        number: of the volume.
        state: DRBD's word for it, such as "UpToDate"; empty where not told.
        device_path: on that node.
        usable_bytes: what VMs can use of it; -1 unknown.
        allocated_bytes: what it takes from the storage pool; -1 unknown.
        pool_name: of the storage pool.
    """

    number: int = 0
    state: str = ""
    device_path: str = ""
    usable_bytes: int = -1
    allocated_bytes: int = -1
    pool_name: str = ""


class Replica(msgspec.Struct, frozen=True):
    """What one node has of one resource.

    Attributes:
        node: name of the node, which equals the host's `hostname`.
        kind: a copy, a way to one, or a voice.
        in_use: opened there; None where not told.
        volumes: none for most diskless nodes.
    """

    node: str
    kind: ReplicaKind
    in_use: bool | None = None
    volumes: tuple[Volume, ...] = ()

    @property
    def is_diskful(self) -> bool:
        """Whether it has the data."""
        return self.kind is ReplicaKind.DISKFUL

    @property
    def states(self) -> tuple[str, ...]:
        """Different words for the state of its volumes, in their order."""
        return tuple(dict.fromkeys(volume.state for volume in self.volumes if volume.state))

    @property
    def is_up_to_date(self) -> bool:
        """Whether this is a copy of which every volume is known to be whole and current."""
        return (
            self.is_diskful
            and bool(self.volumes)
            and all(volume.state == UP_TO_DATE for volume in self.volumes)
        )


class Resource(msgspec.Struct, frozen=True):
    """One replicated disk.

    Attributes:
        name: LINSTOR's.
        vdi_uuid: of its VDI; empty for those of LINSTOR itself, and for orphans.
        replicas: one per node that takes part, sorted by node.
    """

    name: str
    vdi_uuid: str = ""
    replicas: tuple[Replica, ...] = ()

    @property
    def is_persistent(self) -> bool:
        """Whether it belongs to LINSTOR or HA and not to a VDI."""
        return self.name.startswith(PERSISTENT)

    @property
    def is_database(self) -> bool:
        """Whether it holds LINSTOR's own database."""
        return self.name == DATABASE

    @property
    def diskful(self) -> tuple[Replica, ...]:
        """Those with the data."""
        return tuple(replica for replica in self.replicas if replica.is_diskful)

    @property
    def healthy(self) -> int:
        """Number of whole and current copies."""
        return sum(replica.is_up_to_date for replica in self.replicas)

    @property
    def is_in_use(self) -> bool:
        """Whether some node has it open."""
        return any(replica.in_use for replica in self.replicas)

    @property
    def size_bytes(self) -> int:
        """What VMs can use; 0 where no node tells."""
        sizes = [v.usable_bytes for replica in self.replicas for v in replica.volumes]
        return max([size for size in sizes if size > 0], default=0)

    def on(self, node: str) -> Replica | None:
        """What a node has of it."""
        return next((replica for replica in self.replicas if replica.node == node), None)


class StoragePool(msgspec.Struct, frozen=True):
    """Room of one node.

    Attributes:
        node: where.
        name: of the pool.
        uuid: LINSTOR's.
        free_bytes: -1 unknown.
        capacity_bytes: -1 unknown.
    """

    node: str
    name: str = ""
    uuid: str = ""
    free_bytes: int = -1
    capacity_bytes: int = -1

    @property
    def used_fraction(self) -> float | None:
        """Of 1; None where not known."""
        if self.capacity_bytes <= 0 or self.free_bytes < 0:
            return None
        return min(1.0, max(0.0, 1 - self.free_bytes / self.capacity_bytes))


class ReportedError(msgspec.Struct, frozen=True):
    """An entry of the plug-in's own list of errors.

    Attributes:
        code: a number whose bits say level, kind and what happened; 0 where not told.
        text: what else the entry says.
    """

    code: int = 0
    text: str = ""

    @property
    def is_warning(self) -> bool:
        """Whether the plug-in takes it for less than an error."""
        return self.code >> 24 & 0x7 == 1

    @property
    def about(self) -> str:
        """What it is about: "node", "storage pool", …; empty where the code does not say."""
        kinds = ("", "LINSTOR", "node", "storage pool", "volume", "resource")
        kind = self.code >> 16 & 0xFF
        return kinds[kind] if kind < len(kinds) else ""

    @property
    def what(self) -> str:
        """In words, as far as the code is known."""
        known = _CODES.get(self.code)
        if known:
            return known
        return f"Code {self.code:#x}" if self.code else "An error without a code"


_CODES = {
    0x1020000: "A node is not online",
    0x1030002: "A storage pool has less than 10 % free",
    0x1040000: "The state of a volume is not known",
    0x2010000: "The plug-in failed while it looked at LINSTOR",
    0x2010001: "LINSTOR can't be reached",
    0x2040001: "A volume is in an invalid state",
}


class Health(msgspec.Struct, frozen=True):
    """What one health check said.

    Attributes:
        controller_uri: where LINSTOR's controller is; empty where not told.
        nodes: LINSTOR's word for each node's state, such as "ONLINE".
        pools: room per node.
        resources: sorted by name.
        errors: the plug-in's own list.
        oddities: what could not be read, in words; the rest stands.
        has_nodes, has_resources: whether the plug-in tells of them at all; old ones do not.
    """

    controller_uri: str = ""
    nodes: dict[str, str] = {}
    pools: tuple[StoragePool, ...] = ()
    resources: tuple[Resource, ...] = ()
    errors: tuple[ReportedError, ...] = ()
    oddities: tuple[str, ...] = ()
    has_nodes: bool = False
    has_resources: bool = False

    @property
    def controller_host(self) -> str:
        """Name or address in `controller_uri`."""
        found = re.match(r"[\w+.-]+://(\[[0-9A-Fa-f:.]+\]|[^/:?#\s]+)", self.controller_uri)
        return found[1].strip("[]") if found else ""

    @property
    def database(self) -> Resource | None:
        """The resource of LINSTOR's own database."""
        return next((resource for resource in self.resources if resource.is_database), None)

    @property
    def all_nodes(self) -> tuple[str, ...]:
        """Names of every node that is mentioned anywhere, sorted."""
        names = {*self.nodes, *(pool.node for pool in self.pools)}
        names.update(replica.node for resource in self.resources for replica in resource.replicas)
        return tuple(sorted(names))

    def is_online(self, node: str) -> bool | None:
        """Whether LINSTOR calls a node online; None where it does not say."""
        state = self.nodes.get(node)
        return None if not state else state.upper() in ("ONLINE", "CONNECTED")

    def pools_of(self, node: str) -> tuple[StoragePool, ...]:
        """Room of one node."""
        return tuple(pool for pool in self.pools if pool.node == node)


def read_health(answer: object) -> Health:
    """Reads the answer of `healthCheck`.

    Args:
        answer: JSON text, an object.

    Raises:
        MalformedAnswer: no text, no JSON, or no object.
    """
    found = _json_object(answer, "healthCheck")
    reader = _Reader()
    resources = found.get("resources")
    nodes = found.get("nodes")
    return Health(
        controller_uri=_text(found.get("controller-uri")),
        nodes=reader.nodes(nodes),
        pools=reader.pools(found.get("storage-pools")),
        resources=reader.resources(resources),
        errors=reader.errors(found.get("errors")),
        oddities=tuple(reader.oddities),
        has_nodes=isinstance(nodes, dict),
        has_resources=isinstance(resources, dict),
    )


class Interface(msgspec.Struct, frozen=True):
    """A way that LINSTOR may take to a node.

    Attributes:
        node: whose.
        name: "default" is the management network's.
        address: of the node there.
        is_active: whether the satellite listens there; None where not told.
        is_preferred: whether replication takes it; None where not told.
    """

    node: str
    name: str
    address: str = ""
    is_active: bool | None = None
    is_preferred: bool | None = None


def read_interfaces(node: str, answer: object) -> tuple[Interface, ...]:
    """Reads the answer of `listNodeInterfaces`: per name an object with an address.

    Raises:
        MalformedAnswer: no text, no JSON, or no object.
    """
    found = _json_object(answer, "listNodeInterfaces")
    rows = []
    for name, item in sorted(found.items()):
        inner = item if isinstance(item, dict) else {"address": item}
        active = inner.get("active")
        rows.append(
            Interface(
                node,
                name,
                _text(inner.get("address")),
                active if isinstance(active, bool) else None,
            )
        )
    return tuple(rows)


class _Reader:
    """Reads parts, and notes what is odd."""

    def __init__(self) -> None:
        self.oddities: list[str] = []

    def odd(self, what: str) -> None:
        if len(self.oddities) < _MOST_ODDITIES:
            self.oddities.append(what)

    def table(self, value: object, what: str) -> Mapping[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.odd(f"{what}: not an object")
            return {}
        return value

    def listed(self, value: object, what: str) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            self.odd(f"{what}: not a list")
            return []
        return value

    def nodes(self, value: object) -> dict[str, str]:
        rows = self.table(value, "nodes")
        return {name: _text(state) for name, state in sorted(rows.items())}

    def pools(self, value: object) -> tuple[StoragePool, ...]:
        pools = []
        for node, items in sorted(self.table(value, "storage-pools").items()):
            for item in self.listed(items, f"storage pools of {node}"):
                row = self.table(item, f"a storage pool of {node}")
                pools.append(
                    StoragePool(
                        node,
                        _text(row.get("name")),
                        _text(row.get("linstor-uuid")),
                        _bytes(row.get("free-size")),
                        _bytes(row.get("capacity")),
                    )
                )
        return tuple(pools)

    def resources(self, value: object) -> tuple[Resource, ...]:
        resources = []
        for name, item in sorted(self.table(value, "resources").items()):
            row = self.table(item, name)
            # The oldest with resources had nodes right under the name, without "uuid" beside them.
            nested = "nodes" in row
            nodes = row["nodes"] if nested else {k: v for k, v in row.items() if k != "uuid"}
            replicas = []
            for node, what in sorted(self.table(nodes, f"nodes of {name}").items()):
                if isinstance(what, dict):
                    replicas.append(self.replica(node, what, name))
                else:
                    self.odd(f"{name} on {node}: not an object")
            resources.append(Resource(name, _text(row.get("uuid")), tuple(replicas)))
        return tuple(resources)

    def replica(self, node: str, row: Mapping[str, Any], name: str) -> Replica:
        volumes = []
        for item in self.listed(row.get("volumes"), f"volumes of {name} on {node}"):
            volume = self.table(item, f"a volume of {name} on {node}")
            volumes.append(
                Volume(
                    max(_bytes(volume.get("number")), 0),
                    _text(volume.get("disk-state")),
                    _text(volume.get("device-path")),
                    _bytes(volume.get("usable-size")),
                    _bytes(volume.get("allocated-size")),
                    _text(volume.get("storage-pool-name")),
                )
            )
        diskful, in_use = row.get("diskful"), row.get("in-use")
        if not isinstance(diskful, bool):
            # Not told: a volume in a storage pool is a copy, unless its state says otherwise.
            words = {volume.state.lower() for volume in volumes}
            diskful = bool(volumes) and not words & {"diskless", "tiebreaker"}
        kind = ReplicaKind.DISKFUL if diskful else ReplicaKind.DISKLESS
        if not diskful and row.get("tie-breaker") is True:
            kind = ReplicaKind.TIE_BREAKER
        return Replica(node, kind, in_use if isinstance(in_use, bool) else None, tuple(volumes))

    def errors(self, value: object) -> tuple[ReportedError, ...]:
        errors = []
        for item in self.listed(value, "errors"):
            if not isinstance(item, dict):
                errors.append(ReportedError(0, _text(item)))
                continue
            code = item.get("code")
            number = code if isinstance(code, int) and not isinstance(code, bool) else 0
            rest = [f"{key}: {_text(v)}" for key, v in sorted(item.items()) if key != "code"]
            errors.append(ReportedError(max(number, 0), ", ".join(rest)))
        return tuple(errors)


def _json_object(answer: object, what: str) -> dict[str, Any]:
    if not isinstance(answer, str):
        raise MalformedAnswer(f"{what}: the answer is not a text")
    try:
        found = msgspec.json.decode(answer)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedAnswer(f"{what}: the answer is not JSON") from error
    if not isinstance(found, dict):
        raise MalformedAnswer(f"{what}: the answer is not an object")
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _bytes(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return -1
    try:
        return max(int(value), -1)
    except (ValueError, OverflowError):
        return -1
