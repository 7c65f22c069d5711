"""The import contracts hold, and each of them bites when it is broken."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# (module to spoil, the line that it must not hold, words of the contract that must break)
FORBIDDEN = [
    ("xen_api/errors", "from xolite_qt import settings", "xen_api knows nothing"),
    ("xen_api/errors", "from PySide6 import QtCore", "xen_api knows nothing"),
    ("xen_api/errors", "from xolite_qt.stores import base", "cli > app > views"),
    ("stores/base", "from PySide6 import QtCore", "Qt lives under ui"),
    ("settings", "from PySide6 import QtCore", "stores and the demo host never reach Qt"),
    ("demo_host/db", "from PySide6 import QtCore", "stores and the demo host never reach Qt"),
    ("cli/__init__", "import PySide6.QtWidgets", "Qt lives under ui"),
    ("ui/theme", "from xolite_qt.ui.views import main_window", "cli > app > views"),
    ("ui/theme", "import aiohttp", "the ui never speaks to the network"),
    ("demo_host/db", "from xolite_qt.xen_api import errors", "the demo host shares no code"),
    ("vhd/structs", "from xolite_qt.xen_api import errors", "nbd, vhd and rfb know nobody"),
    ("backup/storage/base", "from xolite_qt.backup.disks import alias", "backup: run > restore"),
    ("backup/storage/base", "from xolite_qt.vhd import structs", "a storage knows files"),
    ("backup/errors", "import click", "the backup engine knows neither"),
    ("recorder/flight", "from xolite_qt.stores import base", "cli > app > views"),
    ("recorder/flight", "from PySide6 import QtCore", "stores and the demo host never reach Qt"),
    ("ui/theme", "from xolite_qt.demo_host import db", "only app and cli start"),
    ("stores/base", "from xolite_qt.demo_host import db", "only app and cli start"),
]


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "IMPORT_LINTER_CACHE": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "xolite_qt", copy / "xolite_qt", ignore=lambda *_: {"__pycache__"})
    shutil.copy(ROOT / ".importlinter", copy)
    return copy


def test_all_contracts_hold(tree: Path) -> None:
    answer = lint(tree)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize(("module", "line", "contract"), FORBIDDEN)
def test_each_contract_bites(tree: Path, module: str, line: str, contract: str) -> None:
    path = tree / "xolite_qt" / f"{module}.py"
    clean = path.read_text()
    path.write_text(f"{clean}\n{line}\n")
    try:
        answer = lint(tree)
    finally:
        path.write_text(clean)
    assert answer.returncode == 1, answer.stdout + answer.stderr
    broken = [line for line in answer.stdout.splitlines() if line.rstrip().endswith("BROKEN")]
    assert any(contract in line for line in broken), answer.stdout


def test_whoever_keeps_backups_in_a_folder_never_loads_boto3() -> None:
    code = (
        "import sys, xolite_qt.backup.run.execute, xolite_qt.backup.storage as s\n"
        "s.open_storage('/nowhere')\n"
        "sys.exit(any(m.startswith(('boto', 'apprise', 'PySide6')) for m in sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert answer.returncode == 0
