"""What is typed into the form for a new VM, and what a template puts there. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from xolite_qt.ui.models import vm_facts
from xolite_qt.ui.models.new_vm_world import GIB, Limits, TemplateDisk, World, is_default, is_hvm
from xolite_qt.xen_api import VM

MIB = 1 << 20
CD_PLACE = "3"
"""Where a CD drive goes: the emulated controller of HVM guests has four places, and disks take the
first ones."""

_SIZE = re.compile(
    r"\s*(\d+(?:[.,]\d+)?)\s*(?:(k|m|g|t)(?:i?b)?|(b))?\s*", re.ASCII | re.IGNORECASE
)
_CALLED_AFTER = re.compile(r" disk \d+", re.ASCII)
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


class Install(StrEnum):
    """What a new VM starts from."""

    TEMPLATE = "template"
    ISO = "iso"
    PXE = "pxe"
    DISK = "disk"


class Origin(StrEnum):
    """Where a disk of the form comes from."""

    NEW = "new"
    TEMPLATE = "template"
    EXISTING = "existing"


@dataclass
class DiskRow:
    """A disk in the form.

    Attributes:
        key: its identity in the form.
        size_text: as typed; `parse_size` reads it.
        device: its place; "" is the first free one.
        source: as the template has it; None for others.
        vdi: the existing disk.
    """

    key: int
    origin: Origin = Origin.NEW
    name: str = ""
    description: str = ""
    sr: str = ""
    size_text: str = "10 GiB"
    device: str = ""
    source: TemplateDisk | None = None
    vdi: str = ""

    @property
    def size_bytes(self) -> int | None:
        """The size; None where it can't be read."""
        return parse_size(self.size_text)


@dataclass
class CardRow:
    """A network card in the form; an empty address lets the host choose one."""

    key: int
    network: str = ""
    mac: str = ""


@dataclass
class CloudText:
    """What cloud-init is told."""

    on: bool = False
    user_data: str = "#cloud-config\n"
    network_config: str = ""
    sr: str = ""


@dataclass
class NewVmForm:
    """Everything that was chosen and typed, right or wrong.

    Attributes:
        named: the name was typed, and no template changes it.
        cores_per_socket: 0 leaves it to the host.
        bios_host: from which host BIOS strings are copied; "" copies none.
        affinity: the host that the VM should start on; "" has no wish.
        full_copy: the template's disks are copied whole, not cloned.
    """

    template: str = ""
    name: str = ""
    named: bool = False
    description: str = ""
    tags_text: str = ""
    install: Install = Install.TEMPLATE
    iso: str = ""
    uefi: bool = False
    secure_boot: bool = False
    vtpm: bool = False
    bios_host: str = ""
    vcpus: int = 1
    vcpus_max: int = 1
    cores_per_socket: int = 0
    memory_text: str = "2 GiB"
    affinity: str = ""
    disks: list[DiskRow] = field(default_factory=list)
    cards: list[CardRow] = field(default_factory=list)
    cloud: CloudText = field(default_factory=CloudText)
    boot: bool = True
    auto_power: bool = False
    full_copy: bool = False
    limits: Limits = field(default_factory=Limits)
    _last_key: int = 0

    # ------------------------------------------------------------------ read

    @property
    def memory_bytes(self) -> int | None:
        """The memory; None where it can't be read."""
        return parse_size(self.memory_text)

    @property
    def tags(self) -> list[str]:
        """Tags, each once, in their order."""
        return list(
            dict.fromkeys(tag for part in self.tags_text.split(",") if (tag := part.strip()))
        )

    @property
    def has_content(self) -> bool:
        """Whether a disk has something on it already."""
        return any(
            row.origin is Origin.EXISTING or (row.source is not None and row.source.vdi)
            for row in self.disks
        )

    # ------------------------------------------------------------------ write

    def key(self) -> int:
        """An identity for one more row."""
        self._last_key += 1
        return self._last_key

    def add_disk(self, sr: str) -> DiskRow:
        """One more empty disk."""
        row = DiskRow(self.key(), sr=sr, name=f"{self.name} disk {len(self.disks) + 1}".strip())
        self.disks.append(row)
        return row

    def rename(self, name: str) -> None:
        """Another name; disks that were called after the old one follow."""
        for row in self.disks:
            rest = row.name.removeprefix(self.name)
            if row.origin is Origin.NEW and rest != row.name and _CALLED_AFTER.fullmatch(rest):
                row.name = f"{name}{rest}".strip()
        self.name = name

    def add_card(self, network: str) -> CardRow:
        """One more network card."""
        row = CardRow(self.key(), network)
        self.cards.append(row)
        return row

    def set_existing(self, vdi: str, world: World) -> None:
        """Starts from a disk that is there already; "" from none."""
        self.disks = [row for row in self.disks if row.origin is not Origin.EXISTING]
        disk = world.vdis.get(vdi)
        if disk is not None:
            row = DiskRow(
                self.key(),
                Origin.EXISTING,
                disk.name_label,
                disk.name_description,
                disk.sr,
                size_text(disk.virtual_size),
                vdi=vdi,
            )
            self.disks.insert(0, row)

    def take_template(self, template: VM, world: World) -> None:
        """What the template says takes the place of what the one before said.

        What only the user can know stays: description, tags, discs, cloud-init, a typed name.
        """
        self.template = template.ref
        self.limits = Limits()
        if not self.named:
            self.name = free_name(template.name_label, world)
        own = world.own_disks(template)
        platform = template.platform
        self.uefi = is_hvm(template) and vm_facts.firmware(template) == "UEFI"
        self.secure_boot = self.uefi and vm_facts.truth(platform.get("secureboot"))
        self.vtpm = bool(template.vtpms)
        self.bios_host = ""
        self.vcpus_max = max(1, template.vcpus_max)
        self.vcpus = max(1, min(template.vcpus_at_startup, self.vcpus_max))
        cores = platform.get("cores-per-socket", "")
        self.cores_per_socket = int(cores) if cores.isdigit() else 0
        self.fit_topology()
        self.memory_text = size_text(template.memory_dynamic_max or 2 * GIB)
        self.full_copy = False
        self.affinity = template.affinity if template.affinity in world.hosts else ""
        self.auto_power = vm_facts.truth(template.other_config.get("auto_poweron"))
        self.disks = [self._row_of(disk, world) for disk in own or world.wanted_disks(template)]
        networks = world.networks_of(template) or [world.default_network()]
        self.cards = [CardRow(self.key(), ref) for ref in networks if ref]
        if own:
            self.install = Install.TEMPLATE
        elif is_default(template):
            self.install = Install.ISO if is_hvm(template) else Install.TEMPLATE
        if not self.has_content:
            self.cloud.on = False
        self.cloud.sr = ""

    def _row_of(self, disk: TemplateDisk, world: World) -> DiskRow:
        name = (
            disk.name or f"{self.name} disk {int(disk.device) + 1 if disk.device.isdigit() else 1}"
        )
        return DiskRow(
            self.key(),
            Origin.TEMPLATE if disk.vdi else Origin.NEW,
            name,
            disk.description,
            disk.sr or world.default_sr(),
            size_text(disk.size_bytes),
            disk.device,
            disk if disk.vdi else None,
        )

    def fit_topology(self) -> None:
        """Forgets a number of cores that the number of vCPUs is no multiple of."""
        if self.cores_per_socket and self.vcpus_max % self.cores_per_socket:
            self.cores_per_socket = 0


def topologies(vcpus_max: int) -> list[int]:
    """Cores per socket that give whole sockets."""
    return [cores for cores in range(1, vcpus_max + 1) if vcpus_max % cores == 0]


def free_name(wanted: str, world: World) -> str:
    """A name that no VM has: the wanted one, or with a number."""
    taken, number, name = world.names(), 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted} {number}"
    return name


def parse_size(text: str) -> int | None:
    """Bytes from "8 GiB", "512 MiB", "1.5t"; a number alone is GiB. None where it is no size."""
    found = _SIZE.fullmatch(text)
    if found is None:
        return None
    value = float(found[1].replace(",", "."))
    unit = 1 if found[3] else _UNITS[(found[2] or "g").lower()]
    return round(value * unit)


def size_text(size_bytes: int) -> str:
    """A size as `parse_size` reads it, without loss."""
    for unit, word in ((1 << 40, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (1 << 10, "KiB")):
        quarters, rest = divmod(size_bytes, unit // 4)
        if size_bytes >= unit and not rest and (unit > MIB or quarters % 4 == 0):
            part = ("", ".25", ".5", ".75")[quarters % 4]
            return f"{quarters // 4}{part} {word}"
    return f"{size_bytes} B"
