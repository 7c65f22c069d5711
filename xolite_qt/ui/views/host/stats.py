"""Everything that a host measures of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from PySide6.QtWidgets import QWidget

from xolite_qt.stores import StoreState
from xolite_qt.ui.models.stats_sources import ItemKind
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.stats.object_page import ObjectStats
from xolite_qt.ui.widgets.pick_list import Item
from xolite_qt.xen_api import Host

_UUID_BEGIN = 8
"""So much of an SR's uuid is in the names of its data sources."""


class HostStats(ObjectStats):
    """Charts of a host that answers."""

    page_id = "host.stats"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        stores = context.stores
        self.add_part(self.watch, stores.host_rows)
        self.add_part(self.show_limits, stores.host)
        self.add_part(self._renamed, stores.sr)

    def record(self, ref: str) -> Host | None:
        """A host."""
        return self.context.stores.host.get(ref)

    def others(self) -> list[Item]:
        """The other hosts that answer."""
        rows = self.context.stores.host_rows.records.values()
        found = [
            Item(row.ref, row.host.name_label, row.host.address, "host")
            for row in rows
            if row.ref != self.ref and row.is_live
        ]
        return sorted(found, key=lambda item: item.name.casefold())

    def targets(self) -> Sequence[tuple[Literal["host", "vm"], str]]:
        """The host, and the one that it is compared with."""
        records = [self.record(ref) for ref in (self.ref, self.other) if ref]
        return [("host", host.uuid) for host in records if host is not None]

    def why_idle(self) -> str:
        """A host that is off is not measured."""
        store = self.context.stores.host_rows
        row = store.get(self.ref)
        if row is None:
            loading = store.state is StoreState.LOADING
            return "" if loading else "This host is no longer part of the pool"
        return "" if row.is_live else "The host does not answer: there is nothing to measure"

    def name_of(self, uuid: str) -> str:
        """Name of a host."""
        host = self.context.stores.host.by_uuid(uuid)
        return host.name_label if host is not None else ""

    def names(self, uuid: str) -> Mapping[tuple[ItemKind, str], str]:
        """Storages by their names."""
        return {
            ("sr", sr.uuid[:_UUID_BEGIN]): sr.name_label
            for sr in self.context.stores.sr.records.values()
            if sr.name_label
        }

    def _renamed(self) -> None:
        self.drawing.call(self.draw)
