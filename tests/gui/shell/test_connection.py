"""From the form to a connection and back: trust, refusals, and what the user reads meanwhile."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import platformdirs
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.gui.shell.shell_bench import Shell, press, shell, until
from xolite_qt.demo_host import DemoHost
from xolite_qt.ui.dialogs.certificate import ChangedDialog, TrustDialog
from xolite_qt.ui.dialogs.fingerprint import FingerprintView

OTHER = ":".join(["AB"] * 32)


def pin_file() -> Path:
    return Path(platformdirs.user_data_dir("xolite-qt", appauthor=False)) / (
        "trusted-certificates.json"
    )


def pins() -> dict[str, str]:
    path = pin_file()
    return json.loads(path.read_text()) if path.exists() else {}


def where(bench: Shell) -> str:
    return bench.running.url.removeprefix("https://")


def trust(bench: Shell, fingerprint: str | None = None) -> None:
    """As if the user had accepted it earlier."""
    host, _, port = where(bench).rpartition(":")
    bench.app.pins.file.accept(host, int(port), fingerprint or bench.running.fingerprint)


async def said(bench: Shell, *words: str) -> None:
    """The form says so in place, and what was typed is still there."""
    await until(lambda: all(word in bench.start.notice.text() for word in words))
    assert bench.start.notice.isVisible()
    assert bench.window.workspace is None
    assert bench.start.address.isEnabled()
    assert bench.start.go.isEnabled()
    assert bench.start.cancel.isHidden()


async def test_an_unknown_certificate_is_shown_before_anything_is_sent() -> None:
    async with shell() as bench:
        bench.type_form()
        bench.start.go.click()
        dialog = await bench.dialog(TrustDialog)
        assert bench.methods() == []
        shown = [view.fingerprint for view in dialog.findChildren(FingerprintView)]
        assert shown == [bench.running.fingerprint]
        # Enter never trusts.
        assert dialog.focusWidget() is dialog.cancel
        press(dialog, Qt.Key.Key_Escape)
        await until(lambda: bench.start.cancel.isHidden())
        assert bench.methods() == []
        assert pins() == {}
        assert bench.window.workspace is None
        assert bench.start.address.text() == where(bench)
        assert bench.start.password.text() == bench.running.password


async def test_accepting_connects_and_is_remembered() -> None:
    async with shell() as bench:
        bench.type_form()
        press(bench.start.password, Qt.Key.Key_Return)
        (await bench.dialog(TrustDialog)).trust.click()
        workspace = await bench.settled()
        assert workspace.isVisible()
        assert workspace.header.badge.text() == "Connected"
        assert pins() == {where(bench): bench.running.fingerprint}
        assert [known.url for known in bench.app.settings.known_hosts] == [bench.running.url]
        assert "password" not in bench.app.settings_file.path.read_text().lower()
        assert bench.running.password not in bench.app.settings_file.path.read_text()
        # The second time nothing is asked.
        await bench.app.leave()
        assert bench.window.workspace is None
        assert len(bench.host.sessions) == 0
        # Whoever sits down now does not find the password in the form.
        assert bench.start.password.text() == ""
        bench.start.address.clear()
        bench.start.known.itemClicked.emit(bench.start.known.item(0))
        await until(lambda: bench.start.address.text() == where(bench))
        bench.start.password.setText(bench.running.password)
        bench.start.go.click()
        await until(lambda: bench.window.workspace is not None)
        assert bench.dialogs(TrustDialog) == []
        await bench.settled()


async def test_another_certificate_is_refused_unless_the_address_is_typed() -> None:
    async with shell() as bench:
        trust(bench, OTHER)
        bench.type_form()
        bench.start.go.click()
        dialog = await bench.dialog(ChangedDialog)
        shown = [view.fingerprint for view in dialog.findChildren(FingerprintView)]
        assert shown == [OTHER, bench.running.fingerprint]
        assert dialog.focusWidget() is dialog.refuse
        assert not dialog.accept_new.isEnabled()
        press(dialog, Qt.Key.Key_Space)
        await until(lambda: not bench.dialogs(ChangedDialog))
        assert pins() == {where(bench): OTHER}
        assert bench.methods() == []

        await until(lambda: bench.start.go.isEnabled())
        bench.start.go.click()
        dialog = await bench.dialog(ChangedDialog)
        QTest.keyClicks(dialog.typed, "127.0.0.")
        assert not dialog.accept_new.isEnabled()
        press(dialog, Qt.Key.Key_Return)
        assert dialog.isVisible()
        QTest.keyClicks(dialog.typed, "1")
        assert dialog.accept_new.isEnabled()
        press(dialog, Qt.Key.Key_Return)
        assert dialog.isVisible()
        dialog.accept_new.click()
        await bench.settled()
        assert pins() == {where(bench): bench.running.fingerprint}


async def test_a_wrong_password_is_said_beside_the_form() -> None:
    async with shell() as bench:
        trust(bench)
        bench.type_form("not it")
        bench.start.go.click()
        await until(bench.start.cancel.isVisible)
        assert not bench.start.address.isEnabled()
        await said(bench, "did not accept this user name and password", "Caps Lock")
        assert bench.start.address.text() == where(bench)
        # Ready to be typed over.
        assert bench.start.focusWidget() is bench.start.password
        assert bench.start.password.selectedText() == "not it"
        assert bench.app.settings.known_hosts == []
        bench.start.password.setText(bench.running.password)
        bench.start.go.click()
        await bench.settled()


async def test_where_nobody_listens_it_says_so() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with shell() as bench:
        bench.type_form(address=f"127.0.0.1:{port}")
        bench.start.go.click()
        await said(bench, "The host refuses the connection.")
        assert bench.start.address.text() == f"127.0.0.1:{port}"


async def test_an_address_that_is_none_is_an_answer_and_no_traceback() -> None:
    async with shell() as bench:
        for address in (
            "http://example.org",
            "a b",
            "host:99999999",
            "host:port",
            "ftp://x",
            "https://",
        ):
            bench.type_form(address=address)
            bench.start.go.click()
            bench.start.notice.clear()
            await said(bench, "This address cannot be used.")
            assert bench.start.address.text() == address


async def test_a_slave_offers_its_master() -> None:
    slave = DemoHost(speed=0.02)
    async with shell() as bench:
        slave.slave_of = where(bench)
        member = await slave.start()
        try:
            trust(bench)
            host, _, port = member.url.removeprefix("https://").rpartition(":")
            bench.app.pins.file.accept(host, int(port), member.fingerprint)
            bench.type_form(address=member.url.removeprefix("https://"))
            bench.start.go.click()
            await said(bench, "only its master can be managed", where(bench))
            button = bench.start.notice.button
            assert button.text() == "Connect to the master"
            button.click()
            await bench.settled()
            assert bench.api.url == bench.running.url
        finally:
            await member.stop()


async def test_escape_ends_an_attempt() -> None:
    async with shell() as bench:
        trust(bench)
        bench.host.faults.silent(60)
        bench.type_form()
        bench.start.go.click()
        await until(lambda: bench.methods())
        assert bench.start.notice.text().startswith("Connecting to")
        press(bench.start, Qt.Key.Key_Escape)
        await until(lambda: bench.start.go.isEnabled())
        assert bench.start.notice.isHidden()
        assert bench.start.address.text() == where(bench)
        await until(lambda: not [t for t in asyncio.all_tasks() if t.get_name() == "connect"])
        bench.host.faults.silent(0)
        bench.start.go.click()
        await bench.settled()


async def test_cancelling_while_a_certificate_is_asked_about_closes_the_question() -> None:
    async with shell() as bench:
        bench.type_form()
        bench.start.go.click()
        await bench.dialog(TrustDialog)
        bench.start.cancel_wanted.emit()
        await until(lambda: not bench.dialogs(TrustDialog))
        assert pins() == {}


async def test_signing_out_leaves_nothing_behind() -> None:
    async with shell() as bench:
        before = len(asyncio.all_tasks())
        await bench.connected()
        assert len(bench.host.sessions) == 1
        bench.window.sign_out_wanted.emit()
        await until(lambda: "session.logout" in bench.methods())
        assert bench.start.isVisible()
        assert bench.window.windowTitle() == "xolite-qt"
        await until(lambda: len(bench.host.sessions) == 0)
        # The host's own end of a connection may take a moment to notice.
        await until(lambda: len(asyncio.all_tasks()) <= before)
        seen = len(bench.host.calls)
        await asyncio.sleep(0.3)
        assert len(bench.host.calls) == seen


async def test_closing_the_window_signs_out() -> None:
    async with shell() as bench:
        await bench.connected()
        assert len(bench.host.sessions) == 1
        bench.window.close()
        await until(lambda: len(bench.host.sessions) == 0)


async def test_a_busy_form_takes_no_second_attempt() -> None:
    async with shell() as bench:
        trust(bench)
        bench.host.faults.slow(0.2)
        bench.type_form()
        bench.start.go.click()
        press(bench.start.password, Qt.Key.Key_Return)
        bench.start.go.click()
        bench.host.faults.slow(0)
        await bench.settled()
        assert bench.methods("session.login_with_password") == ["session.login_with_password"]


async def test_the_demo_host_is_one_click_away_and_kept_out_of_the_pins() -> None:
    async with shell() as bench:
        bench.start.demo.click()
        await bench.settled()
        assert pins() == {}
        assert bench.app.settings.known_hosts == []
