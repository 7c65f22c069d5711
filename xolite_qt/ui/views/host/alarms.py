"""The alarms about a host."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xolite_qt.stores import Subscription
from xolite_qt.ui.views.parts.alarm_centre import AlarmsPage


class HostAlarms(AlarmsPage):
    """Alarms whose object is this host."""

    page_id = "host.alarms"

    def scope(self) -> frozenset[str]:
        """The host's uuid."""
        host = self.context.stores.host.get(self.ref)
        return frozenset((host.uuid,)) if host else frozenset()

    def sources(self) -> Iterable[Subscription[Any]]:
        """The host alone."""
        return (self.context.stores.host.subscribe(self._renamed),)
