"""The VMs that are on a host."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.pool.vms import VmsPage


class HostVms(VmsPage):
    """The list of VMs, limited to those that run on one host."""

    page_id = "host.vms"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        self.model.set_row_filter(lambda row: row.vm.resident_on == ref)

    def known(self) -> int:
        """VMs on this host."""
        rows = self.store.records.values()
        return sum(1 for row in rows if row.vm.resident_on == self.ref)

    def empty_text(self) -> str:
        """What is said where no VM is here."""
        return "No VM runs on this host"
