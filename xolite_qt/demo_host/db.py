"""The database of a demo host: one table per class, reverse references, generations.

Values are held in their wire form: ints, floats, bools, strings (datetimes and enums too), lists
and dicts with string keys. Rows keep the order of their last change, so that what changed since a
generation is found by walking from the newest, however big the table is.

Source: `xapi.md` 1.3 and 1.6.
"""

from __future__ import annotations

import asyncio
import random
import uuid as uuids
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from .datamodel import NULL_REF, Class, Model, load_model
from .registry import Failure
from .values import json_record

DELETED_KEPT = 200_000


class Row:
    """One object: its record, and the generations of its birth and of its last change."""

    __slots__ = ("created", "fields", "modified", "raw")

    def __init__(self, fields: dict[str, Any], generation: int) -> None:
        self.fields = fields
        self.created = generation
        self.modified = generation
        # The record in JSON, until the next change.
        self.raw: msgspec.Raw | None = None


class Deleted(NamedTuple):
    ref: str
    created: int
    deleted: int


class Table:
    """The objects of one class, those changed last at the end."""

    def __init__(self, cls: Class) -> None:
        self.cls = cls
        self.rows: OrderedDict[str, Row] = OrderedDict()
        self.deleted: deque[Deleted] = deque(maxlen=DELETED_KEPT)
        self.by_uuid: dict[str, str] = {}
        kept = {f.name: f.default for f in cls.fields.values() if f.type.kind != "option"}
        self._blank: dict[str, Any] = kept
        self._lists = [name for name, value in kept.items() if isinstance(value, list)]
        self._dicts = [name for name, value in kept.items() if isinstance(value, dict)]

    def blank(self) -> dict[str, Any]:
        """A new record in which everything is the data model's default."""
        record = self._blank.copy()
        for name in self._lists:
            record[name] = self._blank[name].copy()
        for name in self._dicts:
            record[name] = self._blank[name].copy()
        return record


Listener = Callable[[str, str], None]


class Database:
    """All tables. Messages have a generation of their own, as in a real host.

    Args:
        rng: where references and uuids come from; the same seed gives the same database.
    """

    def __init__(self, rng: random.Random | None = None) -> None:
        self.model: Model = load_model()
        self.rng = rng or random.Random()
        self.generation = 1
        self.message_generation = 1
        self.tables: dict[str, Table] = {
            name: Table(cls)
            for name, cls in self.model.classes.items()
            if cls.in_db or name == "message"
        }
        self._waiters: set[asyncio.Future[None]] = set()
        self._listeners: list[Listener] = []
        # class -> its reference field -> (other class, mirroring field)
        self._mirrors: dict[str, dict[str, tuple[str, str]]] = {}
        # class -> fields that only the database writes
        self._reverse: dict[str, set[str]] = {}
        # (class, reverse field, reference not there yet) -> who points at it already
        self._early: dict[tuple[str, str, str], list[str]] = {}
        for relation in self.model.relations:
            (cls, field), (other, mirror) = relation.one, relation.many
            self._mirrors.setdefault(cls, {})[field] = (other, mirror)
            if self.model.classes[cls].fields[field].type.kind == "set":
                self._mirrors.setdefault(other, {})[mirror] = (cls, field)
            else:
                self._reverse.setdefault(other, set()).add(mirror)

    # Reading

    def table(self, cls: str) -> Table:
        """The table of a class in exact wire case.

        Raises:
            KeyError: no such class, or one without objects.
        """
        return self.tables[cls]

    def exists(self, cls: str, ref: str) -> bool:
        table = self.tables.get(cls)
        return table is not None and ref in table.rows

    def get(self, cls: str, ref: str) -> dict[str, Any]:
        """The live record; write only through `set`.

        Raises:
            Failure: HANDLE_INVALID [class, ref].
        """
        row = self.tables[cls].rows.get(ref)
        if row is None:
            raise Failure("HANDLE_INVALID", cls, ref)
        return row.fields

    def refs(self, cls: str) -> list[str]:
        """References of all objects of a class, those changed last at the end."""
        return list(self.tables[cls].rows)

    def records(self, cls: str) -> dict[str, dict[str, Any]]:
        """The live records of a class by reference."""
        return {ref: row.fields for ref, row in self.tables[cls].rows.items()}

    def by_uuid(self, cls: str, uuid: str) -> str:
        """The reference of the object with this uuid.

        Raises:
            Failure: UUID_INVALID [class, uuid].
        """
        ref = self.tables[cls].by_uuid.get(uuid)
        if ref is None:
            raise Failure("UUID_INVALID", cls, uuid)
        return ref

    def raw_record(self, cls: str, ref: str) -> msgspec.Raw:
        """The record in JSON, encoded once per change."""
        table = self.tables[cls]
        row = table.rows.get(ref)
        if row is None:
            raise Failure("HANDLE_INVALID", cls, ref)
        if row.raw is None:
            row.raw = json_record(row.fields, table.cls)
        return row.raw

    # Writing

    def new_uuid(self) -> str:
        return str(uuids.UUID(int=self.rng.getrandbits(128), version=4))

    def new_ref(self) -> str:
        return f"OpaqueRef:{self.new_uuid()}"

    def create(
        self,
        cls: str,
        fields: Mapping[str, Any] | None = None,
        *,
        ref: str | None = None,
        keep_reverse: bool = False,
        **more: Any,
    ) -> str:
        """Add an object; missing fields get the data model's defaults.

        Args:
            cls: exact wire case.
            fields: wire values by wire name; unknown names are left out.
            ref: a reference to use instead of a new one.
            keep_reverse: take reverse sets as given (world files hold their own).
            more: further fields.

        Returns:
            The reference.
        """
        table = self.tables[cls]
        ref = ref or self.new_ref()
        given = {**(fields or {}), **more}
        reverse = self._reverse.get(cls, set())
        record = table.blank()
        for name, value in given.items():
            if name in table.cls.fields and (keep_reverse or name not in reverse):
                record[name] = value
        if not record.get("uuid") and "uuid" in table.cls.fields:
            record["uuid"] = self.new_uuid()
        generation = self._bump(cls)
        table.rows[ref] = Row(record, generation)
        if uuid := record.get("uuid"):
            table.by_uuid[uuid] = ref
        for name in reverse:
            early = self._early.pop((cls, name, ref), [])
            given_refs = record[name] if keep_reverse else []
            record[name] = [*given_refs, *(other for other in early if other not in given_refs)]
        for name, mirrored in self._mirrors.get(cls, {}).items():
            for target in self._targets(record.get(name)):
                # A new reference stands in no set yet, unless a file brought its sets along.
                self._add_mirror(mirrored, target, ref, search=keep_reverse)
        self._announce(cls, ref)
        return ref

    def destroy(self, cls: str, ref: str) -> None:
        """Remove an object; references to it stay and point nowhere, as in a real database.

        Raises:
            Failure: HANDLE_INVALID.
        """
        table = self.tables[cls]
        record = self.get(cls, ref)
        row = table.rows.pop(ref)
        table.by_uuid.pop(record.get("uuid", ""), None)
        generation = self._bump(cls)
        table.deleted.append(Deleted(ref, row.created, generation))
        for name, mirrored in self._mirrors.get(cls, {}).items():
            for target in self._targets(record.get(name)):
                self._remove_mirror(mirrored, target, ref)
        self._announce(cls, ref)

    def set(self, cls: str, ref: str, **fields: Any) -> None:
        """Write fields of one object; nothing happens when every value stands there already.

        Raises:
            Failure: HANDLE_INVALID.
            KeyError: the class has no such field.
        """
        record = self.get(cls, ref)
        declared = self.tables[cls].cls.fields
        changed = {}
        for name, value in fields.items():
            if name not in declared:
                raise KeyError(f"{cls} has no field {name}")
            if name not in record or record[name] != value:
                changed[name] = value
        if not changed:
            return
        mirrors = self._mirrors.get(cls, {})
        for name, value in changed.items():
            before = self._targets(record.get(name)) if name in mirrors else ()
            if name == "uuid":
                self.tables[cls].by_uuid.pop(record.get("uuid", ""), None)
                self.tables[cls].by_uuid[value] = ref
            if value is None:
                record.pop(name, None)
            else:
                record[name] = value
            if name in mirrors:
                after = self._targets(value)
                for target in before:
                    if target not in after:
                        self._remove_mirror(mirrors[name], target, ref)
                for target in after:
                    if target not in before:
                        self._add_mirror(mirrors[name], target, ref)
        self.touch(cls, ref)

    def touch(self, cls: str, ref: str) -> None:
        """Announce a change of an object without changing it."""
        table = self.tables[cls]
        row = table.rows.get(ref)
        if row is None:
            raise Failure("HANDLE_INVALID", cls, ref)
        row.modified = self._bump(cls)
        row.raw = None
        table.rows.move_to_end(ref)
        self._announce(cls, ref)

    def clear(self) -> None:
        """Forget every object but sessions; generations go on."""
        for name, table in self.tables.items():
            if name == "session":
                continue
            for ref in list(table.rows):
                row = table.rows.pop(ref)
                table.deleted.append(Deleted(ref, row.created, self._bump(name)))
            table.by_uuid.clear()
        self._wake()

    # Waiting

    async def wait(self, after_generation: int, timeout_s: float) -> bool:
        """Wait until something was written after a generation.

        Returns:
            False when the time ran out first.
        """
        if self.generation > after_generation:
            return True
        return await self.next_write(timeout_s)

    async def next_write(self, timeout_s: float) -> bool:
        """Wait for the next write, messages included.

        Returns:
            False when the time ran out first.
        """
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout(timeout_s):
                await waiter
        except TimeoutError:
            return False
        finally:
            self._waiters.discard(waiter)
        return True

    def wake(self) -> None:
        """Let every waiter look again (a session ended, a fault was switched on)."""
        self._wake()

    def on_change(self, listener: Listener) -> Callable[[], None]:
        """Call `listener(class, ref)` after every write; the returned function ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # Inside

    def _bump(self, cls: str) -> int:
        if cls == "message":
            self.message_generation += 1
            return self.message_generation
        self.generation += 1
        return self.generation

    def _announce(self, cls: str, ref: str) -> None:
        for listener in tuple(self._listeners):
            listener(cls, ref)
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    @staticmethod
    def _targets(value: Any) -> tuple[str, ...]:
        if isinstance(value, list):
            return tuple(v for v in value if v and v != NULL_REF)
        return (value,) if isinstance(value, str) and value and value != NULL_REF else ()

    def _add_mirror(
        self, mirrored: tuple[str, str], target: str, ref: str, *, search: bool = True
    ) -> None:
        cls, field = mirrored
        row = self.tables[cls].rows.get(target)
        if row is None:
            early = self._early.setdefault((cls, field, target), [])
            if ref not in early:
                early.append(ref)
        elif not search or ref not in row.fields[field]:
            # A new list: whoever walks over the old one must not be disturbed.
            row.fields[field] = [*row.fields[field], ref]
            self.touch(cls, target)

    def _remove_mirror(self, mirrored: tuple[str, str], target: str, ref: str) -> None:
        cls, field = mirrored
        row = self.tables[cls].rows.get(target)
        if row is None:
            early = self._early.get((cls, field, target), [])
            if ref in early:
                early.remove(ref)
        elif ref in row.fields[field]:
            row.fields[field] = [other for other in row.fields[field] if other != ref]
            self.touch(cls, target)
