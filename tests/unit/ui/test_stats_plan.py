"""Every data source of a host ends in some chart, known or not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.ui.models.stats_plan import ChartSpec, label_of, plan, unknown
from xolite_qt.ui.models.stats_sources import read_source, unit_of

HOST = [
    *(f"cpu{number}" for number in range(12)),
    "cpu_avg", "loadavg", "memory_total_kib", "memory_free_kib", "memory_reclaimed",
    "pif_eth0_rx", "pif_eth0_tx", "pif_eth1_rx", "pif_eth1_tx", "pif_aggr_rx", "pif_aggr_tx",
    "pif_bond0_rx", "pif_bond0_tx", "iops_read_1234abcd", "iops_write_1234abcd",
    "iops_total_1234abcd", "io_throughput_read_1234abcd", "read_latency_1234abcd",
    "iowait_1234abcd", "xapi_memory_usage_kib", "pool_task_count", "DCMI-power-reading",
    "CPU0-avg-freq", "cpu0-C1",
]  # fmt: skip
VM = [
    "cpu0", "cpu1", "cpu_usage", "memory", "memory_target", "memory_internal_free", "vif_0_rx",
    "vif_0_tx", "vif_0_rx_errors", "vbd_xvda_read", "vbd_xvda_write", "vbd_xvda_read_latency",
    "vbd_xvda_iops_total", "vbd_xvda_avgqu_sz", "runstate_blocked", "runstate_fullrun",
]  # fmt: skip


def by_id(names: list[str]) -> dict[str, ChartSpec]:
    return {spec.id: spec for spec in plan(names)}


def test_a_hosts_sources() -> None:
    charts = by_id(HOST)
    assert [line.item for line in charts["cpu"].each] == [str(at) for at in range(12)]
    assert [line.how for line in charts["cpu"].total] == ["mean"]
    assert {line.item for line in charts["network"].each} == {"eth0", "eth1"}
    assert [line.words for line in charts["network"].total] == ["All received", "All sent"]
    assert {line.item for line in charts["logical"].each} == {"bond0"}
    assert charts["iops"].kind.title == "Storage operations"
    # What is read and written is not counted again in the sum.
    assert [line.key for line in charts["iops"].each] == ["1234abcd/read", "1234abcd/write"]
    assert charts["memory"].each[0].terms == (
        ("memory_total_kib", 1024.0), ("memory_free_kib", -1024.0),
    )  # fmt: skip
    assert charts["io_throughput"].each[0].terms[0][1] == 2**20
    assert charts["latency"].each[0].terms[0][1] == 1e-6
    assert not unknown(HOST)


def test_a_vms_sources() -> None:
    charts = by_id(VM)
    assert [line.key for line in charts["cpu"].each] == ["0/", "1/"]
    assert [line.words for line in charts["runstate"].each] == ["All run", "All idle"]
    assert charts["iops"].each[0].key == "xvda/total"
    assert not charts["disk"].total
    names = {("vbd", "xvda"): "web-1 root"}
    disk = charts["disk"].each[0]
    assert label_of(disk, lambda kind, item: names[kind, item]) == "web-1 root read"
    assert label_of(charts["memory"].each[0], lambda _kind, item: item) == "Used"
    assert by_id(["memory"])["memory"].missing
    assert by_id(["cpu_usage"])["cpu"].each[0].words == "CPU usage"


def test_what_is_not_known_gets_a_chart_by_its_unit() -> None:
    names = ["gpu_memory_free_0000:00:01.0", "my_plugin_kib", "my_plugin_rx", "runstate_new"]
    charts = {spec.id: spec for spec in plan(names, {"gpu_memory_free_0000:00:01.0": "B"})}
    assert set(charts) == {"other.bytes", "other.rate", "other.count"}
    assert charts["other.bytes"].each[1].terms == (("my_plugin_kib", 1024.0),)
    assert unit_of("x", "requests/s") == ("per_second", 1.0)
    assert unit_of("x", "μs") == ("seconds", 1e-6)
    assert unit_of("x", "things") == ("count", 1.0)


STRANGE = st.text(max_size=20) | st.from_regex(
    r"(vbd|vif|pif|cpu|iops)_[a-z0-9_]{1,12}", fullmatch=True
)


@given(st.sets(st.sampled_from(HOST) | STRANGE) | st.sets(st.sampled_from(VM) | STRANGE))
def test_nothing_is_left_out(names: set[str]) -> None:
    charts = plan(names)
    shown = {source for spec in charts for source in spec.sources}
    left = names - shown
    for name in left:
        reading = read_source(name)
        # Only what repeats others: sums over devices that are shown themselves.
        assert reading is not None
        assert reading.chart == "" or reading.way in ("all", "total")
    for spec in charts:
        assert spec.each
        keys = [line.key for line in spec.each]
        assert len(keys) == len(set(keys))
