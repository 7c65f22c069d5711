"""Measurements in every form that hosts have sent them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.xen_api.scripted_host import ScriptedHost
from xolite_qt.xen_api import (
    ARCHIVES,
    TEN_MINUTES,
    TWO_HOURS,
    Column,
    MalformedAnswer,
    MemoryPins,
    MetricsAnswer,
    MetricsFeed,
    SessionInvalid,
    XenApi,
)
from xolite_qt.xen_api.metrics import parse_rrd_updates

LEGEND = ["AVERAGE:vm:u-1:cpu0", "AVERAGE:host:u-2:pif_eth0:1/rx", "nonsense", "AVERAGE:dog:u:x"]
CPU = Column("AVERAGE", "vm", "u-1", "cpu0")
RX = Column("AVERAGE", "host", "u-2", "pif_eth0:1/rx")


def updates(*, inside: bool = False, rows: list[Any] | None = None, **meta: Any) -> dict[str, Any]:
    rows = (
        [
            {"t": 1010, "values": ["0.25", "NaN", "1", "2"]},
            {"t": 1005, "values": ["0.5", "1e3", "1", "2"]},
        ]
        if rows is None
        else rows
    )
    whole = {"start": 1000, "step": 5, "end": 1010, "legend": LEGEND, **meta}
    return {"meta": {**whole, "data": rows}} if inside else {"meta": whole, "data": rows}


def check(answer: MetricsAnswer) -> None:
    assert (answer.start_s, answer.step_s, answer.end_s) == (1000, 5, 1010)
    assert answer.columns == [CPU, RX]
    assert answer.times == [1005, 1010]
    assert answer.values[0] == [0.5, 0.25]
    assert answer.values[1][0] == 1000
    assert math.isnan(answer.values[1][1])


@pytest.mark.parametrize("inside", [False, True])
def test_texts(inside: bool) -> None:
    check(parse_rrd_updates(json.dumps(updates(inside=inside)).encode()))


@pytest.mark.parametrize("inside", [False, True])
def test_bare_numbers_and_nan(inside: bool) -> None:
    rows = [{"t": 1010, "values": [0.25, math.nan, 1, 2]}, {"t": 1005, "values": [0.5, 1000, 1, 2]}]
    body = json.dumps(updates(inside=inside, rows=rows))
    assert "NaN" in body
    check(parse_rrd_updates(body.encode()))


def test_xml() -> None:
    legend = "".join(f"<entry>{entry}</entry>" for entry in LEGEND)
    check(
        parse_rrd_updates(
            f"""<?xml version="1.0"?>
            <xport><meta><start>1000</start><step>5</step><end>1010</end><rows>2</rows>
            <columns>4</columns><legend>{legend}</legend></meta><data>
            <row><t>1010</t><v>0.2500</v><v>NaN</v><v>1</v><v>2</v></row>
            <row><t>1005</t><v>0.5000</v><v>1e+03</v><v>1</v><v>2</v></row></data></xport>""".encode()
        )
    )


def test_infinity_is_a_gap_and_short_rows_are_filled() -> None:
    rows = [{"t": 1005, "values": ["Infinity"]}, {"t": 1010, "values": ["-Infinity", "1", "", "x"]}]
    answer = parse_rrd_updates(json.dumps(updates(rows=rows)).encode())
    assert [math.isnan(v) for v in answer.values[0]] == [True, True]
    assert [math.isnan(v) for v in answer.values[1]] == [True, False]


def test_nothing_new() -> None:
    answer = parse_rrd_updates(json.dumps(updates(rows=[])).encode())
    assert answer.times == []
    assert answer.values == [[], []]


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b"<xport>", b"<html></html>", b'{"meta":7}', b"<!DOCTYPE a><a/>"],
)
def test_what_is_no_measurement(body: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        parse_rrd_updates(body)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_measurements_or_refused(body: bytes) -> None:
    for whole in (body, b"<xport>" + body + b"</xport>"):
        try:
            parse_rrd_updates(whole)
        except MalformedAnswer:
            continue


def test_archives() -> None:
    assert [(a.step_s, a.points) for a in ARCHIVES] == [
        (5, 120),
        (60, 120),
        (3600, 168),
        (86400, 366),
    ]
    assert TEN_MINUTES.span_s == 600


# -- over the wire


async def serve(host: ScriptedHost, answer: dict[str, Any]) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response(answer)

    host.routes["/rrd_updates"] = handler


async def test_the_question(host: ScriptedHost, api: XenApi) -> None:
    await serve(host, updates())
    check(await api.metrics(start_s=1000.7, interval_s=5))
    await api.metrics(start_s=-600, interval_s=60, host=False, vm_uuid="u-1")
    first, second = host.requests
    assert dict(first.query) == {
        "start": "1000",
        "interval": "5",
        "cf": "AVERAGE",
        "json": "true",
        "host": "true",
    }
    assert second.query["start"] == "-600"
    assert second.query["vm_uuid"] == "u-1"
    assert "host" not in second.query
    assert first.headers["Accept"] == "application/json"
    # The session is a cookie: URLs end up in logs.
    assert "session" not in first.path_qs
    assert first.cookies["session_id"] in host.sessions


async def test_another_host_of_the_pool(host: ScriptedHost, api: XenApi) -> None:
    await serve(host, updates())
    check(await api.metrics(host_address=f"127.0.0.1:{host.port}", start_s=0, interval_s=5))


async def test_an_expired_session(host: ScriptedHost, api: XenApi) -> None:
    await serve(host, updates())
    host.expire_sessions()
    check(await api.metrics(start_s=1000, interval_s=5))
    async with XenApi(host.url, pins=MemoryPins()) as stranger:
        with pytest.raises(SessionInvalid):
            await stranger.metrics(start_s=1000, interval_s=5)


# -- kept up to date


def rows(start: int, count: int, step: int = 5) -> list[Any]:
    return [
        {"t": start + i * step, "values": [str(i), "1", "0", "0"]} for i in reversed(range(count))
    ]


async def test_a_feed_asks_only_for_what_is_new(host: ScriptedHost, api: XenApi) -> None:
    now = [2000.0]
    feed = MetricsFeed(api, TEN_MINUTES, host_clock=lambda: now[0])
    await serve(host, updates(rows=rows(1405, 119), end=1995))
    assert await feed.poll() == 119
    assert host.requests[-1].query["start"] == str(2000 - 595)
    # The last row comes again: it is not doubled.
    await serve(host, updates(rows=rows(1995, 3), end=2005))
    now[0] = 2006
    assert await feed.poll() == 2
    assert host.requests[-1].query["start"] == "1995"
    assert len(feed.times) == 120
    assert feed.times == [1410 + 5 * i for i in range(120)]
    assert feed.series[CPU][-3:] == [118, 1, 2]


async def test_a_feed_that_slept_starts_over(host: ScriptedHost, api: XenApi) -> None:
    now = [2000.0]
    feed = MetricsFeed(api, TEN_MINUTES, host_clock=lambda: now[0])
    await serve(host, updates(rows=rows(1405, 119), end=1995))
    await feed.poll()
    now[0] = 9000
    await serve(host, updates(rows=rows(8405, 119), end=8995))
    await feed.poll()
    assert host.requests[-1].query["start"] == str(9000 - 595)
    assert len(feed.times) == 120
    assert feed.times[0] == 1995
    assert feed.times[-1] == 8995


async def test_columns_come_and_go(api: XenApi) -> None:
    feed = MetricsFeed(api, TEN_MINUTES)
    other = Column("AVERAGE", "vm", "u-9", "cpu0")
    feed.merge(MetricsAnswer(0, 10, 5, [CPU], [5, 10], [[1, 2]]))
    feed.merge(MetricsAnswer(10, 15, 5, [other], [15], [[3]]))
    assert [math.isnan(v) for v in feed.series[other]] == [True, True, False]
    assert [math.isnan(v) for v in feed.series[CPU]] == [False, False, True]
    times = [15.0 + 5 * i for i in range(1, 121)]
    feed.merge(MetricsAnswer(15, times[-1], 5, [other], times, [[3.0] * 120]))
    assert list(feed.series) == [other]
    assert len(feed.times) == len(feed.series[other]) == 120


async def test_a_coarser_answer_is_not_mixed_in(api: XenApi) -> None:
    feed = MetricsFeed(api, TWO_HOURS)
    assert feed.merge(MetricsAnswer(0, 3600, 3600, [CPU], [3600], [[1]])) == 0
    assert feed.times == []
