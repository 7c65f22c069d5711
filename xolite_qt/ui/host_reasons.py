"""Why a host cannot run a VM, in a few words each: xapi is asked, host by host."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from xolite_qt.ui import format as fmt
from xolite_qt.ui.errors import explain
from xolite_qt.xen_api import Host, XapiError, XenApiError

NOT_STARTED = frozenset(
    {
        "NO_HOSTS_AVAILABLE",
        "HOST_NOT_ENOUGH_FREE_MEMORY",
        "HOST_NOT_ENOUGH_PCPUS",
        "HOST_DISABLED",
        "HOST_NOT_LIVE",
        "HOST_OFFLINE",
        "VM_REQUIRES_SR",
        "VM_REQUIRES_NET",
        "VM_REQUIRES_NETWORK",
        "VM_REQUIRES_VGPU",
        "VM_REQUIRES_GPU",
        "VM_REQUIRES_IOMMU",
        "VM_INCOMPATIBLE_WITH_THIS_HOST",
    }
)
"""Codes of a start that failed for want of a host."""

_WORDS = {
    "HOST_DISABLED": "in maintenance",
    "HOST_NOT_LIVE": "not running",
    "HOST_OFFLINE": "not running",
    "HOST_NOT_ENOUGH_PCPUS": "has fewer CPUs than the VM",
    "VM_HVM_REQUIRED": "has no hardware virtualisation",
    "VM_REQUIRES_IOMMU": "has no IOMMU, which the VM's devices need",
    "VM_REQUIRES_GPU": "has not the graphics card that the VM needs",
    "VM_REQUIRES_VGPU": "has no room left on the graphics card that the VM needs",
    "VM_INCOMPATIBLE_WITH_THIS_HOST": "its CPU lacks what the VM uses",
    "VM_HOST_INCOMPATIBLE_VERSION": "its version is older than the VM's",
    "HOST_CANNOT_ATTACH_NETWORK": "cannot attach a network of the VM",
    "NETWORK_SRIOV_INSUFFICIENT_CAPACITY": "has no SR-IOV capacity left",
}
_NAMED = {
    "VM_REQUIRES_SR": ("SR", "does not see the storage {0}"),
    "VM_REQUIRES_NET": ("network", "does not have the network {0}"),
    "VM_REQUIRES_NETWORK": ("network", "does not have the network {0}"),
}
MOVABLE = frozenset({"VM_REQUIRES_SR", "VM_REQUIRES_NET", "VM_REQUIRES_NETWORK"})
"""Obstacles that moving disks and changing networks take away."""
_CALLS_AT_ONCE = 6


async def why_not_here(api: Any, vm: str, host: str, ignoring: frozenset[str] = frozenset()) -> str:
    """Why a VM cannot run on a host, in words that follow the host's name; "" where it can.

    Args:
        api: the connection.
        vm: its reference.
        host: its reference.
        ignoring: codes that are no obstacle, since what they name is going to be changed.
    """
    try:
        await api.call("VM.assert_can_boot_here", vm, host)
    except XapiError as error:
        return "" if error.code in ignoring else await refusal_words(api, error)
    except XenApiError as error:
        return explain(error).summary
    return ""


async def refusal_words(api: Any, error: XapiError) -> str:
    """A host's refusal as words that follow its name."""
    if error.code in _WORDS:
        return _WORDS[error.code]
    if error.code == "HOST_NOT_ENOUGH_FREE_MEMORY" and len(error.params) >= 2:
        needed, free = error.params[:2]
        if needed.isdecimal() and free.isdecimal():
            return f"has {fmt.size(int(free))} of free memory, {fmt.size(int(needed))} needed"
    if error.code in _NAMED and len(error.params) >= 2:
        cls, words = _NAMED[error.code]
        try:
            return words.format(await api.call(f"{cls}.get_name_label", error.params[1]))
        except XenApiError:
            return words.format("it needs")
    return explain(error).summary.rstrip(".")


async def why_not(
    api: Any,
    vms: Sequence[tuple[str, str]],
    host: str,
    ignoring: frozenset[str] = frozenset(),
) -> str:
    """As `why_not_here`, for several VMs (reference and name): what is wrong with the first."""
    for ref, name in vms:
        if words := await why_not_here(api, ref, host, ignoring):
            return words if len(vms) == 1 else f"{words} ({name})"
    return ""


async def note_hosts(api: Any, error: XapiError, vm: str, hosts: Sequence[Host]) -> None:
    """Adds to an error what each host says about running a VM."""
    if error.code not in NOT_STARTED:
        return
    slots = asyncio.Semaphore(_CALLS_AT_ONCE)

    async def one(host: Host) -> str:
        async with slots:
            words = await why_not_here(api, vm, host.ref)
        return f"{host.name_label}: {words or 'could take it'}"

    for line in await asyncio.gather(*(one(host) for host in hosts)):
        error.add_note(line)


def notes_of(error: BaseException) -> list[str]:
    """What was added to an error."""
    return list(getattr(error, "__notes__", ()))
