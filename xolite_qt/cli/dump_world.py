"""`xolite-qt dump-world`: a live host's records as a file, without its secrets."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xolite_qt.cli.options import HostOptions, host_options
from xolite_qt.recorder.redact import DROPPED_CLASSES, redact_record

if TYPE_CHECKING:
    from xolite_qt.xen_api import XenApi

_READ_ALL = ".get_all_records"


async def read_world(api: XenApi) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Every record of every class that the host lets be read.

    Returns:
        The world, `{class: {reference: record}}`, redacted; and for each class that the host
        refused, its error code. A class refused is no reason to lose the others.
    """
    from xolite_qt.xen_api import XapiError

    methods: list[str] = await api.call("system.listMethods")
    classes = sorted(m.removesuffix(_READ_ALL) for m in methods if m.endswith(_READ_ALL))
    world: dict[str, dict[str, Any]] = {}
    refused: dict[str, str] = {}
    for cls in classes:
        if cls in DROPPED_CLASSES:
            continue
        try:
            records: dict[str, dict[str, Any]] = await api.call(cls + _READ_ALL)
        except XapiError as error:
            refused[cls] = error.code
            continue
        world[cls] = {ref: redact_record(cls, record) for ref, record in records.items()}
    return world, refused


def write_world(path: Path, world: dict[str, dict[str, Any]]) -> int:
    """Writes a world file whole or not at all; returns its size in bytes.

    Raises:
        OSError: the folder is missing, full or not writable; what was there before stays.
    """
    import msgspec

    body = msgspec.json.format(msgspec.json.encode(world), indent=1)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return len(body)


@click.command("dump-world")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@host_options()
def dump_world(
    file: Path, url: str, user: str, password_file: Path | None, fingerprint: str | None
) -> None:
    """Write a live host's records to FILE, for a bug report or to open its picture offline.

    Passwords, keys, secrets and licences are removed. Open the file with
    `xolite-qt --demo --world FILE`.
    """
    options = HostOptions(url, user, password_file, fingerprint)

    async def work() -> None:
        api = await options.sign_in()
        try:
            world, refused = await read_world(api)
        finally:
            await api.close()
        try:
            size_bytes = await asyncio.to_thread(write_world, file, world)
        except OSError as error:
            raise click.ClickException(f"{file} cannot be written: {error.strerror}") from error
        records = sum(len(table) for table in world.values())
        click.echo(f"{file}: {records} records of {len(world)} classes, {size_bytes} bytes")
        for cls, code in refused.items():
            click.echo(f"  {cls} was refused by the host: {code}", err=True)

    asyncio.run(work())
