"""World files: what is tolerated, what is refused, and what comes out again."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.demo_host import DemoHost, WorldError, load_world
from xolite_qt.demo_host.minimal_world import build_minimal_world
from xolite_qt.demo_host.world_file import read_world, world_of, write_world


@pytest_asyncio.fixture
async def empty() -> AsyncIterator[DemoHost]:
    host = DemoHost(speed=0.01)
    yield host
    await host.stop()


def write(path: Path, world: Any) -> Path:
    path.write_text(json.dumps(world))
    return path


async def test_a_real_hosts_records(real_world: Path, empty: DemoHost) -> None:
    load_world(empty, real_world)
    raw = read_world(real_world)
    db = empty.db
    for cls, records in raw.items():
        if cls not in db.tables or cls == "session":
            continue
        fields = db.model.classes[cls].fields
        assert set(db.refs(cls)) == set(records)
        for ref, record in records.items():
            row = db.get(cls, ref)
            assert set(row) >= {n for n, f in fields.items() if f.type.kind != "option"}
            for name in ("uuid", "name_label", "power_state", "SR", "VM", "VBDs", "resident_VMs"):
                if name in record:
                    assert row[name] == record[name]
    # Dangling references are kept.
    vbd = next(iter(raw["VBD"]))
    assert db.get("VBD", vbd)["metrics"] == raw["VBD"][vbd]["metrics"]
    # What the file's release did not know yet has its default.
    vm = db.refs("VM")[0]
    assert db.get("VM", vm)["is_default_template"] in (True, False)
    assert db.get("VM", vm)["groups"] == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is not JSON"),
        ('{"VM": {"OpaqueRef:1": {"uuid": "ab', "ends in the middle"),
        ('{"VM": {"OpaqueRef:1": {"uuid": "ab"', "ends in the middle"),
        ("not json", "is not JSON"),
        ("[]", "no object"),
        ('{"VM": []}', "VM is no object"),
        ('{"VM": {"OpaqueRef:1": 5}}', "no record"),
        ("{}", "no host"),
        ("[" * 100_000, ""),
    ],
)
def test_refused_with_a_reason(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "world.json"
    path.write_text(text)
    with pytest.raises(WorldError) as caught:
        read_world(path)
    assert caught.value.path == path
    assert what in caught.value.what


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WorldError):
        read_world(tmp_path / "missing.json")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WorldError):
        read_world(binary)


async def test_dirty_records_are_tolerated(tmp_path: Path, empty: DemoHost) -> None:
    world = {
        "host": {
            "OpaqueRef:h": {"name_label": 5, "tags": "no list", "unknown": 1, "enabled": "true"}
        },
        "VM": {
            "OpaqueRef:a": {
                "resident_on": "",
                "VBDs": ["OpaqueRef:gone", "OpaqueRef:b"],
                "power_state": "Unknown",
                "VCPUs_max": "2",
                "current_operations": {"OpaqueRef:t": "start"},
            },
            "Ref:7": {"resident_on": "Ref:1"},
        },
        "VBD": {"OpaqueRef:b": {"VM": "OpaqueRef:a"}, "OpaqueRef:c": {"VM": "OpaqueRef:a"}},
        "Martian": {"OpaqueRef:m": {}},
        "session": {"OpaqueRef:s": {}},
    }
    load_world(empty, write(tmp_path / "w.json", world))
    db = empty.db
    host, vm = db.get("host", "OpaqueRef:h"), db.get("VM", "OpaqueRef:a")
    assert (host["name_label"], host["tags"], host["enabled"]) == ("", [], True)
    assert "unknown" not in host
    assert vm["power_state"] == "Unknown"
    assert vm["VCPUs_max"] == 2
    assert vm["VBDs"] == ["OpaqueRef:gone", "OpaqueRef:b", "OpaqueRef:c"]
    assert vm["current_operations"] == {}
    assert db.get("VM", "Ref:7")["resident_on"] == "Ref:1"
    assert db.refs("session") == []


async def test_what_is_written_is_read_again(tmp_path: Path, empty: DemoHost) -> None:
    source = DemoHost(speed=0.01)
    build_minimal_world(source)
    source.db.create("message", name="X", timestamp="20260101T00:00:00Z")
    path = tmp_path / "w.json"
    write_world(path, world_of(source.db))
    load_world(empty, path)
    assert world_of(empty.db) == world_of(source.db)
    assert [entry.name for entry in os.scandir(tmp_path) if entry.is_file()] == ["w.json"]
    await source.stop()


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=True), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "name_label",
                "tags",
                "VBDs",
                "other_config",
                "VCPUs_max",
                "resident_on",
                "power_state",
                "current_operations",
                "snapshot_time",
                "blocked_operations",
                "is_a_template",
            ]
        ),
        json_values,
    )
)
async def test_no_record_crashes_the_host(tmp_path: Path, record: dict[str, Any]) -> None:
    host = DemoHost(speed=0.01)
    world = {"host": {"OpaqueRef:h": {}}, "VM": {"OpaqueRef:a": record}}
    load_world(host, write(tmp_path / "w.json", world))
    row = host.db.get("VM", "OpaqueRef:a")
    assert set(row) == set(host.db.model.classes["VM"].fields)
    bytes(host.db.raw_record("VM", "OpaqueRef:a"))
    await host.stop()
