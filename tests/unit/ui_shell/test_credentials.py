"""Passwords go to a keyring, or nowhere."""

from __future__ import annotations

from collections.abc import Iterator

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring

from tests.unit.ui_shell.dict_keyring import DictKeyring
from xolite_qt.credentials import Credentials

HERE = ("https://10.0.0.1", "root")


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
        keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]
    else:
        from keyring.backends.null import Keyring

        keyring.set_keyring(Keyring())  # type: ignore[no-untyped-call]
    credentials = Credentials()
    assert "not stored" in await credentials.trouble()
    assert "not stored" in await credentials.store(*HERE, "s3cret")
    assert await credentials.load(*HERE) is None
    await credentials.forget(*HERE)
