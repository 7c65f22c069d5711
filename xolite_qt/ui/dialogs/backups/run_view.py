"""A run while it goes on, and afterwards: how far, how fast, which way, and what was said."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QGuiApplication,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QStyleOptionViewItem,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from xolite_qt.backup.runs.events import Event, RunSpec
from xolite_qt.backup.runs.state import RunState
from xolite_qt.stores.backup_rows import RunRow, run_row
from xolite_qt.stores.backups import BackupStores, RunWatch
from xolite_qt.ui import format as fmt
from xolite_qt.ui import theme
from xolite_qt.ui.icons import icon
from xolite_qt.ui.models import backup_run_tree as tree
from xolite_qt.ui.models import backup_words as words
from xolite_qt.ui.models.backup_run_tree import TONE_ROLE, RunTreeModel
from xolite_qt.ui.models.roles import KIND_ROLE
from xolite_qt.ui.widgets.badges import StateBadge
from xolite_qt.ui.widgets.delegates import CellDelegate
from xolite_qt.ui.widgets.hero import Hero
from xolite_qt.ui.widgets.progress import ProgressBar
from xolite_qt.ui.widgets.stat import Stat
from xolite_qt.ui.widgets.text import TextLabel

_WIDTHS = {
    tree.PROGRESS: 160,
    tree.SPEED: 106,
    tree.WAY: 166,
    tree.READ: 88,
    tree.TRANSFERRED: 104,
    tree.WRITTEN: 88,
}
_LEAST_NAME_PX = 190


class _Delegate(CellDelegate):
    """Notes over all columns, in the colour of what they mean."""

    def _kind(self, index: QModelIndex | QPersistentModelIndex) -> object:
        # Rows differ here: a note in a column of bars is text.
        return index.data(KIND_ROLE)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Override CellDelegate::paint."""
        tone = index.data(TONE_ROLE)
        if tone is None:
            super().paint(painter, option, index)
            return
        box = QRect(option.rect)
        painter.save()
        if tone != "secondary":
            accent = theme.current().accent(str(tone))
            painter.fillRect(box, QColor(accent.bg))
            painter.setPen(QColor(accent.txt_hover))
        else:
            painter.setPen(theme.color("secondary"))
        sign = index.data(Qt.ItemDataRole.DecorationRole)
        left = box.left() + 11
        sign.paint(painter, QRect(left, box.center().y() - 7, 15, 15))
        left += 23
        text = str(index.data(Qt.ItemDataRole.DisplayRole) or "")
        room = box.right() - left - 8
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)
        flags = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        painter.drawText(QRect(left, box.top(), room, box.height()), flags, shown)
        painter.restore()


class _Tree(QTreeView):
    """Shares its width: the name takes what the numbers leave."""

    copy_pressed = Signal()
    menu_wanted = Signal(object)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Override QTreeView::resizeEvent."""
        super().resizeEvent(event)
        self.share()

    def share(self) -> None:
        """Gives the name what is left; where that is too little, numbers go first."""
        room = self.viewport().width()
        hidden = (tree.READ, tree.WRITTEN, tree.TRANSFERRED, tree.SPEED)
        shown = dict(_WIDTHS)
        for column in hidden:
            if room - sum(shown.values()) >= _LEAST_NAME_PX:
                break
            shown.pop(column)
        for column, width in _WIDTHS.items():
            self.setColumnHidden(column, column not in shown)
            self.setColumnWidth(column, width)
        self.setColumnWidth(tree.NAME, max(_LEAST_NAME_PX, room - sum(shown.values())))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Override QTreeView::keyPressEvent."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_pressed.emit()
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Override QTreeView::contextMenuEvent."""
        self.menu_wanted.emit(event.globalPos())


class RunView(QWidget):
    """One run; follows it while it is seen.

    Signals:
        changed: there are news; `row` has them.

    Args:
        stores: where runs are.
        spec: the run.
    """

    changed = Signal()

    def __init__(self, stores: BackupStores, spec: RunSpec) -> None:
        super().__init__()
        self._stores = stores
        self.spec = spec
        self.row: RunRow = run_row(spec, RunState(), alive=True)
        self._watch: RunWatch | None = None
        self.model = RunTreeModel(self)
        self._lay_out()
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._show)
        self._show()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        top = QHBoxLayout()
        top.setSpacing(12)
        self.badge = StateBadge("pending", "")
        self.when = TextLabel(kind="small", tone="secondary")
        top.addWidget(self.badge, 1)
        top.addWidget(self.when)
        column.addLayout(top)
        bar = QHBoxLayout()
        bar.setSpacing(12)
        self.bar = ProgressBar(says=self.tr("Progress of the run"))
        self.left = TextLabel(kind="small", tone="secondary")
        bar.addWidget(self.bar, 1)
        bar.addWidget(self.left)
        column.addLayout(bar)
        self.error = TextLabel(tone="danger", wrap=True, selectable=True)
        column.addWidget(self.error)
        stats = QHBoxLayout()
        stats.setSpacing(12)
        self.stats = {
            "took": Stat(self.tr("Time")),
            "speed": Stat(self.tr("Speed")),
            "read": Stat(self.tr("Looked at")),
            "transferred": Stat(self.tr("Transferred")),
            "written": Stat(self.tr("Written")),
        }
        for stat in self.stats.values():
            stats.addWidget(stat, 1)
        column.addLayout(stats)
        frame = QFrame()
        frame.setProperty("panel", "card")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(1, 1, 1, 1)
        self.tree = _Tree()
        self.tree.setModel(self.model)
        self.tree.setItemDelegate(_Delegate(None, self.tree))
        self.tree.setUniformRowHeights(True)
        self.tree.setIndentation(20)
        self.tree.setAccessibleName(self.tr("Parts of the run"))
        self.tree.setMinimumHeight(170)
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.tree.header()
        header.setFont(theme.font("caption-small"))
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionsMovable(False)
        inside.addWidget(self.tree)
        self.hero = Hero("loading", self.tr("Starting…"))
        self.hero.setContentsMargins(16, 8, 16, 8)
        inside.addWidget(self.hero)
        column.addWidget(frame, 1)
        self.model.rowsInserted.connect(self._inserted)
        self.tree.copy_pressed.connect(self.copy_selected)
        self.tree.menu_wanted.connect(self._menu)

    # ------------------------------------------------------------------ life

    def showEvent(self, event: QShowEvent) -> None:
        """Override QWidget::showEvent."""
        super().showEvent(event)
        if not event.spontaneous():
            self.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Override QWidget::hideEvent."""
        super().hideEvent(event)
        if not event.spontaneous():
            self.stop()

    def start(self) -> None:
        """Follows the run, from its beginning."""
        if self._watch is None:
            self.model.clear()
            self._watch = self._stores.watch(self.spec.id, self._news)
            self._clock.start()

    def stop(self) -> None:
        """Follows it no more."""
        self._clock.stop()
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def _news(self, events: list[Event]) -> None:
        watch = self._watch
        if watch is None:
            return
        self.model.apply(watch.state, events)
        if watch.row is not None:
            self.row = watch.row
            if not self.row.is_active:
                self.model.end()
                self._clock.stop()
        self._show()
        self.changed.emit()

    # ------------------------------------------------------------------ showing

    def _show(self) -> None:
        row = self.row
        active = row.is_active
        said = words.outcome(row.outcome)[0]
        if active:
            said = self.tr("At work") if row.started_s else self.tr("Starting…")
            if row.now:
                said = f"{said}: {row.now}"
        self.badge.set_state(words.BADGES.get(row.outcome, "unknown"), said)
        self.when.set_text(fmt.absolute(row.at_s))
        fraction = row.fraction
        self.bar.setVisible(active)
        self.bar.set_fraction(fraction or 0.0)
        self.left.set_text(_left(row) if active else "")
        self.left.setVisible(active)
        trouble = self._watch.error if self._watch is not None else ""
        self.error.set_text(row.error or trouble)
        self.error.setVisible(bool(row.error or trouble))
        took = _took_s(row)
        self.stats["took"].set_value(fmt.duration(took) if took is not None else fmt.NONE)
        self.stats["speed"].set_value(fmt.rate(_speed(row)))
        for name, value in (
            ("read", row.read_bytes),
            ("transferred", row.transferred_bytes),
            ("written", row.written_bytes),
        ):
            self.stats[name].set_value(fmt.size(value) if value else fmt.NONE)
        empty = self.model.rowCount() == 0
        self.tree.setVisible(not empty)
        self.hero.setVisible(empty)
        if empty and trouble:
            self.hero.set_state("error", self.tr("The log of this run cannot be read."), trouble)
        elif empty and not active:
            self.hero.set_state("empty", self.tr("It ended before it began with anything."))

    def _inserted(self, parent: QModelIndex, first: int, last: int) -> None:
        for at in range(first, last + 1):
            index = self.model.index(at, 0, parent)
            if self.model.is_note(index):
                self.tree.setFirstColumnSpanned(at, parent, True)
        if parent.isValid() and not self.tree.isExpanded(parent):
            # A run of a hundred VMs opens on its VMs; those with something to say are opened.
            many = self.model.rowCount() > 30
            if not many or self.model.is_note(self.model.index(first, 0, parent)):
                self.tree.setExpanded(parent, True)

    # ------------------------------------------------------------------ copying

    def log(self) -> str:
        """The whole run as text."""
        row = self.row
        head = [
            f"{self.spec.title} ({words.kind(self.spec.kind)[0].lower()})",
            f"{fmt.absolute(row.at_s)}: {words.outcome(row.outcome)[0]}",
            f"run {self.spec.id}",
        ]
        if row.error:
            head.append(row.error)
        return "\n".join((*head, "", self.model.text()))

    def copy_log(self) -> None:
        """The whole run onto the clipboard."""
        QGuiApplication.clipboard().setText(self.log())

    def copy_selected(self) -> None:
        """The current line onto the clipboard, with its details."""
        node = self.model.node_at(self.tree.currentIndex())
        if node is None:
            return
        text = node.text or str(self.tree.currentIndex().siblingAtColumn(0).data() or "")
        QGuiApplication.clipboard().setText("\n".join(filter(None, (text, node.details))))

    def _menu(self, place: object) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        entries: tuple[tuple[str, Callable[[], None]], ...] = (
            (self.tr("Copy line"), self.copy_selected),
            (self.tr("Copy whole log"), self.copy_log),
        )
        for text, act in entries:
            menu.addAction(icon("copy"), text).triggered.connect(lambda _on=False, act=act: act())
        menu.popup(place)  # type: ignore[arg-type]  # a QPoint, through a signal of object


def _took_s(row: RunRow) -> float | None:
    if row.started_s is None:
        return None
    end_s = row.ended_s
    if end_s is None:
        end_s = time.time() if row.is_active else None
    return None if end_s is None else max(0.0, end_s - row.started_s)


def _speed(row: RunRow) -> float | None:
    if row.is_active:
        return row.speed_bytes_per_s or None
    took = _took_s(row)
    return row.transferred_bytes / took if took and row.transferred_bytes else None


def _left(row: RunRow) -> str:
    fraction, took = row.fraction, _took_s(row)
    if fraction is None:
        return ""
    shown = fmt.percent(fraction)
    if took is None or took < 3 or fraction < 0.02:
        return shown
    return f"{shown}, about {fmt.duration(took / fraction * (1 - fraction))} left"
