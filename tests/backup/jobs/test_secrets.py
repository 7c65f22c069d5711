"""Secrets of a run: handed on over a pipe, shown nowhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.backup.jobs.model import HostRef, SavedRepository
from xolite_qt.backup.run.secrets import SecretMissing, Secrets
from xolite_qt.credentials import host_account

TEXTS = st.dictionaries(st.text(max_size=10), st.text(max_size=40), max_size=3)
HOST = HostRef("https://h", "root")


def a_repository(url: str, *, encrypted: bool = False) -> SavedRepository:
    return SavedRepository(id="r", name="vault", url=url, encrypted=encrypted)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_one_line_and_back(
    hosts: dict[str, str], logins: dict[str, str], keys: dict[str, str], reports: dict[str, str]
) -> None:
    secrets = Secrets(hosts, logins, keys, reports)
    line = secrets.to_line()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert Secrets.from_line(line) == secrets


@pytest.mark.parametrize("line", [b"", b"\n", b"{", b"[]\n", b"\xff\n", b'{"hosts": 3}\n'])
def test_a_line_that_is_none(line: bytes) -> None:
    assert Secrets.from_line(line) == Secrets()


def test_they_are_not_shown() -> None:
    secrets = Secrets({"h": "pass-1"}, {"r": "login-2"}, {"r": "key-3"}, {"o": "token-4"})
    shown = f"{secrets} {secrets!r} {[secrets]} {list(secrets.__rich_repr__())}"
    assert not any(one in shown for one in ("pass-1", "login-2", "key-3", "token-4"))


def test_logins_go_into_addresses_that_need_them() -> None:
    secrets = Secrets(logins={"r": "KEY:a%2Fb"})
    assert secrets.repository_url(a_repository("s3://host/bucket")) == (
        "s3://KEY:a%2Fb@host/bucket"
    )
    assert secrets.repository_url(a_repository("file:///vault")) == "file:///vault"
    with pytest.raises(SecretMissing, match="no access key of the repository vault"):
        Secrets().repository_url(a_repository("s3://host/bucket"))


def test_what_is_missing_is_said_by_name() -> None:
    secrets = Secrets({host_account(HOST.url, HOST.user): "p"}, keys={"r": "k"})
    assert secrets.password(HOST) == "p"
    assert secrets.repository_key(a_repository("file:///v", encrypted=True)) == "k"
    assert secrets.repository_key(a_repository("file:///v")) is None
    with pytest.raises(SecretMissing, match="no password of root at https://h"):
        Secrets().password(HOST)
    with pytest.raises(SecretMissing, match="no encryption key of the repository vault"):
        Secrets().repository_key(a_repository("file:///v", encrypted=True))


def test_those_of_who_starts_it_come_first() -> None:
    both = Secrets(keys={"r": "mine"}).over(Secrets(keys={"r": "other", "s": "more"}))
    assert both.keys == {"r": "mine", "s": "more"}
