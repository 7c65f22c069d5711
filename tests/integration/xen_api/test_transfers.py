"""Bulk data over HTTP against a demo host, and against servers that do something else."""

# ruff: noqa: PT012 - what fails is the block of a task, with all that is in it
from __future__ import annotations

import asyncio
import dataclasses
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from xolite_qt.demo_host import Running
from xolite_qt.demo_host.certificate import make_certificate
from xolite_qt.xen_api import CertificateChanged, ConnectionLost, NotReachable, XapiError, XenApi
from xolite_qt.xen_api.errors import TransportError
from xolite_qt.xen_api.transfers import (
    Door,
    TransferRefused,
    aborted_by,
    open_export,
    open_import,
    transfer_task,
)

MIB = 1 << 20
SECRET = "OpaqueRef:a-session-that-nobody-may-see"
WRONG_PIN = ":".join(["AB"] * 32)


async def a_disk(api: XenApi, demo: Running, size_bytes: int = 8 * MIB) -> str:
    record = {
        "name_label": "transfer",
        "SR": next(iter(demo.host.db.records("pool").values()))["default_SR"],
        "virtual_size": size_bytes,
        "type": "user",
        "sharable": False,
        "read_only": False,
        "other_config": {},
    }
    return str(await api.call("VDI.create", record))


def sent(door: Door, query: dict[str, str], body: bytes, **more: Any) -> int:
    with open_import(door, "/import_raw_vdi", query, len(body), **more) as out:
        for at in range(0, len(body), MIB):
            out.write(memoryview(body)[at : at + MIB])
        return out.sent_bytes


def received(door: Door, query: dict[str, str], **more: Any) -> bytes:
    with open_export(door, "/export_raw_vdi", query, **more) as body:
        pieces = []
        while piece := body.read(MIB):
            pieces.append(piece)
        return b"".join(pieces)


def tasks_of(demo: Running) -> list[str]:
    return [r["name_label"] for r in demo.host.db.records("task").values()]


# Moving


async def test_a_disk_goes_in_and_comes_out_again(api: XenApi, demo: Running) -> None:
    vdi, data = await a_disk(api, demo), os.urandom(8 * MIB)
    door = await api.door()
    async with transfer_task(api, "in") as task:
        query = {"vdi": vdi, "format": "raw", "task_id": task.ref}
        assert await asyncio.to_thread(sent, door, query, data) == len(data)
        await task.finish()
    assert await asyncio.to_thread(demo.host.disks.read, vdi, 0, len(data)) == data
    async with transfer_task(api, "out") as task:
        query = {"vdi": vdi, "format": "raw", "task_id": task.ref}
        assert await asyncio.to_thread(received, door, query) == data
        await task.finish()
    assert not {"in", "out"} & set(tasks_of(demo))


async def test_reading_gives_exactly_so_many_bytes(api: XenApi, demo: Running) -> None:
    vdi = await a_disk(api, demo)
    door = await api.door()

    def sizes() -> list[int]:
        with open_export(door, "/export_raw_vdi", {"vdi": vdi, "format": "raw"}) as body:
            assert "task-id" in body.headers
            found = [len(body.read(3 * MIB)) for _ in range(4)]
            assert body.received_bytes == 8 * MIB
            return found

    assert await asyncio.to_thread(sizes) == [3 * MIB, 3 * MIB, 2 * MIB, 0]


# Who is spoken to


@contextmanager
def listening(answer: Callable[[Any], None], *, tls: bool = False) -> Iterator[int]:
    """A server that treats its one connection as `answer` says."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        raw, _ = server.accept()
        with raw:
            raw.settimeout(5)
            try:
                if tls:
                    with make_certificate().server_context().wrap_socket(raw, True) as safe:
                        answer(safe)
                else:
                    answer(raw)
            except OSError:
                pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        thread.join()
        server.close()


def a_door(port: int, fingerprint: str = "") -> Door:
    return Door("127.0.0.1", port, bool(fingerprint), fingerprint, SECRET)


@pytest.mark.parametrize("opening", [received, lambda door, q: sent(door, q, b"data")])
def test_another_certificate_is_sent_nothing(opening: Callable[..., object]) -> None:
    heard = bytearray()

    def answer(connection: Any) -> None:
        while piece := connection.recv(4096):
            heard.extend(piece)

    with listening(answer, tls=True) as port, pytest.raises(CertificateChanged) as caught:
        opening(a_door(port, WRONG_PIN), {"vdi": "x"})
    assert heard == b""
    assert caught.value.certificate.fingerprint == make_certificate().fingerprint


async def test_a_wrong_pin_reaches_no_handler_of_the_host(api: XenApi, demo: Running) -> None:
    vdi = await a_disk(api, demo)
    door = dataclasses.replace(await api.door(), fingerprint=WRONG_PIN)
    with pytest.raises(CertificateChanged):
        await asyncio.to_thread(received, door, {"vdi": vdi})
    assert not [call for call in demo.host.calls if "export_raw_vdi" in call.method]


def hang_up(connection: Any) -> None:
    connection.recv(4096)


def say(text: bytes) -> Callable[[Any], None]:
    def answer(connection: Any) -> None:
        connection.recv(65536)
        connection.sendall(text)

    return answer


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (hang_up, ConnectionLost),
        (say(b"HTTP/1.1 403 Forbidden\r\n\r\n"), TransferRefused),
        (say(b"HTTP/1.1 302 Found\r\nLocation: https://10.0.0.2/\r\n\r\n"), TransferRefused),
        (say(b"220 ftp.example.org ready\r\n\r\n"), TransportError),
        (say(b"\x00\xff" * 3000 + b"\r\n\r\n"), TransportError),
        (say(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000), TransportError),
    ],
)
@pytest.mark.parametrize("opening", [received, lambda door, q: sent(door, q, b"data" * MIB)])
def test_what_no_host_would_say_is_an_error_without_the_session(
    answer: Callable[[Any], None], error: type[Exception], opening: Callable[..., object]
) -> None:
    with listening(answer) as port, pytest.raises(error) as caught:
        opening(a_door(port), {"vdi": "x"}, idle_s=2.0) if opening is received else opening(
            a_door(port), {"vdi": "x"}
        )
    shown: BaseException | None = caught.value
    while shown is not None:
        assert SECRET not in f"{shown} {shown!r} {shown.args}"
        shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)


def test_the_session_is_in_no_address_and_no_text_of_a_door() -> None:
    heard = bytearray()

    def answer(connection: Any) -> None:
        heard.extend(connection.recv(65536))

    with listening(answer) as port, pytest.raises(ConnectionLost):
        received(a_door(port), {"vdi": "x", "format": "raw"})
    first, *rest = heard.split(b"\r\n")
    assert SECRET.encode() not in first
    assert b"Cookie: session_id=" + SECRET.encode() in rest
    assert SECRET not in repr(a_door(1)) + str(a_door(1))


# Sent to another host of the pool


def moved(to: str) -> Callable[[Any], None]:
    return say(f"HTTP/1.1 302 Found\r\nLocation: {to}\r\n\r\n".encode())


async def test_a_disk_of_another_host_moves_through_that_host(api: XenApi, demo: Running) -> None:
    """Only its address is taken from what the first one says, not what to ask for."""
    vdi, data = await a_disk(api, demo), os.urandom(8 * MIB)
    there = await api.door()
    assert there.tls
    pins = {(there.host, there.port): there.fingerprint}

    def at(port: int) -> Door:
        return Door("127.0.0.1", port, False, "", there.session, lambda h, p: pins.get((h, p)))

    answer = moved(f"https://{there.host}:{there.port}/elsewhere?session_id=x&vdi=y")
    query = {"vdi": vdi, "format": "raw"}
    with listening(answer) as port:
        assert await asyncio.to_thread(sent, at(port), query, data) == len(data)
    with listening(answer) as port:
        assert await asyncio.to_thread(received, at(port), query) == data


async def test_the_door_of_a_client_knows_what_was_accepted(api: XenApi) -> None:
    door = await api.door()
    assert door.pinned(door.host, door.port) == door.fingerprint
    assert door.pinned("10.0.0.2", 443) is None
    assert door.to(f"https://{door.host}:{door.port}/x") == door


@pytest.mark.parametrize("opening", [received, lambda door, q: sent(door, q, b"data")])
@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("https://10.0.0.2/?session_id=abc", r"10\.0\.0\.2.*not accepted"),
        ("http://10.0.0.2/?session_id=abc", "no host"),
        ("https://[::1/", "no host"),
        ("ftp://10.0.0.2/", "no host"),
        ("/elsewhere?session_id=abc", "no host"),
        ("", "no host"),
    ],
)
def test_no_host_that_nobody_accepted_is_gone_to(
    to: str, words: str, opening: Callable[..., object]
) -> None:
    with listening(moved(to)) as port, pytest.raises(TransferRefused, match=words) as caught:
        opening(a_door(port), {"vdi": "x"})
    assert caught.value.status == 302
    assert "abc" not in str(caught.value)


def test_nothing_is_sent_without_tls_to_where_tls_led_to() -> None:
    with pytest.raises(TransportError, match="without TLS"):
        a_door(1, WRONG_PIN).to("http://127.0.0.1:2/")


@pytest.mark.parametrize("opening", [received, lambda door, q: sent(door, q, b"data")])
def test_another_certificate_behind_a_redirect_is_sent_nothing(
    opening: Callable[..., object],
) -> None:
    heard = bytearray()

    def answer(connection: Any) -> None:
        while piece := connection.recv(4096):
            heard.extend(piece)

    with (
        listening(answer, tls=True) as there,
        listening(moved(f"https://127.0.0.1:{there}/")) as port,
        pytest.raises(CertificateChanged),
    ):
        door = dataclasses.replace(a_door(port), pinned=lambda host, port: WRONG_PIN)
        opening(door, {"vdi": "x"})
    assert heard == b""


@pytest.mark.parametrize("opening", [received, lambda door, q: sent(door, q, b"data")])
def test_hosts_that_send_us_in_circles(opening: Callable[..., object]) -> None:
    with (
        listening(moved("http://127.0.0.1:1/")) as third,
        listening(moved(f"http://127.0.0.1:{third}/")) as second,
        listening(moved(f"http://127.0.0.1:{second}/")) as first,
        pytest.raises(TransferRefused, match="circles"),
    ):
        opening(a_door(first), {"vdi": "x"})


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NotReachable):
        received(a_door(port), {})


def test_silence_is_given_up() -> None:
    over = threading.Event()

    def answer(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100)
        over.wait(5)

    with listening(answer) as port:
        began = time.monotonic()
        with pytest.raises(ConnectionLost, match="too long"):
            received(a_door(port), {}, idle_s=0.3)
        assert time.monotonic() - began < 2.0
        over.set()


def test_an_import_whose_reader_sleeps_is_given_up() -> None:
    over = threading.Event()

    def answer(connection: Any) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        over.wait(5)

    with listening(answer) as port:
        with pytest.raises(ConnectionLost, match="too long"):
            sent(a_door(port), {}, bytes(64 * MIB), idle_s=0.3)
        over.set()


# Refused, cut, failed


async def test_a_disk_that_is_not_there_is_refused(api: XenApi) -> None:
    door = await api.door()
    query = {"vdi": "OpaqueRef:nothing", "format": "raw"}
    with pytest.raises(TransferRefused) as caught:
        await asyncio.to_thread(received, door, query)
    assert caught.value.status >= 400
    assert caught.value.path == "/export_raw_vdi"
    assert door.session not in str(caught.value)
    with pytest.raises(TransferRefused):
        await asyncio.to_thread(sent, door, query, b"data")


async def test_a_cut_import_is_what_its_task_says(api: XenApi, demo: Running) -> None:
    vdi = await a_disk(api, demo, 64 * MIB)
    door = await api.door()
    demo.host.faults.cut_import(after_bytes=4 * MIB)
    with pytest.raises(XapiError) as caught:
        async with transfer_task(api, "cut") as task:
            query = {"vdi": vdi, "format": "raw", "task_id": task.ref}
            with pytest.raises(ConnectionLost) as lost:
                await asyncio.to_thread(sent, door, query, bytes(64 * MIB))
            await task.finish(timeout_s=5)
    assert caught.value.code == "VDI_IO_ERROR"
    assert door.session not in str(lost.value)
    assert "cut" not in tasks_of(demo)


async def test_a_full_storage_surfaces_in_the_task(api: XenApi, demo: Running) -> None:
    vdi = await a_disk(api, demo)
    door = await api.door()
    demo.host.faults.full_on_import()
    with pytest.raises(XapiError) as caught:
        async with transfer_task(api, "full") as task:
            query = {"vdi": vdi, "format": "raw", "task_id": task.ref}
            with pytest.raises(ConnectionLost):
                await asyncio.to_thread(sent, door, query, bytes(8 * MIB))
                raise ConnectionLost("all was sent before the host hung up")
            await task.finish(timeout_s=5)
    assert caught.value.code == "SR_BACKEND_FAILURE_44"


async def test_an_export_that_fails_behind_its_header_fails_its_task(
    api: XenApi, demo: Running
) -> None:
    vdi = await a_disk(api, demo)
    door = await api.door()
    demo.host.faults.fail_export(after_bytes=MIB)
    with pytest.raises(XapiError) as caught:
        async with transfer_task(api, "failed") as task:
            query = {"vdi": vdi, "format": "raw", "task_id": task.ref}
            # Nothing but the task tells that this is not all.
            assert len(await asyncio.to_thread(received, door, query)) == MIB
            await task.finish(timeout_s=5)
    assert caught.value.code == "VDI_IO_ERROR"


# Stopping


@pytest.mark.parametrize("way", ["in", "out"])
async def test_a_stop_ends_a_transfer_within_a_second(api: XenApi, demo: Running, way: str) -> None:
    vdi = await a_disk(api, demo, 256 * MIB)
    door = await api.door()
    demo.host.faults.limit_transfers(MIB)
    stop, moving = threading.Event(), threading.Event()

    def work(query: dict[str, str]) -> None:
        if way == "out":
            with open_export(door, "/export_raw_vdi", query) as out, aborted_by(stop, out.abort):
                moving.set()
                while out.read(16 * MIB):
                    pass
            return
        length = 256 * MIB
        with open_import(door, "/import_raw_vdi", query, length) as to, aborted_by(stop, to.abort):
            moving.set()
            for _ in range(256):
                to.write(bytes(MIB))

    with pytest.raises(ConnectionLost):
        async with transfer_task(api, "stopped") as task:
            query = {"vdi": vdi, "format": "raw", "task_id": task.ref}
            running = asyncio.create_task(asyncio.to_thread(work, query))
            await asyncio.to_thread(moving.wait, 5)
            await asyncio.sleep(0.5)
            assert not running.done()
            began = time.monotonic()
            stop.set()
            try:
                await running
            finally:
                took = time.monotonic() - began
    assert took < 1.0
    # The host removes it as soon as it has seen that nobody is there any more.
    async with asyncio.timeout(1.0):
        while "stopped" in tasks_of(demo):
            await demo.host.db.next_write(1.0)


async def test_a_task_is_gone_from_the_host_whatever_ends_its_block(
    api: XenApi, demo: Running
) -> None:
    for error in (KeyError("x"), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            async with transfer_task(api, "ended") as task:
                assert task.ref in demo.host.db.refs("task")
                raise error
        assert "ended" not in tasks_of(demo)


async def test_a_task_that_does_not_end_is_given_up(api: XenApi) -> None:
    with pytest.raises(ConnectionLost, match="does not end"):
        async with transfer_task(api, "endless") as task:
            await task.finish(timeout_s=0.2)
