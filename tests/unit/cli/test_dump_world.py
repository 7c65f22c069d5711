"""A world file is written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xolite_qt.cli.dump_world import write_world


def test_the_file_holds_the_world(tmp_path: Path) -> None:
    world = {"VM": {"OpaqueRef:1": {"name_label": "web <b>1</b> 日本"}}}
    path = tmp_path / "world.json"
    size_bytes = write_world(path, world)
    assert json.loads(path.read_text(encoding="utf-8")) == world
    assert path.stat().st_size == size_bytes


def test_what_was_there_before_outlives_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    path.write_text("before")
    with pytest.raises(TypeError):
        write_world(path, {"VM": {"OpaqueRef:1": {"x": object()}}})
    assert path.read_text() == "before"
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".world")]


def test_a_missing_folder_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_world(tmp_path / "nowhere" / "world.json", {})
