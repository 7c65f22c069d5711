"""Tables, defaults, reverse references, generations."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.demo_host.datamodel import NULL_REF, load_model
from xolite_qt.demo_host.db import Database
from xolite_qt.demo_host.registry import Failure


@pytest.fixture
def db() -> Database:
    return Database(random.Random(1))


def test_missing_fields_get_their_defaults(db: Database) -> None:
    record = db.get("VM", db.create("VM", name_label="a"))
    assert set(record) == set(db.model.classes["VM"].fields)
    assert record["power_state"] == "Halted"
    assert record["resident_on"] == NULL_REF
    assert len(record["uuid"]) == 36


def test_defaults_are_not_shared(db: Database) -> None:
    one, two = db.create("VM"), db.create("VM")
    db.get("VM", one)["other_config"]["k"] = "v"
    assert db.get("VM", two)["other_config"] == {}


def test_optional_fields_are_left_out(db: Database) -> None:
    optional = [
        (cls.name, field.name)
        for cls in load_model().classes.values()
        for field in cls.fields.values()
        if field.type.kind == "option" and cls.in_db
    ]
    for cls, field in optional:
        assert field not in db.get(cls, db.create(cls))


def test_reverse_sets_follow_references(db: Database) -> None:
    vm, other = db.create("VM"), db.create("VM")
    vbd = db.create("VBD", VM=vm)
    assert db.get("VM", vm)["VBDs"] == [vbd]
    db.set("VBD", vbd, VM=other)
    assert db.get("VM", vm)["VBDs"] == []
    assert db.get("VM", other)["VBDs"] == [vbd]
    db.destroy("VBD", vbd)
    assert db.get("VM", other)["VBDs"] == []


def test_a_reverse_set_holds_who_pointed_there_before(db: Database) -> None:
    vdi = db.create("VDI", SR="OpaqueRef:later")
    db.create("SR", ref="OpaqueRef:later")
    assert db.get("SR", "OpaqueRef:later")["VDIs"] == [vdi]


def test_whoever_walks_over_a_reverse_set_is_not_disturbed(db: Database) -> None:
    vm = db.create("VM")
    for _ in range(3):
        db.create("VBD", VM=vm)
    for vbd in db.get("VM", vm)["VBDs"]:
        db.destroy("VBD", vbd)
    assert db.get("VM", vm)["VBDs"] == []


def test_sets_mirror_both_ways(db: Database) -> None:
    group = db.create("VM_group")
    vm = db.create("VM", groups=[group])
    assert db.get("VM_group", group)["VMs"] == [vm]
    db.set("VM", vm, groups=[])
    assert db.get("VM_group", group)["VMs"] == []


def test_a_write_that_changes_nothing_is_no_change(db: Database) -> None:
    vm = db.create("VM", name_label="a")
    before = db.generation
    db.set("VM", vm, name_label="a")
    assert db.generation == before
    db.set("VM", vm, name_label="b")
    assert db.generation == before + 1


def test_unknown_references_and_uuids(db: Database) -> None:
    with pytest.raises(Failure) as caught:
        db.get("VM", "OpaqueRef:x")
    assert caught.value.description == ["HANDLE_INVALID", "VM", "OpaqueRef:x"]
    with pytest.raises(Failure) as caught:
        db.by_uuid("VM", "x")
    assert caught.value.description == ["UUID_INVALID", "VM", "x"]
    with pytest.raises(KeyError):
        db.set("VM", db.create("VM"), no_such_field=1)


def test_uuids_find_their_object_until_it_goes(db: Database) -> None:
    vm = db.create("VM", uuid="u")
    assert db.by_uuid("VM", "u") == vm
    db.destroy("VM", vm)
    with pytest.raises(Failure):
        db.by_uuid("VM", "u")


async def test_waiting(db: Database) -> None:
    vm = db.create("VM")
    assert await db.wait(0, 0.0)
    assert not await db.wait(db.generation, 0.01)
    waiting = asyncio.ensure_future(db.wait(db.generation, 5.0))
    await asyncio.sleep(0)
    db.set("VM", vm, name_label="x")
    assert await waiting


@given(
    st.lists(st.tuples(st.sampled_from("cmdx"), st.integers(0, 5), st.integers(0, 5)), max_size=40)
)
def test_reverse_sets_are_exact_whatever_happens(steps: list[tuple[str, int, int]]) -> None:
    db = Database(random.Random(1))
    vms = [f"OpaqueRef:vm{n}" for n in range(6)]
    vbds: list[str] = []
    for what, a, b in steps:
        if what == "c":
            vbds.append(db.create("VBD", VM=vms[a]))
        elif what == "m" and vbds:
            db.set("VBD", vbds[b % len(vbds)], VM=vms[a])
        elif what == "d" and vbds:
            db.destroy("VBD", vbds.pop(b % len(vbds)))
        elif what == "x":
            if db.exists("VM", vms[a]):
                db.touch("VM", vms[a])
            else:
                db.create("VM", ref=vms[a])
    for vm in vms:
        if db.exists("VM", vm):
            pointing = {ref for ref in vbds if db.get("VBD", ref)["VM"] == vm}
            assert set(db.get("VM", vm)["VBDs"]) == pointing
    generations = [row.modified for row in db.table("VM").rows.values()]
    assert generations == sorted(generations)
