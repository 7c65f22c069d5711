"""Measurements of one object over one archive: appended, trimmed, and read into lines.

Values are kept as the host sends them; `lines` are in plain units: fractions of 1, bytes, bytes per
second, load as the kernel counts it. NaN is a gap.

Source: xapi.md 1.8 (names and units); xo-lite.md 3.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xolite_qt.xen_api import Archive

NAN = math.nan
KIB = 1024.0
LATEST_POINTS = 4
"""Points that a "now" is the mean of: one alone jumps about."""

_CORE = re.compile(r"cpu(\d+)")
# Bonds, VLANs and aggregates would count the same bytes twice.
_NIC = re.compile(r"(?:pif_(eth\d+)|vif_(\d+))_(rx|tx)")
_DISK = re.compile(r"vbd_(\w+?)_(read|write)")

Line = Sequence[float]


@dataclass(frozen=True)
class Pair:
    """Two lines that belong together, both in bytes per second.

    Attributes:
        received: `rx` of an interface, or what was read from a disk.
        sent: `tx`, or what was written.
    """

    received: Line
    sent: Line


@dataclass(frozen=True)
class Lines:
    """Measurements in plain units, all lines as long as `times`.

    Attributes:
        times: when, seconds since 1970, oldest first.
        cpu: mean of all cores, 0 to 1; empty where the host tells none.
        cores: per core number, 0 to 1.
        memory_used: bytes; empty for a VM whose guest tools do not tell.
        memory_total: bytes.
        network: per interface (`eth0` of a host, `0` of a VM).
        disk: per device of a VM (`xvda`).
        load: of a host's control domain; empty for a VM.
    """

    times: Line = ()
    cpu: Line = ()
    cores: Mapping[int, Line] = field(default_factory=dict)
    memory_used: Line = ()
    memory_total: Line = ()
    network: Mapping[str, Pair] = field(default_factory=dict)
    disk: Mapping[str, Pair] = field(default_factory=dict)
    load: Line = ()


@dataclass(frozen=True)
class Usage:
    """What an object uses now; None where the host tells nothing.

    Attributes:
        cpu: mean of its cores, 0 to 1.
        memory_used: bytes.
        memory_total: bytes.
    """

    cpu: float | None = None
    memory_used: float | None = None
    memory_total: float | None = None

    @property
    def memory_fraction(self) -> float | None:
        """Used part of the memory, 0 to 1."""
        if self.memory_used is None or not self.memory_total:
            return None
        return self.memory_used / self.memory_total


class ObjectSeries:
    """What was measured of one host or VM, as far back as the archive reaches.

    Attributes:
        times: when, seconds since 1970 by the host's clock, oldest first.
        series: per data source (`cpu0`, `vif_0_rx`, …) one number per time, in the host's units.
    """

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.times: list[float] = []
        self.series: dict[str, list[float]] = {}
        self._lines: Lines | None = None

    def add(self, times: Sequence[float], found: Mapping[str, Sequence[float]]) -> int:
        """Appends rows newer than the newest there; returns how many that were.

        Args:
            times: of the answer, oldest first.
            found: per data source one number per time.
        """
        newest = self.times[-1] if self.times else -math.inf
        if times and times[-1] < newest - self.archive.span_s:
            # The host's clock was set back: what is there would block all that comes.
            self.clear()
            newest = -math.inf
        first = next((i for i, at in enumerate(times) if at > newest), len(times))
        new = len(times) - first
        if not new or (not found and not self.series):
            return 0
        if self.times and times[first] - newest > 1.5 * self.archive.step_s:
            # Nobody asked in between: a gap, not a line from here to there.
            self.times.append(newest + self.archive.step_s)
            for values in self.series.values():
                values.append(NAN)
        for name in found:
            if name not in self.series:
                self.series[name] = [NAN] * len(self.times)
        nothing = [NAN] * new
        for name, values in self.series.items():
            came = found.get(name)
            values.extend(came[first:] if came is not None else nothing)
        self.times.extend(times[first:])
        self._trim()
        self._lines = None
        return new

    def clear(self) -> None:
        """Forgets everything."""
        self.times.clear()
        self.series.clear()
        self._lines = None

    @property
    def lines(self) -> Lines:
        """In plain units; computed once for all who look."""
        if self._lines is None:
            self._lines = read_lines(self.times, self.series)
        return self._lines

    @property
    def usage(self) -> Usage:
        """Now: the mean of the last points."""
        lines = self.lines
        return Usage(latest(lines.cpu), latest(lines.memory_used), latest(lines.memory_total))

    def _trim(self) -> None:
        surplus = len(self.times) - self.archive.points
        if surplus <= 0:
            return
        del self.times[:surplus]
        for name, values in tuple(self.series.items()):
            del values[:surplus]
            if all(map(math.isnan, values)):
                # A disk that was taken out long ago.
                del self.series[name]


def read_lines(times: Sequence[float], series: Mapping[str, Sequence[float]]) -> Lines:
    """Reads the host's data sources into lines in plain units. Pure; copies what it returns."""
    cores: dict[int, Line] = {}
    nics: dict[str, dict[str, Line]] = {}
    disks: dict[str, dict[str, Line]] = {}
    for name, values in series.items():
        if (match := _CORE.fullmatch(name)) is not None:
            cores[int(match[1])] = tuple(values)
        elif (match := _NIC.fullmatch(name)) is not None:
            nics.setdefault(match[1] or match[2], {})[match[3]] = tuple(values)
        elif (match := _DISK.fullmatch(name)) is not None:
            disks.setdefault(match[1], {})[match[2]] = tuple(values)
    cores = dict(sorted(cores.items()))
    cpu: Line = mean(tuple(cores.values()))
    if not cpu:
        cpu = tuple(series.get("cpu_avg") or series.get("cpu_usage") or ())
    used, total = _memory(series)
    blank = (NAN,) * len(times)
    return Lines(
        times=tuple(times),
        cpu=cpu,
        cores=cores,
        memory_used=used,
        memory_total=total,
        network={
            nic: Pair(ways.get("rx", blank), ways.get("tx", blank))
            for nic, ways in sorted(nics.items())
        },
        disk={
            disk: Pair(ways.get("read", blank), ways.get("write", blank))
            for disk, ways in sorted(disks.items())
        },
        load=tuple(series.get("loadavg", ())),
    )


def _memory(series: Mapping[str, Sequence[float]]) -> tuple[Line, Line]:
    if (total := series.get("memory_total_kib")) is not None:
        whole = tuple(value * KIB for value in total)
        free = series.get("memory_free_kib")
    else:
        whole = tuple(series.get("memory", ()))
        free = series.get("memory_internal_free")
    if free is None:
        return (), whole
    used = tuple(
        max(has - rest * KIB, 0.0) if has == has and rest == rest else NAN
        for has, rest in zip(whole, free, strict=True)
    )
    return used, whole


def mean(lines: Sequence[Line]) -> tuple[float, ...]:
    """Point by point over the lines that have a value there; empty without lines."""
    return tuple(_mean(point) for point in zip(*lines, strict=True))


def latest(line: Line, points: int = LATEST_POINTS) -> float | None:
    """Mean of the last points, gaps left out; None where there is nothing."""
    value = _mean(line[-points:])
    return None if math.isnan(value) else value


def _mean(values: Sequence[float]) -> float:
    there = [value for value in values if not math.isnan(value)]
    return sum(there) / len(there) if there else NAN
