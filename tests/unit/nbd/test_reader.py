"""Many extents over several connections, whatever happens to them."""

from __future__ import annotations

import collections
import contextlib
import logging
import os
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.needs import needs
from tests.unit.nbd.servers import (
    MIB,
    SECRET,
    Certificates,
    Listener,
    exactly,
    nbdkit,
    proxy,
    qemu_nbd,
    until_end,
)
from xolite_qt.nbd import Extent, NbdConnection, NbdError, TlsSettings, read_extents
from xolite_qt.nbd.reader import Stopped

BLOCK = 256 * 1024


def extents_of(size: int) -> list[Extent]:
    """All of a disk, the last one shorter."""
    starts = range(0, size, BLOCK)
    return [(i, at, min(BLOCK, size - at)) for i, at in enumerate(starts)]


def to(
    address: str, port: int = 0, *, tls: TlsSettings | None = None, timeout_s: float = 5.0
) -> Callable[[threading.Event], NbdConnection]:
    def connect(stop: threading.Event) -> NbdConnection:
        return NbdConnection(address, port, SECRET, tls=tls, timeout_s=timeout_s, stop=stop)

    return connect


class Taken:
    """What was consumed."""

    def __init__(self, slow_s: float = 0.0) -> None:
        self.counts: collections.Counter[int] = collections.Counter()
        self.data: dict[int, bytes] = {}
        self._slow_s = slow_s
        self._lock = threading.Lock()

    def __call__(self, number: int, data: bytes) -> None:
        with self._lock:
            self.counts[number] += 1
            self.data[number] = data
        time.sleep(self._slow_s)

    def check(self, disk: bytes) -> None:
        """Everything is here, as it is on the disk, and came once."""
        assert set(self.counts.values()) == {1}
        assert b"".join(self.data[i] for i in range(len(self.data))) == disk


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize(("connections", "in_flight"), [(1, 1), (2, 4), (4, 3), (8, 16)])
def test_every_extent_is_consumed_once(
    disk: tuple[Path, bytes],
    certificates: Certificates,
    tmp_path: Path,
    connections: int,
    in_flight: int,
    secure: bool,
) -> None:
    needs("nbdkit")
    more = ["--tls=require", f"--tls-certificates={certificates.folder}"] if secure else []
    taken = Taken()
    with nbdkit(tmp_path, *more, "file", str(disk[0])) as path:
        connect = to(path, tls=certificates.tls if secure else None)
        extents = extents_of(len(disk[1]))
        read_extents(connect, extents, taken, connections=connections, in_flight=in_flight)
    taken.check(disk[1])


def test_nothing_to_read_needs_no_server() -> None:
    def connect(stop: threading.Event) -> NbdConnection:
        raise AssertionError

    read_extents(connect, [], Taken())


def test_a_few_extents_need_no_more_connections_than_that(server: str) -> None:
    made = []

    def connect(stop: threading.Event) -> NbdConnection:
        made.append(1)
        return to(server)(stop)

    read_extents(connect, [(0, 0, 512)], Taken(), connections=8)
    assert len(made) == 1


@pytest.mark.parametrize("connections", [1, 3])
def test_connections_that_break_are_made_anew(
    server: str, disk: tuple[Path, bytes], connections: int
) -> None:
    cuts = [3 * BLOCK + 77, 20, 5 * BLOCK, 200, 1, 9 * BLOCK, 2 * BLOCK + 500]
    taken = Taken()
    with proxy(server, lambda n: cuts[n] if n < len(cuts) else None) as between:
        read_extents(
            to("127.0.0.1", between.port),
            extents_of(len(disk[1])),
            taken,
            connections=connections,
            first_wait_s=0.01,
        )
        assert between.connections >= len(cuts)
    taken.check(disk[1])


def test_only_what_is_missing_is_read_again(server: str, disk: tuple[Path, bytes]) -> None:
    sent = 0
    taken = Taken()
    with proxy(server, lambda n: 6 * BLOCK if n < 5 else None) as between:

        def connect(stop: threading.Event) -> NbdConnection:
            nonlocal sent
            made = to("127.0.0.1", between.port)(stop)
            ask = made.ask

            def counted(offset: int, length: int) -> int:
                nonlocal sent
                sent += 1
                return ask(offset, length)

            made.ask = counted  # type: ignore[method-assign]
            return made

        extents = extents_of(len(disk[1]))
        read_extents(connect, extents, taken, connections=1, in_flight=4, first_wait_s=0.01)
    taken.check(disk[1])
    # At most what was in flight when each of the five broke.
    assert len(extents) < sent <= len(extents) + 5 * 4


def test_a_server_gone_for_good_is_an_error(server: str, disk: tuple[Path, bytes]) -> None:
    taken = Taken()
    with proxy(server, lambda n: 8 * BLOCK) as between:
        began = time.monotonic()

        def consume(number: int, data: bytes) -> None:
            taken(number, data)
            if len(taken.data) >= 6:
                between.shut()

        with pytest.raises(NbdError, match="cannot be reached") as raised:
            read_extents(
                to("127.0.0.1", between.port),
                extents_of(len(disk[1])),
                consume,
                retries=3,
                first_wait_s=0.05,
            )
        assert time.monotonic() - began < 3
    assert SECRET not in str(raised.value)
    assert set(taken.counts.values()) == {1}


def test_what_a_dying_connection_had_is_not_forgotten() -> None:
    """The other connections have run out of work by then, and must take it over."""
    size = 12 * 512
    first_is_here, others_are_done = threading.Event(), threading.Event()

    def serve(raw: socket.socket, number: int) -> None:
        _greet(raw, size)
        if number == 0:
            exactly(raw, 4 * 28)
            first_is_here.set()
            others_are_done.wait(5)
            return raw.shutdown(socket.SHUT_RDWR)
        _answer(raw)
        return None

    taken = Taken()

    def consume(number: int, data: bytes) -> None:
        taken(number, data)
        if len(taken.data) >= 8:
            others_are_done.set()

    extents = [(i, i * 512, 512) for i in range(12)]
    with Listener(serve) as server:

        def connect(stop: threading.Event) -> NbdConnection:
            if threading.current_thread().name != "nbd_0":
                first_is_here.wait(5)
            elif others_are_done.is_set():
                raise NbdError("gone", lost=True)
            return to("127.0.0.1", server.port)(stop)

        read_extents(connect, extents, consume, connections=2, retries=2, first_wait_s=0.01)
    assert taken.counts == dict.fromkeys(range(12), 1)


def _greet(raw: socket.socket, size: int) -> None:
    raw.sendall(b"NBDMAGICIHAVEOPT" + struct.pack(">H", 3))
    exactly(raw, 4 + 22 + len(SECRET))
    raw.sendall(struct.pack(">QIIIHQH", 0x3E889045565A9, 7, 3, 12, 0, size, 3))
    raw.sendall(struct.pack(">QIII", 0x3E889045565A9, 7, 1, 0))


def _answer(raw: socket.socket, refused: frozenset[int] = frozenset()) -> None:
    while True:
        _, _, command, handle, offset, length = struct.unpack(">IHHQQI", exactly(raw, 28))
        if command != 0:
            return
        bad = offset // 512 in refused
        raw.sendall(struct.pack(">IIQ", 0x67446698, 5 if bad else 0, handle))
        raw.sendall(b"" if bad else bytes([offset // 512]) * length)


def test_an_extent_that_kills_every_connection_ends_it() -> None:
    def serve(raw: socket.socket, _: int) -> None:
        _greet(raw, 200 * 512)
        while True:
            _, _, _, handle, offset, length = struct.unpack(">IHHQQI", exactly(raw, 28))
            if offset == 3 * 512:
                return raw.shutdown(socket.SHUT_RDWR)
            raw.sendall(struct.pack(">IIQ", 0x67446698, 0, handle) + bytes(length))

    taken = Taken()
    extents = [(i, i * 512, 512) for i in range(200)]
    with Listener(serve) as server:
        connect = to("127.0.0.1", server.port)
        with pytest.raises(NbdError):
            read_extents(connect, extents, taken, retries=2, first_wait_s=0.001)
    assert 3 not in taken.counts
    assert set(taken.counts.values()) == {1}


def test_read_errors_are_tried_again(disk: tuple[Path, bytes], tmp_path: Path) -> None:
    needs("nbdkit")
    arguments = ["--filter=error", "file", str(disk[0]), "error=EIO", "error-pread-rate=20%"]
    taken = Taken()
    with nbdkit(tmp_path, *arguments) as path:
        extents = extents_of(len(disk[1]))
        read_extents(to(path), extents, taken, retries=20, first_wait_s=0.001)
    taken.check(disk[1])


def test_what_cannot_be_read_is_said_soon() -> None:
    """Not after the rest of a large disk, and without a new connection for each try."""

    def serve(raw: socket.socket, _: int) -> None:
        _greet(raw, 10**9)
        _answer(raw, frozenset({7}))

    taken = Taken(slow_s=0.001)
    with Listener(serve) as server:
        with pytest.raises(NbdError, match="input/output error") as raised:
            read_extents(
                to("127.0.0.1", server.port),
                ((i, (i % 250) * 512 if i != 7 else 7 * 512, 512) for i in range(20_000)),
                taken,
                connections=3,
                first_wait_s=0.01,
            )
        assert server.connections <= 3
    assert raised.value.code == 5
    assert len(taken.counts) < 10_000


@pytest.mark.parametrize("program", ["nbdkit", "qemu-nbd"])
def test_a_server_that_takes_one_connection_serves_it(
    disk: tuple[Path, bytes], tmp_path: Path, program: str
) -> None:
    """nbdkit hangs up on the others, qemu-nbd lets them wait: neither holds up the first."""
    needs(program)
    taken = Taken()
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        if program == "nbdkit":
            arguments = ("--filter=limit", "file", str(disk[0]), "limit=1")
            path = stack.enter_context(nbdkit(tmp_path, *arguments))
        else:
            path = stack.enter_context(qemu_nbd(tmp_path, "-e", "1", "-x", SECRET, str(disk[0])))
        connect = to(path, timeout_s=60.0)
        read_extents(connect, extents_of(len(disk[1])), taken, connections=4, first_wait_s=0.02)
    taken.check(disk[1])
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("secure", [False, True])
def test_stop_ends_within_a_second(
    disk: tuple[Path, bytes], certificates: Certificates, tmp_path: Path, secure: bool
) -> None:
    needs("nbdkit")
    more = ["--tls=require", f"--tls-certificates={certificates.folder}"] if secure else []
    more += ["--filter=delay", "file", str(disk[0]), "rdelay=300ms"]
    stop, taken = threading.Event(), Taken()
    with nbdkit(tmp_path, *more) as path:
        timer = threading.Timer(0.7, stop.set)
        timer.start()
        extents = extents_of(len(disk[1]))
        began = time.monotonic()
        with pytest.raises(Stopped):
            read_extents(
                to(path, tls=certificates.tls if secure else None),
                extents * 1000,
                taken,
                connections=8,
                in_flight=1,
                stop=stop,
            )
        assert time.monotonic() - began < 1.7
        timer.join()
    for number, data in taken.data.items():
        # What was on its way is not taken for what it is not.
        assert data == disk[1][extents[number][1] : extents[number][1] + extents[number][2]]


@pytest.mark.parametrize("stage", ["greeting", "read"])
def test_stop_ends_waits_for_a_silent_server(stage: str) -> None:
    def serve(raw: socket.socket, _: int) -> None:
        if stage == "read":
            _greet(raw, MIB)
        until_end(raw)

    stop = threading.Event()
    timer = threading.Timer(0.3, stop.set)
    with Listener(serve) as server:
        timer.start()
        began = time.monotonic()
        connect = to("127.0.0.1", server.port, timeout_s=60.0)
        with pytest.raises(Stopped):
            read_extents(connect, extents_of(MIB), Taken(), stop=stop)
        assert time.monotonic() - began < 1.3
        timer.join()


def test_an_error_of_the_consumer_ends_it(server: str, disk: tuple[Path, bytes]) -> None:
    class Full(Exception):
        pass

    def consume(number: int, data: bytes) -> None:
        if number == 20:
            raise Full

    with pytest.raises(Full):
        read_extents(to(server), extents_of(len(disk[1])), consume, connections=4)


def test_an_error_of_the_list_ends_it(server: str) -> None:
    def extents() -> Iterator[Extent]:
        yield 0, 0, 512
        raise OSError("no list")

    with pytest.raises(OSError, match="no list"):
        read_extents(to(server), extents(), Taken())


def test_a_consumer_may_be_slower_than_the_time_out(server: str, disk: tuple[Path, bytes]) -> None:
    taken = Taken(slow_s=0.4)
    connect = to(server, timeout_s=0.2)
    extents = extents_of(len(disk[1]))[:6]
    read_extents(connect, extents, taken, connections=2)
    assert taken.counts == dict.fromkeys(range(6), 1)


def test_names_are_never_logged(
    server: str, disk: tuple[Path, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    extents = extents_of(len(disk[1]))
    with proxy(server, lambda n: BLOCK * 2 if n < 3 else 0) as between:
        connect = to("127.0.0.1", between.port)
        with pytest.raises(NbdError) as raised:
            read_extents(connect, extents, Taken(), retries=2, first_wait_s=0.01)
    assert "OpaqueRef" not in caplog.text
    error: BaseException | None = raised.value
    while error is not None:
        assert "OpaqueRef" not in repr(error)
        error = error.__cause__ or error.__context__


ROUNDS = int(os.environ.get("NBD_SOAK_ROUNDS", "3"))


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_any_cuts(server: str, disk: tuple[Path, bytes], round_: int) -> None:
    """Cut at random, often: every byte arrives, once."""
    chance = random.Random(round_)
    cuts = [chance.choice([9, 300, BLOCK, chance.randrange(8 * BLOCK)]) for _ in range(10)]
    taken = Taken()
    with proxy(server, lambda n: cuts[n] if n < len(cuts) else None) as between:
        read_extents(
            to("127.0.0.1", between.port),
            extents_of(len(disk[1])),
            taken,
            connections=chance.randrange(1, 5),
            in_flight=chance.randrange(1, 6),
            retries=11,
            first_wait_s=0.0002,
        )
    taken.check(disk[1])
