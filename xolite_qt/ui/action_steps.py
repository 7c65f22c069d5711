"""What actions do on the host; each takes one object at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from xolite_qt.ui.action_rules import ActionScope, Record
from xolite_qt.ui.host_reasons import note_hosts
from xolite_qt.xen_api import VM, PowerState, XapiError, is_null

Steps = Callable[[ActionScope, Any, str], Awaitable[None]]


def run(method: str, *params: Any) -> Steps:
    async def steps(scope: ActionScope, item: Record, host: str) -> None:
        await scope.api.run(method, item.ref, *params)

    return steps


async def _place(scope: ActionScope, item: Record, method: str, *params: Any) -> None:
    # A refusal says little of itself: each host is asked what it has against the VM.
    try:
        await scope.api.run(method, item.ref, *params)
    except XapiError as error:
        await note_hosts(scope.api, error, item.ref, scope.hosts())
        raise


async def start(scope: ActionScope, item: Record, host: str) -> None:
    await _place(scope, item, "VM.start", False, False)


async def resume(scope: ActionScope, item: Record, host: str) -> None:
    if isinstance(item, VM) and item.power_state == PowerState.PAUSED:
        await scope.api.run("VM.unpause", item.ref)
    else:
        await _place(scope, item, "VM.resume", False, False)


async def start_on(scope: ActionScope, item: Record, host: str) -> None:
    await _place(scope, item, "VM.start_on", host, False, False)


async def migrate(scope: ActionScope, item: Record, host: str) -> None:
    await scope.api.run("VM.pool_migrate", item.ref, host, {"live": "true"})


async def snapshot(scope: ActionScope, item: Record, host: str) -> None:
    stamp = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    await scope.api.run("VM.snapshot", item.ref, f"{item.name_label} {stamp}")


async def copy(scope: ActionScope, item: Record, host: str) -> None:
    await scope.api.run("VM.clone", item.ref, f"{item.name_label} (copy)")


async def own_disks(api: Any, vm_ref: str) -> dict[str, Any]:
    """Disks that no other VM uses: reference to record. They would be orphans without their VM."""
    disks: dict[str, Any] = {}
    for vbd_ref in await api.call("VM.get_VBDs", vm_ref):
        vbd = await api.get_record("vbd", vbd_ref)
        if vbd.type != "Disk" or vbd.vdi in disks or is_null(vbd.vdi):
            continue
        vdi = await api.get_record("vdi", vbd.vdi)
        if set(vdi.vbds) <= {vbd_ref}:
            disks[vbd.vdi] = vdi
    return disks


async def delete(scope: ActionScope, item: Record, host: str) -> None:
    disks = await own_disks(scope.api, item.ref)
    await scope.api.run("VM.destroy", item.ref)
    for vdi_ref in disks:
        await scope.api.run("VDI.destroy", vdi_ref)
