"""What the data sources of hosts and VMs mean: which chart, of which device, in which unit. Pure.

Source: xapi.md 1.8 (names and units); xo-lite.md 3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from xolite_qt.ui.charts.scale import ChartUnit

KIB = 1024.0
MIB = 1024.0 * 1024.0

ItemKind = Literal["", "core", "vif", "pif", "vbd", "sr", "host"]
"""What the devices of a chart are; "" where it is about the object as a whole."""

How = Literal["sum", "mean"]
"""How devices add up to the object."""

OTHER = "other"
"""Begin of the ids of charts of sources that are not known, one per unit."""


@dataclass(frozen=True)
class ChartKind:
    """A chart that there may be.

    Attributes:
        id: lasting.
        title: of its card.
        section: heading that it stands under.
        unit: of its values.
        how: how devices add up to the object.
        ways: words of the lines of one device, in their order; one without words is named after
            its device alone.
        stacked: whether it begins stacked; None where stacking makes no sense.
        top: the axis ends no lower.
        about: a sentence for who does not know the number.
    """

    id: str
    title: str
    section: str
    unit: ChartUnit
    how: How = "sum"
    ways: tuple[tuple[str, str], ...] = (("", ""),)
    stacked: bool | None = None
    top: float = 0.0
    about: str = ""


@dataclass(frozen=True)
class Reading:
    """What a data source says.

    Attributes:
        chart: id of its chart; "" for one that only repeats others.
        item_kind: what it is of.
        item: which: number of a core, device of an interface or disk, begin of an SR's uuid.
        way: which line of that.
        factor: of the chart's unit in one of the host's.
    """

    chart: str
    item_kind: ItemKind = ""
    item: str = ""
    way: str = ""
    factor: float = 1.0


_RXTX = (("rx", "received"), ("tx", "sent"))
_READ_WRITE = (("read", "read"), ("write", "written"))
_READS_WRITES = (("read", "reads"), ("write", "writes"), ("total", "all"))

SECTIONS = ("Hosts", "CPU", "Memory", "Network", "Disks", "Storage", "Toolstack", "System", "Other")
"""Headings in the order of the page."""

KINDS: tuple[ChartKind, ...] = (
    ChartKind("cpu", "CPU usage", "CPU", "percent", how="mean", stacked=True, top=1.0),
    ChartKind(
        "runstate", "CPU states", "CPU", "percent", stacked=True, top=1.0,
        ways=(
            ("fullrun", "All run"), ("partial_run", "Some run, some idle"),
            ("concurrency_hazard", "Some run, some wait"),
            ("partial_contention", "Some wait, some idle"), ("full_contention", "All wait"),
            ("blocked", "All idle"),
        ),
        about="How the virtual processors spend their time; waiting means that the host is busy",
    ),
    ChartKind("load", "Load average", "CPU", "count", ways=(("", "Load"),), top=1.0),
    ChartKind("frequency", "CPU frequency", "CPU", "hertz", how="mean"),
    ChartKind("cstates", "Idle states", "CPU", "percent", how="mean", top=1.0),
    ChartKind("pstates", "Speed states", "CPU", "percent", how="mean", top=1.0),
    ChartKind(
        "memory", "RAM usage", "Memory", "bytes",
        ways=(("used", "Used"), ("assigned", "Assigned"), ("target", "Target")),
    ),
    ChartKind(
        "reclaimed", "RAM reclaimed by ballooning", "Memory", "bytes",
        ways=(("reclaimed", "Reclaimed"), ("max", "Could be reclaimed")),
    ),
    ChartKind("network", "Network throughput", "Network", "rate", ways=_RXTX, stacked=False),
    ChartKind("logical", "Bonds and VLANs", "Network", "rate", ways=_RXTX, stacked=False),
    ChartKind("network_errors", "Network errors", "Network", "per_second", ways=_RXTX),
    ChartKind("disk", "Disk throughput", "Disks", "rate", ways=_READ_WRITE, stacked=False),
    ChartKind("iops", "Disk operations", "Disks", "per_second", ways=_READS_WRITES, stacked=False),
    ChartKind("latency", "Disk latency", "Disks", "seconds", how="mean", ways=_READS_WRITES),
    ChartKind("iowait", "Waiting for disks", "Disks", "percent", how="mean"),
    ChartKind("inflight", "Disk operations under way", "Disks", "count", stacked=False),
    ChartKind("queue", "Disk queue length", "Disks", "count", stacked=False),
    ChartKind(
        "io_throughput", "Storage throughput", "Disks", "rate", ways=(*_READ_WRITE, ("total", "")),
        stacked=False,
    ),
    ChartKind(
        "xapi_memory", "Toolstack memory", "Toolstack", "bytes",
        ways=(("usage", "In all"), ("live", "In use"), ("free", "Free")),
    ),
    ChartKind(
        "toolstack", "Toolstack work", "Toolstack", "count",
        ways=(("tasks", "Tasks"), ("sessions", "Sessions")),
    ),
    ChartKind("fds", "Open files of the toolstack", "Toolstack", "count", ways=(("", "Files"),)),
    ChartKind(
        "domains", "Running", "System", "count",
        ways=(("domains", "VMs"), ("vcpus", "Virtual processors")),
    ),
    ChartKind("power", "Power", "System", "watts", ways=(("", "Power"),)),
    ChartKind(
        "tapdisks", "Disk processes short of memory", "System", "count", ways=(("", "Processes"),)
    ),
)  # fmt: skip
"""All charts, in the order of the page."""

BY_ID = {kind.id: kind for kind in KINDS}

_PLAIN: dict[str, Reading] = {
    "cpu_usage": Reading("cpu", way="all"),
    "cpu_avg": Reading("cpu", way="all"),
    "loadavg": Reading("load"),
    "memory": Reading("memory", way="assigned"),
    "memory_target": Reading("memory", way="target"),
    "memory_internal_free": Reading("memory", way="free", factor=KIB),
    "memory_total_kib": Reading("memory", way="assigned", factor=KIB),
    "memory_free_kib": Reading("memory", way="free", factor=KIB),
    "memory_reclaimed": Reading("reclaimed", way="reclaimed"),
    "memory_reclaimed_max": Reading("reclaimed", way="max"),
    "xapi_memory_usage_kib": Reading("xapi_memory", way="usage", factor=KIB),
    "xapi_live_memory_kib": Reading("xapi_memory", way="live", factor=KIB),
    "xapi_free_memory_kib": Reading("xapi_memory", way="free", factor=KIB),
    "pool_task_count": Reading("toolstack", way="tasks"),
    "pool_session_count": Reading("toolstack", way="sessions"),
    "xapi_open_fds": Reading("fds"),
    "running_domains": Reading("domains", way="domains"),
    "running_vcpus": Reading("domains", way="vcpus"),
    "DCMI-power-reading": Reading("power"),
    "Tapdisks_in_low_memory_mode": Reading("tapdisks"),
    # The sum over what is there by itself.
    "pif_aggr_rx": Reading(""),
    "pif_aggr_tx": Reading(""),
}

_WAY = r"(?P<way>read|write|total)"
_VBD = r"vbd_(?P<item>\w+?)_"
_SR = r"_(?P<item>[0-9a-f]{8})"
_FORMS: tuple[tuple[str, str, ItemKind, float], ...] = (
    (r"cpu(?P<item>\d+)", "cpu", "core", 1.0),
    (r"runstate_(?P<way>\w+)", "runstate", "", 1.0),
    (r"CPU(?P<item>\d+)-avg-freq", "frequency", "core", 1e6),
    (r"cpu(?P<item>\d+)-(?P<way>C\d+)", "cstates", "core", 1.0),
    (r"cpu(?P<item>\d+)-(?P<way>P\d+)", "pstates", "core", 1.0),
    (r"vif_(?P<item>\d+)_(?P<way>rx|tx)", "network", "vif", 1.0),
    (r"vif_(?P<item>\d+)_(?P<way>rx|tx)_errors", "network_errors", "vif", 1.0),
    (r"pif_(?P<item>eth\d+)_(?P<way>rx|tx)", "network", "pif", 1.0),
    (r"pif_(?P<item>eth\d+)_(?P<way>rx|tx)_errors", "network_errors", "pif", 1.0),
    (r"pif_(?P<item>[\w.]+?)_(?P<way>rx|tx)", "logical", "pif", 1.0),
    (_VBD + r"(?P<way>read|write)", "disk", "vbd", 1.0),
    (_VBD + r"iops_" + _WAY, "iops", "vbd", 1.0),
    (_VBD + r"(?P<way>read|write)_latency", "latency", "vbd", 1e-6),
    (_VBD + r"latency", "latency", "vbd", 1e-6),
    (_VBD + r"iowait", "iowait", "vbd", 1.0),
    (_VBD + r"inflight", "inflight", "vbd", 1.0),
    (_VBD + r"avgqu_sz", "queue", "vbd", 1.0),
    (_VBD + r"io_throughput_" + _WAY, "io_throughput", "vbd", MIB),
    (r"io_throughput_" + _WAY + _SR, "io_throughput", "sr", MIB),
    (r"iops_" + _WAY + _SR, "iops", "sr", 1.0),
    (r"(?P<way>read|write)_latency" + _SR, "latency", "sr", 1e-6),
    (r"latency" + _SR, "latency", "sr", 1e-6),
    (r"iowait" + _SR, "iowait", "sr", 1.0),
    (r"inflight" + _SR, "inflight", "sr", 1.0),
    (r"avgqu_sz" + _SR, "queue", "sr", 1.0),
)
_COMPILED = tuple((re.compile(form), chart, kind, factor) for form, chart, kind, factor in _FORMS)

_UNITS: dict[str, tuple[ChartUnit, float]] = {
    "(fraction)": ("percent", 1.0),
    "%": ("percent", 0.01),
    "b": ("bytes", 1.0),
    "bytes": ("bytes", 1.0),
    "kib": ("bytes", KIB),
    "mib": ("bytes", MIB),
    "b/s": ("rate", 1.0),
    "bytes/s": ("rate", 1.0),
    "kib/s": ("rate", KIB),
    "mib/s": ("rate", MIB),
    "s": ("seconds", 1.0),
    "ms": ("seconds", 1e-3),
    "milliseconds": ("seconds", 1e-3),
    "us": ("seconds", 1e-6),
    "μs": ("seconds", 1e-6),
    "microseconds": ("seconds", 1e-6),
    "w": ("watts", 1.0),
    "mhz": ("hertz", 1e6),
    "hz": ("hertz", 1.0),
    "°c": ("celsius", 1.0),
}

_GUESSES: tuple[tuple[re.Pattern[str], ChartUnit, float], ...] = (
    (re.compile(r".*_kib"), "bytes", KIB),
    (re.compile(r".*_(bytes|size)"), "bytes", 1.0),
    (re.compile(r".*_(rx|tx)"), "rate", 1.0),
    (re.compile(r".*(_|-)latency.*"), "seconds", 1e-6),
    (re.compile(r".*-freq"), "hertz", 1e6),
    (re.compile(r".*(_|-)(watts|power).*", re.IGNORECASE), "watts", 1.0),
    (re.compile(r".*(_|-)temp(erature)?(_|-|$).*", re.IGNORECASE), "celsius", 1.0),
)

_OTHER_TITLES: dict[str, str] = {
    "percent": "Other shares",
    "bytes": "Other sizes",
    "rate": "Other rates",
    "count": "Other numbers",
    "per_second": "Other events per second",
    "seconds": "Other times",
    "watts": "Other power",
    "hertz": "Other frequencies",
    "celsius": "Temperatures",
}


def read_source(name: str) -> Reading | None:
    """What a data source says; None for one that is not known."""
    plain = _PLAIN.get(name)
    if plain is not None:
        return plain
    for form, chart, kind, factor in _COMPILED:
        if (match := form.fullmatch(name)) is not None:
            found = match.groupdict()
            way = found.get("way") or ""
            if chart == "runstate" and way not in dict(BY_ID[chart].ways):
                return None
            return Reading(chart, kind, found.get("item") or "", way, factor)
    return None


def unit_of(name: str, told: str = "") -> tuple[ChartUnit, float]:
    """The unit of a source that is not known, and how many of it are one of the host's.

    Args:
        name: of the source.
        told: its unit as the host tells it; "" where it was not asked.
    """
    said = told.strip().lower()
    if said in _UNITS:
        return _UNITS[said]
    if said.endswith("/s"):
        return "per_second", 1.0
    if not said:
        for form, unit, factor in _GUESSES:
            if form.fullmatch(name) is not None:
                return unit, factor
    return "count", 1.0


def other_kind(unit: ChartUnit) -> ChartKind:
    """The chart of sources that are not known, in one unit."""
    return ChartKind(f"{OTHER}.{unit}", _OTHER_TITLES[unit], "Other", unit, stacked=False)
