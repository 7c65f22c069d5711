"""The journal's file: SQLite, so that a power cut loses the last moment at most."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import platformdirs

from .entry import Entry, Kind

_log = logging.getLogger(__name__)

VERSION = 1
MOST_SHOWN = 5000
"""So many entries are read for one look, the newest."""
MOST_KEPT = 1_000_000
"""So many entries are kept whatever their age, the newest: some hundred MiB at the very most."""
_TEXT_CHARS = 4000
SAME_S = 15.0
"""Two programs that look at one pool see the same change within this time."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    key TEXT PRIMARY KEY,
    at_s REAL NOT NULL,
    pool TEXT NOT NULL,
    cls TEXT NOT NULL,
    obj TEXT NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    detail TEXT NOT NULL,
    severity INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entry_obj ON entry (obj, at_s);
CREATE INDEX IF NOT EXISTS entry_at ON entry (at_s);
"""


# Keys of entries with an origin begin with it.
_INSERT = """
INSERT OR IGNORE INTO entry
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
WHERE ?10 = '' OR NOT EXISTS (
    SELECT 1 FROM entry
    WHERE obj = ?5 AND at_s BETWEEN ?11 AND ?12 AND kind = ?6 AND title = ?7 AND detail = ?8
    AND substr(key, 1, length(?10) + 1) <> ?10 || '/'
)
"""


class JournalError(Exception):
    """The journal cannot be read or written now."""


def default_path() -> Path:
    """Where the journal lives for this user."""
    return Path(platformdirs.user_data_dir("xolite-qt", appauthor=False)) / "journal.db"


class Journal:
    """The database; from any thread, one at a time. Every call blocks for a moment.

    Args:
        path: of the file; it and its folder are made with the first entry. A file that is no
            database (any more) is moved aside; one of a newer program is left alone.
        most_kept: so many entries stay, whatever their age.
    """

    def __init__(self, path: Path | None = None, most_kept: int = MOST_KEPT) -> None:
        self.path = path or default_path()
        self._most_kept = most_kept
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self.trouble = ""

    def add(self, entries: Iterable[Entry]) -> int:
        """Keeps entries; those known already stay as they are.

        Of entries with an `origin`, one that another origin told a moment before or after is known
        as well: several windows on one pool all see the same change.

        Returns:
            How many were new.

        Raises:
            JournalError: nothing was kept.
        """
        rows = [
            (
                entry.key,
                entry.at_s,
                entry.pool,
                entry.cls,
                entry.obj,
                entry.kind.value,
                entry.title[:_TEXT_CHARS],
                entry.detail[:_TEXT_CHARS],
                entry.severity,
                entry.origin,
                entry.at_s - SAME_S,
                entry.at_s + SAME_S,
            )
            for entry in entries
        ]
        if not rows:
            return 0
        with self._lock, _told():
            connection = self._open()
            before = connection.total_changes
            with connection:
                connection.executemany(_INSERT, rows)
            return connection.total_changes - before

    def of(
        self, objects: Sequence[str], since_s: float = 0.0, most: int = MOST_SHOWN
    ) -> list[Entry]:
        """What happened to some objects, oldest first; the newest `most`.

        Raises:
            JournalError: it cannot be read.
        """
        if not objects or not self._exists():
            return []
        marks = ",".join("?" * len(objects))
        # Only question marks are put in; the values travel beside the text.
        query = (
            f"SELECT * FROM entry WHERE obj IN ({marks}) AND at_s >= ?"  # noqa: S608
            " ORDER BY at_s DESC LIMIT ?"
        )
        with self._lock, _told():
            found = self._open().execute(query, (*objects, since_s, most)).fetchall()
        return [_entry(row) for row in reversed(found)]

    def of_pool(self, pool: str, since_s: float = 0.0, most: int = MOST_SHOWN) -> list[Entry]:
        """What happened to a pool and everything in it, as `of`."""
        if not self._exists():
            return []
        query = "SELECT * FROM entry WHERE pool = ? AND at_s >= ? ORDER BY at_s DESC LIMIT ?"
        with self._lock, _told():
            found = self._open().execute(query, (pool, since_s, most)).fetchall()
        return [_entry(row) for row in reversed(found)]

    def prune(self, keep_days: int, now_s: float | None = None) -> int:
        """Forgets what is older or too much; how many entries that were. 0 days: all of it.

        Raises:
            JournalError: nothing was forgotten.
        """
        if not self._exists():
            return 0
        before_s = (time.time() if now_s is None else now_s) - keep_days * 86400.0
        with self._lock, _told():
            connection = self._open()
            with connection:
                gone = connection.execute("DELETE FROM entry WHERE at_s < ?", (before_s,)).rowcount
                gone += connection.execute(
                    "DELETE FROM entry WHERE at_s <"
                    " (SELECT at_s FROM entry ORDER BY at_s DESC LIMIT 1 OFFSET ?)",
                    (self._most_kept - 1,),
                ).rowcount
            if gone > 1000:
                # Another program may be at it; the room is found at the next time then.
                with contextlib.suppress(sqlite3.OperationalError):
                    connection.execute("VACUUM")
            return gone

    def count(self) -> int:
        """How many entries there are."""
        if not self._exists():
            return 0
        with self._lock, _told():
            return int(self._open().execute("SELECT count(*) FROM entry").fetchone()[0])

    def close(self) -> None:
        """Lets go of the file; a later call opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # ------------------------------------------------------------------ file

    def _exists(self) -> bool:
        return self._connection is not None or self.path.exists()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._connection = self._connect()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError | sqlite3.NotSupportedError):
                    # Locked, full, not readable, of a newer program: the file may be whole.
                    raise
                self._set_aside(error)
                self._connection = self._connect()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise sqlite3.OperationalError(str(error)) from error
        connection = sqlite3.connect(self.path, timeout=5.0, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, VERSION):
                raise sqlite3.NotSupportedError(f"written by a newer program ({version})")
            connection.executescript(_SCHEMA)
            connection.execute(f"PRAGMA user_version={VERSION}")
            connection.commit()
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_aside(self, error: Exception) -> None:
        aside = self.path.with_name(f"{self.path.name}.broken-{int(time.time())}")
        try:
            self.path.replace(aside)
            for ending in ("-wal", "-shm"):
                # What is in them belongs to the file.
                rest = self.path.with_name(self.path.name + ending)
                if rest.exists():
                    rest.replace(aside.with_name(aside.name + ending))
        except OSError as trouble:
            raise sqlite3.OperationalError(f"{error}; it cannot be moved: {trouble}") from error
        self.trouble = f"The journal could not be read ({error}); it was kept as {aside.name}."


class _told:  # noqa: N801 -- a context, read as a word
    """Turns what SQLite raises into one kind of error."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            raise JournalError(str(error)) from error


def _entry(row: Sequence[object]) -> Entry:
    key, at_s, pool, cls, obj, kind, title, detail, severity = row
    known = str(kind) if str(kind) in set(Kind) else Kind.EVENT
    return Entry(
        str(key),
        float(str(at_s)),
        str(pool),
        str(cls),
        str(obj),
        Kind(known),
        str(title),
        str(detail),
        int(str(severity)),
    )
