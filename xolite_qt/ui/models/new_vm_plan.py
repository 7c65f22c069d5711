"""What has to be done for a new VM, step by step, settled before the first call. Pure.

Source: xo-lite.md 1.4 (order of calls), xapi.md 1.10, data model of VM, VBD, VIF, VDI, VTPM.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xolite_qt.ui.models import vm_facts
from xolite_qt.ui.models.new_vm import CD_PLACE, DiskRow, Install, NewVmForm, Origin
from xolite_qt.ui.models.new_vm_checks import cloud_sr, mac_of
from xolite_qt.ui.models.new_vm_seed import SIZE_BYTES
from xolite_qt.ui.models.new_vm_world import World, is_hvm
from xolite_qt.xen_api import VM
from xolite_qt.xen_api.records.base import NULL_REF


@dataclass(frozen=True)
class PlannedDisk:
    """A disk of the VM.

    Attributes:
        device: its place.
        sr: where it is made or copied to; "" leaves it where it is.
        size_bytes: of a new one, or what the template's is grown to; 0 leaves it.
        rename: whether name and description differ from the template's.
        vdi: the existing disk that is taken.
        bootable: whether guests that boot without a firmware boot from it.
    """

    device: str
    name: str = ""
    description: str = ""
    sr: str = ""
    size_bytes: int = 0
    rename: bool = False
    vdi: str = ""
    bootable: bool = False

    def vdi_record(self) -> dict[str, Any]:
        """What `VDI.create` is called with."""
        return new_vdi(self.name, self.description, self.sr, self.size_bytes)


@dataclass(frozen=True)
class PlannedCard:
    """A network card of the VM; an empty address is the host's choice."""

    device: str
    network: str
    mac: str
    mtu: int

    def record(self, vm: str) -> dict[str, Any]:
        """What `VIF.create` is called with."""
        return {
            "device": self.device,
            "network": self.network,
            "VM": vm,
            "MAC": self.mac,
            "MTU": self.mtu,
            "other_config": {},
            "qos_algorithm_type": "",
            "qos_algorithm_params": {},
        }


@dataclass(frozen=True)
class Seed:
    """The configuration disk of cloud-init.

    Attributes:
        host_name: for its `meta-data`, which is written when the instance is made.
        files: contents of the others by name.
    """

    device: str
    sr: str
    name: str
    host_name: str
    files: tuple[tuple[str, bytes], ...]

    def vdi_record(self) -> dict[str, Any]:
        """What `VDI.create` is called with."""
        return new_vdi(self.name, "cloud-init's configuration disk (cidata)", self.sr, SIZE_BYTES)


@dataclass(frozen=True)
class Step:
    """One line of the list that is ticked off."""

    id: str
    label: str


@dataclass(frozen=True)
class Plan:
    """Everything that is done, with all that was chosen in it.

    Attributes:
        copy: whether the template's disks are copied whole, into `copy_sr` where one is named.
        moved: of the template's disks, those that are copied one by one, each to its own storage.
        calls: settings in order: (method, parameters after the VM).
        has_vtpm: whether the template has one, which hosts copy as a rule.
        cd: the disc that is put in; "" leaves the drive empty.
        has_cd: whether the template brings a drive.
        pool: where starting with the host has to be allowed first; "" where it is.
        has_devices: whether the template brings cards or drives, which the new VM has then too.
    """

    template: str
    name: str
    copy: bool
    copy_sr: str
    moved: tuple[PlannedDisk, ...]
    bios_host: str
    before: tuple[tuple[str, tuple[Any, ...]], ...]
    calls: tuple[tuple[str, tuple[Any, ...]], ...]
    vtpm: bool
    has_vtpm: bool
    cd: str
    cd_bootable: bool
    has_cd: bool
    cards: tuple[PlannedCard, ...]
    edited: tuple[PlannedDisk, ...]
    created: tuple[PlannedDisk, ...]
    taken: tuple[PlannedDisk, ...]
    seed: Seed | None
    boot: bool
    pool: str
    has_devices: bool

    def steps(self) -> list[Step]:
        """What is shown while it is done."""
        steps = [Step("copy", "Copy the template" if self.copy else "Clone the template")]
        if self.bios_host:
            steps.append(Step("bios", "Copy the host's BIOS strings"))
        steps += [Step("provision", "Provision"), Step("settings", "Set CPU, memory and boot")]
        if self.vtpm:
            steps.append(Step("vtpm", "Add the vTPM"))
        empty = "Empty the CD drive" if self.has_cd else "Add an empty CD drive"
        steps.append(Step("cd", "Put the ISO into the drive" if self.cd else empty))
        steps.append(Step("cards", f"Connect {_several(len(self.cards), 'network card')}"))
        for disk in self.moved:
            steps.append(Step(f"move:{disk.device}", f"Copy disk {disk.name}"))
        for disk in self.edited:
            steps.append(Step(f"edit:{disk.device}", f"Adapt disk {disk.name}"))
        for disk in self.taken:
            steps.append(Step(f"take:{disk.device}", f"Attach disk {disk.name}"))
        for disk in self.created:
            steps.append(Step(f"make:{disk.device}", f"Create disk {disk.name}"))
        if self.seed is not None:
            steps.append(Step("seed", "Write cloud-init's configuration disk"))
        return steps


def _several(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def new_vdi(name: str, description: str, sr: str, size_bytes: int) -> dict[str, Any]:
    """What `VDI.create` is called with."""
    return {
        "name_label": name,
        "name_description": description,
        "SR": sr,
        "virtual_size": size_bytes,
        "type": "user",
        "sharable": False,
        "read_only": False,
        "other_config": {},
        "xenstore_data": {},
        "sm_config": {},
        "tags": [],
    }


def new_vbd(
    vm: str, vdi: str, device: str, *, bootable: bool = False, cd: bool = False
) -> dict[str, Any]:
    """What `VBD.create` is called with."""
    return {
        "VM": vm,
        "VDI": vdi or NULL_REF,
        "userdevice": device,
        "bootable": bootable,
        "mode": "RO" if cd else "RW",
        "type": "CD" if cd else "Disk",
        "unpluggable": not cd,
        "empty": not vdi,
        "other_config": {},
        "qos_algorithm_type": "",
        "qos_algorithm_params": {},
    }


def plan_of(form: NewVmForm, world: World) -> Plan:
    """Settles a form without problems.

    Raises:
        KeyError: the template is gone.
    """
    template = world.templates[form.template]
    drive = world.cd_drive(template)
    disks = _placed(form, world, template)
    own = [(row, disk) for row, disk in disks if row.source is not None]
    targets = {disk.sr for _row, disk in own}
    elsewhere = any(row.source is not None and disk.sr != row.source.sr for row, disk in own)
    at_once = form.full_copy and bool(own) and (not elsewhere or len(targets) == 1)
    one_by_one = form.full_copy and elsewhere and not at_once
    cards = tuple(
        PlannedCard(str(at), card.network, mac_of(card.mac), world.networks[card.network].mtu)
        for at, card in enumerate(form.cards)
    )
    places = {disk.device for _row, disk in disks} | {CD_PLACE}
    return Plan(
        template=template.ref,
        name=form.name.strip(),
        copy=at_once,
        copy_sr=targets.pop() if at_once and elsewhere else NULL_REF,
        moved=tuple(disk for _row, disk in own) if one_by_one else (),
        bios_host=form.bios_host,
        before=tuple(_firmware_calls(form, template)),
        calls=tuple(_setting_calls(form, world, template)),
        vtpm=form.vtpm,
        has_vtpm=bool(template.vtpms),
        cd=form.iso if form.install is Install.ISO else "",
        cd_bootable=form.install is Install.ISO,
        has_cd=drive is not None,
        cards=cards,
        edited=tuple(disk for row, disk in own if disk.rename or disk.size_bytes),
        created=tuple(disk for row, disk in disks if row.origin is Origin.NEW),
        taken=tuple(disk for row, disk in disks if row.origin is Origin.EXISTING),
        seed=_seed(form, world, _free_place(places)) if form.cloud.on else None,
        boot=form.boot,
        pool=pool_to_allow(form, world),
        has_devices=bool(template.vifs or template.vbds),
    )


def _placed(form: NewVmForm, world: World, template: VM) -> list[tuple[DiskRow, PlannedDisk]]:
    """Each disk with its place: the template's keep theirs, the others take what is free."""
    drive = world.cd_drive(template)
    taken = {row.source.device for row in form.disks if row.source is not None}
    taken |= {CD_PLACE if drive is None else drive.userdevice}
    paravirtual = not is_hvm(template)
    placed = []
    for at, row in enumerate(form.disks):
        device = row.source.device if row.source is not None else _free_place(taken)
        taken.add(device)
        size = row.size_bytes or 0
        rename = False
        if row.source is not None:
            grown = size if size > row.source.size_bytes else 0
            rename = (row.name, row.description) != (row.source.name, row.source.description)
            size = grown
        bootable = at == 0 and not (paravirtual and form.install is Install.ISO)
        placed.append(
            (
                row,
                PlannedDisk(
                    device,
                    row.name.strip(),
                    row.description.strip(),
                    row.sr,
                    size,
                    rename,
                    row.vdi,
                    bootable,
                ),
            )
        )
    return placed


def _free_place(taken: set[str]) -> str:
    return next(str(number) for number in range(256) if str(number) not in taken)


def _firmware_calls(form: NewVmForm, template: VM) -> list[tuple[str, tuple[Any, ...]]]:
    """What has to stand before the VM is provisioned: secure boot."""
    platform = dict(template.platform)
    hvm = is_hvm(template)
    if hvm:
        platform["secureboot"] = "true" if form.uefi and form.secure_boot else "false"
        platform["device-model"] = f"qemu-upstream-{'uefi' if form.uefi else 'compat'}"
    if form.cores_per_socket:
        platform["cores-per-socket"] = str(form.cores_per_socket)
    else:
        platform.pop("cores-per-socket", None)
    return [("VM.set_platform", (platform,))] if platform != template.platform else []


def _setting_calls(
    form: NewVmForm, world: World, template: VM
) -> list[tuple[str, tuple[Any, ...]]]:
    # Neither may pass the other on the way.
    vcpus: list[tuple[str, tuple[Any, ...]]] = [
        ("VM.set_VCPUs_max", (form.vcpus_max,)),
        ("VM.set_VCPUs_at_startup", (form.vcpus,)),
    ]
    if form.vcpus_max < template.vcpus_at_startup:
        vcpus.reverse()
    memory = form.memory_bytes or 0
    least = min(template.memory_static_min, memory)
    calls = [*vcpus, ("VM.set_memory_limits", (least, memory, memory, memory))]
    if form.description.strip() != template.name_description:
        calls.append(("VM.set_name_description", (form.description.strip(),)))
    if form.tags != list(template.tags):
        calls.append(("VM.set_tags", (form.tags,)))
    if (form.affinity or NULL_REF) != template.affinity:
        calls.append(("VM.set_affinity", (form.affinity or NULL_REF,)))
    calls += _power_calls(form, template)
    if is_hvm(template):
        order = _boot_order(form)
        params = {
            **template.hvm_boot_params,
            "firmware": "uefi" if form.uefi else "bios",
            "order": order,
        }
        calls.append(("VM.set_HVM_boot_params", (params,)))
    elif form.install is Install.ISO:
        # Guests without a firmware find their installer by this.
        calls.append(("VM.remove_from_other_config", ("install-repository",)))
        calls.append(("VM.add_to_other_config", ("install-repository", "cdrom")))
    return calls


def _power_calls(form: NewVmForm, template: VM) -> list[tuple[str, tuple[Any, ...]]]:
    had = "auto_poweron" in template.other_config
    was = vm_facts.truth(template.other_config.get("auto_poweron"))
    if form.auto_power == was:
        return []
    calls: list[tuple[str, tuple[Any, ...]]] = []
    if had:
        calls.append(("VM.remove_from_other_config", ("auto_poweron",)))
    if form.auto_power:
        calls.append(("VM.add_to_other_config", ("auto_poweron", "true")))
    return calls


def pool_to_allow(form: NewVmForm, world: World) -> str:
    """The pool, where it starts no VM with its host yet and this one wants it; else "".

    A wish that the template has already is no reason to change the pool.
    """
    pool, template = world.pool, world.templates.get(form.template)
    if not form.auto_power or pool is None:
        return ""
    if template is not None and vm_facts.truth(template.other_config.get("auto_poweron")):
        return ""
    return "" if vm_facts.truth(pool.other_config.get("auto_poweron")) else pool.ref


def _boot_order(form: NewVmForm) -> str:
    """Disk, disc, network by their letters: an empty disk lets the next one start anyway."""
    if form.install is Install.PXE:
        return "ncd"
    return "dcn" if form.install is Install.ISO and form.has_content else "cdn"


def _seed(form: NewVmForm, world: World, device: str) -> Seed:
    files = [("user-data", form.cloud.user_data.encode())]
    if form.cloud.network_config.strip():
        files.append(("network-config", form.cloud.network_config.encode()))
    name = form.name.strip()
    return Seed(device, cloud_sr(form, world), f"{name} cidata", name, tuple(files))
