"""`xolite-qt backup`: the forms that scripts rely on, each in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.backup.run.places import DISKS_BYTES, KEY, MIB, sha256, small_images
from tests.backup.storage.s3_places import (
    ACCESS_KEY,
    RGW_URL,
    SECRET_KEY,
    moto_service,
    new_bucket,
    storage_at,
)
from tests.e2e.conftest import COMMAND, ROOT, Served, serving
from tests.fault_proxy import Fault, FaultProxy
from xolite_qt.backup.repository import Repository, check, verify
from xolite_qt.backup.restore import restore_disk_to_file
from xolite_qt.backup.storage.base import Storage
from xolite_qt.backup.storage.local import LocalStorage
from xolite_qt.cli import main
from xolite_qt.xen_api import MemoryPins, XenApi

UUID = "00000000-0000-4000-8000-000000000000"


@dataclass
class Bench:
    """A demo host in a process of its own, and commands against it."""

    host: Served
    folder: Path

    def line(self, *repos: str, vm: str = "mail", more: tuple[str, ...] = ()) -> list[str]:
        """The command line of a backup."""
        where = [part for repo in repos for part in ("--repo", repo)]
        host = self.host.options(self.folder)
        return [*COMMAND, "backup", "run", *host, "--vm", vm, *where, *more, "--json"]

    def back_up(self, *repos: str, code: int = 0, vm: str = "mail", more: str = "") -> Any:
        """A backup's answer."""
        line = self.line(*repos, vm=vm, more=tuple(more.split()))
        return self.answer(line, code)

    def answer(self, line: list[str], code: int = 0) -> Any:
        """What a command says: one line of JSON, and nothing but sentences elsewhere."""
        done = subprocess.run(line, capture_output=True, text=True, timeout=60, cwd=ROOT)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert done.stdout.count("\n") == 1
        assert "Traceback" not in done.stderr
        assert SECRET_KEY not in done.stdout + done.stderr
        answer = json.loads(done.stdout)
        assert isinstance(answer["ok"], bool)
        assert isinstance(answer["problems"], list)
        return answer

    def signed_in(self) -> SignedIn:
        """A session on the host, for a block."""
        return SignedIn(self.host)

    async def serve_nbd(self) -> None:
        """The host serves disks by NBD on the network it is managed by."""
        async with self.signed_in() as api:
            pifs = await api.call("PIF.get_all_records")
            network = next(pif["network"] for pif in pifs.values() if pif["management"])
            if "nbd" not in await api.call("network.get_purpose", network):
                await api.call("network.add_purpose", network, "nbd")

    async def disks(self) -> dict[str, str]:
        """SHA-256 of the VM's disks, by uuid."""
        async with self.signed_in() as api:
            found = {}
            for uuid in await _disks(api):
                said = await _plugin(api, "checksum", vdi=uuid)
                found[uuid] = said["sha256"]
            return found

    async def write(self, seed: int, offset: int = MIB, length: int = 3000) -> None:
        """The guest writes onto each disk."""
        async with self.signed_in() as api:
            data = random.Random(seed).randbytes(length).hex()
            for uuid in await _disks(api):
                await _plugin(api, "write_disk", vdi=uuid, offset=str(offset), hex=data)

    async def snapshots(self) -> int:
        """How many the VM has."""
        async with self.signed_in() as api:
            vm = (await api.call("VM.get_by_name_label", "mail"))[0]
            return len(await api.call("VM.get_snapshots", vm))


class SignedIn:
    """A session on a host."""

    def __init__(self, host: Served) -> None:
        self._pins = MemoryPins()
        self._host = host
        self._api = XenApi(host.url, pins=self._pins, originator="test")

    async def __aenter__(self) -> XenApi:
        self._pins.accept(*self._api.address, self._host.fingerprint)
        await self._api.login(self._host.user, self._host.password)
        return self._api

    async def __aexit__(self, *_: object) -> None:
        await self._api.close()


async def _disks(api: XenApi) -> list[str]:
    vm = (await api.call("VM.get_by_name_label", "mail"))[0]
    found = []
    for vbd in await api.call("VM.get_VBDs", vm):
        record = await api.call("VBD.get_record", vbd)
        if record["type"] == "Disk":
            found.append(await api.call("VDI.get_uuid", record["VDI"]))
    return found


async def _plugin(api: XenApi, function: str, **args: str) -> Any:
    host = (await api.call("host.get_all"))[0]
    return json.loads(await api.call("host.call_plugin", host, "xolite-demo", function, args))


@contextmanager
def a_bench(folder: Path) -> Iterator[Bench]:
    images = small_images(folder)
    disks = [part for name, path in images.items() for part in ("--disk", f"{name}={path}")]
    with serving("--speed", "0.02", *disks) as host:
        yield Bench(host, folder)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with a_bench(tmp_path_factory.mktemp("host")) as bench:
        yield bench


@pytest.fixture
def bench(served: Bench, tmp_path: Path) -> Bench:
    return Bench(served.host, tmp_path)


async def proven(storage: Storage, folder: Path, known: dict[str, dict[str, str]]) -> int:
    """Every backup is whole and what the guest had; returns how many there are."""
    repository = Repository.open(storage)
    assert check(repository).problems == []
    report = verify(repository)
    assert report.problems == []
    assert report.notes == []
    backups = repository.backups()
    for backup in backups:
        for disk in backup.disks:
            out = folder / "out.raw"
            restore_disk_to_file(repository, backup, disk, out)
            assert sha256(out) == known[backup.id][disk.uuid]
            out.unlink()
    return len(backups)


async def test_incrementals_on_a_folder(bench: Bench) -> None:
    repo = (bench.folder / "repo").as_uri()
    known = {}
    removed: list[str] = []
    for number, nbd in enumerate(("auto", "off", "auto")):
        await bench.write(number, offset=number * 2 * MIB)
        said = bench.back_up(repo, more=f"--mode incremental --nbd {nbd} --retention 2")
        assert (said["ok"], said["outcome"], said["problems"]) == (True, "success", [])
        (made,) = said["backups"]
        assert made["vm"]["name"] == "mail"
        assert [disk["kind"] for disk in made["disks"]] == ["delta" if number else "full"] * 2
        assert sum(disk["size"] for disk in made["disks"]) == sum(DISKS_BYTES)
        assert all(disk["transferred_bytes"] <= 13 * MIB for disk in made["disks"])
        known[made["id"]] = await bench.disks()
        removed += made["removed"]
    assert len(removed) == 1
    assert await proven(LocalStorage(bench.folder / "repo"), bench.folder, known) == 2
    assert await bench.snapshots() == 1

    listed = bench.answer([*COMMAND, "backup", "list", "--json"])
    assert [run["outcome"] for run in listed["runs"]] == ["success"] * 3
    assert listed["runs"][0].keys() >= {"id", "kind", "title", "created", "by", "job", "error"}
    assert listed["runs"][0]["transferred_bytes"] > 0
    log = bench.answer([*COMMAND, "backup", "log", "--json"])
    assert log["run"]["id"] == listed["runs"][0]["id"]
    assert log["events"][0]["event"] == "started"
    assert log["events"][-1]["event"] == "finished"
    again = bench.answer([*COMMAND, "backup", "log", listed["runs"][2]["id"], "--json"])
    assert again["run"]["id"] == listed["runs"][2]["id"]
    agent = bench.answer([*COMMAND, "backup", "agent", "--once", "--json"])
    assert agent == {"ok": True, "problems": [], "started": []}


def test_full_and_encrypted_and_by_uuid(bench: Bench) -> None:
    key_file = bench.folder / "key"
    key_file.write_text(KEY + "\n")
    repo = str(bench.folder / "sealed")
    first = bench.back_up(repo, more=f"--mode full --key-file {key_file}")
    assert [made["mode"] for made in first["backups"]] == ["full"]
    uuid = first["backups"][0]["vm"]["uuid"]
    more = f"--key-file {key_file} --nbd-connections 4 --purge-snapshot-data"
    assert bench.back_up(repo, vm=uuid, more=more)["ok"]
    storage = LocalStorage(bench.folder / "sealed")
    assert verify(Repository.open(storage, KEY)).problems == []
    key_file.write_text(KEY[::-1] + "\n")
    said = bench.back_up(repo, more=f"--key-file {key_file}", code=3)
    assert "key" in said["problems"][0]["what"]


def test_for_people(bench: Bench) -> None:
    line = bench.line((bench.folder / "r").as_uri())[:-1]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("mail: /xo-vm-backups/")
    for command in ("list", "log"):
        shown = subprocess.run(
            [*COMMAND, "backup", command], capture_output=True, text=True, timeout=60, cwd=ROOT
        )
        assert shown.returncode == 0
        assert "mail" in shown.stdout


# Bad input


def _replaced(line: list[str], option: str, value: str) -> list[str]:
    at = line.index(option)
    return [*line[: at + 1], value, *line[at + 2 :]]


@pytest.mark.parametrize(
    ("option", "value", "code", "what"),
    [
        ("--password-file", "wrong", 3, "password of root"),
        ("--fingerprint", "00:" * 31 + "00", 3, "certificate"),
        ("--host", "https://127.0.0.1:1", 3, "127.0.0.1"),
        ("--vm", "nobody", 1, "the host has no VM 'nobody'"),
        ("--vm", UUID, 1, "the host has no VM"),
        ("--repo", "file:///proc/nowhere/repo", 3, "/proc/nowhere"),
        ("--repo", "ftp://host/dir", 2, "ftp"),
        ("--repo", "relative/folder", 2, "no saved repository"),
    ],
)
def test_bad_input_is_a_sentence_and_a_code(
    bench: Bench, option: str, value: str, code: int, what: str
) -> None:
    if option == "--password-file":
        (bench.folder / "wrong").write_text("nonsense\n")
        value = str(bench.folder / "wrong")
    line = _replaced(bench.line((bench.folder / "r").as_uri()), option, value)
    began = time.monotonic()
    said = bench.answer(line, code)
    assert said["ok"] is False
    assert what.lower() in said["problems"][0]["what"].lower(), said
    assert time.monotonic() - began < 45
    # Nothing was made on the way.
    assert not (bench.folder / "r").exists()


@pytest.mark.parametrize(
    "change", [["--mode", "strange"], ["--nbd-connections", "0"], ["--retention", "0"]]
)
def test_options_that_cannot_be(bench: Bench, change: list[str]) -> None:
    line = [*bench.line((bench.folder / "r").as_uri()), *change]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 2
    assert "Invalid value" in done.stderr


def test_no_run_to_tell_of(bench: Bench) -> None:
    said = bench.answer([*COMMAND, "backup", "log", "--json"], 1)
    assert said["problems"] == [{"path": "", "what": "there is no run yet"}]
    said = bench.answer([*COMMAND, "backup", "log", "nonsense", "--json"], 1)
    assert "is no run" in said["problems"][0]["what"]
    assert bench.answer([*COMMAND, "backup", "list", "--json"])["runs"] == []


def started(line: list[str]) -> subprocess.Popen[str]:
    """A command at work."""
    pipe = subprocess.PIPE
    return subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True, cwd=ROOT)


@pytest.mark.skipif(os.name != "posix", reason="signals")
async def test_ctrl_c_stops_within_seconds(bench: Bench) -> None:
    async with bench.signed_in() as api:
        await _plugin(api, "limit_transfers", bytes_per_s=str(2 * MIB))
        before = await bench.snapshots()
        process = started(bench.line((bench.folder / "r").as_uri()))
        deadline = time.monotonic() + 20
        while not list((bench.folder).glob("r/xo-vm-backups/*/vdis/*/*/data")):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)  # noqa: ASYNC251 - nothing else is to run
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, _ = process.communicate(timeout=20)
        assert time.monotonic() - began < 4
        await _plugin(api, "limit_transfers", bytes_per_s="0")
    assert process.returncode == 130
    said = json.loads(out)
    assert (said["ok"], said["outcome"], said["backups"]) == (False, "cancelled", [])
    assert await bench.snapshots() == before
    report = check(Repository.open(LocalStorage(bench.folder / "r")))
    assert (report.problems, report.notes) == ([], [])


# S3, with everything that a service does on a bad day


@pytest.fixture(scope="module", params=["moto", "rgw"])
def service(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an S3 service."""
    if request.param == "rgw":
        if not RGW_URL:
            pytest.skip("RGW_URL names no gateway")
        yield RGW_URL
        return
    with moto_service() as url:
        yield url


FAULTS = {
    "403": Fault("status", status=403, code="AccessDenied", times=3, skip=4),
    "403 skewed": Fault("status", status=403, code="RequestTimeTooSkewed", times=2, skip=4),
    "404": Fault("status", "PUT", status=404, code="NoSuchKey", times=2, skip=4),
    "500": Fault("status", status=500, code="InternalError", times=6, skip=4),
    "500 after": Fault("status", "PUT", status=500, times=6, skip=3, after=True),
    "503": Fault("status", status=503, code="SlowDown", times=8, skip=4),
    "reset": Fault("reset", times=6, skip=4),
    "reset after": Fault("reset", "PUT|POST", times=6, skip=3, after=True),
    "wrong etag": Fault("wrong_etag", "PUT", times=3, skip=5),
    "truncated": Fault("truncate", "GET", times=4, skip=3, keep_bytes=20),
    "slow": Fault("slow", times=40, skip=4, latency_s=0.1),
}


def rounds() -> list[tuple[str, list[Fault]]]:
    """Faults by round: each once, at other requests; or with XOLITE_LONG one sort after the other,
    as often as a service has them on its worst day."""
    if os.environ.get("XOLITE_LONG"):
        return [(name, [fault]) for name, fault in FAULTS.items()]
    once = [replace(f, times=1, skip=2 + 2 * n) for n, f in enumerate(FAULTS.values())]
    return [("some", once[::2]), ("others", once[1::2])]


@pytest.mark.timeout(900)
def test_s3_with_every_fault_while_it_runs(bench: Bench, service: str) -> None:
    known: dict[str, dict[str, str]] = {}
    took_s: dict[str, float] = {}
    with new_bucket(service) as bucket, FaultProxy(service) as proxy:
        repo = proxy.url.replace("http://", f"s3+http://{ACCESS_KEY}:{SECRET_KEY}@")
        repo += f"/{bucket}/some/where"
        for number, (name, faults) in enumerate([("none", []), *rounds()]):
            asyncio.run(bench.write(number, offset=(number % 3) * 2 * MIB, length=5000))
            began = time.monotonic()
            with proxy.failing(*faults):
                said = bench.back_up(repo, more="--retention 2")
            took_s[name] = time.monotonic() - began
            assert said["outcome"] in ("success", "warning"), (name, said)
            assert sum(fault.seen for fault in faults) >= len(faults) // 2
            (made,) = said["backups"]
            assert {disk["kind"] for disk in made["disks"]} == {"delta" if number else "full"}
            known[made["id"]] = asyncio.run(bench.disks())
        # What a bad day left to be merged.
        assert bench.back_up(repo, more="--retention 3")["outcome"] == "success"
        storage = storage_at(service, bucket)
        try:
            backups = Repository.open(storage).backups()
            known[backups[-1].id] = asyncio.run(bench.disks())
            assert asyncio.run(proven(storage, bench.folder, known)) == 3
        finally:
            storage.close()
    print({name: f"{seconds:.1f} s" for name, seconds in took_s.items()})


@pytest.mark.parametrize(("path", "code"), [("", 3), ("/blocks/", 1)])
def test_a_login_that_may_not_write_ends_it_early(bench: Bench, path: str, code: int) -> None:
    with moto_service() as service, new_bucket(service) as bucket, FaultProxy(service) as proxy:
        repo = proxy.url.replace("http://", f"s3+http://{ACCESS_KEY}:{SECRET_KEY}@")
        repo += f"/{bucket}/some/where"
        denied = Fault("status", "PUT", path, status=403, code="AccessDenied", times=10**6)
        with proxy.failing(denied):
            said = bench.back_up(repo, code=code)
        assert (said["ok"], said["backups"]) == (False, [])
        assert "403 AccessDenied" in said["problems"][0]["what"]
        # Not nine times for each of the blocks.
        assert denied.seen < 80
        storage = storage_at(service, bucket)
        try:
            assert check(Repository.open(storage)).problems == []
        finally:
            storage.close()


def test_a_service_that_is_away(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    # Otherwise it is half a minute.
    monkeypatch.setattr("xolite_qt.cli.backup.OPEN_BUDGET_S", 1.0)
    repo = f"s3+http://{ACCESS_KEY}:{SECRET_KEY}@127.0.0.1:1/bucket/dir"
    result = CliRunner().invoke(main, bench.line(repo)[len(COMMAND) :])
    assert result.exit_code == 3, result.output
    said = json.loads(result.stdout)
    assert "127.0.0.1:1/bucket/dir: " in said["problems"][0]["what"]
    assert SECRET_KEY not in result.output
