"""The application as a process: starts, lives, ends; not a word on stderr, warnings are errors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

DRIVER = """
import asyncio, os, signal, sys
from xolite_qt import app as module

class Driven(module.Application):
    async def run(self):
        driver = asyncio.get_running_loop().create_task(self.drive())
        try:
            await super().run()
        finally:
            driver.cancel()
            await asyncio.wait([driver])

    async def drive(self):
        how = sys.argv[1]
        if how != "at once":
            while self.window.workspace is None or not self.stores.vm_tree.is_ready:
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.3)
        if how == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        elif how == "dialog":
            # The last window but one closes: Qt must not take that for the end.
            self.window.open_shortcuts()
            await asyncio.sleep(0.1)
            from xolite_qt.ui.dialogs.shortcuts import ShortcutsDialog
            for dialog in self.window.findChildren(ShortcutsDialog):
                dialog.reject()
            self.window.hide()
            await asyncio.sleep(0.2)
            self.window.show()
            print("lives")
            self.window.close()
        else:
            self.window.close()

module.Application = Driven
sys.exit(module.run_gui(module.Launch(demo=sys.argv[1] != "at once", speed=0.05)))
"""


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )


def spoken(stderr: str) -> list[str]:
    """What was said, but for what the off-screen platform says of itself."""
    return [line for line in stderr.splitlines() if "propagateSizeHints" not in line]


@pytest.mark.parametrize("how", ["at once", "close", "interrupt", "dialog"])
def test_it_starts_and_ends_without_a_word(tmp_path: Path, how: str) -> None:
    ended = run(tmp_path, "-c", DRIVER, how)
    assert spoken(ended.stderr) == []
    assert ended.returncode == 0
    assert ended.stdout.strip() == ("lives" if how == "dialog" else "")


def test_the_window_waits_for_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    heavy = "aiohttp", "pyqtgraph", "numpy", "boto3", "keyring", "cryptography"
    ended = run(
        tmp_path,
        "-c",
        "import sys, xolite_qt.app, xolite_qt.ui.views.main_window\n"
        f"print([name for name in {heavy!r} if name in sys.modules])",
    )
    assert ended.stdout.strip() == "[]", ended.stderr


def test_the_command_line_says_what_it_can_and_refuses_nonsense(tmp_path: Path) -> None:
    helped = run(tmp_path, "-m", "xolite_qt", "--help")
    assert helped.returncode == 0
    for word in ("demo-host", "dump-world", "tour", "--demo", "--world"):
        assert word in helped.stdout
    wrong = run(tmp_path, "-m", "xolite_qt", "--world", "x.json")
    assert wrong.returncode == 2
    assert "goes with --demo" in wrong.stderr
