"""What the records of a VM hold, system by system; both worlds build on it.

Source: `xapi.md` 1.10.
"""

from __future__ import annotations

import base64
import random
from typing import Any, NamedTuple

MIB = 1 << 20
GIB = 1 << 30
DAY_S = 86400.0


class System(NamedTuple):
    """A guest system.

    Attributes:
        distro: as the guest tools report it.
        firmware: "bios" or "uefi".
        template: name of the template that its VMs were made of.
        drivers: version of the guest tools.
    """

    name: str
    distro: str
    version: tuple[str, str]
    kernel: str
    firmware: str
    template: str
    drivers: tuple[str, str, str]

    @property
    def windows(self) -> bool:
        return self.distro == "windows"


DEBIAN = System(
    "Debian GNU/Linux 12 (bookworm)",
    "debian",
    ("12", "5"),
    "6.1.0-18-amd64",
    "uefi",
    "Debian Bookworm 12",
    ("7", "30", "0"),
)
UBUNTU = System(
    "Ubuntu 24.04.1 LTS",
    "ubuntu",
    ("24", "04"),
    "6.8.0-45-generic",
    "uefi",
    "Ubuntu Noble Numbat 24.04",
    ("8", "4", "0"),
)
ALPINE = System(
    "Alpine Linux v3.20",
    "alpine",
    ("3", "20"),
    "6.6.41-0-virt",
    "bios",
    "Other install media",
    ("0", "4", "0"),
)
ROCKY = System(
    "Rocky Linux 9.4 (Blue Onyx)",
    "rocky",
    ("9", "4"),
    "5.14.0-427.el9.x86_64",
    "uefi",
    "Rocky Linux 9",
    ("8", "4", "0"),
)
OPNSENSE = System(
    "FreeBSD 14.1-RELEASE",
    "FreeBSD",
    ("14", "1"),
    "14.1-RELEASE-p4",
    "bios",
    "Other install media",
    ("6", "2", "0"),
)
SERVER_2022 = System(
    "Microsoft Windows Server 2022 Standard",
    "windows",
    ("10", "0"),
    "20348",
    "uefi",
    "Windows Server 2022 (64-bit)",
    ("9", "3", "3"),
)
WINDOWS_11 = System(
    "Microsoft Windows 11 Pro",
    "windows",
    ("10", "0"),
    "22631",
    "uefi",
    "Windows 11 (64-bit)",
    ("9", "3", "3"),
)
SYSTEMS = (DEBIAN, UBUNTU, ALPINE, ROCKY, OPNSENSE, SERVER_2022, WINDOWS_11)

ACTIONS_BY_STATE: dict[str, tuple[str, ...]] = {
    "Running": (
        "changing_dynamic_range",
        "migrate_send",
        "pool_migrate",
        "changing_VCPUs_live",
        "pause",
        "hard_reboot",
        "hard_shutdown",
        "checkpoint",
        "snapshot",
    ),
    "Halted": (
        "changing_dynamic_range",
        "changing_static_range",
        "changing_VCPUs",
        "make_into_template",
        "migrate_send",
        "destroy",
        "export",
        "start_on",
        "start",
        "clone",
        "copy",
        "snapshot",
    ),
    "Suspended": (
        "hard_shutdown",
        "migrate_send",
        "destroy",
        "export",
        "resume_on",
        "resume",
        "checkpoint",
        "snapshot",
    ),
    "Paused": ("unpause", "hard_reboot", "hard_shutdown", "checkpoint", "snapshot"),
}
WITH_TOOLS = ("suspend", "clean_reboot", "clean_shutdown")
TEMPLATE_ACTIONS = ("changing_VCPUs", "clone", "copy", "export", "provision", "destroy")
SNAPSHOT_ACTIONS = ("revert", "clone", "copy", "export", "destroy", "hard_shutdown")
MORE_ACTIONS = ("changing_NVRAM", "metadata_export", "update_allowed_operations")


def vm_actions(record: dict[str, Any], *, tools: bool) -> list[str]:
    """`allowed_operations` of a VM, template or snapshot at rest."""
    if record["is_a_snapshot"]:
        return [*SNAPSHOT_ACTIONS, "metadata_export"]
    if record["is_a_template"]:
        kept = [a for a in TEMPLATE_ACTIONS if a != "destroy" or not record["is_default_template"]]
        return [*kept, "metadata_export"]
    state = record["power_state"]
    return [
        *(WITH_TOOLS if tools and state == "Running" else ()),
        *ACTIONS_BY_STATE[state],
        *(a for a in MORE_ACTIONS if a != "changing_NVRAM" or state == "Halted"),
    ]


def recommendations(memory_max: int = 1536 * GIB, vcpus_max: int = 64) -> str:
    """Limits of a system, as templates carry them."""
    nics = "".join(
        f'<restriction property="number-of-{kind}" max="{most}"/>'
        for kind, most in (("vbds", 255), ("vifs", 7))
    )
    allowed = "".join(
        f'<restriction field="{name}" value="{value}"/>'
        for name, value in (
            ("supports-bios", "yes"),
            ("supports-uefi", "yes"),
            ("supports-secure-boot", "yes"),
            ("allow-gpu-passthrough", "1"),
            ("allow-vgpu", "1"),
            ("allow-network-sriov", "1"),
        )
    )
    return (
        f'<restrictions><restriction field="memory-static-max" max="{memory_max}"/>'
        f'<restriction field="vcpus-max" max="{vcpus_max}"/>'
        f'<restriction field="has-vendor-device" value="false"/>'
        f"{allowed}{nics}</restrictions>"
    )


RECOMMENDATIONS = recommendations()


def platform(system: System) -> dict[str, str]:
    """`platform` of an HVM guest."""
    return {
        "acpi": "1",
        "apic": "true",
        "pae": "true",
        "nx": "true",
        "hpet": "true",
        "viridian": "true" if system.windows else "false",
        "viridian_time_ref_count": "true" if system.windows else "false",
        "device-model": "qemu-upstream-uefi"
        if system.firmware == "uefi"
        else "qemu-upstream-compat",
        "secureboot": "true" if system.windows else "false",
        "vga": "std",
        "videoram": "8",
        "timeoffset": "3600" if system.windows else "0",
        "cores-per-socket": "2",
        "exp-nested-hvm": "false",
        "device_id": "0002" if system.windows else "0001",
    }


def nvram(system: System, rng: random.Random, size: int) -> dict[str, str]:
    """The variables of UEFI guests, in base64.

    Args:
        system: whose.
        rng: where the bytes come from.
        size: bytes before base64.
    """
    if system.firmware != "uefi":
        return {}
    return {"EFI-variables": base64.b64encode(b"VARS" + rng.randbytes(size)).decode()}


def vm_fields(
    system: System, rng: random.Random, *, memory: int, vcpus: int, mac_seed: str
) -> dict[str, Any]:
    """Everything of a VM's record that follows from its system and size.

    Args:
        system: of the guest.
        rng: for what is arbitrary.
        memory: bytes.
        vcpus: how many.
        mac_seed: a uuid.
    """
    return {
        "memory_static_max": memory,
        "memory_dynamic_max": memory,
        "memory_dynamic_min": memory,
        "memory_static_min": 1 * GIB if system.windows else 512 * MIB,
        "memory_target": memory,
        "memory_overhead": 12 * MIB + memory // 256,
        "VCPUs_max": vcpus,
        "VCPUs_at_startup": vcpus,
        "VCPUs_params": {"weight": "256"},
        "actions_after_shutdown": "destroy",
        "actions_after_reboot": "restart",
        "actions_after_crash": "restart",
        "actions_after_softreboot": "soft_reboot",
        "HVM_boot_policy": "BIOS order",
        "HVM_boot_params": {"firmware": system.firmware, "order": "cdn"},
        "HVM_shadow_multiplier": 1.0,
        "hardware_platform_version": 2,
        "domain_type": "hvm",
        "has_vendor_device": system.windows,
        "platform": platform(system),
        "recommendations": RECOMMENDATIONS,
        "NVRAM": nvram(system, rng, 420),
        "generation_id": f"{rng.getrandbits(63)}:{rng.getrandbits(63)}" if system.windows else "",
        "bios_strings": {
            "bios-vendor": "Xen",
            "bios-version": "",
            "system-manufacturer": "Xen",
            "system-product-name": "HVM domU",
            "system-version": "",
            "system-serial-number": "",
            "hp-rombios": "",
        },
        "other_config": {
            "mac_seed": mac_seed,
            "base_template_name": system.template,
            "install-methods": "cdrom,nfs,http,ftp",
            "linux_template": "false" if system.windows else "true",
            "auto_poweron": "true",
            "import_task": "",
        },
        "xenstore_data": {"vm-data": "", "vm-data/mmio-hole-size": "268435456"},
        "order": 0,
    }


def guest_metrics(
    system: System, now: str, addresses: list[tuple[str, str]], *, hostname: str
) -> dict[str, Any]:
    """What the guest tools report.

    Args:
        system: the guest's.
        now: time of the report in the wire's form.
        addresses: IPv4 and IPv6 of each interface; "" for none.
        hostname: the guest's own name.
    """
    networks: dict[str, str] = {}
    for device, (v4, v6) in enumerate(addresses):
        if v4:
            networks[f"{device}/ip"] = v4
            networks[f"{device}/ipv4/0"] = v4
        if v6:
            networks[f"{device}/ipv6/0"] = v6
    major, minor, micro = system.drivers
    os_version = {
        "name": system.name,
        "distro": system.distro,
        "uname": system.kernel,
        "major": system.version[0],
        "minor": system.version[1],
    }
    if system.windows:
        os_version |= {"spmajor": "0", "spminor": "0", "build": system.kernel}
        os_version.pop("uname")
    return {
        "os_version": os_version,
        "netbios_name": {"host_name": hostname.upper()[:15]} if system.windows else {},
        "networks": networks,
        "PV_drivers_version": {
            "major": major,
            "minor": minor,
            "micro": micro,
            "build": "82" if system.windows else "1",
        },
        "PV_drivers_up_to_date": True,
        "PV_drivers_detected": True,
        "other": {
            "platform-feature-multiprocessor-suspend": "1",
            "has-vendor-device": "1" if system.windows else "0",
            "feature-suspend": "1",
            "feature-poweroff": "1",
            "feature-reboot": "1",
            "feature-shutdown": "1",
            "feature-vcpu-hotplug": "1",
            "feature-balloon": "1",
            "data-ts": "1",
        },
        "can_use_hotplug_vbd": "yes",
        "can_use_hotplug_vif": "yes",
        "live": True,
        "last_updated": now,
    }


def mac(rng: random.Random) -> str:
    """A locally administered address."""
    return ":".join(f"{byte:02x}" for byte in (rng.randrange(64) * 4 + 2, *rng.randbytes(5)))
