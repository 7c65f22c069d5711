"""Metrics over HTTP: forms, archives, what is measured, and that it repeats.

Source: `xapi.md` 1.8.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from defusedxml.ElementTree import fromstring

from xolite_qt.demo_host import DemoHost
from xolite_qt.demo_host.datamodel import NULL_REF as NULL
from xolite_qt.demo_host.host import Clock
from xolite_qt.demo_host.metrics_sources import vm_sources
from xolite_qt.demo_host.minimal_world import build_minimal_world

NOW_S = 1_750_000_003.0


class SetClock(Clock):
    """A time that the test sets."""

    now_s = NOW_S

    def time_s(self) -> float:
        return self.now_s


class Metrics:
    """Asks one host for metrics."""

    def __init__(self, wire: Any) -> None:
        self.wire = wire
        self.host = wire.host
        self.clock = SetClock()
        self.host.clock = self.clock
        self.running = next(
            vm for vm in self.host.db.records("VM").values() if vm["power_state"] == "Running"
        )
        self._set_start("20200101T00:00:00Z")

    def _set_start(self, moment: str) -> None:
        self.host.db.set("VM_metrics", self.running["metrics"], start_time=moment)

    started = _set_start

    async def text(
        self, path: str = "/rrd_updates", *, accept: str | None = "*/*", **query: Any
    ) -> tuple[int, str, str]:
        """Status, content type and body; no `Accept` header at all where it is None."""
        client = self.wire.client
        options: dict[str, Any] = {"params": {"session_id": self.wire.session, **query}}
        if accept is None:
            options["skip_auto_headers"] = {"Accept"}
        else:
            options["headers"] = {"Accept": accept}
        async with client.get(f"{self.wire.running.url}{path}", **options) as response:
            return response.status, response.headers["Content-Type"], await response.text()

    async def answer(self, **query: Any) -> dict[str, Any]:
        status, _, text = await self.text(**query)
        assert status == 200
        return dict(json.loads(text))


@pytest_asyncio.fixture
async def metrics(plain: Any) -> AsyncIterator[Metrics]:
    yield Metrics(plain)


async def test_json_has_strings_and_rows_newest_first(metrics: Metrics) -> None:
    answer = await metrics.answer(start=int(NOW_S) - 60, host="true")
    meta, data = answer["meta"], answer["data"]
    assert meta["columns"] == len(meta["legend"])
    assert meta["rows"] == len(data) == 12
    assert meta["step"] == 5
    times = [row["t"] for row in data]
    assert times == sorted(times, reverse=True)
    assert meta["end"] == times[0] == 1_750_000_000
    assert meta["start"] == times[-1] - 5
    for row in data:
        assert len(row["values"]) == meta["columns"]
        assert all(isinstance(value, str) for value in row["values"])
    kinds = {tuple(entry.split(":", 3)[:2]) for entry in meta["legend"]}
    assert kinds == {("AVERAGE", "host"), ("AVERAGE", "vm")}


@pytest.mark.parametrize(
    ("accept", "query", "json_expected"),
    [
        ("*/*", {}, True),
        ("application/json", {}, True),
        ("text/xml, application/json;q=0.1", {}, True),
        ("text/xml", {"json": "true"}, False),
        (None, {}, False),
        (None, {"json": "true"}, True),
        (None, {"json": "false"}, True),
    ],
)
async def test_accept_alone_decides_where_it_is(
    metrics: Metrics, accept: str | None, query: dict[str, str], json_expected: bool
) -> None:
    _, kind, text = await metrics.text(accept=accept, start=int(NOW_S) - 30, **query)
    assert kind.split(";")[0] == ("application/json" if json_expected else "text/xml")
    assert text.startswith("{" if json_expected else "<xport>")


async def test_xml_says_the_same_as_json(metrics: Metrics) -> None:
    start = int(NOW_S) - 30
    answer = await metrics.answer(start=start, host="true")
    _, _, text = await metrics.text(accept="text/xml", start=start, host="true")
    root = fromstring(text)
    for name in ("start", "step", "end", "rows", "columns"):
        assert int(root.findtext(f"meta/{name}")) == answer["meta"][name]
    assert [entry.text for entry in root.iter("entry")] == answer["meta"]["legend"]
    rows = [(int(row.findtext("t")), [v.text for v in row.iter("v")]) for row in root.iter("row")]
    assert rows == [(row["t"], row["values"]) for row in answer["data"]]


async def test_older_hosts(metrics: Metrics) -> None:
    metrics.started("20250615T15:06:20Z")  # 23 s ago: some of the values are NaN
    start = int(NOW_S) - 60
    metrics.host.metrics.data_in_meta = True
    answer = await metrics.answer(start=start)
    assert "data" not in answer
    assert isinstance(answer["meta"]["data"][0]["values"][0], str)
    metrics.host.metrics.bare_numbers = True
    _, _, text = await metrics.text(start=start)
    assert "NaN" in text
    assert '"NaN"' not in text
    values = [v for row in json.loads(text)["meta"]["data"] for v in row["values"]]
    assert all(isinstance(value, float) for value in values)


@pytest.mark.parametrize(
    ("age_s", "interval_s", "step_s", "most_rows"),
    [
        (590, 5, 5, 120),
        (7000, 5, 60, 120),
        (590, 60, 60, 10),
        (500_000, 5, 3600, 168),
        (20_000_000, 5, 86400, 366),
        (10**9, 5, 86400, 366),
        (60, 10**6, 86400, 366),
    ],
)
async def test_the_finest_archive_that_reaches_back(
    metrics: Metrics, age_s: int, interval_s: int, step_s: int, most_rows: int
) -> None:
    answer = await metrics.answer(start=int(NOW_S) - age_s, interval=interval_s)
    assert answer["meta"]["step"] == step_s
    assert answer["meta"]["rows"] <= most_rows
    times = [row["t"] for row in answer["data"]]
    assert all(t % step_s == 0 and t <= NOW_S for t in times)
    assert all(newer - older == step_s for newer, older in itertools.pairwise(times))
    if times:
        assert times[-1] > NOW_S - max(age_s, step_s) - step_s


async def test_a_poll_from_the_last_end_brings_new_rows_only(metrics: Metrics) -> None:
    first = await metrics.answer(start=int(NOW_S) - 300, host="true")
    again = await metrics.answer(start=first["meta"]["end"], host="true")
    assert again["data"] == []
    metrics.clock.now_s += 11
    new = await metrics.answer(start=first["meta"]["end"], host="true")
    assert [row["t"] for row in new["data"]] == [1_750_000_010, 1_750_000_005]
    # What was told once stays so.
    whole = await metrics.answer(start=int(NOW_S) - 300, host="true")
    assert whole["data"][2:] == first["data"]


async def test_a_negative_start_counts_back(metrics: Metrics) -> None:
    answer = await metrics.answer(start=-25)
    assert [row["t"] for row in answer["data"]] == [1_750_000_000 - 5 * n for n in range(5)]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"start": "soon"},
        {"start": "nan"},
        {"start": "inf"},
        {"start": "1e999"},
        {"start": "0", "interval": "x"},
    ],
)
async def test_without_a_moment_there_is_no_answer(metrics: Metrics, query: dict[str, str]) -> None:
    status, _, _ = await metrics.text(**query)
    assert status == 400


async def test_only_what_is_asked_for(metrics: Metrics) -> None:
    async def kinds(**query: Any) -> set[str]:
        answer = await metrics.answer(start=-10, **query)
        return {entry.split(":")[1] for entry in answer["meta"]["legend"]}

    assert await kinds() == {"vm"}
    assert await kinds(host="true") == {"host", "vm"}
    # Only the literal "true" counts.
    assert await kinds(host="1") == {"vm"}
    assert await kinds(vm_uuid=metrics.running["uuid"]) == {"vm"}
    assert await kinds(vm_uuid="no-such-vm", host="true") == {"host"}
    (sr,) = metrics.host.db.records("SR").values()
    assert await kinds(vm_uuid="none", sr_uuid=sr["uuid"]) == {"sr"}


async def test_one_vm_of_several(metrics: Metrics) -> None:
    db = metrics.host.db
    (me,) = db.refs("host")
    other = db.create("VM", name_label="second", power_state="Running", resident_on=me)
    uuid = db.get("VM", other)["uuid"]
    answer = await metrics.answer(start=-10, vm_uuid=uuid)
    assert {entry.split(":")[2] for entry in answer["meta"]["legend"]} == {uuid}
    # A halted VM is not measured.
    db.set("VM", other, power_state="Halted", resident_on="OpaqueRef:NULL")
    answer = await metrics.answer(start=-10, vm_uuid=uuid)
    assert answer["meta"]["legend"] == []


async def test_nothing_before_the_start(metrics: Metrics) -> None:
    metrics.started("20250615T15:06:20Z")  # 1_749_999_980
    answer = await metrics.answer(start=-60)
    column = answer["meta"]["legend"].index(f"AVERAGE:vm:{metrics.running['uuid']}:cpu0")
    for row in answer["data"]:
        missing = math.isnan(float(row["values"][column]))
        assert missing == (row["t"] - 2.5 < 1_749_999_980)


async def test_units(metrics: Metrics) -> None:
    answer = await metrics.answer(start=-3600, host="true")
    columns = [entry.split(":", 3) for entry in answer["meta"]["legend"]]
    for row in answer["data"]:
        known = {
            (kind, name): float(value)
            for (_, kind, _, name), value in zip(columns, row["values"], strict=True)
        }
        for (_, name), value in known.items():
            assert value >= 0
            if name.startswith("cpu"):
                assert value <= 1
        total, free = known["host", "memory_total_kib"], known["host", "memory_free_kib"]
        assert total == 64 << 20
        assert 0 < free < total
        assert known["vm", "memory"] == 1 << 30


async def test_the_same_seed_measures_the_same(metrics: Metrics) -> None:
    twin = DemoHost(speed=0.01)
    build_minimal_world(twin)
    (running,) = [vm for vm in twin.db.refs("VM") if twin.db.get("VM", vm)["resident_on"] != NULL]
    assert twin.db.get("VM", running)["uuid"] == metrics.running["uuid"]
    (here,) = [ref for ref in metrics.host.db.refs("VM") if ref == running]
    twin.db.set(
        "VM_metrics", twin.db.get("VM", running)["metrics"], start_time="20200101T00:00:00Z"
    )
    times = np.arange(NOW_S - 86400, NOW_S, 60.0)
    for ours, theirs in zip(
        vm_sources(metrics.host, here, times), vm_sources(twin, running, times), strict=True
    ):
        assert (ours.name, ours.values.tolist()) == (theirs.name, theirs.values.tolist())


async def test_whole_archives(metrics: Metrics) -> None:
    for path, query in (
        ("/host_rrd", {}),
        ("/vm_rrd", {"uuid": metrics.running["uuid"]}),
        ("/vm_rrds", {"uuid": metrics.running["uuid"]}),
    ):
        status, kind, text = await metrics.text(path, **query)
        assert (status, kind.split(";")[0]) == (200, "text/xml")
        root = fromstring(text)
        assert root.tag == "rrd"
        assert root.findtext("version") == "0003"
        names = [source.findtext("name") for source in root.iter("ds")]
        rows = [list(archive.iter("row")) for archive in root.iter("rra")]
        assert [len(archive) for archive in rows] == [120, 120, 168, 366]
        assert {len(list(row)) for archive in rows for row in archive} == {len(names)}
    status, _, _ = await metrics.text("/vm_rrd", uuid="no-such-vm")
    assert status == 404


async def test_metrics_need_a_session(metrics: Metrics) -> None:
    url = f"{metrics.wire.running.url}/rrd_updates"
    async with metrics.wire.client.get(url, params={"start": "0"}) as response:
        assert response.status == 401
