"""How a bench says what it found."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One measured figure.

    Attributes:
        what: what was measured.
        figure: the figure; its unit is in `unit`.
        unit: "ratio", "ms", "MiB", "bytes" …
        target: the most that the plan allows, in the same unit; None where there is no target.
        detail: how it came about: both sides of a ratio, percentiles, counts.
        least: the least that is aimed at, for figures where more is better.
    """

    what: str
    figure: float
    unit: str
    target: float | None
    detail: str
    least: float | None = None

    @property
    def met(self) -> bool:
        if self.least is not None and self.figure < self.least:
            return False
        return self.target is None or self.figure <= self.target

    def line(self) -> str:
        target = "" if self.target is None else f" (at most {self.target:g}: {self.verdict})"
        if self.least is not None:
            target = f" (at least {self.least:g}: {self.verdict})"
        return f"{self.what}: {self.figure:.3g} {self.unit}{target}; {self.detail}"

    @property
    def verdict(self) -> str:
        return "met" if self.met else "MISSED"


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` (0..1) of the values lie, by the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def median(values: list[float]) -> float:
    return percentile(values, 0.5)
