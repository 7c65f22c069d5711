"""Passwords in the keyring of the desktop. Where there is none, nothing is stored anywhere."""

from __future__ import annotations

import asyncio

_SERVICE = "xolite-qt"


class Credentials:
    """Remembers the password of a host and user, through `keyring`.

    The keyring is asked in a thread: a locked one asks its user first, and that may take long.
    """

    async def trouble(self) -> str:
        """Why nothing can be stored here, as a sentence; empty where it can."""
        return await asyncio.to_thread(_trouble)

    async def load(self, url: str, user: str) -> str | None:
        """The password, or None where none is stored or the keyring stays closed."""
        return await asyncio.to_thread(_load, url, user)

    async def store(self, url: str, user: str, password: str) -> str:
        """Stores a password; returns why it could not, or an empty string."""
        return await asyncio.to_thread(_store, url, user, password)

    async def forget(self, url: str, user: str) -> None:
        """Removes a password; that there was none is no error."""
        await asyncio.to_thread(_forget, url, user)


def _account(url: str, user: str) -> str:
    return f"{user}@{url}"


def _trouble() -> str:
    import keyring
    from keyring.backends import fail, null

    backend = keyring.get_keyring()
    if isinstance(backend, fail.Keyring | null.Keyring) or backend.priority <= 0:
        return "This desktop has no keyring, so the password is not stored anywhere."
    return ""


def _load(url: str, user: str) -> str | None:
    import keyring
    from keyring.errors import KeyringError

    if _trouble():
        return None
    try:
        return keyring.get_password(_SERVICE, _account(url, user))
    except KeyringError:
        return None


def _store(url: str, user: str, password: str) -> str:
    import keyring
    from keyring.errors import KeyringError

    if trouble := _trouble():
        return trouble
    try:
        keyring.set_password(_SERVICE, _account(url, user), password)
    except KeyringError as error:
        return f"The keyring did not take the password: {error}"
    return ""


def _forget(url: str, user: str) -> None:
    import keyring
    from keyring.errors import KeyringError

    if _trouble():
        return
    try:
        keyring.delete_password(_SERVICE, _account(url, user))
    except KeyringError:
        return
