"""Cards of charts under headings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from xolite_qt.ui.models.stats_sources import SECTIONS
from xolite_qt.ui.views.parts.stats.chart_card import ChartCard
from xolite_qt.ui.widgets import CardGrid, SectionTitle
from xolite_qt.ui.widgets.chart_canvas import Painter
from xolite_qt.ui.widgets.chart_marks import ChartMark
from xolite_qt.ui.widgets.chart_paint import Level
from xolite_qt.ui.widgets.chart_view import ChartView

if TYPE_CHECKING:
    from xolite_qt.ui.models.stats_lines import Plot

__all__ = ["Board"]


class Board(QWidget):
    """The charts of a page, all over one span of time and with one cross-hair.

    Signals:
        wished: the user wants to see a chart in another way.
            args: id of the chart, "each" or "stacked", and whether.
        copy_wanted: the values under the cross-hair should be copied.
    """

    wished = Signal(str, str, bool)
    copy_wanted = Signal()

    def __init__(self, view: ChartView, painter: Painter) -> None:
        super().__init__()
        self.view = view
        self.cards: dict[str, ChartCard] = {}
        self.of = ""
        self._painter = painter
        self._levels: Callable[[Plot], Sequence[Level]] = lambda _plot: ()
        self._marks: tuple[ChartMark, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self._titles: dict[str, SectionTitle] = {}
        self._grids: dict[str, CardGrid] = {}
        for section in SECTIONS:
            title = self._titles[section] = SectionTitle(section)
            grid = self._grids[section] = CardGrid(min_column=380, max_columns=2)
            column.addWidget(title)
            column.addWidget(grid)
            title.hide()
            grid.hide()

    def show_plots(self, plots: Sequence[Plot]) -> None:
        """Show these charts; those that are there already only get other values."""
        for plot in plots:
            card = self.cards.get(plot.id)
            if card is None:
                card = ChartCard(plot, self.view, self._painter, of=self.of)
                card.wished.connect(self.wished)
                card.copy_wanted.connect(self.copy_wanted)
                card.set_levels(self._levels)
                card.set_marks(self._marks)
                self.cards[plot.id] = card
                self._grids[plot.kind.section].add(card)
            else:
                card.show_plot(plot)
            card.show()
        there = {plot.id for plot in plots}
        for chart, card in self.cards.items():
            card.setVisible(chart in there)
        for section, grid in self._grids.items():
            used = any(plot.kind.section == section for plot in plots)
            grid.setVisible(used)
            self._titles[section].setVisible(used)

    def set_levels(self, levels: Callable[[Plot], Sequence[Level]]) -> None:
        """Which thresholds belong to a chart."""
        self._levels = levels
        for card in self.cards.values():
            card.set_levels(levels)

    def set_marks(self, marks: Sequence[ChartMark]) -> None:
        """Mark these moments in all charts."""
        self._marks = tuple(marks)
        for card in self.cards.values():
            card.set_marks(marks)

    def shown_cards(self) -> list[ChartCard]:
        """The charts that are there now, in the order of the page."""
        order = {section: at for at, section in enumerate(SECTIONS)}
        cards = [card for card in self.cards.values() if not card.isHidden()]
        return sorted(cards, key=lambda card: order[card.plot.kind.section])
