"""Parameters are parsed to their types, results written in the form of each wire."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.demo_host.datamodel import Type, load_model, parse_type
from xolite_qt.demo_host.registry import Failure
from xolite_qt.demo_host.values import (
    datetime_s,
    json_record,
    json_result,
    parse,
    wire_datetime,
    xml_value,
)


@pytest.mark.parametrize(
    ("kind", "given_value", "value"),
    [
        ("int", 5, 5),
        ("int", "-5", -5),
        ("int", 2**63 - 1, 2**63 - 1),
        ("float", 1, 1.0),
        ("float", "1.5", 1.5),
        ("bool", True, True),
        ("datetime", "20260821T12:00:00Z", "20260821T12:00:00Z"),
        ("datetime", "2026-08-21T12:00:00Z", "20260821T12:00:00Z"),
        ("datetime", "20260821T12:00:00", "20260821T12:00:00Z"),
        ("datetime", "2026-08-21T12:00:00+02:00", "20260821T10:00:00Z"),
        ("(int -> string) map", {"1": "a"}, {"1": "a"}),
        ("VM ref set", ["OpaqueRef:1"], ["OpaqueRef:1"]),
        ("enum vm_power_state", "Halted", "Halted"),
        ("string option", None, None),
    ],
)
def test_accepted(kind: str, given_value: object, value: object) -> None:
    assert parse(given_value, parse_type(kind)) == value


@pytest.mark.parametrize(
    ("kind", "given_value"),
    [
        ("int", 1.5),
        ("int", True),
        ("int", "x"),
        ("int", 2**63),
        ("bool", "true"),
        ("bool", 1),
        ("string", 5),
        ("string", None),
        ("VM ref", 5),
        ("string set", "a"),
        ("(string -> string) map", ["a"]),
        ("(string -> string) map", {"a": 5}),
        ("datetime", "yesterday"),
        ("enum vm_power_state", "Sleeping"),
        ("VBD record", {"VM": "OpaqueRef:1"}),
    ],
)
def test_a_wrong_type_is_an_internal_error(kind: str, given_value: object) -> None:
    with pytest.raises(Failure) as caught:
        parse(given_value, parse_type(kind))
    assert caught.value.code == "INTERNAL_ERROR"
    assert caught.value.params[0].startswith("Failure(")


def test_json_keeps_big_ints_and_says_nan_bare() -> None:
    encoded = msgspec.json.encode(json_result([math.nan, math.inf, 1.0], parse_type("float set")))
    assert encoded == b"[NaN,Infinity,1.0]"
    assert msgspec.json.encode(json_result(2**62, Type("int"))) == str(2**62).encode()
    assert msgspec.json.encode(json_result(None, Type("void"))) == b'""'


def test_a_record_with_nan_is_written_bare() -> None:
    cls = load_model().classes["VM_metrics"]
    raw = json_record({"VCPUs_utilisation": {"0": math.nan}, "memory_actual": 5}, cls)
    assert bytes(raw) == b'{"VCPUs_utilisation":{"0":NaN},"memory_actual":5}'


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("int", 5, "<value>5</value>"),
        ("bool", True, "<value><boolean>1</boolean></value>"),
        ("float", 0.1, "<value><double>0.1</double></value>"),
        ("void", None, "<value></value>"),
        ("string", "a<b\x00", "<value>a&lt;b?</value>"),
        (
            "datetime",
            "20260821T12:00:00Z",
            "<value><dateTime.iso8601>20260821T12:00:00Z</dateTime.iso8601></value>",
        ),
        ("string set", ["a"], "<value><array><data><value>a</value></data></array></value>"),
        (
            "(string -> int) map",
            {"k": 1},
            "<value><struct><member><name>k</name><value>1</value></member></struct></value>",
        ),
    ],
)
def test_xml_forms(kind: str, value: object, text: str) -> None:
    assert xml_value(value, parse_type(kind)) == text


@given(st.integers(min_value=0, max_value=4102444800))
def test_datetimes_survive_the_wire(seconds: int) -> None:
    assert datetime_s(wire_datetime(seconds)) == seconds


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    st.sampled_from(
        sorted(
            {field.type.kind for c in load_model().classes.values() for field in c.fields.values()}
        )
    ),
)
def test_whatever_comes_is_parsed_or_refused(value: object, kind: str) -> None:
    fields = [f for c in load_model().classes.values() for f in c.fields.values()]
    wanted = next(field.type for field in fields if field.type.kind == kind)
    parsed: object = None
    code = ""
    try:
        parsed = parse(value, wanted)
    except Failure as failure:
        code = failure.code
    assert code in ("", "INTERNAL_ERROR")
    # What was accepted can be written again on both wires.
    json.loads(msgspec.json.encode(json_result(parsed, wanted)))
    xml_value(parsed, wanted)


def test_the_model_is_whole() -> None:
    model = load_model()
    assert len(model.classes) == 72
    assert sum(len(cls.fields) for cls in model.classes.values()) == 922
    start = model.message("VM.start")
    assert start is not None
    assert start.has_async
    assert [param.name for param in start.params] == ["vm", "start_paused", "force"]
    assert [type(f.default) for f in model.classes["VM"].fields.values() if f.name == "tags"] == [
        list
    ]
