"""What a run must know and no file may hold: from the keyring, or from whoever starts it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from xolite_qt import credentials
from xolite_qt.backup.errors import BackupError
from xolite_qt.backup.jobs.model import HostRef, SavedRepository


class SecretMissing(BackupError):  # noqa: N818 - says what is the matter
    """The keyring does not have what a run needs."""


class Secrets(msgspec.Struct):
    """Secrets by what they are of. Its `repr` shows none.

    Attributes:
        hosts: passwords by `user@url`.
        logins: `KEY:SECRET` by repository id, percent-encoded as in a URL.
        keys: encryption keys by repository id.
        reports: addresses by name.
    """

    hosts: dict[str, str] = {}
    logins: dict[str, str] = {}
    keys: dict[str, str] = {}
    reports: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Secrets of {len(self.hosts)} hosts, {len(self.keys)} encrypted repositories>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Shows none either; the one that would be inherited shows all."""
        return []

    @classmethod
    def load(
        cls,
        *,
        hosts: Iterable[HostRef] = (),
        repositories: Iterable[SavedRepository] = (),
        reports: Iterable[str] = (),
    ) -> Secrets:
        """What the keyring has; what it has not is simply not there. May wait for its user."""
        found = cls()
        for host in hosts:
            account = credentials.host_account(host.url, host.user)
            _put(found.hosts, account, credentials.load(account))
        for saved in repositories:
            if not saved.url.startswith("file:"):
                login = credentials.load(credentials.repository_login_account(saved.id))
                _put(found.logins, saved.id, login)
            if saved.encrypted:
                key = credentials.load(credentials.repository_key_account(saved.id))
                _put(found.keys, saved.id, key)
        for name in reports:
            _put(found.reports, name, credentials.load(credentials.report_account(name)))
        return found

    def over(self, other: Secrets) -> Secrets:
        """These, and those of another where these have none."""
        return Secrets(
            {**other.hosts, **self.hosts},
            {**other.logins, **self.logins},
            {**other.keys, **self.keys},
            {**other.reports, **self.reports},
        )

    def password(self, host: HostRef) -> str:
        """Raises:
        SecretMissing: there is none.
        """
        found = self.hosts.get(credentials.host_account(host.url, host.user))
        if found is None:
            raise SecretMissing(f"the keyring has no password of {host.user} at {host.url}")
        return found

    def repository_url(self, saved: SavedRepository) -> str:
        """The URL with its login.

        Raises:
            SecretMissing: it needs one, and there is none.
        """
        scheme, colon, rest = saved.url.partition("://")
        if not colon or scheme == "file":
            return saved.url
        login = self.logins.get(saved.id)
        if not login:
            raise SecretMissing(f"the keyring has no access key of the repository {saved.name}")
        return f"{scheme}://{login}@{rest}"

    def repository_key(self, saved: SavedRepository) -> str | None:
        """The encryption key; None for a plain repository.

        Raises:
            SecretMissing: it needs one, and there is none.
        """
        if not saved.encrypted:
            return None
        key = self.keys.get(saved.id)
        if not key:
            raise SecretMissing(f"the keyring has no encryption key of the repository {saved.name}")
        return key

    def to_line(self) -> bytes:
        """As one line, for the input of a process."""
        return msgspec.json.encode(self) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Secrets:
        """What `to_line` made; nothing where the line is empty or no such thing."""
        try:
            return msgspec.json.decode(line, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return cls()


def _put(into: dict[str, str], name: str, secret: str | None) -> None:
    if secret is not None:
        into[name] = secret
