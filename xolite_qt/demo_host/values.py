"""Values between the wire and the database: parsed to the data model's types, and written out.

Source: `xapi.md` 1.3 (types on the wire) and 1.5 (what a wrongly typed parameter gives).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from .datamodel import Class, Model, Type, load_model
from .registry import Failure

INT64 = range(-(1 << 63), 1 << 63)
_DATE = re.compile(r"^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,]\d+)?(Z|[+-]\d\d:?\d\d)?$")
_ILLEGAL_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_KIND_NAMES = {str: "string", bool: "bool", int: "int", float: "float", list: "array", dict: "dict"}


class DateTime(str):
    """A string that came as a `dateTime.iso8601`."""

    __slots__ = ()


def _wrong(expected: str, value: Any) -> Failure:
    got = "null" if value is None else _KIND_NAMES.get(type(value), type(value).__name__)
    return Failure("INTERNAL_ERROR", f'Failure("Expected {expected}, got {got}")')


def parse(value: Any, kind: Type) -> Any:
    """Turn a decoded parameter into the wire form that the database holds.

    Raises:
        Failure: INTERNAL_ERROR with the words of the OCaml exception.
    """
    match kind.kind:
        case "bool":
            if not isinstance(value, bool):
                raise _wrong("bool", value)
            return value
        case "int":
            return _parse_int(value)
        case "float":
            return _parse_float(value)
        case "datetime":
            return _parse_datetime(value)
        case "string" | "ref":
            if not isinstance(value, str):
                raise _wrong("string", value)
            return str(value)
        case "enum":
            if not isinstance(value, str):
                raise _wrong("string", value)
            if value not in load_model().enums[kind.name]:
                raise Failure("INTERNAL_ERROR", f'Failure("{kind.name}_of_rpc: {value}")')
            return str(value)
        case "set":
            if not isinstance(value, list):
                raise _wrong("array", value)
            return [parse(item, kind.args[0]) for item in value]
        case "map":
            if not isinstance(value, dict):
                raise _wrong("dict", value)
            key_type, value_type = kind.args
            return {
                str(parse(key, key_type)): parse(item, value_type) for key, item in value.items()
            }
        case "option":
            return None if value is None else parse(value, kind.args[0])
        case "record":
            return _parse_record(value, load_model().classes[kind.name])
        case "void":
            return None
        case _:
            return value


def _parse_int(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,19}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value not in INT64:
        raise _wrong("int", value)
    return value


def _parse_float(value: Any) -> float:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise _wrong("float", value) from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong("float", value)
    return float(value)


def _parse_datetime(value: Any) -> str:
    found = _DATE.match(value) if isinstance(value, str) else None
    if found is None:
        raise _wrong("datetime", value)
    year, month, day, hour, minute, second, zone = found.groups()
    text = f"{year}{month}{day}T{hour}:{minute}:{second}Z"
    if zone and zone != "Z":
        # The database speaks UTC only.
        given = datetime.fromisoformat(f"{year}-{month}-{day}T{hour}:{minute}:{second}{zone}")
        return wire_datetime(given.timestamp())
    return text


def wire_datetime(time_s: float) -> str:
    """Seconds since 1970 as `20260821T12:00:00Z`."""
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y%m%dT%H:%M:%SZ")


def datetime_s(text: str) -> float:
    """A wire datetime as seconds since 1970.

    Raises:
        Failure: INTERNAL_ERROR, not a datetime.
    """
    plain = _parse_datetime(text)
    return datetime.strptime(plain, "%Y%m%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()


def _parse_record(value: Any, cls: Class) -> dict[str, Any]:
    """The fields of a record that a constructor may set; those it leaves out get their default."""
    if not isinstance(value, dict):
        raise _wrong("dict", value)
    record = {}
    for name, field in cls.fields.items():
        if field.qualifier == "RO/runtime":
            continue
        if name in value:
            record[name] = parse(value[name], field.type)
        elif not field.has_default and field.state != "Removed":
            raise Failure("INTERNAL_ERROR", f'Failure("{name} not found in {cls.name} record")')
    return record


# Writing JSON


def _finite(value: Any) -> Any:
    """The value with what JSON cannot say (NaN, infinities) written bare, as xapi does."""
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        word = b"NaN" if math.isnan(value) else (b"Infinity" if value > 0 else b"-Infinity")
        return msgspec.Raw(word)
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def json_record(record: dict[str, Any], cls: Class) -> msgspec.Raw:
    """A whole record in JSON; only fields that can hold a float are looked at."""
    for name in cls.float_fields:
        value = record.get(name)
        if value and isinstance(value, float | dict) and _finite(value) != value:
            record = {**record, name: _finite(value)}
    return msgspec.Raw(msgspec.json.encode(record))


def _holds_floats(kind: Type) -> bool:
    if kind.kind in ("float", "record", "any"):
        return True
    return any(_holds_floats(arg) for arg in kind.args)


def json_result(value: Any, kind: Type) -> Any:
    """A result as `msgspec.json.encode` takes it."""
    if kind.kind == "void" or value is None:
        return ""
    if isinstance(value, msgspec.Raw):
        return value
    return _finite(value) if _holds_floats(kind) else value


# Writing XML-RPC


def xml_value(value: Any, kind: Type, model: Model | None = None) -> str:
    """A `<value>` of XML-RPC in the form of the type: ints are strings, dates are dates."""
    out: list[str] = []
    _xml(value, kind, out, model or load_model())
    return "".join(out)


def xml_text(text: str) -> str:
    """Text as it may stand between tags; what XML cannot hold becomes a question mark."""
    return escape(_ILLEGAL_XML.sub("?", text))


def _xml(value: Any, kind: Type, out: list[str], model: Model) -> None:
    if isinstance(value, msgspec.Raw):
        value = msgspec.json.decode(value)
    if value is None or kind.kind == "void":
        out.append("<value></value>")
        return
    match kind.kind:
        case "bool":
            out.append(f"<value><boolean>{int(bool(value))}</boolean></value>")
        case "float":
            out.append(f"<value><double>{float(value):.16g}</double></value>")
        case "datetime":
            out.append(
                f"<value><dateTime.iso8601>{xml_text(str(value))}</dateTime.iso8601></value>"
            )
        case "i4":
            out.append(f"<value><i4>{value}</i4></value>")
        case "set":
            out.append("<value><array><data>")
            for item in value:
                _xml(item, kind.args[0], out, model)
            out.append("</data></array></value>")
        case "map":
            _xml_struct(((k, v, kind.args[1]) for k, v in value.items()), out, model)
        case "option":
            _xml(value, kind.args[0], out, model)
        case "record":
            fields = model.classes[kind.name].fields
            known = ((k, v, fields[k].type) for k, v in value.items() if k in fields)
            _xml_struct(known, out, model)
        case "batch":
            _xml_batch(value, out, model)
        case "any":
            _xml_any(value, out, model)
        case _:
            out.append(f"<value>{xml_text(str(value))}</value>")


def _xml_struct(members: Iterable[tuple[str, Any, Type]], out: list[str], model: Model) -> None:
    out.append("<value><struct>")
    for name, value, kind in members:
        if value is None:
            continue
        out.append(f"<member><name>{xml_text(str(name))}</name>")
        _xml(value, kind, out, model)
        out.append("</member>")
    out.append("</struct></value>")


def _xml_any(value: Any, out: list[str], model: Model) -> None:
    """A value without a declared type."""
    guessed = {bool: "bool", float: "float"}.get(type(value))
    if isinstance(value, dict):
        _xml_struct(((k, v, Type("any")) for k, v in value.items()), out, model)
    elif isinstance(value, list | tuple):
        _xml(list(value), Type("set", args=(Type("any"),)), out, model)
    else:
        _xml(value, Type(guessed or "string"), out, model)


def event_members(event: dict[str, Any], model: Model) -> list[tuple[str, Any, Type]]:
    """The members of one event with their types; the snapshot has that of its class."""
    members = []
    for name, value in event.items():
        kind = Type("string")
        if name == "snapshot":
            kind = Type("record", model.by_lower[event["class"]])
        members.append((name, value, kind))
    return members


def _xml_batch(batch: dict[str, Any], out: list[str], model: Model) -> None:
    out.append("<value><struct><member><name>events</name><value><array><data>")
    for event in batch["events"]:
        _xml_struct(event_members(event, model), out, model)
    out.append("</data></array></value></member><member><name>valid_ref_counts</name>")
    counts = batch["valid_ref_counts"]
    _xml_struct(((k, v, Type("i4")) for k, v in counts.items()), out, model)
    out.append("</member><member><name>token</name>")
    _xml(batch["token"], Type("string"), out, model)
    out.append("</member></struct></value>")
