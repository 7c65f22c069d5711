"""The table of conventions names tests that exist, and no test of this folder is left out."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__)
TESTS = HERE.parents[2]
TABLE = (TESTS / "gui" / "MANNERS.md").read_text("utf-8")
ROW = re.compile(r"^\| (?!convention|-)(.+?) \| (.+?) \| (.*) \|$", re.MULTILINE)
CONVENTIONS = 18


def rows() -> list[tuple[str, str, list[str]]]:
    """Convention, how it is held, and its tests."""
    return [
        (rule, how, re.findall(r"\btest_\w+", tests)) for rule, how, tests in ROW.findall(TABLE)
    ]


def functions_of(path: Path) -> set[str]:
    return set(re.findall(r"def (test_\w+)", path.read_text("utf-8")))


def functions_below(folder: Path) -> set[str]:
    return set[str]().union(*(functions_of(path) for path in folder.rglob("test_*.py")))


def test_every_convention_has_a_test() -> None:
    assert len(rows()) == CONVENTIONS
    for rule, how, tests in rows():
        assert how, rule
        assert tests, rule


def test_every_test_of_the_table_exists() -> None:
    known = functions_below(TESTS)
    for rule, _how, tests in rows():
        assert known.issuperset(tests), f"{rule}: {set(tests) - known}"


def test_every_test_of_this_folder_is_in_the_table() -> None:
    named = {test for _rule, _how, tests in rows() for test in tests}
    own = functions_below(HERE.parent) - functions_of(HERE)
    assert own <= named, own - named
