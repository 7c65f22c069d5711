"""What a form for a new VM knows of the pool: templates, storages, networks, hosts, discs. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from xolite_qt.ui.models import vm_facts
from xolite_qt.xen_api import PBD, SR, VBD, VDI, VIF, VM, Host, HostMetrics, Network, Pool
from xolite_qt.xen_api.safe_xml import XmlRefused, parse_xml

GIB = 1 << 30
_DEFAULT_DISK_BYTES = 10 * GIB
_UNWRITABLE = ("iso", "udev")


@dataclass(frozen=True)
class TemplateDisk:
    """A disk that a template brings.

    Attributes:
        device: its place, "0".
        name: of the disk, "" where the template only asks for one.
        description: of the disk.
        size_bytes: as the template has it.
        sr: where it is, or where the template wants it; "" says nothing.
        vdi: the template's own disk; "" where a new one is to be made.
    """

    device: str
    name: str
    description: str
    size_bytes: int
    sr: str
    vdi: str = ""


@dataclass(frozen=True)
class Limits:
    """What a template says of itself that lists of VMs do not carry: its recommendations.

    Attributes:
        memory_max_bytes: 0 is not told.
        vcpus_max: 0 is not told.
        bios, uefi, secure_boot: whether guests like it support them; None is not told.
        has_bios_strings: BIOS strings are set already, and can't be set a second time.
    """

    memory_max_bytes: int = 0
    vcpus_max: int = 0
    bios: bool | None = None
    uefi: bool | None = None
    secure_boot: bool | None = None
    has_bios_strings: bool = False


@dataclass(frozen=True)
class World:
    """The pool's records by reference; the stores' own mappings, not copies.

    Attributes:
        pool: None before it was read.
        templates: snapshots are none.
    """

    pool: Pool | None = None
    templates: Mapping[str, VM] = field(default_factory=dict)
    vms: Mapping[str, VM] = field(default_factory=dict)
    srs: Mapping[str, SR] = field(default_factory=dict)
    pbds: Mapping[str, PBD] = field(default_factory=dict)
    vdis: Mapping[str, VDI] = field(default_factory=dict)
    vbds: Mapping[str, VBD] = field(default_factory=dict)
    vifs: Mapping[str, VIF] = field(default_factory=dict)
    networks: Mapping[str, Network] = field(default_factory=dict)
    hosts: Mapping[str, Host] = field(default_factory=dict)
    host_metrics: Mapping[str, HostMetrics] = field(default_factory=dict)

    # ------------------------------------------------------------------ templates

    def choosable_templates(self) -> list[VM]:
        """The user's own first, then those that came with the host; hidden ones not at all."""
        shown = [
            vm
            for vm in self.templates.values()
            if not vm_facts.truth(vm.other_config.get("HideFromXenCenter"))
        ]
        return sorted(shown, key=lambda vm: (is_default(vm), vm.name_label.casefold(), vm.uuid))

    def drives_of(self, template: VM) -> list[VBD]:
        """Its drives in the order of their places."""
        drives = [self.vbds[ref] for ref in template.vbds if ref in self.vbds]
        return sorted(drives, key=lambda vbd: (len(vbd.userdevice), vbd.userdevice))

    def own_disks(self, template: VM) -> list[TemplateDisk]:
        """Disks with content that a template brings."""
        found = []
        for drive in self.drives_of(template):
            disk = self.vdis.get(drive.vdi)
            if drive.type == "Disk" and disk is not None:
                found.append(
                    TemplateDisk(
                        drive.userdevice,
                        disk.name_label,
                        disk.name_description,
                        disk.virtual_size,
                        disk.sr,
                        disk.ref,
                    )
                )
        return found

    def cd_drive(self, template: VM) -> VBD | None:
        """Its first CD drive."""
        return next((drive for drive in self.drives_of(template) if drive.type == "CD"), None)

    def wanted_disks(self, template: VM) -> list[TemplateDisk]:
        """Empty disks that a template asks for; what can't be read asks for nothing."""
        text = template.other_config.get("disks", "")
        if not text:
            return []
        try:
            root = parse_xml(text)
        except XmlRefused:
            return []
        by_uuid = {sr.uuid: sr.ref for sr in self.srs.values()}
        return [
            TemplateDisk(
                disk.get("device", str(at)),
                "",
                "",
                int(disk.get("size", ""))
                if disk.get("size", "").isdigit()
                else _DEFAULT_DISK_BYTES,
                by_uuid.get(disk.get("sr", ""), ""),
            )
            for at, disk in enumerate(root.iter("disk"))
        ]

    def networks_of(self, template: VM) -> list[str]:
        """Networks that its cards are on, in the order of the cards."""
        cards = [self.vifs[ref] for ref in template.vifs if ref in self.vifs]
        cards.sort(key=lambda card: (len(card.device), card.device))
        return [card.network for card in cards if card.network in self.networks]

    # ------------------------------------------------------------------ the rest of the pool

    def sr_name(self, ref: str) -> str:
        """Its name, or what can be said without one."""
        sr = self.srs.get(ref)
        return sr.name_label if sr is not None else "unknown storage"

    def free_bytes(self, sr: str) -> int | None:
        """Free room of a storage; None where its driver can't say."""
        record = self.srs.get(sr)
        if record is None or record.physical_size <= 0:
            return None
        return max(0, record.physical_size - record.physical_utilisation)

    def is_plugged(self, sr: str) -> bool:
        """Whether a host reaches a storage now."""
        record = self.srs.get(sr)
        plugs = (self.pbds.get(ref) for ref in (record.pbds if record is not None else ()))
        return any(plug is not None and plug.currently_attached for plug in plugs)

    def writable_srs(self) -> list[SR]:
        """Storages that disks are made on, by name; plugged ones only."""
        found = [
            sr
            for sr in self.srs.values()
            if sr.content_type != "iso"
            and sr.type not in _UNWRITABLE
            and not sr.is_tools_sr
            and self.is_plugged(sr.ref)
        ]
        return sorted(found, key=lambda sr: (sr.name_label.casefold(), sr.uuid))

    def default_sr(self) -> str:
        """The pool's own choice, or the storage with most room; "" where there is none."""
        named = self.pool.default_sr if self.pool is not None else ""
        choices = self.writable_srs()
        if any(sr.ref == named for sr in choices):
            return named
        best = max(choices, key=lambda sr: self.free_bytes(sr.ref) or 0, default=None)
        return best.ref if best is not None else ""

    def discs(self) -> list[tuple[SR, VDI]]:
        """ISO images that a drive can take, and the drives of hosts, by storage and name."""
        libraries = [
            sr
            for sr in self.srs.values()
            if (sr.content_type == "iso" or sr.type == "iso") and self.is_plugged(sr.ref)
        ]
        found = [
            (sr, self.vdis[ref])
            for sr in libraries
            for ref in sr.vdis
            if ref in self.vdis and not self.vdis[ref].missing
        ]
        return sorted(
            found,
            key=lambda pair: (pair[0].name_label.casefold(), pair[1].name_label.casefold()),
        )

    def free_disks(self) -> list[tuple[SR, VDI]]:
        """Disks that no VM has."""
        found = []
        for sr in self.writable_srs():
            for ref in sr.vdis:
                disk = self.vdis.get(ref)
                if (
                    disk is not None
                    and disk.type in ("user", "system")
                    and disk.managed
                    and not (disk.is_a_snapshot or disk.missing or disk.vbds)
                ):
                    found.append((sr, disk))
        return sorted(
            found,
            key=lambda pair: (pair[1].name_label.casefold(), pair[0].name_label.casefold()),
        )

    def choosable_networks(self) -> list[Network]:
        """Networks for guests, by name."""
        found = [
            network
            for network in self.networks.values()
            if not vm_facts.truth(network.other_config.get("HideFromXenCenter"))
            and not vm_facts.truth(network.other_config.get("is_guest_installer_network"))
        ]
        return sorted(found, key=lambda network: (network.name_label.casefold(), network.uuid))

    def default_network(self) -> str:
        """The one that management runs on, by its usual name, else the first."""
        networks = self.choosable_networks()
        first = next((net for net in networks if net.bridge == "xenbr0"), None)
        chosen = first or next(iter(networks), None)
        return chosen.ref if chosen is not None else ""

    def free_memory(self, host: str) -> int | None:
        """Memory free on a host now; None where nobody knows."""
        record = self.hosts.get(host)
        metrics = self.host_metrics.get(record.metrics) if record is not None else None
        return metrics.memory_free if metrics is not None and metrics.live else None

    def names(self) -> Collection[str]:
        """Names of the VMs that are there."""
        return {vm.name_label for vm in self.vms.values()}


def is_default(template: VM) -> bool:
    """Whether it came with the host."""
    return template.is_default_template or vm_facts.truth(
        template.other_config.get("default_template")
    )


def is_hvm(template: VM) -> bool:
    """Whether guests of it boot by a firmware of their own."""
    if template.domain_type in ("", "unspecified"):
        return bool(template.hvm_boot_params)
    return template.domain_type == "hvm"


def limits_of(recommendations: str, bios_strings: Mapping[str, str]) -> Limits:
    """Reads a template's recommendations; what can't be read says nothing.

    Args:
        recommendations: XML as in `VM.recommendations`.
        bios_strings: of the template.
    """
    numbers: dict[str, int] = {}
    words: dict[str, bool] = {}
    try:
        rules = list(parse_xml(recommendations).iter("restriction")) if recommendations else []
    except XmlRefused:
        rules = []
    for rule in rules:
        name = rule.get("field", "")
        if rule.get("max", "").isdigit():
            numbers[name] = int(rule.get("max", ""))
        if rule.get("value", ""):
            words[name] = vm_facts.truth(rule.get("value"))
    return Limits(
        memory_max_bytes=numbers.get("memory-static-max", 0),
        vcpus_max=numbers.get("vcpus-max", 0),
        bios=words.get("supports-bios"),
        uefi=words.get("supports-uefi"),
        secure_boot=words.get("supports-secure-boot"),
        has_bios_strings=bool(bios_strings),
    )
