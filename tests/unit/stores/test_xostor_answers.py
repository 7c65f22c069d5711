"""Answers of the plug-in, as they should be and as old and broken ones are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.stores.xostor.answers import ReplicaKind, read_health, read_interfaces
from xolite_qt.stores.xostor.findings import CellState, Level, findings, matrix
from xolite_qt.xen_api import MalformedAnswer

GIB = 1 << 30


def node(state: str | None = "UpToDate", **more: Any) -> dict[str, Any]:
    volume = {"number": 0, "device-path": "/dev/drbd1000", "usable-size": 8 * GIB}
    if state is not None:
        volume["disk-state"] = state
    return {"volumes": [volume], "diskful": True, "tie-breaker": False, "in-use": False} | more


def diskless(**more: Any) -> dict[str, Any]:
    return {"volumes": [], "diskful": False, "tie-breaker": True, "in-use": False} | more


def answer(**more: Any) -> dict[str, Any]:
    return {
        "controller-uri": "linstor://10.0.0.2",
        "nodes": {"a": "ONLINE", "b": "ONLINE", "c": "ONLINE"},
        "storage-pools": {
            n: [{"name": "p", "linstor-uuid": "u", "free-size": 60 * GIB, "capacity": 100 * GIB}]
            for n in "abc"
        },
        "resources": {
            "xcp-persistent-database": {
                "uuid": "",
                "nodes": {"a": node(), "b": node(), "c": node()},
            },
            "xcp-volume-1": {"uuid": "vdi-1", "nodes": {"a": node(), "b": node(), "c": diskless()}},
        },
        "errors": [],
    } | more


def read(found: dict[str, Any]) -> Any:
    return read_health(json.dumps(found))


def whats(found: dict[str, Any], redundancy: int | None = 2) -> list[str]:
    return [finding.what for finding in findings(read(found), redundancy)]


def test_a_good_answer_is_read_and_has_nothing_to_look_at() -> None:
    health = read(answer())
    assert health.controller_host == "10.0.0.2"
    assert health.all_nodes == ("a", "b", "c")
    assert health.pools_of("b")[0].used_fraction == pytest.approx(0.4)
    assert health.database is not None
    disk = health.resources[1]
    assert [replica.kind for replica in disk.replicas] == [
        ReplicaKind.DISKFUL,
        ReplicaKind.DISKFUL,
        ReplicaKind.TIE_BREAKER,
    ]
    assert disk.size_bytes == 8 * GIB
    assert not health.oddities
    assert findings(health, 2) == ()


def test_data_is_kept_beside_the_error_that_the_plugin_adds_itself() -> None:
    broken = answer(errors=[{"code": 0x2010000, "message": "'volumes'"}])
    broken["resources"]["xcp-volume-1"]["nodes"]["b"] = node("Outdated")
    health = read(broken)
    assert len(health.resources) == 2
    assert health.errors[0].about == "LINSTOR"
    assert whats(broken) == [
        "xcp-volume-1 has 1 of 2 current copies",
        "The plug-in says: The plug-in failed while it looked at LINSTOR",
    ]


def test_an_old_answer_without_resources_or_nodes() -> None:
    old = {"controller-uri": "linstor://h", "storage-pools": {"a": []}, "errors": []}
    health = read(old)
    assert not health.has_resources
    assert not health.has_nodes
    assert whats(old) == ["This plug-in does not tell of resources"]


def test_resources_of_an_older_shape() -> None:
    flat = answer(resources={"xcp-volume-1": {"a": node(), "b": node(), "c": diskless()}})
    assert [r.node for r in read(flat).resources[0].replicas] == ["a", "b", "c"]


def test_missing_fields_of_volumes() -> None:
    found = answer()
    found["resources"]["xcp-volume-1"]["nodes"] = {
        "a": {"volumes": [{"number": 0, "usable-size": -1}]},
        "b": {"volumes": None, "diskful": False},
    }
    row = matrix(read(found), 2)[1]
    assert row.cells["a"].state is CellState.UNKNOWN
    assert row.cells["b"].kind is ReplicaKind.DISKLESS
    assert row.healthy == 0


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("UpToDate", CellState.GOOD),
        ("Inconsistent", CellState.BUSY),
        ("SyncTarget(12.5%)", CellState.BUSY),
        ("DUnknown", CellState.UNKNOWN),
        ("Outdated", CellState.BAD),
        ("Failed", CellState.BAD),
    ],
)
def test_states_of_cells(state: str, expected: CellState) -> None:
    found = answer()
    found["resources"]["xcp-volume-1"]["nodes"]["a"] = node(state)
    row = matrix(read(found), 2)[1]
    assert row.cells["a"].state is expected
    assert row.has_problem == (expected is not CellState.GOOD)


def test_everything_that_is_derived() -> None:
    found = answer(nodes={"a": "ONLINE", "b": "OFFLINE", "c": "EVICTED"})
    found["storage-pools"]["a"][0]["free-size"] = 5 * GIB
    found["resources"]["xcp-volume-2"] = {"uuid": "", "nodes": {"a": node(), "b": node()}}
    found["resources"]["xcp-volume-3"] = {"uuid": "vdi-3", "nodes": {"a": node()}}
    found["resources"]["xcp-volume-4"] = {"uuid": "vdi-4", "nodes": {"b": node()}}
    said = whats(found)
    for line in (
        "b is offline",
        "c is evicted",
        "a has less than 10 % free",
        "LINSTOR's own database has 1 of 3 current copies",
        "xcp-volume-2 belongs to no VDI",
        "xcp-volume-2 has two copies and no tie-breaker",
        "xcp-volume-3 has its only copy on a",
        "xcp-volume-4 has no current copy",
    ):
        assert line in said
    levels = [f.level for f in findings(read(found), 2)]
    assert levels == sorted(levels, key=list(Level).index)


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "3", '{"a":', None, 7, "[" * 5000])
def test_what_is_no_object_is_refused(text: object) -> None:
    with pytest.raises(MalformedAnswer):
        read_health(text)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 1 << 70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PARTS = ("controller-uri", "nodes", "storage-pools", "resources", "errors")


@given(st.dictionaries(st.sampled_from(PARTS), anything))
def test_no_object_makes_the_reader_fail(found: dict[str, Any]) -> None:
    health = read(found)
    findings(health, 2)
    assert len(health.oddities) <= 20


@given(st.sampled_from(PARTS), anything)
def test_one_bad_part_costs_no_other(part: str, bad: Any) -> None:
    health = read(answer(**{part: bad}))
    if part != "resources":
        assert len(health.resources) == 2
    if part != "nodes":
        assert len(health.nodes) == 3
    if part != "storage-pools":
        assert len(health.pools) == 3


def test_interfaces() -> None:
    text = json.dumps({"default": {"address": "10.0.0.1", "active": True}, "fast": "10.1.0.1"})
    first, second = read_interfaces("a", text)
    assert (first.name, first.address, first.is_active) == ("default", "10.0.0.1", True)
    assert (second.name, second.address, second.is_active) == ("fast", "10.1.0.1", None)
    with pytest.raises(MalformedAnswer):
        read_interfaces("a", "[]")
