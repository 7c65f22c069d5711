"""The alarms about a host."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xolite_qt.stores import Subscription
from xolite_qt.ui.views.parts.alarm_centre import AlarmsPage


class HostAlarms(AlarmsPage):
    """Alarms whose object is this host or its control domain."""

    page_id = "host.alarms"

    def scope(self) -> frozenset[str]:
        """The host's uuid, and its control domain's: full disks are told of that one."""
        stores = self.context.stores
        host = stores.host.get(self.ref)
        domain = stores.control_domain.get(host.control_domain) if host else None
        return frozenset(one.uuid for one in (host, domain) if one is not None)

    def sources(self) -> Iterable[Subscription[Any]]:
        """The host, and the VM that runs its services."""
        stores = self.context.stores
        return (
            stores.host.subscribe(self._renamed),
            stores.control_domain.subscribe(self._renamed),
        )
