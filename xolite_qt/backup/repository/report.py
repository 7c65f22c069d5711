"""What a check or a verification found."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, order=True)
class Problem:
    """Something that is not as it should be.

    Attributes:
        path: the file.
        what: what is wrong with it.
    """

    path: str
    what: str


@dataclass
class Report:
    """What a check or a verification found.

    Attributes:
        problems: what harms a backup, or hides one from Xen Orchestra.
        notes: what the next run or merge puts right: left-overs, merges to do.
        vms, backups, disks: how many were looked at.
        blocks: how many were read.
        proven_blocks: of those, how many have a known hash, which is theirs.
        checked_bytes: read, after decoding.
    """

    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    vms: int = 0
    backups: int = 0
    disks: int = 0
    blocks: int = 0
    proven_blocks: int = 0
    checked_bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """Whether every backup is whole."""
        return not self.problems

    def problem(self, path: str, what: str) -> None:
        """Adds one, once."""
        found = Problem(path.lstrip("/"), what)
        with self._lock:
            if found not in self.problems:
                self.problems.append(found)

    def note(self, path: str, what: str) -> None:
        """Adds one."""
        with self._lock:
            self.notes.append(Problem(path.lstrip("/"), what))

    def vm(self, *, backups: int, disks: int) -> None:
        """Counts one, with what it has."""
        with self._lock:
            self.vms += 1
            self.backups += backups
            self.disks += disks

    def block(self, size_bytes: int, *, proven: bool) -> None:
        """Counts one."""
        with self._lock:
            self.blocks += 1
            self.proven_blocks += proven
            self.checked_bytes += size_bytes

    def to_json(self) -> dict[str, Any]:
        """As commands print it."""
        return {
            "ok": self.ok,
            "problems": [{"path": p.path, "what": p.what} for p in sorted(self.problems)],
            "notes": [{"path": p.path, "what": p.what} for p in sorted(self.notes)],
            "vms": self.vms,
            "backups": self.backups,
            "disks": self.disks,
            "blocks": self.blocks,
            "proven_blocks": self.proven_blocks,
            "checked_bytes": self.checked_bytes,
        }
