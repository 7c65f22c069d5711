"""The forms over a VM's settings: opened with the VM as it is at that moment."""

from __future__ import annotations

import asyncio
from functools import partial

from xolite_qt.ui.context import PageContext
from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.dialogs.vm.edit_base import Make, Setting
from xolite_qt.ui.dialogs.vm.edit_boot import VmBootDialog
from xolite_qt.ui.dialogs.vm.edit_devices import VmDevicesDialog
from xolite_qt.ui.dialogs.vm.edit_general import VmGeneralDialog
from xolite_qt.ui.dialogs.vm.edit_management import VmManagementDialog
from xolite_qt.ui.dialogs.vm.edit_resources import VmResourcesDialog
from xolite_qt.ui.errors import explain
from xolite_qt.ui.tasks import ask
from xolite_qt.xen_api import VM, Host, Pool, XenApiError

FORMS: dict[str, tuple[str, Make]] = {
    "general": ("Edit name, description and tags…", VmGeneralDialog),
    "resources": ("Edit processors and memory…", VmResourcesDialog),
    "boot": ("Edit boot settings…", VmBootDialog),
    "management": ("Edit protection and starting…", VmManagementDialog),
    "devices": ("Edit virtual hardware…", VmDevicesDialog),
}
"""By the card that each belongs to: its words in the palette, and the form."""


def edit_choices(context: PageContext, vm: str) -> list[Choice]:
    """The forms as entries of the palette.

    Args:
        context: of the page.
        vm: reference of the VM.
    """
    return [
        Choice(f"vm.edit.{card}", label, "edit", partial(edit, context, vm, card), None, 60)
        for card, (label, _make) in FORMS.items()
    ]


def edit(context: PageContext, vm: str, card: str) -> None:
    """Opens the form of a card."""
    context.tasks.spawn(_edit(context, vm, FORMS[card][1]), f"edit VM: {card}")


async def _edit(context: PageContext, ref: str, make: Make) -> None:
    api = context.stores.api
    try:
        vm, pools, hosts = await asyncio.gather(
            api.get_record(VM, ref), api.get_all_records(Pool), api.get_all_records(Host)
        )
    except XenApiError as error:
        explained = explain(error)
        context.notify(explained.summary, level="danger", details=explained.details)
        return
    by_name = sorted(hosts.values(), key=lambda host: host.name_label.casefold())
    setting = Setting(vm, next(iter(pools.values()), None), tuple(by_name))
    await ask(make(context, setting, context.actions.window))
