"""Pins: what was accepted is remembered by host and port; what cannot be read trusts nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from xolite_qt.trust import PinFile

ONE, OTHER = "AA:" * 31 + "AA", "BB:" * 31 + "BB"


def test_a_pin_is_found_by_host_and_port(tmp_path: Path) -> None:
    pins = PinFile(tmp_path / "data" / "pins.json")
    assert pins.pinned("xcp-1", 443) is None
    pins.accept("XCP-1", 443, ONE)
    assert PinFile(pins.path).pinned("xcp-1", 443) == ONE
    assert pins.pinned("xcp-1", 4430) is None


def test_accepting_replaces_and_forgetting_removes(tmp_path: Path) -> None:
    pins = PinFile(tmp_path / "pins.json")
    pins.accept("a", 443, ONE)
    pins.accept("b", 443, ONE)
    pins.accept("a", 443, OTHER)
    assert pins.all() == {"a:443": OTHER, "b:443": ONE}
    pins.forget("a", 443)
    assert PinFile(pins.path).all() == {"b:443": ONE}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"a": 1}', b"\xff\xfe", b'{"a:443": "AA'])
def test_a_spoilt_file_trusts_nobody_and_is_kept(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "pins.json"
    path.write_bytes(body)
    pins = PinFile(path)
    assert pins.all() == {}
    assert "could not be read" in pins.trouble
    assert (tmp_path / "pins.json.bad").read_bytes() == body


def test_what_cannot_be_written_is_not_trusted(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    pins = PinFile(blocked / "pins.json")
    with pytest.raises(OSError):
        pins.accept("a", 443, ONE)
    assert pins.pinned("a", 443) is None
