"""Worlds of any size."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from xolite_qt.demo_host import DemoHost
from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.host import Clock
from xolite_qt.demo_host.worlds import generate_world, store_alarms


class StandingClock(Clock):
    """A time that does not pass."""

    def time_s(self) -> float:
        return 1_750_000_000.0


def generated(*, hosts: int, vms: int, alarms: int = 0, seed: int = 5) -> DemoHost:
    host = DemoHost(seed=seed)
    host.clock = StandingClock()
    generate_world(host, hosts=hosts, vms=vms, alarms=alarms)
    return host


def test_counts() -> None:
    db = generated(hosts=20, vms=200, alarms=30).db
    assert {
        cls: len(db.refs(cls)) for cls in ("host", "host_metrics", "VM", "VBD", "VDI", "VIF")
    } == {
        "host": 20,
        "host_metrics": 20,
        "VM": 200,
        "VBD": 200,
        "VDI": 200,
        "VIF": 200,
    }
    assert len(db.refs("message")) == 30
    assert max(len(sr["PBDs"]) for sr in db.records("SR").values()) <= 16


def test_running_vms_have_a_host_and_guest_metrics() -> None:
    db = generated(hosts=4, vms=100).db
    states: Counter[str] = Counter()
    for ref, vm in db.records("VM").items():
        running = vm["power_state"] == "Running"
        states[vm["power_state"]] += 1
        assert db.exists("VM_metrics", vm["metrics"])
        assert db.exists("VM_guest_metrics", vm["guest_metrics"]) == running
        assert (vm["resident_on"] != NULL_REF) == running
        if running:
            assert ref in db.get("host", vm["resident_on"])["resident_VMs"]
        assert len(vm["VBDs"]) == len(vm["VIFs"]) == 1
    assert states["Running"] > states["Halted"] > 0


def test_records_are_as_big_as_real_ones() -> None:
    db = generated(hosts=2, vms=60).db
    sizes = [len(bytes(db.raw_record("VM", ref))) for ref in db.refs("VM")]
    assert 4000 < sum(sizes) / len(sizes) < 5200


def test_same_seed_same_world() -> None:
    first, second, other = (generated(hosts=3, vms=40, alarms=9, seed=s) for s in (5, 5, 6))
    for cls in first.db.tables:
        assert first.db.records(cls) == second.db.records(cls)
    assert first.db.refs("VM") != other.db.refs("VM")


def test_alarms_need_a_vm_and_a_pool_needs_a_host() -> None:
    with pytest.raises(ValueError, match="VM"):
        store_alarms(generated(hosts=1, vms=0), 1)
    with pytest.raises(ValueError, match="host"):
        generate_world(DemoHost(), hosts=0, vms=1)


def test_a_big_world_takes_seconds_only() -> None:
    began = time.monotonic()
    generated(hosts=100, vms=1000, alarms=1000)
    assert time.monotonic() - began < 20
