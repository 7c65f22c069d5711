# ruff: noqa: N818 - errors are named after what happened, as the XAPI client does
"""Taking back what was done: edits remember what was there before.

Any `ui.deeds.Work` can be given a `Remembering` connection. If everything that it wrote can be
written back, the message about its end offers Undo; if one call cannot (power, disks, networks that
move), nothing is offered, since half an undo is worse than none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.rehearsal import reads
from xolite_qt.xen_api import XenApiError
from xolite_qt.xen_api.records import RECORDS

_SEVERAL = {
    "VM.set_memory_limits": (
        "memory_static_min", "memory_static_max", "memory_dynamic_min", "memory_dynamic_max",
    ),
    "VM.set_memory_dynamic_range": ("memory_dynamic_min", "memory_dynamic_max"),
    "VM.set_memory_static_range": ("memory_static_min", "memory_static_max"),
}  # fmt: skip
"""Setters of several fields at once, in the order of their parameters."""
_ABSENT = object()


class ChangedSince(XenApiError):
    """An undo would overwrite what somebody else wrote meanwhile; nothing was written."""

    def __init__(self, field: str) -> None:
        super().__init__("Changed by somebody else since: nothing was undone.")
        self.field = field


@dataclass(frozen=True)
class _Change:
    """A call that was made, and what takes it back.

    Attributes:
        ref: of the object.
        fields: the getters' names: "VM.get_tags".
        key: of a map; None for whole fields.
        before, after: values of the fields.
        method, params: writes `before` again.
    """

    ref: str
    fields: tuple[str, ...]
    key: str | None
    before: tuple[Any, ...]
    after: tuple[Any, ...]
    method: str
    params: tuple[Any, ...]


class Remembering:
    """Stands in for a connection while one deed is done.

    Args:
        api: the connection that does it.
    """

    def __init__(self, api: Any) -> None:
        self._api = api
        self._changes: list[_Change] = []
        self._final = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    async def call(self, method: str, *params: Any, timeout_s: float | None = None) -> Any:
        """Calls; remembers what the call changed."""
        if reads(method, params):
            return await self._api.call(method, *params, timeout_s=timeout_s)
        change = None if self._final else await self._change(method, params)
        answer = await self._api.call(method, *params, timeout_s=timeout_s)
        if change is None:
            self._final = True
        elif not _same(change.before, change.after):
            self._changes.append(change)
        return answer

    def run(self, method: str, *params: Any, **options: Any) -> Any:
        """Long work cannot be taken back."""
        self._final = True
        return self._api.run(method, *params, **options)

    @property
    def can_undo(self) -> bool:
        """Whether everything that was written can be written back."""
        return bool(self._changes) and not self._final

    async def undo(self, api: Any) -> None:
        """Writes back what was there before.

        Raises:
            ChangedSince: somebody changed one of the fields meanwhile.
            XenApiError: the host refuses.
        """
        # A field that was written twice is now as the second left it.
        last = {(one.ref, one.fields, one.key): one for one in self._changes}
        for change in last.values():
            if not _same(await self._now(change, api), change.after):
                raise ChangedSince(change.fields[0])
        for change in reversed(self._changes):
            await api.call(change.method, *change.params)

    async def _now(self, change: _Change, api: Any) -> tuple[Any, ...]:
        values = tuple([await api.call(getter, change.ref) for getter in change.fields])
        return values if change.key is None else (values[0].get(change.key, _ABSENT),)

    async def _change(self, method: str, params: tuple[Any, ...]) -> _Change | None:
        wire_class, _, verb = method.rpartition(".")
        if len(params) < 2 or not isinstance(params[0], str):
            return None
        ref = params[0]
        if method in _SEVERAL:
            return await self._whole(method, _SEVERAL[method], params)
        if verb.startswith("set_") and len(params) == 2:
            return await self._whole(method, (verb.removeprefix("set_"),), params)
        for begin in ("add_to_", "remove_from_"):
            if verb.startswith(begin):
                return await self._key(wire_class, verb.removeprefix(begin), params)
        if verb in ("add_tags", "remove_tags"):
            return await self._tag(wire_class, verb, ref, params[1])
        return None

    async def _whole(
        self, method: str, names: tuple[str, ...], params: tuple[Any, ...]
    ) -> _Change | None:
        wire_class, ref = method.partition(".")[0], params[0]
        before = await self._read(wire_class, ref, names)
        if before is None:
            return None
        getters = _getters(wire_class, names)
        return _Change(ref, getters, None, before, params[1:], method, (ref, *before))

    async def _key(self, wire_class: str, name: str, params: tuple[Any, ...]) -> _Change | None:
        ref, key = params[0], params[1]
        before = await self._read(wire_class, ref, (name,))
        if before is None or not isinstance(before[0], dict):
            return None
        was = before[0].get(key, _ABSENT)
        getters = _getters(wire_class, (name,))
        if len(params) == 3:
            take = (f"{wire_class}.remove_from_{name}", (ref, key))
            return _Change(ref, getters, key, (_ABSENT,), (params[2],), *take)
        # What was not there is not removed, and needs nothing to come back.
        give = (f"{wire_class}.add_to_{name}", (ref, key, was))
        return _Change(ref, getters, key, (was,), (_ABSENT,), *give)

    async def _tag(self, wire_class: str, verb: str, ref: str, tag: str) -> _Change | None:
        before = await self._read(wire_class, ref, ("tags",))
        if before is None:
            return None
        others = [one for one in before[0] if one != tag]
        after = [*others, tag] if verb == "add_tags" else others
        back = f"{wire_class}.{'remove' if verb == 'add_tags' else 'add'}_tags"
        getters = _getters(wire_class, ("tags",))
        return _Change(ref, getters, None, before, (after,), back, (ref, tag))

    async def _read(
        self, wire_class: str, ref: str, names: Sequence[str]
    ) -> tuple[Any, ...] | None:
        record = RECORDS.get(wire_class.lower())
        if record is None or any(not hasattr(record, name.lower()) for name in names):
            return None
        return tuple([await self._api.call(f"{wire_class}.get_{name}", ref) for name in names])


def undoing(deeds: Sequence[Deed], remembered: Sequence[Remembering]) -> list[Deed]:
    """The deeds that take deeds back; none where one of them cannot be."""
    if not remembered or not all(one.can_undo for one in remembered):
        return []
    return [
        Deed(deed.name, "Undo", "as it was before", one.undo)
        for deed, one in zip(deeds, remembered, strict=True)
    ]


def _getters(wire_class: str, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{wire_class}.get_{name}" for name in names)


def _same(left: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    return len(left) == len(right) and all(
        _plain(a) == _plain(b) for a, b in zip(left, right, strict=True)
    )


def _plain(value: Any) -> Any:
    """As text, so that 1 is "1"; sets in one order."""
    if isinstance(value, dict):
        return {key: _plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return sorted(str(one) for one in value)
    return value if value is _ABSENT else str(value)
