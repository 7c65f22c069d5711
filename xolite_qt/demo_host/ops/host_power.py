"""A host's own life: maintenance, reboot, toolstack restart, plugins."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.lifecycle import HALTED, PAUSED, RUNNING
from xolite_qt.demo_host.ops.running import bring_down, may_run
from xolite_qt.demo_host.ops.vm_power import take, vm_pool_migrate
from xolite_qt.demo_host.registry import Call, Failure, install, method

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

# A real host goes down ten seconds after it was told, and is back some minutes later.
_GRACE_S, _BOOT_S, _TOOLSTACK_S = 10.0, 90.0, 6.0


def allowed_operations(host: DemoHost, ref: str) -> list[str]:
    """What a host allows now."""
    enabled = host.db.get("host", ref)["enabled"]
    busy = host.db.get("host", ref)["current_operations"]
    if busy:
        return []
    return ["provision", "vm_start", "vm_resume", "vm_migrate", "evacuate", "power_on"] + (
        [] if enabled else ["shutdown", "reboot"]
    )


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
    record = call.db.get("host", ref)
    if record["enabled"]:
        raise Failure("HOST_NOT_DISABLED")
    assert call.task is not None
    call.db.set("host", ref, current_operations={call.task.ref: "shutdown"})
    call.host.recompute("host", ref)
    call.host.later(_GRACE_S * call.host.speed, _down, call.host, ref, back)


def _down(host: DemoHost, ref: str, back: bool) -> None:
    for vm in list(host.db.get("host", ref)["resident_VMs"]):
        if host.db.exists("VM", vm) and not host.db.get("VM", vm)["is_control_domain"]:
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
    """Moves every VM to another host."""
    host_assert_can_evacuate(call, host)
    for vm in list(call.db.get("host", host)["resident_VMs"]):
        record = call.db.get("VM", vm)
        if record["is_control_domain"] or record["power_state"] != RUNNING:
            continue
        others = [ref for ref in call.db.refs("host") if ref != host]
        target = next(ref for ref in others if may_run(call.host, vm, ref) is None)
        await vm_pool_migrate(call, vm, target, {})


# name, version, days since its changelog, size
_PATCHES = (
    ("xapi-core", "26.1.3-1.6.xcpng8.3", 12, 31_201_002),
    ("xen-hypervisor", "4.17.5-15.1.xcpng8.3", 20, 3_102_334),
    ("qemu", "4.2.1-5.2.12.1.xcpng8.3", 20, 6_700_120),
    ("kernel", "4.19.19-8.0.40.1.xcpng8.3", 33, 28_771_900),
    ("openssh", "8.9p1-3.2.xcpng8.3", 41, 1_204_300),
)


@method("host.call_plugin")
def host_call_plugin(call: Call, host: str, plugin: str, fn: str, args: dict[str, str]) -> str:
    """What the plugins of a host answer; the text is JSON as theirs is."""
    now_s = call.host.clock.time_s()
    answers: dict[tuple[str, str], Any] = {
        ("updater.py", "check_update"): [
            {
                "name": name,
                "version": version.rpartition("-")[0],
                "release": version.rpartition("-")[2],
                "description": f"Update of {name}",
                "changelog": {
                    "date": int(now_s - days * 86400),
                    "author": "maintainer",
                    "description": "Fixes.",
                },
                "url": "",
                "size": size,
                "license": "GPL",
            }
            for name, version, days, size in _PATCHES
        ],
        ("updater.py", "query_installed"): {
            name: "" for name in args.get("packages", "").split(",") if name
        },
        ("hyperthreading.py", "get_hyperthreading"): True,
        ("raid.py", "check_raid_pool"): {},
        ("zfs.py", "list_zfs_pools"): {},
        ("smartctl.py", "health"): {"/dev/nvme0": "PASSED", "/dev/sda": "PASSED"},
        ("lsblk.py", "list_block_devices"): {
            "blockdevices": [
                {"name": "sda", "type": "disk", "size": "960197124096", "ro": "0", "mountpoint": ""}
            ]
        },
    }
    known = {name for name, _ in answers}
    if plugin not in known:
        raise Failure("XENAPI_MISSING_PLUGIN", plugin)
    if (plugin, fn) not in answers:
        raise Failure("XENAPI_PLUGIN_FAILURE", "non-zero exit", "", f"KeyError: '{fn}'")
    return json.dumps(answers[plugin, fn])


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
