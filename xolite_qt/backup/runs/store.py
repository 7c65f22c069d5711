"""Runs in folders: what each is to do, and its log. The process of a run writes, others read.

<run id>/spec.json     what it is to do, see `RunSpec`
         log.jsonl     one event a line
         lock          held by the process of the run as long as it lives
         cancel        asks it to stop
         output.txt    what the process printed
         summary.json  the log in short, once nobody writes it any more
.jobs/<job id>.lock    held by the run of a job that is at work
      <job id>.start   when the job's schedule started it last
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from io import BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import filelock
import msgspec
import platformdirs

from xolite_qt.backup.errors import BackupError

from . import summary as short
from .events import Event, Finished, RunKind, RunSpec
from .state import RunState

_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
# A process that was started a moment ago has no lock yet.
_START_S = 20.0
KEPT_RUNS = 1000
_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


class RunError(BackupError):
    """A run's folder cannot be used."""


def default_folder() -> Path:
    """Where this user's runs are."""
    return Path(platformdirs.user_data_dir("xolite-qt", appauthor=False)) / "runs"


class RunStore:
    """The runs of this user."""

    def __init__(self, path: Path | None = None) -> None:
        """Args:
        path: their folder; the user's own where None.
        """
        self.path = path or default_folder()

    def create(
        self,
        kind: RunKind,
        title: str,
        params: dict[str, Any] | None = None,
        job_id: str | None = None,
        by: Literal["user", "schedule", "command"] = "user",
    ) -> RunSpec:
        """A new run that nobody works on yet.

        Raises:
            RunError: it cannot be written.
        """
        now_s = time.time()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
        spec = RunSpec(
            id=f"{stamp}-{secrets.token_hex(4)}",
            kind=kind,
            title=title,
            created_s=now_s,
            job_id=job_id,
            by=by,
            params=params or {},
        )
        self._write_spec(spec)
        return spec

    def _write_spec(self, spec: RunSpec) -> None:
        folder = self.folder(spec.id)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            hidden = folder / ".spec.json"
            hidden.write_bytes(_ENCODER.encode(spec))
            hidden.replace(folder / "spec.json")
        except OSError as error:
            # The agent tries again and again: empty folders would push real runs out.
            with contextlib.suppress(OSError):
                (folder / ".spec.json").unlink(missing_ok=True)
                folder.rmdir()
            raise RunError(f"the run's folder cannot be written: {error}") from error

    def folder(self, run_id: str) -> Path:
        """Of a run.

        Raises:
            RunError: that is no run's id.
        """
        if not _RUN_ID.fullmatch(run_id):
            raise RunError(f"{run_id!r} is no run")
        return self.path / run_id

    def spec(self, run_id: str) -> RunSpec:
        """What a run is to do.

        Raises:
            RunError: there is none, or it cannot be read.
        """
        try:
            return msgspec.json.decode(
                (self.folder(run_id) / "spec.json").read_bytes(), type=RunSpec
            )
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise RunError(f"the run {run_id} cannot be read: {error}") from error

    def all(self, limit: int | None = None) -> list[RunSpec]:
        """The newest runs, newest first; those that cannot be read are left out."""
        found: list[RunSpec] = []
        for run_id in self._ids():
            if limit is not None and len(found) >= limit:
                break
            with contextlib.suppress(RunError):
                found.append(self.spec(run_id))
        return found

    def _ids(self) -> list[str]:
        try:
            names = [path.name for path in self.path.iterdir()]
        except OSError:
            return []
        return sorted((name for name in names if _RUN_ID.fullmatch(name)), reverse=True)

    def follow(self, run_id: str) -> RunFollower:
        """Reads the log of a run as it grows."""
        return RunFollower(self.folder(run_id), self.spec(run_id).created_s)

    def summary(self, run_id: str) -> RunState:
        """How a run stands, or ended. Cheap once nobody works on it any more.

        Speeds of parts that never ended may be missing.

        Raises:
            RunError: there is no such run.
        """
        folder = self.folder(run_id)
        events = short.load(folder)
        if events is not None:
            state = RunState()
            state.apply(events)
            return state
        follower = self.follow(run_id)
        # In this order: what is written in between makes the log longer than is noted.
        is_over = not follower.alive
        try:
            log_bytes = (folder / "log.jsonl").stat().st_size
        except OSError:
            return follower.state
        events = follower.poll()
        if is_over:
            short.save(folder, log_bytes, events)
        return follower.state

    def writer(self, spec: RunSpec) -> RunWriter:
        """The log of a run, for the process that works on it.

        Raises:
            RunError: another process works on it.
        """
        folder = self.folder(spec.id)
        if not (folder / "spec.json").exists():
            self._write_spec(spec)
        return RunWriter(folder)

    def request_cancel(self, run_id: str) -> None:
        """Asks a run to stop.

        Raises:
            RunError: it cannot be asked.
        """
        try:
            (self.folder(run_id) / "cancel").touch()
        except OSError as error:
            raise RunError(f"the run cannot be asked to stop: {error}") from error

    @contextlib.contextmanager
    def only_one_of(self, job_id: str) -> Iterator[bool]:
        """Whether no other run of a job is at work; holds it until the block ends."""
        lock_file = self._of_job(job_id, ".lock")
        lock_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = filelock.FileLock(lock_file, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except filelock.Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def note_start(self, job_id: str, at_s: float) -> None:
        """Notes when a job's schedule started it; its run may be deleted before the next one.

        Raises:
            RunError: it cannot be noted.
        """
        path = self._of_job(job_id, ".start")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            hidden = path.with_suffix(".new")
            hidden.write_text(repr(at_s), encoding="ascii")
            hidden.replace(path)
        except OSError as error:
            raise RunError(f"its start cannot be noted: {error}") from error

    def last_start_s(self, job_id: str) -> float | None:
        """What `note_start` noted last, seconds since 1970; None where it noted nothing."""
        try:
            return float(self._of_job(job_id, ".start").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def _of_job(self, job_id: str, suffix: str) -> Path:
        return self.path / ".jobs" / f"{job_id}{suffix}"

    def delete_old(self, keep: int = KEPT_RUNS) -> None:
        """Removes the oldest runs that are over."""
        for run_id in self._ids()[keep:]:
            folder = self.folder(run_id)
            if not is_at_work(folder):
                shutil.rmtree(folder, ignore_errors=True)


def is_at_work(folder: Path) -> bool:
    """Whether a process holds a run's lock."""
    path = folder / "lock"
    if not path.exists():
        return False
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except (filelock.Timeout, OSError):
        return True
    lock.release()
    return False


def is_starting(folder: Path, created_s: float) -> bool:
    """Whether the process of a run that was just made may be about to begin."""
    return 0 <= time.time() - created_s < _START_S and not (folder / "log.jsonl").exists()


class RunFollower:
    """Reads a log as it grows.

    Attributes:
        state: folded from what was read so far.
    """

    def __init__(self, folder: Path, created_s: float) -> None:
        self.state = RunState()
        self._folder, self._created_s = folder, created_s
        self._at = 0

    def poll(self) -> list[Event]:
        """What came since the last call; a line that is not whole yet waits."""
        try:
            with (self._folder / "log.jsonl").open("rb") as file:
                file.seek(self._at)
                body = file.read()
        except OSError:
            return []
        whole = body[: body.rfind(b"\n") + 1]
        self._at += len(whole)
        events = []
        for line in whole.splitlines():
            # A line of a newer version, or of a crash, hides no other.
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                events.append(_DECODER.decode(line))
        self.state.apply(events)
        return events

    @property
    def alive(self) -> bool:
        """Whether its process is at work, or about to be."""
        if self.state.outcome is not None:
            return False
        return is_at_work(self._folder) or is_starting(self._folder, self._created_s)


def _appending(path: Path) -> BufferedWriter:
    """A log at its end; a line that a crash left half is ended, so that it spoils no other."""
    file = path.open("ab")
    try:
        if file.tell():
            with path.open("rb") as before:
                before.seek(-1, os.SEEK_END)
                is_whole = before.read(1) == b"\n"
            if not is_whole:
                file.write(b"\n")
                file.flush()
    except BaseException:
        with contextlib.suppress(OSError):
            file.close()
        raise
    return file


class RunWriter:
    """The log of a run. For the one process that works on it; not for many threads at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Whoever asks whether a run is at work holds its lock for a moment.
        self._lock = filelock.FileLock(folder / "lock", timeout=2, thread_local=False)
        try:
            self._lock.acquire()
        except (filelock.Timeout, OSError):
            raise RunError("another process works on this run") from None
        try:
            self._file = _appending(folder / "log.jsonl")
        except OSError as error:
            self._lock.release()
            raise RunError(f"the run's log cannot be written: {error}") from error

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def cancel_wanted(self) -> bool:
        """Whether somebody asked the run to stop."""
        return (self._folder / "cancel").exists()

    def write(self, event: Event) -> None:
        """Appends one event; it is in the file when this returns."""
        self._file.write(_ENCODER.encode(event) + b"\n")
        self._file.flush()
        if isinstance(event, Finished):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Lets go of the run; safe to call twice."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._lock.release()
