"""Remembering a repository: its address in a file, its secrets in the keyring."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from xolite_qt.cli.repo_access import OPEN_BUDGET_S, Address, is_address

if TYPE_CHECKING:
    from xolite_qt.backup.jobs.model import SavedRepository

# What an address may say besides; everything else could be a secret.
_OPTIONS = ("allowUnauthorized", "region")


def split_login(url: str) -> tuple[str, str]:
    """An address without secrets, with all that is needed to reach it, and its login.

    Args:
        url: as `urls.parse` takes it.

    Returns:
        The address, and `KEY:SECRET` as it stands in it; empty where there is none.
    """
    scheme, colon, rest = url.partition("://")
    if not colon or scheme == "file":
        from xolite_qt.backup.storage.urls import without_secrets

        return without_secrets(url), ""
    rest, hash_sign, region = rest.partition("#")
    rest, _, query = rest.partition("?")
    login, _, place = rest.rpartition("@")
    options = urlencode([(name, to) for name, to in parse_qsl(query) if name in _OPTIONS])
    return f"{scheme}://{place}{'?' if options else ''}{options}{hash_sign}{region}", login


def is_encrypted(address: Address) -> bool:
    """Opens a repository; nothing is written.

    An empty place is one too, for the first backup, unless it is to be encrypted: that is made
    with `create`.

    Raises:
        WrongKey, StorageError: it cannot be opened.
    """
    from xolite_qt.backup.repository import Repository
    from xolite_qt.backup.storage import open_storage
    from xolite_qt.backup.storage.retry import RetryPolicy

    storage = open_storage(address.url, policy=RetryPolicy(budget_s=OPEN_BUDGET_S))
    try:
        storage.list("")
        return Repository.open(storage, address.key).encrypted
    finally:
        storage.close()


def remember(name: str, address: Address, *, encrypted: bool) -> SavedRepository:
    """Saves a repository; where something fails nothing is kept.

    Raises:
        RepositoryError: the name cannot be, or is taken; or the keyring takes no secrets.
        StoreError: it cannot be saved.
    """
    from xolite_qt import credentials
    from xolite_qt.backup.errors import BackupError, RepositoryError
    from xolite_qt.backup.jobs.model import SavedRepository
    from xolite_qt.backup.jobs.store import RepositoryStore

    store = RepositoryStore()
    if not name.strip() or not name.isprintable() or is_address(name):
        raise RepositoryError("", "this cannot be a repository's name")
    if store.named(name) is not None:
        raise RepositoryError("", f"there is a saved repository called {name!r} already")
    url, login = split_login(address.url)
    saved = SavedRepository(id=str(uuid.uuid4()), name=name, url=url, encrypted=encrypted)
    secrets = {
        credentials.repository_login_account(saved.id): login,
        credentials.repository_key_account(saved.id): address.key or "",
    }
    try:
        for account, secret in secrets.items():
            if secret:
                credentials.store(account, secret)
        store.save(saved)
    except (BackupError, credentials.CredentialsError) as error:
        for account in secrets:
            credentials.forget(account)
        if isinstance(error, BackupError):
            raise
        raise RepositoryError("", f"its secrets cannot be kept: {error}".rstrip(".")) from None
    return saved
