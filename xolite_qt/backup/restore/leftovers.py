"""What a restore that was killed left on a host: found by its mark, and removed.

While something is half made its name begins with `[Restoring] ` and its `other_config` says which
process makes it. The last step that counts is the name: what has a mark and a name of its own is
whole, and only loses the mark.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from xolite_qt.backup.storage.folder_lock import Holder
from xolite_qt.xen_api import (
    VBD,
    VDI,
    VM,
    HandleInvalid,
    Task,
    TaskStatus,
    XapiError,
    XenApi,
    XenApiError,
    is_null,
)
from xolite_qt.xen_api.task_result import parse_task_result
from xolite_qt.xen_api.tasks import ENDS

from .records import BLOCKED

MARK = "xolite:restoring"
# On a snapshot while it is cloned: the host copies it, so that the clone has a mark from the start.
CLONING = "xolite:cloning"
PREFIX, TRIAL_PREFIX = "[Restoring] ", "[health check] "

_REMOVE_S = 120.0
# How long the host may still be at work on what is to be removed: a transfer that was cut.
_BUSY_S, _BUSY_LOOK_S = 15.0, 0.25
_BUSY = frozenset({"VDI_IN_USE", "OTHER_OPERATION_IN_PROGRESS", "OPERATION_NOT_ALLOWED"})


def mark() -> dict[str, str]:
    """What `other_config` says of things that this process makes."""
    return {MARK: mark_text()}


def mark_text() -> str:
    """This process, as a mark has it."""
    return msgspec.json.encode(Holder.me(_owner())).decode()


def is_abandoned(config: Mapping[str, str], key: str = MARK) -> bool:
    """Whether there is a mark, of a process of this machine that is no more."""
    try:
        holder = msgspec.json.decode(config.get(key, ""), type=Holder)
    except msgspec.MsgspecError:
        return False
    # Machines may share a name; a process is looked for only where it was.
    return holder.owner == _owner() and holder.is_gone


@cache
def _owner() -> str:
    try:
        machine = Path("/etc/machine-id").read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        machine = ""
    return f"restore {hashlib.sha256(b'xolite' + machine.encode()).hexdigest()[:12]}"


async def remove_leftovers(api: XenApi) -> list[str]:
    """Removes what restores of this machine left half made when they were killed.

    Args:
        api: signed in.

    Returns:
        Names of what was removed.

    Raises:
        XenApiError: the host does not say what it has. What cannot be removed now is left for the
            next time.
    """
    removed: list[str] = []
    for ref, task in (await api.get_all_records(Task)).items():
        if is_abandoned(task.other_config):
            with contextlib.suppress(XenApiError):
                removed += await _end_import(api, ref)
    for ref, vm in (await api.get_all_records(VM)).items():
        if not is_abandoned(vm.other_config) or vm.is_a_snapshot:
            continue
        with contextlib.suppress(XenApiError):
            if _is_half_made(vm):
                await remove_vm(api, ref)
                removed.append(vm.name_label)
            else:
                await _let_start(api, ref, vm.blocked_operations)
                await api.call("VM.remove_from_other_config", ref, MARK)
    for ref, vdi in (await api.get_all_records(VDI)).items():
        with contextlib.suppress(XenApiError):
            if await _settle_disk(api, ref, vdi):
                removed.append(vdi.name_label)
    return removed


def _is_half_made(vm: VM) -> bool:
    # One of a health check runs; another one cannot be started, unless somebody wanted it to.
    asleep = vm.power_state in ("Halted", "Suspended")
    return vm.name_label.startswith(TRIAL_PREFIX) or (asleep and vm.name_label.startswith(PREFIX))


async def _settle_disk(api: XenApi, ref: str, vdi: VDI) -> bool:
    """Whether the disk was removed."""
    cloned = is_abandoned(vdi.other_config, CLONING)
    if not cloned and not is_abandoned(vdi.other_config):
        return False
    half_made = cloned or vdi.name_label.startswith(PREFIX)
    if half_made and not vdi.is_a_snapshot and not await _is_somebodys(api, vdi):
        await remove_disk(api, ref)
        return True
    for key in (MARK, CLONING):
        await api.call("VDI.remove_from_other_config", ref, key)
    return False


async def _is_somebodys(api: XenApi, vdi: VDI) -> bool:
    """Whether a VM has the disk. The host itself holds it for a moment after a transfer was cut."""
    for ref in vdi.vbds:
        with contextlib.suppress(HandleInvalid):
            vm = (await api.get_record(VBD, ref)).vm
            if not (await api.get_record(VM, vm)).is_control_domain:
                return True
    return False


async def _end_import(api: XenApi, ref: str) -> list[str]:
    """Ends an import that nobody waits for any more, and removes what came out of it.

    That is a template, as what was exported is a snapshot; one that somebody made a VM of stays.
    """
    with contextlib.suppress(XapiError):
        await api.call("task.cancel", ref)
    deadline = time.monotonic() + _BUSY_S
    task = await api.get_record(Task, ref)
    # The host may have had all of it, and be at work still.
    while task.progress > 0 and task.status not in ENDS and time.monotonic() < deadline:
        await asyncio.sleep(_BUSY_LOOK_S)
        task = await api.get_record(Task, ref)
    removed = []
    if task.status == TaskStatus.SUCCESS:
        for vm in made_by(parse_task_result(task.result)):
            with contextlib.suppress(XapiError):
                record = await api.get_record(VM, vm)
                if record.is_a_template and not record.is_default_template:
                    await remove_vm(api, vm)
                    removed.append(record.name_label)
    await api.call("task.destroy", ref)
    return removed


def made_by(result: object) -> list[str]:
    """References of the VMs that an import made, as its task has them."""
    if isinstance(result, str):
        return [result] if result.startswith("OpaqueRef:") else []
    return [str(ref) for ref in result] if isinstance(result, list) else []


async def _let_start(api: XenApi, vm: str, blocked: Mapping[str, str]) -> None:
    for operation in BLOCKED:
        if operation in blocked:
            await api.call("VM.remove_from_blocked_operations", vm, operation)


# Removing


async def remove_vm(api: XenApi, vm: str) -> None:
    """Ends a VM and destroys it with its disks.

    Raises:
        XenApiError: something of it is left.
    """
    record = await api.get_record(VM, vm)
    disks = []
    if record.power_state == "Suspended":
        disks.append(str(await api.call("VM.get_suspend_VDI", vm)))
    if record.power_state != "Halted":
        await api.call("VM.hard_shutdown", vm, timeout_s=_REMOVE_S)
    for ref in record.vbds:
        drive = await api.get_record(VBD, ref)
        if drive.type == "Disk" and not is_null(drive.vdi):
            disks.append(drive.vdi)
    await _patiently(api, "VM.destroy", vm)
    for vdi in disks:
        await remove_disk(api, vdi)


async def remove_disk(api: XenApi, vdi: str) -> None:
    """Destroys a disk, as soon as the host is done with it.

    Raises:
        XenApiError: it is still there.
    """
    await _patiently(api, "VDI.destroy", vdi)


async def _patiently(api: XenApi, method: str, ref: str) -> None:
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            await api.call(method, ref, timeout_s=_REMOVE_S)
        except XapiError as error:
            if error.code == "HANDLE_INVALID":
                return
            if error.code not in _BUSY or time.monotonic() > deadline:
                raise
            await asyncio.sleep(_BUSY_LOOK_S)
        else:
            return
