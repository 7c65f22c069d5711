"""The page of alarms: every kind of message, filtered, acknowledged, dismissed, exported."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from xolite_qt.stores import AlarmGroup, Store, StoreState, Subscription
from xolite_qt.ui import format as fmt
from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.models.acknowledged import Acknowledged
from xolite_qt.ui.models.alarm_columns import severity_of
from xolite_qt.ui.models.table_export import to_csv, to_json
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.page import Page, PageContext
from xolite_qt.ui.views.parts.alarms import AlarmTable
from xolite_qt.ui.views.parts.saving import save_text
from xolite_qt.ui.views.parts.states import show_table_state
from xolite_qt.ui.widgets import (
    Button,
    Card,
    FlowLayout,
    IconButton,
    SearchField,
    TextLabel,
)

_ANY = 3
_SEVERITIES = (("Any severity", _ANY), ("Warnings and worse", 2), ("Errors and worse", 1))


class AlarmsPage(Page):
    """All alarms, or those about some objects; opening the tab is what asks for them."""

    title = "Alarms"
    icon_name = "alarm"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        self.acknowledged = Acknowledged(context.settings)
        self.table = AlarmTable(context)
        self.search = SearchField(self.tr("Search alarms"))
        self.search.setMaximumWidth(300)
        self.search.setMinimumWidth(140)
        self.which = QComboBox()
        self.which.setAccessibleName(self.tr("Which messages"))
        self.which.addItem(self.tr("Alarms"), False)
        self.which.addItem(self.tr("All messages"), True)
        self.severity = QComboBox()
        self.severity.setAccessibleName(self.tr("Severity"))
        for words, rank in _SEVERITIES:
            self.severity.addItem(words, rank)
        self.count = TextLabel(kind="small", tone="secondary")
        self.seen = IconButton(
            "eye", self.tr("Show acknowledged ones too"), checkable=True, color="secondary"
        )
        export = QMenu(self)
        for kind in ("csv", "json"):
            export.addAction(f"Save table as {kind.upper()}…").triggered.connect(
                lambda _on=False, kind=kind: self.choose_file(kind)
            )
        self.export_button = IconButton(
            "export", self.tr("Export table"), color="secondary", menu=export
        )
        self.acknowledge = self._button("Acknowledge", "check", self._acknowledge)
        self.acknowledge.set_tip(self.tr("Hides them here until they are raised again"))
        self.dismiss = self._button("Dismiss", "trash", self.table.dismiss_selected)
        self.dismiss.set_tip(self.tr("Removes them from the host, for everybody"))
        self.dismiss_all = self._button("Dismiss all shown…", "broom", self._dismiss_all)
        self._lay_out()
        self.search.searched.connect(self.table.groups.set_filter)
        self.table.groups.counted.connect(self._tell)
        self.table.selection_changed.connect(lambda _refs: self._judge())
        self.which.currentIndexChanged.connect(lambda _at: self._other_messages())
        self.severity.currentIndexChanged.connect(lambda _at: self._narrow())
        self.seen.toggled.connect(lambda _on: self._narrow())
        context.actions.blocked_changed.connect(self._judge)
        self._judge()

    def _button(self, text: str, icon: str, run: Any) -> Button:
        return Button(text, "secondary", icon=icon, small=True, on_click=run)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        card = Card(dense=True)
        card.body.setSpacing(12)
        bar = QHBoxLayout()
        bar.setSpacing(12)
        bar.addWidget(self.search, 2)
        for widget in (self.which, self.severity, self.count):
            bar.addWidget(widget)
        bar.addStretch(1)
        for tool in (self.seen, self.export_button):
            bar.addWidget(tool)
        card.add_layout(bar)
        buttons = QWidget()
        flow = FlowLayout(buttons, spacing=6)
        for button in (self.acknowledge, self.dismiss, self.dismiss_all):
            flow.addWidget(button)
        card.add(buttons)
        card.add(self.table, 1)
        column.addWidget(card)
        self.card = card

    # ------------------------------------------------------------------ rows

    def scope(self) -> frozenset[str] | None:
        """Uuids of the objects whose alarms are shown; None for all."""
        return None

    def sources(self) -> Iterable[Subscription[Any]]:
        """Subscriptions that tell what the alarms' objects are."""
        stores = self.context.stores
        return (
            stores.pool.subscribe(self._renamed),
            stores.host.subscribe(self._renamed),
            stores.vm.subscribe(self._renamed),
            stores.control_domain.subscribe(self._renamed),
            stores.sr.subscribe(self._renamed),
        )

    @property
    def store(self) -> Store[AlarmGroup]:
        """Alarms alone, or all messages."""
        stores = self.context.stores
        return stores.notice_groups if self.which.currentData() else stores.alarm_groups

    def wanted(self) -> Iterable[Subscription[Any]]:
        """Alarms, and what they are about."""
        return (*self.sources(), self.store.subscribe(self.table.groups.apply, self._state))

    def refresh(self) -> None:
        """Show what is there."""
        self._narrow()
        self.table.groups.replace(self.store.records.values())
        self._tell()
        self.tell_busy()

    def _other_messages(self) -> None:
        if self.is_subscribed:
            # The messages linger: they are not sent twice.
            self.unsubscribe()
            self.subscribe()

    def _narrow(self) -> None:
        uuids, worst = self.scope(), int(self.severity.currentData())
        with_seen = self.seen.isChecked()

        def passes(group: AlarmGroup) -> bool:
            return (
                (uuids is None or group.obj_uuid in uuids)
                and (worst >= _ANY or severity_of(group)[0] <= worst)
                and (with_seen or group not in self.acknowledged)
            )

        self.table.groups.set_row_filter(passes)
        self._tell()

    def _renamed(self, _change: object) -> None:
        self._narrow()
        self.table.groups.touch()

    def _state(self, _state: StoreState) -> None:
        self._tell()
        self.tell_busy()

    def _tell(self, *_counts: int) -> None:
        groups = self.table.groups
        scoped = self._in_scope()
        hidden = sum(1 for group in scoped if group in self.acknowledged)
        if self.seen.isChecked():
            hidden = 0
        empty = self.tr("All good: no alarms")
        if hidden:
            empty = f"All good: {fmt.plural(hidden, 'alarm', 'alarms')} acknowledged"
        show_table_state(
            self.table,
            self.store,
            total=len(scoped) - hidden,
            shown=groups.rowCount(),
            empty=empty,
            good=True,
        )
        noun = ("message", "messages") if self.which.currentData() else ("alarm", "alarms")
        words = fmt.plural(len(scoped), *noun) if scoped else ""
        if scoped and groups.rowCount() != len(scoped):
            words = f"{fmt.count(groups.rowCount())} of {words}"
        self.count.set_text(words)
        self._judge()

    def _in_scope(self) -> list[AlarmGroup]:
        uuids = self.scope()
        groups = self.store.records.values()
        return [group for group in groups if uuids is None or group.obj_uuid in uuids]

    # ------------------------------------------------------------------ doing

    def chosen(self) -> list[AlarmGroup]:
        """The selected groups."""
        groups = (self.table.groups.get(ref) for ref in self.table.selected_refs())
        return [group for group in groups if group is not None]

    def _judge(self) -> None:
        chosen = self.chosen()
        none = None if chosen else self.tr("Select alarms first.")
        blocked = self.context.actions.blocked
        self.acknowledge.set_reason(none)
        seen = bool(chosen) and all(group in self.acknowledged for group in chosen)
        self.acknowledge.setText("Take back" if seen else "Acknowledge")
        self.dismiss.set_reason(blocked or none)
        refs = [group.ref for group in chosen]
        self.dismiss.setText(self.table.dismiss_text(refs) if refs else self.tr("Dismiss"))
        shown = self.table.groups.rowCount()
        self.dismiss_all.set_reason(blocked or (None if shown else "There is nothing to dismiss."))

    def _acknowledge(self) -> None:
        chosen = self.chosen()
        if all(group in self.acknowledged for group in chosen):
            self.acknowledged.discard(chosen)
        else:
            self.acknowledged.add(chosen)
        self._narrow()
        self.table.groups.touch()

    def _dismiss_all(self) -> None:
        rows = self.table.groups.rows()
        self.context.tasks.spawn(self._dismiss_these(list(rows)), "dismiss all alarms")

    async def _dismiss_these(self, groups: list[AlarmGroup]) -> None:
        refs = [group.ref for group in groups]
        what = self.table.dismiss_text(refs)
        question = Question(
            f"{what}?",
            "They are removed from the host, for everybody who looks at it.",
            what,
            Harm.DISRUPTIVE,
        )
        if await ask(ConfirmDialog(question, self.context.actions.window)):
            self.table.dismiss(refs)

    def choices(self) -> list[Choice]:
        """For the palette."""
        reason = self.dismiss_all.toolTip() if not self.dismiss_all.isEnabled() else None
        run = partial(self._dismiss_all)
        return [Choice("alarms.dismiss_all", "Dismiss all shown alarms…", "broom", run, reason)]

    # ------------------------------------------------------------------ export

    def export(self, kind: str) -> str:
        """The shown rows as text: csv or json."""
        write = to_csv if kind == "csv" else to_json
        return write(self.table.groups.columns, self.table.groups.rows())

    def choose_file(self, kind: str) -> QFileDialog:
        """Ask where to, then write."""
        return save_text(
            self.context, self, self.tr("Save table"), f"alarms.{kind}", self.export(kind)
        )
