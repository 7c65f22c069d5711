"""From a console record to pixels and back to keys, through a demo host over TLS."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest

from xolite_qt.demo_host import Running
from xolite_qt.rfb import CursorShape, Event, FrameDamaged, Resized, RfbClient, RfbClosed
from xolite_qt.rfb.messages import HEXTILE, RAW, ZRLE
from xolite_qt.xen_api import (
    CertificateChanged,
    NotReachable,
    SessionInvalid,
    TransportError,
    XenApi,
)
from xolite_qt.xen_api.consoles import (
    ConsoleGone,
    ConsoleInUse,
    ConsoleRefused,
    open_console,
)
from xolite_qt.xen_api.records import VM, Console
from xolite_qt.xen_api.transfers import Door

LIMIT_S = 5.0
PROMPT = b"#\x1b[0m "


async def running_vm(api: XenApi) -> str:
    """A guest with a screen."""
    vms = await api.get_all_records(VM)
    for console in (await api.get_all_records(Console)).values():
        vm = vms.get(console.vm)
        if console.protocol != "rfb" or vm is None or vm.is_control_domain:
            continue
        if vm.power_state == "Running":
            return str(console.vm)
    raise AssertionError("no VM runs")


async def console_of(api: XenApi, vm: str) -> tuple[str, Console]:
    for ref, console in (await api.get_all_records(Console)).items():
        if console.vm == vm:
            return str(ref), console
    raise AssertionError("the VM has no console")


@asynccontextmanager
async def screen(api: XenApi, console: str, *encodings: int) -> AsyncIterator[RfbClient]:
    reader, writer = await open_console(await api.door(), console)
    client = RfbClient(reader, writer, encodings=encodings or (ZRLE, RAW))
    try:
        await client.connect()
        yield client
    finally:
        await client.close()


async def until(client: RfbClient, wanted: Callable[[Event], bool]) -> list[Event]:
    """Events up to the wanted one."""
    seen: list[Event] = []
    async with asyncio.timeout(LIMIT_S):
        async for event in client.events():
            seen.append(event)
            if wanted(event):
                return seen
    raise AssertionError("no more events")


def damaged(event: Event) -> bool:
    return isinstance(event, FrameDamaged)


async def test_a_console_is_found_by_each_of_its_names(api: XenApi) -> None:
    vm = await running_vm(api)
    ref, console = await console_of(api, vm)
    record = (await api.get_all_records(VM))[vm]
    for name in (ref, console.uuid, console.location, vm, record.uuid):
        async with screen(api, name) as client:
            await until(client, damaged)
            assert client.name == record.name_label
            assert len(np.unique(client.framebuffer.pixels)) > 4


@pytest.mark.parametrize("encoding", [RAW, HEXTILE, ZRLE])
async def test_the_picture_moves_in_every_encoding(api: XenApi, encoding: int) -> None:
    ref, _ = await console_of(api, await running_vm(api))
    async with screen(api, ref, encoding) as client:
        first = await until(client, damaged)
        assert any(isinstance(event, CursorShape) and event.pixels.any() for event in first)
        assert client.extended_keys
        before = client.framebuffer.pixels.copy()
        for _ in range(3):
            await until(client, damaged)
        assert (before != client.framebuffer.pixels).any()
        assert (before[:60, :300] == client.framebuffer.pixels[:60, :300]).all()


async def test_keys_and_the_pointer_arrive(demo: Running, api: XenApi) -> None:
    vm = await running_vm(api)
    ref, _ = await console_of(api, vm)
    async with screen(api, ref) as client:
        await until(client, damaged)
        for letter in "Hi!":
            client.send_key(ord(letter), True)
            client.send_key(ord(letter), False)
        client.send_pointer(321, 99999, 1)
        client.send_cut_text("grüße")
        shown = demo.host.consoles.screens[vm]
        await until(client, lambda _: shown.clipboard != "")
        assert shown.typed == "Hi!"
        assert shown.pointer == (321, client.framebuffer.height - 1, 1)
        assert shown.clipboard == "grüße"


async def test_a_reboot_ends_the_tunnel_and_the_new_console_shows_the_boot(api: XenApi) -> None:
    vm = await running_vm(api)
    ref, _ = await console_of(api, vm)
    async with screen(api, ref) as client:
        await until(client, damaged)
        await api.run("VM.hard_reboot", vm)
        with pytest.raises(RfbClosed):
            await until(client, lambda _: False)
    with pytest.raises(ConsoleGone):
        await open_console(await api.door(), ref)
    again, _ = await console_of(api, vm)
    assert again != ref
    async with screen(api, again) as client:
        sizes = [(client.framebuffer.width, client.framebuffer.height)]
        while sizes[-1] != (1024, 768):
            event = (await until(client, lambda event: isinstance(event, Resized)))[-1]
            assert isinstance(event, Resized)
            sizes.append((event.width, event.height))
        assert sizes == [(720, 400), (800, 600), (1024, 768)]
        await until(client, damaged)
        assert client.framebuffer.pixels.shape == (768, 1024)


async def test_a_vm_that_stops_has_no_console(api: XenApi) -> None:
    vm = await running_vm(api)
    uuid = (await api.get_all_records(VM))[vm].uuid
    await api.run("VM.hard_shutdown", vm)
    with pytest.raises(ConsoleGone, match="does not run"):
        await open_console(await api.door(), uuid)


async def test_a_second_viewer_is_refused_where_the_pool_says_so(
    demo: Running, api: XenApi
) -> None:
    ref, _ = await console_of(api, await running_vm(api))
    for pool in demo.host.db.refs("pool"):
        demo.host.db.set("pool", pool, limit_console_sessions=True)
    async with screen(api, ref):
        with pytest.raises(ConsoleInUse, match="one viewer at a time") as caught:
            await open_console(await api.door(), ref)
        assert caught.value.status == 503


async def test_the_text_console_of_the_host_answers(api: XenApi) -> None:
    consoles = await api.get_all_records(Console)
    ref = next(str(ref) for ref, found in consoles.items() if found.protocol == "vt100")
    reader, writer = await open_console(await api.door(), ref)
    try:
        async with asyncio.timeout(LIMIT_S):
            await reader.readuntil(PROMPT)
            writer.write(b"echo hellp\x7fo there\r")
            told = await reader.readuntil(PROMPT)
        assert told.startswith(b"echo hellp\b \bo there\r\nhello there\r\n")
    finally:
        writer.close()
        await writer.wait_closed()


async def test_another_certificate_gets_nothing(demo: Running, api: XenApi) -> None:
    ref, _ = await console_of(api, await running_vm(api))
    door = dataclasses.replace(await api.door(), fingerprint="AB" * 32)
    before = len(demo.host.calls)
    with pytest.raises(CertificateChanged):
        await open_console(door, ref)
    await asyncio.sleep(0.05)
    assert len(demo.host.calls) == before


async def test_a_session_is_asked_for_and_never_told(api: XenApi) -> None:
    ref, _ = await console_of(api, await running_vm(api))
    door = dataclasses.replace(await api.door(), session="OpaqueRef:secret")
    with pytest.raises(SessionInvalid) as caught:
        await open_console(door, ref)
    assert "secret" not in str(caught.value)


async def test_what_is_no_console_is_not_asked_for(api: XenApi) -> None:
    door = await api.door()
    for wrong in ("", "x\r\nHost: y", "https://h/console?session_id=1", "OpaqueRef:a b"):
        with pytest.raises(ValueError, match="neither"):
            await open_console(door, wrong)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 302 Found OpaqueRef:secret\r\n\r\n", ConsoleRefused),
        (b"HTTP/1.1 503 Connection Limit Exceeded\r\n\r\n", ConsoleInUse),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", ConsoleGone),
    ],
)
async def test_refusals_by_status(answer: bytes, error: type[ConsoleRefused]) -> None:
    async with answering(answer) as door:
        with pytest.raises(error) as caught:
            await open_console(door, "OpaqueRef:console")
        assert "secret" not in f"{caught.value}{caught.value.reason}"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"RFB 003.008\n",
        b"x" * 3_000_000,
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 5000,
    ],
)
async def test_an_answer_that_is_none(answer: bytes) -> None:
    async with answering(answer) as door:
        with pytest.raises(TransportError):
            await open_console(door, "OpaqueRef:console")


async def test_what_follows_the_head_is_kept() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\nRFB 003.008\n") as door:
        reader, writer = await open_console(door, "OpaqueRef:console")
        assert await reader.read(100) == b"RFB 003.008\n"
        writer.close()
        await writer.wait_closed()


async def test_nobody_there() -> None:
    async with answering(b"") as door:
        gone = door
    with pytest.raises(NotReachable):
        await open_console(gone, "OpaqueRef:console")


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[Door]:
    """A server that says one thing, whatever it is asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Door("127.0.0.1", port, False, "", "OpaqueRef:secret")
    finally:
        server.close()
        await server.wait_closed()
