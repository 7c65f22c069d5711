"""A host's certificate is replaced from its System tab: the app asks about the new one."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QLabel

from tests.gui.pages.system.test_install_certificate import made
from tests.gui.shell.conftest import Shell
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.host.install_certificate import InstallCertificateDialog
from xolite_qt.ui.views.host.system import HostSystem
from xolite_qt.ui.views.page import Kind


def record(shell: Shell) -> tuple[str, dict[str, Any]]:
    return next(
        (ref, one) for ref, one in shell.db.records("Certificate").items() if one["type"] == "host"
    )


async def system_page(shell: Shell) -> HostSystem:
    await shell.connect()
    shell.workspace.open_object(Kind.HOST, shell.running.host.this_host, "system")
    await shell.until(lambda: shell.workspace.findChildren(HostSystem))
    page = shell.workspace.findChildren(HostSystem)[0]
    await shell.until(lambda: page.certificates.blocks)
    return page


async def test_the_accepted_one_is_marked(shell: Shell) -> None:
    ref, _record = record(shell)
    shell.db.set("Certificate", ref, fingerprint_sha256=shell.running.fingerprint)
    page = await system_page(shell)
    block = page.certificates.blocks[0]
    await shell.until(lambda: block.pinned.isVisible())
    assert block.pinned.text() == "the one this app has accepted"
    shell.db.set("Certificate", ref, fingerprint_sha256="AB:" * 31 + "CD")
    await shell.until(lambda: block.pinned.text() == "not the one this app has accepted")


async def test_after_a_new_one_the_app_stays_away_and_says_why(shell: Shell) -> None:
    page = await system_page(shell)
    old = shell.running.host.certificate.fingerprint
    page.certificates.reset.click()
    asked = await shell.dialog(ConfirmDialog)
    assert "Sign in again, and it asks you about the new one." in asked.question.text
    asked.go.click()
    await shell.until(lambda: shell.running.host.certificate.fingerprint != old)
    new = shell.running.host.certificate.fingerprint
    assert record(shell)[1]["fingerprint_sha256"] == new
    await shell.until(lambda: "is another one than before" in said(shell), 20.0)


async def test_after_one_of_ones_own_too(shell: Shell) -> None:
    page = await system_page(shell)
    one = made()
    page.certificates.install.click()
    form = await shell.dialog(InstallCertificateDialog)
    form.fields["key"].put(one.key, "host.key")
    form.fields["certificate"].put(one.pem, "host.pem")
    form.save.click()
    asked = await shell.dialog(ConfirmDialog)
    assert one.fingerprint in asked.question.text
    asked.go.click()
    await shell.until(lambda: shell.running.host.certificate.fingerprint == one.fingerprint)
    await shell.until(lambda: "is another one than before" in said(shell), 20.0)


def said(shell: Shell) -> str:
    labels = shell.window.findChildren(QLabel)
    return "\n".join(label.text() for label in labels if label.isVisible())
