"""The networks of the pool."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from xolite_qt.stores import Store, Subscription
from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.dialogs.backups.form import Choice as Pick
from xolite_qt.ui.models import network_facts as facts
from xolite_qt.ui.models.network_columns import network_columns
from xolite_qt.ui.models.network_facts import NetworkFacts
from xolite_qt.ui.models.network_json import network_json
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.live_page import Throttle
from xolite_qt.ui.views.parts.table_page import TablePage
from xolite_qt.ui.views.pool.networks.choices import network_choices, pool_choices
from xolite_qt.ui.views.pool.networks.create import MADE
from xolite_qt.ui.views.pool.networks.panel import NetworkPanel
from xolite_qt.ui.widgets import Button, FlowLayout, IconButton
from xolite_qt.xen_api import Network

NARROW_PX = 860
PANEL_PX = 400
_ANY_PX = 16_777_215
COUNTED_S = 0.5
"""VIFs are counted at most this often; a large pool has ten thousand."""

_KINDS = (
    ("", "All"),
    ("external", "External"),
    ("internal", "Internal"),
)


class NetworksPage(TablePage[Network]):
    """All networks: what they are, whether their links are up, who is on them."""

    page_id = "pool.network"
    title = "Network"
    icon_name = "network"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        self.found: dict[str, NetworkFacts] = {}
        super().__init__(
            context,
            ref,
            columns=network_columns(lambda ref: self.found.get(ref, facts.NOTHING)),
            store=context.stores.network,
            one="network",
            many="networks",
            parent=parent,
        )
        self.throttle = Throttle(self, COUNTED_S)
        self.kinds = Pick(_KINDS, "", self._filter)
        self.kinds.setAccessibleName(self.tr("Which networks"))
        self.kinds.setFixedWidth(128)
        # The panel may stand beside it, or in its place.
        self.card.setMinimumWidth(400)
        self.bar.insertWidget(1, self.kinds)
        self.new = Button(
            self.tr("New"),
            "primary",
            icon="plus",
            small=True,
            menu=context.actions.menu_of(lambda: pool_choices(context, ()), self),
        )
        self.nbd = Button(
            self.tr("NBD per network…"), icon="backup", small=True, on_click=self._open_nbd
        )
        self.nbd.set_tip(self.tr("Over which networks hosts serve disks to backups"))
        buttons = QWidget()
        flow = FlowLayout(buttons, spacing=6)
        flow.addWidget(self.new)
        flow.addWidget(self.nbd)
        self.card.body.insertWidget(1, buttons)
        self.details = IconButton("info", self.tr("Show details"), self._toggle)
        self.details.set_reason(self.tr("Select one network first."))
        self.tools.addWidget(self.details)
        self.panel = NetworkPanel(context, self.copy_json)
        self._shown = ""
        row = QHBoxLayout()
        row.setSpacing(8)
        column = self.layout()
        assert isinstance(column, QVBoxLayout)
        column.removeWidget(self.card)
        row.addWidget(self.card, 1)
        row.addWidget(self.panel)
        column.addLayout(row)
        self.table.selection_changed.connect(self._selected)
        self.table.opened.connect(self.select)
        self.panel.closed.connect(self._closed)
        context.actions.blocked_changed.connect(self._show_panel)

    # ------------------------------------------------------------------ rows

    def wanted(self) -> Iterable[Subscription[Any]]:
        """Networks, and everything that is on them."""
        stores = self.context.stores
        # Also the networks again: facts are counted after the table took its rows.
        others: tuple[Store[Any], ...] = (
            self.store,
            stores.pool,
            stores.pif,
            stores.pif_metrics,
            stores.bond,
            stores.host,
            stores.vif,
            stores.vm,
        )
        return (
            *super().wanted(),
            *(store.subscribe(self._others, self._state) for store in others),
        )

    def refresh(self) -> None:
        """Show what is there."""
        self._count()
        super().refresh()
        self._show_panel()
        self._show_new()

    def unsubscribe(self) -> None:
        """Nothing is drawn any more."""
        super().unsubscribe()
        self.throttle.forget()

    @property
    def busy(self) -> bool:
        """Also while something was not drawn yet."""
        return super().busy or self.throttle.is_waiting

    def _state(self, state: Any) -> None:
        self._count()
        super()._state(state)
        self._show_panel()

    def _show_new(self) -> None:
        """Select what a form has just made, once its event is here."""
        ref = self.context.services.get(MADE, "")
        if ref and self.model.get(ref) is not None:
            del self.context.services[MADE]
            self.select(ref)

    def _others(self, _change: object) -> None:
        self.throttle.call(self._show_new)
        self.throttle.call(self._count)
        self.throttle.call(self._show_panel)

    def _count(self) -> None:
        stores = self.context.stores
        before = self.found
        self.found = facts.all_facts(
            stores.network.records.values(),
            pifs=stores.pif.records,
            metrics=stores.pif_metrics.records,
            bonds=stores.bond.records,
            hosts=stores.host.records,
            vifs=stores.vif.records.values(),
            vms=stores.vm.records,
        )
        changed = [ref for ref, now in self.found.items() if before.get(ref) != now]
        if changed:
            self.model.touch(changed)

    def _filter(self) -> None:
        kind = self.kinds.current()
        if not kind:
            self.model.set_row_filter(None)
            return
        wanted = kind == "internal"
        self.model.set_row_filter(
            lambda network: self.found.get(network.ref, facts.NOTHING).is_internal == wanted
        )

    # ------------------------------------------------------------------ panel

    def chosen(self) -> list[Network]:
        """The selected networks as they are now."""
        rows = (self.model.get(ref) for ref in self.table.selected_refs())
        return [row for row in rows if row is not None]

    @property
    def is_narrow(self) -> bool:
        """Whether there is no room for the table beside the panel."""
        return self.width() < NARROW_PX

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Override QWidget::resizeEvent."""
        super().resizeEvent(event)
        self._place()

    def _place(self) -> None:
        instead = self.is_narrow and self.panel.is_open
        self.card.setVisible(not instead)
        self.panel.setMaximumWidth(_ANY_PX if instead else PANEL_PX)

    def _selected(self, refs: Sequence[str]) -> None:
        self._shown = refs[0] if len(refs) == 1 else ""
        self.details.set_reason(None if self._shown else self.tr("Select one network first."))
        if not self.is_narrow or self.panel.is_open:
            self._open_panel()

    def _closed(self) -> None:
        self._place()
        self.table.view.setFocus()

    def _toggle(self) -> None:
        if self.panel.is_open:
            self.panel.close_panel()
        else:
            self._open_panel()

    def _open_panel(self) -> None:
        if self.store.get(self._shown) is not None:
            self.panel.open()
        self._show_panel()
        self._place()

    def _show_panel(self) -> None:
        """Everything anew, where the panel is open."""
        if not self.panel.is_open:
            return
        network = self.store.get(self._shown)
        if network is None:
            self.panel.close_panel()
            return
        self.panel.open(facts.name_of(network))
        self.panel.show_network(network, self.found.get(network.ref, facts.NOTHING))
        self.panel.show_choices(self.its_choices([network]))

    def select(self, ref: str) -> None:
        """Show the details of one network."""
        self.table.select_ref(ref)
        self._shown = ref
        self._open_panel()

    def copy_json(self) -> None:
        """The shown network with its interfaces, as JSON, to the clipboard."""
        network = self.store.get(self._shown)
        if network is not None:
            found = self.found.get(network.ref, facts.NOTHING)
            QGuiApplication.clipboard().setText(network_json(network, found))
            self.context.notify("Copied as JSON", level="success")

    # ------------------------------------------------------------------ what may be done

    def its_choices(self, networks: Sequence[Network]) -> list[Choice]:
        """What may be done with networks."""
        return network_choices(self.context, networks, self.found)

    def choices(self) -> Sequence[Choice]:
        """For the palette: of the selected network."""
        chosen = self.chosen()
        return self.its_choices(chosen) if chosen else ()

    def _open_nbd(self) -> None:
        self.context.services["backups"].nbd()

    def show_menu(self, place: QPoint, refs: list[str]) -> None:
        """All that may be done with the selected networks."""
        if refs:
            menu = self.context.actions.menu_of(lambda: self.its_choices(self.chosen()), self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(place)
