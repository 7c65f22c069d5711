"""A soak: `python -m tests.gui.soak --minutes 60`.

The default world lives, and once in each (sped up) minute every page and tab of the window is
visited. After each round a row of figures; at the end what grew.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"

_WARM_UP = 5
_MIB = 1 << 20


def main() -> int:
    """Runs it; returns 0 where nothing grew, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.gui.soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=60, help="rounds, one for each minute")
    parser.add_argument("--tempo", type=float, default=0.0, help="least seconds of a round")
    parser.add_argument("--out", type=Path, help="a file for the table as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="xolite-soak-") as home:
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
            os.environ[name] = home
        os.environ["XDG_STATE_HOME"] = home
        return _run(options.minutes, options.tempo, options.out)


def _run(rounds: int, tempo_s: float, out: Path | None) -> int:
    # After the environment is set: Qt and the profile's folder look at it once.
    from tests.gui.soak.census import COUNTS, Census
    from tests.gui.soak.rounds import Soak, soak_rounds
    from xolite_qt.ui import theme
    from xolite_qt.ui.loop import run_in_loop

    lines: list[str] = []
    began = time.monotonic()
    recorded = 0

    def say(line: str) -> None:
        lines.append(line)
        print(line, flush=True)
        if out is not None:
            out.write_text("\n".join(lines) + "\n")

    def tell(soak: Soak, census: Census) -> None:
        nonlocal recorded
        recorded = soak.recorded_bytes
        counts = "".join(f"{getattr(census, name):>9}" for name in COUNTS)
        minute = len(soak.censuses)
        took_s = time.monotonic() - began
        sizes = (census.rss_bytes, census.heap_bytes, recorded)
        memory = "".join(f"{size / _MIB:>9.1f}" for size in sizes)
        say(f"{minute:>6}{took_s:>8.0f}{memory}{counts}{soak.steps:>8}")

    memory_heads = "".join(f"{name:>9}" for name in ("rss MiB", "heap", "recorded"))
    heads = "".join(f"{name:>9}" for name in COUNTS)
    say(f"{'minute':>6}{'real s':>8}{memory_heads}{heads}{'steps':>8}")

    async def play(app: object) -> Soak:
        theme.set_reduced_motion(True)
        return await soak_rounds(rounds, tell, tempo_s)

    soak = run_in_loop(play)
    say("")
    for name, classes in soak.wanted.items():
        say(f"{name:<34}{' '.join(sorted(classes)) or '-'}")
    if rounds <= _WARM_UP:
        return 0
    warm, last = soak.censuses[_WARM_UP - 1], soak.censuses[-1]
    say("")
    rss_bytes, heap_bytes = last.rss_bytes - warm.rss_bytes, last.heap_bytes - warm.heap_bytes
    sizes = f"{rss_bytes / _MIB:+.1f} MiB resident, {heap_bytes / _MIB:+.1f} MiB of heap"
    say(f"since minute {_WARM_UP}: {sizes}; {recorded / _MIB:.1f} MiB are recorded")
    more = soak.growth(_WARM_UP - 1)
    say(f"more of: {more or 'nothing'}")
    return 1 if last.widgets > warm.widgets or last.timers > warm.timers else 0


if __name__ == "__main__":
    sys.exit(main())
