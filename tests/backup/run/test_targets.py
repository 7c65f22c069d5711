"""Opening the repositories of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from xolite_qt.backup.errors import StorageError
from xolite_qt.backup.jobs.store import RepositoryStore
from xolite_qt.backup.run.targets import open_target


def test_a_share_that_is_not_mounted_is_not_filled(tmp_path: Path) -> None:
    place = tmp_path / "share"
    known = open_target("share", place.as_uri(), None).repository.id
    again = open_target("share", place.as_uri(), None, expected_id=known)
    assert again.repository.id == known
    place.rename(tmp_path / "elsewhere")
    place.mkdir()
    with pytest.raises(StorageError, match="mounted"):
        open_target("share", place.as_uri(), None, expected_id=known)
    assert list(place.iterdir()) == []


def test_which_repository_was_there_is_remembered(tmp_path: Path) -> None:
    store = RepositoryStore(tmp_path)
    assert store.identity("a-b") == ""
    store.remember_identity("a-b", "1234")
    assert RepositoryStore(tmp_path).identity("a-b") == "1234"
    assert store.all() == []
