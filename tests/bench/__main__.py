"""Runs the benches, each in a process of its own so that none warms another's caches."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.bench.report import say

BENCHES = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))


def main() -> int:
    wanted = sys.argv[1:] or BENCHES
    failed = []
    for name in wanted:
        module = name if name.startswith("bench_") else f"bench_{name}"
        say(f"== {module}")
        if subprocess.run([sys.executable, "-m", f"tests.bench.{module}"], check=False).returncode:
            failed.append(module)
    if failed:
        say(f"did not finish: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
