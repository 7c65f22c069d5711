"""Measurements: who is asked for what, and when."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.stores.fake_host import FakeHost, turns
from xolite_qt.stores import ObjectSeries, StatsState, StatsSubscription, Stores
from xolite_qt.stores.stats_poll import NO_VM, StatsPoll
from xolite_qt.stores.stats_series import read_lines
from xolite_qt.xen_api import (
    ONE_WEEK,
    TEN_MINUTES,
    VM,
    Column,
    ConnectionLost,
    Host,
    HostMetrics,
    MetricsAnswer,
    Pool,
)

NOW = 1_755_000_000.0


def state_of(watch: StatsSubscription) -> StatsState:
    return watch.state


class Meter:
    """Measures what a host is asked for, as a host does."""

    def __init__(self) -> None:
        self.now = NOW
        self.vms = {"v1", "v2"}

    def __call__(
        self,
        *,
        start_s: float,
        interval_s: int,
        host_address: str | None,
        host: bool,
        vm_uuid: str | None,
    ) -> MetricsAnswer:
        start_s = self.now + start_s if start_s < 0 else start_s
        first = math.ceil(start_s / interval_s) * interval_s
        times = [float(t) for t in range(first, int(self.now) + 1, interval_s)]
        columns = [
            Column("AVERAGE", "vm", uuid, name)
            for uuid in sorted(self.vms if vm_uuid is None else self.vms & {vm_uuid})
            for name in ("cpu0", "cpu1", "memory", "memory_internal_free")
        ]
        if host:
            columns += [
                Column("AVERAGE", "host", "h1" if host_address is None else "h2", name)
                for name in ("cpu0", "memory_total_kib", "memory_free_kib", "loadavg")
            ]
        values = {"cpu0": 0.25, "cpu1": 0.75, "memory": 4096.0, "memory_internal_free": 1.0,
                  "memory_total_kib": 8.0, "memory_free_kib": 2.0, "loadavg": 1.5}  # fmt: skip
        return MetricsAnswer(
            start_s, self.now, interval_s, columns, times,
            [[values[column.name]] * len(times) for column in columns],
        )  # fmt: skip


@pytest.fixture
def meter(host: FakeHost) -> Meter:
    meter = Meter()
    host.api.measure = meter
    host.put(
        Pool(ref="OpaqueRef:pool", master="OpaqueRef:h1"),
        Host(ref="OpaqueRef:h1", uuid="h1", address="10.0.0.1", metrics="OpaqueRef:m1"),
        Host(ref="OpaqueRef:h2", uuid="h2", address="10.0.0.2", metrics="OpaqueRef:m2"),
        HostMetrics(ref="OpaqueRef:m1", live=True),
        HostMetrics(ref="OpaqueRef:m2", live=False),
        VM(ref="OpaqueRef:v1", uuid="v1", resident_on="OpaqueRef:h1"),
        VM(ref="OpaqueRef:v2", uuid="v2", resident_on="OpaqueRef:h1"),
        VM(ref="OpaqueRef:v3", uuid="v3"),
    )
    return meter


@pytest_asyncio.fixture
async def stores(host: FakeHost, no_task_left: None) -> AsyncIterator[Stores]:
    # A second of the host takes 4 ms.
    stores = Stores(host.client(), linger_s=0.0, stats_pace=0.004)
    yield stores
    await stores.close()
    assert host.events.classes == frozenset()


async def test_one_vm_is_asked_for_alone_and_then_only_for_what_is_new(
    host: FakeHost, stores: Stores, meter: Meter
) -> None:
    heard: list[int] = []
    watch = stores.stats.watch("vm", "v1", on_change=lambda: heard.append(1))
    assert state_of(watch) is StatsState.LOADING
    await turns(30)
    assert state_of(watch) is StatsState.READY
    assert len(watch.times) == 120
    first = host.api.metrics_asked[0]
    assert first == {"host_address": None, "start_s": -595.0, "interval_s": 5, "host": False,
                     "vm_uuid": "v1"}  # fmt: skip
    meter.now += 5
    await asyncio.sleep(0.06)
    assert host.api.metrics_asked[1]["start_s"] == NOW
    assert len(watch.times) == 120
    assert watch.times[-1] == NOW + 5
    lines = watch.lines
    assert lines.cpu[-1] == 0.5
    assert set(lines.cores) == {0, 1}
    assert lines.memory_used[-1] == 4096 - 1024
    assert watch.lines is lines
    assert heard
    watch.close()
    await turns()
    asked = len(host.api.metrics_asked)
    await asyncio.sleep(0.06)
    assert len(host.api.metrics_asked) == asked


async def test_watchers_of_one_host_share_one_question(
    host: FakeHost, stores: Stores, meter: Meter
) -> None:
    watches = [
        stores.stats.watch("vm", "v1"),
        stores.stats.watch("vm", "v1"),
        stores.stats.watch("vm", "v2"),
        stores.stats.watch("host", "h1"),
    ]
    await turns(30)
    assert all(state_of(watch) is StatsState.READY for watch in watches)
    assert len(host.api.metrics_asked) == 1
    assert host.api.metrics_asked[0]["vm_uuid"] is None
    assert host.api.metrics_asked[0]["host"]
    assert watches[0].series is watches[1].series
    assert watches[3].lines.load[-1] == 1.5
    assert watches[3].usage.memory_fraction == 0.75


async def test_a_newcomer_gets_its_own_past_and_joins_the_round(
    host: FakeHost, stores: Stores, meter: Meter
) -> None:
    stores.stats.watch("host", "h1")
    await turns(30)
    assert host.api.metrics_asked[0]["vm_uuid"] == NO_VM
    newcomer = stores.stats.watch("vm", "v2")
    await asyncio.sleep(0.1)
    past = host.api.metrics_asked[1]
    assert (past["vm_uuid"], past["host"], past["start_s"]) == ("v2", False, -595.0)
    assert len(newcomer.times) == 120
    assert host.api.metrics_asked[-1]["vm_uuid"] == "v2"
    assert host.api.metrics_asked[-1]["host"]


async def test_a_halted_vm_has_no_data_until_it_runs(
    host: FakeHost, stores: Stores, meter: Meter
) -> None:
    watch = stores.stats.watch("vm", "v3")
    await turns(30)
    assert state_of(watch) is StatsState.NO_DATA
    assert not host.api.metrics_asked
    meter.vms.add("v3")
    host.put(VM(ref="OpaqueRef:v3", uuid="v3", resident_on="OpaqueRef:h2"))
    host.events.answer()
    await turns(30)
    assert state_of(watch) is StatsState.READY
    assert host.api.metrics_asked[0]["host_address"] == "10.0.0.2"
    host.put(VM(ref="OpaqueRef:v3", uuid="v3"))
    host.events.answer()
    await turns(30)
    assert state_of(watch) is StatsState.NO_DATA


async def test_polling_survives_errors_and_waits_longer_each_time(
    host: FakeHost, stores: Stores, meter: Meter
) -> None:
    lost = ConnectionLost("refused")
    host.api.errors["metrics"] = [lost, lost]
    watch = stores.stats.watch("vm", "v1")
    await turns(30)
    assert state_of(watch) is StatsState.FAILED
    assert watch.error is lost
    await asyncio.sleep(0.12)
    assert state_of(watch) is StatsState.READY
    assert watch.error is None
    host.api.errors["metrics"] = [lost] * 3
    await asyncio.sleep(0.04)
    assert state_of(watch) is StatsState.STALE
    assert len(watch.times) == 120
    watch.retry()
    watch.retry()


@pytest.mark.logs_warnings
async def test_an_answer_that_makes_no_sense_does_not_end_polling(
    host: FakeHost, stores: Stores, meter: Meter
) -> None:
    host.api.errors["metrics"] = [ZeroDivisionError()]
    watch = stores.stats.watch("vm", "v1")
    await turns(30)
    assert state_of(watch) is StatsState.FAILED
    await asyncio.sleep(0.06)
    assert state_of(watch) is StatsState.READY


async def test_the_weekly_archive_is_not_asked_for_before_it_can_have_a_row(
    host: FakeHost, stores: Stores, meter: Meter
) -> None:
    poll = StatsPoll(
        host.client(),
        None,
        ONE_WEEK,
        asyncio.Semaphore(1),
        lambda *_: None,
        clock=lambda: meter.now,
    )
    poll.want(("host", "h1"), ObjectSeries(ONE_WEEK))
    meter.now = math.floor(NOW / 3600) * 3600 + 600.0
    await poll._round()
    assert poll._due_in_s == 3001.0
    meter.now += 2990
    await poll._round()
    # At the earliest a minute later.
    assert poll._due_in_s == 60.0


async def test_the_whole_pool_at_a_glance(host: FakeHost, stores: Stores, meter: Meter) -> None:
    with stores.stats.watch_pool() as pool:
        await turns(40)
        # Only living hosts are asked, and only for the last points.
        assert {asked["host_address"] for asked in host.api.metrics_asked} == {None}
        assert host.api.metrics_asked[0]["start_s"] == -25.0
        usage = pool.latest("vm", "v1")
        assert usage is not None
        assert usage.cpu == 0.5
        assert usage.memory_used == 3072
        assert set(pool.all("vm")) == {"v1", "v2"}
        assert pool.all("host")["h1"].memory_total == 8192
        assert pool.latest("vm", "v3") is None
        meter.vms.discard("v2")
        meter.now += 5
        await asyncio.sleep(0.06)
        assert set(pool.all("vm")) == {"v1"}
    await turns()
    assert stores.classes_in_use == frozenset()


async def test_linger_keeps_what_was_measured_over_a_change_of_tab(
    host: FakeHost, meter: Meter
) -> None:
    stores = Stores(host.client(), linger_s=0.05, stats_pace=1.0)
    stores.stats.watch("vm", "v1").close()
    watch = stores.stats.watch("vm", "v1")
    await turns(30)
    watch.close()
    again = stores.stats.watch("vm", "v1")
    assert again.state is StatsState.READY
    assert len(again.times) == 120
    assert len(host.api.metrics_asked) == 1
    await stores.close()


def test_gaps_stay_gaps() -> None:
    series = ObjectSeries(TEN_MINUTES)
    assert series.add([5.0, 10.0], {"cpu0": [0.1, math.nan]}) == 2
    assert series.add([10.0], {"cpu0": [0.2]}) == 0
    # Nobody asked for a while; then a disk is new, and the processor is not told.
    assert series.add([100.0], {"vbd_xvda_read": [7.0]}) == 1
    assert series.times == [5.0, 10.0, 15.0, 100.0]
    cpu = series.series["cpu0"]
    assert cpu[0] == 0.1
    assert all(map(math.isnan, cpu[1:]))
    assert series.lines.disk["xvda"].received[-1] == 7.0
    assert all(map(math.isnan, series.lines.disk["xvda"].sent))


def test_a_clock_that_was_set_back_does_not_block_what_comes() -> None:
    series = ObjectSeries(TEN_MINUTES)
    series.add([1e9], {"cpu0": [0.1]})
    assert series.add([1e8], {"cpu0": [0.2]}) == 1
    assert series.times == [1e8]


def test_lines_are_in_plain_units_and_count_no_byte_twice() -> None:
    lines = read_lines(
        [1.0],
        {
            "memory_total_kib": [10.0],
            "memory_free_kib": [4.0],
            "pif_eth0_rx": [5.0],
            "pif_eth0_tx": [6.0],
            "pif_aggr_rx": [99.0],
            "pif_bond0_rx": [99.0],
            "cpu_avg": [0.3],
            "vbd_xvda_read_latency": [1.0],
        },
    )
    assert lines.memory_total == (10240.0,)
    assert lines.memory_used == (6144.0,)
    assert set(lines.network) == {"eth0"}
    assert (lines.network["eth0"].received, lines.network["eth0"].sent) == ((5.0,), (6.0,))
    assert lines.cpu == (0.3,)
    assert not lines.disk
    assert read_lines([1.0], {"memory": [5.0]}).memory_used == ()


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(1, 30), st.sets(st.sampled_from("abc"))),
        max_size=12,
    )
)
def test_series_stay_aligned_ascending_and_bounded(answers: list[tuple[Any, ...]]) -> None:
    series = ObjectSeries(TEN_MINUTES)
    for start, count, names in answers:
        times = [5.0 * (start + i) for i in range(count)]
        series.add(times, {name: [float(t) for t in times] for name in names})
        assert series.times == sorted(set(series.times))
        assert len(series.times) <= TEN_MINUTES.points
        for values in series.series.values():
            assert len(values) == len(series.times)
            told = [(t, v) for t, v in zip(series.times, values, strict=True) if not math.isnan(v)]
            assert all(t == v for t, v in told)
