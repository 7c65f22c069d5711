"""The HTTP server in front of a demo host. Loopback only.

Source: `xapi.md` 1.1.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import ipaddress
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from aiohttp import web

from .calls import CallRecord
from .consoles import Porter
from .registry import HTTP_ROUTES, Failure
from .reply import CORS, HTML, Reply, internal_error_page
from .sessions import Session
from .wire_json import answer_json
from .wire_xml import answer_xml

if TYPE_CHECKING:
    from .host import DemoHost

log = logging.getLogger(__name__)

BODY_LIMIT = 64 * 1024 * 1024
PIECE = 256 * 1024
# How much of a body waits for its reader: disks come through here.
READ_BYTES = 1 << 20
JSON_PATHS = {"/jsonrpc", "/json"}
XML_PATHS = {"/", "/RPC2"}
REALM = 'Basic realm="xolite demo host"'


def parse_listen(listen: str) -> tuple[str, int]:
    """Split "address:port".

    Returns:
        The address and the port.

    Raises:
        ValueError: no port, or not a loopback address.
    """
    address, colon, port = listen.rpartition(":")
    address = address.strip("[]")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{listen!r} is not ADDRESS:PORT")
    try:
        loopback = address == "localhost" or ipaddress.ip_address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ValueError(
            f"the demo host listens on loopback addresses only, such as 127.0.0.1, not on {address}"
        )
    return address, int(port)


class Server:
    """Sockets, connections, and the way from a request to its answer.

    Attributes:
        url: where it serves, once started.
    """

    def __init__(self, host: DemoHost, listen: str, *, plain_http: bool) -> None:
        self._host = host
        self._address, self._port = parse_listen(listen)
        self._plain = plain_http
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self._members: list[asyncio.Server] = []
        # Tunnels, and connections that have not said anything yet.
        self._silent: set[asyncio.Transport] = set()
        self.url = ""

    async def start(self) -> None:
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=0.1, read_bufsize=READ_BYTES
        )
        await self._runner.setup()
        await self._listen()
        shown = f"[{self._address}]" if ":" in self._address else self._address
        self.url = f"{'http' if self._plain else 'https'}://{shown}:{self._port}"

    async def _listen(self) -> None:
        assert self._runner is not None
        context = (
            None if self._plain else await asyncio.to_thread(self._host.certificate.server_context)
        )
        http = self._runner.server
        assert http is not None
        self._listener = await asyncio.get_running_loop().create_server(
            lambda: Porter(http, self._host.consoles.serve, self._silent),
            self._address,
            self._port,
            ssl=context,
            backlog=128,
            reuse_address=True,
        )
        self._port = self._listener.sockets[0].getsockname()[1]

    async def serve_members(self, addresses: Iterable[str]) -> list[str]:
        """Also answers for other hosts of the pool, on the same port of their addresses.

        Returns:
            The addresses that could be taken: not every system has more than one on its loopback.
        """
        assert self._runner is not None
        http = self._runner.server
        assert http is not None
        context = None if self._plain else self._host.certificate.server_context()
        taken = []
        for address in addresses:
            with contextlib.suppress(OSError):
                self._members.append(
                    await asyncio.get_running_loop().create_server(
                        lambda: Porter(http, self._host.consoles.serve, self._silent),
                        address,
                        self._port,
                        ssl=context,
                        reuse_address=True,
                    )
                )
                taken.append(address)
        return taken

    async def stop(self) -> None:
        for member in self._members:
            member.close()
        self._members.clear()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self.drop_connections()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def drop_connections(self) -> int:
        """Cut every open connection.

        Returns:
            How many were cut.
        """
        server = self._runner.server if self._runner else None
        connections = server.connections if server else []
        for connection in connections:
            if connection.transport is not None:
                connection.transport.abort()
        others = list(self._silent)
        for transport in others:
            transport.abort()
        return len(connections) + len(others)

    async def stop_listening(self, seconds: float) -> None:
        """Refuse connections for a while, then listen on the same port again."""
        if self._listener is None:
            return
        self._listener.close()
        self._listener = None
        self.drop_connections()
        await asyncio.sleep(seconds)
        await self._listen()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        record = CallRecord(f"{request.method} {request.path}")
        self._host.calls.append(record)
        path = request.path
        if request.method == "OPTIONS":
            return web.Response(headers=CORS)
        if request.method == "POST" and path in JSON_PATHS | XML_PATHS:
            try:
                body = await request.read()
            except web.HTTPRequestEntityTooLarge:
                return self._response(internal_error_page("request body too large"))
            answer = answer_json if path in JSON_PATHS else answer_xml
            reply = await answer(self._host, body, record)
            record.error = reply.error
            return await self._send(request, reply, record)
        return await self._handle_http(request, record)

    # RPC

    @staticmethod
    def _response(reply: Reply) -> web.Response:
        response = web.Response(
            body=reply.body,
            status=reply.status,
            headers={**CORS, "Content-Type": reply.content_type},
        )
        if reply.close:
            response.force_close()
            response.headers["Connection"] = "close"
        return response

    async def _send(
        self, request: web.Request, reply: Reply, record: CallRecord
    ) -> web.StreamResponse:
        spoiled = self._host.faults.take_spoiled()
        if spoiled == "garbage":
            reply.body = bytes(self._host.rng.randrange(256) for _ in range(200))
        record.bytes_out = len(reply.body)
        if spoiled == "half":
            return await self._send_half(request, reply)
        if len(reply.body) > PIECE:
            return await self._send_big(request, reply)
        return self._response(reply)

    async def _send_big(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        """Write tens of megabytes in pieces, so that others are served in between."""
        response = web.StreamResponse(headers={**CORS, "Content-Type": reply.content_type})
        response.content_length = len(reply.body)
        # A client that hung up meanwhile (a poll that was interrupted) is no fault of ours.
        with contextlib.suppress(ConnectionResetError):
            await response.prepare(request)
            view = memoryview(reply.body)
            for start in range(0, len(view), PIECE):
                await response.write(view[start : start + PIECE])
            await response.write_eof()
        return response

    async def _send_half(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(headers={**CORS, "Content-Type": reply.content_type})
        response.content_length = len(reply.body)
        # The client may have hung up before it got even that.
        with contextlib.suppress(ConnectionResetError):
            await response.prepare(request)
            await response.write(reply.body[: len(reply.body) // 2])
        if request.transport is not None:
            # Closed, not aborted: the half must arrive.
            request.transport.close()
        return response

    # Other HTTP

    async def _handle_http(self, request: web.Request, record: CallRecord) -> web.StreamResponse:
        handler, authenticated = HTTP_ROUTES.get((request.method, request.path), (None, True))
        if handler is None:
            page = b"<html><body><h1>HTTP 404 not found</h1></body></html>"
            return self._response(Reply(page, HTML, status=404))
        try:
            await self._host.faults.before_answer()
            session, temporary = self._authenticate(request) if authenticated else (None, False)
        except Failure as failure:
            record.error = failure.code
            if failure.code == "SESSION_INVALID":
                return self._unauthorised()
            return self._response(internal_error_page(failure.code))
        if session is not None:
            self._host.request_sessions[id(request)] = session
        try:
            response = await handler(self._host, request)
        except Failure as failure:
            record.error = failure.code
            return self._response(internal_error_page(" ".join(failure.description)))
        finally:
            self._host.request_sessions.pop(id(request), None)
            if temporary and session is not None:
                self._host.sessions.end(session.ref)
        if isinstance(response, web.Response) and isinstance(response.body, bytes):
            record.bytes_out = len(response.body)
            response = self._spoil(response)
        return response

    def _spoil(self, response: web.Response) -> web.Response:
        spoiled = self._host.faults.take_spoiled()
        if isinstance(response.body, bytes) and spoiled in ("garbage", "half"):
            body = response.body
            response.body = b"\xff\x00garbage{" if spoiled == "garbage" else body[: len(body) // 2]
        return response

    def _authenticate(self, request: web.Request) -> tuple[Session, bool]:
        """Cookie first, then the query, then Basic.

        Returns:
            The session, and whether it is for this request only.

        Raises:
            Failure: SESSION_INVALID.
        """
        sessions = self._host.sessions
        ref = request.cookies.get("session_id") or request.query.get("session_id")
        if ref:
            return sessions.get(ref), False
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                text = base64.b64decode(encoded, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                text = ""
            user, _, password = text.partition(":")
            if sessions.password_fits(user, password):
                return sessions.open(user, f"{request.remote} using Basic auth"), True
        raise Failure("SESSION_INVALID", "")

    def _unauthorised(self) -> web.Response:
        page = b"<html><body><h1>HTTP 401 unauthorised</h1>Wrong or no credentials.</body></html>"
        response = self._response(Reply(page, HTML, status=401, close=True))
        response.headers["WWW-Authenticate"] = REALM
        return response
