"""The start page: what it remembers, and odd hosts that one may meet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.gui.shell.conftest import Shell
from tests.unit.ui_shell.dict_keyring import DictKeyring
from xolite_qt.app import Launch
from xolite_qt.demo_host import DemoHost
from xolite_qt.demo_host.worlds import build_default_world
from xolite_qt.settings import KnownHost
from xolite_qt.ui.dialogs.certificate import TrustDialog


@pytest.fixture
def ring() -> Iterator[DictKeyring]:
    before = keyring.get_keyring()
    made = DictKeyring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def place(shell: Shell) -> tuple[str, int]:
    host, port = shell.running.url.removeprefix("https://").rsplit(":", 1)
    return host, int(port)


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape])
async def test_neither_enter_nor_esc_trusts_a_certificate(shell: Shell, key: Qt.Key) -> None:
    shell.send_form()
    dialog = await shell.dialog(TrustDialog)
    QTest.keyClick(dialog, key)
    if dialog.isVisible():
        dialog.reject()
    await shell.until(lambda: shell.window.start.go.isEnabled())
    assert shell.window.workspace is None
    assert shell.application.pins.file.all() == {}
    assert not shell.running.host.calls
    # What was typed stays.
    assert shell.window.start.password.text() == shell.running.password


@pytest.mark.parametrize("fault", ["garbage", "half", "wrong_types"])
async def test_answers_without_sense_are_an_error_in_words(shell: Shell, fault: str) -> None:
    shell.application.pins.file.accept(*place(shell), shell.running.fingerprint)
    getattr(shell.running.host.faults, fault)(3)
    shell.send_form()
    start = shell.window.start
    await shell.until(lambda: start.notice.text() and start.go.isEnabled())
    assert "Traceback" not in start.notice.text()
    assert shell.window.workspace is None


async def test_a_slave_names_its_master_and_leads_there(shell: Shell) -> None:
    host, port = place(shell)
    slave = DemoHost(speed=0.02, password=shell.running.password, slave_of=f"{host}:{port}")
    build_default_world(slave)
    running = await slave.start("127.0.0.1:0", False)
    try:
        pins = shell.application.pins.file
        pins.accept(*_place_of(running.url), running.fingerprint)
        pins.accept(host, port, shell.running.fingerprint)
        shell.send_form(url=running.url)
        notice = shell.window.start.notice
        await shell.until(lambda: "only its master" in notice.text())
        assert f"{host}:{port}" in notice.text()
        notice.button.click()
        await shell.connected()
        assert shell.workspace.stores.api.url == shell.running.url
    finally:
        await shell.quit()
        await running.stop()


def _place_of(url: str) -> tuple[str, int]:
    host, port = url.removeprefix("https://").rsplit(":", 1)
    return host, int(port)


async def test_a_spoilt_world_is_an_error_on_the_start_page(shell: Shell, tmp_path: Path) -> None:
    await shell.quit()
    world = tmp_path / "world.json"
    world.write_text('{"VM": {"OpaqueRef:1": {"name_la')
    shell.launch(Launch(demo=True, world=world))
    notice = shell.window.start.notice
    await shell.until(lambda: "could not be started" in notice.text())
    assert shell.window.workspace is None


async def test_without_a_keyring_the_box_says_so(shell: Shell) -> None:
    start = shell.window.start
    await shell.until(lambda: not start.keep.isEnabled())
    assert "no keyring" in start.keep_note.text()


async def test_kept_passwords_sign_in_until_one_signs_out(ring: DictKeyring, shell: Shell) -> None:
    start = shell.window.start
    await asyncio.sleep(0.1)
    assert start.keep.isEnabled()
    shell.application.pins.file.accept(*place(shell), shell.running.fingerprint)
    start.keep.setChecked(True)
    shell.send_form()
    await shell.connected()
    assert list(ring.kept.values()) == [shell.running.password]
    await shell.quit()
    assert shell.running.password not in shell.file.path.read_text()

    shell.launch()
    await shell.connected()
    await shell.application.leave()
    assert list(ring.kept.values()) == [shell.running.password]
    assert shell.file.load().known_hosts[0].keep_signed_in

    item = shell.window.start.known.item(0)
    shell.window.start.known.itemActivated.emit(item)
    await shell.connected()
    await shell.application.sign_out()
    assert ring.kept == {}
    assert not shell.file.load().known_hosts[0].keep_signed_in
    await shell.quit()
    shell.launch()
    await asyncio.sleep(0.1)
    assert shell.window.workspace is None


async def test_a_remembered_host_fills_the_form_and_can_be_forgotten(shell: Shell) -> None:
    await shell.quit()
    settings = shell.file.load()
    settings.known_hosts = [KnownHost("https://10.0.0.9", "admin")]
    shell.file.save(settings)
    shell.launch()
    start = shell.window.start
    known = start.known
    known.setCurrentRow(0)
    known.itemActivated.emit(known.item(0))
    await shell.until(lambda: start.address.text() == "10.0.0.9")
    assert start.user.text() == "admin"
    known.setFocus()
    QTest.keyClick(known, Qt.Key.Key_Delete)
    await shell.until(lambda: known.count() == 0)
    assert shell.file.load().known_hosts == []


async def test_damaged_files_are_told_and_the_window_opens(shell: Shell) -> None:
    pins = shell.application.pins.file.path
    await shell.quit()
    shell.file.path.with_suffix(".json.bak").unlink(missing_ok=True)
    shell.file.path.write_text("{")
    pins.parent.mkdir(parents=True, exist_ok=True)
    pins.write_text("{")
    shell.launch()
    await shell.until(lambda: len(shell.window.toasts.texts()) == 2)
    assert any("damaged" in text for text in shell.window.toasts.texts())
    assert any("certificates" in text for text in shell.window.toasts.texts())
