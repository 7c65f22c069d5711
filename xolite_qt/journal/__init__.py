"""The journal: what happened to objects of hosts, kept on this computer as long as one wants.

A host keeps its messages until somebody dismisses them, its tasks for minutes, and forgets what a
name was before. What a window sees of them goes into a small database beside the settings. Nothing
is asked of a host for it. Knows no Qt and no connection.
"""

from __future__ import annotations

from .database import Journal, JournalError
from .entry import Entry, Kind

__all__ = ["Entry", "Journal", "JournalError", "Kind"]
