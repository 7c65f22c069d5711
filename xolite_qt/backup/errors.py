# ruff: noqa: N818 - they are named after what happened, as the XAPI client does
"""What goes wrong in a backup. Each error is a class with data and says which file it is about."""

from __future__ import annotations


class BackupError(Exception):
    """The root of everything that the engine raises on purpose.

    `str(error)` is one plain sentence without a final stop, fit to be shown to an admin; it never
    holds a secret.
    """


class Cancelled(BackupError):
    """Somebody set the `stop` event."""

    def __init__(self) -> None:
        super().__init__("cancelled")

    def __reduce__(self) -> tuple[type[Cancelled], tuple[()]]:
        return type(self), ()


class StorageError(BackupError):
    """A storage did not do what it was asked.

    Attributes:
        path: the file in the storage, `/`-separated, as its caller named it; empty for the whole.
        what: what went wrong, without the path.
    """

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path}: {what}" if path else what)
        self.path = path
        self.what = what

    def __reduce__(self) -> tuple[type[StorageError], tuple[str, str]]:
        return type(self), (self.path, self.what)


class NotFound(StorageError):
    """A definite answer: there is no such file (only ever raised for reads, stats and lists)."""

    def __init__(self, path: str, what: str = "is not there") -> None:
        super().__init__(path, what)


class AlreadyExists(StorageError):
    """A definite answer: a file that had to be new is there already, and is not ours."""

    def __init__(self, path: str, what: str = "exists already") -> None:
        super().__init__(path, what)


class Changed(StorageError):
    """A definite answer: a conditional write lost, the file is not what was read before."""

    def __init__(self, path: str, what: str = "was changed by somebody else meanwhile") -> None:
        super().__init__(path, what)


class AccessDenied(StorageError):
    """The storage refuses our credentials again and again; the run must stop early."""


class NoSpace(StorageError):
    """The storage is full, or over its quota; the run must stop early."""


class Unreachable(StorageError):
    """The storage did not answer within the budget of one operation."""


class Locked(StorageError):
    """The file may not be changed: Object Lock, or an immutable flag."""


class RepositoryError(BackupError):
    """Something in a repository is not as it should be.

    Attributes:
        path: the file.
        what: what is wrong with it.
    """

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path}: {what}" if path else what)
        self.path = path
        self.what = what

    def __reduce__(self) -> tuple[type[RepositoryError], tuple[str, str]]:
        return type(self), (self.path, self.what)


class Damaged(RepositoryError):
    """A file is truncated, flipped, or not of its format."""


class WrongKey(RepositoryError):
    """The encryption key does not open this repository, or none was given."""


class BrokenChain(RepositoryError):
    """A parent is missing or is not the one that its child names."""


class Busy(RepositoryError):
    """Another process works on this part of the repository now."""


class SourceError(BackupError):
    """A disk could not be read from the host."""


class SourceUnavailable(SourceError):
    """This way of reading the disk is not possible; the next way is tried, and said.

    Attributes:
        reason: why, as a sentence.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
