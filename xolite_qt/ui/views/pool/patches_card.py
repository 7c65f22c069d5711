"""Missing patches, asked from the hosts only when the user wants to know."""

from __future__ import annotations

from typing import Any

import msgspec

from xolite_qt.stores import StoreState, Subscription
from xolite_qt.stores.patches import CheckState, HostPatches, Patch
from xolite_qt.ui import format as fmt
from xolite_qt.ui.models.column import Column
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.states import why
from xolite_qt.ui.widgets import Card, DataTable, IconButton


class PatchRow(msgspec.Struct, frozen=True, gc=False):
    """A missing patch and how many hosts lack it."""

    ref: str
    patch: Patch
    hosts: int


COLUMNS = (
    Column[PatchRow](
        id="name",
        title="Patch",
        value=lambda row: row.patch.name,
        tooltip=lambda row: row.patch.description or row.patch.name,
        width=150,
    ),
    Column[PatchRow](
        id="version",
        title="Version",
        value=lambda row: row.patch.version,
        tooltip=lambda row: f"{row.patch.version}-{row.patch.release}",
        width=90,
    ),
)


class PatchesCard(Card):
    """`check_update` makes dom0 run its package manager, so it waits for a click."""

    def __init__(self, context: PageContext) -> None:
        super().__init__("Patches")
        self._store = context.stores.patches
        self._subscription: Subscription[HostPatches] | None = None
        self.patches = RecordTableModel(COLUMNS, parent=self)
        self.table = DataTable(self.patches, says="Missing patches", multi=False)
        self.table.setMinimumHeight(160)
        self.add(self.table, 1)
        self._again = IconButton("refresh", "Check again", self._store.check, size=14)
        self._again.hide()
        self.add_action(self._again)
        self._tell()

    def subscription(self) -> Subscription[HostPatches]:
        """A subscription that sleeps until the click; made anew whenever the page is shown."""
        self._subscription = self._store.subscribe(self._news, self._news, defer=True)
        self._tell()
        return self._subscription

    def check(self) -> None:
        """What the button does."""
        if self._subscription is not None:
            self._subscription.start()
            self._news(None)

    def _news(self, _what: Any) -> None:
        rows = [PatchRow(patch.key, patch, len(hosts)) for patch, hosts in self._store.merged()]
        self.patches.replace(rows)
        self._tell()

    def _tell(self) -> None:
        asked = self._subscription is not None and self._subscription.is_started
        self._again.setVisible(asked and self._store.state is StoreState.READY)
        self.set_info("")
        if not asked:
            self.set_deferred(
                "Asking the hosts takes them a few seconds",
                "Check for patches",
                self.check,
                icon="patch",
            )
            return
        rows = list(self._store.records.values())
        missing = self.patches.total()
        failed = [row for row in rows if row.state is CheckState.FAILED]
        if self._store.state is StoreState.FAILED or (failed and not missing):
            said = why(failed[0].error if failed else self._store.error)
            self.set_error(said.summary, self._store.retry, details=said.advice)
        elif self._store.state is not StoreState.READY and not missing:
            self.set_loading("Asking the hosts…")
        elif missing:
            self.set_info(f"{fmt.count(missing)} missing", "warning")
            self.set_ready()
        elif rows and all(row.state is CheckState.NOT_AVAILABLE for row in rows):
            self.set_empty("These hosts can't tell", "They have no XCP-ng updater plug-in.")
        else:
            self.set_good("Up to date")
