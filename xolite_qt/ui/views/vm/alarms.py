"""The alarms about a VM."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xolite_qt.stores import Subscription
from xolite_qt.ui.views.parts.alarm_centre import AlarmsPage


class VmAlarms(AlarmsPage):
    """Alarms whose object is this VM."""

    page_id = "vm.alarms"

    def scope(self) -> frozenset[str]:
        """The VM's uuid."""
        vm = self.context.stores.vm.get(self.ref)
        return frozenset((vm.uuid,)) if vm else frozenset()

    def sources(self) -> Iterable[Subscription[Any]]:
        """The VM alone."""
        return (self.context.stores.vm.subscribe(self._renamed),)
