"""One signed-in conversation with a pool: login, calls, and login again when the host forgot us."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from .address import Address
from .decoding import decode_answer
from .errors import (
    AddressInvalid,
    AuthenticationFailed,
    ConnectionLost,
    HostIsSlave,
    MalformedAnswer,
    NotReachable,
    SessionInvalid,
    XapiError,
    XenApiError,
)
from .times import from_datetime
from .transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .tls import Pins

_log = logging.getLogger(__name__)

T = TypeVar("T")

_PATH = "/jsonrpc"
_API_VERSION = "1.0"
_LOGOUT_TIMEOUT_S = 5.0
# The host waits 5 s before it refuses a password (xapi.md 1.4).
_LOGIN_TIMEOUT_S = 30.0
_MAX_HOPS = 2
# Ordinary calls at a time; the event poll and its heartbeat are not counted.
_SLOTS = 12
# Larger answers are decoded in a thread.
_THREAD_FROM_BYTES = 1 << 20

_SESSIONLESS = ("system.listMethods", "system.isAlive")


@dataclass(frozen=True)
class Exchange:
    """A call and its answer, for who keeps a record of them.

    Attributes:
        at_s: when it was sent, seconds since 1970.
        method: the method.
        params: without the session.
        took_s: seconds until its answer.
        error: the host's error code, or the name of what went wrong; "" where it went well.
        body: of the answer, as it came; not to be kept uncopied.
    """

    at_s: float
    method: str
    params: tuple[Any, ...]
    took_s: float
    error: str
    body: bytes | bytearray


class Session:
    """Calls with the session put first, replayed once after a new login where it had expired.

    The reference of the session never leaves this object, nor does the password.

    Attributes:
        address: the host that is called; the master once a slave was followed.
        user: who is signed in, or None.
        followed_from: the URL that was asked for, where a slave sent us on to its master.
        logins: how often we signed in.
        signed_in: set while there is a session, or credentials to get one.
        on_login: called after every login, also one that was done by itself.
        witness: shown every exchange but logins; it must not raise, and must be quick.
    """

    def __init__(
        self,
        address: Address,
        *,
        pins: Pins,
        originator: str,
        call_timeout_s: float,
        connect_timeout_s: float,
    ) -> None:
        self.address = address
        self.user: str | None = None
        self.followed_from: str | None = None
        self.logins = 0
        self.signed_in = asyncio.Event()
        self.on_login: Callable[[], object] | None = None
        self.call_timeout_s = call_timeout_s
        self.witness: Callable[[Exchange], object] | None = None
        self._originator = originator
        self._transport = Transport(pins, connect_timeout_s=connect_timeout_s)
        self._ref: str | None = None
        self._password: str | None = None
        self._follow_master = True
        self._renewing = asyncio.Lock()
        self._slots = asyncio.Semaphore(_SLOTS)
        self._ids = itertools.count(1)

    def __repr__(self) -> str:
        return f"<Session {self.user or 'nobody'} at {self.address.url}>"

    @property
    def known(self) -> bool:
        """Whether the host gave us a session that it did not refuse since."""
        return self._ref is not None

    async def login(self, user: str, password: str, *, follow_master: bool) -> None:
        """Signs in; an older session is signed out afterwards.

        Raises:
            XenApiError: as `XenApi.login`.
        """
        async with self._renewing:
            old = self._ref
            self._follow_master = follow_master
            await self._log_in(user, password)
        if old is not None:
            await self._log_out(old)

    async def renew(self, logins_before: int, reason: XapiError) -> None:
        """Signs in again, once for everybody who found the session expired.

        Args:
            logins_before: `logins` when the call was made that found it.
            reason: what the host said.

        Raises:
            XapiError: `reason` where no credentials are held, AuthenticationFailed where they are
                not accepted any more (they are forgotten then).
            TransportError, CertificateError: the host could not be asked.
        """
        async with self._renewing:
            if self.logins != logins_before and self._ref is not None:
                return
            self._ref = None
            if self.user is None or self._password is None:
                self.signed_in.clear()
                raise reason
            try:
                await self._log_in(self.user, self._password)
            except AuthenticationFailed:
                self._password = None
                self.signed_in.clear()
                raise

    async def call(
        self,
        method: str,
        params: Sequence[Any],
        *,
        timeout_s: float | None = None,
        read: Callable[[bytes | bytearray], T],
        replay: bool = True,
        queued: bool = True,
    ) -> T:
        """Calls a method and reads its answer with `read` (in a thread where it is large).

        Args:
            method: the method, such as `VM.get_record`.
            params: its parameters without the session.
            timeout_s: seconds for the whole call, the client's default where None.
            read: turns the body of the answer into the result.
            replay: whether to sign in again and call once more where the session had expired.
            queued: whether the call waits for its turn among the ordinary ones.

        Raises:
            XapiError: the host said no.
            TransportError, CertificateError: no usable answer came.
        """
        if method.startswith(_SESSIONLESS):
            return await self._exchange(self.address, method, params, timeout_s, read, queued)
        for last in (not replay, True):
            logins = self.logins
            try:
                session = await self._usable_ref()
                return await self._exchange(
                    self.address,
                    method,
                    (session, *params),
                    timeout_s,
                    read,
                    queued,
                    secrets=(session,),
                )
            except (SessionInvalid, HostIsSlave) as error:
                if last:
                    raise
                await self.renew(logins, error)
        raise AssertionError("unreachable")

    async def get(
        self, address: Address, path: str, query: Mapping[str, str], read: Callable[[bytearray], T]
    ) -> T:
        """Gets a resource from a host of the pool and reads it with `read`.

        Raises:
            XapiError, TransportError, CertificateError: as `call`.
        """
        for last in (False, True):
            logins = self.logins
            try:
                body = await self._transport.get(
                    address,
                    path,
                    query,
                    session_ref=await self._usable_ref(),
                    timeout_s=self.call_timeout_s,
                )
                return await _read_off_loop(read, body)
            except SessionInvalid as error:
                if last:
                    raise
                await self.renew(logins, error)
        raise AssertionError("unreachable")

    async def reference(self) -> str:
        """The session itself, for what goes over HTTP beside the calls. Never show or log it.

        Raises:
            SessionInvalid, AuthenticationFailed, TransportError: there is none, and none is given.
        """
        return await self._usable_ref()

    def fingerprint(self) -> str:
        """What was accepted for the host that is called; empty where nothing was."""
        return self._transport.pinned(self.address) or ""

    def pinned(self, host: str, port: int) -> str | None:
        """What was accepted for another host, or None; from any thread."""
        return self._transport.pinned(Address("https", host, port))

    async def close(self) -> None:
        """Signs out as far as the host can be reached, forgets the password, hangs up."""
        ref, self._ref, self._password = self._ref, None, None
        self.signed_in.clear()
        try:
            if ref is not None:
                await self._log_out(ref)
        finally:
            await self._transport.close()

    async def _usable_ref(self) -> str:
        if self._ref is None:
            # Expired while the host was out of reach: the credentials may still do.
            await self.renew(self.logins, SessionInvalid("SESSION_INVALID"))
        if self._ref is None:
            raise SessionInvalid("SESSION_INVALID")
        return self._ref

    async def _log_in(self, user: str, password: str) -> None:
        address, seen = self.address, {self.address}
        while True:
            try:
                ref = await self._exchange(
                    address,
                    "session.login_with_password",
                    (user, password, _API_VERSION, self._originator),
                    _LOGIN_TIMEOUT_S,
                    decode_answer,
                    queued=False,
                    secrets=(password,),
                )
            except HostIsSlave as error:
                address = self._master_of(address, error)
                if address in seen or len(seen) > _MAX_HOPS:
                    raise
                seen.add(address)
                continue
            break
        if not isinstance(ref, str) or not ref:
            raise MalformedAnswer("the host gave no session")
        if address != self.address:
            self.followed_from = self.address.url
            self.address = address
        self._ref, self.user, self._password = ref, user, password
        self.logins += 1
        self.signed_in.set()
        if self.on_login is not None:
            self.on_login()

    def _master_of(self, slave: Address, error: HostIsSlave) -> Address:
        if not self._follow_master or not error.master:
            raise error
        try:
            return slave.sibling(error.master)
        except AddressInvalid:
            raise error from None

    async def _log_out(self, ref: str) -> None:
        try:
            await self._exchange(
                self.address,
                "session.logout",
                (ref,),
                _LOGOUT_TIMEOUT_S,
                decode_answer,
                queued=False,
                secrets=(ref,),
            )
        except XenApiError as error:
            _log.debug("logout: %s", error)

    async def _exchange(
        self,
        address: Address,
        method: str,
        params: Sequence[Any],
        timeout_s: float | None,
        read: Callable[[bytes | bytearray], T],
        queued: bool,
        secrets: tuple[str, ...] = (),
    ) -> T:
        request = {
            "jsonrpc": "2.0",
            "id": next(self._ids),
            "method": method,
            "params": [from_datetime(p) if isinstance(p, datetime) else p for p in params],
        }
        body = msgspec.json.encode(request)
        timeout_s = self.call_timeout_s if timeout_s is None else timeout_s
        began, at_s = time.perf_counter(), time.time()
        answer: bytes | bytearray = b""
        trouble = "CANCELLED"
        try:
            answer = await self._post(address, method, body, timeout_s, queued)
            result = await _read_off_loop(read, answer)
            trouble = ""
        except XapiError as error:
            trouble = error.code
            _log.debug("%s: %s", method, error.code)
            raise _without_secrets(error, secrets) from None
        except XenApiError as error:
            trouble = type(error).__name__
            raise
        finally:
            # Logins and what belongs to them are nobody's business.
            if self.witness is not None and not method.startswith("session."):
                took_s = time.perf_counter() - began
                shown = tuple(params[len(secrets) :])
                self.witness(Exchange(at_s, method, shown, took_s, trouble, answer))
        _log.debug("%s: %.0f ms", method, (time.perf_counter() - began) * 1e3)
        return result

    async def _post(
        self, address: Address, method: str, body: bytes, timeout_s: float, queued: bool
    ) -> bytearray:
        # A kept connection may die under a request. What only reads may simply be asked again.
        attempts = 2 if ".get_" in method else 1
        for attempt in range(1, attempts + 1):
            try:
                if not queued:
                    return await self._transport.post(
                        address, _PATH, body, what=method, timeout_s=timeout_s
                    )
                async with self._slots:
                    return await self._transport.post(
                        address, _PATH, body, what=method, timeout_s=timeout_s
                    )
            except NotReachable:
                raise
            except ConnectionLost:
                if attempt == attempts:
                    raise
        raise AssertionError("unreachable")


async def _read_off_loop(read: Callable[[bytearray], T], body: bytearray) -> T:
    if len(body) < _THREAD_FROM_BYTES:
        return read(body)
    return await asyncio.to_thread(read, body)


def _without_secrets(error: XapiError, secrets: Sequence[str]) -> XapiError:
    """The host repeats references, and at times parameters, in its errors."""
    params = list(error.params)
    for secret in secrets:
        # Inside a text, a short word would blot out innocent ones.
        inside = len(secret) >= 6
        params = [p.replace(secret, "…") if inside else "…" if p == secret else p for p in params]
    return XapiError.from_wire(error.code, params)
