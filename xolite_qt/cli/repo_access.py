"""How the commands of a repository open it, stop, say how far they are, and end.

Exit codes: 0 all is well, 1 problems, 2 the command line is wrong, 3 the repository cannot be
opened or reached, 130 Ctrl-C.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from xolite_qt.backup.errors import BackupError
    from xolite_qt.backup.repository import Repository

PROBLEMS, USAGE, UNREACHABLE, INTERRUPTED = 1, 2, 3, 130
# Whoever types a wrong address does not want to wait ten minutes to be told.
OPEN_BUDGET_S, OPEN_TRIES = 30.0, 4
WORK_BUDGET_S = 600.0


@dataclass(frozen=True)
class Address:
    """Where a repository lies, and what opens it.

    Attributes:
        url: with its login; never to be shown.
        key: of its encryption; None where there is none.
    """

    url: str
    key: str | None

    def __repr__(self) -> str:
        return "Address(…)"


def address_of(repo: str, key_file: Path | None) -> Address:
    """The address that a user named.

    Args:
        repo: a URL, the path of a folder, or the name of a saved repository.
        key_file: holds the encryption key; None for the one in the URL or the keyring, if any.

    Raises:
        click.UsageError: the file of the key is no text.
        BadUrl: the address cannot be understood.
        SecretMissing: the keyring does not have what a saved repository needs.
    """
    from xolite_qt.backup.storage.urls import key_in, parse

    key = read_key(key_file) if key_file else None
    if not is_address(repo):
        return _saved(repo, key)
    parse(repo)
    return Address(repo, key or key_in(repo))


def is_address(repo: str) -> bool:
    """Whether this is where a repository lies, and not the name of a saved one."""
    return "://" in repo or os.path.isabs(repo)


def _saved(name: str, key: str | None) -> Address:
    from xolite_qt.backup.jobs.store import RepositoryStore
    from xolite_qt.backup.run.secrets import Secrets
    from xolite_qt.backup.storage.urls import BadUrl

    saved = RepositoryStore().named(name)
    if saved is None:
        # The name is not repeated: it may be an address with a typing error, and a secret in it.
        raise BadUrl(
            "no saved repository has this name; an address is file:///path, "
            "s3://KEY:SECRET@HOST/BUCKET/DIR or s3+http://…"
        )
    secrets = Secrets.load(repositories=[saved])
    return Address(secrets.repository_url(saved), key or secrets.repository_key(saved))


def read_key(path: Path) -> str:
    """The key in a file; the line's end does not belong to it.

    Raises:
        click.UsageError: it cannot be read, or is no text.
    """
    try:
        key = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise click.UsageError(
            f"{path} cannot be read as a key: it must be a line of text"
        ) from None
    if not key:
        raise click.UsageError(f"{path} holds no key")
    return key


@contextmanager
def opened(address: Address, *, patient: bool = False) -> Iterator[Repository]:
    """The repository, closed afterwards.

    Args:
        address: see `address_of`.
        patient: for long work, which outlives an outage of minutes.

    Raises:
        WrongKey, StorageError: it cannot be opened; also where nothing is there at all.
    """
    from xolite_qt.backup.errors import NotFound
    from xolite_qt.backup.repository import Repository
    from xolite_qt.backup.storage import open_storage
    from xolite_qt.backup.storage.retry import RetryPolicy

    policy = RetryPolicy(budget_s=OPEN_BUDGET_S, access_tries=OPEN_TRIES)
    storage = open_storage(address.url, policy=policy)
    try:
        # A typing error, or a mount that is away, must not pass for a repository without problems.
        if not storage.list(""):
            raise NotFound("", f"there is no repository at {storage.name}: nothing is there")
        repository = Repository.open(storage, address.key)
        if not patient:
            yield repository
            return
    finally:
        storage.close()
    storage = open_storage(address.url, policy=RetryPolicy(budget_s=WORK_BUDGET_S))
    try:
        yield Repository.open(storage, address.key)
    finally:
        storage.close()


# How a command ends


class Ending:
    """What a command knows when it fails: whether it could open the repository."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.is_open = False

    def code(self, error: BackupError) -> int:
        """The exit code of an error."""
        from xolite_qt.backup.errors import AccessDenied, Cancelled, Unreachable, WrongKey
        from xolite_qt.backup.storage.urls import BadUrl

        if isinstance(error, Cancelled):
            return INTERRUPTED
        if isinstance(error, BadUrl):
            return USAGE
        if not self.is_open or isinstance(error, AccessDenied | Unreachable | WrongKey):
            return UNREACHABLE
        return PROBLEMS


@contextmanager
def ending(as_json: bool) -> Iterator[Ending]:
    """Turns errors of the engine into a sentence, or an object, and an exit code."""
    from xolite_qt.backup.errors import BackupError, Cancelled

    end = Ending(as_json)
    try:
        yield end
    except (KeyboardInterrupt, Cancelled):
        _say(end, "", "stopped")
        sys.exit(INTERRUPTED)
    except BackupError as error:
        path = getattr(error, "path", "")
        _say(end, path, getattr(error, "what", str(error)))
        sys.exit(end.code(error))


def _say(end: Ending, path: str, what: str) -> None:
    if end.as_json:
        echo_json({"ok": False, "problems": [{"path": path.lstrip("/"), "what": what}]})
    else:
        click.echo(plain(f"{path}: {what}" if path else what), err=True)


def echo_json(answer: dict[str, Any]) -> None:
    """One object on one line of standard output."""
    click.echo(json.dumps(answer))


def plain(text: str) -> str:
    """A text of the host's or of a file, without what a terminal would take for a command."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


# Ctrl-C


@contextmanager
def stoppable() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; the second ends the process at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def interrupted(_number: int, _frame: object) -> None:
        if stop.is_set():
            # Workers see that their parent is gone, and end as well.
            os._exit(INTERRUPTED)
        stop.set()
        # Not through click: a signal may come in the middle of one of its writes.
        os.write(2, b"\nStopping; press Ctrl-C again to end at once.\n")

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


# Progress


class Bar:
    """A bar on a terminal; several threads may move it."""

    def __init__(self, label: str) -> None:
        self._lock = threading.Lock()
        self._bar = click.progressbar(length=1, label=label, file=sys.stderr)
        self._bar.__enter__()

    def __call__(self, done: int, total: int) -> None:
        """Shows `done` of `total`; never goes back."""
        with self._lock:
            self._bar.length = max(total, 1)
            if done > self._bar.pos:
                self._bar.update(done - self._bar.pos)

    def close(self) -> None:
        """Ends its line."""
        with self._lock:
            self._bar.__exit__(None, None, None)


@contextmanager
def progress_bar(label: str, as_json: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error; None where that is no terminal, or a script reads the answer."""
    if as_json or not sys.stderr.isatty():
        yield None
        return
    bar = Bar(label)
    try:
        yield bar
    finally:
        bar.close()
