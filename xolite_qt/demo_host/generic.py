"""Calls that follow from the data model alone: records, getters, setters, constructors.

Source: `xapi.md` 1.5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .datamodel import NULL_REF, Class, Field, Message
from .query import compile_query
from .registry import Call, Failure

if TYPE_CHECKING:
    from .db import Database

Answer = Callable[..., Any]


def _all_refs(db: Database, cls: Class) -> list[str]:
    refs = db.refs(cls.name)
    if cls.name == "message":
        rows = db.table("message").rows
        refs.sort(key=lambda ref: rows[ref].fields["timestamp"], reverse=True)
    return refs


def _get_all(cls: Class) -> Answer:
    return lambda call: _all_refs(call.db, cls)


def _get_all_records(cls: Class) -> Answer:
    return lambda call: {ref: call.db.raw_record(cls.name, ref) for ref in _all_refs(call.db, cls)}


def _get_all_records_where(cls: Class) -> Answer:
    def answer(call: Call, expression: str) -> dict[str, Any]:
        test = compile_query(expression)
        db = call.db
        return {
            ref: db.raw_record(cls.name, ref)
            for ref in _all_refs(db, cls)
            if test(ref, db.get(cls.name, ref))
        }

    return answer


def _get_by_name_label(cls: Class) -> Answer:
    def answer(call: Call, label: str) -> list[str]:
        records = call.db.records(cls.name).items()
        return [ref for ref, record in records if record.get("name_label") == label]

    return answer


def _getter(cls: Class, field: Field) -> Answer:
    def answer(call: Call, ref: str) -> Any:
        record = call.db.get(cls.name, ref)
        return record.get(field.name, field.fresh_default())

    return answer


def _setter(cls: Class, field: Field) -> Answer:
    def answer(call: Call, ref: str, value: Any) -> None:
        call.db.set(cls.name, ref, **{field.name: value})

    return answer


def _adder(cls: Class, field: Field) -> Answer:
    def answer(call: Call, ref: str, value: Any) -> None:
        items = call.db.get(cls.name, ref).get(field.name, [])
        if value not in items:
            call.db.set(cls.name, ref, **{field.name: [*items, value]})

    return answer


def _remover(cls: Class, field: Field) -> Answer:
    def answer(call: Call, ref: str, value: Any) -> None:
        items = call.db.get(cls.name, ref).get(field.name, [])
        left = [item for item in items if item != value]
        call.db.set(cls.name, ref, **{field.name: left})

    return answer


def _map_adder(cls: Class, field: Field) -> Answer:
    def answer(call: Call, ref: str, key: Any, value: Any) -> None:
        record = call.db.get(cls.name, ref)
        pairs = record.get(field.name, {})
        if str(key) in pairs:
            name = record.get("uuid") or ref
            raise Failure("MAP_DUPLICATE_KEY", cls.name, field.name, name, key)
        call.db.set(cls.name, ref, **{field.name: {**pairs, str(key): value}})

    return answer


def _map_remover(cls: Class, field: Field) -> Answer:
    def answer(call: Call, ref: str, key: Any) -> None:
        pairs = dict(call.db.get(cls.name, ref).get(field.name, {}))
        pairs.pop(str(key), None)
        call.db.set(cls.name, ref, **{field.name: pairs})

    return answer


def _creator(cls: Class) -> Answer:
    def answer(call: Call, record: dict[str, Any]) -> str:
        for name, value in record.items():
            kind = cls.fields[name].type
            # A null reference is fine; one to nowhere is not.
            points = kind.kind == "ref" and value not in ("", NULL_REF)
            if points and kind.name in call.db.tables and not call.db.exists(kind.name, value):
                raise Failure("HANDLE_INVALID", kind.name, value)
        return call.db.create(cls.name, record)

    return answer


def _destroyer(cls: Class) -> Answer:
    return lambda call, ref: call.db.destroy(cls.name, ref)


def _whole_object(cls: Class, name: str) -> Answer | None:
    match name:
        case "get_all":
            return _get_all(cls)
        case "get_all_records":
            return _get_all_records(cls)
        case "get_all_records_where":
            return _get_all_records_where(cls)
        case "get_record":
            return lambda call, ref: call.db.raw_record(cls.name, ref)
        case "get_by_uuid":
            return lambda call, uuid: call.db.by_uuid(cls.name, uuid)
        case "get_by_name_label":
            return _get_by_name_label(cls)
        case _:
            return None


# prefix, what makes the answer, number of parameters, kinds of field it fits
_BY_FIELD: tuple[tuple[str, Callable[[Class, Field], Answer], int, str], ...] = (
    ("get_", _getter, 1, ""),
    ("set_", _setter, 2, ""),
    ("add_to_", _map_adder, 3, "map"),
    ("remove_from_", _map_remover, 2, "map"),
    ("add_", _adder, 2, "set"),
    ("remove_", _remover, 2, "set"),
    # Some sets have calls of the map kind of name, such as subject.add_to_roles.
    ("add_to_", _adder, 2, "set"),
    ("remove_from_", _remover, 2, "set"),
)


def generic_answer(message: Message, cls: Class) -> Answer | None:
    """What answers a call that no behaviour registered, or None when the model cannot say."""
    if message.state == "Removed" or (not cls.in_db and cls.name != "message"):
        return None
    if answer := _whole_object(cls, message.name):
        return answer
    if message.implicit and message.name == "create":
        return _creator(cls)
    if message.name == "destroy" and message.implicit:
        return _destroyer(cls)
    for prefix, make, count, kind in _BY_FIELD:
        field = cls.fields.get(message.name.removeprefix(prefix))
        if (
            message.name.startswith(prefix)
            and field is not None
            and len(message.params) == count
            and message.params[0].type.name == cls.name
            and kind in ("", field.type.kind)
        ):
            return make(cls, field)
    return None
