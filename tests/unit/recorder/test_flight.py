"""The flight recorder: keeps the last while, forgets the rest without losing how the world was."""

from __future__ import annotations

import asyncio
import json
import random
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.recorder import (
    BundleError,
    CallItem,
    Flight,
    FlightRecorder,
    GoneItem,
    SetItem,
    write_bundle,
)
from xolite_qt.xen_api import Exchange

NOW = time.time()


def answer(result: Any) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "result": result})


def load(at_s: float, cls: str, records: dict[str, dict[str, Any]]) -> Exchange:
    return Exchange(at_s, f"{cls}.get_all_records", (), 0.01, "", answer(records))


def events(at_s: float, *found: tuple[str, str, str, dict[str, Any] | None]) -> Exchange:
    told = [
        {"class": cls, "operation": op, "ref": ref, **({"snapshot": snap} if snap else {})}
        for cls, op, ref, snap in found
    ]
    return Exchange(at_s, "event.from", ([], "", 30.0), 1.0, "", answer({"events": told}))


def call(at_s: float, method: str, *params: Any, error: str = "") -> Exchange:
    return Exchange(at_s, method, params, 0.02, error, b"")


def test_what_was_there_and_what_happened() -> None:
    recorder = FlightRecorder()
    recorder.heard(load(NOW, "VM", {"a": {"name_label": "one"}, "b": {"name_label": "two"}}))
    recorder.heard(call(NOW + 1, "VM.set_name_label", "a", "uno"))
    recorder.heard(call(NOW + 1, "VM.get_name_label", "a"))
    recorder.heard(
        events(NOW + 2, ("vm", "mod", "a", {"name_label": "uno"}), ("vm", "del", "b", None))
    )
    recorder.heard(call(NOW + 3, "VM.start", "b", error="HANDLE_INVALID"))
    flight = recorder.take()
    assert flight.world == {"vm": {"a": {"name_label": "one"}, "b": {"name_label": "two"}}}
    kinds = [type(item) for item in flight.items]
    assert kinds == [CallItem, SetItem, GoneItem, CallItem]
    assert [one.error for one in recorder.calls()] == ["", "HANDLE_INVALID"]


def test_what_is_read_late_was_there_before() -> None:
    recorder = FlightRecorder()
    recorder.heard(events(NOW, ("vm", "add", "new", {"name_label": "new"})))
    recorder.heard(load(NOW + 1, "VDI", {"d": {"name_label": "disk"}}))
    recorder.heard(load(NOW + 2, "VDI", {"d": {"name_label": "renamed"}}))
    flight = recorder.take()
    assert flight.world["vdi"] == {"d": {"name_label": "disk"}}
    assert [item.record for item in flight.items if isinstance(item, SetItem)] == [
        {"name_label": "new"},
        {"name_label": "renamed"},
    ]


def test_what_is_too_old_is_folded_into_the_beginning() -> None:
    recorder = FlightRecorder(horizon_s=10.0)
    recorder.heard(load(NOW, "VM", {"a": {"n": "1"}, "b": {"n": "1"}}))
    recorder.heard(events(NOW + 1, ("vm", "mod", "a", {"n": "2"}), ("vm", "del", "b", None)))
    recorder.heard(events(NOW + 30, ("vm", "mod", "a", {"n": "3"})))
    flight = recorder.take()
    assert flight.world == {"vm": {"a": {"n": "2"}}}
    assert [item.record for item in flight.items if isinstance(item, SetItem)] == [{"n": "3"}]


def test_memory_has_an_end() -> None:
    recorder = FlightRecorder(budget_bytes=20_000)
    rng = random.Random(1)
    for turn in range(200):
        noise = rng.randbytes(400).hex()
        recorder.heard(events(NOW + turn, ("vm", "mod", "a", {"noise": noise})))
    assert recorder.size_bytes <= 20_000
    flight = recorder.take()
    assert len(flight.items) < 200
    assert flight.world["vm"]["a"]["noise"]


def test_what_is_kept_takes_no_more_memory_than_it_says() -> None:
    recorder = FlightRecorder()
    rng = random.Random(1)
    answers = [
        load(1.0 + n, "VM", {f"OpaqueRef:{i}": {"uuid": f"{rng.random()}"} for i in range(200)})
        for n in range(20)
    ]
    tracemalloc.start()
    try:
        for exchange in answers:
            recorder.heard(exchange)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1.5 * recorder.size_bytes + 20_000


def test_garbage_is_left_out() -> None:
    recorder = FlightRecorder()
    for body in (b"", b"{", b"[]", answer([1]), answer({"events": [{"class": 3}]}), answer(None)):
        recorder.heard(Exchange(NOW, "event.from", (), 1.0, "", body))
        recorder.heard(Exchange(NOW, "VM.get_all_records", (), 1.0, "", body))
    assert recorder.take().items == []


CANARY = "canary-7f3a"


def test_no_secret_reaches_the_file(tmp_path: Path) -> None:
    recorder = FlightRecorder()
    pbd = {"device_config": {"server": "nas", "cifspassword": CANARY}}
    pool = {"wlb_password": CANARY, "other_config": {"api_key": CANARY}}
    recorder.heard(load(NOW, "PBD", {"p": pbd}))
    recorder.heard(load(NOW, "pool", {"o": pool}))
    recorder.heard(load(NOW, "secret", {"s": {"value": CANARY}}))
    recorder.heard(call(NOW, "secret.create", {"value": CANARY}))
    recorder.heard(call(NOW, "pool.join", "10.0.0.1", "root", CANARY))
    recorder.heard(call(NOW, "VM.add_to_other_config", "a", "password", CANARY))
    recorder.heard(call(NOW, "SR.create", "h", {"password": CANARY}, 0, "n"))
    recorder.heard(call(NOW, "session.change_password", CANARY, CANARY))
    recorder.heard(events(NOW, ("pbd", "mod", "p", pbd), ("secret", "add", "t", {"value": CANARY})))
    path = tmp_path / "a.flight.zip"
    assert write_bundle(path, recorder.take()) == path.stat().st_size
    with zipfile.ZipFile(path) as bundle:
        texts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    assert CANARY not in "".join(texts.values())
    assert "REDACTED" in texts["timeline.jsonl"]
    assert json.loads(texts["meta.json"])["format"] == "xolite-flight"
    assert "PBD" in json.loads(texts["world.json"])


def test_a_folder_that_is_gone_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be written"):
        write_bundle(tmp_path / "gone" / "a.zip", Flight(0, 0, {}, []))
    assert not list(tmp_path.glob("**/*a.zip*"))


steps = st.lists(
    st.tuples(st.sampled_from(["set", "del"]), st.sampled_from("abc"), st.integers(0, 9)),
    max_size=30,
)


@given(steps, st.floats(1, 40))
def test_wherever_it_begins_it_ends_the_same(found: list[Any], horizon_s: float) -> None:
    recorder = FlightRecorder(horizon_s=horizon_s)
    truth: dict[str, dict[str, Any]] = {}
    for turn, (what, ref, value) in enumerate(found):
        if what == "set":
            truth[ref] = {"n": value}
            recorder.heard(events(NOW + turn, ("vm", "mod", ref, {"n": value})))
        else:
            truth.pop(ref, None)
            recorder.heard(events(NOW + turn, ("vm", "del", ref, None)))
    flight = recorder.take()
    world = dict(flight.world.get("vm", {}))
    for item in flight.items:
        if isinstance(item, SetItem):
            world[item.ref] = item.record
        elif isinstance(item, GoneItem):
            world.pop(item.ref, None)
    assert world == truth


async def test_large_answers_do_not_hold_the_window() -> None:
    records = {f"r{number}": {f"f{k}": "x" * 40 for k in range(60)} for number in range(3000)}
    large = load(NOW, "VM", records)
    recorder = FlightRecorder(horizon_s=10.0)
    here = time.perf_counter()
    recorder.heard(large)
    recorder.heard(events(NOW + 1, ("vm", "mod", "r1", {"n": "2"})))
    recorder.heard(events(NOW + 60, ("vm", "del", "r2", None)))
    took_s = time.perf_counter() - here
    for number in range(200):
        if recorder.size_bytes < 1000 and not recorder._frames[0].is_load:
            break
        await asyncio.sleep(0.02)
        # What goes on is what comes again and again.
        recorder.heard(events(NOW + 61 + number / 100))
    flight = recorder.take()
    assert len(flight.world["vm"]) == 3000
    assert flight.world["vm"]["r1"] == {"n": "2"}
    assert [item.ref for item in flight.items if isinstance(item, GoneItem)] == ["r2"]
    # To compress and to fold it takes some 0.3 s here; to hand it over does not.
    assert took_s < 0.15
