"""The table of actions has every id that the app offers, and names tests that exist."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.gui.action_ids import UI, all_ids
from xolite_qt.ui.views.workspace import load_pages

TESTS = Path(__file__).parents[1]
TABLE = (Path(__file__).parent / "ACTIONS.md").read_text("utf-8")
ROW = re.compile(r"^\| ([a-z_]+\.[a-z_.]+) \| (.+?) \| (.+?) \|$", re.MULTILINE)
NEVER = "never refused: "


def rows() -> dict[str, tuple[str, str]]:
    return {ident: (begins, refused) for ident, begins, refused in ROW.findall(TABLE)}


def known_tests() -> set[str]:
    known: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        known.update(re.findall(r"def (test_\w+)", path.read_text("utf-8")))
    return known


def test_every_action_is_in_the_table_once() -> None:
    found = [ident for ident, _begins, _refused in ROW.findall(TABLE)]
    assert sorted(found) == sorted(set(found))
    assert len(found) > 100
    assert set(found) == all_ids()


def test_every_row_names_tests_that_exist() -> None:
    known = known_tests()
    for ident, cells in rows().items():
        for cell in cells:
            if cell.startswith(NEVER):
                continue
            names = cell.split(", ")
            assert set(names) <= known, f"{ident}: {set(names) - known}"


def test_what_begins_an_action_is_no_excuse() -> None:
    for ident, (begins, refused) in rows().items():
        assert begins.startswith("test_"), ident
        assert refused.startswith(("test_", NEVER)), ident


def test_whatever_offers_actions_is_there_from_the_first_menu() -> None:
    load_pages()
    for path in UI.rglob("*.py"):
        if re.search(r"^@provides\(", path.read_text("utf-8"), re.MULTILINE):
            parts = path.relative_to(UI.parents[1]).with_suffix("").parts
            assert ".".join(parts) in sys.modules, path


def test_ids_are_found_in_all_their_forms() -> None:
    found = all_ids()
    # Of an enum, given directly, by a helper in the function, by one of the module, put together.
    for ident in ("vm.start", "pool.edit", "pif.ip", "pool.consoles", "vm.edit.boot"):
        assert ident in found


@pytest.mark.parametrize("ident", ["vm.thresholds", "host.thresholds"])
def test_ids_that_are_put_together_are_written_down(ident: str) -> None:
    assert ident in all_ids()
