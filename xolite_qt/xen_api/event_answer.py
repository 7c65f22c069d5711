"""The answer of `event.from`, sorted by class and kind.

Source: xapi.md 1.6.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from .decoding import Envelope, decode_answer, decode_record, error_from_wire, record_from_plain
from .errors import MalformedAnswer
from .records import RECORDS

if TYPE_CHECKING:
    from .records import Record

_log = logging.getLogger(__name__)


@dataclass
class Batch:
    """What happened to one class: snapshots added and modified, references deleted."""

    add: list[Record] = field(default_factory=list)
    mod: list[Record] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)


@dataclass
class EventAnswer:
    """One answer.

    Attributes:
        token: where to go on from.
        ref_counts: how many objects the host has, by class in lower case; messages are not counted.
        batches: what happened, by class in lower case, in the order of the answer.
    """

    token: str
    ref_counts: dict[str, int]
    batches: dict[str, Batch]


class _Event(msgspec.Struct):
    cls: str = msgspec.field(name="class", default="")
    operation: str = ""
    ref: str = ""
    snapshot: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Answer(msgspec.Struct):
    token: str
    events: list[_Event]
    valid_ref_counts: dict[str, int] = {}


_decoder = msgspec.json.Decoder(Envelope[_Answer], strict=False)


def read_events(body: bytes | bytearray) -> EventAnswer:
    """Reads an answer of `event.from`; an event that makes no sense does not lose the others.

    Raises:
        XapiError: the host said no.
        MalformedAnswer: not such an answer.
    """
    try:
        envelope = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _from_plain(decode_answer(body))
    if envelope.error is not None:
        raise error_from_wire(envelope.error)
    if envelope.result is msgspec.UNSET:
        raise MalformedAnswer("event.from: neither a result nor an error")
    answer = EventAnswer(envelope.result.token, envelope.result.valid_ref_counts, {})
    for event in envelope.result.events:
        # A copy: lazily read maps of the record must not keep the whole answer in memory.
        snapshot = bytes(event.snapshot) if event.snapshot is not msgspec.UNSET else None
        _sort_in(answer, event.cls, event.operation, event.ref, snapshot)
    return answer


def _from_plain(plain: Any) -> EventAnswer:
    if not isinstance(plain, dict) or not isinstance(plain.get("token"), str):
        raise MalformedAnswer("event.from: no token in the answer")
    counts = plain.get("valid_ref_counts")
    answer = EventAnswer(
        plain["token"],
        {k: v for k, v in counts.items() if isinstance(v, int)} if isinstance(counts, dict) else {},
        {},
    )
    events = plain.get("events")
    for event in events if isinstance(events, list) else ():
        if isinstance(event, dict):
            cls, operation, ref = (event.get(k) for k in ("class", "operation", "ref"))
            _sort_in(answer, str(cls), str(operation), str(ref), event.get("snapshot"))
    return answer


def _sort_in(answer: EventAnswer, cls: str, operation: str, ref: str, snapshot: Any) -> None:
    cls = cls.lower()
    record_type = RECORDS.get(cls)
    if record_type is None:
        _log.debug("event of class %s dropped: no record type", cls)
        return
    batch = answer.batches.setdefault(cls, Batch())
    if operation == "del":
        batch.deleted.append(ref)
        return
    try:
        if isinstance(snapshot, bytes):
            record = decode_record(record_type, snapshot, ref)
        else:
            record = record_from_plain(record_type, snapshot, ref)
    except MalformedAnswer as error:
        _log.debug("%s event for %s dropped: %s", operation, ref, error)
        return
    (batch.add if operation == "add" else batch.mod).append(record)
