"""The storages that a host has a way to."""

from __future__ import annotations

from xolite_qt.stores import SrRow
from xolite_qt.ui.views.pool.storage.page import StoragePage


class HostStorage(StoragePage):
    """As the pool's page, for one host: connecting and disconnecting concern that host alone."""

    page_id = "host.storage"

    @property
    def host(self) -> str:
        """This host."""
        return self.ref

    def belongs(self, row: SrRow) -> bool:
        """Storages with a way from this host."""
        return any(pbd.host == self.ref for pbd in row.pbds)
