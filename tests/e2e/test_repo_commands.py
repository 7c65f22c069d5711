"""`xolite-qt repo`: what scripts rely on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keyring
import pytest
from click.testing import CliRunner, Result
from keyring.backend import KeyringBackend

from tests.backup.repository.small import KEY, three
from tests.backup.storage.s3_places import ACCESS_KEY, QUICK, SECRET_KEY, moto_service, new_bucket
from tests.e2e.conftest import COMMAND, ROOT
from tests.xo_repositories import unpack
from xolite_qt.backup.errors import StorageError
from xolite_qt.backup.jobs.store import RepositoryStore
from xolite_qt.backup.repository import Repository, check, verify
from xolite_qt.backup.storage import open_storage
from xolite_qt.backup.storage.local import LocalStorage
from xolite_qt.cli import main

Run = subprocess.CompletedProcess[str]


def repo(*arguments: str | Path, typed: str | None = None) -> Result:
    """`xolite-qt repo …` in this process; an exception of ours is a mistake."""
    result = CliRunner().invoke(main, ["repo", *map(str, arguments)], input=typed)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def answer(*arguments: str | Path, code: int = 0) -> Any:
    """The object that a command prints with --json: all of standard output, in one line."""
    result = repo(*arguments, "--json")
    assert result.exit_code == code, result.output
    assert result.stdout.count("\n") == 1
    return json.loads(result.stdout)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    return path


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A folder with three backups of ours."""
    three(Repository.create(LocalStorage(tmp_path / "r")))
    return tmp_path / "r"


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """An encrypted one."""
    three(Repository.create(LocalStorage(tmp_path / "sealed"), KEY))
    return tmp_path / "sealed"


# list


@pytest.mark.parametrize("name", ["blocks-brotli", "blocks-encrypted", "vhd-files"])
def test_list_says_what_xen_orchestra_wrote(name: str, tmp_path: Path) -> None:
    theirs = unpack(name, tmp_path)
    key: list[str | Path] = []
    if theirs.key:
        (tmp_path / "k").write_text(theirs.key)
        key = ["--key-file", tmp_path / "k"]
    listed = answer("list", theirs.path, *key)
    assert listed["damaged"] == []
    assert [backup["id"] for backup in listed["backups"]] == [
        f"/xo-vm-backups/{name}.json" for name, _ in theirs.backups
    ]
    for backup, (_, disks) in zip(listed["backups"], theirs.backups, strict=True):
        assert backup["vm"].keys() == {"uuid", "name"}
        assert backup["mode"] == "delta"
        assert backup["timestamp"] > 1_700_000_000_000
        assert backup["size"] > 0
        found = {(disk["uuid"], disk["size"]) for disk in backup["disks"]}
        assert found == {(uuid, size) for uuid, size, _ in disks}
        assert all(disk["name"] is not None for disk in backup["disks"])
    for command in ("check", "verify"):
        report = answer(command, theirs.path, *key)
        assert report["ok"] is True
        assert report["problems"] == []


def test_list_for_people(ours: Path) -> None:
    result = repo("list", ours)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("DATE")
    assert all("db <b>1</b>" in line for line in lines[1:])


def test_every_form_of_an_address(ours: Path) -> None:
    plain = answer("list", ours)
    assert answer("list", f"file://{ours}") == plain
    assert len(plain["backups"]) == 3


def test_names_cannot_command_a_terminal(ours: Path) -> None:
    path = next(ours.rglob("xo-vm-backups/*/*.json"))
    body = json.loads(path.read_text())
    body["vm"]["name_label"] = "\x1b]0;owned\x07\x1b[2J\nline"
    path.write_text(json.dumps(body))
    shown = repo("list", ours).stdout
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert len(shown.splitlines()) == 4


def test_a_damaged_description_hides_no_other(ours: Path) -> None:
    path = next(ours.rglob("xo-vm-backups/*/*.json"))
    path.write_text("garbage")
    result = repo("list", ours, "--json")
    assert result.exit_code == 0
    listed = json.loads(result.stdout)
    assert len(listed["backups"]) == 2
    assert [damage["path"] for damage in listed["damaged"]] == [str(path.relative_to(ours))]
    assert path.name in result.stderr
    assert path.name in repo("list", ours).stderr


# check, verify


def spoil(root: Path) -> Path:
    """Cuts a block; its path in the repository."""
    path = next(root.rglob("blocks/0/0"))
    path.write_bytes(path.read_bytes()[:-5])
    return path.relative_to(root)


def test_verify_tells_of_a_cut_block(ours: Path) -> None:
    before = answer("verify", ours)
    assert before["ok"] is True
    assert before["proven_blocks"] == before["blocks"] == 6
    path = spoil(ours)
    assert answer("check", ours)["ok"] is True
    report = answer("verify", ours, "--concurrency", "3", code=1)
    assert report["ok"] is False
    assert [problem["path"] for problem in report["problems"]] == [str(path)]
    assert report["problems"][0]["what"]
    result = repo("verify", ours)
    assert result.exit_code == 1
    assert str(path) in result.stderr
    assert "1 problem." in result.stdout


def test_check_tells_of_a_missing_block(ours: Path) -> None:
    (ours / spoil(ours)).unlink()
    report = answer("check", ours, code=1)
    assert "missing" in report["problems"][0]["what"]
    assert repo("check", ours).exit_code == 1


# What cannot be opened


@pytest.mark.parametrize("command", ["list", "check", "verify", "merge"])
def test_a_key_that_is_missing_or_wrong(command: str, sealed: Path, tmp_path: Path) -> None:
    assert "no key was given" in answer(command, sealed, code=3)["problems"][0]["what"]
    wrong = tmp_path / "wrong"
    wrong.write_text("f" * 32)
    failed = answer(command, sealed, "--key-file", wrong, code=3)
    assert failed["ok"] is False
    assert "ffff" not in json.dumps(failed)
    result = repo(command, sealed, "--key-file", wrong)
    assert result.exit_code == 3
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_a_key_that_fits(sealed: Path, key_file: Path) -> None:
    assert len(answer("list", sealed, "--key-file", key_file)["backups"]) == 3
    report = answer("verify", sealed, "--key-file", key_file)
    assert report["proven_blocks"] == report["blocks"] == 6


@pytest.mark.parametrize("command", ["list", "check", "verify", "merge"])
def test_nothing_is_there(command: str, tmp_path: Path) -> None:
    failed = answer(command, tmp_path / "typo", code=3)
    assert failed["ok"] is False
    assert "typo" in failed["problems"][0]["what"]
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize(
    "address",
    ["ftp://u:verysecret@h/x", "s3://AKEY:verysecret@/b", "s3:/AKEY:verysecret@h/b", "nobody", ""],
)
def test_addresses_that_are_none(address: str) -> None:
    result = repo("list", address, "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["ok"] is False
    assert "verysecret" not in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["list", "/x", "--key-file", "/nowhere"],
        ["verify", "/x", "--concurrency", "0"],
        ["forget", "/x"],
        ["create", "/x", "--format", "odd"],
        ["nonsense"],
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    assert repo(*arguments).exit_code == 2


# forget, merge


def test_forgotten_merged_and_verified(ours: Path) -> None:
    ids = [backup["id"] for backup in answer("list", ours)["backups"]]
    forgotten = answer("forget", ours, ids[0], ids[1])
    assert forgotten["ok"] is True
    assert set(ids[:2]) <= set(forgotten["removed"])
    merged = answer("merge", ours, "--concurrency", "1")
    assert merged["ok"] is True
    assert merged["problems"] == []
    [one] = merged["merged"]
    assert one["blocks"] == 3
    assert one["path"].startswith("xo-vm-backups/")
    assert one["vm"] == ids[0].split("/")[2]
    assert merged["seconds"] >= 0
    assert [backup["id"] for backup in answer("list", ours)["backups"]] == ids[2:]
    report = answer("verify", ours)
    assert report["proven_blocks"] == report["blocks"] == 4
    assert answer("merge", ours)["merged"] == []


def test_forget_asks(ours: Path) -> None:
    first = answer("list", ours)["backups"][0]["id"]
    assert repo("forget", ours, first, typed="n\n").exit_code == 1
    assert repo("forget", ours, first, typed="").exit_code == 1
    assert len(answer("list", ours)["backups"]) == 3
    assert repo("forget", ours, first, typed="y\n").exit_code == 0
    second = answer("list", ours)["backups"][0]["id"]
    result = repo("forget", ours, second, "--yes")
    assert result.exit_code == 0
    assert second in result.stdout
    assert len(answer("list", ours)["backups"]) == 1


def test_forget_of_what_is_not_there_removes_nothing(ours: Path) -> None:
    first = answer("list", ours)["backups"][0]["id"]
    gone = first.replace("2026", "2001")
    failed = answer("forget", ours, first, gone, code=1)
    assert failed["problems"][0]["path"] == gone.lstrip("/")
    assert len(answer("list", ours)["backups"]) == 3


def test_a_merge_that_fails_says_which(ours: Path) -> None:
    ids = [backup["id"] for backup in answer("list", ours)["backups"]]
    answer("forget", ours, ids[0])
    lost = next(path for path in ours.rglob("blocks/0/2"))
    lost.unlink()
    merged = answer("merge", ours, code=1)
    assert merged["ok"] is False
    assert merged["problems"][0]["path"].endswith(".alias.vhd")
    assert "blocks/0/2" in merged["problems"][0]["what"]
    # Told to people in the same words.
    assert "blocks/0/2" in repo("merge", ours).stderr


def test_somebody_works_on_it(ours: Path) -> None:
    first = answer("list", ours)["backups"][0]["id"]
    vm = first.split("/")[2]
    with Repository.open(LocalStorage(ours)).lock_vm(vm, "another backup"):
        # It waits for half a minute otherwise.
        code = (
            "import xolite_qt.backup.repository as r, functools;"
            "r.forget = functools.partial(r.forget, wait_s=0.2);"
            "from xolite_qt.cli import main; main()"
        )
        result = subprocess.run(
            [sys.executable, "-c", code, "repo", "forget", ours, first, "--json"],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
    assert result.returncode == 1, result.stderr
    assert "another backup" in json.loads(result.stdout)["problems"][0]["what"]


# create


@pytest.mark.parametrize("algorithm", ["chacha20-poly1305", "aes-256-gcm"])
def test_create_encrypted(tmp_path: Path, key_file: Path, algorithm: str) -> None:
    root = tmp_path / "new"
    options = ["--format", "xo", "--key-file", str(key_file), "--algorithm", algorithm]
    made = answer("create", root, *options)
    assert made["ok"] is True
    assert made["encrypted"] is True
    assert json.loads((root / "encryption.json").read_text()) == {"algorithm": algorithm}
    assert answer("list", root, "--key-file", key_file)["backups"] == []
    assert repo("list", root).exit_code == 3
    # Once more is no harm.
    assert answer("create", root, *options)["id"] == made["id"]


def test_create_plain(tmp_path: Path, key_file: Path) -> None:
    root = tmp_path / "new"
    assert "not encrypted" in repo("create", root, "--format", "xo").stdout
    assert answer("list", root)["backups"] == []
    assert repo("list", root).stdout == "No backups.\n"
    # What has backups in the clear cannot become encrypted.
    three(Repository.open(LocalStorage(root)))
    assert answer("create", root, "--key-file", key_file, code=3)["ok"] is False
    assert len(answer("list", root)["backups"]) == 3


def test_create_with_a_key_that_is_none(tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_text("short")
    assert answer("create", tmp_path / "new", "--key-file", short, code=3)["ok"] is False
    (tmp_path / "empty").write_text("\n")
    assert repo("create", tmp_path / "new", "--key-file", tmp_path / "empty").exit_code == 2
    (tmp_path / "binary").write_bytes(b"\xff" * 32)
    assert repo("create", tmp_path / "new", "--key-file", tmp_path / "binary").exit_code == 2
    assert not (tmp_path / "new").exists()


# add


class _Memory(KeyringBackend):
    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.secrets: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.secrets.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.secrets[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.secrets[service, username]


@pytest.fixture
def kept() -> Iterator[_Memory]:
    """A keyring of the test's own."""
    before, memory = keyring.get_keyring(), _Memory()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


def test_add_and_use_by_name(ours: Path, sealed: Path, key_file: Path, kept: _Memory) -> None:
    saved = answer("add", "cellar", ours)
    assert saved["ok"] is True
    assert saved["encrypted"] is False
    assert kept.secrets == {}
    assert len(answer("list", "cellar")["backups"]) == 3
    assert answer("add", "attic", sealed, "--key-file", key_file)["encrypted"] is True
    assert len(answer("list", "attic")["backups"]) == 3
    assert answer("verify", "attic")["ok"] is True
    assert [one.name for one in RepositoryStore().all()] == ["attic", "cellar"]
    assert answer("add", "attic", ours, code=1)["ok"] is False
    for file in RepositoryStore().path.iterdir():
        assert KEY not in file.read_text()


def test_add_keeps_nothing_of_what_cannot_be_opened(
    ours: Path, sealed: Path, key_file: Path
) -> None:
    assert answer("add", "attic", sealed, code=3)["ok"] is False
    # Here is no keyring, so that the key could not be kept.
    failed = answer("add", "attic", sealed, "--key-file", key_file, code=1)
    assert "keyring" in failed["problems"][0]["what"]
    for name in ("", " ", "/x", "file:///x", "a\nb"):
        assert answer("add", name, ours, code=1)["ok"] is False
    assert RepositoryStore().all() == []


# S3


@dataclass
class Bucket:
    url: str
    place: str


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with moto_service() as url:
        yield url


@contextmanager
def client(service: str) -> Iterator[Any]:
    """Of the service itself."""
    import boto3

    made = boto3.client(
        "s3",
        endpoint_url=service,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1",
    )
    yield made
    made.close()


@pytest.fixture
def bucket(service: str) -> Iterator[Bucket]:
    with new_bucket(service) as name:
        host = service.partition("://")[2]
        place = f"{host}/{name}/some/where"
        yield Bucket(f"s3+http://{ACCESS_KEY}:{SECRET_KEY}@{place}", place)


def test_a_bucket(bucket: Bucket, kept: _Memory) -> None:
    assert answer("list", bucket.url, code=3)["ok"] is False
    assert answer("create", bucket.url, "--format", "xo")["name"] == f"s3+http://{bucket.place}"
    storage = open_storage(bucket.url)
    three(Repository.open(storage))
    storage.close()
    assert len(answer("list", bucket.url)["backups"]) == 3
    assert answer("verify", bucket.url)["proven_blocks"] == 6
    added = answer("add", "far away", f"{bucket.url}?allowUnauthorized=true#eu-west-3")
    assert added["url"] == f"s3+http://{bucket.place}?allowUnauthorized=true#eu-west-3"
    assert SECRET_KEY not in json.dumps(added)
    assert list(kept.secrets.values()) == [f"{ACCESS_KEY}:{SECRET_KEY}"]
    assert answer("check", "far away")["ok"] is True
    [file] = RepositoryStore().path.glob("*.json")
    assert SECRET_KEY not in file.read_text()


def test_a_bucket_that_is_not_there(bucket: Bucket) -> None:
    result = repo("list", bucket.url.replace("/some/", "-no/some/"), "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["ok"] is False
    assert SECRET_KEY not in result.output


def test_a_bucket_that_goes_away(bucket: Bucket, service: str) -> None:
    storage = open_storage(bucket.url, policy=QUICK)
    repository = Repository.create(storage)
    three(repository)
    with client(service) as s3:
        name = bucket.place.split("/")[1]
        for path, _ in list(storage.walk("")):
            s3.delete_object(Bucket=name, Key=f"some/where/{path}")
        s3.delete_bucket(Bucket=name)
    failed = answer("verify", bucket.url, code=3)
    assert "bucket" in failed["problems"][0]["what"]
    for look in (check, verify):
        with pytest.raises(StorageError, match="bucket"):
            look(repository)
    storage.close()
    with client(service) as s3:
        s3.create_bucket(Bucket=name)


# As processes


def test_help_imports_nothing_large() -> None:
    code = (
        "import sys\n"
        "from xolite_qt.cli import main\n"
        "main(['repo', 'verify', '--help'], standalone_mode=False)\n"
        "large = {'boto3', 'botocore', 'cryptography', 'PySide6', 'aiohttp', 'keyring'}\n"
        "assert not large & set(sys.modules), large & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)


def test_as_a_process(run_command: Callable[..., Run], ours: Path) -> None:
    result = run_command("repo", "verify", str(ours), "--json")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert json.loads(result.stdout)["ok"] is True
    ids = [
        backup["id"]
        for backup in json.loads(run_command("repo", "list", str(ours), "--json").stdout)["backups"]
    ]
    assert run_command("repo", "forget", str(ours), ids[0], "--json").returncode == 0
    result = run_command("repo", "merge", str(ours), "--json")
    assert result.returncode == 0, result.stderr
    assert len(json.loads(result.stdout)["merged"]) == 1


def test_a_bar_only_on_a_terminal(ours: Path) -> None:
    pty = pytest.importorskip("pty", reason="no such terminals here")
    for options, bar in (([], True), (["--json"], False)):
        mine, theirs = pty.openpty()
        process = subprocess.Popen(
            [*COMMAND, "repo", "verify", str(ours), *options],
            stdout=subprocess.PIPE,
            stderr=theirs,
            cwd=ROOT,
        )
        os.close(theirs)
        output, _ = process.communicate(timeout=60)
        shown = b""
        try:
            while piece := os.read(mine, 4096):
                shown += piece
        except OSError:
            pass
        os.close(mine)
        assert process.returncode == 0
        assert (b"Verifying" in shown) is bar
        assert b"Verifying" not in output


_SLOW = r"""
import os, sys, time
from xolite_qt.backup.storage.local import LocalStorage
real = LocalStorage.read
def read(self, path):
    if "/blocks/" in path:
        os.write(2, b"reading\n")
        time.sleep(float(sys.argv.pop()) if len(sys.argv) > 4 else 0.3)
    return real(self, path)
LocalStorage.read = read
from xolite_qt.cli import main
main(sys.argv[1:5])
"""


def interrupted(root: Path, seconds: str, times: int) -> Run:
    """What came of a verification of slow blocks that got Ctrl-C so often."""
    with subprocess.Popen(
        [sys.executable, "-c", _SLOW, "repo", "verify", str(root), "--json", seconds],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == "reading\n"
            for _ in range(times):
                process.send_signal(signal.SIGINT)
                time.sleep(0.3)
            output, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    return subprocess.CompletedProcess([], process.returncode, output, errors)


def test_ctrl_c_stops_and_says_so(ours: Path) -> None:
    result = interrupted(ours, "0.5", 1)
    assert result.returncode == 130
    assert json.loads(result.stdout)["ok"] is False
    assert "Traceback" not in result.stderr
    assert "press Ctrl-C again" in result.stderr


def test_a_second_ctrl_c_ends_at_once(ours: Path) -> None:
    began = time.monotonic()
    assert interrupted(ours, "60", 2).returncode == 130
    assert time.monotonic() - began < 20
