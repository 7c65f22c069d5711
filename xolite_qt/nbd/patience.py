"""Waits that end: in time, or as soon as somebody no longer wants what is waited for."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

LOOK_S = 0.1
"""Time-out of sockets whose waits are repeated by a `Patience`."""

_CONNECT_S = 10.0

T = TypeVar("T")


class Patience:
    """How long one negotiation may take."""

    def __init__(self, most_s: float, stop: threading.Event | None = None) -> None:
        """Args:
        most_s: for everything together.
        stop: ends it at once.
        """
        self.most_s = most_s
        self._until = time.monotonic() + most_s
        self._stop = stop

    def check(self) -> None:
        """Raises: TimeoutError: there is none left."""
        if self._stop is not None and self._stop.is_set():
            raise TimeoutError("stopped")
        if time.monotonic() >= self._until:
            raise TimeoutError("timed out")

    def with_(self, step: Callable[[], T]) -> T:
        """Does one step on a socket with the time-out `LOOK_S`, as often as it takes.

        Raises:
            TimeoutError: there is no patience left.
            OSError: of the step.
        """
        while True:
            self.check()
            with contextlib.suppress(TimeoutError):
                return step()


def connect(address: str, port: int, patience: Patience) -> socket.socket:
    """A connected socket, by TCP, or with port 0 to the socket at a path.

    Raises:
        OSError, UnicodeError, OverflowError: there is nobody, or the address is none.
    """
    if not port:
        places = [(socket.AF_UNIX, address)]
    else:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
        places = [(family, place) for family, _, _, _, place in found]  # type: ignore[misc]
    problem = OSError("there is no such address")
    for family, place in places:
        made = socket.socket(family)
        try:
            _wait_connected(made, place, patience)
        except OSError as error:
            made.close()
            problem = error
            continue
        except BaseException:
            made.close()
            raise
        if port:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made
    raise problem


def _wait_connected(made: socket.socket, place: Any, patience: Patience) -> None:
    until = time.monotonic() + _CONNECT_S
    made.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        made.connect(place)
        return
    with selectors.DefaultSelector() as ready:
        ready.register(made, selectors.EVENT_WRITE)
        while not ready.select(LOOK_S):
            patience.check()
            if time.monotonic() >= until:
                raise TimeoutError("nobody answers")
    if code := made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(code, os.strerror(code))
