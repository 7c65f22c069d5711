"""The table of what XO Lite does names tests and pages that exist."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
TABLE = (Path(__file__).parent / "PARITY.md").read_text("utf-8")
ROW = re.compile(r"^\| (?!feature|-)(.+?) \| (.+?) \|(.*)\|$", re.MULTILINE)


def rows() -> list[tuple[str, str, list[str]]]:
    return [
        (feature, page, re.findall(r"test_\w+", tests))
        for feature, page, tests in ROW.findall(TABLE)
    ]


def test_every_row_has_a_test_or_a_reason() -> None:
    assert len(rows()) > 50
    for feature, page, tests in rows():
        assert tests or page.startswith("left out"), feature


def test_every_test_exists() -> None:
    known: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        known.update(re.findall(r"def (test_\w+)", path.read_text("utf-8")))
    for feature, _page, tests in rows():
        for test in tests:
            assert test in known, f"{feature}: {test}"


def test_every_tab_exists() -> None:
    from xolite_qt.ui.views.page import PAGES
    from xolite_qt.ui.views.workspace import load_pages

    load_pages()
    known = {f"{kind.value}.{spec.tab_id}" for kind, specs in PAGES.items() for spec in specs}
    for feature, page, _tests in rows():
        for tab in re.findall(r"\b(?:pool|host|vm|app)\.[a-z]+", page):
            assert tab in known, f"{feature}: {tab}"
