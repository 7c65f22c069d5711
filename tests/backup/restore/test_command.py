"""`xolite-qt restore`, run as scripts run it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.backup.repository.small import KEY, SmallVm, block
from xolite_qt.backup.repository import Repository
from xolite_qt.backup.storage.local import LocalStorage
from xolite_qt.vhd import BLOCK_BYTES

from .hosts import MIB, Place, answer_of, command


async def run(*line: str) -> tuple[int, bytes, bytes]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, *line, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out, err


def to_file(folder: Path, *more: str) -> list[str]:
    return ["-m", "xolite_qt", "restore", "--repo", str(folder / "repository"), *more]


async def test_a_disk_of_an_encrypted_repository_to_a_file(tmp_path: Path) -> None:
    vm = SmallVm(Repository.create(LocalStorage(tmp_path / "repository"), KEY))
    vm.back_up({0: "a", 2: "b"})
    backup = vm.back_up({1: "c"})
    (tmp_path / "key").write_text(KEY + "\n")
    out = tmp_path / "out.raw"
    where = ["--backup", backup.id, "--to-file", str(out)]
    key = ["--key-file", str(tmp_path / "key"), "--json"]
    disk = backup.disks[0]
    wanted = block("a") + block("c") + block("b") + bytes(BLOCK_BYTES)
    for name in (disk.uuid, disk.snapshot_uuid, disk.name):
        code, said, err = await run(*to_file(tmp_path, *where, *key, "--disk", name))
        assert code == 0, (said, err)
        answer = answer_of(said)
        assert answer["ok"] is True
        assert (answer["path"], answer["size"]) == (str(out), 4 * BLOCK_BYTES)
        assert answer["blocks"] == answer["proven"] == 3
        assert out.read_bytes() == wanted
        out.unlink()
    # No key at all cannot open it.
    code, said, _ = await run(*to_file(tmp_path, *where, "--disk", disk.uuid, "--json"))
    assert (code, answer_of(said)["ok"]) == (3, False)
    assert not out.exists()


async def test_what_goes_wrong_is_a_code_and_a_sentence(tmp_path: Path) -> None:
    vm = SmallVm(Repository.create(LocalStorage(tmp_path / "repository")))
    backup = vm.back_up({0: "a"})
    (tmp_path / "password").write_text("x\n")
    out = ["--to-file", str(tmp_path / "x.raw")]
    known = ["--backup", backup.id, "--disk", backup.disks[0].uuid]
    host = ["--host", "https://127.0.0.1:1", "--password-file", str(tmp_path / "password")]
    (tmp_path / "there").write_text("x")
    cases = [
        (2, [*known]),
        (2, ["--backup", backup.id, *out]),
        (2, [*known, *out, *host]),
        (2, [*known, *out, "--start"]),
        (2, [*known, *host, "--format", "vhd"]),
        (2, [*known, *host, "--start"]),
        (2, ["--backup", backup.id, *host, "--network", "x"]),
        (2, ["--backup", backup.id, "--host", "https://127.0.0.1:1"]),
        (1, ["--backup", backup.id, "--disk", "no such disk", *out]),
        (1, ["--backup", backup.id[:-6] + "9.json", "--disk", "x", *out]),
        (1, [*known, "--to-file", str(tmp_path / "there")]),
        (3, ["--backup", backup.id, *host]),
    ]

    async def one(code: int, words: list[str]) -> None:
        found, said, err = await run(*to_file(tmp_path, *words, "--json"))
        assert found == code, (words, said, err)
        assert b"Traceback" not in err
        if code != 2:
            answer = json.loads(said)
            assert answer["ok"] is False
            assert answer["problems"][0]["what"]

    for at in range(0, len(cases), 3):
        await asyncio.gather(*(one(*case) for case in cases[at : at + 3]))
    nowhere = ["-m", "xolite_qt", "restore", "--repo", str(tmp_path / "nowhere"), *known, *out]
    assert (await run(*nowhere))[0] == 3
    assert not (tmp_path / "x.raw").exists()


async def test_a_vm_and_a_disk_to_a_host(place: Place) -> None:
    backup = await place.back_up()
    vif = place.db.get("VIF", place.db.get("VM", place.vm)["VIFs"][0])
    network = next(one for ref, one in place.db.records("network").items() if ref != vif["network"])
    sr = place.db.get("SR", place.db.get("VDI", place.disks[0])["SR"])
    more = ["--backup", backup.id, "--sr", sr["uuid"], "--name", "again", "--start"]
    more += ["--network", f"{vif['uuid']}={network['uuid']}"]
    line = await asyncio.to_thread(command, place, *more)
    code, out, err = await run(*line)
    assert code == 0, (out, err)
    answer = answer_of(out)
    assert answer["ok"] is True
    assert answer["vm"]["name"] == "again"
    assert answer["sent_bytes"] > 20 * MIB
    vm = place.db.by_uuid("VM", answer["vm"]["uuid"])
    assert place.db.get("VM", vm)["power_state"] == "Running"
    assert await place.sums(place.disks_of(vm)) == place.checksums[backup.id]
    cards = [place.db.get("VIF", one) for one in place.db.get("VM", vm)["VIFs"]]
    assert network["uuid"] in [place.db.get("network", one["network"])["uuid"] for one in cards]

    uuid = place.db.get("VDI", place.disks[1])["uuid"]
    line = await asyncio.to_thread(command, place, "--backup", backup.id, "--disk", uuid)
    code, out, err = await run(*line)
    assert code == 0, (out, err)
    vdi = place.db.by_uuid("VDI", answer_of(out)["vdi"]["uuid"])
    assert await place.sums([vdi]) == place.checksums[backup.id][1:]


async def test_a_wrong_password_and_a_wrong_storage(place: Place) -> None:
    backup = await place.back_up()
    before = place.things()
    line = await asyncio.to_thread(command, place, "--backup", backup.id, "--sr", "nowhere")
    code, out, _ = await run(*line)
    assert code == 1
    assert "no storage is called 'nowhere'" in answer_of(out)["problems"][0]["what"]
    pin = line.index("--fingerprint") + 1
    code, out, err = await run(*line[:pin], ":".join(["AB"] * 32), *line[pin + 1 :])
    assert (code, answer_of(out)["ok"]) == (3, False)
    (place.folder / "password").write_text("wrong\n")
    code, out, err = await run(*line)
    assert (code, answer_of(out)["ok"]) == (3, False)
    assert b"wrong" not in out + err
    assert place.new_things(before) == []


@pytest.mark.logs_warnings
@pytest.mark.parametrize("mode", ["incremental", "full"])
async def test_ctrl_c_ends_it_within_seconds_and_leaves_nothing(place: Place, mode: Any) -> None:
    backup = await place.back_up(mode)
    before = place.things()
    place.running.host.faults.limit_transfers(2 * MIB)
    line = await asyncio.to_thread(command, place, "--backup", backup.id)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, *line, stdout=pipe, stderr=pipe)
    while not set(place.db.refs("VM")) - before["VM"]:
        await place.db.next_write(10.0)
    await asyncio.sleep(0.3)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert time.monotonic() - began < 3.0
    assert process.returncode == 130, (out, err)
    assert b"Traceback" not in err
    await place.settled(before)
