"""New networks in the whole app: from the pool's choices to the tab that shows them."""

from __future__ import annotations

from tests.gui.shell.conftest import Shell
from xolite_qt.ui.dialogs.network.new_network import NewNetworkDialog
from xolite_qt.ui.views.page import Kind
from xolite_qt.ui.views.pool.networks.page import NetworksPage


async def test_from_the_pools_menu_to_the_new_network(shell: Shell) -> None:
    await shell.connect()
    runner = shell.workspace.runner
    pools = list(shell.workspace.stores.pool.records.values())
    choices = {choice.id: choice for choice in runner.choices("pool", pools)}
    assert choices["pool.new_bond"].reason is None
    runner.choose(choices["pool.new_network"])
    form = await shell.dialog(NewNetworkDialog)
    form.name.setText("Cameras")
    form.vlan.setText("40")
    form.save.click()
    await shell.until(lambda: isinstance(shell.workspace.page, NetworksPage))
    page = shell.workspace.page
    assert isinstance(page, NetworksPage)
    await shell.until(lambda: page.panel.is_open and page.panel.title.text() == "Cameras")
    assert shell.db.get("network", shell.ref_of("network", "Cameras"))["PIFs"]


async def test_a_networks_host_leads_to_its_interfaces(shell: Shell) -> None:
    await shell.connect()
    shell.window.resize(1024, 700)
    shell.workspace.open_object(Kind.POOL, "", "network")
    await shell.until(lambda: isinstance(shell.workspace.page, NetworksPage))
    page = shell.workspace.page
    assert isinstance(page, NetworksPage)
    await shell.until(lambda: not page.busy and page.model.rowCount())
    page.select(shell.ref_of("network", "Storage"))
    await shell.until(lambda: page.panel.is_open)
    # Nothing makes the window wider than the screen.
    assert shell.window.width() == 1024
