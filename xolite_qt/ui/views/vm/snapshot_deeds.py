"""What is done with snapshots: taken, reverted to, deleted, renamed, made VMs of."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from xolite_qt.ui.action_steps import own_disks
from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.context import PageContext
from xolite_qt.ui.deeds import Choice, Deed, provides
from xolite_qt.ui.dialogs.snapshots.dialogs import NameDialog, RevertDialog, TakeDialog
from xolite_qt.ui.tasks import ask
from xolite_qt.xen_api import VM, PowerState


@provides("vm")
def snapshot_choices(context: PageContext, vms: Sequence[VM]) -> list[Choice]:
    """Taking one with all its options."""
    reason = None
    if len(vms) != 1:
        reason = "Choose one VM; for several there is “Take snapshot”."
    elif "snapshot" not in vms[0].allowed_operations:
        reason = f"{vms[0].name_label} cannot be snapshotted in its present state."
    run = partial(take, context, vms[0] if vms else None)
    return [Choice("vm.snapshot_with", "Take snapshot with options…", "snapshot", run, reason, 30)]


def take(context: PageContext, vm: Any) -> None:
    """Asks how, and takes a snapshot."""
    context.tasks.spawn(_take(context, vm), "take snapshot")


async def _take(context: PageContext, vm: VM) -> None:
    dialog = TakeDialog(vm, context.actions.window)
    if not await ask(dialog):
        return
    method, name = dialog.method, dialog.name.text().strip()
    text = dialog.description.toPlainText().strip()

    async def work(api: Any) -> None:
        made = await api.run(method, vm.ref, name)
        if text:
            await api.call("VM.set_name_description", made, text)

    await context.actions.do([Deed(vm.name_label, "Take snapshot", "snapshot taken", work)])


def revert(context: PageContext, vm: VM, snapshot: VM) -> None:
    """Asks, and goes back."""
    context.tasks.spawn(_revert(context, vm, snapshot), "revert")


async def _revert(context: PageContext, vm: VM, snapshot: VM) -> None:
    dialog = RevertDialog(vm, snapshot, context.actions.window)
    if not await ask(dialog):
        return
    first, start = dialog.first.isChecked(), dialog.start.isChecked()
    with_memory = snapshot.power_state == PowerState.SUSPENDED

    async def work(api: Any) -> None:
        if first:
            # Where this fails, nothing is reverted.
            name = f"Before reverting to {snapshot.name_label}"[:255]
            await api.run("VM.snapshot", vm.ref, name)
        await api.run("VM.revert", snapshot.ref)
        if start and with_memory:
            await api.run("VM.resume", vm.ref, False, False)
        elif start:
            await api.run("VM.start", vm.ref, False, False)

    await context.actions.do([Deed(vm.name_label, "Revert", "reverted", work)])


def delete(context: PageContext, snapshots: Sequence[VM], sizes: dict[str, int]) -> None:
    """Asks, and deletes snapshots with their disks."""
    from xolite_qt.ui import format as fmt

    names = [one.name_label for one in snapshots]
    many = fmt.plural(len(names), "snapshot", "snapshots")
    lines = [f"{one.name_label} ({fmt.size(sizes.get(one.ref, 0))} on disk)" for one in snapshots]
    what = names[0] if len(names) == 1 else many
    question = Question(
        f"Delete {what}?",
        "What it keeps is lost; the VM stays as it is now. This cannot be undone.",
        "Delete snapshot" if len(names) == 1 else "Delete snapshots",
        Harm.DESTRUCTIVE,
        consequences=tuple(lines),
        type_this=names[0] if len(names) == 1 else f"delete {len(names)} snapshots",
    )
    deeds = [
        Deed(one.name_label, "Delete snapshot", "deleted", partial(_delete, one.ref))
        for one in snapshots
    ]
    context.actions.begin(deeds, question)


async def _delete(ref: str, api: Any) -> None:
    disks = await own_disks(api, ref)
    await api.run("VM.destroy", ref)
    for vdi in disks:
        await api.run("VDI.destroy", vdi)


def new_vm(context: PageContext, vm: VM, snapshot: VM) -> None:
    """Asks for a name, and makes a VM of a snapshot."""
    context.tasks.spawn(_new_vm(context, vm, snapshot), "new VM from snapshot")


async def _new_vm(context: PageContext, vm: VM, snapshot: VM) -> None:
    dialog = NameDialog(
        "New VM from a snapshot",
        "Create VM",
        f"{vm.name_label} from {snapshot.name_label}"[:255],
        "Its disks are copies of those in the snapshot; it is halted at first.",
        context.actions.window,
    )
    if not await ask(dialog):
        return
    name = dialog.name.text().strip()

    async def work(api: Any) -> None:
        made = await api.run("VM.clone", snapshot.ref, name)
        await api.call("VM.set_is_a_template", made, False)

    await context.actions.do([Deed(name, "Create VM", "created", work)])


def rename(context: PageContext, snapshot: VM) -> None:
    """Asks for another name."""
    context.tasks.spawn(_rename(context, snapshot), "rename snapshot")


async def _rename(context: PageContext, snapshot: VM) -> None:
    window = context.actions.window
    dialog = NameDialog("Rename snapshot", "Rename", snapshot.name_label, parent=window)
    if await ask(dialog):
        name = dialog.name.text().strip()

        async def work(api: Any) -> None:
            await api.call("VM.set_name_label", snapshot.ref, name)

        await context.actions.do([Deed(snapshot.name_label, "Rename", "renamed", work)])
