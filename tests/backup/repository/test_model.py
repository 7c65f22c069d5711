"""Any run of backups, forgets and merges: every point holds what was backed up then.

`XOLITE_SOAK` is the number of runs; 3 where it is not set.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.backup.repository.small import KEY, SmallVm, assert_whole, in_memory
from xolite_qt.backup.disks import Kind
from xolite_qt.backup.repository import clean_vm

_RUNS = int(os.environ.get("XOLITE_SOAK", "3"))

_INDICES = st.sets(st.integers(0, 5), max_size=3)
_STEPS = st.lists(
    st.one_of(
        # changed blocks, the blocks by which the disk grew, and whether it is a full one
        st.tuples(st.just("back up"), _INDICES, st.integers(0, 2), st.booleans()),
        st.tuples(st.just("back up"), _INDICES, st.just(0), st.just(False)),
        st.tuples(st.just("forget"), st.sets(st.integers(0, 5), min_size=1, max_size=2)),
        st.just(("merge",)),
        st.just(("clean",)),
    ),
    min_size=4,
    max_size=9,
)
_NAMES = st.sampled_from(["a", "b", "c", "zeros"])


@pytest.mark.parametrize(
    ("kind", "key"), [(Kind.DIRECTORY, None), (Kind.DIRECTORY, KEY), (Kind.FILE, None)]
)
@settings(max_examples=_RUNS, derandomize=_RUNS < 10)
@given(steps=_STEPS, data=st.data())
def test_every_point_reads_right(
    kind: Kind, key: str | None, steps: list[tuple[object, ...]], data: st.DataObject
) -> None:
    vm = SmallVm(in_memory(key), kind)
    blocks = 6
    for step in [("back up", {0, 1}, 0, True), *steps]:
        match step:
            case ("back up", set(indices), int(grown), bool(full)):
                blocks += grown
                full = full or not vm.points
                changed = {index: data.draw(_NAMES) for index in indices}
                if grown:
                    changed[blocks - 1] = "grown"
                vm.back_up(changed, blocks=blocks, full=full)
            case ("forget", set(numbers)):
                ids = list(vm.points)
                gone = {ids[number] for number in numbers if number < len(ids)}
                # The newest is what the next one goes on from; retention never takes it.
                vm.forget(*sorted(gone - {ids[-1]}))
            case ("merge",):
                vm.merge()
            case _:
                clean_vm(vm.repository, vm.uuid)
        assert_whole(vm.repository)
        assert [backup.id for backup in vm.repository.backups()] == list(vm.points)
        vm.assert_reads()
    vm.merge()
    report = assert_whole(vm.repository)
    assert report.notes == []
    assert report.disks == len(vm.points)
    vm.assert_reads()
