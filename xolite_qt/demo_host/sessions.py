"""Sessions: log in, log out, expire.

Source: `xapi.md` 1.4.
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .datamodel import NULL_REF
from .registry import Call, Failure, method

if TYPE_CHECKING:
    from .host import DemoHost

BAD_PASSWORD_DELAY_S = 5.0
IDLE_LIMIT_S = 24 * 3600.0
TOUCH_EVERY_S = 600.0
PER_ORIGINATOR = 500


@dataclass
class Session:
    """A session that is logged in.

    Attributes:
        ref: what the client sends.
        last_active_s: seconds since 1970.
        alive: False once it was logged out, expired or dropped.
        queue: subscription of the old event calls, see `events_old`.
    """

    ref: str
    user: str
    originator: str
    last_active_s: float
    alive: bool = True
    queue: Any = None


class Sessions:
    """All sessions of a host."""

    def __init__(self, host: DemoHost) -> None:
        self._host = host
        self._by_ref: dict[str, Session] = {}
        # Set once somebody has signed in.
        self.opened = asyncio.Event()

    def __len__(self) -> int:
        return len(self._by_ref)

    def refs(self) -> set[str]:
        """References of everybody who is logged in."""
        return set(self._by_ref)

    def open(self, user: str, originator: str = "") -> Session:
        """Start a session; over the limit of its originator the most idle one is dropped."""
        db, clock = self._host.db, self._host.clock
        same = [s for s in self._by_ref.values() if s.originator == originator]
        if len(same) >= PER_ORIGINATOR:
            self.end(min(same, key=lambda session: session.last_active_s).ref)
        hosts = db.refs("host")
        ref = db.create(
            "session",
            {
                "this_host": self._host.this_host or (hosts[0] if hosts else NULL_REF),
                "this_user": next(iter(db.refs("user")), NULL_REF),
                "last_active": clock.iso(),
                "pool": False,
                "is_local_superuser": True,
                "auth_user_name": user,
                "originator": originator,
                "client_certificate": False,
            },
        )
        session = Session(ref, user, originator, clock.time_s())
        self._by_ref[ref] = session
        self.opened.set()
        return session

    def get(self, ref: str) -> Session:
        """The session of a reference; notes that it was used.

        Raises:
            Failure: SESSION_INVALID [ref].
        """
        session = self._by_ref.get(ref)
        now = self._host.clock.time_s()
        if session is not None and now - session.last_active_s > IDLE_LIMIT_S:
            self.end(ref)
            session = None
        if session is None:
            raise Failure("SESSION_INVALID", ref)
        if now - session.last_active_s > TOUCH_EVERY_S:
            session.last_active_s = now
            self._host.db.set("session", ref, last_active=self._host.clock.iso())
        return session

    def end(self, ref: str) -> None:
        """Log a session out; its waiting event calls fail with SESSION_INVALID."""
        session = self._by_ref.pop(ref, None)
        if session is None:
            return
        session.alive = False
        if self._host.db.exists("session", ref):
            self._host.db.destroy("session", ref)
        self._host.db.wake()

    def end_all(self) -> int:
        """Expire everybody.

        Returns:
            How many sessions ended.
        """
        refs = list(self._by_ref)
        for ref in refs:
            self.end(ref)
        return len(refs)

    def password_fits(self, user: str, password: str) -> bool:
        host = self._host
        fits = hmac.compare_digest(password.encode(), host.password.encode())
        return fits and user == host.user


@method("session.login_with_password")
async def login_with_password(
    call: Call, user: str, password: str, version: str, originator: str
) -> str:
    host = call.host
    if host.slave_of:
        raise Failure("HOST_IS_SLAVE", host.slave_of)
    if not host.sessions.password_fits(user, password):
        await asyncio.sleep(BAD_PASSWORD_DELAY_S * host.speed)
        raise Failure("SESSION_AUTHENTICATION_FAILED", user, "Authentication failure")
    return host.sessions.open(user, originator).ref


@method("session.slave_local_login_with_password")
async def slave_local_login_with_password(call: Call, user: str, password: str) -> str:
    host = call.host
    if not host.sessions.password_fits(user, password):
        await asyncio.sleep(BAD_PASSWORD_DELAY_S * host.speed)
        raise Failure("SESSION_AUTHENTICATION_FAILED", user, "Authentication failure")
    return host.sessions.open(user, "local").ref


@method("session.logout")
def logout(call: Call) -> None:
    assert call.session is not None
    call.host.sessions.end(call.session.ref)


@method("session.local_logout")
def local_logout(call: Call) -> None:
    assert call.session is not None
    call.host.sessions.end(call.session.ref)


@method("session.change_password")
def change_password(call: Call, old: str, new: str) -> None:
    assert call.session is not None
    if not call.host.sessions.password_fits(call.session.user, old):
        raise Failure("SESSION_AUTHENTICATION_FAILED", call.session.user, "Authentication failure")
    call.host.password = new


@method("session.get_all_subject_identifiers")
def get_all_subject_identifiers(call: Call) -> list[str]:
    return []


@method("session.logout_subject_identifier")
def logout_subject_identifier(call: Call, subject: str) -> None:
    """The local superuser has no subject, so nobody else is ever logged in by one."""
