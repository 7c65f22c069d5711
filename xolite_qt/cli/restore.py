"""`xolite-qt restore`: a disk of a backup into a file, or a VM or a disk back onto a host."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from xolite_qt.cli.options import HostOptions, host_options
from xolite_qt.cli.repo_access import (
    PROBLEMS,
    UNREACHABLE,
    Ending,
    address_of,
    echo_json,
    ending,
    opened,
    plain,
    progress_bar,
    stoppable,
)

if TYPE_CHECKING:
    from xolite_qt.backup.repository import Backup, BackupDisk, Repository
    from xolite_qt.backup.restore import RestoreWish
    from xolite_qt.xen_api import XenApi

T = TypeVar("T")

_STOP_LOOK_S = 0.2
# Threads that send see the wish to stop by themselves; what else is waited for is cut after this.
_STOP_GRACE_S = 1.0


@dataclass(frozen=True)
class _Wish:
    """What is to be restored to a host, in the words of the command line."""

    sr: str
    name: str | None
    start: bool
    keep_macs: bool
    snapshot: str
    networks: tuple[str, ...]


@click.command("restore")
@click.option("--repo", "repository", metavar="REPO", required=True, help="As of `repo list`.")
@click.option(
    "--key-file",
    metavar="K",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the encryption key: 32 characters.",
)
@click.option("--backup", "backup_id", metavar="ID", required=True, help="As `repo list` shows it.")
@click.option("--disk", metavar="DISK", help="uuid of a disk or of its snapshot, or its name.")
@click.option(
    "--to-file",
    "out",
    metavar="OUT",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the disk into this new file.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["raw", "vhd", "qcow2"]),
    help="Of the file. Default: raw.",
)
@host_options(required=False)
@click.option("--sr", metavar="NAME_OR_UUID", help="Storage for the disks. Default: the pool's.")
@click.option("--name", metavar="NEW_NAME", help="Of the new VM or disk. Default: the old one.")
@click.option("--start", is_flag=True, help="Start the VM afterwards.")
@click.option("--keep-macs", is_flag=True, help="Keep MAC addresses even where another has them.")
@click.option(
    "--onto-snapshot",
    "snapshot",
    metavar="UUID",
    help="A snapshot on the host to build on: only what differs is sent.",
)
@click.option(
    "--network",
    "networks",
    metavar="VIF_UUID=NETWORK",
    multiple=True,
    help="Where a card goes: a name or uuid; nothing after the = leaves it out. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def restore(
    repository: str,
    key_file: Path | None,
    backup_id: str,
    disk: str | None,
    out: Path | None,
    form: Literal["raw", "vhd", "qcow2"] | None,
    url: str | None,
    user: str,
    password_file: Path | None,
    fingerprint: str | None,
    sr: str | None,
    name: str | None,
    start: bool,
    keep_macs: bool,
    snapshot: str | None,
    networks: tuple[str, ...],
    as_json: bool,
) -> None:
    """Restore a disk to a file, or a VM or a disk to a host.

    With --to-file one disk becomes a file. With --host a new VM is made, or with --disk a new disk
    that is attached to nothing. Every block is compared with its hash on the way.

    Exit codes: 0 all is well, 1 it did not work, 2 the command line is wrong, 3 the repository or
    the host cannot be opened or reached, 130 Ctrl-C: what was half made is removed.
    """
    if (out is None) == (url is None):
        raise click.UsageError("say either --to-file or --host")
    if out is not None:
        if disk is None:
            raise click.UsageError("--to-file needs --disk")
        given = [sr, name, start, keep_macs, snapshot, networks]
        if any(given):
            raise click.UsageError(
                "--sr, --name, --start, --keep-macs, --onto-snapshot and --network go with --host"
            )
    elif form is not None:
        raise click.UsageError("--format goes with --to-file")
    if disk is not None and (start or keep_macs or snapshot or networks):
        raise click.UsageError(
            "--start, --keep-macs, --onto-snapshot and --network are for whole VMs"
        )
    if any("=" not in one for one in networks):
        raise click.UsageError("--network is VIF_UUID=NETWORK")
    host = HostOptions(url, user, password_file, fingerprint) if url is not None else None
    if host is not None:
        # Before anything is opened: a mistake here is one of the command line.
        host.password()
    with (
        ending(as_json) as end,
        _host_errors(end),
        stoppable() as stop,
        opened(address_of(repository, key_file), patient=True) as found,
    ):
        end.is_open = True
        backup = found.backup(backup_id)
        chosen = backup.disk(disk) if disk is not None else None
        if out is not None:
            assert chosen is not None
            answer = _to_file(found, backup, chosen, out, form or "raw", stop, as_json)
        else:
            assert host is not None
            wish = _Wish(sr or "", name, start, keep_macs, snapshot or "", networks)
            work = _to_host(host, found, backup, chosen, wish, stop, as_json)
            answer = asyncio.run(_stopped_by(stop, work))
    if as_json:
        echo_json({"ok": True, "problems": [], **answer})
    else:
        click.echo(plain(_sentence(answer)))


def _sentence(answer: dict[str, Any]) -> str:
    if "path" in answer:
        proven = f"{answer['proven']} of {answer['blocks']} blocks proved by their hash"
        return f"{answer['path']}: {answer['size']} bytes, {proven}"
    kind = "vm" if "vm" in answer else "vdi"
    sent = f"{answer['sent_bytes'] / 1024**2:.1f} MiB sent"
    return f"{answer[kind]['name']} ({answer[kind]['uuid']}) is restored, {sent}"


# To a file


def _to_file(
    repository: Repository,
    backup: Backup,
    disk: BackupDisk,
    out: Path,
    form: Literal["raw", "vhd", "qcow2"],
    stop: threading.Event,
    as_json: bool,
) -> dict[str, Any]:
    from xolite_qt.backup.restore import restore_disk_to_file

    with progress_bar("Restoring", as_json) as progress:
        made = restore_disk_to_file(
            repository, backup, disk, out, form=form, progress=progress, stop=stop
        )
    return {
        "path": str(made.path),
        "size": made.size_bytes,
        "blocks": made.blocks,
        "proven": made.proven,
    }


# To a host


async def _to_host(
    host: HostOptions,
    repository: Repository,
    backup: Backup,
    disk: BackupDisk | None,
    wish: _Wish,
    stop: threading.Event,
    as_json: bool,
) -> dict[str, Any]:
    from xolite_qt.backup.restore import HostRestore, find_sr

    notes: list[str] = []

    def told(text: str) -> None:
        notes.append(text)
        if not as_json:
            click.echo(plain(text), err=True)

    try:
        api = await host.sign_in()
    except click.UsageError:
        raise
    except click.ClickException as error:
        raise _HostAwayError(error.message) from error
    with progress_bar("Restoring", as_json) as show:
        work = HostRestore(
            api, repository, told=told, progress=_summed(show, backup, disk), stop=stop
        )
        async with api:
            sr = await find_sr(api, wish.sr) if wish.sr else ""
            if disk is not None:
                ref = await work.disk(backup, disk, sr, wish.name)
                made = {"vdi": await _named(api, "VDI", ref)}
            else:
                ref = await work.vm(backup, await _wish(api, wish, sr))
                made = {"vm": await _named(api, "VM", ref)}
    return {**made, "sent_bytes": work.sent_bytes, "notes": notes}


async def _named(api: XenApi, kind: str, ref: str) -> dict[str, str]:
    return {
        "uuid": str(await api.call(f"{kind}.get_uuid", ref)),
        "name": str(await api.call(f"{kind}.get_name_label", ref)),
    }


async def _wish(api: XenApi, wish: _Wish, sr: str) -> RestoreWish:
    from xolite_qt.backup.restore import RestoreWish, find_network

    networks = {}
    for one in wish.networks:
        vif, _, network = one.partition("=")
        networks[vif] = await find_network(api, network) if network else ""
    return RestoreWish(
        sr={"": sr},
        networks=networks,
        name=wish.name,
        start=wish.start,
        keep_macs=wish.keep_macs,
        snapshot=wish.snapshot,
    )


def _summed(
    show: Callable[[int, int], None] | None, backup: Backup, disk: BackupDisk | None
) -> Callable[[BackupDisk | None, int, int], None]:
    """One bar for all disks, which are sent one after the other: each is the same share of it."""
    order = [one.ref for one in (backup.disks if disk is None else (disk,))]

    def tell(which: BackupDisk | None, done: int, total: int) -> None:
        if show is None:
            return
        place, count = (0, 1) if which is None else (order.index(which.ref), len(order))
        show(place * 1000 + 1000 * done // max(total, 1), count * 1000)

    return tell


async def _stopped_by(stop: threading.Event, work: Coroutine[Any, Any, T]) -> T:
    """Does the work; cuts what it waits for, some time after Ctrl-C."""
    from xolite_qt.backup.errors import Cancelled

    running = asyncio.create_task(work)
    while not running.done() and not stop.is_set():
        await asyncio.wait({running}, timeout=_STOP_LOOK_S)
    if not running.done():
        await asyncio.wait({running}, timeout=_STOP_GRACE_S)
        running.cancel()
        await asyncio.wait({running})
    try:
        return running.result()
    except asyncio.CancelledError:
        raise Cancelled from None


class _HostAwayError(Exception):
    """Nobody could sign in to the host; the sentence says why."""


@contextlib.contextmanager
def _host_errors(end: Ending) -> Iterator[None]:
    """What the host says, or that it says nothing, becomes a sentence and an exit code."""
    from xolite_qt.xen_api import TransportError, XenApiError

    try:
        yield
    except (XenApiError, _HostAwayError) as error:
        away = isinstance(error, TransportError | _HostAwayError)
        if end.as_json:
            echo_json({"ok": False, "problems": [{"path": "", "what": str(error)}]})
        else:
            click.echo(plain(str(error)), err=True)
        sys.exit(UNREACHABLE if away else PROBLEMS)
