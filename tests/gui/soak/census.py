"""What is alive in the process: counted after every round of a soak."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MALLOC = ctypes.CDLL(None)


class _Mallinfo(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    )


_MALLOC.mallinfo2.restype = _Mallinfo


COUNTS = (
    "tasks",
    "timers",
    "waits",
    "widgets",
    "qobjects",
    "objects",
    "threads",
    "files",
)
"""The counts of a census, in the order of the table."""


@dataclass(frozen=True)
class Census:
    """One look at everything that could leak.

    Attributes:
        rss_bytes: resident memory, after a full collection and with free memory given back.
        heap_bytes: what C allocated and has not freed: Qt's, and Python's larger blocks; unlike
            resident memory it has no holes.
        tasks: asyncio tasks of the application.
        timers: running QTimers.
        waits: callbacks that the loop is to make later.
        widgets: all widgets that Qt has, shown or not.
        qobjects: QObjects that Python holds.
        objects: everything that Python's collector knows.
        threads: threads of the process, those without Python included.
        files: open file descriptors, sockets included.
        kinds: number of QObjects, and of running timers by their owner, by class.
        named: names of the tasks, with how many there are of each.
    """

    rss_bytes: int
    heap_bytes: int
    tasks: int
    timers: int
    waits: int
    widgets: int
    qobjects: int
    objects: int
    threads: int
    files: int
    kinds: Counter[str] = field(repr=False)
    named: Counter[str] = field(repr=False)


def take_census() -> Census:
    """Collects what is garbage, then counts what is left; to be called in Qt's own thread."""
    assert threading.current_thread() is threading.main_thread()
    _tidy()
    known = gc.get_objects()
    alive = [one for one in known if isinstance(one, QObject) and shiboken6.isValid(one)]
    timers = [one for one in alive if isinstance(one, QTimer) and one.isActive()]
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    own = [task for task in tasks if not _is_hosts(task)]
    kinds = Counter(type(one).__name__ for one in alive)
    kinds.update(f"QTimer of {type(one.parent()).__name__}" for one in timers)
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    return Census(
        rss_bytes=_rss_bytes(),
        heap_bytes=_heap_bytes(),
        tasks=len(own),
        timers=len(timers),
        waits=_waits(),
        widgets=len(app.allWidgets()),
        qobjects=len(alive),
        objects=len(known),
        threads=len(os.listdir("/proc/self/task")),
        files=len(os.listdir("/proc/self/fd")),
        kinds=kinds,
        named=Counter(map(_name, own)),
    )


def grown(before: Census, after: Census) -> dict[str, int]:
    """The kinds of QObjects and the names of tasks of which there are more, with how many more."""
    more = (after.kinds - before.kinds) + (after.named - before.named)
    return dict(more.most_common(12))


def _is_hosts(task: asyncio.Task[object]) -> bool:
    """Whether it serves: the demo host lives in the same loop, and answers polls that were given
    up long ago."""
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and any(
        part in code.co_filename for part in ("/demo_host/", "/aiohttp/web", "/tests/")
    )


def _name(task: asyncio.Task[object]) -> str:
    name = task.get_name()
    return getattr(task.get_coro(), "__qualname__", name) if name.startswith("Task-") else name


def _waits() -> int:
    # qasync keeps its handles to itself, the cancelled ones until their time has come.
    timer: object = getattr(asyncio.get_running_loop(), "_timer", None)
    handles: dict[int, asyncio.Handle] = getattr(timer, "_SimpleTimer__callbacks", {})
    return sum(not handle.cancelled() for handle in handles.values())


def _tidy() -> None:
    # Widgets that were told to go, go now; Python's halves of them follow.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    # Without this the heap keeps what it once had, and nothing could be told from the level.
    _MALLOC.malloc_trim(0)


def _heap_bytes() -> int:
    info = _MALLOC.mallinfo2()
    return int(info.uordblks + info.hblkhd)


def _rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES
