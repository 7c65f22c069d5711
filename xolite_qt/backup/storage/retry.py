"""Trying again: one policy for every operation of every storage.

Storages in the wild answer with any code at any time: a 403 in the middle of ten thousand good
writes, a 404 on a put, a connection that just falls silent. So whatever is no definite answer
(`BackupError`) is tried again until the budget of the operation is spent. Refused logins have a
smaller number of tries, since repeating them for ten minutes per block helps nobody.
"""

from __future__ import annotations

import email.utils
import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception
from tenacity.wait import wait_base

from xolite_qt.backup.errors import AccessDenied, BackupError, StorageError, Unreachable

T = TypeVar("T")

_log = logging.getLogger(__name__)
# A budget counts as spent this close to its end: no sleep is shorter.
_GRAIN_S = 0.001


class Again(Exception):  # noqa: N818 - says what to do
    """A try failed in a way that the next try may not.

    Attributes:
        what: what happened, as part of a sentence, without secrets.
        retry_after_s: how long the storage asks to be left alone, where it says so.
        refusal: what it means when it happens `access_tries` times; None where only the budget
            counts.
        for_all: whether that ends all operations of the storage and not only this one.
    """

    def __init__(
        self,
        what: str,
        *,
        retry_after_s: float | None = None,
        refusal: type[StorageError] | None = None,
        for_all: bool = False,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.retry_after_s = retry_after_s
        self.refusal = refusal
        self.for_all = for_all


class Breaker:
    """Remembers that a storage refuses us for good, so that nobody asks it once more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._error: StorageError | None = None

    def open(self, error: StorageError) -> None:
        """From now on `check` raises this; the first error stays."""
        with self._lock:
            self._error = self._error or error

    def check(self) -> None:
        """Raises: StorageError: a copy of what `open` was given."""
        error = self._error
        if error is not None:
            raise type(error)(error.path, error.what)


def retry_after_s(header: str | None, now_s: float) -> float | None:
    """What a `Retry-After` header asks for: seconds, or a date as HTTP has them.

    Args:
        header: its value; None where there was none.
        now_s: seconds since 1970.

    Returns:
        Seconds from now, never negative; None where it says nothing that can be understood.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:12]), 10**9))
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now_s)
    except (TypeError, ValueError, OverflowError):
        return None


class _Jitter(wait_base):
    """Decorrelated jitter: each wait is drawn between the first and three times the last one."""

    def __init__(self, policy: RetryPolicy, deadline_s: float) -> None:
        self._policy, self._deadline_s = policy, deadline_s
        self._last_s = policy.first_s

    def __call__(self, retry_state: RetryCallState) -> float:
        policy = self._policy
        drawn_s = policy.chance.uniform(policy.first_s, max(policy.first_s, self._last_s * 3))
        self._last_s = wait_s = min(policy.cap_s, drawn_s)
        error = _error_of(retry_state)
        if isinstance(error, Again) and error.retry_after_s is not None:
            wait_s = max(wait_s, error.retry_after_s)
        # The last try falls on the very end of the budget rather than not taking place.
        return max(0.0, min(wait_s, self._deadline_s - policy.clock()))


@dataclass(frozen=True)
class RetryPolicy:
    """How long, how often, and how fast something is tried again.

    Attributes:
        budget_s: wall-clock seconds for one operation; a try that runs when they end is awaited.
        first_s: the shortest wait.
        cap_s: the longest wait, unless the storage asks for more.
        access_tries: how often a refused login is tried.
        idle_timeout_s: a connection that is silent for so long is given up.
        sleep: waits for seconds.
        clock: seconds that only go up.
        chance: for the jitter.
    """

    budget_s: float = 600.0
    first_s: float = 0.1
    cap_s: float = 60.0
    access_tries: int = 9
    idle_timeout_s: float = 60.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False, compare=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False, compare=False)
    chance: random.Random = field(default_factory=random.Random, repr=False, compare=False)

    def run(
        self, what: str, path: str, work: Callable[[], T], *, breaker: Breaker | None = None
    ) -> T:
        """Calls `work` until it returns, gives a definite answer, or patience ends.

        Args:
            what: the operation's verb, for messages: "write", "list" …
            path: the file it is about.
            work: one try. A `BackupError` is a definite answer; `Again` and `OSError` are not;
                anything else is a mistake of ours and passes through.
            breaker: of the storage; opened by refusals that hold for all its operations.

        Raises:
            AccessDenied: the login was refused `access_tries` times, or `breaker` is open.
            Unreachable: the budget is spent.
            StorageError: as `Again.refusal` says, or as `work` raised it.
        """
        return _Run(self, what, path, breaker or Breaker()).call(work)


class _Run:
    """One operation on its way."""

    def __init__(self, policy: RetryPolicy, what: str, path: str, breaker: Breaker) -> None:
        self._policy, self._what, self._path, self._breaker = policy, what, path, breaker
        self._began_s = policy.clock()
        self._refused = 0

    def call(self, work: Callable[[], T]) -> T:
        def one_try() -> T:
            self._breaker.check()
            return work()

        policy = self._policy
        retrying = Retrying(
            sleep=policy.sleep,
            stop=self._is_over,
            wait=_Jitter(policy, self._began_s + policy.budget_s),
            retry=retry_if_exception(_may_pass),
            before_sleep=self._tell,
            retry_error_callback=self._give_up,
        )
        return retrying(one_try)

    def _is_over(self, state: RetryCallState) -> bool:
        error = _error_of(state)
        if isinstance(error, Again) and error.refusal is not None:
            self._refused += 1
            if self._refused >= self._policy.access_tries:
                return True
        return self._policy.clock() - self._began_s >= self._policy.budget_s - _GRAIN_S

    def _tell(self, state: RetryCallState) -> None:
        _log.info(
            "%s of %s failed at try %d: %s; again in %.1f s",
            self._what,
            self._path or "the storage",
            state.attempt_number,
            _words(_error_of(state)),
            state.upcoming_sleep,
        )

    def _give_up(self, state: RetryCallState) -> NoReturn:
        error = _error_of(state)
        last = _words(error)
        if isinstance(error, Again) and error.refusal is not None:
            if self._refused >= self._policy.access_tries:
                tries = f"{self._what} was refused {self._refused} times"
                refusal = error.refusal(self._path, f"{last} ({tries})")
                if error.for_all:
                    self._breaker.open(refusal)
                raise refusal from error
            if error.refusal is AccessDenied:
                raise AccessDenied(self._path, f"{last} ({self._what})") from error
        seconds = self._policy.clock() - self._began_s
        raise Unreachable(
            self._path,
            f"{self._what} did not work in {state.attempt_number} tries within {seconds:.0f} s, "
            f"at last: {last}",
        ) from error


def _error_of(state: RetryCallState) -> BaseException | None:
    return None if state.outcome is None else state.outcome.exception()


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, (Again, OSError)) and not isinstance(error, BackupError)


def _words(error: BaseException | None) -> str:
    """An error as part of a sentence; `Again` has no secrets, errors of the system neither."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
