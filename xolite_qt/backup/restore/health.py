"""Does a backup really boot? Restored, started without network, asked for its tools, removed."""

from __future__ import annotations

import asyncio
import threading
import time

from xolite_qt.backup.errors import Cancelled
from xolite_qt.backup.repository import Backup, Repository
from xolite_qt.xen_api import VM, VMGuestMetrics, XenApi, is_null

from .leftovers import remove_vm
from .to_file import RestoreError
from .to_host import HostRestore, RestoreWish, Told, start_vm

_LOOK_S = 1.0


async def check_health(
    api: XenApi,
    repository: Repository,
    backup: Backup,
    *,
    sr: str = "",
    timeout_s: float = 600.0,
    told: Told | None = None,
    stop: threading.Event | None = None,
) -> float:
    """Restores a backup, boots it without network, and removes it again.

    Args:
        api: signed in.
        repository: where the backup is.
        backup: which.
        sr: uuid of the storage to restore to; "" for the pool's default.
        timeout_s: how long to wait for the guest's tools.
        told: hears what is worth knowing.
        stop: ends it.

    Returns:
        Seconds from the start of the VM until its tools answered.

    Raises:
        RestoreError: it started, and its tools never answered.
        As `HostRestore.vm` otherwise.
    """
    stop = stop or threading.Event()
    restore = HostRestore(api, repository, told=told, stop=stop)
    vm = await restore.vm(backup, RestoreWish(sr={"": sr}, trial=True))
    try:
        for vif in (await api.get_record(VM, vm)).vifs:
            await api.call("VIF.destroy", vif)
        began = time.monotonic()
        await start_vm(api, vm, timeout_s=timeout_s)
        while time.monotonic() - began < timeout_s:
            if stop.is_set():
                raise Cancelled
            if await _tools_answer(api, vm):
                return time.monotonic() - began
            await asyncio.sleep(_LOOK_S)
        raise RestoreError(f"the restored VM runs, but no tools answered in {timeout_s:.0f} s")
    finally:
        await asyncio.shield(remove_vm(api, vm))


async def _tools_answer(api: XenApi, vm: str) -> bool:
    record = await api.get_record(VM, vm)
    if record.power_state != "Running" or is_null(record.guest_metrics):
        return False
    metrics = await api.get_record(VMGuestMetrics, record.guest_metrics)
    return bool(metrics.pv_drivers_detected or metrics.pv_drivers_version)
