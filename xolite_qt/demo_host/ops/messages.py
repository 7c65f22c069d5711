"""Messages: kept newest first, ten thousand at most.

Source: xapi.md 1.9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xolite_qt.demo_host.registry import Call, Failure, install, method
from xolite_qt.demo_host.values import datetime_s

if TYPE_CHECKING:
    from xolite_qt.demo_host.db import Database
    from xolite_qt.demo_host.host import DemoHost

LIMIT = 10_000
_CLASSES = {
    "VM": "VM",
    "Host": "host",
    "SR": "SR",
    "Pool": "pool",
    "VMPP": "VMPP",
    "VMSS": "VMSS",
    "PVS_proxy": "PVS_proxy",
    "VDI": "VDI",
    "Certificate": "Certificate",
}


@install
def _install(host: DemoHost) -> None:
    def trim(cls: str, _ref: str) -> None:
        if cls == "message":
            refs = host.db.refs("message")
            if len(refs) > LIMIT:
                host.db.destroy("message", min(refs, key=lambda ref: _when(host.db, ref)))

    host.db.on_change(trim)


def _when(db: Database, ref: str) -> str:
    return str(db.get("message", ref)["timestamp"])


def newest_first(db: Database) -> dict[str, dict[str, Any]]:
    """All messages."""
    records = db.records("message")
    refs = sorted(records, key=lambda ref: str(records[ref]["timestamp"]), reverse=True)
    return {ref: records[ref] for ref in refs}


@method("message.create")
def message_create(call: Call, name: str, priority: int, cls: str, obj_uuid: str, body: str) -> str:
    """Leaves a message about an object."""
    call.db.by_uuid(_CLASSES.get(cls, cls), obj_uuid)
    return call.db.create(
        "message",
        {
            "name": name,
            "priority": priority,
            "cls": cls,
            "obj_uuid": obj_uuid,
            "timestamp": call.host.clock.iso(),
            "body": body,
        },
    )


@method("message.destroy")
def message_destroy(call: Call, self: str) -> None:
    """Removes one."""
    call.db.destroy("message", self)


@method("message.destroy_many", check_refs=False)
async def message_destroy_many(call: Call, messages: list[str]) -> None:
    """Removes several; those that are gone already do not matter."""
    for ref in messages:
        if call.db.exists("message", ref):
            call.db.destroy("message", ref)


@method("message.get_all")
def message_get_all(call: Call) -> list[str]:
    """References, newest first."""
    return list(newest_first(call.db))


@method("message.get_all_records")
def message_get_all_records(call: Call) -> dict[str, dict[str, Any]]:
    """All, newest first."""
    return newest_first(call.db)


@method("message.get_since")
def message_get_since(call: Call, since: str) -> dict[str, dict[str, Any]]:
    """Those since a moment, newest first."""
    moment_s = datetime_s(since)
    return {
        ref: record
        for ref, record in newest_first(call.db).items()
        if datetime_s(str(record["timestamp"])) >= moment_s
    }


@method("message.get")
def message_get(call: Call, cls: str, obj_uuid: str, since: str) -> dict[str, dict[str, Any]]:
    """Those of one object since a moment."""
    if cls not in _CLASSES:
        raise Failure("VALUE_NOT_SUPPORTED", "cls", cls, "")
    return {
        ref: record
        for ref, record in message_get_since(call, since).items()
        if record["cls"] == cls and record["obj_uuid"] == obj_uuid
    }
