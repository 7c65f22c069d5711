"""The form for a new VM is reached from the pool's menus, the palette and the list of VMs."""

from __future__ import annotations

from tests.gui.shell.conftest import Shell
from xolite_qt.ui.views.page import Kind
from xolite_qt.ui.views.pool.new_vm.page import NewVmPage
from xolite_qt.ui.views.pool.vms import VmsPage


async def test_from_everywhere_and_to_the_vm(shell: Shell) -> None:
    await shell.connect()
    workspace = shell.workspace
    menu = workspace._buttons[Kind.POOL][0].menu()
    menu.aboutToShow.emit()
    entry = next(action for action in menu.actions() if action.objectName() == "pool.new_vm")
    assert entry.isEnabled()
    entry.trigger()
    await shell.until(lambda: isinstance(workspace.page, NewVmPage))
    assert "new-vm" in workspace.tabs.ids()
    workspace.open_object("pool", "", "vms")
    assert isinstance(workspace.page, VmsPage)
    assert "new-vm" not in workspace.tabs.ids()
    workspace.page.new.click()
    page = workspace.page
    assert isinstance(page, NewVmPage)
    await shell.until(lambda: page.world.templates and page.world.discs() and not page.busy)
    labels = [entry.text for entry in workspace.entries()]
    assert any(label.startswith("New VM") for label in labels)
    template = next(v for v in page.world.templates.values() if v.name_label == "Rocky Linux 9")
    page.template.templates.pick(template.ref)
    page.install.how.set_current("pxe")
    page.after.boot.setChecked(False)
    assert page.problems == {}
    page.make.click()
    await shell.until(lambda: workspace.kind is Kind.VM)
    assert shell.db.get("VM", workspace.ref)["name_label"] == "Rocky Linux 9"
