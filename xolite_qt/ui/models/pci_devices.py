"""PCI devices and graphics of hosts: who has them, and what hands them over.

Pure: records in, rows, words and deeds out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from xolite_qt.ui import format as fmt
from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.models.column import Column
from xolite_qt.xen_api import PCI, PGPU, VGPU, VM, GPUGroup, PowerState, XapiError

KEY = "pci"
"""Of a VM's other_config: the devices that it gets, by address."""

ACCESS_WORDS = {
    "enabled": "dom0 has it",
    "disable_on_reboot": "hidden after the next boot",
    "disabled": "hidden from dom0",
    "enable_on_reboot": "dom0 has it after the next boot",
    "": "unknown",
}
_HIDES = {"enabled", "enable_on_reboot"}
"""States from which hiding changes something."""

_ADDRESS = re.compile(r"(?:\d+/)?([0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7])")
_DISK_CLASS, _NETWORK_CLASS, _DISPLAY_CLASS = "01", "02", "03"


class PciRow(msgspec.Struct, frozen=True, gc=False):
    """A device.

    Attributes:
        gpu: what the host says of it as a graphics card; None for everything else.
        group: name of its group of GPUs, or "".
        access: of dom0: enabled, disable_on_reboot, disabled, enable_on_reboot; "" is unknown.
        users: names of VMs that are given it.
    """

    ref: str
    pci: PCI
    gpu: PGPU | None
    group: str
    access: str
    users: tuple[str, ...]


def name_of(pci: PCI) -> str:
    """'Intel Corporation I350 Gigabit'."""
    return " ".join(part for part in (pci.vendor_name, pci.device_name) if part) or pci.pci_id


def addresses(vm: VM) -> tuple[str, ...]:
    """The devices that a VM is given: "0/0000:04:00.0,1/0000:05:00.0" without the numbers."""
    text = vm.other_config.get(KEY, "")
    return tuple(dict.fromkeys(found.lower() for found in _ADDRESS.findall(text)))


def users_of(pci: PCI, gpu: PGPU | None, vms: Iterable[VM], vgpus: Mapping[str, VGPU]) -> list[VM]:
    """VMs that are given a device: by its address, or as a virtual GPU on it."""
    by_gpu = {vgpus[ref].vm for ref in gpu.resident_vgpus if ref in vgpus} if gpu else set()
    found = []
    for vm in vms:
        # Addresses alone do not say on which host: a VM that runs elsewhere means another device.
        is_here = vm.power_state != PowerState.RUNNING or vm.resident_on == pci.host
        if vm.ref in by_gpu or (is_here and pci.pci_id.lower() in addresses(vm)):
            found.append(vm)
    return sorted(found, key=lambda vm: vm.name_label.casefold())


def rows_of(
    host: str,
    pcis: Iterable[PCI],
    gpus: Iterable[PGPU],
    groups: Mapping[str, GPUGroup],
    vms: Sequence[VM],
    vgpus: Mapping[str, VGPU],
    asked: Mapping[str, str],
) -> list[PciRow]:
    """The devices of one host, by address.

    Args:
        host: its reference.
        pcis, gpus, groups: of the pool.
        vms: that could be given a device.
        vgpus: of the pool.
        asked: what the host said of dom0's access, by device; it is no field that events tell.
    """
    by_pci = {gpu.pci: gpu for gpu in gpus}
    given = [vm for vm in vms if vm.other_config.get(KEY) or vgpus]
    rows = []
    for pci in pcis:
        if pci.host != host:
            continue
        gpu = by_pci.get(pci.ref)
        group = groups.get(gpu.gpu_group) if gpu is not None else None
        access = asked.get(pci.ref) or (gpu.dom0_access if gpu is not None else "")
        users = users_of(pci, gpu, given, vgpus)
        rows.append(
            PciRow(
                pci.ref,
                pci,
                gpu,
                group.name_label if group is not None else "",
                access,
                tuple(vm.name_label or vm.uuid for vm in users),
            )
        )
    return sorted(rows, key=lambda row: row.pci.pci_id)


PCI_COLUMNS = (
    Column[PciRow](
        id="device",
        title="Device",
        value=lambda row: name_of(row.pci),
        tooltip=lambda row: f"{name_of(row.pci)} ({row.pci.vendor_id}:{row.pci.device_id})",
        width=250,
    ),
    Column[PciRow](id="class", title="Class", value=lambda row: row.pci.class_name, width=130),
    Column[PciRow](id="address", title="Address", value=lambda row: row.pci.pci_id, width=110),
    Column[PciRow](
        id="access",
        title="dom0",
        value=lambda row: ACCESS_WORDS.get(row.access, row.access),
        width=160,
    ),
    Column[PciRow](
        id="users",
        title="Given to",
        value=lambda row: ", ".join(row.users),
        text=lambda row: ", ".join(row.users) or fmt.NONE,
        width=130,
    ),
    Column[PciRow](
        id="group",
        title="GPU group",
        value=lambda row: row.group,
        default_visible=False,
        width=160,
    ),
    Column[PciRow](
        id="driver",
        title="Driver",
        value=lambda row: row.pci.driver_name,
        default_visible=False,
        width=90,
    ),
)


def why_not_hide(row: PciRow) -> str | None:
    """Why a device can't be hidden from dom0 now, in words."""
    if row.access and row.access not in _HIDES:
        return "It is hidden already, or will be after the next boot."
    return None


def why_not_unhide(row: PciRow) -> str | None:
    """Why a device can't be given back to dom0 now, in words."""
    if row.access in _HIDES:
        return "dom0 has it already, or will have it after the next boot."
    if row.users:
        return f"It is given to {', '.join(row.users[:3])}: take it away there first."
    return None


def access_deed(row: PciRow, *, hide: bool) -> Deed:
    """Hides a device from dom0, or gives it back; from the next boot of the host on."""
    verb = "disable_dom0_access" if hide else "enable_dom0_access"
    gpu = row.gpu.ref if row.gpu is not None else ""

    async def work(api: Any) -> None:
        try:
            await api.call(f"PCI.{verb}", row.ref)
        except XapiError as error:
            # Before 24.14 hosts can do this with graphics only.
            if error.code != "MESSAGE_METHOD_UNKNOWN" or not gpu:
                raise
            await api.call(f"PGPU.{verb}", gpu)

    done = "hidden from dom0 after the host's next boot"
    if not hide:
        done = "given to dom0 after the host's next boot"
    label = "Hide from dom0" if hide else "Give to dom0"
    return Deed(name_of(row.pci), label, done, work)


def hide_question(row: PciRow, host_name: str) -> Question:
    """What is asked before a device is hidden."""
    kind = row.pci.class_id[:2]
    text = (
        "It takes effect at the host's next boot. Then dom0 has the device no more, and a VM can."
    )
    if kind == _DISK_CLASS:
        text += " If the host boots from a disk on it, or keeps an SR there, it will not come back."
    elif kind == _NETWORK_CLASS:
        text += " If the host is managed over it, nobody reaches it afterwards."
    elif kind == _DISPLAY_CLASS and (row.gpu is None or row.gpu.is_system_display_device):
        text += " The host's own screen stays dark then."
    return Question(
        f"Hide {name_of(row.pci)} of {host_name} from dom0?",
        text,
        "Hide from dom0",
        Harm.DISRUPTIVE,
    )


def given_text(chosen: Iterable[str]) -> str:
    """What a VM's other_config holds for these addresses."""
    return ",".join(f"0/{address}" for address in chosen)


def why_not_give(vm: VM) -> str | None:
    """Why a VM's devices can't be changed now, in words."""
    if vm.power_state != PowerState.HALTED:
        state = fmt.power_state(vm.power_state).lower()
        return f"{vm.name_label} is {state}: shut it down first."
    return None


def give_deed(vm: VM, chosen: Sequence[str]) -> Deed | None:
    """Gives a halted VM exactly these devices; None where it has them."""
    if tuple(chosen) == addresses(vm):
        return None
    had = KEY in vm.other_config

    async def work(api: Any) -> None:
        if had:
            await api.call("VM.remove_from_other_config", vm.ref, KEY)
        if chosen:
            await api.call("VM.add_to_other_config", vm.ref, KEY, given_text(chosen))

    done = (
        f"it has {fmt.plural(len(chosen), 'PCI device', 'PCI devices')}"
        if chosen
        else ("it has no PCI device any more")
    )
    return Deed(vm.name_label, "Give PCI devices", done, work)
