"""All alarms of the pool."""

from __future__ import annotations

from xolite_qt.ui.views.parts.alarm_centre import AlarmsPage


class PoolAlarms(AlarmsPage):
    """Alarms about whatever object."""

    page_id = "pool.alarms"
