"""Dates of the wire, and the host's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.xen_api.scripted_host import ScriptedHost
from xolite_qt.xen_api import MalformedAnswer, XenApi, clock_offset_s, from_datetime, to_datetime


@pytest.mark.parametrize(
    "text",
    [
        "20260821T12:00:00Z",
        "2026-08-21T12:00:00Z",
        "20260821T12:00:00",
        "20260821T14:00:00+02:00",
        "20260821T07:30:00-0430",
        "2026-08-21 12:00:00.123Z",
        " 20260821T120000Z ",
    ],
)
def test_every_form(text: str) -> None:
    assert to_datetime(text) == datetime(2026, 8, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "20261321T12:00:00Z",
        "20260230T12:00:00Z",
        "00000101T00:00:00Z",
        "20260821",
        "20260821T12:00:00+99:99",
        "19700101T00:00:00Z",
        "1970-01-01T00:00:00",
    ],
)
def test_never(text: str) -> None:
    assert to_datetime(text) is None


@given(
    st.datetimes(
        datetime(1971, 1, 1),
        datetime(2200, 1, 1),
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7, minutes=-30))]),
    )
)
def test_round_trip(date: datetime) -> None:
    assert to_datetime(from_datetime(date)) == date.replace(microsecond=0)


def test_a_date_without_zone_is_utc() -> None:
    assert from_datetime(datetime(2026, 8, 21, 12)) == "20260821T12:00:00Z"


@given(st.text(max_size=30))
def test_any_text_is_a_date_or_none(text: str) -> None:
    date = to_datetime(text)
    assert date is None or date.tzinfo is not None


async def test_the_hosts_clock(host: ScriptedHost, api: XenApi) -> None:
    ahead = timedelta(hours=1)
    host.answers["host.get_servertime"] = lambda ref: from_datetime(datetime.now(UTC) + ahead)
    assert abs(await clock_offset_s(api, "OpaqueRef:h") - 3600) < 1


@pytest.mark.parametrize("answer", [7, "soon", None])
async def test_a_host_without_a_clock(host: ScriptedHost, api: XenApi, answer: Any) -> None:
    host.answers["host.get_servertime"] = lambda ref: answer
    with pytest.raises(MalformedAnswer):
        await clock_offset_s(api, "OpaqueRef:h")
