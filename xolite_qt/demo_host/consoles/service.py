"""Consoles of a demo host: who may look at what, and until when.

Source: `xapi.md` 1.13.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from xolite_qt.demo_host.calls import CallRecord
from xolite_qt.demo_host.registry import Failure

from .rfb_server import Viewer
from .screen import Screen
from .shell import Shell

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

HEAD_LIMIT_BYTES = 16 * 1024
_HEAD_S = 10.0
_OPENED = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nCache-Control: no-cache, no-store\r\n\r\n"
# A boot is seen even where everything else goes a hundred times as fast.
_BOOT_S, _LEAST_BOOT_S = 8.0, 1.2
_LIVE = ("Running", "Paused")


class _Refused(Exception):  # noqa: N818 - what happens to the caller
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Consoles:
    """Tunnels of one host.

    Attributes:
        screens: of VMs that somebody has looked at since they were switched on, by reference.
    """

    def __init__(self, host: DemoHost) -> None:
        self._host = host
        self._booted: dict[str, float] = {}
        self._sessions: Counter[str] = Counter()
        self._serving: set[asyncio.Task[None]] = set()
        self.screens: dict[str, Screen] = {}

    def switched_on(self, vm: str) -> None:
        """A VM boots now."""
        self._booted[vm] = time.monotonic()
        self.screens.pop(vm, None)

    async def stop(self) -> None:
        """Ends all tunnels."""
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection that began with CONNECT; closes it."""
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            try:
                async with asyncio.timeout(_HEAD_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                await self._tunnel(head, reader, writer)
            except _Refused as refused:
                writer.write(_answer(refused.status, refused.reason))
        except asyncio.CancelledError:
            # The host stops. The streams that own this task make noise of a cancelled one.
            return
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            # Whoever called has gone, or never meant it.
            return
        finally:
            self._serving.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _tunnel(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        path, query, cookies = _parsed(head)
        record = CallRecord(f"CONNECT {path}")
        self._host.calls.append(record)
        try:
            await self._host.faults.before_answer()
            self._host.sessions.get(cookies.get("session_id") or query.get("session_id", ""))
        except Failure as failure:
            record.error = failure.code
            if failure.code == "SESSION_INVALID":
                raise _Refused(401, "Unauthorised") from None
            raise _Refused(500, "Internal Server Error") from None
        if path != "/console":
            raise _Refused(404, "Not Found")
        console = self._find(query)
        vm = str(self._host.db.get("console", console)["VM"])
        if self._host.db.get("VM", vm)["power_state"] != "Running":
            raise _Refused(400, "Bad Request")
        if self._sessions[vm] and self._limited():
            raise _Refused(503, "Connection Limit Exceeded")
        self._sessions[vm] += 1
        try:
            writer.write(_OPENED)
            await self._serve(console, vm, reader, writer)
        finally:
            self._sessions[vm] -= 1

    async def _serve(
        self, console: str, vm: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        db = self._host.db
        record = db.get("VM", vm)

        def alive() -> bool:
            return (
                db.exists("console", console)
                and db.exists("VM", vm)
                and db.get("VM", vm)["power_state"] in _LIVE
            )

        if db.get("console", console)["protocol"] == "vt100":
            host = record["resident_on"]
            name = db.get("host", host)["hostname"] if db.exists("host", host) else "host"
            await Shell(reader, writer, name or "host", alive).serve()
            return
        name = str(record["name_label"])
        await Viewer(reader, writer, self._screen(vm, name), name, alive).serve()

    def _screen(self, vm: str, name: str) -> Screen:
        if vm not in self.screens:
            boots_s = max(_BOOT_S * self._host.speed, _LEAST_BOOT_S)
            left_s = 0.0
            if vm in self._booted:
                left_s = boots_s - (time.monotonic() - self._booted.pop(vm))
            self.screens[vm] = Screen(name, max(left_s, 0.0))
        return self.screens[vm]

    def _limited(self) -> bool:
        db = self._host.db
        return any(db.get("pool", ref).get("limit_console_sessions") for ref in db.refs("pool"))

    def _find(self, query: dict[str, str]) -> str:
        """The console that is asked for by its own name, or by its VM's.

        Raises:
            _Refused: there is none.
        """
        db = self._host.db
        ref = query.get("ref", "")
        if "uuid" in query:
            found = ""
            for cls in ("console", "VM"):
                with contextlib.suppress(Failure):
                    found = found or db.by_uuid(cls, query["uuid"])
            ref = found
        if db.exists("console", ref):
            return ref
        if db.exists("VM", ref):
            for console in db.get("VM", ref)["consoles"]:
                if db.exists("console", console):
                    return str(console)
        raise _Refused(404, "Not Found")


def _parsed(head: bytes) -> tuple[str, dict[str, str], dict[str, str]]:
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3:
        raise _Refused(400, "Bad Request")
    url = urlsplit(words[1])
    query = {key: values[0] for key, values in parse_qs(url.query).items()}
    cookies: dict[str, str] = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        if name.strip().lower() == "cookie":
            for pair in value.split(";"):
                key, _, text = pair.strip().partition("=")
                cookies[key] = unquote(text)
    return url.path, query, cookies


def _answer(status: int, reason: str) -> bytes:
    page = f"<html><body><h1>HTTP {status} {reason}</h1></body></html>".encode()
    head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Length: {len(page)}\r\n\r\n"
    return head.encode() + page
