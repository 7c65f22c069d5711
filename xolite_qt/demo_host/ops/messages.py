"""Messages: kept newest first, ten thousand at most.

Source: xapi.md 1.9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from xolite_qt.demo_host.registry import Call, Failure, install, method
from xolite_qt.demo_host.values import datetime_s, wire_datetime

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
    rows = host.db.table("message").rows

    def trim(cls: str, _ref: str) -> None:
        if cls == "message" and len(rows) > LIMIT:
            oldest = min(rows, key=lambda ref: str(rows[ref].fields["timestamp"]))
            host.db.destroy("message", oldest)

    host.db.on_change(trim)


def newest_first(
    db: Database, test: Callable[[dict[str, Any]], bool] = lambda record: True
) -> dict[str, msgspec.Raw]:
    """Records that pass a test, in JSON."""
    rows = db.table("message").rows
    # Of one second's messages, the last to come is the newest.
    found = [ref for ref in reversed(rows) if test(rows[ref].fields)]
    found.sort(key=lambda ref: str(rows[ref].fields["timestamp"]), reverse=True)
    return {ref: db.raw_record("message", ref) for ref in found}


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


@method("message.destroy_all")
def message_destroy_all(call: Call, filters: dict[str, str]) -> None:
    """Removes all that fit: `before` and `after` a moment, of a `priority`.

    Raises:
        Failure: INVALID_VALUE [filter, value].
    """
    tests = [_filter(name, value) for name, value in filters.items()]
    for ref, record in call.db.records("message").items():
        if all(test(record) for test in tests):
            call.db.destroy("message", ref)


def _filter(name: str, value: str) -> Callable[[dict[str, Any]], bool]:
    if name == "priority" and value.isdigit():
        return lambda record: bool(record["priority"] == int(value))
    if name in ("before", "after"):
        try:
            moment = wire_datetime(datetime_s(value))
        except Failure:
            raise Failure("INVALID_VALUE", name, value) from None
        if name == "before":
            return lambda record: bool(record["timestamp"] < moment)
        return lambda record: bool(record["timestamp"] > moment)
    raise Failure("INVALID_VALUE", name, value)


@method("message.get_all")
def message_get_all(call: Call) -> list[str]:
    """References, newest first."""
    return list(newest_first(call.db))


@method("message.get_all_records")
def message_get_all_records(call: Call) -> dict[str, msgspec.Raw]:
    """All, newest first."""
    return newest_first(call.db)


@method("message.get_since")
def message_get_since(call: Call, since: str) -> dict[str, msgspec.Raw]:
    """Those since a moment, newest first."""
    # Datetimes of the wire have one length and one zone: they sort as text.
    return newest_first(call.db, lambda record: bool(record["timestamp"] >= since))


@method("message.get")
def message_get(call: Call, cls: str, obj_uuid: str, since: str) -> dict[str, msgspec.Raw]:
    """Those of one object since a moment, newest first."""
    return newest_first(
        call.db,
        lambda record: bool(
            record["cls"] == cls and record["obj_uuid"] == obj_uuid and record["timestamp"] >= since
        ),
    )
