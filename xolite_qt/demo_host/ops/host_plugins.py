"""What a host's plugins answer: updates, disks, processors.

Source: `xapi.md` 1.11.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from xolite_qt.demo_host.host import DemoHost
from xolite_qt.demo_host.ops.linstor_plugin import PLUGIN as LINSTOR
from xolite_qt.demo_host.ops.linstor_plugin import call_linstor
from xolite_qt.demo_host.ops.vm_power import take
from xolite_qt.demo_host.registry import Call, Failure, method

DAY_S = 86400.0

# name, version, release, days since its change log, bytes, what it is, what changed
_PATCHES: tuple[tuple[str, str, str, float, int, str, str], ...] = (
    (
        "xapi-core",
        "26.1.3",
        "1.6.xcpng8.3",
        9.2,
        31_201_002,
        "Toolstack of the host",
        "- Fix a leak of file descriptors when statistics are read very often\n"
        "- Keep the order of VIFs when a VM is imported",
    ),
    (
        "xenopsd-xc",
        "26.1.3",
        "1.6.xcpng8.3",
        9.2,
        7_310_448,
        "Domain manager of the toolstack",
        "- Rebuild together with xapi",
    ),
    (
        "xen-hypervisor",
        "4.17.5",
        "15.1.xcpng8.3",
        16.5,
        3_102_334,
        "The hypervisor",
        "- Security: wrong reference count of shared pages could end the host",
    ),
    (
        "xen-dom0-libs",
        "4.17.5",
        "15.1.xcpng8.3",
        16.5,
        902_120,
        "Libraries that talk to the hypervisor",
        "- Rebuild together with xen-hypervisor",
    ),
    (
        "qemu",
        "4.2.1",
        "5.2.12.1.xcpng8.3",
        16.4,
        6_700_120,
        "Devices that guests see",
        "- Security: check the length of descriptors of emulated network cards",
    ),
    (
        "kernel",
        "4.19.19",
        "8.0.40.1.xcpng8.3",
        33.1,
        28_771_900,
        "Linux kernel of the control domain",
        "- Driver of the X710 network cards updated\n- Fix a hang of NFS mounts after a reconnect",
    ),
    (
        "sm",
        "3.2.12",
        "3.1.xcpng8.3",
        40.7,
        812_004,
        "Storage manager",
        "- Coalesce chains of snapshots on LVM with less room",
    ),
    (
        "openssh-server",
        "8.9p1",
        "3.2.xcpng8.3",
        52.0,
        1_204_300,
        "Remote login",
        "- Security: time-outs before login",
    ),
    (
        "xcp-ng-release",
        "8.3.0",
        "32",
        71.3,
        96_412,
        "Release files",
        "- Mirror list of the updates repository",
    ),
)

_UPDATED: WeakKeyDictionary[DemoHost, set[str]] = WeakKeyDictionary()
Answer = Callable[[Call, str, dict[str, str]], Any]


def missing_patches(host: DemoHost, host_ref: str) -> list[dict[str, Any]]:
    """What `check_update` says, as Python values; nothing once the host was updated."""
    if host_ref in _UPDATED.get(host, set()):
        return []
    now_s = host.clock.time_s()
    return [
        {
            "name": name,
            "version": version,
            "release": release,
            "description": description,
            "changelog": {
                # To the day: asked again, the answer is the same.
                "date": int((now_s - days * DAY_S) // DAY_S * DAY_S),
                "author": "Packagers of the distribution",
                "description": changes,
            },
            "url": "https://xcp-ng.org",
            "size": size,
            "license": "GPLv2",
        }
        for name, version, release, days, size, description, changes in _PATCHES
    ]


def _installed(call: Call, host_ref: str, args: dict[str, str]) -> dict[str, str]:
    known = {name: f"{version}-{release}" for name, version, release, *_ in _PATCHES}
    if call.host.linstor is not None:
        known["xcp-ng-linstor"] = "1.2-4.xcpng8.3"
    names = [name for name in args.get("packages", "").split(",") if name]
    return {name: known[name] for name in names if name in known}


def _cores(call: Call, host_ref: str, args: dict[str, str]) -> bool:
    return bool(call.db.get("host", host_ref)["cpu_info"].get("threads_per_core", "1") != "1")


_DISKS = (
    ("nvme0n1", "1.7T", "INTEL SSDPE2KX020T8"),
    ("nvme1n1", "1.7T", "INTEL SSDPE2KX020T8"),
    ("sda", "931.5G", "ST1000NX0313"),
    ("sdb", "931.5G", "ST1000NX0313"),
)


def _content(call: Call, name: str) -> dict[str, Any]:
    # The system is on a mirror of the two SATA drives; LINSTOR takes the others.
    if name.startswith("sd"):
        parts = [{"name": f"{name}{n}", "type": "part", "size": "18G"} for n in (1, 2)]
    elif call.host.linstor is not None:
        parts = [{"name": "linstor_group-thin_device", "type": "lvm", "size": "1.7T"}]
    else:
        return {}
    return {"children": parts}


def _block_devices(call: Call, host_ref: str, args: dict[str, str]) -> dict[str, Any]:
    return {
        "blockdevices": [
            {
                "name": name,
                "kname": name,
                "pkname": "",
                "size": size,
                "fstype": "",
                "mountpoint": "",
                "type": "disk",
                "ro": "0",
                "model": model,
                **_content(call, name),
            }
            for name, size, model in _DISKS
        ]
    }


def _health(call: Call, host_ref: str, args: dict[str, str]) -> dict[str, str]:
    return {f"/dev/{name}": "PASSED" for name, *_ in _DISKS}


def _information(call: Call, host_ref: str, args: dict[str, str]) -> dict[str, Any]:
    return {
        f"/dev/{name}": {
            "model_name": model,
            "smart_status": {"passed": True},
            "temperature": {"current": 31 + number},
            "power_on_time": {"hours": 21_000 + 40 * number},
        }
        for number, (name, _, model) in enumerate(_DISKS)
    }


_ANSWERS: dict[tuple[str, str], Answer] = {
    ("updater.py", "check_update"): lambda call, ref, args: missing_patches(call.host, ref),
    ("updater.py", "query_installed"): _installed,
    ("hyperthreading.py", "get_hyperthreading"): _cores,
    ("raid.py", "check_raid_pool"): lambda call, ref, args: {"raid": None},
    ("zfs.py", "list_zfs_pools"): lambda call, ref, args: {},
    ("smartctl.py", "health"): _health,
    ("smartctl.py", "information"): _information,
    ("lsblk.py", "list_block_devices"): _block_devices,
}
_PLUGINS = {name for name, _ in _ANSWERS} | {"trim", "install-supp-pack", "service.py", "lvm.py"}


@method("host.call_plugin")
async def host_call_plugin(
    call: Call, host: str, plugin: str, fn: str, args: dict[str, str]
) -> str:
    """What a plugin prints, JSON in most cases.

    Raises:
        Failure: XENAPI_MISSING_PLUGIN [name], XENAPI_PLUGIN_FAILURE [status, stdout, stderr].
    """
    if plugin == LINSTOR:
        await take(call, 2.0)
        return call_linstor(call, host, fn, args)
    if plugin not in _PLUGINS:
        raise Failure("XENAPI_MISSING_PLUGIN", plugin)
    if (plugin, fn) == ("updater.py", "update"):
        await take(call, 45.0)
        return _update(call, host)
    if (plugin, fn) == ("trim", "do_trim"):
        return _trim(call, args)
    answer = _ANSWERS.get((plugin, fn))
    if answer is None:
        raise Failure("XENAPI_PLUGIN_FAILURE", "non-zero exit", "", f"KeyError: {fn!r}")
    # The package manager of a real host takes its time.
    await take(call, 2.0 if plugin == "updater.py" else 0.3)
    return json.dumps(answer(call, host, args))


def _update(call: Call, host: str) -> str:
    _UPDATED.setdefault(call.host, set()).add(host)
    return json.dumps({"stdout": "Complete!\n"})


def _trim(call: Call, args: dict[str, str]) -> str:
    sr = call.db.get("SR", call.db.by_uuid("SR", args.get("sr_uuid", "")))
    if sr["type"] not in ("lvm", "lvmoiscsi", "lvmohba", "ext"):
        return (
            '<?xml version="1.0" ?><trim_response><key_value_pair><key>errcode</key>'
            "<value>UnsupportedSRForTrim</value></key_value_pair></trim_response>"
        )
    return '<?xml version="1.0" ?><trim_response>True</trim_response>'
