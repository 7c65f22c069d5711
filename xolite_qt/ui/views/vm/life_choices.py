"""What menus offer for VMs besides actions: another name, becoming a template."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.context import PageContext
from xolite_qt.ui.deeds import Choice, Deed, provides
from xolite_qt.ui.dialogs.snapshots.dialogs import NameDialog
from xolite_qt.ui.tasks import ask
from xolite_qt.xen_api import VM, PowerState


@provides("vm")
def life_choices(context: PageContext, vms: Sequence[VM]) -> list[Choice]:
    """Renaming and converting."""
    one = None if len(vms) == 1 else "Choose one VM."
    return [
        Choice("vm.rename", "Rename…", "edit", partial(rename, context, vms), one, 60),
        Choice(
            "vm.to_template",
            "Convert to template",
            "template",
            partial(to_template, context, vms),
            _no_template(vms),
            60,
        ),
    ]


def _no_template(vms: Sequence[VM]) -> str | None:
    if not vms:
        return "Nothing is selected."
    for vm in vms:
        if vm.power_state != PowerState.HALTED:
            return f"{vm.name_label} is {vm.power_state.lower()}; it has to be halted."
        if "make_into_template" in vm.blocked_operations:
            return f"An administrator has protected {vm.name_label} from this."
        if "make_into_template" not in vm.allowed_operations:
            return f"{vm.name_label} is busy."
    return None


def to_template(context: PageContext, vms: Sequence[VM]) -> None:
    """Asks, and makes templates of VMs."""
    names = tuple(vm.name_label for vm in vms)
    what = names[0] if len(names) == 1 else f"{len(names)} VMs"
    question = Question(
        f"Convert {what} to a template?" if len(names) == 1 else f"Convert {what} to templates?",
        "A template cannot be started; new VMs are made of it. Its disks and snapshots stay.",
        "Convert to template" if len(names) == 1 else "Convert to templates",
        Harm.DISRUPTIVE,
        names,
    )

    async def work(ref: str, api: Any) -> None:
        await api.call("VM.set_is_a_template", ref, True)

    context.actions.begin(
        [
            Deed(vm.name_label, "Convert to template", "is a template now", partial(work, vm.ref))
            for vm in vms
        ],
        question,
    )


def rename(context: PageContext, vms: Sequence[VM]) -> None:
    """Asks for another name."""
    if len(vms) == 1:
        context.tasks.spawn(_rename(context, vms[0]), "rename VM")


async def _rename(context: PageContext, vm: VM) -> None:
    dialog = NameDialog("Rename VM", "Rename", vm.name_label, parent=context.actions.window)
    if not await ask(dialog):
        return
    name = dialog.name.text().strip()
    if name == vm.name_label:
        return

    async def work(api: Any) -> None:
        await api.call("VM.set_name_label", vm.ref, name)

    await context.actions.do([Deed(vm.name_label, "Rename", f"renamed to {name}", work)])
