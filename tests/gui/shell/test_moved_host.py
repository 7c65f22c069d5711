"""The management address changes under the connection: the app goes on at the new one."""

from __future__ import annotations

from tests.gui.shell.conftest import Shell
from xolite_qt.moved_host import url_at
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.network.ip import IpDialog
from xolite_qt.ui.views.host.network import HostNetwork
from xolite_qt.ui.views.page import Kind


def toasts(shell: Shell) -> str:
    return "\n".join(shell.window.toasts.texts())


def management(shell: Shell) -> str:
    return next(str(ref) for ref, pif in shell.db.records("PIF").items() if pif["management"])


def test_the_same_service_at_another_address() -> None:
    assert url_at("https://10.0.0.1:8443", "10.0.0.2") == "https://10.0.0.2:8443"
    assert url_at("https://xen.example", "fd00::2") == "https://[fd00::2]"


async def test_the_connection_follows_the_host(shell: Shell) -> None:
    await shell.connect()
    before = shell.workspace
    shell.application.follow_host("localhost")
    await shell.until(
        lambda: shell.window.workspace is not None and shell.window.workspace is not before
    )
    await shell.connected()
    assert shell.workspace.stores.api.address[0] == "localhost"
    assert "Connected at localhost." in toasts(shell)


async def test_from_the_form_to_the_new_address(shell: Shell) -> None:
    await shell.connect()
    shell.db.set("PIF", management(shell), IP="127.0.0.1")
    shell.workspace.open_object(Kind.HOST, shell.running.host.this_host, "network")
    await shell.until(lambda: shell.workspace.findChildren(HostNetwork))
    page = shell.workspace.findChildren(HostNetwork)[0]
    await shell.until(lambda: not page.busy and page.model.find(management(shell)).isValid())
    page.table.select_ref(management(shell))
    await shell.until(page.buttons["pif.ip"].isEnabled)
    page.buttons["pif.ip"].click()
    form = await shell.dialog(IpDialog)
    form.address.setText("192.0.2.9")
    form.gateway.setText("")
    form.save.click()
    question = await shell.dialog(ConfirmDialog)
    assert question.typed is not None
    question.typed.setText("192.0.2.9")
    question.go.click()
    # Nobody answers there: the words say what is looked for, and the old page stays.
    await shell.until(lambda: "Looking for the host at 192.0.2.9" in toasts(shell))
    assert shell.db.get("PIF", management(shell))["IP"] == "192.0.2.9"
