"""From the bytes of an answer to records: fast where the host is right, patient where it is not.

The fast path decodes straight into the record types. Only when that fails is the answer taken apart
record by record, and a bad record field by field: a wrong type in one record must not lose the
others.

Source: xapi.md 1.2, 1.3; performance.md 5.
"""

from __future__ import annotations

import json
import logging
import re
from functools import cache
from typing import Any, Generic, TypeVar, cast, overload

import msgspec

from .errors import MalformedAnswer, XapiError
from .records import RECORDS, Record
from .records.base import list_of_texts, map_of_texts

_log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R", bound=Record)

# Decoding holds the interpreter lock; pieces of this size hold it for about two milliseconds.
_PIECE_BYTES = 1 << 19

_HEAD = re.compile(
    rb'\s*\{(?:\s*"(?:jsonrpc|id|error)"\s*:\s*(?:"[^"\\]{0,64}"|\d{1,20}|null)\s*,)*'
    rb'\s*"result"\s*:\s*\{'
)
_TAIL = re.compile(
    rb'\}((?:\s*,\s*"(?:jsonrpc|id|error)"\s*:\s*(?:"[^"\\]{0,64}"|\d{1,20}|null))*\s*\}\s*)\Z'
)
_TAIL_BYTES = 256
_SEAM = b'},"OpaqueRef:'
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Envelope(msgspec.Struct, Generic[T]):
    """A JSON-RPC answer."""

    result: T | msgspec.UnsetType = msgspec.UNSET
    error: Any = None


def record_class(cls: str | type[R]) -> type[Record]:
    """The record type of a class, named in any case.

    Raises:
        ValueError: a class that has no record type here.
    """
    if not isinstance(cls, str):
        return cls
    try:
        return RECORDS[cls.lower()]
    except KeyError:
        raise ValueError(f"no record type for class {cls!r}") from None


def decode_answer(body: bytes | bytearray) -> Any:
    """The result of any call, as plain Python data.

    Raises:
        XapiError: the host said no.
        MalformedAnswer: not an answer.
    """
    try:
        answer: Any = _plain_decoder().decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        answer = _read_patiently(body)
    except RecursionError:
        raise MalformedAnswer("the answer is nested too deeply") from None
    return unwrap(answer)


def unwrap(answer: Any) -> Any:
    """The result inside an envelope.

    Raises:
        XapiError: the envelope holds an error, in either shape.
        MalformedAnswer: not an envelope.
    """
    if not isinstance(answer, dict):
        raise MalformedAnswer("the answer is not a JSON-RPC object")
    if answer.get("error") is not None:
        raise error_from_wire(answer["error"])
    if "result" not in answer:
        raise MalformedAnswer("the answer holds neither a result nor an error")
    return answer["result"]


def error_from_wire(error: Any) -> XapiError | MalformedAnswer:
    """An error of either shape: `{"message": CODE, "data": […]}`, or the bare array `[CODE, …]`."""
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        data = error.get("data")
        params = data if isinstance(data, list) else [] if data is None else [data]
        return XapiError.from_wire(error["message"], [_text(p) for p in params])
    if isinstance(error, list) and error and isinstance(error[0], str):
        return XapiError.from_wire(error[0], [_text(p) for p in error[1:]])
    return MalformedAnswer("the answer holds an error of an unknown shape")


@overload
def decode_records(cls: type[R], body: bytes | bytearray) -> dict[str, R]: ...
@overload
def decode_records(cls: str, body: bytes | bytearray) -> dict[str, Record]: ...
def decode_records(cls: str | type[R], body: bytes | bytearray) -> dict[str, R] | dict[str, Record]:
    """The records in the answer to `get_all_records` and its likes, by reference.

    A large `bytearray` is decoded piece by piece, so that a thread doing it lets others run; it is
    written to meanwhile and left as it was. Maps of VM records stay views into `body`.

    Raises:
        ValueError: a class that has no record type.
        XapiError: the host said no.
        MalformedAnswer: not an answer, or one without records.
    """
    record_type = cast("type[R]", record_class(cls))
    records = None
    if isinstance(body, bytearray) and len(body) >= 2 * _PIECE_BYTES:
        records = _decode_in_pieces(record_type, body)
    if records is None:
        records = _decode_whole(record_type, body)
    for ref, record in records.items():
        msgspec.structs.force_setattr(record, "ref", ref)
    return records


def decode_record(cls: str | type[R], snapshot: bytes | msgspec.Raw, ref: str) -> R:
    """One record from its JSON text.

    Raises:
        MalformedAnswer: not a JSON object.
    """
    record_type = cast("type[R]", record_class(cls))
    try:
        record = _record_decoder(record_type).decode(snapshot)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return record_from_plain(record_type, _read_patiently(bytes(snapshot)), ref)
    except RecursionError:
        raise MalformedAnswer("a record is nested too deeply") from None
    msgspec.structs.force_setattr(record, "ref", ref)
    return cast("R", record)


def read_record(cls: type[R], ref: str, body: bytes | bytearray) -> R:
    """The record in the answer to `get_record`.

    Raises:
        XapiError: the host said no.
        MalformedAnswer: not an answer, or one without a record.
    """
    try:
        envelope = _raw_record_decoder().decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return record_from_plain(cls, decode_answer(body), ref)
    if envelope.error is not None:
        raise error_from_wire(envelope.error)
    if envelope.result is msgspec.UNSET:
        raise MalformedAnswer("the answer holds neither a result nor an error")
    return decode_record(cls, bytes(envelope.result), ref)


def record_from_plain(cls: type[R], plain: Any, ref: str) -> R:
    """A record from plain Python data, keeping every field that makes sense.

    Raises:
        MalformedAnswer: not a map.
    """
    if not isinstance(plain, dict):
        raise MalformedAnswer(f"a record of {cls.wire_class} is not a map")
    values: dict[str, Any] = {}
    lost: list[str] = []
    for field in msgspec.structs.fields(cls):
        if field.encode_name not in plain or field.name == "ref":
            continue
        value = plain[field.encode_name]
        if field.type is msgspec.Raw:
            kept = list_of_texts(value) if isinstance(value, list) else map_of_texts(value)
            if kept or isinstance(value, dict):
                values[field.name] = msgspec.Raw(msgspec.json.encode(kept))
            continue
        try:
            values[field.name] = msgspec.convert(value, field.type, strict=False)
        except (msgspec.ValidationError, RecursionError):
            salvaged = _salvage(field.type, value)
            lost.append(field.encode_name)
            if salvaged is not None:
                values[field.name] = salvaged
    if lost:
        _log.debug("%s %s: wrong types in %s", cls.wire_class, ref, ", ".join(lost))
    return cls(**values, ref=ref)


@cache
def _plain_decoder() -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder()


@cache
def _record_decoder(cls: type[R]) -> msgspec.json.Decoder[R]:
    return msgspec.json.Decoder(cls, strict=False)


@cache
def _map_decoder(cls: type[R]) -> msgspec.json.Decoder[dict[str, R]]:
    return msgspec.json.Decoder(dict[str, cls], strict=False)  # type: ignore[valid-type]


@cache
def _envelope_decoder(cls: type[R]) -> msgspec.json.Decoder[Envelope[dict[str, R]]]:
    return msgspec.json.Decoder(Envelope[dict[str, cls]], strict=False)  # type: ignore[valid-type]


@cache
def _raw_record_decoder() -> msgspec.json.Decoder[Envelope[msgspec.Raw]]:
    return msgspec.json.Decoder(Envelope[msgspec.Raw])


@cache
def _raw_envelope_decoder() -> msgspec.json.Decoder[Envelope[dict[str, msgspec.Raw]]]:
    return msgspec.json.Decoder(Envelope[dict[str, msgspec.Raw]])


def _decode_in_pieces(cls: type[R], body: bytearray) -> dict[str, R] | None:
    """A large map of records, cut between records in place; None where it cannot be cut.

    `},"OpaqueRef:` cannot stand inside a JSON string (its quotes would be escaped). Should it stand
    deeper in a record, the pieces are no JSON and the caller takes the whole. The comma of a seam
    serves as the closing brace of one piece, then as the opening brace of the next.
    """
    head = _HEAD.match(body[:1024])
    tail = _TAIL.search(body, len(body) - _TAIL_BYTES)
    if head is None or tail is None:
        return None
    decode = _map_decoder(cls).decode
    records: dict[str, R] = {}
    start, stop = head.end() - 1, tail.start()
    view = memoryview(body)
    try:
        while True:
            seam = body.find(_SEAM, start + _PIECE_BYTES, stop)
            end = stop if seam < 0 else seam + 1
            before = body[start], body[end]
            body[start], body[end] = b"{}"
            try:
                records.update(decode(view[start : end + 1]))
            finally:
                body[start], body[end] = before
            if seam < 0:
                return records
            start = end
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def _decode_whole(cls: type[R], body: bytes | bytearray) -> dict[str, R]:
    try:
        envelope = _envelope_decoder(cls).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _decode_patiently(cls, body)
    except RecursionError:
        raise MalformedAnswer("the answer is nested too deeply") from None
    if envelope.error is not None:
        raise error_from_wire(envelope.error)
    if envelope.result is msgspec.UNSET:
        raise MalformedAnswer("the answer holds neither a result nor an error")
    return envelope.result


def _decode_patiently(cls: type[R], body: bytes | bytearray) -> dict[str, R]:
    """Record by record, after something in the body was not as it should be."""
    raw: dict[str, Any]
    try:
        envelope = _raw_envelope_decoder().decode(body)
        if envelope.error is not None or envelope.result is msgspec.UNSET:
            raise msgspec.DecodeError
        raw = cast("dict[str, Any]", envelope.result)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer = unwrap(_read_patiently(body))
        if not isinstance(answer, dict):
            raise MalformedAnswer(f"the {cls.wire_class} records are not a map") from None
        raw = answer
    records: dict[str, R] = {}
    for ref, value in raw.items():
        try:
            if isinstance(value, msgspec.Raw):
                records[ref] = decode_record(cls, value, ref)
            else:
                records[ref] = record_from_plain(cls, value, ref)
        except MalformedAnswer as error:
            _log.debug("%s %s dropped: %s", cls.wire_class, ref, error)
    return records


def _read_patiently(body: bytes | bytearray) -> Any:
    """JSON with bare NaN and Infinity, broken UTF-8 and lone surrogates allowed."""
    try:
        answer = json.loads(body.decode("utf-8", "replace"))
    except ValueError:
        raise MalformedAnswer("the answer is not JSON, or only a part of it") from None
    except RecursionError:
        raise MalformedAnswer("the answer is nested too deeply") from None
    return _without_surrogates(answer) if re.search(rb"\\u[dD][89a-fA-F]", body) else answer


def _without_surrogates(value: Any) -> Any:
    """Half a surrogate pair can neither be written nor painted later."""
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(v) for v in value]
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    return value


def _salvage(kind: Any, value: Any) -> Any:
    """What can be kept of a value of a wrong type; None where nothing can."""
    origin = getattr(kind, "__origin__", kind)
    if origin is str:
        return _text(value) if isinstance(value, int | float) else None
    if origin is tuple and isinstance(value, list | tuple):
        inner = kind.__args__[0]
        kept = (_convert_or_none(inner, item) for item in value)
        return tuple(item for item in kept if item is not None)
    if origin is dict and isinstance(value, dict):
        inner = kind.__args__[1]
        entries = ((str(k), _convert_or_none(inner, v)) for k, v in value.items())
        return {k: v for k, v in entries if v is not None}
    return None


def _convert_or_none(kind: Any, value: Any) -> Any:
    try:
        return msgspec.convert(value, kind, strict=False)
    except (msgspec.ValidationError, RecursionError):
        return _salvage(kind, value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
