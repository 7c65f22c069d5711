"""What a dashboard shows of sums: usages, counts, and from where they warn. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xolite_qt.stores import HostRow
from xolite_qt.ui.models import host_facts

CPU_WARNING = 1.0
CPU_DANGER = 3.0
"""vCPUs per CPU from which provisioning is worth a warning, and dangerous.

Source: specs/xo-lite.md 1.2.
"""


@dataclass(frozen=True)
class Usage:
    """How much of something is used.

    Attributes:
        ref: of the object.
        used, total: in one unit: bytes, or a fraction and 1.
    """

    ref: str
    name: str
    used: float
    total: float

    @property
    def fraction(self) -> float:
        """0 to 1; 0 where there is nothing to use."""
        return self.used / self.total if self.total > 0 else 0.0


@dataclass(frozen=True)
class HostCounts:
    """Hosts by state."""

    running: int
    disabled: int
    halted: int

    @property
    def total(self) -> int:
        """All hosts."""
        return self.running + self.disabled + self.halted


def host_counts(rows: Iterable[HostRow]) -> HostCounts:
    """Hosts by state."""
    count = {"running": 0, "disabled": 0, "halted": 0}
    for row in rows:
        count[host_facts.state_of(row.host, row.metrics)] += 1
    return HostCounts(**count)


def provisioning_level(fraction: float) -> str | None:
    """The accent of a provisioning bar: None, 'warning' or 'danger'."""
    if fraction >= CPU_DANGER:
        return "danger"
    return "warning" if fraction >= CPU_WARNING else None
