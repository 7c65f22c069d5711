"""A host's own life: maintenance, reboot, toolstack restart, plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.lifecycle import HALTED, PAUSED, RUNNING
from xolite_qt.demo_host.ops.running import bring_down, free_memory, may_run
from xolite_qt.demo_host.ops.vm_power import end_others, take, vm_pool_migrate
from xolite_qt.demo_host.registry import Call, Failure, install, method

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

# A real host goes down ten seconds after it was told, and is back some minutes later.
_GRACE_S, _BOOT_S, _TOOLSTACK_S = 10.0, 90.0, 6.0


def allowed_operations(host: DemoHost, ref: str) -> list[str]:
    """What a host allows now."""
    record = host.db.get("host", ref)
    if record["current_operations"]:
        return []
    if record["enabled"]:
        return ["provision", "vm_start", "vm_resume", "vm_migrate", "evacuate"]
    return ["vm_migrate", "evacuate", "apply_updates", "enable", "reboot", "shutdown"]


@install
def _install(host: DemoHost) -> None:
    host.allowed_operations_hook("host", allowed_operations)


@method("host.disable")
async def host_disable(call: Call, host: str, auto_enable: bool) -> None:
    """No VM is started here any more."""
    await take(call, 1.0)
    call.db.set("host", host, enabled=False)
    call.host.recompute("host", host)


@method("host.enable")
async def host_enable(call: Call, host: str) -> None:
    """VMs may be started here again."""
    _check_idle(call, host)
    await take(call, 1.0)
    call.db.set("host", host, enabled=True)
    call.host.recompute("host", host)


@method("host.reboot")
async def host_reboot(call: Call, host: str) -> None:
    """Goes down soon and comes back; VMs are shut down on the way."""
    _go_down(call, host, back=True)


@method("host.shutdown")
async def host_shutdown(call: Call, host: str) -> None:
    """Goes down soon. A simulated host that leads the pool comes back as if switched on again."""
    _go_down(call, host, back=host == call.host.this_host)


def _go_down(call: Call, ref: str, *, back: bool) -> None:
    if call.db.get("host", ref)["enabled"]:
        raise Failure("HOST_NOT_DISABLED")
    _check_idle(call, ref)
    assert call.task is not None
    call.db.set("host", ref, current_operations={call.task.ref: "shutdown"})
    call.host.recompute("host", ref)
    call.host.later(_GRACE_S * call.host.speed, _down, call.host, ref, back)


def _check_idle(call: Call, ref: str) -> None:
    running = call.db.get("host", ref)["current_operations"]
    for task, operation in running.items():
        raise Failure("OTHER_OPERATION_IN_PROGRESS", "host", ref, operation, task)


def _down(host: DemoHost, ref: str, back: bool) -> None:
    for vm in list(host.db.get("host", ref)["resident_VMs"]):
        if host.db.exists("VM", vm) and not host.db.get("VM", vm)["is_control_domain"]:
            end_others(host, vm)
            bring_down(host, vm)
            host.recompute("VM", vm)
    _live(host, ref, live=False)
    if ref == host.this_host:
        host.faults.expire_sessions()
        host.faults.drop_connections()
        host.faults.refuse(_BOOT_S * host.speed)
    if back:
        host.later(_BOOT_S * host.speed, _up, host, ref)


def _up(host: DemoHost, ref: str) -> None:
    if ref == host.this_host:
        host.faults.still_booting(2.0 * host.speed)
    _live(host, ref, live=True)
    config = {
        **host.db.get("host", ref)["other_config"],
        "boot_time": f"{host.clock.time_s():.0f}.",
    }
    host.db.set("host", ref, enabled=True, current_operations={}, other_config=config)
    host.recompute("host", ref)


def _live(host: DemoHost, ref: str, *, live: bool) -> None:
    metrics = host.db.get("host", ref)["metrics"]
    if host.db.exists("host_metrics", metrics):
        host.db.set("host_metrics", metrics, live=live, last_updated=host.clock.iso())


@method("host.restart_agent")
async def host_restart_agent(call: Call, host: str) -> None:
    """The toolstack of this host goes away for a moment; tasks under way are lost."""
    config = call.db.get("host", host)["other_config"]
    started = {"agent_start_time": f"{call.host.clock.time_s() + _TOOLSTACK_S:.0f}."}
    call.db.set("host", host, other_config={**config, **started})
    if host == call.host.this_host:
        call.host.later(
            1.0 * call.host.speed,
            call.host.faults.restart_toolstack,
            _TOOLSTACK_S * call.host.speed,
        )


@method("host.get_servertime")
def host_get_servertime(call: Call, host: str) -> str:
    """The host's clock, UTC."""
    return call.host.clock.iso()


@method("host.get_server_localtime")
def host_get_server_localtime(call: Call, host: str) -> str:
    """The host's clock; this one lives in UTC."""
    return call.host.clock.iso()


def stuck_vms(call: Call, host: str) -> dict[str, list[str]]:
    """VMs that no other host can take, with the error of each."""
    others = [ref for ref in call.db.refs("host") if ref != host]
    stuck: dict[str, list[str]] = {}
    for vm in call.db.get("host", host)["resident_VMs"]:
        record = call.db.get("VM", vm)
        if record["is_control_domain"] or record["power_state"] == HALTED:
            continue
        if record["power_state"] == PAUSED:
            stuck[vm] = ["VM_BAD_POWER_STATE", vm, "running", "paused"]
        elif not any(may_run(call.host, vm, other) is None for other in others):
            stuck[vm] = ["NO_HOSTS_AVAILABLE"]
    return stuck


@method("host.get_vms_which_prevent_evacuation")
def host_get_stuck(call: Call, self: str) -> dict[str, list[str]]:
    """VMs that cannot leave, and why."""
    return stuck_vms(call, self)


@method("host.assert_can_evacuate")
def host_assert_can_evacuate(call: Call, host: str) -> None:
    """Raises where a VM cannot leave."""
    if stuck := stuck_vms(call, host):
        raise Failure("CANNOT_EVACUATE_HOST", "|".join(",".join(e) for e in stuck.values()))


@method("host.evacuate")
async def host_evacuate(call: Call, host: str, *_rest: Any) -> None:
    """Moves every VM to another host; what is paused or stuck prevents it."""
    host_assert_can_evacuate(call, host)
    _check_idle(call, host)
    assert call.task is not None
    with call.host.operation(call.task.ref, "host", host, "evacuate"):
        await _evacuate(call, host)


async def _evacuate(call: Call, host: str) -> None:
    for vm in list(call.db.get("host", host)["resident_VMs"]):
        record = call.db.get("VM", vm)
        if record["is_control_domain"] or record["power_state"] != RUNNING:
            continue
        others = [ref for ref in call.db.refs("host") if ref != host]
        fitting = [ref for ref in others if may_run(call.host, vm, ref) is None]
        if not fitting:
            raise Failure("CANNOT_EVACUATE_HOST", "NO_HOSTS_AVAILABLE")
        target = max(fitting, key=lambda ref: free_memory(call.host, ref))
        await vm_pool_migrate(call, vm, target, {})


@method("host_crashdump.destroy")
def host_crashdump_destroy(call: Call, self: str) -> None:
    """Removes a crash dump of the host."""
    call.db.destroy("host_crashdump", self)


@method("host.management_reconfigure", check_refs=False)
def host_management_reconfigure(call: Call, pif: str) -> None:
    """Another interface carries the management traffic."""
    if pif == NULL_REF or not call.db.exists("PIF", pif):
        raise Failure("HANDLE_INVALID", "PIF", pif)
    host = call.db.get("PIF", pif)["host"]
    for other in call.db.refs("PIF"):
        if call.db.get("PIF", other)["host"] == host:
            call.db.set("PIF", other, management=other == pif)
