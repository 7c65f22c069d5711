"""When an object raises alarms, in the units that people think in.

Source: xapi.md 1.9 (names, defaults); `xen_api.messages` (units).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from xolite_qt.xen_api import Watch


@dataclass(frozen=True)
class Kind:
    """A number that perfmon can watch.

    Attributes:
        name: perfmon's.
        label: in words.
        unit: that people use.
        factor: of perfmon's unit in one of people's: 0.01 for a percentage of a fraction.
        default: in people's unit.
        most: largest sensible value, in people's unit.
        low: whether falling below raises it.
    """

    name: str
    label: str
    unit: str
    factor: float
    default: float
    most: float
    low: bool = False


_MIB = 1024.0 * 1024.0
_CPU = Kind("cpu_usage", "CPU usage above", "%", 0.01, 90, 100)
_NETWORK = Kind("network_usage", "Network traffic above", "MiB/s", _MIB, 50, 100_000)
_DISK = Kind("disk_usage", "Disk traffic above", "MiB/s", _MIB, 100, 100_000)
_FREE = Kind("memory_free_kib", "Free memory below", "MiB", 1024.0, 512, 10_000_000, low=True)
_FS = Kind("fs_usage", "System disk of dom0 above", "%", 0.01, 90, 100)
_LOG = Kind("log_fs_usage", "Log disk of dom0 above", "%", 0.01, 90, 100)
_DOM0 = Kind("mem_usage", "Memory of dom0 above", "%", 0.01, 95, 100)
_FULL = Kind("physical_utilisation", "Used space above", "%", 0.01, 85, 100)
_SR = Kind("sr_io_throughput_total_per_host", "Traffic per host above", "MiB/s", 1.0, 100, 100_000)

DOMAIN = "control domain"
"""The VM that runs a host's services: what is inside of it is watched there, not on the host."""

KINDS: Mapping[str, Sequence[Kind]] = {
    "VM": (_CPU, _NETWORK, _DISK),
    "host": (_CPU, _NETWORK, _FREE),
    DOMAIN: (_FS, _LOG, _DOM0),
    "SR": (_FULL, _SR),
}
"""By XAPI's class; the order of the form."""

# A word that perfmon does not know on a host makes it read nothing more of that host's settings.
_MISPLACED = {"host": frozenset(kind.name for kind in KINDS[DOMAIN])}


@dataclass(frozen=True)
class Threshold:
    """One line of the form, in people's units."""

    kind: Kind
    on: bool
    level: float
    period_min: float = 5.0
    silence_min: float = 60.0


def thresholds(cls: str, watches: Sequence[Watch]) -> list[Threshold]:
    """The lines for an object, as they stand on the host."""
    known = {watch.name: watch for watch in watches}
    found = []
    for kind in KINDS[cls]:
        watch = known.get(kind.name)
        if watch is None:
            found.append(Threshold(kind, False, kind.default))
        else:
            level = watch.level / kind.factor
            found.append(Threshold(kind, True, level, watch.period_s / 60, watch.inhibit_s / 60))
    return found


def watches(cls: str, lines: Sequence[Threshold], before: Sequence[Watch]) -> list[Watch]:
    """What is to be written: the lines that are on; what the form does not know is kept."""
    known = {watch.name: watch for watch in before}
    ours = {kind.name for kind in KINDS[cls]} | _MISPLACED.get(cls, frozenset())
    kept = [watch for watch in before if watch.name not in ours]
    made = []
    for line in lines:
        if not line.on:
            continue
        old = known.get(line.kind.name, Watch(line.kind.name, 0.0))
        made.append(
            replace(
                old,
                # 70 % is 0.7, not 0.7000000000000001.
                level=round(line.level * line.kind.factor, 9),
                period_s=line.period_min * 60,
                inhibit_s=line.silence_min * 60,
                others=_sense(line.kind, old),
            )
        )
    return [*kept, *made]


def _sense(kind: Kind, old: Watch) -> dict[str, str]:
    # perfmon takes "high" where nothing is said: low ones have to say so.
    if kind.low:
        return {**old.others, "alarm_trigger_sense": "low"}
    return dict(old.others)
