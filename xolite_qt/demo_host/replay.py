"""A recording played on a demo host: the world as it was, and what happened to it, in its time.

    meta.json       {"format": "xolite-flight", "version": 1, "begun": …, "span_s": …}
    world.json      as `world_file` reads it
    timeline.jsonl  one object a line: {"at": seconds, "do": "set" | "gone" | "call", …}

Whoever connects sees what the one saw who recorded it, and can change nothing.
"""

from __future__ import annotations

import asyncio
import json
import lzma
import math
import struct
import zipfile
import zlib
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
MOST_BYTES = 512 << 20
# Each value in JSON needs a comma or a bracket; in memory it takes many times its place in a file.
MOST_VALUES = 20_000_000
MOST_LINES = 2_000_000
# What a file of someone else's making can make the readers of zip and JSON raise.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    KeyError,
    ValueError,
    TypeError,
    # Encrypted, an unknown method, nested too deep.
    RuntimeError,
    OverflowError,
    OSError,
)
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
            meta = _read(bundle, "meta.json", path)
            if not isinstance(meta, dict) or meta.get("format") != "xolite-flight":
                raise WorldError(path, "is no recording")
            if meta.get("version") != 1:
                raise WorldError(path, f"has version {meta.get('version')!r}; 1 is known")
            world = _read(bundle, "world.json", path)
            lines = sorted(_lines(bundle, path), key=lambda line: float(line["at"]))
            span_s = float(meta.get("span_s", 0.0))
    except _BROKEN as error:
        raise WorldError(path, f"is no whole recording: {error}") from error
    if not isinstance(world, dict):
        raise WorldError(path, "holds no world")
    return Recording(span_s, checked(world, path), lines)


def _values(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def _read(bundle: zipfile.ZipFile, name: str, path: Path) -> Any:
    text = bundle.read(name)
    if _values(text) > MOST_VALUES:
        raise WorldError(path, "is too large for a recording")
    return json.loads(text)


def _lines(bundle: zipfile.ZipFile, path: Path) -> Iterator[dict[str, Any]]:
    values = 0
    with bundle.open("timeline.jsonl") as file:
        for number, text in enumerate(file):
            values += _values(text)
            if number >= MOST_LINES or values > MOST_VALUES:
                raise WorldError(path, "is too large for a recording")
            line = json.loads(text)
            if isinstance(line, dict) and _is_time(line.get("at")):
                yield line


def _is_time(at: object) -> bool:
    if not isinstance(at, int | float) or isinstance(at, bool):
        return False
    try:
        return math.isfinite(at) and at >= 0
    except OverflowError:
        return False


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
