"""What every storage has to do, asked of each of them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.backup.storage.s3_places import RGW_URL, new_bucket, storage_at
from tests.fault_proxy import FaultProxy
from xolite_qt.backup.errors import AlreadyExists, Cancelled, Changed, NotFound, StorageError
from xolite_qt.backup.storage import s3_delete
from xolite_qt.backup.storage.base import Entry, Storage
from xolite_qt.backup.storage.local import LocalStorage
from xolite_qt.backup.storage.memory import MemoryStorage
from xolite_qt.backup.storage.parallel import for_each

MIB = 1024 * 1024
KINDS = ["memory", "local", "moto"]
if RGW_URL:
    KINDS += ["ceph", "ceph-through-proxy"]


@pytest.fixture(params=KINDS)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    with ExitStack() as ends:
        made: Storage
        if request.param == "memory":
            made = MemoryStorage()
        elif request.param == "local":
            made = LocalStorage(tmp_path / "repository")
        else:
            url = RGW_URL
            if request.param == "moto":
                url = request.getfixturevalue("moto_url")
            bucket = ends.enter_context(new_bucket(url))
            if request.param == "ceph-through-proxy":
                url = ends.enter_context(FaultProxy(url)).url
            made = storage_at(url, bucket)
        ends.callback(made.close)
        yield made


def test_what_is_written_is_read(storage: Storage) -> None:
    tag = storage.write("a/b/c", b"one")
    assert storage.read("/a/b/c") == b"one"
    about = storage.stat("a/b/c")
    assert about is not None
    assert about.size_bytes == 3
    assert about.tag == tag
    assert abs(about.modified_s - time.time()) < 120


def test_a_second_write_replaces(storage: Storage) -> None:
    first = storage.write("a", b"one")
    second = storage.write("a", b"three")
    assert first != second
    assert storage.read("a") == b"three"


def test_an_empty_file_is_a_file(storage: Storage) -> None:
    storage.write("a", b"")
    assert storage.read("a") == b""
    assert storage.read_range("a", 0, 10) == b""
    about = storage.stat("a")
    assert about is not None
    assert about.size_bytes == 0


def test_what_is_missing_is_said(storage: Storage) -> None:
    with pytest.raises(NotFound) as caught:
        storage.read("no/such")
    assert caught.value.path == "no/such"
    with pytest.raises(NotFound):
        storage.read_range("no/such", 0, 1)
    with pytest.raises(NotFound), storage.open_read("no/such"):
        pass
    assert storage.stat("no/such") is None
    assert storage.list("no") == []
    assert list(storage.walk("no")) == []


def test_a_folder_is_no_file(storage: Storage) -> None:
    storage.write("folder/file", b"x")
    assert storage.stat("folder") is None


@pytest.mark.parametrize("path", ["", "/", "..", "a/../b", "a//b", "./a", "a/\0"])
def test_no_path_leads_elsewhere(storage: Storage, path: str) -> None:
    with pytest.raises(StorageError):
        storage.write(path, b"x")


@pytest.mark.parametrize("name", ["a b+c", "ä ö", "100%", "a&b=c?d#e", ".hidden", "a'b\"c"])
def test_names_may_have_any_sign(storage: Storage, name: str) -> None:
    storage.write(f"in/{name}", b"x")
    assert [entry.name for entry in storage.list("in")] == [name]
    assert list(storage.walk("")) == [(f"in/{name}", 1)]
    storage.rename(f"in/{name}", f"in/{name}2")
    assert storage.read(f"in/{name}2") == b"x"
    storage.delete_many([f"in/{name}2", f"in/{name}3"])
    assert list(storage.walk("")) == []


def test_ranges_end_with_the_file(storage: Storage) -> None:
    storage.write("a", b"0123456789")
    assert storage.read_range("a", 0, 4) == b"0123"
    assert storage.read_range("a", 8, 10) == b"89"
    assert storage.read_range("a", 10, 5) == b""
    assert storage.read_range("a", 40, 5) == b""
    assert storage.read_range("a", 3, 0) == b""


def test_a_stream_is_read_piece_by_piece(storage: Storage) -> None:
    body = os.urandom(MIB + 17)
    storage.write("a", body)
    with storage.open_read("a") as reader:
        assert reader.read(10) == body[:10]
        assert reader.read(MIB) == body[10 : MIB + 10]
        assert reader.read() == body[MIB + 10 :]
        assert reader.read(5) == b""


def test_if_absent_never_overwrites(storage: Storage) -> None:
    storage.write("a", b"one", if_absent=True)
    with pytest.raises(AlreadyExists):
        storage.write("a", b"two", if_absent=True)
    assert storage.read("a") == b"one"


def test_if_tag_overwrites_only_what_was_read(storage: Storage) -> None:
    first = storage.write("a", b"one")
    second = storage.write("a", b"twoo", if_tag=first)
    with pytest.raises(Changed):
        storage.write("a", b"three", if_tag=first)
    assert storage.read("a") == b"twoo"
    storage.delete("a")
    with pytest.raises(Changed):
        storage.write("a", b"four", if_tag=second)
    assert storage.stat("a") is None


def test_of_many_only_one_is_first(storage: Storage) -> None:
    wins: list[int] = []
    assert storage.abilities.conditional_writes

    def run(number: int) -> None:
        try:
            storage.write("lock", str(number).encode(), if_absent=True)
        except AlreadyExists:
            return
        wins.append(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [storage.read("lock").decode()] == [str(number) for number in wins]


@pytest.mark.parametrize("size", [0, 100, 8 * MIB, 17 * MIB + 3])
def test_a_stream_appears_as_a_whole(storage: Storage, size: int) -> None:
    body = os.urandom(size)
    with storage.open_write("big/file", size_hint_bytes=size) as writer:
        for begin in range(0, size, 3 * MIB):
            writer.write(memoryview(body)[begin : begin + 3 * MIB])
        assert storage.stat("big/file") is None
    assert storage.read("big/file") == body
    assert [name for name, _ in storage.walk("")] == ["big/file"]


@pytest.mark.parametrize("size", [100, 17 * MIB])
def test_a_stream_that_fails_leaves_nothing(storage: Storage, size: int) -> None:
    storage.write("old", b"old")

    def fail_midway() -> None:
        with storage.open_write("old") as writer:
            writer.write(bytes(size))
            raise KeyError

    with pytest.raises(KeyError):
        fail_midway()
    assert storage.read("old") == b"old"
    assert [name for name, _ in storage.walk("")] == ["old"]


def test_folders_come_and_go_with_their_files(storage: Storage) -> None:
    storage.write("top", b"12")
    storage.write("a/one", b"1")
    storage.write("a/b/two", b"22")
    entries = storage.list("")
    assert [(e.name, e.is_folder, e.size_bytes) for e in entries] == [
        ("a", True, 0),
        ("top", False, 2),
    ]
    assert storage.list("a")[0] == Entry("b", True)
    assert sorted(storage.walk("/a/")) == [("a/b/two", 2), ("a/one", 1)]
    storage.delete_tree("a")
    storage.delete_tree("a")
    assert [entry.name for entry in storage.list("")] == ["top"]


def test_a_folder_is_not_its_neighbour(storage: Storage) -> None:
    storage.write("ab/one", b"1")
    storage.write("a/one", b"1")
    assert list(storage.walk("a")) == [("a/one", 1)]
    storage.delete_tree("a")
    assert list(storage.walk("")) == [("ab/one", 1)]


def test_a_file_moves_over_another(storage: Storage) -> None:
    storage.write("a/source", b"new")
    storage.write("b/target", b"old")
    storage.rename("a/source", "b/target")
    assert storage.read("b/target") == b"new"
    assert storage.stat("a/source") is None
    with pytest.raises(NotFound):
        storage.rename("a/source", "b/target")
    storage.rename("b/target", "b/target")
    assert storage.read("b/target") == b"new"


def test_many_move_and_moved_ones_count(storage: Storage) -> None:
    for number in range(40):
        storage.write(f"from/{number}", b"%d" % number)
    pairs = [(f"from/{n}", f"to/{n}") for n in range(40)]
    storage.rename(*pairs[3])
    storage.rename_many(pairs)
    storage.rename_many(pairs)
    assert {name: storage.read(name) for name, _ in storage.walk("")} == {
        f"to/{n}": b"%d" % n for n in range(40)
    }
    with pytest.raises(NotFound):
        storage.rename_many([("from/none", "to/none")])


def test_moving_stops_when_told(storage: Storage) -> None:
    stop = threading.Event()
    storage.write("a", b"x")
    stop.set()
    with pytest.raises(Cancelled):
        storage.rename_many([("a", "b")], stop=stop)
    assert [name for name, _ in storage.walk("")] == ["a"]


def test_a_copy_is_a_file_of_its_own(storage: Storage) -> None:
    storage.write("a", b"one")
    storage.copy("a", "b/c")
    storage.write("a", b"two")
    assert storage.read("b/c") == b"one"
    with pytest.raises(NotFound):
        storage.copy("none", "d")


def test_links_work_or_say_that_they_do_not(storage: Storage) -> None:
    storage.write("a", b"one")
    if not storage.abilities.links:
        with pytest.raises(StorageError):
            storage.link("a", "b")
        return
    storage.link("a", "c/b")
    storage.delete("a")
    assert storage.read("c/b") == b"one"
    storage.write("d", b"two")
    with pytest.raises(AlreadyExists):
        storage.link("d", "c/b")


def test_changes_in_place_work_or_say_that_they_do_not(storage: Storage) -> None:
    if not storage.abilities.in_place:
        with pytest.raises(StorageError), storage.open_update("a", create=True):
            pass
        return
    with pytest.raises(NotFound), storage.open_update("a"):
        pass
    with storage.open_update("a", create=True) as file:
        file.write_at(4, b"5678")
        file.write_at(0, b"1234")
        file.truncate(6)
        file.sync()
        assert file.size_bytes() == 6
        assert file.read_at(4, 100) == b"56"
    assert storage.read("a") == b"123456"


def test_gone_already_is_no_error(storage: Storage) -> None:
    storage.delete("none")
    storage.delete_many(["none", "neither"])
    storage.delete_many([])
    storage.delete_tree("none")


def test_more_than_a_page_goes_at_once(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_delete, "PAGE", 100)
    # Real services have pages of a thousand.
    count = 1004 if "127.0.0.1" in storage.name and RGW_URL else 304
    storage.write("kept", b"x")
    names = [f"many/{n // 100}/{n}" for n in range(count)]
    for_each(names, lambda name: storage.write(name, b""), workers=4)
    assert len(list(storage.walk("many"))) == count
    assert len(storage.list("many")) == -(-count // 100)
    storage.delete_tree("many")
    assert list(storage.walk("")) == [("kept", 1)]


def test_its_name_holds_no_secret(storage: Storage) -> None:
    assert storage.name
    assert "SECRET" not in storage.name
    assert "KEY" not in storage.name
