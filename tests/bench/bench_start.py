"""Cold start: from the start of the process to the first window on screen, against a bare one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from tests.bench.report import Finding, median, say

ROUNDS = 7
BARE = """
import time
from PySide6.QtWidgets import QApplication, QMainWindow, QTreeView
app = QApplication([])
window = QMainWindow()
window.setCentralWidget(QTreeView())
window.resize(1280, 800)
window.show()
app.processEvents()
print(time.time())
"""
OURS = """
import time
from xolite_qt.app import Application, Launch
from xolite_qt.ui.loop import run_in_loop
from xolite_qt.settings import SettingsFile
from xolite_qt.ui import theme

async def main(app):
    settings = SettingsFile()
    theme.apply_theme(app, settings.load().theme)
    application = Application(Launch(), settings)
    application.window.show()
    app.processEvents()
    print(time.time(), flush=True)
    await application.shut_down()

run_in_loop(main)
"""
NOT_YET = ("aiohttp", "pyqtgraph", "numpy", "boto3", "keyring", "cryptography")


def seconds(program: str) -> float:
    """From the start of a process to the time that it prints."""
    with tempfile.TemporaryDirectory() as home:
        began = time.time()
        answer = subprocess.run(
            [sys.executable, "-c", program],
            env={
                **{k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
                "QT_QPA_PLATFORM": "offscreen",
                "HOME": home,
                "XDG_CONFIG_HOME": home,
                "XDG_DATA_HOME": home,
                "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        return float(answer.stdout.split()[0]) - began


def main() -> None:
    bare: list[float] = []
    ours: list[float] = []
    for _ in range(ROUNDS):
        bare.append(seconds(BARE))
        ours.append(seconds(OURS))
    say(
        Finding(
            "cold start to first window / bare PySide6 window",
            median(ours) / median(bare),
            "ratio",
            3,
            f"{median(ours) * 1000:.0f} ms, bare {median(bare) * 1000:.0f} ms, {ROUNDS} rounds",
        ).line()
    )
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys, xolite_qt.app;print(*sorted(m for m in {NOT_YET!r} if m in sys.modules))",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    say(f"imported before the first window although it could wait: {loaded or 'nothing'}")


if __name__ == "__main__":
    main()
