"""Commands as a user starts them: processes of their own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-W", "error", "-m", "xolite_qt"]


@dataclass(frozen=True)
class Served:
    """What `demo-host` printed."""

    url: str
    user: str
    password: str
    fingerprint: str

    def options(self, folder: Path) -> list[str]:
        """The options with which other commands reach this host."""
        password_file = folder / "password"
        password_file.write_text(self.password + "\n")
        return [
            *("--host", self.url, "--user", self.user),
            *("--password-file", str(password_file), "--fingerprint", self.fingerprint),
        ]


@contextmanager
def serving(*arguments: str) -> Iterator[Served]:
    process = subprocess.Popen(
        [*COMMAND, "demo-host", *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        hello = json.loads(cast("IO[str]", process.stdout).readline())
        assert hello.keys() == {"url", "user", "password", "fingerprint"}
        yield Served(**hello)
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=20)
        cast("IO[str]", process.stdout).close()
    assert code == 0


@pytest.fixture
def run_command() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `xolite-qt …` and returns what came of it."""

    def run(*arguments: str, timeout_s: float = 100.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            cwd=ROOT,
        )

    return run
