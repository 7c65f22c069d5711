"""From the start page to a host: every way that it can go."""

from __future__ import annotations

import asyncio
import socket
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
from xolite_qt.ui.dialogs.certificate import ChangedDialog, TrustDialog
from xolite_qt.ui.dialogs.fingerprint import FingerprintView

OTHER = ":".join(["AB"] * 32)


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


async def test_a_first_connection_shows_the_certificate_before_anything_is_sent(
    shell: Shell,
) -> None:
    shell.send_form()
    dialog = await shell.dialog(TrustDialog)
    assert not shell.running.host.calls
    shown = {view.fingerprint for view in dialog.findChildren(FingerprintView)}
    assert shown == {shell.running.fingerprint}
    assert dialog.focusWidget() is dialog.cancel
    dialog.trust.click()
    await shell.connected()
    assert shell.application.pins.file.pinned(*place(shell)) == shell.running.fingerprint
    settings = shell.file.load()
    assert [(k.url, k.user) for k in settings.known_hosts] == [
        (shell.running.url, shell.running.user)
    ]
    assert shell.running.password not in shell.file.path.read_text()


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


async def test_a_trusted_host_is_not_asked_about_again(shell: Shell) -> None:
    shell.application.pins.file.accept(*place(shell), shell.running.fingerprint)
    shell.send_form()
    await shell.connected()


async def test_a_changed_certificate_is_refused_unless_the_name_is_typed(shell: Shell) -> None:
    pins = shell.application.pins.file
    pins.accept(*place(shell), OTHER)
    shell.send_form()
    dialog = await shell.dialog(ChangedDialog)
    shown = {view.fingerprint for view in dialog.findChildren(FingerprintView)}
    assert shown == {OTHER, shell.running.fingerprint}
    assert dialog.focusWidget() is dialog.refuse
    assert not dialog.accept_new.isEnabled()
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    dialog.reject()
    await shell.until(lambda: shell.window.start.go.isEnabled())
    assert pins.pinned(*place(shell)) == OTHER
    assert not shell.running.host.calls

    shell.send_form()
    dialog = await shell.dialog(ChangedDialog)
    dialog.typed.setText("127.0.0.2")
    assert not dialog.accept_new.isEnabled()
    dialog.typed.setText(" 127.0.0.1 ")
    dialog.accept_new.click()
    await shell.connected()
    assert pins.pinned(*place(shell)) == shell.running.fingerprint


async def test_a_wrong_password_is_said_beside_the_form(shell: Shell) -> None:
    shell.application.pins.file.accept(*place(shell), shell.running.fingerprint)
    shell.send_form("wrong")
    notice = shell.window.start.notice
    await shell.until(lambda: "did not accept" in notice.text())
    assert shell.window.workspace is None
    assert shell.window.start.address.text() == shell.running.url
    assert shell.window.start.password.selectedText() == "wrong"
    assert shell.file.load().known_hosts == []
    # Right the second time, and nothing of the first is left.
    shell.send_form()
    await shell.connected()


async def test_a_closed_port_and_an_impossible_address_are_told_apart(shell: Shell) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    notice = shell.window.start.notice
    shell.send_form(url=f"127.0.0.1:{port}")
    await shell.until(lambda: "refuses the connection" in notice.text())
    shell.send_form(url="ftp://example.org")
    await shell.until(lambda: "cannot be used" in notice.text())


@pytest.mark.parametrize("fault", ["garbage", "half", "wrong_types"])
async def test_answers_without_sense_are_an_error_in_words(shell: Shell, fault: str) -> None:
    shell.application.pins.file.accept(*place(shell), shell.running.fingerprint)
    getattr(shell.running.host.faults, fault)(3)
    shell.send_form()
    start = shell.window.start
    await shell.until(lambda: start.notice.text() and start.go.isEnabled())
    assert "Traceback" not in start.notice.text()
    assert shell.window.workspace is None


async def test_a_silent_host_can_be_given_up(shell: Shell) -> None:
    shell.application.pins.file.accept(*place(shell), shell.running.fingerprint)
    shell.running.host.faults.silent(60)
    shell.send_form()
    start = shell.window.start
    await shell.until(lambda: start.cancel.isVisible())
    assert not start.address.isEnabled()
    assert not start.go.isEnabled()
    QTest.keyClick(start, Qt.Key.Key_Escape)
    assert start.go.isEnabled()
    assert not start.notice.isVisible()
    shell.running.host.faults.silent(0)


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


async def test_the_demo_host_needs_no_question_and_leaves_no_trace(shell: Shell) -> None:
    shell.window.start.demo.click()
    await shell.connected()
    assert shell.workspace.stores.api.url != shell.running.url
    assert shell.file.load().known_hosts == []
    assert shell.application.pins.file.all() == {}
    await shell.application.leave()
    assert shell.window.workspace is None
    # The same one again, as it was left.
    shell.window.start.demo.click()
    await shell.connected()


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
