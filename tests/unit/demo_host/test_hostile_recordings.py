"""A recording may come from anywhere: a broken or hostile one is refused in words, and quickly."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import pytest

from xolite_qt.demo_host import WorldError
from xolite_qt.demo_host.replay import read_recording

META = json.dumps({"format": "xolite-flight", "version": 1, "span_s": 1.0})


def bundle(
    tmp_path: Path,
    *,
    meta: str = META,
    world: str = '{"host": {"OpaqueRef:h": {}}}',
    lines: str = "",
    method: int = zipfile.ZIP_DEFLATED,
) -> Path:
    path = tmp_path / "a.flight.zip"
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr("meta.json", meta)
        file.writestr("world.json", world)
        file.writestr("timeline.jsonl", lines)
    return path


def test_a_whole_one_is_read(tmp_path: Path) -> None:
    assert read_recording(bundle(tmp_path, lines='{"at": 1, "do": "call"}\n')).span_s == 1.0


@pytest.mark.parametrize(
    "line",
    [
        '{"at": 1' + "0" * 400 + "}",
        '{"at": NaN}',
        '{"at": 1e999}',
        '{"at": -5}',
        '{"at": true}',
    ],
)
def test_times_that_are_none(tmp_path: Path, line: str) -> None:
    path = bundle(tmp_path, lines=f'{line}\n{{"at": 2, "do": "call"}}\n')
    assert [one["at"] for one in read_recording(path).lines] == [2]


def test_a_span_that_is_none(tmp_path: Path) -> None:
    meta = '{"format": "xolite-flight", "version": 1, "span_s": 1' + "0" * 400 + "}"
    with pytest.raises(WorldError):
        read_recording(bundle(tmp_path, meta=meta))


def test_deeply_nested(tmp_path: Path) -> None:
    with pytest.raises(WorldError):
        read_recording(bundle(tmp_path, world="[" * 200_000))


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = bundle(tmp_path, world="[" + "[]," * 12_000_000 + "[]]")
    assert path.stat().st_size < 100_000
    with pytest.raises(WorldError, match="too large"):
        read_recording(path)


def test_a_bomb_in_the_time_line(tmp_path: Path) -> None:
    line = '{"at": 1, "x": [' + "[]," * 12_000_000 + "[]]}\n"
    with pytest.raises(WorldError, match="too large"):
        read_recording(bundle(tmp_path, lines=line))


def _patched(path: Path, at: int, value: int) -> Path:
    """The archive with a number changed in the headers of each of its files."""
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", at), (b"PK\x01\x02", at + 2)):
        found = data.find(mark)
        while found >= 0:
            struct.pack_into("<H", data, found + offset, value)
            found = data.find(mark, found + 4)
    path.write_bytes(data)
    return path


def test_encrypted(tmp_path: Path) -> None:
    with pytest.raises(WorldError):
        read_recording(_patched(bundle(tmp_path), 6, 1))


def test_a_method_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(WorldError):
        read_recording(_patched(bundle(tmp_path), 8, 99))


def test_rotten_data(tmp_path: Path) -> None:
    path = bundle(tmp_path, world='{"VM": {}}' * 50)
    data = bytearray(path.read_bytes())
    start = data.find(b"world.json") + len(b"world.json")
    data[start : start + 6] = b"\xff" * 6
    path.write_bytes(data)
    with pytest.raises(WorldError):
        read_recording(path)
