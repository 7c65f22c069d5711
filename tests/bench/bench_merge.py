"""Merging: blocks per second on a disk, and what several worker processes are worth."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import brotli

from tests.bench.report import Finding, median, say
from xolite_qt.backup.disks import DirectoryDisk, Kind, open_disk, write_table
from xolite_qt.backup.disks.coding import encode
from xolite_qt.backup.merge import merge_chain, merge_repository
from xolite_qt.backup.repository import Repository, clean_vm, forget_locked
from xolite_qt.backup.storage import Storage
from xolite_qt.backup.storage.local import LocalStorage
from xolite_qt.vhd import BITMAP_BYTES, BLOCK_BYTES
from xolite_qt.vhd.stream import FULL_BITMAP

KEY = "a key of exactly thirty-two bytes"[:32]
VMS = [f"1111111{n}-0f5c-4d27-9dd9-2f4b3f1f8a10" for n in range(4)]
JOB = "7a1cbd0a-0f5c-4d27-9dd9-2f4b3f1f8a10"
DISK = "55555555-0f5c-4d27-9dd9-2f4b3f1f8a10"
RUNS = 3
LATENCY_S = 0.02
_RAW = FULL_BITMAP + b"log line " * (BLOCK_BYTES // 9) + bytes(BLOCK_BYTES % 9)
assert len(_RAW) == BITMAP_BYTES + BLOCK_BYTES
_STORED = brotli.compress(_RAW, quality=0)


def make_chain(
    repository: Repository, vm: str, kind: Kind, blocks: int, *, gzip: bool = False
) -> list[str]:
    """A full backup and an increment with `blocks` blocks; the full one is forgotten.

    Folders of blocks are filled behind the writer's back, without a sync for each.
    """
    paths: list[str] = []
    ids: list[str] = []
    for number in range(2):
        record = {"uuid": vm, "name_label": "db", "$type": "VM", "$ref": "OpaqueRef:vm"}
        writer = repository.new_backup(
            vm=record,
            vm_snapshot=record,
            job_id=JOB,
            schedule_id=JOB,
            mode="delta",
            timestamp_ms=1767225600000 + number * 86_400_000,
        )
        vdi = {"uuid": str(uuid.uuid4()), "$ref": "OpaqueRef:d", "$snapshot_of$uuid": DISK}
        disk = writer.add_disk(
            vdi,
            size_bytes=2 * blocks * BLOCK_BYTES,
            parent=open_disk(repository.storage, paths[-1]) if paths else None,
            kind=kind,
        )
        # Every second block is new, the others are there already.
        indices = range(blocks) if number == 0 else range(blocks // 2, blocks // 2 + blocks)
        if kind is Kind.FILE:
            for index in indices if number else list(indices)[:2]:
                disk.put(index, _RAW[BITMAP_BYTES:])
        else:
            disk.put(indices[0], _RAW[BITMAP_BYTES:])
        ids.append(writer.finish().id)
        paths.append(disk.path)
        if kind is Kind.DIRECTORY:
            fill(repository.storage, paths[-1], indices, gzip=gzip and number == 1)
    forget_locked(repository, vm, ids[:1])
    return paths


def fill(storage: Storage, path: str, indices: range, *, gzip: bool) -> None:
    """Puts blocks into a folder of them."""
    disk = open_disk(storage, path)
    assert isinstance(disk, DirectoryDisk)
    packing = "gzip" if gzip else disk.compression
    body = encode(_RAW, "gzip") if gzip else _STORED
    inner = storage if isinstance(storage, LocalStorage) else getattr(storage, "inner", None)
    for index in indices:
        if isinstance(inner, LocalStorage):
            place = inner.root / disk.block_path(index)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(body)
        else:
            storage.write(disk.block_path(index), body)
    if gzip:
        for name, raw in (("header", disk.header.pack()), ("footer", disk.footer.pack())):
            storage.write(f"{disk.data_path}/{name}", encode(raw, "gzip"))
        storage.write(f"{disk.data_path}/chunk-filters.json", b'["gzip"]')
    entries = disk.header.max_table_entries
    write_table(storage, disk.data_path, list(indices), entries, packing)


def pace_of_renames() -> Finding:
    """Blocks per second of one chain of folders on the local disk."""
    blocks, paces = 3000, []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory(prefix="xolite-bench-") as place:
            storage = LocalStorage(Path(place))
            paths = make_chain(Repository.create(storage), VMS[0], Kind.DIRECTORY, blocks)
            began = time.monotonic()
            merge_chain(storage, paths)
            paces.append(blocks / (time.monotonic() - began))
    spread = ", ".join(f"{pace:.0f}" for pace in paces)
    return Finding(
        "blocks per second of a merge of folders, local disk",
        median(paces),
        "blocks/s",
        None,
        f"{blocks} blocks, runs: {spread}; bound by renames of the file system",
        least=600,
    )


def timed(url: str, key: str | None, concurrency: int) -> float:
    """Seconds of a merge of everything."""
    began = time.monotonic()
    outcomes = merge_repository(url, key, concurrency=concurrency)
    seconds = time.monotonic() - began
    if any(outcome.errors or len(outcome.merged) != 1 for outcome in outcomes):
        raise SystemExit(f"the merge failed: {outcomes}")
    return seconds


def worth(
    what: str, make: Callable[[], tuple[str, str | None, Callable[[], None]]], least: float | None
) -> Finding:
    """How many times faster four processes are than one; runs in turns."""
    seconds: dict[int, list[float]] = {1: [], 4: []}
    for run in range(RUNS):
        for concurrency in (1, 4) if run % 2 == 0 else (4, 1):
            url, key, remove = make()
            try:
                os.sync()
                seconds[concurrency].append(timed(url, key, concurrency))
            finally:
                remove()
    one, four = median(seconds[1]), median(seconds[4])
    detail = f"{one:.2f} s with one process, {four:.2f} s with four, {len(VMS)} VMs"
    return Finding(what, one / four, "ratio", None, detail, least=least)


def in_a_folder(
    kind: Kind,
    blocks: int,
    key: str | None = None,
    *,
    gzip: bool = False,
    place: Path | None = None,
) -> Callable[[], tuple[str, str | None, Callable[[], None]]]:
    """Makes repositories of four VMs."""

    def make() -> tuple[str, str | None, Callable[[], None]]:
        root = Path(tempfile.mkdtemp(prefix="xolite-bench-", dir=place))
        repository = Repository.create(LocalStorage(root), key)
        for vm in VMS:
            make_chain(repository, vm, kind, blocks, gzip=gzip)
        return root.as_uri(), key, lambda: shutil.rmtree(root)

    return make


# Buckets


@contextmanager
def slow_bucket() -> Iterator[str]:
    """The URL of a bucket in a process of its own, each of whose answers takes `LATENCY_S`."""
    command = [sys.executable, "-m", "tests.bench.slow_s3", str(LATENCY_S)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield cast("IO[str]", process.stdout).readline().strip()
    finally:
        process.terminate()
        process.wait(timeout=30)
        cast("IO[str]", process.stdout).close()


def in_a_bucket(url: str, blocks: int) -> Callable[[], tuple[str, str | None, Callable[[], None]]]:
    """The same in a bucket, each time below another prefix."""
    from xolite_qt.backup.storage import open_storage

    def make() -> tuple[str, str | None, Callable[[], None]]:
        place = f"{url}/bucket/{uuid.uuid4()}"
        storage = open_storage(place)
        repository = Repository.create(storage)
        for vm in VMS:
            make_chain(repository, vm, Kind.DIRECTORY, blocks)
            clean_vm(repository, vm)

        def remove() -> None:
            storage.delete_tree("")
            storage.close()

        return place, None, remove

    return make


def main() -> None:
    wanted = sys.argv[1:]

    def asked(name: str) -> bool:
        return not wanted or name in wanted

    if asked("renames"):
        say(pace_of_renames().line())
    if asked("encrypted"):
        make = in_a_folder(Kind.DIRECTORY, 6000, KEY)
        say(worth("4 encrypted VMs at once, folders (renames)", make, 1.7).line())
    if asked("files"):
        say(worth("4 VMs at once, VHD files", in_a_folder(Kind.FILE, 100), 1.7).line())
    if asked("anew"):
        make = in_a_folder(Kind.DIRECTORY, 300, gzip=True)
        say(worth("4 VMs at once, blocks encoded anew", make, None).line())
    if asked("memory") and Path("/dev/shm").is_dir():
        make = in_a_folder(Kind.FILE, 60, place=Path("/dev/shm"))
        say(worth("4 VMs at once, VHD files in memory", make, None).line())
        make = in_a_folder(Kind.DIRECTORY, 6000, KEY, place=Path("/dev/shm"))
        say(worth("4 encrypted VMs at once, folders in memory", make, None).line())
    if asked("bucket"):
        with slow_bucket() as url:
            what = f"4 VMs at once in a bucket, {LATENCY_S * 1000:.0f} ms an answer"
            say(worth(what, in_a_bucket(url, 60), 3.5).line())


if __name__ == "__main__":
    main()
