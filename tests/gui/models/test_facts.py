"""What records say, read into values."""

from __future__ import annotations

import math

import msgspec
import pytest

from xolite_qt.stores.stats_series import Lines, Pair
from xolite_qt.ui.models import host_facts, series, vm_facts
from xolite_qt.xen_api import VM, Host, HostMetrics, VMGuestMetrics, VMMetrics

NAN = math.nan


def raw(entries: dict[str, str]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(entries))


def test_addresses_come_once_ipv4_first_and_link_local_last() -> None:
    guest = VMGuestMetrics(
        networks={
            "1/ip": "10.0.0.9",
            "0/ip": "192.168.1.4",
            "0/ipv4/0": "192.168.1.4",
            "0/ipv6/0": "fe80::1",
            "0/ipv6/1": "2001:db8::5",
            "error": "nonsense",
            "0/ipv4/1": "<b>1</b>",
        }
    )
    assert vm_facts.addresses(guest) == ("192.168.1.4", "10.0.0.9", "2001:db8::5", "fe80::1")
    assert vm_facts.addresses(None) == ()


def test_windows_names_lose_their_paths() -> None:
    guest = VMGuestMetrics(os_version={"name": "Microsoft Windows 10|C:\\WINDOWS|\\Device\\0"})
    assert vm_facts.os_name(guest) == "Microsoft Windows 10"


@pytest.mark.parametrize(
    ("state", "number", "expected"), [("Running", 3, 3), ("Halted", 3, 2), ("Running", 0, 2)]
)
def test_vcpus_are_the_running_ones_or_those_to_come(
    state: str, number: int, expected: int
) -> None:
    vm = VM(power_state=state, vcpus_at_startup=2)
    assert vm_facts.vcpus(vm, VMMetrics(vcpus_number=number)) == expected


def test_topology_says_nothing_where_it_does_not_divide() -> None:
    assert vm_facts.topology(VM(platform_json=raw({"cores-per-socket": "2"}), vcpus_max=4)) == (
        "2 sockets × 2 cores"
    )
    assert vm_facts.topology(VM(platform_json=raw({"cores-per-socket": "3"}), vcpus_max=4)) == ""
    assert vm_facts.topology(VM(platform_json=raw({"cores-per-socket": "x"}), vcpus_max=4)) == ""


def test_tools_version_tells_none_from_unknown() -> None:
    assert vm_facts.tools_version(None) is None
    assert vm_facts.tools_version(VMGuestMetrics(pv_drivers_detected=True)) == ""
    parts = {"major": "8", "minor": "4", "micro": "0", "build": "397"}
    assert vm_facts.tools_version(VMGuestMetrics(pv_drivers_version=parts)) == "8.4.0-397"


def test_a_host_is_halted_running_or_in_maintenance() -> None:
    live = HostMetrics(live=True)
    assert host_facts.state_of(Host(enabled=True), live) == "running"
    assert host_facts.state_of(Host(enabled=False), live) == "disabled"
    assert host_facts.state_of(Host(enabled=True), None) == "halted"


def test_a_host_of_another_age_is_read_too() -> None:
    host = Host(
        cpu_info={"modelname": "Intel(R) Xeon(R) CPU%_%_%_ X3450%_@ 2.67GHz", "cpu_count": "8"},
        other_config={"boot_time": "1350488261.", "iscsi_iqn": "iqn.2012-10.com.example:1"},
    )
    assert host_facts.cpu_model(host) == "Intel(R) Xeon(R) CPU X3450 @ 2.67GHz"
    assert host_facts.cores(host) == "8"
    assert host_facts.started_s(host) == 1350488261.0
    assert host_facts.iqn(host) == "iqn.2012-10.com.example:1"
    assert host_facts.started_s(Host(other_config={"boot_time": "never"})) is None


def test_sums_skip_gaps() -> None:
    pairs = {
        "eth0": Pair((1.0, NAN, NAN), (0.0, 0.0, 0.0)),
        "eth1": Pair((2.0, 3.0, NAN), (0.5, 0.5, 0.5)),
    }
    line = series.received(pairs)
    assert line[:2] == [3.0, 3.0]
    assert math.isnan(line[2])
    assert series.sent(pairs) == [0.5, 0.5, 0.5]
    assert series.received({}) == []


def test_a_pool_is_its_hosts_where_their_times_meet() -> None:
    small = Lines(times=(5, 10), cpu=(0.5, 1.0), memory_used=(1.0, 2.0), memory_total=(4.0, 4.0))
    large = Lines(times=(10, 15), cpu=(0.0, NAN), memory_used=(3.0, NAN), memory_total=(8.0, 8.0))
    pool = series.pool_lines([(small, 1), (large, 3)])
    assert list(pool.times) == [5, 10, 15]
    assert pool.memory_used[1] == 5.0
    assert math.isnan(pool.memory_used[2])
    assert pool.cpu[1] == pytest.approx(0.25)
    assert pool.network == {}


def test_a_host_with_no_measure_leaves_the_others() -> None:
    lines = Lines(times=(5,), cpu=(0.5,), network={"eth0": Pair((7.0,), (1.0,))})
    pool = series.pool_lines([(lines, 2), (Lines(), 2)])
    assert list(pool.network[series.WHOLE].received) == [7.0]
