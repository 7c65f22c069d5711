"""Worlds in files: `{"VM": {"OpaqueRef:…": {field: value, …}, …}, "host": …}`.

Read tolerantly: fields newer than the file get their defaults, unknown ones are left out, values
of a wrong type become the default, references may point nowhere. Only a file that is no world at
all is refused.

Source: `xapi.md` (head of the page).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .datamodel import Field, load_model
from .registry import Failure
from .values import parse

if TYPE_CHECKING:
    from .db import Database
    from .host import DemoHost

World = dict[str, dict[str, dict[str, Any]]]

# Not part of a picture: who was logged in, and what was asked.
LEFT_OUT = {"session", "event"}


class WorldError(Exception):
    """A file that holds no world.

    Attributes:
        path: the file.
        what: what is wrong with it, for a person.
    """

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path
        self.what = what


def read_world(path: Path) -> World:
    """Read and check a file; wire values are not looked at yet. Blocks.

    Returns:
        Records by class (exact wire case) and reference; unknown classes left out.

    Raises:
        WorldError: unreadable, not JSON (cut in half, say), or of another shape.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise WorldError(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WorldError(path, "is not a text file in UTF-8") from error
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        at_end = not text[error.pos :].strip() or error.msg.startswith("Unterminated")
        what = "ends in the middle" if at_end and text.strip() else "is not JSON"
        raise WorldError(path, f"{what} (line {error.lineno}: {error.msg})") from error
    except RecursionError as error:
        raise WorldError(path, "is nested too deep for a world") from error
    if not isinstance(raw, dict):
        raise WorldError(path, "holds no object of classes")
    return checked(raw, path)


def checked(raw: dict[str, Any], path: Path) -> World:
    """What has the shape of a world, by exact wire case of its classes.

    Raises:
        WorldError: another shape, or no host in it.
    """
    names = load_model().by_lower
    world: World = {}
    for cls, records in raw.items():
        if not isinstance(records, dict):
            raise WorldError(path, f"{cls} is no object of records")
        for ref, record in records.items():
            if not isinstance(record, dict):
                raise WorldError(path, f"{cls} {ref} is no record")
        if cls.lower() in names:
            world[names[cls.lower()]] = records
    if not world.get("host"):
        raise WorldError(path, "holds no host")
    return world


def tolerant(value: Any, field: Field) -> Any:
    """The value in the type of its field, or the field's default."""
    kind = field.type.kind
    if kind == "bool" and value in ("true", "false"):
        return value == "true"
    if kind == "enum" and isinstance(value, str):
        # Old and new releases know other words than this model.
        return value
    try:
        return parse(value, field.type)
    except Failure:
        if kind == "set" and isinstance(value, list):
            return [item for item in value if isinstance(item, str | int)]
        if kind == "map" and isinstance(value, dict):
            return {str(key): item for key, item in value.items() if not isinstance(item, dict)}
        return field.fresh_default()


def fill(host: DemoHost, world: World) -> None:
    """Put a world into a host that has none yet.

    Reverse sets (`VM.VBDs`, `SR.VDIs`, …) stay as the file has them, completed with whoever in
    the file points at the object.
    """
    db = host.db
    tasks = world.get("task", {})
    for cls, records in world.items():
        if cls in LEFT_OUT or cls not in db.tables:
            continue
        fields = db.model.classes[cls].fields
        items = list(records.items())
        if cls == "message":
            items.sort(key=lambda item: str(item[1].get("timestamp", "")))
        for ref, record in items:
            known = {
                name: tolerant(value, fields[name])
                for name, value in record.items()
                if name in fields
            }
            running = known.get("current_operations")
            if running:
                # Nobody finishes what ran when the picture was taken.
                known["current_operations"] = {t: op for t, op in running.items() if t in tasks}
            db.create(cls, known, ref=ref, keep_reverse=True)
    if not db.refs("user"):
        db.create("user", {"short_name": "root", "fullname": "superuser"})
    for cls in world:
        if cls in db.tables:
            for ref in db.refs(cls):
                host.recompute(cls, ref)


def load_world(host: DemoHost, path: Path) -> None:
    """Read a file into a host that has no world yet. Blocks.

    Raises:
        WorldError: the file holds no world.
    """
    fill(host, read_world(Path(path)))


def world_of(db: Database) -> World:
    """Everything but sessions, in the form of the file; secrets and all."""
    return {
        cls: {ref: dict(row.fields) for ref, row in sorted(table.rows.items())}
        for cls, table in sorted(db.tables.items())
        if cls not in LEFT_OUT
    }


def write_world(path: Path, world: Mapping[str, Any]) -> None:
    """Write a world so that either all of it is there or nothing. Blocks."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(json.dumps(world, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(unfinished, path)
