"""Nothing is cut where a pixel of the design is two of the screen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
LAYOUT = "tests/gui/manners/test_pages.py::test_nothing_is_cut_or_squeezed"


def test_nothing_is_cut_at_200_percent() -> None:
    places = [f"{LAYOUT}[{place}]" for place in ("vm-halted", "app")]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *places],
        cwd=ROOT,
        env={**os.environ, "QT_SCALE_FACTOR": "2", "MANNERS_LOOKS": "layout"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:]
