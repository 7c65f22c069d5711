"""Secrets in the keyring of the desktop. Where there is none, nothing is stored anywhere.

The window, the agent and the commands share them: passwords of hosts, access to repositories, their
encryption keys, and addresses of reports (which hold tokens).
"""

from __future__ import annotations

import asyncio

_SERVICE = "xolite-qt"


class CredentialsError(Exception):
    """A secret could not be stored; the text says why."""


class Credentials:
    """Remembers the password of a host and user, through `keyring`.

    The keyring is asked in a thread: a locked one asks its user first, and that may take long.
    """

    async def trouble(self) -> str:
        """Why nothing can be stored here, as a sentence; empty where it can."""
        return await asyncio.to_thread(trouble)

    async def load(self, url: str, user: str) -> str | None:
        """The password, or None where none is stored or the keyring stays closed."""
        return await asyncio.to_thread(load, host_account(url, user))

    async def store(self, url: str, user: str, password: str) -> str:
        """Stores a password; returns why it could not, or an empty string."""
        try:
            await asyncio.to_thread(store, host_account(url, user), password)
        except CredentialsError as error:
            return str(error)
        return ""

    async def forget(self, url: str, user: str) -> None:
        """Removes a password; that there was none is no error."""
        await asyncio.to_thread(forget, host_account(url, user))


def host_account(url: str, user: str) -> str:
    """Name of the entry of a host's password."""
    return f"{user}@{url}"


def repository_login_account(repository_id: str) -> str:
    """Name of the entry of a repository's access: `KEY:SECRET`, as they stand in its URL."""
    return f"repository:{repository_id}:login"


def repository_key_account(repository_id: str) -> str:
    """Name of the entry of a repository's encryption key."""
    return f"repository:{repository_id}:key"


def report_account(name: str) -> str:
    """Name of the entry of a report's address."""
    return f"report:{name}"


def trouble() -> str:
    """Why nothing can be stored here, as a sentence; empty where it can."""
    import keyring
    from keyring.backends import fail, null

    backend = keyring.get_keyring()
    if isinstance(backend, fail.Keyring | null.Keyring) or backend.priority <= 0:
        return "This desktop has no keyring, so the password is not stored anywhere."
    return ""


def load(account: str) -> str | None:
    """A secret, or None where none is stored or the keyring stays closed. May wait for its user."""
    import keyring
    from keyring.errors import KeyringError

    if trouble():
        return None
    try:
        return keyring.get_password(_SERVICE, account)
    except KeyringError:
        return None


def store(account: str, secret: str) -> None:
    """Stores a secret. May wait for the keyring's user.

    Raises:
        CredentialsError: there is no keyring, or it does not take it.
    """
    import keyring
    from keyring.errors import KeyringError

    if why := trouble():
        raise CredentialsError(why)
    try:
        keyring.set_password(_SERVICE, account, secret)
    except KeyringError as error:
        raise CredentialsError(f"The keyring did not take the password: {error}") from error


def forget(account: str) -> None:
    """Removes a secret; that there was none is no error."""
    import keyring
    from keyring.errors import KeyringError

    if trouble():
        return
    try:
        keyring.delete_password(_SERVICE, account)
    except KeyringError:
        return
