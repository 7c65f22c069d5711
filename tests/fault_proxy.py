"""A proxy in front of an S3 service that fails on demand, as services and networks do.

Each request is one connection's next; the body is read whole and sent on with the headers that the
client signed, `Host` included. Faults are looked up by method and path, and wear out.
"""

from __future__ import annotations

import http.client
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

Kind = Literal["status", "reset", "hang", "truncate", "wrong_etag", "slow"]
_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "te",
    "trailer",
    "expect",
    "upgrade",
}
_WRONG_ETAG = '"00000000000000000000000000000bad"'


@dataclass
class Fault:
    """What goes wrong, and how often.

    Attributes:
        kind: "status": an error answer; "reset": the connection is reset; "hang": nothing is
            answered any more; "truncate": the body ends early; "wrong_etag": the answer names
            another ETag; "slow": nothing but `latency_s`.
        method: of the requests that it befalls; a regular expression.
        path: the same for path and query, searched for.
        times: how many requests it befalls.
        skip: how many matching requests pass before.
        status, code: of the error answer.
        after: whether the request is passed on first, so that only its reply is lost.
        keep_bytes: how much of a truncated body is sent.
        latency_s: waited before anything else.
        retry_after: a header of the error answer.
        seen: how many requests it befell.
    """

    kind: Kind
    method: str = ".*"
    path: str = ""
    times: int = 1
    skip: int = 0
    status: int = 500
    code: str = "InternalError"
    after: bool = False
    keep_bytes: int = 0
    latency_s: float = 0.0
    retry_after: str = ""
    seen: int = field(default=0, init=False)

    def befalls(self, method: str, path: str) -> bool:
        """Whether it is this request's turn; counts."""
        if not re.fullmatch(self.method, method) or not re.search(self.path, path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.seen >= self.times:
            return False
        self.seen += 1
        return True


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        parts = urlsplit(upstream)
        self.upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.lock = threading.Lock()
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.ending = threading.Event()
        self.open: set[socket.socket] = set()

    def fault_for(self, method: str, path: str) -> Fault | None:
        with self.lock:
            self.requests.append((method, path))
            return next((fault for fault in self.faults if fault.befalls(method, path)), None)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are the purpose here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._up = http.client.HTTPConnection(*self.server.upstream, timeout=60)
        with self.server.lock:
            self.server.open.add(self.connection)

    def finish(self) -> None:
        with self.server.lock:
            self.server.open.discard(self.connection)
        self._up.close()
        super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Says nothing."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def handle_expect_100(self) -> bool:
        self.send_response_only(100)
        self.end_headers()
        self.wfile.flush()
        return True

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.fault_for(self.command, self.path)
        if fault is None:
            self._answer(*self._forward(body))
            return
        if fault.latency_s:
            time.sleep(fault.latency_s)
        before = fault.kind in ("status", "reset", "hang") and not fault.after
        status, headers, answer = (0, [], b"") if before else self._forward(body)
        if fault.kind == "status":
            self._fail(fault)
        elif fault.kind == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._hang_up()
        elif fault.kind == "hang":
            # Until the client has had enough: its end is the only thing that can be read.
            self.connection.settimeout(30)
            self.rfile.read(1)
            self._hang_up()
        elif fault.kind == "truncate":
            self._answer(status, headers, answer, keep=fault.keep_bytes)
        elif fault.kind == "wrong_etag":
            answer = re.sub(rb'(&#34;|&quot;|")[0-9a-f]{32}(-\d+)?(&#34;|&quot;|")', b"bad", answer)
            changed = [(n, _WRONG_ETAG if n.lower() == "etag" else v) for n, v in headers]
            self._answer(status, changed, answer)
        else:
            self._answer(status, headers, answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _do

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        for fresh in (False, True):
            try:
                self._up.putrequest(
                    self.command, self.path, skip_host=True, skip_accept_encoding=True
                )
                for name, value in self.headers.items():
                    if name.lower() not in _HOP_BY_HOP:
                        self._up.putheader(name, value)
                self._up.endheaders(body or None)
                reply = self._up.getresponse()
                return reply.status, reply.getheaders(), reply.read()
            except (http.client.HTTPException, OSError):
                # The service may close what was idle for long.
                self._up.close()
                if fresh:
                    raise
        raise AssertionError

    def _answer(
        self, status: int, headers: list[tuple[str, str]], body: bytes, keep: int | None = None
    ) -> None:
        self.send_response_only(status)
        length = str(len(body))
        for name, value in headers:
            if name.lower() == "content-length":
                # A HEAD announces what it does not send.
                length = value if self.command == "HEAD" else length
            elif name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        if keep is not None and not body and self.command != "HEAD":
            length = "1000"
        if status != 204:
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if keep is None else body[:keep])
        self.wfile.flush()
        if keep is not None:
            self._hang_up()

    def _fail(self, fault: Fault) -> None:
        body = b""
        if self.command != "HEAD":
            body = (
                '<?xml version="1.0" encoding="UTF-8"?>\n'
                f"<Error><Code>{fault.code}</Code><Message>on purpose</Message></Error>"
            ).encode()
        headers = [("Content-Type", "application/xml")]
        if fault.retry_after:
            headers.append(("Retry-After", fault.retry_after))
        self._answer(fault.status, headers, body)

    def _hang_up(self) -> None:
        self.close_connection = True
        # The handler's own files keep the socket; closing all of it makes a reset go out.
        self.wfile.flush()
        self.connection.close()


class FaultProxy:
    """A context manager: a service's other, worse address."""

    def __init__(self, upstream: str) -> None:
        """Args: upstream: the service's URL."""
        self._server = _Server(upstream)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="fault-proxy"
        )
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        with self._server.lock:
            left = list(self._server.open)
        for one in left:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._server.server_close()

    @contextmanager
    def failing(self, *faults: Fault) -> Iterator[None]:
        """These faults hold in the block, and no others."""
        with self._server.lock:
            self._server.faults = list(faults)
        try:
            yield
        finally:
            with self._server.lock:
                self._server.faults = []

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Every request so far: method, path with its query."""
        with self._server.lock:
            return list(self._server.requests)
