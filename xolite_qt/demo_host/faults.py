"""The fault switch: make a host misbehave on purpose, as tests and trainings need it.

In the process through `host.faults`; from another process through the plugin call

    host.call_plugin(session, host, "xolite-demo", FUNCTION, {"seconds": "3", "count": "1"})

where FUNCTION is one of the public methods of `Faults` (`drop_connections`, `refuse`,
`expire_sessions`, `slow`, `lose_events`, `still_booting`, `garbage`, `half`, `wrong_types`,
`silent`, `restart_toolstack`, `linstor` with {"mode": …}, `clear`), or one of `TransferFaults`.
It answers with JSON text.
Seconds here are real ones: `host.speed` does not scale them. The same plugin swaps and writes
disks: see `disks.plugin`.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from .disks.plugin import DISK_FUNCTIONS, call_disk_plugin
from .registry import Call, Failure
from .transfer_faults import TRANSFER_FUNCTIONS, TransferFaults

if TYPE_CHECKING:
    from .host import DemoHost

PLUGIN = "xolite-demo"
LINSTOR_MODES = ("", "old", "bug", "odd", "garbage", "failure", "missing", "unreachable")


class Faults(TransferFaults):
    """Every fault of one host.

    Attributes:
        delay_s: every answer waits this long.
        spoiled: how the next answers are spoiled, one word each: garbage, half, wrong_types.
        linstor_mode: how the plug-in linstor-manager misbehaves; see `linstor`.
    """

    def __init__(self, host: DemoHost) -> None:
        super().__init__()
        self._host = host
        self.delay_s = 0.0
        self.spoiled: list[str] = []
        self.linstor_mode = ""
        self._booting_until = 0.0
        self._speaking: asyncio.Event | None = None
        self._events_lost: set[str] = set()
        self.failures: list[tuple[str, Failure]] = []

    # Connections

    def drop_connections(self) -> int:
        """Cut every open connection, answers under way included.

        Returns:
            How many were cut.
        """
        server = self._host.server
        return server.drop_connections() if server else 0

    def refuse(self, seconds: float) -> None:
        """Stop listening: new connections are refused; open ones are cut."""
        if self._host.server:
            self._host.spawn(self._host.server.stop_listening(seconds), name="refuse")

    def silent(self, seconds: float) -> None:
        """Accept and read, but answer nothing; what hangs is answered afterwards. 0 ends it."""
        if self._speaking is not None:
            self._speaking.set()
        self._speaking = asyncio.Event() if seconds > 0 else None
        if self._speaking is not None:
            self._host.later(seconds, self._speaking.set)

    def slow(self, seconds: float) -> None:
        """Answer everything this much later, until `slow(0)`."""
        self.delay_s = seconds

    # Sessions and start

    def expire_sessions(self) -> int:
        """End all sessions; whoever comes with one gets SESSION_INVALID.

        Returns:
            How many ended.
        """
        return self._host.sessions.end_all()

    def still_booting(self, seconds: float) -> None:
        """Answer every call with HOST_STILL_BOOTING. 0 ends it."""
        self._booting_until = self._now() + seconds

    def restart_toolstack(self, seconds: float = 1.0) -> None:
        """Go away and come back: connections cut and refused, then booting; sessions are gone."""
        host = self._host
        host.tasks.cancel_all()
        host.sessions.end_all()
        self.still_booting(seconds * 1.5)
        self.refuse(seconds)

    # Events

    def lose_events(self) -> None:
        """The next event.from of every session fails with EVENTS_LOST, waiting ones at once."""
        self._events_lost = self._host.sessions.refs()
        self._host.db.wake()

    def take_events_lost(self, session_ref: str) -> bool:
        """Whether this session has to be told; it is told once."""
        if session_ref in self._events_lost:
            self._events_lost.discard(session_ref)
            return True
        return False

    # Answers

    def garbage(self, count: int = 1) -> None:
        """The next answers are bytes without meaning."""
        self.spoiled += ["garbage"] * count

    def half(self, count: int = 1) -> None:
        """The next answers stop in the middle and the connection closes."""
        self.spoiled += ["half"] * count

    def wrong_types(self, count: int = 1) -> None:
        """The next answers have numbers for strings, strings for lists and so on."""
        self.spoiled += ["wrong_types"] * count

    def linstor(self, mode: str) -> None:
        """Let the plug-in linstor-manager misbehave until `linstor("")`.

        Args:
            mode: one of `LINSTOR_MODES`: an old answer without nodes and resources, the error of
                its own that some versions add, parts of wrong types and missing fields, text that
                is no JSON, a failed call, no such plug-in, a LINSTOR that can't be reached.

        Raises:
            ValueError: no such mode.
        """
        if mode not in LINSTOR_MODES:
            raise ValueError(f"no such mode: {mode}")
        self.linstor_mode = mode

    def fail(self, method: str, code: str, *params: object, count: int = 1) -> None:
        """Let the next calls of a method, plain or as a task, end with an error.

        Args:
            method: such as "VM.start".
            code: such as "HOST_NOT_ENOUGH_FREE_MEMORY".
            params: of the error.
            count: how many calls.
        """
        self.failures.extend([(method, Failure(code, *params))] * count)

    def take_failure(self, method: str) -> Failure | None:
        """What the call of `method` at hand is to end with, if anything."""
        for at, (wanted, failure) in enumerate(self.failures):
            if wanted == method:
                del self.failures[at]
                return failure
        return None

    def take_spoiled(self) -> str:
        """How to spoil the answer at hand, or ""."""
        return self.spoiled.pop(0) if self.spoiled else ""

    def clear(self) -> None:
        """Behave again."""
        self.failures.clear()
        self.clear_transfers()
        self.delay_s = 0.0
        self.spoiled.clear()
        self.linstor_mode = ""
        self._booting_until = 0.0
        self.silent(0)
        self._events_lost.clear()
        self._host.db.wake()

    async def before_answer(self) -> None:
        """Keep the caller waiting as long as the faults say.

        Raises:
            Failure: HOST_STILL_BOOTING [].
        """
        if self._speaking is not None:
            await self._speaking.wait()
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self._now() < self._booting_until:
            raise Failure("HOST_STILL_BOOTING")

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def spoil_types(value: Any) -> Any:
    """The same shape at the top, with wrong types one and two levels down."""
    if isinstance(value, dict):
        return {key: _spoil(item) for key, item in value.items()}
    return _spoil(value)


def _spoil(value: Any, depth: int = 1) -> Any:
    if isinstance(value, dict) and value and depth:
        return {key: _spoil(item, depth - 1) for key, item in value.items()}
    if isinstance(value, dict | list):
        return "neither list nor object"
    if isinstance(value, bool):
        return "yes"
    if isinstance(value, str):
        return 7
    return {"unexpected": value if isinstance(value, int) else None}


_WITH_SECONDS = {"refuse", "silent", "slow", "still_booting", "restart_toolstack"}
_WITH_COUNT = {"garbage", "half", "wrong_types"}
_PLAIN = {"drop_connections", "expire_sessions", "lose_events", "clear"}


async def call_fault_plugin(
    call: Call, host_ref: str, plugin: str, function: str, args: dict[str, str]
) -> str:
    """The plugin `xolite-demo`.

    Raises:
        Failure: XENAPI_PLUGIN_FAILURE, no such function or a parameter that is no number.
    """
    if function in DISK_FUNCTIONS:
        return await call_disk_plugin(call, function, args)
    faults = call.host.faults
    if function in TRANSFER_FUNCTIONS:
        faults.set_transfer(function, args)
        return json.dumps({"done": function, "count": None})
    wanted = _WITH_SECONDS | _WITH_COUNT | _PLAIN | {"linstor"}
    if function not in wanted:
        raise Failure("XENAPI_PLUGIN_FAILURE", "no such function", "", function)
    try:
        if function in _WITH_SECONDS:
            params: tuple[Any, ...] = (float(args.get("seconds", "1")),)
        elif function == "linstor":
            faults.linstor(args.get("mode", ""))
            return json.dumps({"done": function})
        else:
            params = (int(args.get("count", "1")),) if function in _WITH_COUNT else ()
    except ValueError as error:
        raise Failure("XENAPI_PLUGIN_FAILURE", "bad parameter", "", error) from None
    if function in ("drop_connections", "refuse", "restart_toolstack", "expire_sessions"):
        # The answer leaves first; then the connection that carried it may go.
        call.host.later(0.05, getattr(faults, function), *params)
        return json.dumps({"done": function})
    result = getattr(faults, function)(*params)
    return json.dumps({"done": function, "count": result})
