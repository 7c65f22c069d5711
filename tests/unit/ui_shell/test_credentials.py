"""Passwords go to a keyring, or nowhere."""

from __future__ import annotations

from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked, PasswordDeleteError

from xolite_qt.ui.credentials import Credentials

HERE = ("https://10.0.0.1", "root")


class DictKeyring(KeyringBackend):
    """A keyring that works, or one that its user has not unlocked."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def _open(self) -> dict[tuple[str, str], str]:
        if self.locked:
            raise KeyringLocked("locked")
        return self.kept

    def get_password(self, service: str, username: str) -> str | None:
        return self._open().get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._open()[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self._open().pop((service, username), None) is None:
            raise PasswordDeleteError("none")


@pytest.fixture
def ring() -> Iterator[DictKeyring]:
    before = keyring.get_keyring()
    made = DictKeyring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


async def test_a_password_is_kept_by_address_and_user(ring: DictKeyring) -> None:
    credentials = Credentials()
    assert await credentials.trouble() == ""
    assert await credentials.store(*HERE, "s3cret") == ""
    assert await credentials.load(*HERE) == "s3cret"
    assert await credentials.load(HERE[0], "admin") is None
    await credentials.forget(*HERE)
    assert await credentials.load(*HERE) is None
    await credentials.forget(*HERE)


async def test_a_locked_keyring_says_so_and_keeps_nothing(ring: DictKeyring) -> None:
    ring.locked = True
    credentials = Credentials()
    assert "did not take the password" in await credentials.store(*HERE, "s3cret")
    assert await credentials.load(*HERE) is None
    await credentials.forget(*HERE)


@pytest.mark.parametrize("backend", ["null", "fail"])
async def test_without_a_keyring_it_says_so_and_stores_nothing(
    ring: DictKeyring, backend: str
) -> None:
    if backend == "fail":
        keyring.set_keyring(NoKeyring())
    else:
        from keyring.backends.null import Keyring

        keyring.set_keyring(Keyring())
    credentials = Credentials()
    assert "not stored" in await credentials.trouble()
    assert "not stored" in await credentials.store(*HERE, "s3cret")
    assert await credentials.load(*HERE) is None
    await credentials.forget(*HERE)
