"""The window and the tour, as processes: started, ended, and not a word of complaint."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import COMMAND, ROOT

Run = Callable[..., subprocess.CompletedProcess[str]]

# What Qt's off-screen platform always says, and no real one.
HARMLESS = "This plugin does not support propagateSizeHints()"


def complaints(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if line.strip() and HARMLESS not in line]


def serves(process: subprocess.Popen[str]) -> bool:
    """Whether a process of ours listens: the window's demo host does once it is up."""
    sockets = {
        os.readlink(link)
        for link in Path(f"/proc/{process.pid}/fd").iterdir()
        if link.is_symlink() and os.readlink(link).startswith("socket:")
    }
    lines = Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    return any(row[3] == "0A" and f"socket:[{row[9]}]" in sockets for row in rows)


def wait_until_up(process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, "the window ended by itself"
        try:
            if serves(process):
                break
        except OSError:
            # A socket that was closed while one looked.
            continue
        time.sleep(0.1)
    else:
        pytest.fail("the demo host was not started in time")
    # Signing in, loading and painting.
    time.sleep(3)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_window_lives_and_ends_without_a_word() -> None:
    process = subprocess.Popen(
        [*COMMAND, "--demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        wait_until_up(process)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert complaints(err) == []
    assert out == ""
    assert process.returncode == 0
    # It has put down what it wants to remember, whole.
    (settings,) = Path(os.environ["HOME"]).rglob("settings.json")
    assert json.loads(settings.read_text())["window_geometry"]
