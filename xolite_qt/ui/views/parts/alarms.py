"""Alarms: a table with dismissing, the dashboard's card that loads on demand, the page of a tab."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

from xolite_qt.stores import AlarmGroup, StoreState, Subscription
from xolite_qt.ui import format as fmt
from xolite_qt.ui.errors import explain
from xolite_qt.ui.icons import icon
from xolite_qt.ui.models.alarm_columns import Target, alarm_columns
from xolite_qt.ui.models.column import Kind
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.models.roles import REF_ROLE
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.states import why
from xolite_qt.ui.widgets import Button, Card, DataTable
from xolite_qt.xen_api import XenApiError

SHOWN_ON_CARD = 200
"""Groups on a card; the page has all."""


class AlarmFinder:
    """From an alarm to its object, out of the stores that are subscribed anyway."""

    def __init__(self, context: PageContext) -> None:
        self._stores = context.stores

    def __call__(self, cls: str, uuid: str) -> Target | None:
        """The object, or None while its store does not have it."""
        stores = self._stores
        match cls.lower():
            case "vm":
                if (vm := stores.vm.by_uuid(uuid)) is not None:
                    return Target(vm.name_label, "vm", vm.ref)
                if (domain := stores.control_domain.by_uuid(uuid)) is not None:
                    host = stores.host.get(domain.resident_on)
                    name = host.name_label if host is not None else domain.name_label
                    return Target(f"{name} (control domain)", "host", domain.resident_on)
            case "host":
                if (host := stores.host.by_uuid(uuid)) is not None:
                    return Target(host.name_label, "host", host.ref)
            case "pool":
                if (pool := stores.pool.by_uuid(uuid)) is not None:
                    return Target(pool.name_label or "Pool", "pool", pool.ref)
            case "sr":
                if (sr := stores.sr.by_uuid(uuid)) is not None:
                    return Target(sr.name_label)
            case _:
                pass
        return None


class AlarmTable(DataTable):
    """A table of alarm groups; a click on the object goes there, Delete dismisses."""

    def __init__(self, context: PageContext, *, compact: bool = False) -> None:
        self.context = context
        self.resolve = AlarmFinder(context)
        self.groups = RecordTableModel(alarm_columns(self.resolve, compact=compact))
        self.groups.sort_by("at", descending=True)
        super().__init__(self.groups, says="Alarms")
        self.groups.setParent(self)
        self.view.clicked.connect(self._clicked)
        self.opened.connect(self._go)
        self.menu_requested.connect(self._menu)
        dismiss = QAction(self.tr("Dismiss"), self)
        dismiss.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        dismiss.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        dismiss.triggered.connect(self.dismiss_selected)
        self.addAction(dismiss)

    def _clicked(self, index: QModelIndex) -> None:
        if self.groups.columns[index.column()].kind is Kind.LINK:
            self._go(str(index.data(REF_ROLE)))

    def _go(self, ref: str) -> None:
        group = self.groups.get(ref)
        target = self.resolve(group.cls, group.obj_uuid) if group else None
        if target is not None and target.ref:
            self.context.navigate(target.kind, target.ref, "dashboard")

    def _menu(self, place: QPoint, refs: list[str]) -> None:
        if not refs:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if len(refs) == 1:
            go = menu.addAction(self.tr("Go to the object"))
            go.triggered.connect(lambda: self._go(refs[0]))
        dismiss = menu.addAction(icon("check"), self.dismiss_text(refs))
        dismiss.triggered.connect(lambda: self.dismiss(refs))
        menu.popup(place)

    def dismiss_text(self, refs: Iterable[str]) -> str:
        """`Dismiss 12 alarms`, counting the repeats."""
        count = sum(len(group.rows) for ref in refs if (group := self.groups.get(ref)))
        return f"Dismiss {fmt.plural(count, 'alarm', 'alarms')}"

    def dismiss_selected(self) -> None:
        """Dismiss what is selected."""
        self.dismiss(self.selected_refs())

    def dismiss(self, refs: Iterable[str]) -> None:
        """Remove alarms, with their repeats, from the host; rows go when the host says so."""
        messages = [
            row.ref for ref in refs if (group := self.groups.get(ref)) for row in group.rows
        ]
        if messages:
            self.context.tasks.spawn(self._dismiss(messages), "dismiss alarms")

    async def _dismiss(self, messages: list[str]) -> None:
        try:
            await self.context.stores.alarms.dismiss(messages)
        except XenApiError as error:
            said = explain(error)
            self.context.notify(said.summary, level="danger", details=said.details)


class AlarmsCard(Card):
    """Fetches nothing until asked; then the newest alarms, live while the page is seen."""

    def __init__(self, context: PageContext, changed: Callable[[], None]) -> None:
        super().__init__(self.tr("Alarms"))
        self.context = context
        self.table = AlarmTable(context, compact=True)
        self.table.setMinimumHeight(220)
        self._dismiss = Button(
            self.tr("Dismiss"), "tertiary", small=True, on_click=self.table.dismiss_selected
        )
        self._dismiss.hide()
        self.add_action(self._dismiss)
        self.add(self.table, 1)
        self.table.selection_changed.connect(self._selected)
        self._asked = False
        self._subscription: Subscription[AlarmGroup] | None = None
        self._changed = changed
        self._tell()

    def subscription(self) -> Subscription[AlarmGroup]:
        """A subscription that sleeps until the click; made anew whenever the page is shown."""
        self._asked = False
        self._subscription = self.context.stores.alarm_groups.subscribe(
            self._take, lambda _state: self._tell(), defer=True
        )
        self.table.groups.replace(())
        self._tell()
        return self._subscription

    def load(self) -> None:
        """What the button does: fetch, and stay live."""
        if self._subscription is not None:
            self._asked = True
            self._subscription.start()
            self.table.groups.replace(self.context.stores.alarm_groups.records.values())
            self._tell()
            self._changed()

    def renamed(self) -> None:
        """Objects got other names, or became known."""
        if self._asked:
            self.table.groups.touch()

    def _take(self, change: Any) -> None:
        self.table.groups.apply(change)
        self._tell()

    def _tell(self) -> None:
        if not self._asked:
            self.set_count(None)
            self._dismiss.hide()
            self.set_deferred(
                self.tr("Alarms are loaded when you ask for them"),
                self.tr("Load alarms"),
                self.load,
            )
            return
        store = self.context.stores.alarm_groups
        total = self.table.groups.total()
        self.set_count(sum(group.count for group in store.records.values()))
        if store.state is StoreState.FAILED and not total:
            said = why(store.error)
            self.set_error(said.summary, store.retry, details=said.advice)
        elif store.state in (StoreState.LOADING, StoreState.IDLE) and not total:
            self.set_loading(self.tr("Loading alarms…"))
        elif not total:
            self.set_good(self.tr("All good: no alarms"))
        elif store.state is StoreState.READY:
            self.set_ready()
        else:
            self.set_stale(store.as_of)
        self._changed()

    def _selected(self, refs: list[str]) -> None:
        self._dismiss.setVisible(bool(refs))
        self._dismiss.setText(self.table.dismiss_text(refs))
