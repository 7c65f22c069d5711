"""The tree on the left: pool, hosts, VMs; type to filter, arrows to move, Enter to open."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
    QVBoxLayout,
)

from xolite_qt.stores import Change, NodeKind, StoreState, Subscription, TreeNode, TreeStore
from xolite_qt.ui import icons, theme
from xolite_qt.ui.models.tree import NODE_ROLE, TreeModel
from xolite_qt.ui.widgets.hero import Hero
from xolite_qt.ui.widgets.search_field import SearchField

_ROW_PX = 36


class _TreeDelegate(QStyledItemDelegate):
    """Name and icon as usual; at the right the master's star and the number of running VMs."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Override QStyledItemDelegate::paint."""
        node = index.data(NODE_ROLE)
        if not isinstance(node, TreeNode) or node.kind is NodeKind.VM:
            super().paint(painter, option, index)
            return
        right = 8
        number = str(node.running) if node.running else ""
        metrics = option.fontMetrics
        pill = metrics.horizontalAdvance(number) + 14 if number else 0
        room = QRect(option.rect)
        used = pill + (26 if node.is_master else 0) + right
        self.initStyleOption(option, index)
        narrow = QStyleOptionViewItem(option)
        narrow.text = metrics.elidedText(
            narrow.text, Qt.TextElideMode.ElideRight, max(0, room.width() - used - 44)
        )
        style = option.widget.style()
        style.drawControl(style.ControlElement.CE_ItemViewItem, narrow, painter, option.widget)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left = room.right() - right - pill
        if number:
            box = QRect(left, room.center().y() - 9, pill, 20)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("success-bg"))
            painter.drawRoundedRect(box, 10, 10)
            painter.setPen(theme.color("success"))
            painter.setFont(theme.font("small-bold"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, number)
        if node.is_master:
            icons.paint(
                painter, QRect(left - 24, room.center().y() - 8, 17, 17), "star", "info-item"
            )
        painter.restore()

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Override QStyledItemDelegate::sizeHint."""
        return QSize(200, _ROW_PX)


class _View(QTreeView):
    """Tells when typing should go to the filter instead."""

    typed = Signal(str)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Override QTreeView::keyPressEvent."""
        text = event.text()
        plain = not event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier
        if plain and text and text.isprintable() and not text.isspace():
            self.typed.emit(text)
            return
        super().keyPressEvent(event)


class InfraTree(QFrame):
    """The tree with its filter.

    Signals:
        opened: the user wants to see an object.
            args: kind, reference.
        menu_wanted: the user asks what can be done with an object.
            args: node, global position.
    """

    opened = Signal(str, str)
    menu_wanted = Signal(object, QPoint)

    def __init__(self, store: TreeStore, retry: Callable[[], None]) -> None:
        super().__init__()
        self.setProperty("panel", "tree")
        self.setAccessibleName(self.tr("Infrastructure"))
        self._store = store
        self._retry = retry
        self._subscription: Subscription[TreeNode] | None = None
        self._wanted = ""
        self._collapsed: set[str] = set()
        self.model = TreeModel(store, self)
        self.search = SearchField(self.tr("Filter by name or tag"))
        self.search.setAccessibleName(self.tr("Filter the tree"))
        self.view = _View()
        self.view.setModel(self.model)
        self.view.setItemDelegate(_TreeDelegate(self.view))
        self.view.setUniformRowHeights(True)
        self.view.setHeaderHidden(True)
        self.view.setIndentation(18)
        self.view.setIconSize(QSize(18, 18))
        self.view.setExpandsOnDoubleClick(False)
        self.view.setAccessibleName(self.tr("Pool, hosts and VMs"))
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.hero = Hero("loading", self.tr("Loading…"))
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        column.addWidget(self.search)
        column.addWidget(self.hero)
        column.addWidget(self.view, 1)
        self.search.searched.connect(self._filter)
        self.search.returnPressed.connect(self._open_first)
        self.search.down_pressed.connect(self.view.setFocus)
        self.view.typed.connect(self._type)
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.collapsed.connect(lambda index: self._remember(index, collapsed=True))
        self.view.expanded.connect(lambda index: self._remember(index, collapsed=False))
        self.view.selectionModel().currentChanged.connect(self._current_changed)
        self.model.modelReset.connect(self._restore)
        self.model.rowsInserted.connect(self._inserted)
        self._quiet = False

    # ------------------------------------------------------------------ life

    def subscribe(self) -> None:
        """Starts living on the store."""
        if self._subscription is None:
            self._subscription = self._store.subscribe(self._on_change, self._on_state)
            self.model.rebuild()
            self._on_state(self._store.state)

    def unsubscribe(self) -> None:
        """Lets go of the store."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def _on_change(self, change: Change[TreeNode]) -> None:
        # A view whose current row is removed moves to the next one: that is no wish to go there.
        self._quiet = True
        try:
            self.model.apply(change)
        finally:
            self._quiet = False
        if self._wanted and not self.model.index_of(self._wanted).isValid():
            self.view.selectionModel().clear()
        self._show_hero()

    def _on_state(self, _state: StoreState) -> None:
        self._show_hero()

    def _show_hero(self) -> None:
        state, rows = self._store.state, self.model.rowCount()
        self.view.setVisible(rows > 0)
        if rows:
            self.hero.hide()
        elif self.model.is_filtered and self._store.records:
            self.hero.set_state("no-result", self.tr("Nothing has this in its name or tags."))
            self.hero.show()
        elif state is StoreState.FAILED:
            self.hero.set_state(
                "error",
                self.tr("The objects could not be loaded."),
                str(self._store.error or ""),
                action=self.tr("Try again"),
                on_action=self._retry,
            )
            self.hero.show()
        else:
            self.hero.set_state("loading", self.tr("Loading…"))
            self.hero.show()

    # ------------------------------------------------------------------ selection

    def select(self, ref: str) -> None:
        """Marks an object and scrolls to it, without opening it again."""
        self._wanted = ref
        index = self.model.index_of(ref)
        if not index.isValid():
            return
        before, self._quiet = self._quiet, True
        try:
            self.view.selectionModel().setCurrentIndex(
                index, QItemSelectionModel.SelectionFlag.ClearAndSelect
            )
        finally:
            self._quiet = before
        self.view.scrollTo(index)

    def _current_changed(self, current: QModelIndex, _before: QModelIndex) -> None:
        node = self.model.node_at(current)
        if self._quiet or node is None or node.ref == self._wanted:
            return
        self._wanted = node.ref
        # After Qt has finished with the key or click: a page must not be built inside of it.
        QTimer.singleShot(0, self, lambda: self.opened.emit(node.kind.value, node.ref))

    def _restore(self) -> None:
        before, self._quiet = self._quiet, True
        try:
            self._expand_below(QModelIndex())
        finally:
            self._quiet = before
        if self._wanted:
            self.select(self._wanted)

    def _expand_below(self, parent: QModelIndex) -> None:
        for row in range(self.model.rowCount(parent)):
            index = self.model.index(row, 0, parent)
            node = self.model.node_at(index)
            if node is None or node.kind is NodeKind.VM:
                continue
            # A pool of many hosts opens on its hosts; one asks for more.
            few = node.kind is NodeKind.POOL or self.model.rowCount(parent) <= 8
            wanted = few and node.ref not in self._collapsed
            self.view.setExpanded(index, wanted or self.model.is_filtered)
            self._expand_below(index)

    def _inserted(self, parent: QModelIndex, _first: int, _last: int) -> None:
        node = self.model.node_at(parent)
        if node is not None and node.ref not in self._collapsed:
            few = node.kind is NodeKind.POOL or self.model.rowCount(parent.parent()) <= 8
            if few and not self.view.isExpanded(parent):
                self.view.setExpanded(parent, True)
        if self._wanted:
            index = self.model.index_of(self._wanted)
            if index.isValid() and index != self.view.currentIndex():
                self.select(self._wanted)

    def _remember(self, index: QModelIndex, *, collapsed: bool) -> None:
        node = self.model.node_at(index)
        if node is None or self._quiet or self.model.is_filtered:
            return
        if collapsed:
            self._collapsed.add(node.ref)
        else:
            self._collapsed.discard(node.ref)

    # ------------------------------------------------------------------ filter and menu

    def _filter(self, text: str) -> None:
        self.model.set_filter(text)
        self._show_hero()

    def _type(self, text: str) -> None:
        self.search.setFocus()
        self.search.setText(self.search.text() + text)

    def _open_first(self) -> None:
        index = self._first_match(QModelIndex())
        if index.isValid():
            node = self.model.node_at(index)
            assert node is not None
            self.select(node.ref)
            self.opened.emit(node.kind.value, node.ref)

    def _first_match(self, parent: QModelIndex) -> QModelIndex:
        """The first of the lowest objects shown: what one was most likely looking for."""
        index = self.model.index(0, 0, parent)
        while index.isValid() and self.model.rowCount(index):
            index = self.model.index(0, 0, index)
        return index

    def _menu(self, at: QPoint) -> None:
        node = self.model.node_at(self.view.indexAt(at))
        if node is not None:
            self.menu_wanted.emit(node, self.view.viewport().mapToGlobal(at))
