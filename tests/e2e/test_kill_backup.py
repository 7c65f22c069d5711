"""Backups that are killed at any moment: the next one finds a sound repository and a tidy host."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.backup.run.places import MIB, sha256
from tests.e2e.conftest import ROOT
from tests.e2e.test_backup_commands import Bench, a_bench
from xolite_qt.backup.repository import Repository, check, verify
from xolite_qt.backup.restore import restore_disk_to_file
from xolite_qt.backup.storage.local import LocalStorage
from xolite_qt.xen_api import XenApi

KILLS = int(os.environ.get("XOLITE_KILLS", "4"))
SEED = os.environ.get("XOLITE_SEED", "")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with a_bench(tmp_path_factory.mktemp("host")) as made:
        yield made


class Round:
    """What is known of the backups so far."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.repo = bench.folder / "repo"
        self.known: dict[str, dict[str, str]] = {}
        self.proven: set[str] = set()

    def ids(self) -> list[str]:
        """Of the backups that are there."""
        return [one.id for one in Repository.open(LocalStorage(self.repo)).backups()]

    async def remember(self) -> int:
        """New backups hold what the guest has now; returns how many there are."""
        new = [ident for ident in self.ids() if ident not in self.known]
        sums = await self.bench.disks()
        self.known |= dict.fromkeys(new, sums)
        return len(new)

    def prove(self) -> None:
        """The repository is sound, and every backup is what the guest had."""
        repository = Repository.open(LocalStorage(self.repo))
        report = check(repository)
        assert (report.problems, report.notes) == ([], [])
        assert verify(repository).problems == []
        for backup in repository.backups():
            for disk in backup.disks:
                out = self.bench.folder / "out.raw"
                restore_disk_to_file(repository, backup, disk, out)
                assert sha256(out) == self.known[backup.id][disk.uuid], backup.id
                out.unlink()

    async def host_is_tidy(self, more: dict[str, int]) -> None:
        """One snapshot of the VM, one of each disk, nothing at the control domain."""
        found = await self.counts()
        assert found == more, (found, more)

    async def counts(self) -> dict[str, int]:
        """What is on the host that a backup could leave."""
        async with self.bench.signed_in() as api:
            vms: dict[str, Any] = await api.call("VM.get_all_records")
            vdis: dict[str, Any] = await api.call("VDI.get_all_records")
            vbds: dict[str, Any] = await api.call("VBD.get_all_records")
            vm = await _mail(api)
        domains = {ref for ref, one in vms.items() if one["is_control_domain"]}
        return {
            "snapshots": len(vms[vm]["snapshots"]),
            "being taken": sum("being taken" in one["name_label"] for one in vms.values()),
            "disks": len(vdis),
            "at the host": sum(one["VM"] in domains for one in vbds.values()),
        }


async def _mail(api: XenApi) -> str:
    return str((await api.call("VM.get_by_name_label", "mail"))[0])


@pytest.mark.timeout(90 + 15 * KILLS)
@pytest.mark.parametrize("nbd", [True, False])
def test_a_kill_at_any_moment_harms_nothing(bench: Bench, nbd: bool) -> None:
    asyncio.run(_kills(bench, nbd))


async def _kills(bench: Bench, nbd: bool) -> None:
    rounds = Round(bench)
    repo = rounds.repo = bench.folder / ("nbd" if nbd else "export")
    if nbd:
        await bench.serve_nbd()
    more = ("--retention", "2", "--nbd", "auto" if nbd else "off")
    line = bench.line(repo.as_uri(), more=more)
    bench.answer(line)
    await rounds.remember()
    await bench.write(0, offset=3 * MIB)
    began = time.monotonic()
    bench.answer(line)
    whole_s = time.monotonic() - began
    await rounds.remember()
    tidy = await rounds.counts()
    rounds.prove()
    kinds: dict[str, int] = {"delta": 0, "full": 0, "late": 0}
    kills = max(1, KILLS // 2)
    for number in range(kills):
        chance = random.Random(f"{nbd} {number} {SEED}")
        length = chance.choice([3000, 200_000])
        await bench.write(chance.randrange(10**6), offset=chance.randrange(7 * MIB), length=length)
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(line, stdout=quiet, stderr=quiet, cwd=ROOT)  # noqa: ASYNC220
        time.sleep(chance.uniform(0.3, 1.05) * whole_s)  # noqa: ASYNC251 - nothing else is to run
        kinds["late"] += process.poll() is not None
        process.kill()
        process.wait()
        await rounds.remember()
        await bench.write(chance.randrange(10**6), offset=chance.randrange(7 * MIB))
        said = bench.answer(line)
        assert (said["outcome"], said["errors"]) == ("success", []), said
        for disk in said["backups"][0]["disks"]:
            kinds[disk["kind"]] += 1
        await rounds.remember()
        rounds.prove()
        await rounds.host_is_tidy(tidy)
    print(f"{kills} kills, whole run {whole_s:.1f} s, {kinds}")
    assert kinds["late"] < kills or kills < 3
