"""The settings: one declared table in one file. Secrets go to the keyring, never here."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
import platformdirs

Doc = msgspec.Meta


class KnownHost(msgspec.Struct, frozen=True):
    """A connection to offer again."""

    url: str
    user: str = "root"
    keep_signed_in: bool = False


class Settings(msgspec.Struct, kw_only=True):
    """Every setting with its type, default and meaning. A typo in a name is a type error."""

    theme: Annotated[
        Literal["system", "light", "dark"], Doc(description="Colours of the window.")
    ] = "system"
    reduced_motion: Annotated[
        bool, Doc(description="No animations, whatever the desktop says.")
    ] = False
    call_timeout_s: Annotated[
        float, Doc(ge=5, le=3600, description="Seconds after which a call counts as lost.")
    ] = 60.0
    connect_timeout_s: Annotated[
        float, Doc(ge=1, le=120, description="Seconds to wait for a host to answer at all.")
    ] = 10.0
    finished_tasks_kept: Annotated[
        int, Doc(ge=0, le=10_000, description="Finished tasks kept in the task list.")
    ] = 200
    notify_finished_tasks: Annotated[bool, Doc(description="A short message when a task ends.")] = (
        True
    )
    known_hosts: Annotated[
        list[KnownHost], Doc(description="Connections to offer, the last used first.")
    ] = msgspec.field(default_factory=list)
    window_geometry: Annotated[str, Doc(description="Size and place of the window.")] = ""
    window_splitter: Annotated[
        list[int], Doc(description="Widths of the tree and of the page.")
    ] = msgspec.field(default_factory=list)
    task_drawer_open: Annotated[bool, Doc(description="Whether the task drawer is open.")] = False
    last_tabs: Annotated[
        dict[str, str], Doc(description="The tab last used, for each kind of object.")
    ] = msgspec.field(default_factory=dict)
    last_object: Annotated[
        dict[str, str], Doc(description="The object last looked at: its kind and uuid.")
    ] = msgspec.field(default_factory=dict)
    desktop_notifications: Annotated[
        bool, Doc(description="Tell new alarms and ended work on the desktop while unfocused.")
    ] = True
    journal_days: Annotated[
        int,
        Doc(ge=0, le=36_500, description="Days that the journal keeps what happened; 0: nothing."),
    ] = 365
    acknowledged: Annotated[
        dict[str, float], Doc(description="Alarms that were seen: what, and when last raised.")
    ] = msgspec.field(default_factory=dict)
    show_calls_first: Annotated[
        bool, Doc(description="Show the calls of each action before it is done, as a script.")
    ] = False
    console_release_key: Annotated[
        Literal["right-ctrl", "ctrl+alt", "scroll-lock", "pause"],
        Doc(description="The key that gives the keyboard back from a console."),
    ] = "right-ctrl"
    console_layout: Annotated[
        str, Doc(description="Keyboard layout of the guests that text is typed into.")
    ] = "us"
    console_fits: Annotated[bool, Doc(description="Scale consoles to the room that there is.")] = (
        True
    )
    tables: Annotated[
        dict[str, dict[str, Any]], Doc(description="Columns and sorting of each table.")
    ] = msgspec.field(default_factory=dict)


def describe(name: str) -> str:
    """What a setting means.

    Raises:
        KeyError: there is no such setting.
    """
    for meta in get_args(_hints()[name])[1:]:
        if isinstance(meta, msgspec.Meta) and meta.description:
            return meta.description
    raise KeyError(name)


def _hints() -> dict[str, Any]:
    return get_type_hints(Settings, include_extras=True)


def default_path() -> Path:
    """Where the settings of this user live."""
    return Path(platformdirs.user_config_dir("xolite-qt", appauthor=False)) / "settings.json"


class SettingsFile:
    """Loads and saves the settings; a spoilt file never keeps the app from starting.

    Attributes:
        path: the file; beside it `settings.json.bak` holds what was there before the last save.
        trouble: what was wrong with the file when it was loaded, for the user; empty if nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()
        self.trouble = ""

    def load(self) -> Settings:
        """The settings. What cannot be read has its default, and the bad file is kept aside."""
        self.trouble = ""
        for path in (self.path, self._backup):
            try:
                body = path.read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                self.trouble = f"{path.name} cannot be read: {error.strerror}"
                continue
            settings = self._decode(body)
            if settings is not None:
                return settings
            self.trouble = f"{path.name} was damaged"
            self._keep_aside(path)
        return Settings()

    def _decode(self, body: bytes) -> Settings | None:
        try:
            raw = msgspec.json.decode(body)
        except msgspec.DecodeError:
            return None
        if not isinstance(raw, dict):
            return None
        settings = Settings()
        for name, hint in _hints().items():
            if name in raw:
                try:
                    setattr(settings, name, msgspec.convert(raw[name], hint))
                except msgspec.ValidationError:
                    self.trouble = f"the setting {name} was not understood and has its default"
        return settings

    def _keep_aside(self, path: Path) -> None:
        bad = path.with_suffix(path.suffix + ".bad")
        try:
            path.replace(bad)
        except OSError:
            return
        self.trouble += f"; it is kept as {bad.name}"

    def save(self, settings: Settings) -> None:
        """Writes the settings whole or not at all.

        Raises:
            OSError: the folder cannot be written to; what was there before stays.
        """
        folder = self.path.parent
        folder.mkdir(parents=True, exist_ok=True)
        body = msgspec.json.format(msgspec.json.encode(settings), indent=2)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".settings.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            if self.path.exists():
                shutil.copyfile(self.path, self._backup)
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    @property
    def _backup(self) -> Path:
        return self.path.with_suffix(self.path.suffix + ".bak")
