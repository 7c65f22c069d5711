"""Jobs and repositories in files: shared by processes, never half, never lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from xolite_qt.backup.jobs.model import HostRef, Job, Retention, SavedRepository, Selection
from xolite_qt.backup.jobs.store import JobStore, RepositoryStore, StoreError

WRITER = """
import sys
from pathlib import Path
from xolite_qt.backup.jobs.model import HostRef, Job
from xolite_qt.backup.jobs.store import JobStore
store = JobStore(Path(sys.argv[1]))
for number in range(40):
    name = f"{sys.argv[2]} {number} " + "x" * number * 50
    store.save(Job(id="shared", schedule_id="s", name=name, host=HostRef("https://h")))
    store.save(Job(id=f"{sys.argv[2]}-{number}", schedule_id="s", name=name, host=HostRef("h")))
    assert store.get("shared") is not None
    assert store.troubles() == []
"""


def a_job(ident: str = "a", name: str = "Nightly") -> Job:
    return Job(
        id=ident,
        schedule_id="s",
        name=name,
        host=HostRef("https://h", "root", "pool"),
        selection=Selection("chosen", ("u1", "u2"), ("tag",)),
        repositories=("r1",),
        retention=Retention(3, 1, 2, 3, 4),
    )


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs")
    assert (store.all(), store.troubles(), store.get("a")) == ([], [], None)
    assert store.changed_tag() == ""
    job = a_job()
    store.save(job)
    first = store.changed_tag()
    assert JobStore(tmp_path / "jobs").get("a") == job
    assert store.saved_s("a") > 0
    store.save(a_job(name="Weekly"))
    assert store.changed_tag() != first
    store.save(a_job("b", "daily"))
    assert [one.name for one in store.all()] == ["daily", "Weekly"]
    store.delete("a")
    store.delete("a")
    assert [one.id for one in store.all()] == ["b"]
    assert store.saved_s("a") == 0.0
    assert not [name for name in os.listdir(tmp_path / "jobs") if name.startswith(".new")]


def test_two_processes_at_once(tmp_path: Path) -> None:
    line = [sys.executable, "-c", WRITER, str(tmp_path / "jobs")]
    both = [subprocess.Popen([*line, name], stderr=subprocess.PIPE) for name in ("one", "two")]
    for process in both:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err.decode()
    store = JobStore(tmp_path / "jobs")
    assert store.troubles() == []
    assert len(store.all()) == 81
    shared = store.get("shared")
    assert shared is not None
    assert shared.name.split()[1] == "39"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"id": 3}', b"\xff\xfe", b'"\xff"', b'{"id": "bad", "name": "\xff"}'],
)
def test_a_spoilt_file_is_kept_and_told(tmp_path: Path, body: bytes) -> None:
    store = JobStore(tmp_path)
    store.save(a_job())
    bad = tmp_path / "bad.json"
    bad.write_bytes(body)
    assert [one.id for one in store.all()] == ["a"]
    assert len(store.troubles()) == 1
    assert str(bad) in store.troubles()[0]
    with pytest.raises(StoreError, match=r"bad\.json cannot be used"):
        store.get("bad")
    store.save(a_job("c"))
    store.delete("a")
    assert bad.read_bytes() == body
    # What takes its place, or removes it, keeps it beside.
    store.save(a_job("bad"))
    assert store.troubles() == []
    bad.write_bytes(body)
    store.delete("bad")
    assert [one.id for one in store.all()] == ["c"]
    assert [path.read_bytes() for path in sorted(tmp_path.glob("bad.spoilt*"))] == [body, body]


@pytest.mark.parametrize("values", [{"retention": {"last": 0}}, {"concurrency": 0}, {"mode": "x"}])
def test_values_that_cannot_be(tmp_path: Path, values: dict[str, object]) -> None:
    body = {**msgspec.to_builtins(a_job()), **values}
    (tmp_path / "a.json").write_text(json.dumps(body))
    store = JobStore(tmp_path)
    assert store.all() == []
    assert len(store.troubles()) == 1


def test_a_copy_by_hand_is_no_second_job(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    store.save(a_job())
    (tmp_path / "copy.json").write_bytes((tmp_path / "a.json").read_bytes())
    assert [one.id for one in store.all()] == ["a"]
    assert ["of another id, 'a'" in trouble for trouble in store.troubles()] == [True]


def test_fields_of_a_later_version_do_no_harm(tmp_path: Path) -> None:
    body = {**msgspec.to_builtins(a_job()), "colour": "blue"}
    (tmp_path / "a.json").write_text(json.dumps(body))
    assert JobStore(tmp_path).all() == [a_job()]


def test_ids_lead_nowhere_else(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs")
    for ident in ("../x", "", "a/b", "a" * 65, "a\0", ".lock"):
        with pytest.raises(StoreError, match="no id"):
            store.save(a_job(ident))
        with pytest.raises(StoreError, match="no id"):
            store.get(ident)
    assert not (tmp_path / "x.json").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("a file")
    store = JobStore(tmp_path / "jobs")
    with pytest.raises(StoreError, match="could not be saved"):
        store.save(a_job())
    assert store.all() == []


def test_repositories_by_name_or_id(tmp_path: Path) -> None:
    store = RepositoryStore(tmp_path)
    store.save(SavedRepository(id="r1", name="vault", url="file:///vault"))
    for name in ("vault", "r1"):
        found = store.named(name)
        assert found is not None
        assert found.url == "file:///vault"
    assert store.named("other") is None
    if os.name == "posix":
        assert (tmp_path / "r1.json").stat().st_mode & 0o077 == 0
