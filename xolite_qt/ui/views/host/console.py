"""The console of a host: that of its control domain."""

from __future__ import annotations

from xolite_qt.ui.views.console.feed import ConsoleFeed
from xolite_qt.ui.views.console.page import ConsolePage


class HostConsole(ConsolePage):
    """The control domain's screen and its text console."""

    page_id = "host.console"

    def make_feed(self) -> ConsoleFeed:
        """Override ConsolePage::make_feed."""
        return ConsoleFeed(self.context.stores, host=self.ref)
