"""A recording played on a demo host: the world as it was, and what happened to it, in its time.

    meta.json       {"format": "xolite-flight", "version": 1, "begun": …, "span_s": …}
    world.json      as `world_file` reads it
    timeline.jsonl  one object a line: {"at": seconds, "do": "set" | "gone" | "call", …}

Whoever connects sees what the one saw who recorded it, and can change nothing.
"""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .datamodel import load_model
from .registry import Failure
from .world_file import World, WorldError, checked, fill, tolerant

if TYPE_CHECKING:
    from .host import DemoHost

# A picture of a very large pool has a few hundred MiB; a file that claims more is not opened.
MOST_BYTES = 1 << 30
MOST_LINES = 2_000_000
_READS = ("get_", "assert_", "query_", "probe", "is_", "check_")
_ALLOWED = ("event.", "session.", "task.", "host.has_extension", "system.")


@dataclass(frozen=True)
class Recording:
    """A bundle that was read.

    Attributes:
        span_s: seconds that it lasts.
        world: at its beginning.
        lines: what happened, by time.
    """

    span_s: float
    world: World
    lines: list[dict[str, Any]]


def is_recording(path: Path) -> bool:
    """Whether a file is a bundle and not a world."""
    return path.is_file() and zipfile.is_zipfile(path)


def read_recording(path: Path) -> Recording:
    """Reads a bundle. Blocks.

    Raises:
        WorldError: it is none, or broken.
    """
    try:
        with zipfile.ZipFile(path) as bundle:
            if sum(info.file_size for info in bundle.infolist()) > MOST_BYTES:
                raise WorldError(path, "is too large for a recording")
            meta = json.loads(bundle.read("meta.json"))
            if not isinstance(meta, dict) or meta.get("format") != "xolite-flight":
                raise WorldError(path, "is no recording")
            if meta.get("version") != 1:
                raise WorldError(path, f"has version {meta.get('version')!r}; 1 is known")
            world = json.loads(bundle.read("world.json"))
            lines = sorted(_lines(bundle), key=lambda line: float(line["at"]))
            span_s = float(meta.get("span_s", 0.0))
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, RecursionError, OSError) as error:
        raise WorldError(path, f"is no whole recording: {error}") from error
    if not isinstance(world, dict):
        raise WorldError(path, "holds no world")
    return Recording(span_s, checked(world, path), lines)


def _lines(bundle: zipfile.ZipFile) -> Iterator[dict[str, Any]]:
    with bundle.open("timeline.jsonl") as file:
        for number, text in enumerate(file):
            if number >= MOST_LINES:
                raise ValueError("too many lines")
            line = json.loads(text)
            if isinstance(line, dict) and isinstance(line.get("at"), int | float):
                yield line


class Replay:
    """Plays a recording on a host.

    Args:
        host: without a world yet.
        recording: what is played.
        speed: seconds of the recording in one of ours.
    """

    def __init__(self, host: DemoHost, recording: Recording, speed: float = 1.0) -> None:
        self._host = host
        self._lines = recording.lines
        self._speed = speed
        self.played = 0
        fill(host, recording.world)
        host.read_only = True

    async def run(self) -> None:
        """Plays to the end, from when somebody looks; the last picture stays."""
        clock = asyncio.get_running_loop()
        await self._host.sessions.opened.wait()
        begun = clock.time()
        for line in self._lines:
            wait_s = float(line["at"]) / self._speed - (clock.time() - begun)
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self.apply(line)
            self.played += 1

    def apply(self, line: dict[str, Any]) -> None:
        """One thing that happened; what makes no sense is left out."""
        db = self._host.db
        cls = load_model().by_lower.get(str(line.get("cls", "")).lower(), "")
        ref = line.get("ref")
        if cls not in db.tables or not isinstance(ref, str):
            return
        if line.get("do") == "gone":
            if db.exists(cls, ref):
                db.destroy(cls, ref)
            return
        record = line.get("record")
        if line.get("do") != "set" or not isinstance(record, dict):
            return
        fields = db.model.classes[cls].fields
        known = {n: tolerant(v, fields[n]) for n, v in record.items() if n in fields}
        if db.exists(cls, ref):
            db.set(cls, ref, **known)
        else:
            db.create(cls, known, ref=ref, keep_reverse=True)


def refuse_writes(name: str) -> None:
    """Lets only what reads through.

    Raises:
        Failure: RBAC_PERMISSION_DENIED.
    """
    if name.startswith(_ALLOWED) or name.rpartition(".")[2].startswith(_READS):
        return
    raise Failure("RBAC_PERMISSION_DENIED", name, "this is a recording: nothing can be changed")
