"""A password and a session are for the host alone: no log and no file ever has them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest

from tests.gui.shell.shell_bench import shell, until
from tests.unit.ui_shell.dict_keyring import DictKeyring
from xolite_qt.ui.dialogs.certificate import TrustDialog
from xolite_qt.xen_api import LinkPhase

CANARY = "canary-5up3r-5ecret"


@pytest.fixture
def ring() -> Iterator[DictKeyring]:
    """A keyring that works."""
    before = keyring.get_keyring()
    made = DictKeyring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def written_below(folder: Path) -> dict[Path, bytes]:
    """Everything that is in files."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.logs_warnings
async def test_no_secret_is_logged_or_written(
    ring: DictKeyring, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    async with shell() as bench:
        bench.host.password = bench.running.password = CANARY
        bench.type_form("wrong-" + CANARY)
        bench.start.go.click()
        (await bench.dialog(TrustDialog)).accept()
        await until(lambda: bench.start.cancel.isHidden())
        bench.type_form(CANARY)
        await until(bench.start.keep.isEnabled)
        bench.start.keep.setChecked(True)
        bench.start.go.click()
        await bench.settled()
        # Whoever asks for it has it kept, in the keyring alone.
        assert list(ring.kept.values()) == [CANARY]
        await bench.open_tab("pool", "", "vms")
        sessions = bench.host.sessions.refs()
        assert sessions
        # Trouble is what gets logged: an outage, and a session that is no more.
        bench.host.faults.refuse(0.3)
        await until(lambda: bench.api.events.state.phase is not LinkPhase.CONNECTED)
        await until(lambda: bench.api.events.state.phase is LinkPhase.CONNECTED, 25)
        bench.host.faults.expire_sessions()
        await until(lambda: bench.host.sessions.refs() - sessions)
        sessions |= bench.host.sessions.refs()
    said = "\n".join(
        f"{record.getMessage()} {record.args} {record.exc_text}"
        for record in caplog.records
        if not record.name.startswith("xolite_qt.demo_host")
    )
    files = written_below(tmp_path)
    for secret in (CANARY, *sessions):
        assert secret not in said
        for path, body in files.items():
            assert secret.encode() not in body, path
