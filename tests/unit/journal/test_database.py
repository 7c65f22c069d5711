"""The journal's file: what was kept stays, whatever becomes of the process or the file."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.journal import Entry, Journal, JournalError, Kind


def entry(key: str, at_s: float = 1000.0, obj: str = "vm-1", **more: object) -> Entry:
    made = {"pool": "p", "cls": "VM", "kind": Kind.EVENT, "title": key, **more}
    return Entry(key=key, at_s=at_s, obj=obj, **made)  # type: ignore[arg-type]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.db")


def test_entries_are_kept_once_and_read_by_object(journal: Journal) -> None:
    assert journal.of(["vm-1"]) == []
    assert not journal.path.exists()
    assert journal.add([entry("a", 2.0), entry("b", 1.0), entry("c", 3.0, obj="vm-2")]) == 3
    assert journal.add([entry("a", 99.0)]) == 0
    assert [one.key for one in journal.of(["vm-1"])] == ["b", "a"]
    assert [one.key for one in journal.of(["vm-1", "vm-2"], since_s=1.5)] == ["a", "c"]
    assert [one.key for one in journal.of_pool("p", most=2)] == ["a", "c"]
    journal.close()
    assert Journal(journal.path).of(["vm-1"])[1] == entry("a", 2.0)
    journal.close()


def test_what_is_old_is_forgotten(journal: Journal) -> None:
    day = 86400.0
    journal.add([entry("old", 1 * day), entry("new", 99 * day)])
    assert journal.prune(10, now_s=100 * day) == 1
    assert [one.key for one in journal.of(["vm-1"])] == ["new"]
    assert journal.prune(0, now_s=100 * day) == 1
    assert journal.count() == 0
    journal.close()


def test_a_spoilt_file_is_kept_aside(journal: Journal) -> None:
    journal.path.write_bytes(b"this is no database" * 100)
    assert journal.add([entry("a")]) == 1
    assert "could not be read" in journal.trouble
    assert len(list(journal.path.parent.glob("journal.db.broken-*"))) == 1
    journal.close()


def test_a_newer_programs_file_is_left_alone(journal: Journal) -> None:
    with sqlite3.connect(journal.path) as connection:
        connection.execute("PRAGMA user_version=9")
    connection.close()
    with pytest.raises(JournalError, match="newer program"):
        journal.add([entry("a")])
    assert not list(journal.path.parent.glob("journal.db.broken-*"))
    kept = sqlite3.connect(journal.path)
    assert kept.execute("PRAGMA user_version").fetchone()[0] == 9
    kept.close()
    journal.close()


def test_it_has_an_end_whatever_the_age(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db", most_kept=10)
    journal.add([entry(f"e{number}", 1000.0 + number) for number in range(50)])
    assert journal.prune(10, now_s=2000.0) == 40
    assert [one.key for one in journal.of(["vm-1"])] == [f"e{n}" for n in range(40, 50)]
    assert journal.prune(10, now_s=2000.0) == 0
    journal.close()


def test_two_windows_see_one_change_once(journal: Journal) -> None:
    def seen(origin: str, at_s: float, detail: str = "a -> b") -> Entry:
        made = entry(f"{origin}/{at_s}", at_s, title="Name changed", detail=detail)
        return replace(made, origin=origin)

    other = Journal(journal.path)
    assert journal.add([seen("one", 100.0)]) == 1
    assert other.add([seen("two", 100.4)]) == 0
    # There and back again, by one who saw all of it.
    assert journal.add([seen("one", 101.0, "b -> a"), seen("one", 102.0)]) == 2
    assert other.add([seen("two", 102.3), seen("two", 101.3, "b -> a")]) == 0
    assert other.add([seen("two", 500.0)]) == 1
    assert journal.count() == 4
    journal.close()
    other.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "journal.db")
    with pytest.raises(JournalError):
        journal.add([entry("a")])


def test_many_threads(journal: Journal) -> None:
    def work(number: int) -> None:
        for turn in range(30):
            journal.add([entry(f"{number}-{turn}")])
            journal.of(["vm-1"])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.count() == 180
    journal.close()


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is not Windows'")
def test_a_killed_process_loses_nothing_that_was_told(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from xolite_qt.journal import Entry, Journal, Kind\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for n in range(100000):\n"
        "    journal.add([Entry(str(n), n, 'p', 'VM', 'vm-1', Kind.EVENT, 't')])\n"
        "    print(n, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = [process.stdout.readline() for _turn in range(40)]
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    journal = Journal(path)
    assert journal.count() >= int(told[-1]) + 1
    journal.close()


text = st.text(max_size=30)


@given(st.lists(st.builds(entry, text, st.floats(0, 1e10), detail=text), max_size=8))
def test_any_text_comes_back(entries: list[Entry]) -> None:
    journal = Journal(Path(":memory:"))
    # Surrogates are no text: a host cannot send them, JSON does not hold them.
    journal.add(entries)
    found = {one.key: one for one in journal.of(["vm-1"])}
    for one in entries:
        assert found[one.key].key == one.key
    journal.close()
