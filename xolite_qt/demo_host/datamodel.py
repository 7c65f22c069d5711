"""The data model as xapi declares it: classes, fields, messages, types, enums, relations.

Loaded once from `datamodel.json.gz` beside this file, which `packaging/make_datamodel.py` writes.

Source: `xapi.md` 1.3 and 1.5, `xenapi.json`.
"""

from __future__ import annotations

import functools
import gzip
import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

NULL_REF = "OpaqueRef:NULL"


@dataclass(frozen=True)
class Type:
    """One type of the data model.

    Attributes:
        kind: void, string, int, float, bool, datetime, enum, ref, set, map, record, option, any.
        name: the class of a ref or record, the name of an enum; else "".
        args: element type of a set or option; key and value type of a map.
    """

    kind: str
    name: str = ""
    args: tuple[Type, ...] = ()


@functools.cache
def parse_type(text: str) -> Type:
    """Read a type as the data model writes it, such as `(string -> VM ref set) map`.

    Raises:
        ValueError: the text is no type.
    """
    text = text.strip()
    if text.endswith(" option"):
        return Type("option", args=(parse_type(text.removesuffix(" option")),))
    if text.endswith(" set"):
        return Type("set", args=(parse_type(text.removesuffix(" set")),))
    if text.startswith("(") and text.endswith(") map"):
        key, value = text[1 : -len(") map")].split(" -> ", 1)
        return Type("map", args=(parse_type(key), parse_type(value)))
    if text.endswith(" ref"):
        return Type("ref", text.removesuffix(" ref"))
    if text == "<class> record":
        return Type("any")
    if text.endswith(" record"):
        return Type("record", text.removesuffix(" record"))
    if text.startswith("enum "):
        return Type("enum", text.removeprefix("enum "))
    if text in ("void", "string", "int", "float", "bool", "datetime", "any", "event batch"):
        return Type("batch" if text == "event batch" else text)
    raise ValueError(f"not a type of the data model: {text!r}")


@dataclass(frozen=True)
class Field:
    """A field: its wire name, type, and what stands in it when nobody wrote it.

    Attributes:
        qualifier: "RW", "RO/constructor" or "RO/runtime".
        state: Published, Prototyped, Deprecated or Removed.
        since: the release that brought it.
        default: the wire value; the zero of the type where the data model names none.
        has_default: whether the data model names a default (constructors may leave it out).
    """

    name: str
    type: Type
    qualifier: str
    state: str
    since: str
    default: Any
    has_default: bool

    def fresh_default(self) -> Any:
        """The default, as a value that the caller may keep and change."""
        if isinstance(self.default, list):
            return list(self.default)
        return dict(self.default) if isinstance(self.default, dict) else self.default


@dataclass(frozen=True)
class Param:
    name: str
    type: Type
    required: bool
    default: Any


@dataclass(frozen=True)
class Message:
    """One call of a class, without the session parameter."""

    cls: str
    name: str
    result: Type
    params: tuple[Param, ...]
    errors: tuple[str, ...]
    state: str
    since: str
    has_async: bool
    implicit: bool
    takes_session: bool

    @property
    def wire_name(self) -> str:
        return f"{self.cls}.{self.name}"

    @functools.cached_property
    def required_count(self) -> int:
        return sum(param.required for param in self.params)


@dataclass(frozen=True)
class Relation:
    """A reference field and the field of the other class that mirrors it."""

    one: tuple[str, str]
    many: tuple[str, str]


@dataclass(frozen=True)
class Class:
    """One class.

    Attributes:
        in_db: its objects live in a table (and are counted in `valid_ref_counts`).
        events: changes of its objects are announced.
    """

    name: str
    state: str
    since: str
    in_db: bool
    events: bool
    fields: dict[str, Field]
    messages: dict[str, Message]

    @functools.cached_property
    def float_fields(self) -> tuple[str, ...]:
        """Fields that can hold a NaN, for which JSON has no word."""
        return tuple(
            field.name
            for field in self.fields.values()
            if field.type.kind == "float" or any(a.kind == "float" for a in field.type.args)
        )


@dataclass(frozen=True)
class Model:
    classes: dict[str, Class]
    enums: dict[str, tuple[str, ...]]
    relations: tuple[Relation, ...]

    def message(self, wire_name: str) -> Message | None:
        """The declared call of this name, such as `VM.start`, or None."""
        cls, _, name = wire_name.partition(".")
        found = self.classes.get(cls)
        return found.messages.get(name) if found else None

    @functools.cached_property
    def by_lower(self) -> dict[str, str]:
        """Class names by their lower-case form, as events name them."""
        return {name.lower(): name for name in self.classes}


def _message(cls: str, name: str, raw: dict[str, Any]) -> Message:
    params = [Param(p[0], parse_type(p[1]), p[2], p[3]) for p in raw["params"]]
    takes_session = bool(params) and params[0].name == "session_id"
    return Message(
        cls=cls,
        name=name,
        result=parse_type(raw["result"]),
        params=tuple(params[1:] if takes_session else params),
        errors=tuple(raw["errors"]),
        state=raw["state"],
        since=raw["since"],
        has_async=raw["async"],
        implicit=raw["implicit"],
        takes_session=takes_session,
    )


@functools.cache
def load_model() -> Model:
    """The model, read on first use (about 60 ms) and shared by every host of the process."""
    packed = resources.files(__package__).joinpath("datamodel.json.gz").read_bytes()
    raw = json.loads(gzip.decompress(packed))
    classes = {
        name: Class(
            name=name,
            state=cls["state"],
            since=cls["since"],
            in_db=cls["in_db"],
            events=cls["events"],
            fields={
                field: Field(field, parse_type(facts[0]), *facts[1:])
                for field, facts in cls["fields"].items()
            },
            messages={m: _message(name, m, facts) for m, facts in cls["messages"].items()},
        )
        for name, cls in raw["classes"].items()
    }
    return Model(
        classes=classes,
        enums={name: tuple(values) for name, values in raw["enums"].items()},
        relations=tuple(
            Relation((one_cls, one), (many_cls, many))
            for one_cls, one, many_cls, many in raw["relations"]
        ),
    )
