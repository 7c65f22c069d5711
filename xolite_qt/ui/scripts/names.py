"""What the references in calls are: their classes by the data model, their UUIDs from the host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from xolite_qt.ui.rehearsal import PLANNED, PlannedCall
from xolite_qt.xen_api import XenApiError, is_null

_SECRET_WORDS = (
    "password",
    "passphrase",
    "passwd",
    "pwd",
    "secret",
    "token",
    "credential",
    "private_key",
    "access_key",
    "api_key",
)
# Here the innocent name of a parameter is the secret's.
_SECRET_VALUES = ("secret.create", "secret.set_value")


@dataclass(frozen=True)
class Known:
    """An object that a call names.

    Attributes:
        cls: its class as XAPI spells it: "VM".
        uuid: how scripts find it.
        name: for comments; may be empty.
        kind: "snapshot" or "template" for VMs that are one, as `xe` has other commands for them.
    """

    cls: str
    uuid: str
    name: str = ""
    kind: str = ""


Names = Mapping[str, Known]
"""By reference."""


@cache
def _methods() -> dict[str, list[str]]:
    text = resources.files(__package__).joinpath("methods.txt").read_text("ascii")
    return {line.split(" ", 1)[0]: line.split(" ")[1:] for line in text.splitlines()}


def params_of(method: str) -> list[str]:
    """Names of a method's parameters; empty where it is not known."""
    words = _methods().get(method, [])
    return [word.partition(":")[0] for word in words if not word.startswith(".")]


def classes_of(method: str) -> list[str]:
    """For each parameter of a method the class that it refers to, or ""."""
    words = _methods().get(method, [])
    return [word.partition(":")[2] for word in words if not word.startswith(".")]


def fields_of(method: str) -> dict[str, str]:
    """For a constructor: which fields of its record refer to which class."""
    words = _methods().get(method, [])
    pairs = (word[1:].partition(":") for word in words if word.startswith("."))
    return {name: cls for name, _colon, cls in pairs}


def references(call: PlannedCall) -> Iterator[tuple[str, str]]:
    """Every reference of a call with its class, "" where that is not known."""
    classes, fields = classes_of(call.method), fields_of(call.method)
    for at, param in enumerate(call.params):
        cls = classes[at] if at < len(classes) else ""
        if isinstance(param, dict):
            for key, value in param.items():
                yield from _found(key, "")
                yield from _found(value, fields.get(str(key), ""))
        else:
            yield from _found(param, cls)


def _found(value: Any, cls: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _found(one, cls)
    elif isinstance(value, str) and value.startswith("OpaqueRef:") and not is_null(value):
        yield value, cls


# Maps of references that the data model does not name by field.
_GUESSES = {"VM.migrate_send": ("VDI", "SR", "VIF", "network", "host")}


async def names_of(api: Any, calls: Sequence[PlannedCall]) -> dict[str, Known]:
    """What the references in calls are; one that the host does not know is left out.

    Raises:
        XenApiError: the connection failed; a single object that is gone is no reason.
    """
    found: dict[str, Known] = {}
    for call in calls:
        for ref, cls in references(call):
            if ref in found or ref.startswith(PLANNED):
                continue
            for guess in (cls,) if cls else _GUESSES.get(call.method, ()):
                known = await _known(api, guess, ref)
                if known is not None:
                    found[ref] = known
                    break
    return found


async def _known(api: Any, cls: str, ref: str) -> Known | None:
    try:
        record = await api.call(f"{cls}.get_record", ref)
    except XenApiError:
        return None
    kind = ""
    if cls == "VM":
        kind = "template" if record.get("is_a_template") else ""
        kind = "snapshot" if record.get("is_a_snapshot") else kind
    name = record.get("name_label") or record.get("device") or ""
    return Known(cls, str(record["uuid"]), one_line(str(name)), kind)


def one_line(text: str) -> str:
    """Foreign text as a comment may hold it: a line break in it must not end the comment."""
    return "".join(char for char in " ".join(text.split()) if char.isprintable())


def masked(key: str, value: Any) -> Any:
    """A value as a script may hold it: secrets are left for the reader to fill in."""
    if isinstance(value, dict):
        return {name: masked(str(name), one) for name, one in value.items()}
    if not isinstance(value, str) or not value or value.startswith(PLANNED):
        return value
    if any(word in key.lower() for word in _SECRET_WORDS) and "uuid" not in key.lower():
        return "FILL_IN"
    return value


def without_secrets(call: PlannedCall) -> PlannedCall:
    """A call as it may be shown and kept."""
    names = params_of(call.method)
    whole = call.method in _SECRET_VALUES
    params: list[Any] = []
    for at, param in enumerate(call.params):
        key = names[at] if at < len(names) else ""
        if call.method.rpartition(".")[2].startswith("add_to_") and at == len(call.params) - 1:
            key = str(call.params[at - 1])
        if whole and isinstance(param, dict) and param.get("value"):
            param = {**param, "value": "FILL_IN"}
        elif whole and key == "value":
            param = "FILL_IN"
        params.append(masked(key, param))
    return PlannedCall(call.method, tuple(params))
