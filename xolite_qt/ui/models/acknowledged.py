"""Alarms that the user has seen and need not see again, until they are raised anew.

Kept on this computer: to dismiss an alarm removes it from the host for everybody, to acknowledge
one does not.
"""

from __future__ import annotations

from collections.abc import Iterable

from xolite_qt.settings import Settings
from xolite_qt.stores import AlarmGroup

MOST = 2000
"""So many are remembered; the oldest are forgotten first."""


class Acknowledged:
    """What was acknowledged, in the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __contains__(self, group: AlarmGroup) -> bool:
        return self._settings.acknowledged.get(group.ref, -1.0) >= group.at.timestamp()

    def add(self, groups: Iterable[AlarmGroup]) -> None:
        """Acknowledges alarms as they stand now: a newer repeat is shown again."""
        known = self._settings.acknowledged
        known.update({group.ref: group.at.timestamp() for group in groups})
        if len(known) > MOST:
            newest = sorted(known.items(), key=lambda pair: pair[1], reverse=True)[:MOST]
            self._settings.acknowledged = dict(newest)

    def discard(self, groups: Iterable[AlarmGroup]) -> None:
        """Takes it back."""
        for group in groups:
            self._settings.acknowledged.pop(group.ref, None)
