"""The lock that Xen Orchestra holds on a VM's folder, on disks and mounts.

A folder `<name>.lock` beside it: who makes it holds the lock, and touches it every few seconds; one
that was not touched for `STALE_S` belongs to somebody who is gone. So that our own runs need not
wait for that after a crash, a note says which process of which machine holds it.

Source: backup-repository.md 1.6.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from xolite_qt.backup.errors import Busy, Cancelled

from .local_files import locked_folder

STALE_S = 10.0
TOUCH_S = 4.0
# A lock that was touched so much later than its note is another program's: it takes over no lock
# that was touched within `STALE_S`, and we touch both every `TOUCH_S`.
_APART_S = 7.0
_LOOK_S = 0.2


class Holder(msgspec.Struct, frozen=True):
    """Who holds a lock.

    Attributes:
        owner: for people, such as "backup".
        machine: its name.
        pid: of the process.
        started: when the process began, as the system counts it; empty where it does not say.
    """

    owner: str
    machine: str
    pid: int
    started: str = ""

    @classmethod
    def me(cls, owner: str) -> Holder:
        """This process."""
        return cls(owner, _machine(), os.getpid(), _started(os.getpid()))

    @property
    def is_gone(self) -> bool:
        """Whether it surely is no more; False where that cannot be known from here."""
        if self.machine != _machine() or not self.started:
            return False
        return _started(self.pid) != self.started

    @property
    def shown(self) -> str:
        """For people."""
        return f"{self.owner} (process {self.pid} on {self.machine})"


@contextmanager
def hold_folder(
    folder: Path,
    note: Path,
    owner: str,
    *,
    wait_s: float = 0.0,
    stop: threading.Event | None = None,
) -> Iterator[threading.Event]:
    """Holds the lock of a folder; gives an event that is set if somebody took it away.

    Args:
        folder: what is locked; it need not be there.
        note: the file that says who holds it.
        owner: see `Holder`.
        wait_s: how long to wait for another one. A holder that is gone is always waited for.
        stop: ends the waiting.

    Raises:
        Busy: another one holds it.
        Cancelled: `stop` was set.
        OSError: the folder cannot be made.
    """
    lock = folder.with_name(folder.name + ".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    _take(lock, note, owner, wait_s, stop)
    done, lost = threading.Event(), threading.Event()
    keeper = threading.Thread(target=_keep, args=(lock, note, done, lost), name="lock", daemon=True)
    keeper.start()
    try:
        yield lost
    finally:
        done.set()
        keeper.join()
        if not lost.is_set():
            with contextlib.suppress(OSError):
                note.unlink()
            with contextlib.suppress(OSError):
                lock.rmdir()


def _take(lock: Path, note: Path, owner: str, wait_s: float, stop: threading.Event | None) -> None:
    began = time.monotonic()
    while True:
        note.parent.mkdir(parents=True, exist_ok=True)
        # So that of ours nobody removes a lock that somebody else just took.
        with locked_folder(note.parent):
            holder = _holder(note)
            if _is_stale(lock) or (holder is not None and holder.is_gone and _belongs(lock, note)):
                with contextlib.suppress(OSError):
                    lock.rmdir()
            try:
                lock.mkdir(mode=0o700)
            except FileExistsError:
                pass
            else:
                note.write_bytes(msgspec.json.encode(Holder.me(owner)))
                return
            if holder is not None and not _belongs(lock, note):
                holder = None
        if time.monotonic() - began >= wait_s and (holder is not None or wait_s > 0):
            who = holder.shown if holder is not None else "Xen Orchestra, or another program"
            raise Busy(lock.name, f"{who} works on it")
        if holder is None and time.monotonic() - began >= max(wait_s, STALE_S + 1):
            raise Busy(lock.name, "Xen Orchestra, or another program, works on it")
        if stop is not None and stop.is_set():
            raise Cancelled
        time.sleep(_LOOK_S)


def _belongs(lock: Path, note: Path) -> bool:
    """Whether the note is about this lock, and not one that was there before it."""
    try:
        return lock.stat().st_mtime - note.stat().st_mtime < _APART_S
    except FileNotFoundError:
        return False


def _is_stale(lock: Path) -> bool:
    try:
        return time.time() - lock.stat().st_mtime > STALE_S
    except FileNotFoundError:
        return True


def _holder(note: Path) -> Holder | None:
    try:
        return msgspec.json.decode(note.read_bytes(), type=Holder)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _keep(lock: Path, note: Path, done: threading.Event, lost: threading.Event) -> None:
    while not done.wait(TOUCH_S):
        with contextlib.suppress(OSError):
            os.utime(note)
        try:
            os.utime(lock)
        except FileNotFoundError:
            lost.set()
            return
        except OSError:
            # A mount that is away for a moment; it is stale for others if that lasts.
            continue


def _machine() -> str:
    return socket.gethostname()


def _started(pid: int) -> str:
    """When a process began; empty where it is no more, or the system does not say."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
            state, *rest = stat.rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if state == "Z" else f"{rest[18]}-{_boot()}"
    return ""


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
    except OSError:
        return ""
