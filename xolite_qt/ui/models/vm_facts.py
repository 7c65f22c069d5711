"""What a VM's records say about it, read into plain values: one place for lists and pages.

Everything here is pure: records in, values out, None where the host says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from xolite_qt.xen_api import VM, VMGuestMetrics, VMMetrics

_ADDRESS_KEY = re.compile(r"(\d+)/ip(?:v4/\d+|v6/\d+)?")
# Good enough to keep nonsense out; `ipaddress` takes ten times as long, and lists ask often.
_ADDRESS = re.compile(r"(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)")

BOOT_DEVICES = {"c": "hard disk", "d": "CD/DVD", "n": "network"}

HA_WORDS = {"": "Off", "restart": "Restart", "best-effort": "Restart if possible"}


def addresses(guest: VMGuestMetrics | None) -> tuple[str, ...]:
    """IP addresses that the guest tools report, IPv4 first, link-local last, each once.

    `networks` holds one address under several keys (`0/ip` and `0/ipv4/0`).
    """
    if guest is None:
        return ()
    found: dict[str, tuple[bool, bool, int]] = {}
    for key, text in guest.networks.items():
        match = _ADDRESS_KEY.fullmatch(key)
        if match is None:
            continue
        for part in text.split():
            plain = part.partition("/")[0].lower()
            if _ADDRESS.fullmatch(plain) is None:
                continue
            rank = (plain.startswith(("fe80:", "169.254.")), ":" in plain, int(match[1]))
            if rank < found.get(plain, (True, True, 1 << 30)):
                found[plain] = rank
    if len(found) < 2:
        return tuple(found)
    return tuple(sorted(found, key=lambda plain: (found[plain], plain)))


def os_name(guest: VMGuestMetrics | None) -> str:
    """The guest's own name of its system, or ''."""
    if guest is None:
        return ""
    name = guest.os_version.get("name", "")
    # Windows reports "Name|path|device": only the first part is a name.
    return name.split("|")[0].strip() or guest.os_version.get("distro", "")


def kernel(guest: VMGuestMetrics | None) -> str:
    """The kernel release that a Linux guest reports, or ''."""
    return "" if guest is None else guest.os_version.get("uname", "")


def tools_version(guest: VMGuestMetrics | None) -> str | None:
    """Version of the guest tools, '' when they run without one, None when they were never seen."""
    if guest is None:
        return None
    parts = guest.pv_drivers_version
    numbers = [parts[name] for name in ("major", "minor", "micro") if parts.get(name)]
    version = ".".join(numbers)
    build = parts.get("build", "")
    if version and build and build not in ("", "-1"):
        version += f"-{build}"
    if version:
        return version
    return "" if guest.pv_drivers_detected else None


def vcpus(vm: VM, metrics: VMMetrics | None) -> int:
    """Virtual processors: those that it runs with, or would start with."""
    if metrics is not None and vm.power_state in ("Running", "Paused") and metrics.vcpus_number > 0:
        return metrics.vcpus_number
    return vm.vcpus_at_startup


def topology(vm: VM) -> str:
    """'2 sockets × 4 cores', or '' where the host decides."""
    cores = _integer(vm.platform.get("cores-per-socket"))
    if not cores or vm.vcpus_max % cores:
        return ""
    sockets = vm.vcpus_max // cores
    return f"{sockets} socket{'s' * (sockets != 1)} × {cores} core{'s' * (cores != 1)}"


def virtualisation(vm: VM, metrics: VMMetrics | None, guest: VMGuestMetrics | None) -> str:
    """HVM, PVHVM, PV, PVH, as far as the host knows."""
    kind = vm.domain_type
    if kind in ("", "unspecified") and metrics is not None:
        kind = metrics.current_domain_type
    if kind in ("", "unspecified"):
        # Hosts older than domain_type: only HVM guests have boot parameters.
        kind = "hvm" if vm.hvm_boot_params else "pv"
    if kind == "hvm" and guest is not None and guest.pv_drivers_detected:
        return "PVHVM"
    return {"hvm": "HVM", "pv": "PV", "pvh": "PVH", "pv_in_pvh": "PV in PVH"}.get(kind, kind)


def firmware(vm: VM) -> str:
    """Boot firmware: BIOS or UEFI; '' for guests that boot without one."""
    params = vm.hvm_boot_params
    if not params:
        return ""
    return "UEFI" if params.get("firmware", "bios").lower() == "uefi" else "BIOS"


def boot_order(vm: VM) -> str:
    """'hard disk, CD/DVD, network', in order."""
    order = vm.hvm_boot_params.get("order", "")
    return ", ".join(BOOT_DEVICES[letter] for letter in order.lower() if letter in BOOT_DEVICES)


def is_on(vm: VM, key: str) -> bool:
    """Whether a platform flag is set; hosts write true, 1, and other_config words alike."""
    return truth(vm.platform.get(key))


def truth(word: str | None) -> bool:
    """What XAPI's maps mean by true."""
    return (word or "").strip().lower() in ("true", "1", "yes", "on")


def secure_boot(vm: VM) -> str:
    """'On', 'Off' or 'As the pool says'."""
    word = vm.platform.get("secureboot", "")
    return "As the pool says" if word == "auto" else "On" if truth(word) else "Off"


def protection(vm: VM) -> tuple[bool, bool]:
    """(protected from deletion, protected from shutdown) by blocked operations."""
    blocked = vm.blocked_operations
    stops = ("clean_shutdown", "hard_shutdown", "shutdown", "clean_reboot", "hard_reboot")
    return "destroy" in blocked, any(word in blocked for word in stops)


def current_operation(vm: VM) -> str:
    """What the host is doing with it now, or ''."""
    for operation in vm.current_operations.values():
        return str(operation).replace("_", " ")
    return ""


def custom_fields(other_config: Mapping[str, str]) -> dict[str, str]:
    """The fields that an administrator added (XenCenter's and XO's convention)."""
    start = "XenCenter.CustomFields."
    return {key[len(start) :]: word for key, word in other_config.items() if key.startswith(start)}


def _integer(text: str | None) -> int:
    try:
        return int(text or "")
    except ValueError:
        return 0
