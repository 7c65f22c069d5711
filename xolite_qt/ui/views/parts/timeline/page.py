"""The time line of an object: what happened to it, over its charts, as far back as the journal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from PySide6.QtWidgets import QWidget

from xolite_qt.journal import Entry, JournalError, Kind
from xolite_qt.stores import Subscription
from xolite_qt.stores.journal_feed import (
    JournalFeed,
    message_entry,
)
from xolite_qt.ui import format as fmt
from xolite_qt.ui.models.column import Column
from xolite_qt.ui.models.column import Kind as Cell
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.models.timeline import LANE_WORDS, detail_of, title_of
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.charts import CPU, NETWORK, ChartsPanel, Source
from xolite_qt.ui.views.parts.live_page import LivePage
from xolite_qt.ui.views.parts.timeline.here import entries_of_vm
from xolite_qt.ui.widgets import Banner, Card, DataTable
from xolite_qt.ui.widgets.time_line import TimeLine
from xolite_qt.xen_api import XenApiError, get_about

_LANE_ICONS = {
    Kind.ALARM: "alarm",
    Kind.EVENT: "message",
    Kind.TASK: "task",
    Kind.SNAPSHOT: "snapshot",
    Kind.BACKUP: "backup",
    Kind.EDIT: "edit",
}


class EntryRow(msgspec.Struct, frozen=True):
    """An entry in the table."""

    ref: str
    entry: Entry


COLUMNS = (
    Column[EntryRow](
        id="at",
        title="When",
        value=lambda row: row.entry.at_s,
        text=lambda row: fmt.moment(row.entry.at_s),
        tooltip=lambda row: fmt.absolute(row.entry.at_s),
        kind=Cell.TIME,
        width=150,
    ),
    Column[EntryRow](
        id="kind",
        title="Kind",
        value=lambda row: LANE_WORDS[row.entry.kind],
        icon=lambda row: _LANE_ICONS[row.entry.kind],
        width=120,
    ),
    Column[EntryRow](id="title", title="What", value=lambda row: title_of(row.entry), width=300),
    Column[EntryRow](
        id="detail",
        title="Details",
        value=lambda row: " ".join(detail_of(row.entry).split()),
        tooltip=lambda row: detail_of(row.entry),
        width=300,
    ),
)


class TimeLinePage(LivePage):
    """Lanes of marks over charts, and the same entries as a table."""

    title = "Time line"
    icon_name = "history"
    cls = "VM"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        self.feed: JournalFeed = context.services["journal"]
        stores = context.stores
        self.trouble = Banner()
        self.body.add(self.trouble)
        self.charts = ChartsPanel(
            stores.stats,
            (CPU, NETWORK),
            title="History",
            range_id="1week",
            max_columns=2,
            changed=self.tell_busy,
        )
        self.body.add(self.charts)
        self.line = TimeLine()
        self.card = Card("Time line", dense=True)
        self.card.add(self.line)
        self.body.add(self.card)
        self.model = RecordTableModel(COLUMNS)
        self.model.setParent(self)
        self.model.sort_by("at", descending=True)
        self.table = DataTable(self.model, says="Entries")
        self.table.setMinimumHeight(260)
        self.list = Card("Entries", dense=True)
        self.list.add(self.table, 1)
        self.body.add(self.list)
        self._entries: list[Entry] = []
        self._reading: asyncio.Task[None] | None = None
        self._again = False
        # Whether the host is still to be asked for its messages, once per look.
        self._unasked = True
        # Whether the end of the span is now, and goes on with it.
        self._follows = True
        self._moving = False
        self._unlisten: Any = None
        self.line.span_changed.connect(self._span_changed)
        self.line.chosen.connect(self._chosen)
        self.line.pointed.connect(self.charts.group.move)
        self.charts.range.chosen.connect(lambda _name: self._range_chosen())
        self.table.selection_changed.connect(self._selected)
        self.add_part(self._objects_changed, *self.object_stores())
        self._range_chosen()

    # ------------------------------------------------------------------ what differs

    def object_stores(self) -> tuple[Any, ...]:
        """Stores that tell what the object is."""
        return (self.context.stores.vm, self.context.stores.vm_snapshot)

    def uuids(self) -> list[str]:
        """Of the object."""
        vm = self.context.stores.vm.get(self.ref)
        return [vm.uuid] if vm is not None else []

    def sources(self) -> Sequence[Source]:
        """What the charts show."""
        return [Source("vm", uuid) for uuid in self.uuids()]

    def found_here(self) -> list[Entry]:
        """What stores know of the object now: snapshots, backup runs."""
        return entries_of_vm(self.context, self.ref)

    # ------------------------------------------------------------------ life

    def wanted(self) -> Iterable[Subscription[Any]]:
        """The object's stores, and the runs of backups."""
        deeds = self.context.services.get("backups")
        runs = () if deeds is None else (deeds.stores.runs.subscribe(lambda _c: self._read()),)
        return (*super().wanted(), *runs)

    def subscribe(self) -> None:
        """Also hears what the journal takes in."""
        super().subscribe()
        if self._unlisten is None:
            self._unlisten = self.feed.on_news(lambda: self.throttle.call(self._read))
            self._unasked = True
            self._read()

    def unsubscribe(self) -> None:
        """Hears no more."""
        super().unsubscribe()
        self.charts.stop()
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None

    @property
    def busy(self) -> bool:
        """Also while the journal is read."""
        return super().busy or self._reading is not None or self.charts.busy

    def _objects_changed(self) -> None:
        if self.is_subscribed:
            self.charts.start(self.sources())
            self._read()

    # ------------------------------------------------------------------ reading

    def _read(self) -> None:
        if self._reading is not None:
            self._again = True
            return
        self._reading = self.context.tasks.spawn(self._read_all(), "read journal")

    async def _read_all(self) -> None:
        try:
            while True:
                self._again = False
                self.feed.keep(self.found_here())
                if self._unasked and self.uuids() and self.feed.pool:
                    self._unasked = False
                    self.feed.keep(await self._messages())
                await self._show()
                if not self._again:
                    return
        finally:
            self._reading = None
            self.tell_busy()

    async def _messages(self) -> list[Entry]:
        """What the host keeps about the object."""
        api = self.context.stores.api
        found: list[Entry] = []
        since = datetime.fromtimestamp(0, UTC)
        for uuid in self.uuids():
            try:
                told = await get_about(api, _MESSAGE_CLASS[self.cls], uuid, since)
            except XenApiError:
                # The banner says that the connection is down, or the list stays without them.
                continue
            found += [message_entry(message, self.feed.pool) for message in told.values()]
        return found

    async def _show(self) -> None:
        uuids, here = self.uuids(), self.found_here()
        try:
            kept = await asyncio.to_thread(self.feed.journal.of, uuids)
        except JournalError as error:
            self.trouble.show_message(f"The journal cannot be read: {error}", "warning")
            kept = []
        else:
            if self.feed.trouble:
                self.trouble.show_message(self.feed.trouble, "warning")
            else:
                self.trouble.clear()
        entries = {entry.key: entry for entry in (*kept, *here)}
        self._entries = sorted(entries.values(), key=lambda entry: entry.at_s)
        if self._follows:
            first, last = self.line.span
            now = max(time.time(), self._entries[-1].at_s if self._entries else 0.0) + 1.0
            self._show_span(now - (last - first), now)
        self.line.set_entries(self._entries)
        self._list()

    # ------------------------------------------------------------------ showing

    def _range_chosen(self) -> None:
        now = time.time()
        self._show_span(now - self.charts.range.seconds(), now)
        self._follows = True

    def _show_span(self, first: float, last: float) -> None:
        self._moving = True
        self.line.set_span(first, last)
        self._moving = False

    def _span_changed(self, first: float, last: float) -> None:
        if not self._moving:
            self._follows = abs(last - time.time()) < (last - first) / 20
        self.charts.zoom((first, last))
        self.throttle.call(self._list)

    def _list(self) -> None:
        first, last = self.line.span
        rows = [
            EntryRow(entry.key, entry) for entry in self._entries if first <= entry.at_s <= last
        ]
        self.model.replace(rows)
        total = len(self._entries)
        words = fmt.plural(len(rows), "entry", "entries")
        self.list.set_info(words if len(rows) == total else f"{words} of {fmt.count(total)}")
        if rows:
            self.table.show_rows()
        elif total:
            self.table.show_hero("no-result", "Nothing happened in this span of time")
        else:
            self.table.show_hero("empty", "Nothing is known to have happened")

    def _chosen(self, entries: tuple[Entry, ...]) -> None:
        self.table.select_ref(entries[-1].key)

    def _selected(self, refs: list[str]) -> None:
        row = self.model.get(refs[0]) if refs else None
        self.charts.group.move(row.entry.at_s if row is not None else None)


_MESSAGE_CLASS = {"VM": "VM", "host": "Host", "pool": "Pool", "SR": "SR"}


class VmTimeLine(TimeLinePage):
    """Of a VM."""

    page_id = "vm.timeline"


class HostTimeLine(TimeLinePage):
    """Of a host."""

    page_id = "host.timeline"
    cls = "host"

    def object_stores(self) -> tuple[Any, ...]:
        """Stores that tell what the object is."""
        return (self.context.stores.host,)

    def uuids(self) -> list[str]:
        """Of the host."""
        host = self.context.stores.host.get(self.ref)
        return [host.uuid] if host is not None else []

    def sources(self) -> Sequence[Source]:
        """What the charts show."""
        return [Source("host", uuid) for uuid in self.uuids()]

    def found_here(self) -> list[Entry]:
        """Nothing besides the journal."""
        return []
