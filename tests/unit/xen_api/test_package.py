"""The package stands alone, and says exactly what it offers."""

from __future__ import annotations

import shutil
import subprocess
import sys
import types
from pathlib import Path

import xolite_qt.xen_api as package

FOLDER = Path(package.__file__).parent

ALONE = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("xolite_qt", "PySide6", "shiboken6", "qasync", "boto3", "click",
                                  "keyring", "pyqtgraph", "numpy"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
sys.path.insert(0, FOLDER)
import xen_api
import pkgutil, importlib
for module in pkgutil.walk_packages(xen_api.__path__, "xen_api."):
    importlib.import_module(module.name)
for name in xen_api.__all__:
    getattr(xen_api, name)
api = xen_api.XenApi("https://host", pins=xen_api.MemoryPins())
print(xen_api.decode_records("vm", b'{"result":{"r":{"name_label":"alone"}}}')["r"].name_label)
"""


def test_it_works_copied_out_and_alone(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "xen_api", ignore=shutil.ignore_patterns("__pycache__"))
    answer = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", ALONE.replace("FOLDER", repr(str(tmp_path)))],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == "alone\n"


def test_all_is_what_is_there() -> None:
    offered = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    } - {"annotations"}
    assert offered == set(package.__all__)
    assert len(package.__all__) == len(set(package.__all__))


def test_the_types_are_for_others_too() -> None:
    assert (FOLDER / "py.typed").exists()


def test_every_public_thing_says_what_it_is() -> None:
    missing = [
        name
        for name in package.__all__
        if isinstance(getattr(package, name), type | types.FunctionType)
        and not getattr(package, name).__doc__
    ]
    assert missing == []
