"""demo-host and dump-world, end to end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import serving

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_dumped_world_opens_again(run_command: Run, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    with serving() as host:
        answer = run_command("dump-world", str(first), *host.options(tmp_path))
        assert answer.returncode == 0, answer.stderr
        assert host.password not in answer.stdout + answer.stderr
    world = json.loads(first.read_text())
    assert host.password not in first.read_text()
    names = {record["name_label"] for record in world["VM"].values()}
    assert len(names) > 12
    with serving("--world", str(first)) as host:
        answer = run_command("dump-world", str(second), *host.options(tmp_path))
        assert answer.returncode == 0, answer.stderr
    again = json.loads(second.read_text())
    assert {record["name_label"] for record in again["VM"].values()} == names
    assert again["VM"].keys() == world["VM"].keys()


def test_a_real_hosts_records_are_served(
    run_command: Run, tmp_path: Path, real_world: Path
) -> None:
    path = tmp_path / "real.json"
    with serving("--world", str(real_world)) as host:
        assert run_command("dump-world", str(path), *host.options(tmp_path)).returncode == 0
    before = json.loads(real_world.read_text())
    after = json.loads(path.read_text())
    for cls in ("VM", "host", "SR", "VDI", "network", "PIF"):
        assert after[cls].keys() == before[cls].keys(), cls


def test_another_certificate_is_refused(run_command: Run, tmp_path: Path) -> None:
    with serving() as host:
        options = host.options(tmp_path)
        options[-1] = ":".join(["AB"] * 32)
        answer = run_command("dump-world", str(tmp_path / "w.json"), *options)
    assert answer.returncode != 0
    assert "Traceback" not in answer.stderr
    assert "AB:AB" in answer.stderr
    assert host.fingerprint in answer.stderr
    assert not (tmp_path / "w.json").exists()


def test_an_unknown_certificate_is_shown_not_trusted(run_command: Run, tmp_path: Path) -> None:
    with serving() as host:
        answer = run_command("dump-world", str(tmp_path / "w.json"), *host.options(tmp_path)[:-2])
    assert answer.returncode != 0
    assert host.fingerprint in answer.stderr


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b'{"VM": {"OpaqueRef:1": {"name_la', "world.json"),
        (b"", "world.json"),
        (b"\x00\xff not json", "world.json"),
        (b'["a list"]', "world.json"),
        (b'{"VM": ["a list"]}', "world.json"),
    ],
)
def test_a_spoilt_world_file_is_a_clear_error(
    run_command: Run, tmp_path: Path, content: bytes, word: str
) -> None:
    path = tmp_path / "world.json"
    path.write_bytes(content)
    answer = run_command("demo-host", "--world", str(path))
    assert answer.returncode != 0
    assert "Traceback" not in answer.stderr
    assert word in answer.stderr
    assert answer.stdout == ""
    assert path.read_bytes() == content


def test_an_address_that_is_none_is_a_clear_error(run_command: Run, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("x")
    answer = run_command(
        "dump-world",
        str(tmp_path / "w.json"),
        "--host",
        "ftp://x",
        "--password-file",
        str(password),
    )
    assert answer.returncode == 1
    assert "https://" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_other_addresses_than_loopback_are_refused(run_command: Run) -> None:
    answer = run_command("demo-host", "--listen", "0.0.0.0:0")
    assert answer.returncode != 0
    assert "loopback" in answer.stderr
    assert "Traceback" not in answer.stderr
