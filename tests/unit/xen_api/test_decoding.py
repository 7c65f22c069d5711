"""Records from answers, however odd the host."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.xen_api import (
    NULL_REF,
    RECORDS,
    VDI,
    VM,
    Host,
    MalformedAnswer,
    Pool,
    PoolUpdate,
    PowerState,
    Record,
    Task,
    XapiError,
    decode_records,
    is_null,
)
from xolite_qt.xen_api.decoding import (
    decode_answer,
    decode_record,
    read_record,
    record_from_plain,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.just("OpaqueRef:NULL"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


def answer(result: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "result": result, "id": 1}).encode()


def compact(result: Any) -> bytearray:
    whole = {"jsonrpc": "2.0", "result": result, "id": 1}
    return bytearray(json.dumps(whole, separators=(",", ":")).encode())


def test_a_record_knows_its_reference_and_its_class() -> None:
    records = decode_records("VM", answer({"OpaqueRef:1": {"name_label": "a"}}))
    vm = records["OpaqueRef:1"]
    assert isinstance(vm, VM)
    assert vm.ref == "OpaqueRef:1"
    assert vm.wire_class == "VM"
    assert {cls: t.wire_class for cls, t in RECORDS.items()}["host_metrics"] == "host_metrics"
    assert RECORDS["vm_guest_metrics"].wire_class == "VM_guest_metrics"


def test_fields_have_their_wire_names_in_lower_case(real_world: Path) -> None:
    """Every attribute is a field of the host's data model, but for case."""
    model = json.loads((real_world.parents[1] / "xapi" / "xenapi.json").read_text())
    fields = {cls["name"]: {f["name"] for f in cls["fields"]} for cls in model}
    for cls in RECORDS.values():
        for field in msgspec.structs.fields(cls):
            if field.name in ("ref",):
                continue
            assert field.encode_name in fields[cls.wire_class], (cls.wire_class, field.name)
            assert field.encode_name.lower() == field.name.removesuffix("_json")


def test_two_spellings_of_one_name() -> None:
    assert Pool(crash_dump_sr="a") == record_from_plain(Pool, {"crash_dump_SR": "a"}, "")
    assert Host(crash_dump_sr="a") == record_from_plain(Host, {"crash_dump_sr": "a"}, "")
    assert PoolUpdate(vdi="a") == record_from_plain(PoolUpdate, {"vdi": "a"}, "")
    pool = decode_records(Pool, answer({"r": {"crash_dump_SR": "x", "suspend_image_SR": "y"}}))
    assert (pool["r"].crash_dump_sr, pool["r"].suspend_image_sr) == ("x", "y")


def test_missing_and_unknown_fields() -> None:
    vm = decode_records(VM, answer({"r": {"from_the_future": {"a": [1]}}}))["r"]
    assert vm == VM(ref="r")
    assert vm.resident_on == NULL_REF
    assert vm.platform == {}
    assert vm.allowed_operations == ()
    assert vm.power_state == ""


def test_words_that_a_newer_host_knows() -> None:
    vm = decode_records(VM, answer({"r": {"power_state": "Hibernating"}}))["r"]
    assert vm.power_state == "Hibernating"
    assert VM(power_state="Running").power_state == PowerState.RUNNING


def test_numbers_as_texts_and_texts_as_numbers() -> None:
    plain = {
        "VCPUs_max": "4",
        "memory_static_max": "9223372036854775807",
        "is_a_template": True,
        "name_label": 12,
        "tags": ["a", 7, None, "b"],
        "other_config": {"a": "b", "n": 5},
        "current_operations": {"OpaqueRef:t": "start", "x": None},
        "domid": "no number",
    }
    vm = decode_records(VM, answer({"r": plain}))["r"]
    assert vm.vcpus_max == 4
    assert vm.memory_static_max == 2**63 - 1
    assert vm.is_a_template
    assert vm.name_label == "12"
    assert vm.tags == ("a", "7", "b")
    assert vm.other_config == {"a": "b", "n": "5"}
    assert vm.current_operations == {"OpaqueRef:t": "start"}
    assert vm.domid == -1


def test_one_bad_record_does_not_lose_the_others(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    records = decode_records(
        VM,
        answer(
            {
                "OpaqueRef:1": {"name_label": "good", "VCPUs_max": 2},
                "OpaqueRef:2": {"name_label": "odd", "VCPUs_max": [], "VBDs": "x", "domid": 3},
                "OpaqueRef:3": "no record",
                "OpaqueRef:4": None,
                "OpaqueRef:5": {"name_label": "also good"},
            }
        ),
    )
    assert [r.name_label for r in records.values()] == ["good", "odd", "also good"]
    assert (records["OpaqueRef:2"].vcpus_max, records["OpaqueRef:2"].domid) == (0, 3)
    assert "wrong types in VBDs, VCPUs_max" in caplog.text or "VCPUs_max" in caplog.text
    assert "OpaqueRef:3 dropped" in caplog.text


def test_bare_nan_and_infinity() -> None:
    body = b'{"result":{"r":{"progress":NaN,"name_label":"a"},"s":{"progress":-Infinity}},"id":1}'
    tasks = decode_records(Task, body)
    assert math.isnan(tasks["r"].progress)
    assert tasks["r"].name_label == "a"
    assert tasks["s"].progress == -math.inf
    # Also where nobody looks at the field.
    vms = decode_records(VM, b'{"result":{"r":{"HVM_shadow_multiplier":Infinity,"domid":1}}}')
    assert vms["r"].domid == 1


def test_broken_text() -> None:
    body = b'{"result":{"r":{"name_label":"a\xff","uuid":"u"},"s":{"name_label":"\\ud83d!"}}}'
    records = decode_records(VDI, body)
    assert records["r"].name_label == "a�"
    assert records["r"].uuid == "u"
    assert records["s"].name_label == "�!"
    records["s"].name_label.encode()


def test_dirty_references() -> None:
    vm = decode_records(VM, answer({"r": {"resident_on": "Ref:1", "metrics": ""}}))["r"]
    assert [is_null(r) for r in (vm.resident_on, vm.metrics, vm.affinity)] == [True] * 3
    assert not is_null("OpaqueRef:b3")


def test_not_a_map_of_records() -> None:
    for result in ([], "x", 7, None, [{"name_label": "a"}]):
        with pytest.raises(MalformedAnswer):
            decode_records(VM, answer(result))


def test_errors_instead_of_records() -> None:
    for error in ({"code": 1, "message": "X", "data": ["a", 5]}, ["X", "a", 5]):
        for extra in ({}, {"result": None}):
            body = json.dumps({"jsonrpc": "2.0", "error": error, "id": 1, **extra}).encode()
            with pytest.raises(XapiError) as caught:
                decode_records(VM, body)
            assert (caught.value.code, caught.value.params) == ("X", ("a", "5"))
    assert decode_records(VM, b'{"result":{},"error":null,"id":1}') == {}


def test_large_answers_are_cut_between_records() -> None:
    plain = {
        f"OpaqueRef:{i:06}": {
            "name_label": f'vm {i} ,"OpaqueRef:x":{{"',
            "name_description": '},"OpaqueRef:fake":{' * 4,
            "VBDs": [f"OpaqueRef:vbd{i}"],
            "other_config": {"folder": "/a", "i": str(i)},
            "x": "y" * 300,
        }
        for i in range(4000)
    }
    body = compact(plain)
    before = bytes(body)
    records = decode_records(VM, body)
    assert records == decode_records(VM, before)
    assert bytes(body) == before
    assert list(records) == list(plain)
    assert all(r.other_config["i"] == str(int(ref[-6:])) for ref, r in records.items())


def test_large_answers_with_one_odd_record() -> None:
    plain: dict[str, Any] = {
        f"OpaqueRef:{i:06}": {"name_label": f"vm {i}", "x": "y" * 400} for i in range(4000)
    }
    plain["OpaqueRef:002000"]["VCPUs_max"] = "many"
    records = decode_records(VM, compact(plain))
    assert len(records) == 4000
    assert records["OpaqueRef:002000"].name_label == "vm 2000"


def test_large_answers_whose_seams_mislead() -> None:
    """A map of references to maps inside a record looks like a seam, and is none."""
    plain = {
        f"OpaqueRef:{i:06}": {
            "deep": {"OpaqueRef:a": {"b": "c" * 600}, "OpaqueRef:d": {"e": "f"}},
            "name_label": f"vm {i}",
        }
        for i in range(3000)
    }
    records = decode_records(VM, compact(plain))
    assert [r.name_label for r in records.values()] == [f"vm {i}" for i in range(3000)]


def test_one_record_reads_the_same_everywhere() -> None:
    plain = {"name_label": "a", "platform": {"x": "a/b ü \u2028"}, "VBDs": ["OpaqueRef:b"]}
    everywhere = [
        read_record(VM, "r", answer(plain)),
        decode_records(VM, answer({"r": plain}))["r"],
        decode_record(VM, json.dumps(plain).encode(), "r"),
    ]
    assert everywhere[0] == everywhere[1] == everywhere[2]
    odd = b'{"result":{"name_label":"b","HVM_shadow_multiplier":NaN,"platform":{"x":"y"}}}'
    assert read_record(VM, "r", odd).platform == {"x": "y"}
    for wrong in (b'{"result":7}', b'{"id":1}', b"7"):
        with pytest.raises(MalformedAnswer):
            read_record(VM, "r", wrong)
    with pytest.raises(XapiError):
        read_record(VM, "r", b'{"error":["X"]}')


def test_records_are_read_only() -> None:
    with pytest.raises(AttributeError):
        VM(name_label="a").name_label = "b"  # type: ignore[misc]


def test_a_snapshot_keeps_no_larger_buffer_alive() -> None:
    big = bytearray(b'{"other_config":{"a":"b"}}')
    vm = decode_record(VM, bytes(big), "r")
    big.extend(b" ")
    assert vm.other_config == {"a": "b"}


def test_every_record_of_a_real_host(real_world: Path) -> None:
    world = json.loads(real_world.read_text())
    for cls, table in world.items():
        if cls.lower() not in RECORDS:
            continue
        records = decode_records(cls, answer(table))
        assert list(records) == list(table)
        for ref, record in records.items():
            for field in msgspec.structs.fields(type(record)):
                if field.encode_name not in table[ref] or field.name.endswith("_json"):
                    continue
                value = getattr(record, field.name)
                plain = list(value) if isinstance(value, tuple) else value
                assert plain == table[ref][field.encode_name], (cls, field.name)
    for vm in decode_records(VM, answer(world["VM"])).values():
        plain = world["VM"][vm.ref]
        assert vm.platform == plain["platform"]
        assert list(vm.allowed_operations) == plain["allowed_operations"]


@given(
    st.sampled_from(sorted(RECORDS)).flatmap(
        lambda cls: st.tuples(
            st.just(cls),
            st.dictionaries(
                st.sampled_from([f.encode_name for f in msgspec.structs.fields(RECORDS[cls])]),
                JSON,
                max_size=6,
            ),
        )
    )
)
def test_any_values_in_any_field(case: tuple[str, dict[str, Any]]) -> None:
    """Nothing raises, the other record stays, and every field has a value of its own type."""
    cls, fields = case
    good = {"uuid": "good"}
    records: dict[str, Record] = decode_records(cls, answer({"OpaqueRef:a": fields, "b": good}))
    assert records["b"] == RECORDS[cls](ref="b", uuid="good")
    record = records["OpaqueRef:a"]
    assert record.ref == "OpaqueRef:a"
    for field in msgspec.structs.fields(type(record)):
        value = getattr(record, field.name)
        if not isinstance(value, msgspec.Raw):
            msgspec.convert(value, field.type)
    if isinstance(record, VM):
        for name in ("platform", "other_config", "vcpus_params", "snapshot_info"):
            assert all(isinstance(v, str) for v in getattr(record, name).values())
        assert all(isinstance(v, str) for v in record.allowed_operations)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=5))
def test_both_paths_agree(table: dict[str, Any]) -> None:
    """The fast path and the patient one read the same from what both can read."""
    from xolite_qt.xen_api.decoding import _decode_patiently

    patient = _decode_patiently(Host, bytearray(answer(table)))
    fast = decode_records(Host, answer(table))
    assert list(patient) == list(fast)


@given(st.binary(max_size=100))
def test_any_bytes_are_an_answer_or_refused(body: bytes) -> None:
    for read in (decode_answer, lambda b: decode_records(VM, b)):
        try:
            read(body)
        except (MalformedAnswer, XapiError):
            continue


@given(JSON)
def test_any_json_is_an_answer_or_refused(value: Any) -> None:
    for body in (value, {"result": value}, {"error": value}):
        text = json.dumps(body).encode()
        for read in (decode_answer, lambda b: decode_records(VM, b)):
            try:
                read(text)
            except (MalformedAnswer, XapiError):
                continue
