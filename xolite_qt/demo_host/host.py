"""A demo host: its database, sessions, tasks, faults, and the server in front of them."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import pkgutil
import random
import secrets
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aiohttp import web

from .calls import CallRecord
from .certificate import HostCertificate, make_certificate
from .consoles import Consoles
from .datamodel import NULL_REF
from .db import Database
from .disks import Disks
from .dispatch import Dispatcher
from .faults import Faults
from .linstor import Linstor
from .nbd import NbdServer
from .registry import INSTALLERS, Failure
from .server import Server
from .sessions import Session, Sessions
from .tasks import Tasks
from .values import wire_datetime

log = logging.getLogger(__name__)

CALLS_KEPT = 100_000
REAP_EVERY_S = 60.0
# How long a thread waits for the loop.
STOP_S = 30.0

T = TypeVar("T")
AllowedOperations = Callable[["DemoHost", str], list[str]]


class Clock:
    """The time of the host."""

    def time_s(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def iso(self, offset_s: float = 0.0) -> str:
        """Now, or so many seconds later, in the form of the wire."""
        return wire_datetime(self.time_s() + offset_s)


@dataclass
class Running:
    """A host that serves.

    Attributes:
        url: "https://127.0.0.1:PORT".
        fingerprint: SHA-256 of the certificate as "AA:BB:…"; "" over plain http.
    """

    url: str
    user: str
    password: str
    fingerprint: str
    host: DemoHost

    async def stop(self) -> None:
        """Stop serving and end everything that runs."""
        await self.host.stop()


_MOST_MEMBERS = 15
_DAY_S = 86_400


class DemoHost:
    """A simulated host.

    Args:
        speed: factor on every duration; 1.0 takes as long as a real host, 0.01 suits tests.
        seed: the same seed gives the same references and the same world.
        user: who may log in.
        password: by default a new one per host.
        slave_of: address of a master; then every login answers HOST_IS_SLAVE with it.

    Attributes:
        db: the database.
        disks: what is on the disks.
        nbd: the server that disks are read from.
        consoles: screens and serial lines.
        calls: what was called, newest last.
        request_sessions: sessions of HTTP requests under way by their id(); see `session_of`.
        metrics: the metrics that a behaviour installs.
        linstor: what LINSTOR keeps; None in worlds without one.
    """

    def __init__(
        self,
        *,
        speed: float = 1.0,
        seed: int = 1,
        user: str = "root",
        password: str | None = None,
        slave_of: str = "",
    ) -> None:
        self.speed = speed
        self.seed = seed
        self.rng = random.Random(seed)
        self.user = user
        self.password = password or secrets.token_urlsafe(12)
        self.slave_of = slave_of
        # Of a recording: whoever connects may look, and change nothing.
        self.read_only = False
        self.clock = Clock()
        self.db = Database(random.Random(f"references {seed}"))
        self.sessions = Sessions(self)
        self.tasks = Tasks(self)
        self.faults = Faults(self)
        self.disks = Disks(self)
        self.nbd = NbdServer(self)
        self.consoles = Consoles(self)
        self.calls: deque[CallRecord] = deque(maxlen=CALLS_KEPT)
        self.request_sessions: dict[int, Session] = {}
        self.metrics: Any = None
        self.linstor: Linstor | None = None
        self.server: Server | None = None
        self._certificate: HostCertificate | None = None
        self._owned: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._allowed: dict[str, AllowedOperations] = {}
        load_behaviours()
        self._dispatcher = Dispatcher(self)
        for installer in INSTALLERS:
            installer(self)

    @property
    def this_host(self) -> str:
        """The reference of the host that answers: the pool's master."""
        for ref in self.db.refs("pool"):
            master = str(self.db.get("pool", ref)["master"])
            if self.db.exists("host", master):
                return master
        return next(iter(self.db.refs("host")), NULL_REF)

    async def serve_members(self) -> None:
        """Gives the other hosts of the pool addresses on the loopback, and answers there for them.

        Only what is asked of each host by itself knows the difference: measurements.
        """
        assert self.server is not None
        members = [ref for ref in self.db.refs("host") if ref != self.this_host][:_MOST_MEMBERS]
        wanted = {f"127.0.0.{place}": ref for place, ref in enumerate(members, 2)}
        for address in await self.server.serve_members(wanted):
            self.db.set("host", wanted[address], address=address)
            # Their master vouches for them.
            self.db.create(
                "Certificate",
                host=wanted[address],
                type="host",
                not_before=self.clock.iso(-300 * _DAY_S),
                not_after=self.clock.iso(3350 * _DAY_S),
                fingerprint=self.certificate.fingerprint,
                fingerprint_sha256=self.certificate.fingerprint,
            )
        port = urlsplit(self.server.url).port
        for ref, console in self.db.records("console").items():
            vm = self.db.get("VM", console["VM"])
            address = self.db.get("host", vm["resident_on"])["address"]
            if address in wanted:
                place = f"https://{address}:{port}/console?uuid={vm['uuid']}"
                self.db.set("console", ref, location=place)

    def host_at(self, address: str) -> str:
        """The reference of the host that answers at an address; the master's for all others."""
        for ref, record in self.db.records("host").items():
            if record["address"] == address:
                return str(ref)
        return self.this_host

    @property
    def certificate(self) -> HostCertificate:
        """The certificate that this host serves with: that of the process, until another one."""
        return self._certificate or make_certificate()

    def serve_with(self, certificate: HostCertificate) -> None:
        """Another certificate: listening begins anew with it, as a host restarts its TLS proxy."""
        self._certificate = certificate
        # So that who asked for it has its answer.
        self.later(0.05, lambda: self.faults.refuse(0.05))

    # Calls

    async def dispatch(
        self, session: Session | str | None, name: str, params: Sequence[Any] = ()
    ) -> Any:
        """Call a method from inside the process; `params` without the session.

        Returns:
            The plain value; records come as JSON text (`msgspec.Raw`) to save time.

        Raises:
            Failure: the host says no.
        """
        known = self.sessions.get(session) if isinstance(session, str) else session
        value, _ = await self._dispatcher.run(known, name, params)
        return value

    @property
    def dispatcher(self) -> Dispatcher:
        return self._dispatcher

    # Operations

    def allowed_operations_hook(self, cls: str, function: AllowedOperations) -> None:
        """Let `function(host, ref)` say which operations an object of a class allows now."""
        self._allowed[cls] = function

    def recompute(self, cls: str, ref: str) -> None:
        """Write `allowed_operations` of an object anew; nothing for one that is gone."""
        function = self._allowed.get(cls)
        if function is None or not self.db.exists(cls, ref):
            return
        self.db.set(cls, ref, allowed_operations=function(self, ref))

    @contextlib.contextmanager
    def operation(self, task_ref: str, cls: str, ref: str, operation: str) -> Iterator[None]:
        """Show an operation in `current_operations` while the block runs."""
        running = self.db.get(cls, ref).get("current_operations", {})
        self.db.set(cls, ref, current_operations={**running, task_ref: operation})
        self.recompute(cls, ref)
        try:
            yield
        finally:
            if self.db.exists(cls, ref):
                left = dict(self.db.get(cls, ref)["current_operations"])
                left.pop(task_ref, None)
                self.db.set(cls, ref, current_operations=left)
                self.recompute(cls, ref)

    # Owned work

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str = "") -> None:
        """Run work that ends with the host at the latest; what breaks in it is logged."""
        task = asyncio.get_running_loop().create_task(work, name=name or None)
        self._owned.add(task)
        task.add_done_callback(self._disowned)

    def later(self, seconds: float, function: Callable[..., Any], *params: Any) -> None:
        """Call a function after so many real seconds, unless the host stops before."""

        def run() -> None:
            self._timers.discard(timer)
            function(*params)

        timer = asyncio.get_running_loop().call_later(seconds, run)
        self._timers.add(timer)

    def bind_loop(self) -> None:
        """The running loop is the host's from now on: threads come to it through `on_loop`."""
        self._loop = asyncio.get_running_loop()

    def on_loop(self, function: Callable[[], T]) -> T:
        """Call a function where the database may be written: in the thread of the host's loop.

        Raises:
            ConnectionAbortedError: the host has stopped.
        """
        loop = self._loop
        if loop is None or _runs_here(loop):
            return function()

        async def call() -> T:
            return function()

        work = call()
        try:
            return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=STOP_S)
        except (RuntimeError, TimeoutError, CancelledError) as error:
            work.close()
            raise ConnectionAbortedError("the host has stopped") from error

    def _disowned(self, task: asyncio.Task[None]) -> None:
        self._owned.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s broke", task.get_name(), exc_info=error)

    # Serving

    async def start(self, listen: str = "127.0.0.1:0", plain_http: bool = False) -> Running:
        """Serve on a loopback address.

        Args:
            listen: "address:port"; port 0 takes a free one.
            plain_http: without TLS.

        Raises:
            ValueError: not a loopback address.
            OSError: the port is taken.
        """
        self.bind_loop()
        server = Server(self, listen, plain_http=plain_http)
        await server.start()
        self.server = server
        self.spawn(self._reap(), name="reap tasks")
        fingerprint = "" if plain_http else self.certificate.fingerprint
        return Running(server.url, self.user, self.password, fingerprint, self)

    async def stop(self) -> None:
        """Stop serving, end sessions, cancel what runs. May be called twice."""
        self.sessions.end_all()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        if self.server is not None:
            await self.server.stop()
            self.server = None
        await self.consoles.stop()
        owned = list(self._owned)
        for task in owned:
            task.cancel()
        await asyncio.gather(*owned, return_exceptions=True)
        if self.nbd.started:
            await asyncio.to_thread(self.nbd.stop)
        self.disks.close()

    def session_of(self, request: web.Request) -> Session:
        """Whose HTTP request this is.

        Raises:
            Failure: SESSION_INVALID, the request came without authentication.
        """
        session = self.request_sessions.get(id(request))
        if session is None:
            raise Failure("SESSION_INVALID", "")
        return session

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(REAP_EVERY_S)
            self.tasks.reap()


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return not loop.is_running()


def load_behaviours() -> None:
    """Import everything that registers: the core's own, `ops`, `transfers` and the metrics."""
    package = importlib.import_module(__package__ or "")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith(("metrics", "events")):
            importlib.import_module(f"{package.__name__}.{module.name}")
        if module.name in ("ops", "transfers"):
            group = importlib.import_module(f"{package.__name__}.{module.name}")
            for inner in pkgutil.iter_modules(group.__path__):
                importlib.import_module(f"{group.__name__}.{inner.name}")
