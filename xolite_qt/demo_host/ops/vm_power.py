"""Starting, stopping, pausing, suspending and moving VMs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.device_rules import record_of
from xolite_qt.demo_host.ops.lifecycle import PAUSED, RUNNING, SUSPENDED, refusal
from xolite_qt.demo_host.ops.running import (
    MIB,
    bring_down,
    bring_up,
    choose_host,
    may_run,
    memory_of,
    move,
    named,
    say,
    take_memory,
)
from xolite_qt.demo_host.ops.space import drop_disk, use_space
from xolite_qt.demo_host.registry import Call, Failure, method

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost
    from xolite_qt.demo_host.tasks import TaskHandle

# Who works on VMs now, by the reference that `current_operations` shows.
_UNDER_WAY: WeakKeyDictionary[DemoHost, dict[str, TaskHandle]] = WeakKeyDictionary()
# They need the domain or the saved memory, which a forced shutdown takes away.
_ENDED_BY_FORCE = frozenset(
    {
        "clean_shutdown",
        "clean_reboot",
        "hard_reboot",
        "pause",
        "unpause",
        "suspend",
        "resume",
        "resume_on",
        "checkpoint",
        "pool_migrate",
        "migrate_send",
    }
)
# Durations on a real host, in seconds.
START_S, SHUTDOWN_S, HARD_S, PAUSE_S = 3.0, 6.0, 1.0, 0.5
SAVE_BYTES_PER_S = 400 * MIB
_MIGRATE_BYTES_PER_S = 800 * MIB


@asynccontextmanager
async def operating(call: Call, vm: str, operation: str) -> AsyncIterator[None]:
    """Shows an operation on a VM while the block runs, if it is possible at all.

    Raises:
        Failure: why it is not.
    """
    failure = refusal(call.host, vm, operation)
    if failure is not None:
        raise failure
    assert call.task is not None
    under_way = _UNDER_WAY.setdefault(call.host, {})
    under_way[call.task.ref] = call.task
    try:
        with call.host.operation(call.task.ref, "VM", vm, operation):
            yield
    finally:
        under_way.pop(call.task.ref, None)


def end_others(host: DemoHost, vm: str) -> None:
    """Cancels what would otherwise bring a VM back that is forced down."""
    under_way = _UNDER_WAY.get(host, {})
    for task, operation in host.db.get("VM", vm)["current_operations"].items():
        if operation in _ENDED_BY_FORCE and task in under_way:
            under_way[task].cancel()


async def take(call: Call, seconds: float) -> None:
    """Lets the work take its time.

    Raises:
        Failure: TASK_CANCELLED.
    """
    assert call.task is not None
    await call.task.work(seconds)


def place(call: Call, vm: str, host: str) -> str:
    """The host where a VM will run: the one that was named, if it can, else the best.

    Raises:
        Failure: why there is none.
    """
    if not host:
        return choose_host(call.host, vm)
    if (failure := may_run(call.host, vm, host)) is not None:
        raise failure
    return host


@asynccontextmanager
async def reserving(call: Call, vm: str, host: str) -> AsyncIterator[None]:
    """Holds the memory of a VM on a host; given back when the block fails."""
    size = memory_of(call.db.get("VM", vm))
    take_memory(call.host, host, size)
    call.db.set("VM", vm, scheduled_to_be_resident_on=host)
    done = False
    try:
        yield
        done = True
    finally:
        if not done:
            take_memory(call.host, host, -size)
            if call.db.exists("VM", vm):
                call.db.set("VM", vm, scheduled_to_be_resident_on=NULL_REF)


@method("VM.start")
async def vm_start(call: Call, vm: str, start_paused: bool, force: bool) -> None:
    """Starts a VM on the host that suits it best."""
    await _start(call, vm, "start", start_paused, "")


@method("VM.start_on")
async def vm_start_on(call: Call, vm: str, host: str, start_paused: bool, force: bool) -> None:
    """Starts a VM on a host."""
    await _start(call, vm, "start_on", start_paused, host)


async def _start(call: Call, vm: str, operation: str, paused: bool, host: str) -> None:
    async with operating(call, vm, operation):
        where = place(call, vm, host)
        async with reserving(call, vm, where):
            await take(call, START_S)
            bring_up(call.host, vm, where, PAUSED if paused else RUNNING)
    say(
        call.host,
        "VM_STARTED",
        vm,
        f"VM {named(call.host, vm)} started on host: {_plain(call, where)}",
    )


def _plain(call: Call, host: str) -> str:
    record = call.db.get("host", host)
    return f"{record['name_label']} (uuid: {record['uuid']})"


@method("VM.clean_shutdown")
async def vm_clean_shutdown(call: Call, vm: str) -> None:
    """Asks the guest to shut down."""
    async with operating(call, vm, "clean_shutdown"):
        await take(call, SHUTDOWN_S)
        bring_down(call.host, vm)
    say(call.host, "VM_SHUTDOWN", vm, f"VM {named(call.host, vm)} shutdown")


@method("VM.hard_shutdown")
async def vm_hard_shutdown(call: Call, vm: str) -> None:
    """Ends a VM at once, and with it whatever else was under way on it."""
    async with operating(call, vm, "hard_shutdown"):
        end_others(call.host, vm)
        await take(call, HARD_S)
        bring_down(call.host, vm)
    say(call.host, "VM_SHUTDOWN", vm, f"VM {named(call.host, vm)} shutdown forcibly")


@method("VM.shutdown")
async def vm_shutdown(call: Call, vm: str) -> None:
    """Asks the guest, and ends it where it cannot be asked."""
    failure = refusal(call.host, vm, "shutdown")
    if failure is not None:
        raise failure
    if refusal(call.host, vm, "clean_shutdown") is None:
        await vm_clean_shutdown(call, vm)
    else:
        await vm_hard_shutdown(call, vm)


@method("VM.clean_reboot")
async def vm_clean_reboot(call: Call, vm: str) -> None:
    """Asks the guest to reboot."""
    await _reboot(call, vm, "clean_reboot", SHUTDOWN_S + START_S, "cleanly")


@method("VM.hard_reboot")
async def vm_hard_reboot(call: Call, vm: str) -> None:
    """Reboots a VM at once."""
    await _reboot(call, vm, "hard_reboot", HARD_S + START_S, "forcibly")


async def _reboot(call: Call, vm: str, operation: str, seconds: float, how: str) -> None:
    async with operating(call, vm, operation):
        where = call.db.get("VM", vm)["resident_on"]
        await take(call, seconds)
        bring_down(call.host, vm)
        take_memory(call.host, where, memory_of(call.db.get("VM", vm)))
        bring_up(call.host, vm, where)
    say(call.host, "VM_REBOOTED", vm, f"VM {named(call.host, vm)} rebooted {how}")


@method("VM.pause")
async def vm_pause(call: Call, vm: str) -> None:
    """Holds a VM's processors."""
    async with operating(call, vm, "pause"):
        await take(call, PAUSE_S)
        call.db.set("VM", vm, power_state=PAUSED)
    say(call.host, "VM_PAUSED", vm, f"VM {named(call.host, vm)} paused")


@method("VM.unpause")
async def vm_unpause(call: Call, vm: str) -> None:
    """Lets a paused VM go on."""
    async with operating(call, vm, "unpause"):
        await take(call, PAUSE_S)
        call.db.set("VM", vm, power_state=RUNNING)
    say(call.host, "VM_UNPAUSED", vm, f"VM {named(call.host, vm)} unpaused")


@method("VM.suspend")
async def vm_suspend(call: Call, vm: str) -> None:
    """Writes a VM's memory to a disk and ends it."""
    async with operating(call, vm, "suspend"):
        image = save_image(call, vm)
        try:
            await take(call, 1.0 + memory_of(call.db.get("VM", vm)) / SAVE_BYTES_PER_S)
        except Failure:
            drop_disk(call.host, image)
            raise
        bring_down(call.host, vm, SUSPENDED)
        call.db.set("VM", vm, suspend_VDI=image)
    say(call.host, "VM_SUSPENDED", vm, f"VM {named(call.host, vm)} suspended")


def save_image(call: Call, vm: str) -> str:
    """A disk for the memory of a VM.

    Raises:
        Failure: VM_NO_SUSPEND_SR [vm], SR_FULL.
    """
    storage = suspend_storage(call, vm)
    record = call.db.get("VM", vm)
    size = memory_of(record)
    use_space(call.host, storage, size, size)
    image = call.db.create(
        "VDI",
        name_label="Suspend image",
        name_description=f"Suspend image for {record['name_label'][:80]}",
        SR=storage,
        virtual_size=size,
        physical_utilisation=size,
        type="suspend",
        managed=True,
    )
    call.db.set("VDI", image, location=call.db.get("VDI", image)["uuid"])
    return image


def suspend_storage(call: Call, vm: str) -> str:
    """Where a VM's memory goes.

    Raises:
        Failure: VM_NO_SUSPEND_SR [vm].
    """
    db = call.db
    pool = db.get("pool", db.refs("pool")[0]) if db.refs("pool") else {}
    host = db.get("VM", vm)["resident_on"]
    choices = [
        db.get("VM", vm).get("suspend_SR", NULL_REF),
        pool.get("suspend_image_SR", NULL_REF),
        db.get("host", host)["suspend_image_sr"] if db.exists("host", host) else NULL_REF,
        pool.get("default_SR", NULL_REF),
    ]
    for choice in choices:
        if choice != NULL_REF and db.exists("SR", choice):
            return str(choice)
    raise Failure("VM_NO_SUSPEND_SR", vm)


@method("VM.resume")
async def vm_resume(call: Call, vm: str, start_paused: bool, force: bool) -> None:
    """Reads a suspended VM's memory back."""
    await _resume(call, vm, "resume", start_paused, "")


@method("VM.resume_on")
async def vm_resume_on(call: Call, vm: str, host: str, start_paused: bool, force: bool) -> None:
    """The same on a host."""
    await _resume(call, vm, "resume_on", start_paused, host)


async def _resume(call: Call, vm: str, operation: str, paused: bool, host: str) -> None:
    async with operating(call, vm, operation):
        where = place(call, vm, host)
        async with reserving(call, vm, where):
            await take(call, 1.0 + memory_of(call.db.get("VM", vm)) / SAVE_BYTES_PER_S)
            disk = call.db.get("VM", vm)["suspend_VDI"]
            bring_up(call.host, vm, where, PAUSED if paused else RUNNING, resumed=True)
        call.db.set("VM", vm, suspend_VDI=NULL_REF)
        drop_disk(call.host, disk)
    say(
        call.host,
        "VM_RESUMED",
        vm,
        f"VM {named(call.host, vm)} resumed on host: {_plain(call, where)}",
    )


@method("VM.pool_migrate")
async def vm_pool_migrate(call: Call, vm: str, host: str, options: dict[str, str]) -> None:
    """Moves a running VM to another host of the pool."""
    async with operating(call, vm, "pool_migrate"):
        place(call, vm, host)
        before = call.db.get("VM", vm)["resident_on"]
        seconds = 2.0 + memory_of(call.db.get("VM", vm)) / _MIGRATE_BYTES_PER_S
        async with reserving(call, vm, host):
            await take(call, seconds)
            move(call.host, vm, host)
    say_migrated(call, vm, before, host)


def say_migrated(call: Call, vm: str, before: str, after: str) -> None:
    """Leaves the message about a move."""
    if not record_of(call.host, "host", before):
        return
    say(
        call.host,
        "VM_MIGRATED",
        vm,
        f"VM {named(call.host, vm)} migrated from host {named(call.host, before, 'host')} "
        f"to host {named(call.host, after, 'host')}",
    )
