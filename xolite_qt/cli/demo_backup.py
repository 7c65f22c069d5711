"""`xolite-qt demo-backup`: back a demo VM up twice, restore it twice, and compare."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from xolite_qt.demo_host import Running
    from xolite_qt.xen_api import XenApi

_VM = "mail"
_DISKS, _DISK_BYTES, _MIB = 2, 96 * 1024 * 1024, 1024 * 1024


@dataclass(frozen=True)
class _Disk:
    """A disk of the VM: its uuid and the checksum of what the guest had at that moment."""

    uuid: str
    sha256: str


@dataclass(frozen=True)
class _Point:
    """One backup: its id, how it came, and what the guest had."""

    backup_id: str
    how: str
    transferred_bytes: int
    seconds: float
    disks: tuple[_Disk, ...]


@click.command("demo-backup")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--vm", default=_VM, show_default=True, help="A VM of the demo host, by name.")
def demo_backup(folder: Path, vm: str) -> None:
    """Back a demo VM up into FOLDER, change it, back it up again, restore both and compare.

    Everything goes through the commands an admin would type. Exits with 1 if one byte differs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise click.UsageError(f"{folder} is not empty")
    if not asyncio.run(_prove(folder.resolve(), vm)):
        raise SystemExit(1)


async def _prove(folder: Path, vm: str) -> bool:
    from xolite_qt.demo_host import start_demo_host
    from xolite_qt.xen_api import MemoryPins, XenApi

    images = await asyncio.to_thread(_small_images, folder, vm)
    async with start_demo_host(speed=0.1, disks=images) as running:
        pins = MemoryPins()
        async with XenApi(running.url, pins=pins, originator="xolite-qt demo") as api:
            pins.accept(*api.address, running.fingerprint or "")
            await api.login(running.user, running.password)
            return await _steps(folder, vm, running, api)


def _small_images(folder: Path, vm: str) -> dict[str, Path]:
    """Small disks for the VM, so that it takes seconds and not minutes: half of each is empty."""
    made = {}
    for number in range(_DISKS):
        path = folder / f"disk-{number}.raw"
        with path.open("wb") as file:
            file.truncate(_DISK_BYTES)
            for at in range(0, _DISK_BYTES, 8 * _MIB):
                file.seek(at)
                file.write(random.Random(at + number).randbytes(4 * _MIB))
        made[f"{vm} disk {number}"] = path
    return made


async def _steps(folder: Path, vm: str, running: Running, api: XenApi) -> bool:
    password_file = folder / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(running.password + "\n", encoding="utf-8")
    host = ["--host", running.url, "--user", running.user]
    host += ["--password-file", str(password_file), "--fingerprint", running.fingerprint or ""]
    repository = (folder / "repository").as_uri()
    uuids = await _disks_of(api, vm)
    await _serve_nbd(api)
    points = []
    for round_ in range(2):
        if round_:
            await _work_in_guest(api, uuids)
        disks = tuple([_Disk(uuid, await _checksum(api, uuid)) for uuid in uuids])
        began = time.monotonic()
        answer = await _command("backup", "run", *host, "--vm", vm, "--repo", repository, "--json")
        points.append(_point(answer, disks, time.monotonic() - began))
        click.echo(_line(points[-1]))
    verified = await _command("repo", "verify", repository, "--json")
    click.echo(f"repository: verified, {len(verified['problems'])} problems")
    same = [await _restored(folder, repository, point) for point in points]
    password_file.unlink()
    equal, all_ = sum(sum(one) for one in same), sum(len(one) for one in same)
    click.echo(f"restored:   {equal} of {all_} disks identical to the guest's, bit for bit")
    return equal == all_ and bool(verified["ok"])


def _point(answer: dict[str, Any], disks: tuple[_Disk, ...], seconds: float) -> _Point:
    backup = answer["backups"][0]
    ways = sorted({disk["way"] for disk in backup["disks"]})
    transferred = sum(disk["transferred_bytes"] for disk in backup["disks"])
    return _Point(backup["id"], ", ".join(ways), transferred, seconds, disks)


def _line(point: _Point) -> str:
    mib = point.transferred_bytes / 1024**2
    return f"backup:     {point.backup_id}  {mib:.1f} MiB by {point.how} in {point.seconds:.1f} s"


async def _restored(folder: Path, repository: str, point: _Point) -> list[bool]:
    same = []
    for disk in point.disks:
        out = folder / "restored.raw"
        where = ["--repo", repository, "--backup", point.backup_id, "--disk", disk.uuid]
        await _command("restore", *where, "--to-file", str(out), answers=False)
        found = await asyncio.to_thread(_sha256, out)
        same.append(found == disk.sha256)
        out.unlink()
    return same


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _serve_nbd(api: XenApi) -> None:
    """Turns NBD on where the host is managed, as an admin would in the dialog."""
    from xolite_qt.xen_api import PIF

    pifs = await api.get_all_records(PIF)
    network = next(pif.network for pif in pifs.values() if pif.management)
    await api.call("network.add_purpose", network, "nbd")


async def _disks_of(api: XenApi, name: str) -> list[str]:
    from xolite_qt.xen_api import VBD, VDI, VM

    refs = [ref for ref, vm in (await api.get_all_records(VM)).items() if vm.name_label == name]
    if not refs:
        raise click.ClickException(f"the demo host has no VM named {name}")
    vbds = (await api.get_all_records(VBD)).values()
    vdis = await api.get_all_records(VDI)
    return [
        vdis[vbd.vdi].uuid
        for vbd in vbds
        if vbd.vm == refs[0] and vbd.type == "Disk" and vbd.vdi in vdis
    ]


async def _work_in_guest(api: XenApi, uuids: list[str]) -> None:
    """Writes what a guest might between two backups: a little, here and there."""
    for place, uuid in enumerate(uuids):
        for offset in (1 << 20, (3 << 20) + 4096 * place):
            await _plugin(api, "write_disk", vdi=uuid, offset=str(offset), hex="c0ffee" * 700)


async def _checksum(api: XenApi, uuid: str) -> str:
    answer = await _plugin(api, "checksum", vdi=uuid)
    return str(answer["sha256"])


async def _plugin(api: XenApi, function: str, **arguments: str) -> Any:
    from xolite_qt.xen_api import Host

    host = next(iter(await api.get_all_records(Host)))
    answer = await api.call("host.call_plugin", host, "xolite-demo", function, arguments)
    try:
        return json.loads(answer)
    except ValueError:
        return answer


async def _command(*arguments: str, answers: bool = True) -> dict[str, Any]:
    """Runs one of our commands as an admin would, and reads its answer."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "xolite_qt",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode:
        said = (err or out).decode(errors="replace").strip()
        raise click.ClickException(f"{' '.join(arguments[:2])} failed: {said}")
    answer = json.loads(out) if answers else {}
    assert isinstance(answer, dict)
    return answer
