"""Settings survive: typed, whole, and never in the way of a start."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.settings import KnownHost, Settings, SettingsFile, default_path, describe


@pytest.fixture
def file(tmp_path: Path) -> SettingsFile:
    return SettingsFile(tmp_path / "config" / "settings.json")


def test_the_first_start_has_defaults_and_no_trouble(file: SettingsFile) -> None:
    assert file.load() == Settings()
    assert file.trouble == ""
    assert not file.path.exists()


def test_what_was_saved_comes_back(file: SettingsFile) -> None:
    settings = Settings(
        theme="dark",
        known_hosts=[KnownHost("https://10.0.0.1", "admin", True)],
        last_tabs={"vm": "x"},
    )
    file.save(settings)
    assert SettingsFile(file.path).load() == settings


def test_every_setting_is_described() -> None:
    for field in msgspec.structs.fields(Settings):
        assert describe(field.name).endswith(".")
    with pytest.raises(KeyError):
        describe("no_such_setting")


def test_no_setting_is_named_like_a_secret() -> None:
    for field in (*msgspec.structs.fields(Settings), *msgspec.structs.fields(KnownHost)):
        assert not any(word in field.name for word in ("password", "secret", "token", "session"))


@given(body=st.binary(max_size=200))
def test_any_bytes_start_with_settings_that_work(
    body: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / "settings.json"
    path.write_bytes(body)
    settings = SettingsFile(path).load()
    SettingsFile(path).save(settings)
    assert SettingsFile(path).load() == settings


def test_a_damaged_file_is_kept_aside_and_the_last_good_one_is_used(file: SettingsFile) -> None:
    file.save(Settings(theme="dark"))
    file.save(Settings(theme="light"))
    file.path.write_bytes(b'{"theme": "lig')
    assert file.load().theme == "dark"
    assert "damaged" in file.trouble
    assert file.path.with_suffix(".json.bad").read_bytes() == b'{"theme": "lig'


def test_a_damaged_file_without_a_backup_starts_with_defaults(file: SettingsFile) -> None:
    file.path.parent.mkdir(parents=True)
    file.path.write_text("[1, 2]")
    assert file.load() == Settings()
    assert file.trouble == "settings.json was damaged; it is kept as settings.json.bad"


def test_one_bad_value_costs_only_itself(file: SettingsFile) -> None:
    file.path.parent.mkdir(parents=True)
    file.path.write_text('{"theme": "dark", "call_timeout_s": "soon", "of_a_later_version": 1}')
    settings = file.load()
    assert settings.theme == "dark"
    assert settings.call_timeout_s == Settings().call_timeout_s
    assert "call_timeout_s" in file.trouble


def test_a_folder_that_cannot_be_written_says_so_and_keeps_what_was_there(
    tmp_path: Path,
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OSError):
        SettingsFile(blocked / "settings.json").save(Settings())
    assert blocked.read_text() == ""


def test_nothing_half_written_is_left_behind(file: SettingsFile) -> None:
    file.save(Settings())
    file.save(Settings())
    assert sorted(os.listdir(file.path.parent)) == ["settings.json", "settings.json.bak"]


def test_they_live_in_the_users_own_folder() -> None:
    assert Path(os.environ["HOME"]) in default_path().parents
