"""Certificates that the user has accepted: one SHA-256 fingerprint per host and port."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec
import platformdirs


class PinFile:
    """Pins in a file, as `xen_api.Pins` wants them; written whole or not at all.

    A file that cannot be understood is kept aside and nothing is trusted: every certificate is
    shown again. That is the safe side.

    Attributes:
        path: the file, `{"host:port": "AA:BB:…"}`.
        trouble: what was wrong with the file, for the user; empty if nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble = ""
        self._pins: dict[str, str] = {}
        try:
            self._pins = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError) as error:
            self.trouble = f"the list of trusted certificates could not be read ({error})"
            if path.exists():
                path.replace(path.with_suffix(".json.bad"))

    def pinned(self, host: str, port: int) -> str | None:
        """The accepted fingerprint, or None."""
        return self._pins.get(_key(host, port))

    def accept(self, host: str, port: int, fingerprint: str) -> None:
        """Trusts a certificate from now on, instead of an earlier one of that host.

        Raises:
            OSError: the file cannot be written; nothing is trusted then.
        """
        self._save({**self._pins, _key(host, port): fingerprint})

    def forget(self, host: str, port: int) -> None:
        """Trusts a host's certificate no more.

        Raises:
            OSError: the file cannot be written; it stays trusted then.
        """
        self._save({key: value for key, value in self._pins.items() if key != _key(host, port)})

    def all(self) -> dict[str, str]:
        """Every pin: `host:port` to fingerprint."""
        return dict(self._pins)

    def _save(self, pins: dict[str, str]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=".pins.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(pins), indent=1))
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        self._pins = pins


def _key(host: str, port: int) -> str:
    return f"{host.lower()}:{port}"


def default_pins_path() -> Path:
    """Where the pins of this user live."""
    data = Path(platformdirs.user_data_dir("xolite-qt", appauthor=False))
    return data / "trusted-certificates.json"
