"""perfmon's configuration: what is read is written again, whatever else stands in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.xen_api import PerfmonError, Watch, read_perfmon, write_perfmon

TEXT = (
    '<config><variable><name value="cpu_usage"/><alarm_trigger_level value="0.9"/>'
    '<alarm_trigger_period value="300"/><alarm_auto_inhibit_period value="600"/>'
    '<consolidation_fn value="average"/></variable>'
    '<variable><name value="memory_free_kib"/><alarm_trigger_level value="524288"/>'
    "</variable></config>"
)


def test_what_xencenter_writes() -> None:
    assert read_perfmon(TEXT) == [
        Watch("cpu_usage", 0.9, 300, 600, {"consolidation_fn": "average"}),
        Watch("memory_free_kib", 524288.0),
    ]
    assert read_perfmon("") == []
    assert write_perfmon([]) == ""


@pytest.mark.parametrize("text", ["<config>", "no xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_what_is_no_configuration(text: str) -> None:
    with pytest.raises(PerfmonError):
        read_perfmon(text)


def test_too_much_is_refused() -> None:
    with pytest.raises(PerfmonError):
        read_perfmon("<config>" + " " * 70_000 + "</config>")


numbers = st.floats(min_value=0, max_value=1e15, allow_subnormal=False)
words = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=20)


@given(st.lists(st.builds(Watch, words, numbers, numbers, numbers), max_size=4))
def test_written_and_read_is_the_same(watches: list[Watch]) -> None:
    assert read_perfmon(write_perfmon(watches)) == watches
