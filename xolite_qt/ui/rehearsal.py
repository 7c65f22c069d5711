"""A rehearsal of work: what it reads is read, what it would write is only noted.

Any `ui.deeds.Work` can be given a rehearsal instead of the connection; what comes out is the exact
list of calls, to be read before they are made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

PLANNED = "OpaqueRef:planned-"
"""How references of what does not exist yet begin; the number of the call follows."""

_READS = ("get_", "assert_", "query_", "probe", "check_", "is_", "retrieve_wlb")
_READING_PLUGIN_CALLS = {
    ("updater.py", "check_update"),
    ("updater.py", "query_installed"),
    ("lsblk.py", "list_block_devices"),
}


@dataclass(frozen=True)
class PlannedCall:
    """One call that the work would make.

    Attributes:
        method: "VM.start", without `Async.`.
        params: its parameters without the session; references made by calls before are written
            `OpaqueRef:planned-N`, N counting from 0.
    """

    method: str
    params: tuple[Any, ...]


class _Done:
    """The answer of `run`: at once, and nothing to cancel."""

    progress = 1.0
    done = True
    task_ref = None

    def __init__(self, method: str, work: Callable[[], Awaitable[Any]]) -> None:
        self.method = method
        self._work = work

    def __await__(self) -> Generator[Any, None, Any]:
        return self._work().__await__()

    def on_progress(self, callback: Callable[[float], object]) -> Any:
        """Nothing goes on."""

        class _Nothing:
            def remove(self) -> None:
                """Nothing was registered."""

        return _Nothing()

    async def cancel(self) -> None:
        """Nothing goes on."""


class Rehearsal:
    """Stands in for a connection.

    Args:
        api: the connection that reads come from.

    Attributes:
        calls: what would have been written, in order.
    """

    def __init__(self, api: Any) -> None:
        self._api = api
        self.calls: list[PlannedCall] = []

    @property
    def is_rehearsal(self) -> bool:
        """True; a connection does not have it. For work that moves data beside its calls."""
        return True

    def __getattr__(self, name: str) -> Any:
        # What is neither a call nor a record: address, user, events.
        return getattr(self._api, name)

    async def call(self, method: str, *params: Any, timeout_s: float | None = None) -> Any:
        """Reads for real, or notes."""
        if reads(method, params):
            return await self._api.call(method, *params, timeout_s=timeout_s)
        self.calls.append(PlannedCall(method, params))
        return f"{PLANNED}{len(self.calls) - 1}"

    def run(self, method: str, *params: Any) -> _Done:
        """Notes; await it as a task."""
        return _Done(method, lambda: self.call(method, *params))


def reads(method: str, params: tuple[Any, ...] = ()) -> bool:
    """Whether a call changes nothing on the host."""
    verb = method.rpartition(".")[2]
    if verb == "call_plugin":
        return tuple(params[1:3]) in _READING_PLUGIN_CALLS
    return verb.startswith(_READS)


async def rehearse(api: Any, works: Sequence[Callable[[Any], Awaitable[Any]]]) -> list[PlannedCall]:
    """The calls of several pieces of work, one after the other.

    Raises:
        XenApiError: something that the work reads could not be read.
    """
    rehearsal = Rehearsal(api)
    for work in works:
        await work(rehearsal)
    return rehearsal.calls
