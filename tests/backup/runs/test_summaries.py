"""Runs in short: the same state as the whole log, for as long as the log is the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xolite_qt.backup.runs import summary
from xolite_qt.backup.runs.events import Event, Finished, Item, ItemDone, Note, Progress, Started
from xolite_qt.backup.runs.state import ItemState, RunState
from xolite_qt.backup.runs.store import RunError, RunStore
from xolite_qt.backup.runs.summary import shortened
from xolite_qt.stores.backups import RunReader

IDS = st.sampled_from("12")
NUMBERS = st.integers(0, 9)
TOTALS = st.none() | NUMBERS
EVENTS = st.lists(
    st.one_of(
        st.builds(Started, st.just(1.0), NUMBERS, st.just("1")),
        st.builds(Item, at_s=st.just(0.0), id=IDS, kind=st.just("disk"), name=IDS, total=TOTALS),
        st.builds(
            Progress,
            at_s=st.integers(1, 99).map(float),
            id=IDS,
            done=NUMBERS,
            total=TOTALS,
            read_bytes=NUMBERS,
            transferred_bytes=NUMBERS,
            written_bytes=NUMBERS,
        ),
        st.builds(Note, at_s=st.just(1.0), text=IDS, id=st.none() | IDS),
        st.builds(
            ItemDone,
            at_s=st.just(99.0),
            id=IDS,
            outcome=st.just("success"),
            read_bytes=NUMBERS,
            transferred_bytes=NUMBERS,
            written_bytes=NUMBERS,
        ),
        st.builds(Finished, at_s=st.just(99.0), outcome=st.just("failure"), error=IDS),
    ),
    min_size=10,
    max_size=40,
)


def folded(events: list[Event]) -> RunState:
    state = RunState()
    state.apply(events)
    return state


def without_speeds(items: list[ItemState]) -> None:
    """Of parts that go on: a summary has none of them."""
    for item in items:
        if item.outcome is None:
            item.speed_bytes_per_s = None
        without_speeds(item.children)


@given(EVENTS)
@settings(max_examples=200)
def test_what_is_short_makes_the_same_state(events: list[Event]) -> None:
    short = shortened(events)
    assert len(short) <= len(events)
    states = [folded(events), folded(short)]
    # Progress after the end of a part does not occur, and its speed means nothing.
    for state in states:
        # A part that was begun twice stands among the roots twice, by its id once.
        for item in (*state.items.values(), *state.roots):
            if item.last_progress is not None and item.ended_s is not None:
                item.speed_bytes_per_s = None
        without_speeds(state.roots)
    assert states[0] == states[1]


def disk(total: int | None = None) -> Item:
    return Item(at_s=0.0, id="1", kind="disk", name="root", total=total)


def progress(done: int, total: int | None = None) -> Progress:
    return Progress(at_s=float(done), id="1", done=done, total=total)


def test_a_total_that_was_told_before_the_latest_progress_is_kept() -> None:
    short = shortened([disk(), progress(1, 9), progress(2), progress(3)])
    assert short == [disk(), progress(3, 9)]


def test_a_part_of_a_run_taken_up_again_is_another_one() -> None:
    events: list[Event] = [disk(), progress(1, 9), progress(2), disk(7), progress(1), progress(4)]
    assert shortened(events) == [disk(), progress(2, 9), disk(7), progress(4)]
    assert [root.total for root in folded(shortened(events)).roots] == [9, 7]


def test_another_version_reads_the_log_itself(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = a_run(store)
    store.summary(run_id)
    assert summary.load(store.folder(run_id)) is not None
    monkeypatch.setattr(summary, "__version__", "0.0.0")
    assert summary.load(store.folder(run_id)) is None


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def a_run(store: RunStore, *, finished: bool = True) -> str:
    """One that told of its progress a thousand times."""
    spec = store.create("backup", "Nightly")
    with store.writer(spec) as writer:
        writer.write(Started(1.0, 7, "1"))
        writer.write(Item(at_s=1.0, id="1", kind="disk", name="root", total=1000))
        for number in range(1000):
            writer.write(Progress(at_s=1.0 + number, id="1", done=number, transferred_bytes=number))
        if finished:
            writer.write(ItemDone(at_s=1001.0, id="1", outcome="success", transferred_bytes=1000))
            writer.write(Finished(at_s=1002.0, outcome="success"))
    return spec.id


@pytest.mark.parametrize("finished", [True, False])
def test_a_run_that_is_over_is_read_once(store: RunStore, finished: bool) -> None:
    run_id = a_run(store, finished=finished)
    first = store.summary(run_id)
    log = store.folder(run_id) / "log.jsonl"
    assert (store.folder(run_id) / "summary.json").stat().st_size < log.stat().st_size / 20
    # Were the log read again, nothing would be found in it.
    log.write_bytes(b" " * log.stat().st_size)
    again = store.summary(run_id)
    without_speeds(first.roots)
    assert again == first
    assert again.items["1"].transferred_bytes == (1000 if finished else 999)
    row = next(iter(RunReader(store).read()))
    assert row.outcome == ("success" if finished else "interrupted")
    assert row.transferred_bytes == again.transferred_bytes


def test_a_run_at_work_is_read_anew(store: RunStore) -> None:
    spec = store.create("backup", "Nightly")
    assert store.summary(spec.id) == RunState()
    with store.writer(spec) as writer:
        for number in range(1, 4):
            writer.write(Note(at_s=1.0, text="x"))
            assert len(store.summary(spec.id).notes) == number
        writer.write(Finished(at_s=2.0, outcome="success"))
        # Its process may have more to say.
        store.summary(spec.id)
        assert not (store.folder(spec.id) / "summary.json").exists()


def test_a_run_taken_up_again_is_read_anew(store: RunStore) -> None:
    run_id = a_run(store, finished=False)
    assert store.summary(run_id).outcome is None
    with store.writer(store.spec(run_id)) as writer:
        writer.write(Finished(at_s=2.0, outcome="failure"))
    assert store.summary(run_id).outcome == "failure"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[]", b'{"version": "0", "log_bytes": 1, "events": []}'],
)
def test_a_summary_that_is_none_is_made_anew(store: RunStore, body: bytes) -> None:
    run_id = a_run(store)
    file = store.folder(run_id) / "summary.json"
    file.write_bytes(body)
    for _ in range(2):
        assert store.summary(run_id).outcome == "success"
        assert file.read_bytes() != body


def test_a_summary_that_cannot_be_stored_is_no_trouble(store: RunStore) -> None:
    run_id = a_run(store)
    (store.folder(run_id) / "summary.json").mkdir()
    for _ in range(2):
        assert store.summary(run_id).outcome == "success"
    assert not [name for name in os.listdir(store.folder(run_id)) if name.startswith(".summary")]


def test_there_is_no_such_run(store: RunStore) -> None:
    for name in ("../x", "20260101T000000Z-00000000"):
        with pytest.raises(RunError):
            store.summary(name)


@pytest.mark.parametrize("torn", [b'{"event":"no', b"\n", b"\xc3"])
def test_half_a_line_of_a_crash_spoils_no_other(store: RunStore, torn: bytes) -> None:
    run_id = a_run(store, finished=False)
    with (store.folder(run_id) / "log.jsonl").open("ab") as file:
        file.write(torn)
    with store.writer(store.spec(run_id)) as writer:
        writer.write(Finished(at_s=2.0, outcome="success"))
    assert store.summary(run_id).outcome == "success"


def test_a_run_that_cannot_be_written_leaves_no_folder(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, body: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RunError, match="No space left"):
        store.create("backup", "Nightly")
    assert os.listdir(store.path) == []
