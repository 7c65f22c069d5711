"""The VMs of the pool, and what may be done with those that are selected."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from xolite_qt.stores import PoolStats, Subscription, VmRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui.actions import ACTIONS, ActionId
from xolite_qt.ui.models.vm_columns import vm_columns
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.live_page import Throttle
from xolite_qt.ui.views.parts.table_page import TablePage
from xolite_qt.ui.views.pool.dashboard import POLLED_HOSTS
from xolite_qt.ui.views.pool.new_vm.choices import open_form
from xolite_qt.ui.widgets import Button, FlowLayout, Thresholds
from xolite_qt.xen_api import VM

ON_BAR = (
    ActionId.VM_START,
    ActionId.VM_CLEAN_SHUTDOWN,
    ActionId.VM_CLEAN_REBOOT,
    ActionId.VM_SUSPEND,
    ActionId.VM_SNAPSHOT,
)
"""Actions with a button of their own; the menu has all."""


MEASURED_S = 1.0
"""Measurements are taken over at most this often; a large pool answers in many small pieces."""


class VmsPage(TablePage[VmRow]):
    """All VMs: sort, filter, choose columns, select many, act on them."""

    page_id = "pool.vms"
    title = "VMs"
    icon_name = "vm"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        self._live: PoolStats | None = None
        self._live_asked = False
        self._disk: dict[str, int] = {}
        self._cpu: dict[str, float] = {}
        super().__init__(
            context,
            ref,
            columns=vm_columns(cpu=self._cpu_of, disk=self._disk_of),
            store=context.stores.vm_rows,
            one="VM",
            many="VMs",
            thresholds=Thresholds(),
            parent=parent,
        )
        self.throttle = Throttle(self)
        self.measures = Throttle(self, MEASURED_S)
        self.load_live = Button("", "tertiary", icon="chart", small=True, on_click=self._ask_live)
        self.load_live.hide()
        self.bar.insertWidget(3, self.load_live)
        self.new = Button(
            self.tr("New VM"),
            "primary",
            icon="plus",
            small=True,
            on_click=lambda: open_form(context),
        )
        self.bar.addWidget(self.new)
        self._add_actions()
        self.table.opened.connect(lambda vm: context.navigate("vm", vm))
        self.table.selection_changed.connect(self._judge)
        self.table.layout_changed.connect(self._layout_changed)
        self.model.dataChanged.connect(self._rows_changed)
        context.actions.blocked_changed.connect(self._judge)
        self._had_disks = False
        rename_key = QShortcut(QKeySequence(Qt.Key.Key_F2), self.table)
        rename_key.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        rename_key.activated.connect(self._rename)

    def _add_actions(self) -> None:
        bar = QWidget()
        flow = FlowLayout(bar, spacing=6)
        self.buttons: dict[ActionId, Button] = {}
        for action_id in ON_BAR:
            action = ACTIONS[action_id]
            button = Button(action.label, icon=action.icon, small=True)
            button.clicked.connect(
                lambda _on=False, which=action_id: self.context.actions.trigger(
                    which, self.chosen()
                )
            )
            flow.addWidget(button)
            self.buttons[action_id] = button
        self.more = Button(
            self.tr("More"),
            small=True,
            menu=self.context.actions.menu("vm", self.chosen, self),
        )
        flow.addWidget(self.more)
        self.card.body.insertWidget(1, bar)
        self._judge()

    def _rename(self) -> None:
        for choice in self.context.actions.choices("vm", self.chosen()):
            if choice.id == "vm.rename":
                self.context.actions.choose(choice)

    # ------------------------------------------------------------------ rows

    def wanted(self) -> Iterable[Subscription[Any]]:
        """VMs; disks only while their column is shown."""
        wanted: list[Subscription[Any]] = list(super().wanted())
        stores = self.context.stores
        self._had_disks = self._shows("disk")
        if self._had_disks:
            wanted += [stores.vbd.subscribe(self._disks), stores.vdi.subscribe(self._disks)]
        return wanted

    def refresh(self) -> None:
        """Show what is there, and begin to measure."""
        if self._had_disks:
            self._add_up()
        super().refresh()
        self._measure()

    def unsubscribe(self) -> None:
        """Measure no more."""
        super().unsubscribe()
        self._live_asked = False
        if self._live is not None:
            self._live.close()
            self._live = None
        self.throttle.forget()
        self.measures.forget()
        self._cpu = {}

    @property
    def classes(self) -> frozenset[str]:
        """Also those that say where measurements come from."""
        return super().classes | self.context.stores.stats.classes

    def _state(self, state: Any) -> None:
        super()._state(state)
        self._measure()

    def _shows(self, column_id: str) -> bool:
        return not self.table.view.isColumnHidden(self.model.column_at(column_id))

    def _layout_changed(self) -> None:
        # Not now: while rows move, the header does not yet know which columns it hides.
        self.throttle.call(self._columns_changed)

    def _rows_changed(self, *_where: object) -> None:
        self.throttle.call(self._judge)

    def _columns_changed(self) -> None:
        if self.is_subscribed and self._shows("disk") != self._had_disks:
            # The stores linger, so what goes on being wanted is not fetched again.
            super().unsubscribe()
            self.subscribe()
        elif self.is_subscribed:
            self._measure()

    # ------------------------------------------------------------------ live numbers

    def _measure(self) -> None:
        """Ask the hosts for CPU use while that column is seen, unless there are too many."""
        if not self.is_subscribed or not self.store.is_ready:
            return
        hosts = len(self.context.stores.host.records)
        wanted = self._shows("cpu")
        asks_first = wanted and hosts > POLLED_HOSTS and not self._live_asked
        self.load_live.setVisible(asks_first)
        self.load_live.setText(f"Load live usage of {fmt.plural(hosts, 'host', 'hosts')}")
        if wanted and not asks_first and self._live is None:
            self._live = self.context.stores.stats.watch_pool(self._measured)
        elif not wanted and self._live is not None:
            self._live.close()
            self._live = None

    def _ask_live(self) -> None:
        self._live_asked = True
        self._measure()

    def _measured(self) -> None:
        self.measures.call(self._take_measures)

    def _take_measures(self) -> None:
        if self._live is None:
            return
        found: dict[str, float] = {}
        for uuid, usage in self._live.all("vm").items():
            row = self.store.by_uuid(uuid)
            if row is not None and usage.cpu is not None:
                # As exact as it is shown: rows that read the same are not drawn again.
                found[row.ref] = round(usage.cpu, 2)
        before, self._cpu = self._cpu, found
        self.model.touch(
            ref for ref in found.keys() | before.keys() if found.get(ref) != before.get(ref)
        )

    def _cpu_of(self, ref: str) -> float | None:
        return self._cpu.get(ref)

    def _disks(self, _change: object) -> None:
        self.throttle.call(self._add_up)

    def _add_up(self) -> None:
        stores = self.context.stores
        sums: dict[str, int] = {}
        for vbd in stores.vbd.records.values():
            vdi = stores.vdi.get(vbd.vdi) if vbd.type == "Disk" else None
            if vdi is not None:
                sums[vbd.vm] = sums.get(vbd.vm, 0) + vdi.virtual_size
        before, self._disk = self._disk, sums
        self.model.touch(
            ref for ref in sums.keys() | before.keys() if sums.get(ref) != before.get(ref)
        )

    def _disk_of(self, ref: str) -> int | None:
        return self._disk.get(ref)

    # ------------------------------------------------------------------ actions

    def chosen(self) -> list[VM]:
        """The selected VMs as they are now."""
        rows = (self.model.get(ref) for ref in self.table.selected_refs())
        return [row.vm for row in rows if row is not None]

    def _judge(self, *_refs: object) -> None:
        chosen = self.chosen()
        for action_id, button in self.buttons.items():
            button.set_reason(self.context.actions.reason(action_id, chosen))

    def show_menu(self, place: QPoint, refs: list[str]) -> None:
        """All actions on the selected VMs."""
        if not refs:
            return
        menu = self.context.actions.menu("vm", self.chosen, self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(place)
