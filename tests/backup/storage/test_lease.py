"""The lock among machines: one holder at a time, and none for ever."""

from __future__ import annotations

import json
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.backup.storage.s3_places import storage_at
from tests.fault_proxy import Fault, FaultProxy
from xolite_qt.backup.errors import Busy, Cancelled
from xolite_qt.backup.storage.lease import hold_lease
from xolite_qt.backup.storage.memory import MemoryStorage

PATH = ".xolite/lock"


def test_a_second_holder_is_told_who_is_first() -> None:
    storage = MemoryStorage()
    with (
        hold_lease(storage, PATH, "mail at desk") as lease,
        pytest.raises(Busy, match="is held by mail at desk"),
        hold_lease(storage, PATH, "other"),
    ):
        pass
    assert not lease.lost.is_set()
    assert storage.stat(PATH) is None
    with hold_lease(storage, PATH, "other"):
        assert json.loads(storage.read(PATH))["owner"] == "other"


def test_it_lives_as_long_as_its_block() -> None:
    storage = MemoryStorage()
    with hold_lease(storage, PATH, "first", ttl_s=0.3) as lease:
        with pytest.raises(Busy), hold_lease(storage, PATH, "second", ttl_s=0.3, wait_s=1.0):
            pass
        assert not lease.lost.is_set()


def test_whoever_waits_gets_it_afterwards() -> None:
    storage = MemoryStorage()
    order: list[str] = []

    def second() -> None:
        with hold_lease(storage, PATH, "second", wait_s=5.0):
            order.append("second")

    thread = threading.Thread(target=second)
    with hold_lease(storage, PATH, "first", ttl_s=1.0):
        thread.start()
        time.sleep(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_one_left_behind_is_taken_over_after_its_life() -> None:
    storage = MemoryStorage()
    left = {"owner": "crashed", "nonce": "n", "count": 4, "ttl_s": 0.4, "renewed_at": time.time()}
    storage.write(PATH, json.dumps(left).encode())
    with pytest.raises(Busy, match="crashed"), hold_lease(storage, PATH, "next"):
        pass
    began = time.monotonic()
    with hold_lease(storage, PATH, "next", wait_s=5.0):
        assert time.monotonic() - began >= 0.4


def test_a_very_old_one_is_not_waited_for() -> None:
    storage = MemoryStorage()
    old = {"owner": "x", "nonce": "n", "count": 1, "ttl_s": 60, "renewed_at": time.time() - 601}
    storage.write(PATH, json.dumps(old).encode())
    with hold_lease(storage, PATH, "next") as lease:
        assert not lease.lost.is_set()


@pytest.mark.logs_warnings
@settings(max_examples=30)
@given(st.binary(max_size=60) | st.sampled_from([b'{"ttl_s": 1e999}', b"[]", b"null"]))
def test_any_file_in_its_place_is_busy_or_old(data: bytes) -> None:
    storage = MemoryStorage()
    storage.write(PATH, data)
    with pytest.raises(Busy, match="unknown program"), hold_lease(storage, PATH, "next"):
        pass
    with hold_lease(storage, PATH, "next", ttl_s=0.01, wait_s=5.0):
        pass


@pytest.mark.logs_warnings
def test_the_holder_learns_that_it_was_robbed() -> None:
    storage = MemoryStorage()
    with hold_lease(storage, PATH, "first", ttl_s=0.3) as lease:
        storage.write(PATH, b"somebody's")
        assert lease.lost.wait(5)
    # What is not ours is not removed.
    assert storage.read(PATH) == b"somebody's"


@pytest.mark.logs_warnings
def test_the_holder_learns_in_time_that_nobody_answers(proxy: FaultProxy, bucket: str) -> None:
    storage = storage_at(proxy.url, bucket)
    with hold_lease(storage, PATH, "first", ttl_s=0.9) as lease:
        began = time.monotonic()
        with proxy.failing(Fault("slow", "PUT", latency_s=1.5)):
            assert lease.lost.wait(5)
            assert time.monotonic() - began < 1.3
    storage.close()


def test_waiting_ends_when_told() -> None:
    storage = MemoryStorage()
    stop = threading.Event()
    with hold_lease(storage, PATH, "first"):
        timer = threading.Timer(0.1, stop.set)
        timer.start()
        with pytest.raises(Cancelled), hold_lease(storage, PATH, "b", wait_s=60, stop=stop):
            pass
        timer.join()


def test_in_a_bucket_only_one_is_in_at_a_time(moto_url: str, bucket: str) -> None:
    inside, worst, visits = 0, 0, 0
    storage = storage_at(moto_url, bucket)
    guard = threading.Lock()

    def visit(name: str) -> None:
        nonlocal inside, worst, visits
        with hold_lease(storage, PATH, name, ttl_s=2.0, wait_s=20.0):
            with guard:
                inside += 1
                visits += 1
                worst = max(worst, inside)
            time.sleep(0.02)
            with guard:
                inside -= 1

    threads = [threading.Thread(target=visit, args=(str(n),)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (worst, visits) == (1, 5)
    storage.close()
