"""The console of a VM."""

from __future__ import annotations

from xolite_qt.ui.views.console.feed import ConsoleFeed
from xolite_qt.ui.views.console.page import ConsolePage


class VmConsole(ConsolePage):
    """Its screen, and its serial line where it has one."""

    page_id = "vm.console"

    def make_feed(self) -> ConsoleFeed:
        """Override ConsolePage::make_feed."""
        return ConsoleFeed(self.context.stores, vm=self.ref)
