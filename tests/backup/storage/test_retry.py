"""The policy of trying again, on a clock that only its own sleeps move."""

from __future__ import annotations

import email.utils
import errno
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.backup.errors import AccessDenied, NoSpace, NotFound, StorageError, Unreachable
from xolite_qt.backup.storage.retry import Again, Breaker, RetryPolicy, retry_after_s

NOW_S = 1_767_319_200.0
MOMENT_S = 0.01


@dataclass
class Clock:
    """Time that passes with sleeps, and a little with each look at it."""

    now_s: float = 0.0
    slept_s: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds

    def policy(self, budget_s: float = 600.0, seed: int = 0, **more: float) -> RetryPolicy:
        return RetryPolicy(
            budget_s=budget_s,
            sleep=self.sleep,
            clock=lambda: self.now_s,
            chance=random.Random(seed),
            **more,  # type: ignore[arg-type]
        )


@dataclass
class Failing:
    """Work that fails so many times, each of which takes a moment."""

    clock: Clock
    error: Exception
    times: int
    takes_s: float = MOMENT_S
    calls: int = 0

    def __call__(self) -> str:
        self.calls += 1
        self.clock.now_s += self.takes_s
        if self.calls <= self.times:
            raise self.error
        return "done"


def refused() -> Again:
    return Again("the storage refuses access (403)", refusal=AccessDenied, for_all=True)


@given(times=st.integers(0, 12), seed=st.integers(0, 10**6))
def test_a_dozen_failures_are_survived(times: int, seed: int) -> None:
    clock = Clock()
    work = Failing(clock, Again("the storage answered 500"), times)
    assert clock.policy(seed=seed).run("write", "a", work) == "done"
    assert work.calls == times + 1
    assert all(0.1 <= wait <= 60.0 for wait in clock.slept_s)


@given(
    budget_s=st.floats(0.5, 2000),
    takes_s=st.floats(0.001, 90),
    seed=st.integers(0, 10**6),
    asked_s=st.none() | st.floats(0, 5000),
)
def test_the_budget_is_used_and_kept(
    budget_s: float, takes_s: float, seed: int, asked_s: float | None
) -> None:
    clock = Clock()
    work = Failing(clock, Again("the storage answered 503", retry_after_s=asked_s), 10**9, takes_s)
    with pytest.raises(Unreachable) as caught:
        clock.policy(budget_s, seed).run("write", "a/b", work)
    # All of the budget, and no more than the try that was running at its end.
    assert budget_s - 0.01 <= clock.now_s <= budget_s + takes_s + 0.01
    assert f"in {work.calls} tries" in str(caught.value)
    assert "503" in str(caught.value)
    assert caught.value.path == "a/b"


@given(st.integers(0, 10**6))
def test_waits_stay_between_their_bounds(seed: int) -> None:
    clock = Clock()
    with pytest.raises(Unreachable):
        clock.policy(3600, seed).run("write", "a", Failing(clock, OSError("cut"), 10**9))
    last_s = 0.1
    for wait_s in clock.slept_s[:-1]:
        assert 0.1 <= wait_s <= min(60.0, 3 * last_s) + 1e-9
        last_s = wait_s


def test_two_clients_do_not_wait_alike() -> None:
    waits = []
    for seed in (1, 2):
        clock = Clock()
        clock.policy(seed=seed).run("write", "a", Failing(clock, OSError("cut"), 5))
        waits.append(clock.slept_s)
    assert waits[0] != waits[1]


@given(st.floats(0, 500))
def test_a_storage_that_asks_for_peace_gets_it(asked_s: float) -> None:
    clock = Clock()
    work = Failing(clock, Again("the storage answered 429", retry_after_s=asked_s), 1)
    clock.policy().run("write", "a", work)
    assert clock.slept_s[0] >= asked_s


@given(st.integers(0, 10**7))
def test_retry_after_in_seconds_and_as_a_date(seconds: int) -> None:
    assert retry_after_s(str(seconds), NOW_S) == seconds
    date = email.utils.formatdate(NOW_S + seconds, usegmt=True)
    assert retry_after_s(date, NOW_S) == seconds


@given(st.text(max_size=40) | st.sampled_from(["", "-5", "Thu, 99 Foo 2026 00:00:00 GMT", "1e9"]))
def test_any_header_is_understood_or_ignored(header: str) -> None:
    seconds = retry_after_s(header, NOW_S)
    assert seconds is None or seconds >= 0


def test_a_date_that_has_passed_asks_for_nothing() -> None:
    assert retry_after_s(email.utils.formatdate(NOW_S - 50, usegmt=True), NOW_S) == 0
    assert retry_after_s(None, NOW_S) is None


def test_a_definite_answer_is_not_asked_for_twice() -> None:
    clock = Clock()
    work = Failing(clock, NotFound("a"), 10)
    with pytest.raises(NotFound):
        clock.policy().run("read", "a", work)
    assert work.calls == 1


def test_a_mistake_of_ours_passes_through() -> None:
    clock = Clock()
    work = Failing(clock, TypeError("wrong"), 10)
    with pytest.raises(TypeError):
        clock.policy().run("read", "a", work)
    assert work.calls == 1


def test_eight_refusals_are_survived_and_the_ninth_is_the_last() -> None:
    clock, breaker = Clock(), Breaker()
    assert clock.policy().run("write", "a", Failing(clock, refused(), 8), breaker=breaker)
    work = Failing(clock, refused(), 12)
    with pytest.raises(AccessDenied, match=r"^a: the storage refuses access \(403\)"):
        clock.policy().run("write", "a", work, breaker=breaker)
    assert work.calls == 9
    other = Failing(clock, refused(), 0)
    with pytest.raises(AccessDenied, match=r"^a: the storage refuses access \(403\)"):
        clock.policy().run("write", "b", other, breaker=breaker)
    assert other.calls == 0


def test_a_full_storage_still_lets_us_delete() -> None:
    clock, breaker = Clock(), Breaker()
    full = Again("the storage is full", refusal=NoSpace)
    with pytest.raises(NoSpace):
        clock.policy().run("write", "a", Failing(clock, full, 99), breaker=breaker)
    assert clock.policy().run("delete", "a", Failing(clock, full, 0), breaker=breaker)


def test_errors_of_the_system_are_tried_again_and_named() -> None:
    clock = Clock()
    error = OSError(errno.ESTALE, "Stale file handle")
    with pytest.raises(Unreachable, match="at last: Stale file handle"):
        clock.policy(budget_s=30).run("read", "a", Failing(clock, error, 10**9))


def test_each_failure_is_logged_as_information(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    with caplog.at_level("INFO"):
        clock.policy().run("write", "a/b", Failing(clock, Again("the storage answered 500"), 2))
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO"]
    assert "write of a/b failed at try 1: the storage answered 500; again in" in caplog.text


@given(st.sampled_from([AccessDenied, Unreachable, StorageError]), st.integers(1, 20))
def test_refusals_end_as_what_they_mean(kind: type[StorageError], tries: int) -> None:
    clock = Clock()
    work = Failing(clock, Again("no", refusal=kind), 10**9)
    policy = RetryPolicy(access_tries=tries, sleep=clock.sleep, clock=lambda: clock.now_s)
    with pytest.raises(kind):
        policy.run("write", "a", work)
    assert work.calls == tries
