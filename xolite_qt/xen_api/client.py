"""The client: one signed-in connection to a host, its calls, events, tasks and measurements."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .address import Address
from .decoding import decode_answer, decode_records, read_record, record_class
from .errors import CertificateUnknown
from .events import EventHub
from .members import VouchedPins
from .metrics import parse_rrd_updates
from .records import Record
from .session import Exchange, Session
from .tasks import TaskRun

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from .link import EventTiming
    from .metrics import MetricsAnswer
    from .tls import Pins
    from .transfers import Door

T = TypeVar("T")
R = TypeVar("R", bound=Record)


class XenApi:
    """A connection to one host, or to the pool through its master.

    Attributes:
        events: live events; `events.start()` begins to follow them.
    """

    def __init__(
        self,
        url: str,
        *,
        pins: Pins,
        originator: str = "xen_api",
        call_timeout_s: float = 60.0,
        connect_timeout_s: float = 10.0,
        timing: EventTiming | None = None,
    ) -> None:
        """A connection that has sent nothing yet.

        Args:
            url: `https://host[:port]`, a bare `host[:port]` for the same, or `http://` for this
                machine only.
            pins: which certificates were accepted. Any other host gets no byte from us.
            originator: who we are; hosts limit the sessions of each.
            call_timeout_s: seconds for a call that is not given its own.
            connect_timeout_s: seconds to reach the host.
            timing: patience of the event loop.

        Raises:
            AddressInvalid: the URL is none that is spoken to.
        """
        self._pins = VouchedPins(pins)
        self._session = Session(
            Address.parse(url),
            pins=self._pins,
            originator=originator,
            call_timeout_s=call_timeout_s,
            connect_timeout_s=connect_timeout_s,
        )
        self.events = EventHub(self._session, timing)
        self._runs: set[TaskRun[Any]] = set()

    def __repr__(self) -> str:
        return f"<XenApi {self.user or 'nobody'} at {self.url}>"

    async def __aenter__(self) -> XenApi:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def url(self) -> str:
        """Where calls go; the master's address once a slave was followed."""
        return self._session.address.url

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `url`, as pins know them."""
        return self._session.address.host, self._session.address.port

    @property
    def user(self) -> str | None:
        """Who is signed in, or was last."""
        return self._session.user

    @property
    def session_known(self) -> bool:
        """Whether there is a session that the host did not refuse since."""
        return self._session.known

    @property
    def followed_from(self) -> str | None:
        """The URL that was asked for, where a slave sent us on to its master."""
        return self._session.followed_from

    async def login(self, user: str, password: str, *, follow_master: bool = True) -> None:
        """Signs in. The password is held in memory to sign in again when the session expires.

        Raises:
            AuthenticationFailed: wrong user or password; the host takes 5 s to say so.
            HostIsSlave: not the master, and `follow_master` is off or leads nowhere.
            CertificateUnknown, CertificateChanged: nothing was sent to that host, be it the one
                asked for or its master.
            TransportError: the host could not be asked.
        """
        await self._session.login(user, password, follow_master=follow_master)

    async def call(self, method: str, *params: Any, timeout_s: float | None = None) -> Any:
        """Calls a method; the session is put first by itself.

        A cancelled call hangs up; whether the host still carries it out is the host's business.

        Args:
            method: such as `VM.set_name_label`.
            params: its parameters without the session; datetimes are written as the wire wants.
            timeout_s: seconds for the whole call.

        Returns:
            The result as plain Python data.

        Raises:
            XapiError: the host said no.
            TransportError, CertificateError: no usable answer came.
        """
        return await self.call_for(method, *params, timeout_s=timeout_s, read=decode_answer)

    async def call_for(
        self,
        method: str,
        *params: Any,
        read: Callable[[bytes | bytearray], T],
        timeout_s: float | None = None,
    ) -> T:
        """As `call`, with the body of the answer read by `read` (in a thread where it is large)."""
        return await self._session.call(method, params, timeout_s=timeout_s, read=read)

    @overload
    async def get_all_records(self, cls: type[R], where: str | None = None) -> dict[str, R]: ...
    @overload
    async def get_all_records(self, cls: str, where: str | None = None) -> dict[str, Record]: ...
    async def get_all_records(
        self, cls: str | type[R], where: str | None = None
    ) -> dict[str, R] | dict[str, Record]:
        """Every record of a class by reference.

        Args:
            cls: the class, in any case, or its record type.
            where: XAPI's filter, such as `field "is_a_template"="false"`; some classes ignore it.

        Raises:
            ValueError: a class that has no record type.
            XenApiError: as `call`.
        """
        record_type = record_class(cls)
        method = f"{record_type.wire_class}.get_all_records"
        params: tuple[str, ...] = ()
        if where is not None:
            method, params = f"{method}_where", (where,)
        return await self.call_for(
            method, *params, read=lambda body: decode_records(record_type, body)
        )

    @overload
    async def get_record(self, cls: type[R], ref: str) -> R: ...
    @overload
    async def get_record(self, cls: str, ref: str) -> Record: ...
    async def get_record(self, cls: str | type[R], ref: str) -> R | Record:
        """One record.

        Raises:
            ValueError: a class that has no record type.
            HandleInvalid: there is no such object.
            XenApiError: as `call`.
        """
        record_type = record_class(cls)
        return await self.call_for(
            f"{record_type.wire_class}.get_record",
            ref,
            read=lambda body: read_record(record_type, ref, body),
        )

    def run(self, method: str, *params: Any) -> TaskRun[Any]:
        """Starts a long operation as a task of the host; await the answer for its result.

        Where the host has no asynchronous form of the method, the plain one is called.
        """
        run: TaskRun[Any] = TaskRun(self, method, params)
        self._runs = {r for r in self._runs if not r.done} | {run}
        return run

    @property
    def runs(self) -> frozenset[TaskRun[Any]]:
        """Operations started here that are under way, and some that have just ended."""
        return frozenset(self._runs)

    def witness(self, shown: Callable[[Exchange], object] | None) -> None:
        """Shows every exchange with the host but logins to `shown`, from now on; None ends that.

        It must not raise, and must be quick.
        """
        self._session.witness = shown

    async def door(self) -> Door:
        """The way in for transfers of disks and VMs, see `transfers`.

        Raises:
            SessionInvalid, AuthenticationFailed, TransportError: nobody is signed in.
        """
        from .transfers import Door

        address = self._session.address
        return Door(
            address.host,
            address.port,
            tls=address.scheme == "https",
            fingerprint=self._session.fingerprint(),
            session=await self._session.reference(),
            pinned=self._session.pinned,
        )

    async def metrics(
        self,
        *,
        host_address: str | None = None,
        start_s: float,
        interval_s: int,
        host: bool = True,
        vm_uuid: str | None = None,
    ) -> MetricsAnswer:
        """Measurements since a moment, from the archive of `interval_s`.

        Args:
            host_address: which host of the pool to ask; each knows its own VMs only. None asks
                the one that calls go to.
            start_s: seconds since 1970 by the host's clock; negative: before the last measurement.
            interval_s: 5, 60, 3600 or 86400.
            host: whether the host's own measurements are wanted.
            vm_uuid: one VM only; all running there where None.

        Raises:
            CertificateUnknown: that host's certificate was not accepted yet, nor does the master
                vouch for it.
            XenApiError: as `call`.
        """
        query = {
            "start": str(int(start_s)),
            "interval": str(interval_s),
            "cf": "AVERAGE",
            "json": "true",
        }
        if host:
            query["host"] = "true"
        if vm_uuid is not None:
            query["vm_uuid"] = vm_uuid
        address = self._session.address
        if host_address is not None:
            address = address.sibling(host_address)
        try:
            return await self._session.get(address, "/rrd_updates", query, parse_rrd_updates)
        except CertificateUnknown as unknown:
            if host_address is None or not await self._pins.vouch(self, unknown):
                raise
        return await self._session.get(address, "/rrd_updates", query, parse_rrd_updates)

    async def close(self) -> None:
        """Stops events, gives up watching runs (they go on at the host), signs out, hangs up."""
        await self.events.stop()
        runs, self._runs = self._runs, set()
        await asyncio.gather(*(run.stop_watching() for run in runs), return_exceptions=True)
        await self._session.close()
