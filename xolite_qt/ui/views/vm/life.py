"""What is done to VMs as a whole: the forms that its actions open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import shiboken6

from xolite_qt.ui.actions import ActionId, Items
from xolite_qt.ui.context import PageContext
from xolite_qt.ui.deeds import Deed, form_of
from xolite_qt.ui.dialogs.vm.copy import CopyVmDialog
from xolite_qt.ui.dialogs.vm.delete import DeleteVmsDialog
from xolite_qt.ui.dialogs.vm.doomed import deletion, doomed
from xolite_qt.ui.dialogs.vm.migrate import MigrateDialog
from xolite_qt.ui.dialogs.vm.surroundings import surroundings
from xolite_qt.ui.host_reasons import MOVABLE, why_not
from xolite_qt.ui.tasks import ask
from xolite_qt.xen_api import VM


def vms_of(items: Items) -> list[VM]:
    """The VMs among these."""
    return [item for item in items if isinstance(item, VM)]


@form_of(ActionId.VM_MIGRATE)
async def migrate(context: PageContext, items: Items) -> Sequence[Deed] | None:
    """Asks where to, with disks and networks where wanted."""
    api = context.stores.api
    dialog = MigrateDialog(await surroundings(api, vms_of(items)), context.actions.window)
    asking = context.tasks.spawn(_ask_hosts(api, dialog), "which hosts can take it")
    try:
        if not await ask(dialog):
            return None
    finally:
        if asking is not None:
            asking.cancel()
    return [Deed(vm.name_label, "Migrate", "migrated", dialog.work(vm)) for vm in dialog.around.vms]


async def _ask_hosts(api: Any, dialog: MigrateDialog) -> None:
    vms = [(vm.ref, vm.name_label) for vm in dialog.around.vms]
    for host in dialog.around.hosts:
        words = await why_not(api, vms, host, MOVABLE)
        if not shiboken6.isValid(dialog):
            return
        if words:
            dialog.close_host(host, words)


@form_of(ActionId.VM_COPY)
async def copy(context: PageContext, items: Items) -> Sequence[Deed] | None:
    """Asks for the name and the kind of copy."""
    around = await surroundings(context.stores.api, vms_of(items))
    dialog = CopyVmDialog(around, context.actions.window)
    if not await ask(dialog):
        return None
    return [Deed(vm.name_label, "Copy", "copied", dialog.work(vm)) for vm in around.vms]


@form_of(ActionId.VM_DELETE)
async def delete(context: PageContext, items: Items) -> Sequence[Deed] | None:
    """Shows what goes with the VMs, and wants the name typed."""
    going = await doomed(context.stores.api, vms_of(items))
    dialog = DeleteVmsDialog(going, context.actions.window)
    if not await ask(dialog):
        return None
    ticked = dialog.ticked()
    deeds = []
    for one in going:
        disks = [disk.vdi.ref for disk in one.disks if disk.vdi.ref in ticked]
        snapshots = [
            (snapshot.ref, [disk.vdi.ref for disk in own if disk.vdi.ref in ticked])
            for snapshot, own in one.snapshots
            if snapshot.ref in ticked
        ]
        work = deletion(one.vm.ref, disks, snapshots)
        deeds.append(Deed(one.vm.name_label, "Delete", "deleted", work))
    return deeds
