"""What is wrong with a form for a new VM, field by field, and what it should be warned of. Pure."""

from __future__ import annotations

import re
from collections import Counter

from xolite_qt.ui import format as fmt
from xolite_qt.ui.models import new_vm_cloud as cloud
from xolite_qt.ui.models.new_vm import MIB, Install, NewVmForm, Origin
from xolite_qt.ui.models.new_vm_world import GIB, World, is_hvm
from xolite_qt.xen_api import VM

NAME_LIMIT = 255
VCPUS_LIMIT = 128
CARDS_LIMIT = 7
DISKS_LIMIT = 15
MEMORY_LEAST_BYTES = 16 * MIB
MEMORY_MOST_BYTES = 6 << 40
DISK_LEAST_BYTES = MIB
DISK_MOST_BYTES = 2040 * GIB
"""The largest disk in the VHD form; other forms go further, and the host says so itself."""

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}|[0-9a-f]{2}(-[0-9a-f]{2}){5}", re.IGNORECASE)


def mac_of(text: str) -> str:
    """An address as hosts write it."""
    return text.strip().lower().replace("-", ":")


def problems(form: NewVmForm, world: World) -> dict[str, str]:
    """Why the VM can't be made: words by field.

    Fields are "template", "name", "iso", "existing", "vcpus", "memory", "disk:KEY:size",
    "disk:KEY:sr", "disk:KEY:name", "card:KEY:network", "card:KEY:mac", "disks", "cards",
    "user_data", "network_config", "cloud".
    """
    found: dict[str, str] = {}
    template = world.templates.get(form.template)
    if template is None:
        found["template"] = (
            "This template is gone. Choose another one." if form.template else "Choose a template."
        )
    if not form.name.strip():
        found["name"] = "A VM needs a name."
    elif len(form.name) > NAME_LIMIT:
        found["name"] = f"At most {NAME_LIMIT} characters."
    found |= _start_problems(form, world)
    if not 1 <= form.vcpus <= form.vcpus_max:
        found["vcpus"] = "Not more than the maximum."
    found |= _memory_problems(form, template)
    found |= _disk_problems(form, world)
    found |= _card_problems(form, world)
    if form.cloud.on:
        found |= _cloud_problems(form, world)
    return found


def _start_problems(form: NewVmForm, world: World) -> dict[str, str]:
    if form.install is Install.ISO and (not form.iso or form.iso not in world.vdis):
        gone = bool(form.iso)
        return {"iso": "This ISO is gone. Choose another one." if gone else "Choose an ISO."}
    if form.install is Install.DISK:
        row = next((row for row in form.disks if row.origin is Origin.EXISTING), None)
        if row is None:
            return {"existing": "Choose a disk."}
        disk = world.vdis.get(row.vdi)
        if disk is None:
            return {"existing": "This disk is gone. Choose another one."}
        if disk.vbds:
            return {"existing": "A VM has taken this disk. Choose another one."}
    if form.install is Install.PXE and not form.cards:
        return {"cards": "Starting from the network needs a network card."}
    return {}


def _memory_problems(form: NewVmForm, template: VM | None) -> dict[str, str]:
    size = form.memory_bytes
    if size is None:
        return {"memory": "A size such as 4 GiB or 512 MiB."}
    if size % MIB:
        return {"memory": "Whole MiB only."}
    if not MEMORY_LEAST_BYTES <= size <= MEMORY_MOST_BYTES:
        least, most = fmt.size(MEMORY_LEAST_BYTES), fmt.size(MEMORY_MOST_BYTES)
        return {"memory": f"From {least} to {most}."}
    if template is not None and size < template.memory_static_min:
        return {"memory": f"This template needs {fmt.size(template.memory_static_min)} at least."}
    return {}


def _disk_problems(form: NewVmForm, world: World) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in form.disks:
        if row.origin is Origin.EXISTING:
            continue
        at = f"disk:{row.key}"
        if not row.name.strip():
            found[f"{at}:name"] = "A disk needs a name."
        size = row.size_bytes
        if size is None:
            found[f"{at}:size"] = "A size such as 20 GiB."
        elif row.source is not None and size < row.source.size_bytes:
            found[f"{at}:size"] = (
                f"The template's has {fmt.size(row.source.size_bytes)}; only more."
            )
        elif not DISK_LEAST_BYTES <= size <= DISK_MOST_BYTES:
            most = fmt.size(DISK_MOST_BYTES)
            found[f"{at}:size"] = f"From {fmt.size(DISK_LEAST_BYTES)} to {most}."
        if row.sr not in world.srs:
            found[f"{at}:sr"] = "Choose a storage."
        elif not world.is_plugged(row.sr):
            found[f"{at}:sr"] = "No host reaches this storage now."
    if len(form.disks) > DISKS_LIMIT:
        found["disks"] = f"At most {DISKS_LIMIT} disks here; more can be added later."
    if not form.disks and form.install is Install.TEMPLATE and form.boot:
        found["disks"] = "Without disk, ISO and network there is nothing to start from."
    return found


def _card_problems(form: NewVmForm, world: World) -> dict[str, str]:
    found: dict[str, str] = {}
    if len(form.cards) > CARDS_LIMIT:
        found["cards"] = f"At most {CARDS_LIMIT} network cards."
    own = Counter(mac_of(card.mac) for card in form.cards if card.mac.strip())
    for card in form.cards:
        if card.network not in world.networks:
            found[f"card:{card.key}:network"] = "Choose a network."
        mac = card.mac.strip()
        if not mac:
            continue
        if not _MAC.fullmatch(mac):
            found[f"card:{card.key}:mac"] = "Six pairs of hexadecimal digits: 02:16:3e:01:02:03."
        elif int(mac[1], 16) & 1:
            found[f"card:{card.key}:mac"] = "The second digit must be even: others are for groups."
        elif own[mac_of(mac)] > 1:
            found[f"card:{card.key}:mac"] = "Another card of this VM has it."
    return found


def _cloud_problems(form: NewVmForm, world: World) -> dict[str, str]:
    found = {}
    if why := cloud_reason(form):
        found["cloud"] = why
    if problem := cloud.user_data_problem(form.cloud.user_data):
        found["user_data"] = problem
    if problem := cloud.network_config_problem(form.cloud.network_config):
        found["network_config"] = problem
    if not cloud_sr(form, world):
        found["cloud"] = found.get("cloud") or "No storage takes the configuration disk."
    return found


def cloud_reason(form: NewVmForm) -> str:
    """Why cloud-init makes no sense here, or ""."""
    if form.has_content:
        return ""
    return "Nothing on an empty disk reads it: choose a template or a disk with a cloud image."


def cloud_sr(form: NewVmForm, world: World) -> str:
    """Where the configuration disk goes: beside the first disk, else to the default storage."""
    first = next((row.sr for row in form.disks if world.is_plugged(row.sr)), "")
    return first or world.default_sr()


# ---------------------------------------------------------------------- why choices are closed


def firmware_reason(form: NewVmForm, world: World, *, uefi: bool) -> str:
    """Why a firmware can't be chosen, or ""."""
    template = world.templates.get(form.template)
    if template is None:
        return ""
    if not is_hvm(template):
        return "Guests of this template boot without a firmware."
    supported = form.limits.uefi if uefi else form.limits.bios
    return "The template says that its guests do not support it." if supported is False else ""


def secure_boot_reason(form: NewVmForm) -> str:
    """Why secure boot can't be had, or ""."""
    if not form.uefi:
        return "Only with UEFI."
    no = form.limits.secure_boot is False
    return "The template says that its guests do not support it." if no else ""


def vtpm_reason(form: NewVmForm, world: World) -> str:
    """Why the vTPM can't be switched, or ""."""
    template = world.templates.get(form.template)
    if template is not None and template.vtpms:
        return "The template brings one."
    return "" if form.uefi else "Only with UEFI."


def bios_reason(form: NewVmForm) -> str:
    """Why BIOS strings can't be copied, or ""."""
    has = form.limits.has_bios_strings
    return "The template has BIOS strings of its own; they are set once only." if has else ""


def clone_reason(form: NewVmForm, world: World) -> str:
    """Why the template's disks can't be cloned, or ""."""
    sources = [row.source for row in form.disks if row.source is not None]
    if not sources:
        return "The template has no disks of its own: there is nothing to copy."
    for source in sources:
        sr = world.srs.get(source.sr)
        if sr is not None and sr.allowed_operations and "vdi_clone" not in sr.allowed_operations:
            return f"{sr.name_label} can't clone disks."
    return ""


# ---------------------------------------------------------------------- warnings


def warnings(form: NewVmForm, world: World) -> list[str]:
    """What may be meant so, and may not."""
    return [
        *_name_warnings(form, world),
        *_host_warnings(form, world),
        *_space_warnings(form, world),
        *_card_warnings(form, world),
    ]


def _name_warnings(form: NewVmForm, world: World) -> list[str]:
    if form.name.strip() in world.names():
        return ["Another VM has this name already. That is allowed, and easily confused."]
    return []


def _host_warnings(form: NewVmForm, world: World) -> list[str]:
    found: list[str] = []
    limits = form.limits
    if limits.vcpus_max and form.vcpus_max > limits.vcpus_max:
        found.append(f"The template recommends at most {limits.vcpus_max} vCPUs.")
    memory = form.memory_bytes
    if memory is None:
        return found
    if limits.memory_max_bytes and memory > limits.memory_max_bytes:
        found.append(f"The template recommends at most {fmt.size(limits.memory_max_bytes)} of RAM.")
    named = world.hosts.get(form.affinity)
    hosts = [named] if named is not None else list(world.hosts.values())
    free = {host.ref: world.free_memory(host.ref) for host in hosts if host.enabled}
    known = {ref: size for ref, size in free.items() if size is not None}
    if known and memory > max(known.values()):
        best = max(known, key=lambda ref: known[ref])
        name, room = world.hosts[best].name_label, fmt.size(known[best])
        found.append(f"{name} has only {room} of memory free now; the VM would not start.")
    cpus = [int(host.cpu_info.get("cpu_count", "0") or 0) for host in hosts]
    if cpus and 0 < max(cpus) < form.vcpus:
        found.append(f"No host has so many CPUs: the largest has {max(cpus)}.")
    return found


def wanted_space(form: NewVmForm) -> dict[str, int]:
    """Bytes that new disks take at most, by storage."""
    wanted: dict[str, int] = {}
    for row in form.disks:
        size = row.size_bytes
        if row.origin is Origin.EXISTING or size is None:
            continue
        if row.source is not None and not form.full_copy:
            # A clone shares what the template has; only what it grows by is new.
            size -= row.source.size_bytes
        wanted[row.sr] = wanted.get(row.sr, 0) + max(0, size)
    return wanted


def _space_warnings(form: NewVmForm, world: World) -> list[str]:
    found: list[str] = []
    for sr, size in wanted_space(form).items():
        free = world.free_bytes(sr)
        if free is not None and size > free:
            name = world.sr_name(sr)
            found.append(f"{name} has {fmt.size(free)} free; the disks may take {fmt.size(size)}.")
    shared = [world.srs[row.sr].shared for row in form.disks if row.sr in world.srs]
    if len(world.hosts) > 1 and shared and not all(shared):
        found.append("A disk is on a host's local storage: the VM can start on that host only.")
    return found


def _card_warnings(form: NewVmForm, world: World) -> list[str]:
    taken = {vif.mac.lower() for vif in world.vifs.values() if vif.mac}
    used = [mac for card in form.cards if (mac := mac_of(card.mac)) in taken]
    return [f"Another VM has a card with the address {mac}." for mac in used]
