"""A small server that says what a test tells it to, over real sockets.

Not the demo host: it knows no objects. It knows sessions, tokens and events, and every call can be
answered by a function of the test.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

USER, PASSWORD = "root", "correct horse"


class Refusal(Exception):
    """The host says no."""

    def __init__(self, code: str, *params: str) -> None:
        super().__init__(code, *params)
        self.code = code
        self.params = params


class Bytes(Exception):
    """Instead of an answer: these bytes as the body."""

    def __init__(
        self,
        body: bytes,
        status: int = 200,
        content_type: str = "application/json",
    ) -> None:
        super().__init__(status)
        self.body = body
        self.status = status
        self.content_type = content_type


class Cut(Exception):
    """Instead of an answer: the connection is cut, after this much of a body."""

    def __init__(self, after: bytes = b"") -> None:
        super().__init__(after)
        self.after = after


Answer = Callable[..., Any]


class ScriptedHost:
    """One host.

    Attributes:
        calls: every call that came: method and parameters without the session.
        answers: method -> function of the parameters; it may be a coroutine, raise Refusal, Bytes
            or Cut.
        sessions: references that are valid now.
    """

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[tuple[str, list[Any]]] = []
        self.requests: list[web.Request] = []
        self.answers: dict[str, Answer] = {}
        self.sessions: set[str] = set()
        self.session_count = 0
        self.generation = 100
        self.events: list[tuple[int, dict[str, Any]]] = []
        self.messages: list[tuple[int, dict[str, Any]]] = []
        self.message_generation = 0
        self.ref_counts: dict[str, int] = {}
        self.routes: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {}
        self._wake = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._runner: web.AppRunner | None = None
        self._port = 0
        self._tls: ssl.SSLContext | None = None

    # -- life

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls or self._tls
        app = web.Application(client_max_size=1 << 30)
        app.router.add_post("/jsonrpc", self._rpc)
        app.router.add_get("/{path:.*}", self._get)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.05
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._tls)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        return self._port

    async def stop(self) -> None:
        """Gone: connections are cut, new ones refused; `start` brings it back on the same port."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    # -- events

    def emit(self, cls: str, operation: str, ref: str, snapshot: Any = None) -> None:
        self.generation += 1
        event: dict[str, Any] = {
            "id": str(self.generation),
            "timestamp": "0.0",
            "class": cls,
            "operation": operation,
            "ref": ref,
        }
        if operation != "del":
            event["snapshot"] = snapshot if snapshot is not None else {"uuid": ref[-3:]}
        self.events.append((self.generation, event))
        self._wake.set()

    def store_message(self, ref: str, **fields: Any) -> None:
        self.message_generation += 1
        event = {
            "id": "0",
            "timestamp": "0.0",
            "class": "message",
            "operation": "add",
            "ref": ref,
            "snapshot": {"name": "ALARM", **fields},
        }
        self.messages.append((self.message_generation, event))
        self._wake.set()

    def polls(self) -> list[list[str]]:
        """The classes of every `event.from` that came."""
        return [params[0] for method, params in self.calls if method == "event.from"]

    def tokens(self) -> list[str]:
        """The token of every `event.from` that came."""
        return [params[1] for method, params in self.calls if method == "event.from"]

    def count(self, method: str) -> int:
        return sum(1 for name, _ in self.calls if name == method)

    async def event_from(self, classes: list[str], token: str, timeout: float) -> Any:
        generation, messages = (int(part) for part in token.split(","))
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            batch: list[dict[str, Any]] = []
            # As the host: the message half is kept only where messages are asked for.
            seen = 0
            if "message" in classes:
                seen = messages
                for number, event in self.messages:
                    if number > messages:
                        batch.append(event)
                        seen = max(seen, number)
            last = generation
            for number, event in self.events:
                if number > generation and event["class"] in classes:
                    batch.append(event)
                    last = max(last, number)
            left_s = deadline - asyncio.get_running_loop().time()
            if batch or left_s <= 0:
                return {
                    "events": batch,
                    "valid_ref_counts": self.ref_counts,
                    "token": f"{last:020d},{seen:020d}",
                }
            self._wake.clear()
            try:
                async with asyncio.timeout(left_s):
                    await self._wake.wait()
            except TimeoutError:
                pass

    # -- the wire

    async def _rpc(self, request: web.Request) -> web.StreamResponse:
        question = json.loads(await request.read())
        method, params = question["method"], list(question["params"])
        id_ = question["id"]
        try:
            answer: dict[str, Any] = {
                "jsonrpc": "2.0",
                "result": await self._answer(method, params),
            }
        except Refusal as no:
            answer = {
                "jsonrpc": "2.0",
                "error": {"code": 1, "message": no.code, "data": list(no.params)},
            }
        except Bytes as raw:
            return web.Response(
                body=raw.body, status=raw.status, headers={"Content-Type": raw.content_type}
            )
        except Cut as cut:
            if cut.after:
                response = web.StreamResponse(headers={"Content-Length": "1000000"})
                await response.prepare(request)
                await response.write(cut.after)
            assert request.transport is not None
            request.transport.abort()
            raise asyncio.CancelledError from None
        body = json.dumps({**answer, "id": id_}, separators=(",", ":")).encode()
        return web.Response(body=body, headers={"Content-Type": "application/json"})

    async def _answer(self, method: str, params: list[Any]) -> Any:
        if method == "session.login_with_password":
            self.calls.append((method, params))
            return await self._given(method, params, self.login)
        if method != "system.listMethods":
            session = params.pop(0) if params else None
            self.calls.append((method, params))
            if session not in self.sessions:
                raise Refusal("SESSION_INVALID", str(session))
            if method == "session.logout":
                self.sessions.discard(session)
        else:
            self.calls.append((method, params))
        usual: dict[str, Answer] = {
            "pool.get_all": lambda: ["OpaqueRef:pool"],
            "event.inject": lambda cls, ref: f"{self.generation:020d},{0:020d}",
            "event.from": self.event_from,
            "session.logout": lambda: "",
            "task.destroy": lambda ref: "",
        }
        return await self._given(method, params, usual.get(method))

    async def _given(self, method: str, params: list[Any], usual: Answer | None) -> Any:
        answer = self.answers.get(method, usual)
        if answer is None:
            raise Refusal("MESSAGE_METHOD_UNKNOWN", method)
        result = answer(*params)
        return await result if asyncio.iscoroutine(result) else result

    def login(self, user: str, password: str, *_: Any) -> str:
        if (user, password) != (USER, PASSWORD):
            raise Refusal("SESSION_AUTHENTICATION_FAILED", user, "Authentication failure")
        self.session_count += 1
        ref = f"OpaqueRef:session-{self.session_count}"
        self.sessions.add(ref)
        return ref

    def expire_sessions(self) -> None:
        """As a logout does, waiting polls are told at once."""
        self.sessions.clear()
        waiting, self._wake = self._wake, asyncio.Event()
        waiting.set()

    async def _get(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if request.cookies.get("session_id") not in self.sessions:
            return web.Response(status=401, text="<html>401</html>")
        return await self.routes[request.path](request)


@asynccontextmanager
async def scripted_host(tls: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedHost]:
    host = ScriptedHost()
    await host.start(tls)
    try:
        yield host
    finally:
        await host.stop()


async def until(condition: Callable[[], Any], timeout_s: float = 5.0) -> None:
    """Waits for something to become true."""
    async with asyncio.timeout(timeout_s):
        # Real sockets are waited for: there is no event of ours to wait on.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
