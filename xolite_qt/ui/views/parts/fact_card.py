"""A card of facts, filled anew from records at each news."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xolite_qt.ui import format as fmt
from xolite_qt.ui.widgets import Card, CardGrid, KeyValues


class FactCard(Card):
    """A card of labels and values; `facts` holds them."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.facts = Facts()
        self.add(self.facts)
        self.add_stretch()


class Facts(KeyValues):
    """Labels and values by their kind.

    Values that are None or "" read "–"; what does not apply at all is left out by `drop`.
    """

    def text(self, label: str, value: str | None, *, tip: str = "", mono: bool = False) -> None:
        """A plain value."""
        self.set(label, value, tip=tip, mono=mono)

    def amount(self, label: str, value_bytes: int | None) -> None:
        """Bytes, with the exact number as tooltip; 0 and less read as unknown."""
        known = value_bytes if value_bytes is not None and value_bytes > 0 else None
        tip = f"{fmt.count(known)} bytes" if known else ""
        self.set(label, fmt.size(known) if known else None, tip=tip)

    def yes(self, label: str, value: bool | None) -> None:
        """Yes or No."""
        self.set(label, fmt.yes_no(value) if value is not None else None)

    def when(self, label: str, moment_s: float | None) -> None:
        """An age, with date and time as tooltip."""
        text = fmt.relative(moment_s) if moment_s is not None else None
        self.set(label, text, tip=fmt.absolute(moment_s) if moment_s is not None else "")

    def state(self, label: str, state: str, text: str | None = None) -> None:
        """A state with its disc."""
        self.set_state(label, state, text)

    def tags(self, label: str, tags: Sequence[str]) -> None:
        """Chips."""
        self.set_tags(label, tags)

    def link(
        self,
        label: str,
        name: str | None,
        on_open: Callable[[], object] | None,
        *,
        icon: str | None = None,
        state: str | None = None,
    ) -> None:
        """A name that leads somewhere."""
        self.set(label, name, icon=icon if name else None, state=state, on_open=on_open)

    def drop(self, label: str) -> None:
        """Leave a fact out: it does not apply."""
        if label in self.labels():
            self.remove(label)


class QuickInfo(Card):
    """The facts that one looks for first, in three columns where there is room."""

    def __init__(self) -> None:
        super().__init__("Quick info")
        self.columns = [Facts(), Facts(), Facts()]
        grid = CardGrid(min_column=250, max_columns=3, gap=24)
        for column in self.columns:
            # Rows of columns of unequal length stay in line.
            grid.add_stack(column)
        self.add(grid)
