"""`/rrd_updates` and the full archives over HTTP.

Source: xapi.md 1.8.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import msgspec
import numpy as np
from aiohttp import web

from .metrics_sources import Source, all_vm_sources, host_sources, sr_sources, vm_sources
from .registry import Failure, http_route, install

if TYPE_CHECKING:
    from .host import DemoHost

ARCHIVES = ((5, 120), (60, 120), (3600, 168), (86400, 366))
"""(seconds a row, rows), finest first."""

AT_ONCE = 500
"""VMs whose curves are computed in one go."""

_FUNCTIONS = ("AVERAGE", "MIN", "MAX", "LAST")


@dataclass
class MetricsForm:
    """How answers look: hosts of different ages tell the same in different ways.

    Attributes:
        data_in_meta: `data` sits inside `meta` (a while before xapi 24.11).
        bare_numbers: numbers and bare NaN instead of strings (older hosts).
        asked: the queries that came, newest last; for tests.
    """

    data_in_meta: bool = False
    bare_numbers: bool = False
    asked: list[dict[str, str]] | None = None


@install
def _install(host: DemoHost) -> None:
    host.metrics = MetricsForm(asked=[])


def pick_archive(age_s: float, interval_s: int) -> tuple[int, int]:
    """The finest archive that reaches back so far and is not finer than asked for."""
    fitting = [archive for archive in ARCHIVES if archive[0] >= interval_s] or [ARCHIVES[-1]]
    for step_s, rows in fitting:
        if age_s <= step_s * rows:
            return step_s, rows
    return fitting[-1]


def row_times(now_s: float, start_s: float, interval_s: int) -> tuple[int, list[int]]:
    """The step, and the times of the rows after `start_s`, newest first."""
    step_s, rows = pick_archive(now_s - start_s, interval_s)
    end_s = int(now_s // step_s * step_s)
    first_s = max(int(math.floor(start_s / step_s) + 1) * step_s, end_s - (rows - 1) * step_s)
    return step_s, list(range(end_s, first_s - 1, -step_s))


def spelled(value: float) -> str:
    """A value as rrdd writes it."""
    text = f"{value:.15g}"
    # Most are plain fractions: the rest is looked at only where there is no point.
    if "." in text:
        return text
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return text if "e" in text else f"{text}.0"


@http_route("GET", "/rrd_updates")
async def rrd_updates(host: DemoHost, request: web.Request) -> web.StreamResponse:
    """Rows since a moment, of this host and its VMs."""
    query = request.query
    if host.metrics.asked is not None:
        host.metrics.asked.append({k: v for k, v in query.items() if k != "session_id"})
    try:
        start_s = float(query["start"])
        interval_s = int(query.get("interval", "5"))
        if not math.isfinite(start_s):
            raise ValueError(start_s)
    except (KeyError, ValueError):
        return web.Response(status=400, text="<h1>HTTP 400 bad request</h1>")
    now_s = host.clock.time_s()
    if start_s < 0:
        start_s = now_s + start_s
    step_s, times = row_times(now_s, start_s, interval_s)
    # A row stands for the step that ends with it.
    middles = np.array(times, dtype=np.float64) - step_s / 2
    sources = await _wanted(host, query.get("host") == "true", request, middles)
    wish = query.get("cf", "AVERAGE").upper()
    functions = (wish,) if wish in _FUNCTIONS else _FUNCTIONS[:1]
    legend = [f"{f}:{s.kind}:{s.uuid}:{s.name}" for f in functions for s in sources]
    columns = [s.values for _ in functions for s in sources]
    if _as_json(request):
        return web.Response(
            body=_json_body(host.metrics, times, step_s, legend, columns),
            headers={"Content-Type": "application/json"},
        )
    return web.Response(
        text=_xml_body(times, step_s, legend, columns), headers={"Content-Type": "text/xml"}
    )


async def _wanted(
    host: DemoHost, with_host: bool, request: web.Request, times: np.ndarray
) -> list[Source]:
    here = request.transport.get_extra_info("sockname") if request.transport else None
    db, me = host.db, host.host_at(str(here[0]) if here else "")
    asked = request.query.getall("vm_uuid", [])
    sources: list[Source] = []
    if with_host and db.exists("host", me):
        sources += host_sources(host, me, times)
    named = set(asked)
    vms = [ref for ref in _resident(host, me) if not asked or db.get("VM", ref)["uuid"] in named]
    for first in range(0, len(vms), AT_ONCE):
        batch = [ref for ref in vms[first : first + AT_ONCE] if db.exists("VM", ref)]
        sources += all_vm_sources(host, batch, times)
        # Others are served in between.
        await asyncio.sleep(0)
    for uuid in request.query.getall("sr_uuid", []):
        with contextlib.suppress(Failure):
            sources += sr_sources(host, db.by_uuid("SR", uuid), times)
    return sources


def _resident(host: DemoHost, me: str) -> list[str]:
    db = host.db
    if not db.exists("host", me):
        return []
    refs = db.get("host", me)["resident_VMs"]
    return [
        ref
        for ref in refs
        if db.exists("VM", ref)
        and not db.get("VM", ref)["is_control_domain"]
        and db.get("VM", ref)["power_state"] in ("Running", "Paused")
    ]


def _as_json(request: web.Request) -> bool:
    accept = request.headers.get("Accept")
    if accept is not None:
        return "json" in accept or "*/*" in accept
    return "json" in request.query


def _json_body(
    form: MetricsForm, times: list[int], step_s: int, legend: list[str], columns: list[np.ndarray]
) -> bytes:
    table = np.array(columns).T.tolist() if columns else [[] for _ in times]
    meta: dict[str, object] = {
        "start": (times[-1] - step_s) if times else 0,
        "step": step_s,
        "end": times[0] if times else 0,
        "rows": len(times),
        "columns": len(legend),
        "legend": legend,
    }
    if form.bare_numbers:
        rows = ",".join(
            f'{{"t":{t},"values":[{",".join(spelled(v) for v in row)}]}}'
            for t, row in zip(times, table, strict=True)
        )
        data: object = msgspec.Raw(f"[{rows}]".encode())
    else:
        data = [
            {"t": t, "values": [spelled(v) for v in row]}
            for t, row in zip(times, table, strict=True)
        ]
    if form.data_in_meta:
        return msgspec.json.encode({"meta": {**meta, "data": data}})
    return msgspec.json.encode({"meta": meta, "data": data})


def _xml_body(times: list[int], step_s: int, legend: list[str], columns: list[np.ndarray]) -> str:
    entries = "".join(f"<entry>{escape(name)}</entry>" for name in legend)
    rows = "".join(
        f"<row><t>{t}</t>{''.join(f'<v>{spelled(float(c[at]))}</v>' for c in columns)}</row>"
        for at, t in enumerate(times)
    )
    end = times[0] if times else 0
    start = (times[-1] - step_s) if times else 0
    return (
        f"<xport><meta><start>{start}</start><step>{step_s}</step><end>{end}</end>"
        f"<rows>{len(times)}</rows><columns>{len(legend)}</columns>"
        f"<legend>{entries}</legend></meta><data>{rows}</data></xport>"
    )


def _dump(host: DemoHost, make: object, ref: str) -> web.Response:
    assert callable(make)
    now_s = host.clock.time_s()
    archives = []
    names: list[str] = []
    for step_s, rows in ARCHIVES:
        end_s = int(now_s // step_s * step_s)
        times = [end_s - step_s * (rows - 1 - at) for at in range(rows)]
        sources: list[Source] = make(host, ref, np.array(times, dtype=np.float64) - step_s / 2)
        names = [source.name for source in sources]
        lines = "".join(
            f"<row>{''.join(f'<v>{spelled(float(s.values[at]))}</v>' for s in sources)}</row>"
            for at in range(rows)
        )
        archives.append(
            f"<rra><cf>AVERAGE</cf><pdp_per_row>{step_s // 5}</pdp_per_row>"
            f"<params><xff>0.5</xff></params><database>{lines}</database></rra>"
        )
    sources_xml = "".join(
        f"<ds><name>{escape(name)}</name><type>GAUGE</type>"
        "<minimal_heartbeat>300</minimal_heartbeat><min>0.0</min><max>Infinity</max></ds>"
        for name in names
    )
    body = (
        "<?xml version='1.0'?><rrd><version>0003</version><step>5</step>"
        f"<lastupdate>{now_s:.0f}</lastupdate>{sources_xml}{''.join(archives)}</rrd>"
    )
    return web.Response(text=body, headers={"Content-Type": "text/xml", "Connection": "close"})


@http_route("GET", "/host_rrd")
@http_route("GET", "/host_rrds")
async def host_rrd(host: DemoHost, request: web.Request) -> web.StreamResponse:
    """All archives of this host."""
    return _dump(host, host_sources, host.this_host)


@http_route("GET", "/vm_rrd")
@http_route("GET", "/vm_rrds")
async def vm_rrd(host: DemoHost, request: web.Request) -> web.StreamResponse:
    """All archives of a VM."""
    try:
        ref = host.db.by_uuid("VM", request.query.get("uuid", ""))
    except Failure:
        return web.Response(status=404, text="<h1>HTTP 404 not found</h1>")
    return _dump(host, vm_sources, ref)


@http_route("GET", "/sr_rrd")
async def sr_rrd(host: DemoHost, request: web.Request) -> web.StreamResponse:
    """All archives of a storage repository."""
    try:
        ref = host.db.by_uuid("SR", request.query.get("uuid", ""))
    except Failure:
        return web.Response(status=404, text="<h1>HTTP 404 not found</h1>")
    return _dump(host, sr_sources, ref)
