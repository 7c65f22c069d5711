"""The tour, as a process: every page without an error and without a word of complaint."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.test_gui import complaints
from xolite_qt.ui.views.page import PAGES, Kind
from xolite_qt.ui.views.workspace import load_pages

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.timeout(420)
def test_the_tour_shows_every_page_without_an_error(run_command: Run, tmp_path: Path) -> None:
    folder = tmp_path / "tour"
    answer = run_command("tour", str(folder), "--demo", "--size", "1024x700", timeout_s=400)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert complaints(answer.stderr) == []
    shots = json.loads((folder / "index.json").read_text())
    assert [shot["error"] for shot in shots if shot["error"]] == []
    load_pages()
    seen = {shot["page"] for shot in shots}
    for kind, specs in PAGES.items():
        for spec in specs:
            name = f"{kind.value}.{spec.tab_id}"
            assert any(page == name or page.startswith(f"{name}.") for page in seen), name
    for state in ("running", "halted", "suspended", "paused"):
        assert f"{Kind.VM.value}.dashboard.{state}" in seen
    for shot in shots:
        picture = (folder / shot["file"]).read_bytes()
        assert picture.startswith(b"\x89PNG"), shot["file"]
        assert shot["shown"]
        assert shot["first_paint_s"] >= 0
    files = [shot["file"] for shot in shots]
    assert len(files) == len(set(files))
    assert {path.name for path in folder.iterdir()} == {*files, "index.json"}
