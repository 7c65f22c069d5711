"""`xolite-qt demo-host`: serve a simulated host on a loopback address."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from pathlib import Path

import click

from xolite_qt.cli.options import World


async def _serve(
    listen: str,
    world: Path | None,
    generate: tuple[int, int] | None,
    seed: int,
    plain_http: bool,
    speed: float,
    disks: dict[str, Path],
) -> None:
    from xolite_qt.demo_host import start_demo_host

    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    if sys.platform != "win32":
        # There the default handler raises KeyboardInterrupt, which ends the loop as well.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, done.set)
    async with start_demo_host(
        listen=listen,
        world=world,
        generate=generate,
        seed=seed,
        plain_http=plain_http,
        speed=speed,
        disks=disks,
    ) as running:
        line = {
            "url": running.url,
            "user": running.user,
            "password": running.password,
            "fingerprint": running.fingerprint,
        }
        click.echo(json.dumps(line))
        sys.stdout.flush()
        await done.wait()


def _size(context: click.Context, option: click.Parameter, value: str | None) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,4})x(\d{1,5})", value or "0x0")
    if found is None:
        raise click.BadParameter("is not HOSTSxVMS, such as 100x1000")
    return int(found[1]), int(found[2])


def _disks(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> dict[str, Path]:
    disks: dict[str, Path] = {}
    for value in values:
        name, equals, path = value.rpartition("=")
        if not equals or not name or not path:
            raise click.BadParameter(f"{value!r} is not VDI=FILE.raw")
        if name in disks:
            raise click.BadParameter(f"{name} is named twice")
        disks[name] = Path(path)
    return disks


@click.command("demo-host")
@click.option(
    "--listen",
    default="127.0.0.1:0",
    show_default=True,
    metavar="ADDRESS:PORT",
    help="A loopback address; port 0 takes a free one.",
)
@click.option(
    "--world",
    type=World(),
    metavar="FILE|NAME",
    help="A file of records, such as dump-world writes; or a built one: small-business, xostor3, "
    "xostor4.",
)
@click.option(
    "--generate",
    callback=_size,
    metavar="HOSTSxVMS",
    help="Make a world of this size, such as 1000x10000.",
)
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same world.")
@click.option("--plain-http", is_flag=True, help="Serve without TLS.")
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0, max=100),
    help="Factor on every duration; 0.1 makes a start take a tenth.",
)
@click.option(
    "--disk",
    "disks",
    multiple=True,
    callback=_disks,
    metavar="VDI=FILE.raw",
    help="Put a raw image behind a virtual disk, named by its uuid or name; may be repeated. "
    "The file is never written, and must not be changed: swap it for a later one.",
)
def demo_host(
    listen: str,
    world: Path | None,
    generate: tuple[int, int],
    seed: int,
    plain_http: bool,
    speed: float,
    disks: dict[str, Path],
) -> None:
    """Serve a simulated host until interrupted.

    Prints one line of JSON: url, user, password and the certificate's SHA-256 fingerprint.

    The image behind a disk is swapped for a later one while the VM runs, and snapshots keep the
    earlier one, by a plugin call of the host:

    \b
      host.call_plugin(session, host, "xolite-demo", "swap_disk",
                       {"vdi": UUID, "file": "/path/to/later.raw"})
      … "write_disk", {"vdi": UUID, "offset": "512", "hex": "00ff"}
      … "checksum", {"vdi": UUID}      -> {"sha256": …, "size": …}
    """
    from xolite_qt.demo_host import DiskFileError, WorldError, parse_listen

    if world is not None and generate != (0, 0):
        raise click.UsageError("--world and --generate exclude each other")
    try:
        parse_listen(listen)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--listen") from error
    size = None if generate == (0, 0) else generate
    try:
        asyncio.run(_serve(listen, world, size, seed, plain_http, speed, disks))
    except (WorldError, DiskFileError) as error:
        raise click.ClickException(f"{error.path} {error.what}") from error
    except OSError as error:
        raise click.ClickException(f"cannot listen on {listen}: {error.strerror}") from error
    except KeyboardInterrupt:
        # The way Windows says that it is time to go.
        return
