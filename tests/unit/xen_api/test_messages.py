"""Stored messages and the alarms among them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.xen_api.scripted_host import ScriptedHost
from xolite_qt.xen_api import Message, Severity, Unit, XenApi, get_alarms, get_since, parse_alarm


def body(name: str, value: str, level: str, more: str = "") -> str:
    """As perfmon writes it (xapi.md 1.9)."""
    return (
        f'value: {value}\nconfig:\n<variable>\n\t<name value="{name}"/>\n'
        f'\t<alarm_trigger_level value="{level}"/>\n{more}</variable>\n'
    )


def message(**fields: Any) -> Message:
    return Message(**{"name": "ALARM", "priority": 3, "timestamp": "20260821T12:00:00Z", **fields})


@pytest.mark.parametrize(
    ("name", "value", "level", "unit", "low"),
    [
        ("cpu_usage", "0.960224", "0.5", Unit.FRACTION, False),
        ("mem_usage", "0.97", "0.95", Unit.FRACTION, False),
        ("fs_usage", "0.91", "0.9", Unit.FRACTION, False),
        ("log_fs_usage", "0.91", "0.9", Unit.FRACTION, False),
        ("physical_utilisation", "0.99", "0.8", Unit.FRACTION, False),
        ("network_usage", "130000000.5", "125000000", Unit.BYTES_PER_S, False),
        ("disk_usage", "130000000", "125000000", Unit.BYTES_PER_S, False),
        ("memory_free_kib", "1000", "1024000", Unit.KIB, True),
        ("memory_internal_free", "1000", "102400", Unit.KIB, True),
        ("sr_io_throughput_total_per_host", "12.5", "10", Unit.MIB_PER_S, False),
        ("sr_io_throughput_total_a1b2c3d4", "12.5", "10", Unit.MIB_PER_S, False),
        ("from_the_future", "1", "2", Unit.UNKNOWN, False),
    ],
)
def test_true_units(name: str, value: str, level: str, unit: Unit, low: bool) -> None:
    alarm = parse_alarm(message(body=body(name, value, level), cls="VM", obj_uuid="u"))
    assert alarm.kind == name
    assert alarm.value == float(value)
    assert alarm.level == float(level)
    assert alarm.unit is unit
    assert alarm.low is low
    assert alarm.period_s == 60
    assert alarm.at == datetime(2026, 8, 21, 12, tzinfo=UTC)
    assert alarm.message.obj_uuid == "u"


def test_period_and_sense_are_read() -> None:
    more = '<alarm_trigger_period value="300"/><alarm_trigger_sense value="low"/>'
    alarm = parse_alarm(message(body=body("cpu_usage", "0.1", "0.2", more)))
    assert alarm.period_s == 300
    assert alarm.low


def test_other_spellings() -> None:
    text = "value: 0.5\nconfig:\n<variable><name value='a&amp;b' /><alarm_trigger_level value='1'/>"
    alarm = parse_alarm(message(body=text))
    assert (alarm.kind, alarm.level) == ("a&b", 1)


@pytest.mark.parametrize(
    ("priority", "severity"),
    [(0, "critical"), (1, "critical"), (2, "error"), (3, "warning"), (4, "info"), (5, "info")],
)
def test_severity(priority: int, severity: str) -> None:
    assert parse_alarm(message(priority=priority)).severity == Severity(severity)


@pytest.mark.parametrize(
    "text",
    ["", "value", "value:", "value: x", "config:\n<variable", "value: nan\n<name value=", "<" * 99],
)
def test_bodies_without_sense(text: str) -> None:
    alarm = parse_alarm(message(body=text, timestamp="soon"))
    assert (alarm.kind, alarm.value, alarm.level, alarm.at) == ("unknown", None, None, None)
    assert alarm.unit is Unit.UNKNOWN


@given(st.text() | st.builds(body, st.text(), st.text(), st.text(), st.text()))
def test_no_body_raises(text: str) -> None:
    alarm = parse_alarm(message(body=text))
    assert alarm.period_s >= 0


@pytest.mark.bench
def test_ten_thousand_alarms_against_one_pass_over_their_text() -> None:
    """A hostile body costs no more than a friendly one of its length."""
    friendly = message(body=body("cpu_usage", "0.96", "0.5") * 60)
    hostile = [
        message(body="<name value=" * 1000),
        message(body='<name value="' + "a" * 12_000),
        message(body="<alarm_trigger_level" + " " * 12_000),
        message(body="value:" + " " * 12_000),
    ]

    def took_s(alarm: Message) -> float:
        began = time.perf_counter()
        for _ in range(50):
            parse_alarm(alarm)
        return time.perf_counter() - began

    usual_s = min(took_s(friendly) for _ in range(3))
    for alarm in hostile:
        assert min(took_s(alarm) for _ in range(3)) < 20 * usual_s


# -- over the wire


async def test_alarms_newest_first(host: ScriptedHost, api: XenApi) -> None:
    asked: list[str] = []

    def where(expression: str) -> Any:
        asked.append(expression)
        # xapi sends every message, whatever the expression.
        return {
            "OpaqueRef:1": {"name": "ALARM", "timestamp": "20260101T00:00:00Z"},
            "OpaqueRef:2": {"name": "VM_STARTED", "timestamp": "20260102T00:00:00Z"},
            "OpaqueRef:3": {"name": "ALARM", "timestamp": "20260103T00:00:00Z", "body": 7},
        }

    host.answers["message.get_all_records_where"] = where
    alarms = await get_alarms(api)
    assert asked == ['field "name"="ALARM"']
    assert list(alarms) == ["OpaqueRef:3", "OpaqueRef:1"]
    assert alarms["OpaqueRef:3"].message.ref == "OpaqueRef:3"


async def test_messages_since(host: ScriptedHost, api: XenApi) -> None:
    host.answers["message.get_since"] = lambda since: {
        "OpaqueRef:1": {"name": "ALARM", "body": since},
        "OpaqueRef:2": {"name": "VM_STARTED"},
    }
    since = datetime(2026, 8, 21, 14, tzinfo=UTC)
    messages = await get_since(api, since)
    assert messages["OpaqueRef:1"].body == "20260821T14:00:00Z"
    assert [m.name for m in messages.values()] == ["ALARM", "VM_STARTED"]
    assert list(await get_alarms(api, since)) == ["OpaqueRef:1"]
