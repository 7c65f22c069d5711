"""Where behaviours announce themselves: calls, HTTP handlers, and what happens to a new host.

    @method("VM.start")
    async def vm_start(call: Call, vm: str, start_paused: bool, force: bool) -> None: ...

The function gets the parameters parsed to the data model's types, optional ones completed with
their defaults, and returns the plain value (a ref, a string, a dict, None for void). The `Async.`
form comes by itself. A failure is raised as `Failure("VM_BAD_POWER_STATE", vm, "halted", …)`.

Calls that nobody registered and that the data model generates from fields (getters, setters,
records, constructors) are answered by `generic`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web

if TYPE_CHECKING:
    from .db import Database
    from .host import DemoHost
    from .sessions import Session
    from .tasks import TaskHandle


class Failure(Exception):  # noqa: N818 - the wire calls it a failure
    """An error of the XAPI, as the caller gets it.

    Attributes:
        code: such as "VM_BAD_POWER_STATE".
        params: its parameters, always strings on the wire.
    """

    def __init__(self, code: str, *params: object) -> None:
        super().__init__(code, *params)
        self.code = code
        self.params = tuple(str(param) for param in params)

    @property
    def description(self) -> list[str]:
        """`[code, parameter, …]`, the form of `error_info` and of `ErrorDescription`."""
        return [self.code, *self.params]


@dataclass(frozen=True)
class Call:
    """What a behaviour knows about the call it answers.

    Attributes:
        host: the host that was called.
        session: whose call it is; None before login.
        task: the task of an `Async.` call, or the quiet one of a synchronous call, on which
            `work` waits without a record; None only for calls that hold no task at all.
        method: the name as called, without `Async.`.
    """

    host: DemoHost
    session: Session | None
    task: TaskHandle | None
    method: str = ""

    @property
    def db(self) -> Database:
        return self.host.db


Behaviour = Callable[..., Any]
HttpHandler = Callable[["DemoHost", web.Request], Awaitable[web.StreamResponse]]
Installer = Callable[["DemoHost"], None]


@dataclass(frozen=True)
class Registered:
    """A behaviour and whether references are checked before it runs."""

    function: Behaviour
    check_refs: bool


METHODS: dict[str, Registered] = {}
HTTP_ROUTES: dict[tuple[str, str], tuple[HttpHandler, bool]] = {}
INSTALLERS: list[Installer] = []

B = TypeVar("B", bound=Behaviour)
H = TypeVar("H", bound=HttpHandler)
N = TypeVar("N", bound=Installer)


def method(name: str, *, check_refs: bool = True) -> Callable[[B], B]:
    """Answer the call `name` with the decorated function (sync or async).

    Args:
        name: exact wire name, such as "VM.start".
        check_refs: raise HANDLE_INVALID for a reference that points nowhere before the function
            runs (the first reference must not be null either; later ones may).
    """

    def register(function: B) -> B:
        METHODS[name] = Registered(function, check_refs)
        return function

    return register


def http_route(verb: str, path: str, *, authenticated: bool = True) -> Callable[[H], H]:
    """Serve `verb path` with the decorated `async def handler(host, request)`.

    Authentication (cookie, query, Basic) is done before; `host.session_of(request)` says whose.
    """

    def register(handler: H) -> H:
        HTTP_ROUTES[verb.upper(), path] = (handler, authenticated)
        return handler

    return register


def install(installer: N) -> N:
    """Call the decorated function with every new host, at the end of its construction."""
    INSTALLERS.append(installer)
    return installer
