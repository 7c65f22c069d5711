"""A simulated XCP-ng host that speaks the real wire: JSON-RPC and XML-RPC, events, tasks, metrics.

    async with start_demo_host(speed=0.01) as running:
        running.url, running.user, running.password, running.fingerprint
        running.host.db.set("VM", ref, name_label="renamed")      # clients get the event
        running.host.faults.lose_events()                          # see `faults`
        running.host.calls                                         # what was called, bytes out
        running.host.disks.write(vdi, offset, b"data")             # as the guest would; see `disks`

It shares no code with the client that it tests. Calls are added by `registry.method`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from .calls import CallRecord
from .disks import DiskFileError
from .host import DemoHost, Running
from .registry import Call, Failure, http_route, install, method
from .replay import Replay, is_recording, read_recording
from .server import parse_listen
from .world_file import WorldError, fill, load_world, read_world
from .worlds import WORLDS, build_default_world, generate_world

__all__ = [
    "WORLDS",
    "Call",
    "CallRecord",
    "DemoHost",
    "DiskFileError",
    "Failure",
    "Running",
    "WorldError",
    "http_route",
    "install",
    "load_world",
    "method",
    "parse_listen",
    "start_demo_host",
]


@asynccontextmanager
async def start_demo_host(
    *,
    listen: str = "127.0.0.1:0",
    world: Path | str | None = None,
    generate: tuple[int, int] | None = None,
    seed: int = 1,
    plain_http: bool = False,
    speed: float = 1.0,
    disks: Mapping[str, Path] | None = None,
    members: bool = False,
) -> AsyncIterator[Running]:
    """Serve a demo host while the block runs.

    Args:
        listen: loopback "address:port"; port 0 takes a free one.
        world: a file of records, a recording that is played read-only, or the name of one of
            `WORLDS`; by default the small business.
        generate: (hosts, VMs) of a generated world instead.
        seed: the same seed gives the same world.
        plain_http: without TLS.
        speed: factor on every duration; tests use 0.01.
        disks: raw images by the uuid or name of the virtual disk that they stand behind.
        members: whether the other hosts of the pool answer too, each at an address of its own.

    Raises:
        WorldError: the file holds no world.
        DiskFileError: an image cannot be used, or there is no disk for it.
        ValueError: not a loopback address.
        OSError: the port is taken.
    """
    host = DemoHost(speed=speed, seed=seed)
    if world is not None and str(world) in WORLDS:
        WORLDS[str(world)](host)
    elif world is not None and is_recording(Path(world)):
        recording = await asyncio.to_thread(read_recording, Path(world))
        replay = Replay(host, recording, 1.0 / speed)
        host.spawn(replay.run(), name="replay")
    elif world is not None:
        fill(host, await asyncio.to_thread(read_world, Path(world)))
    elif generate is not None:
        hosts, vms = generate
        generate_world(host, hosts=hosts, vms=vms)
    else:
        build_default_world(host)
    try:
        if disks:
            images = {name: Path(path) for name, path in disks.items()}
            await asyncio.to_thread(host.disks.back_all, images)
        running = await host.start(listen, plain_http)
        if members:
            await host.serve_members()
        yield running
    finally:
        await host.stop()
