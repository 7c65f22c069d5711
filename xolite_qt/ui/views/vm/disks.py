"""The disks of a VM, and its CD drive."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from PySide6.QtWidgets import QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.deeds import Choice, Deed
from xolite_qt.ui.dialogs.devices.disk_dialogs import (
    AddDiskDialog,
    EditDiskDialog,
    MoveDialog,
    PickDialog,
    ResizeDialog,
)
from xolite_qt.ui.models.disk_columns import disk_columns, status_of
from xolite_qt.ui.models.sr_reasons import SrEntry, entries
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.acting_table import ActingTable, Fact
from xolite_qt.ui.views.vm import disk_deeds
from xolite_qt.ui.widgets.pick_list import Item
from xolite_qt.xen_api import SR, VBD, VDI, VM, PowerState


class VmDisks(ActingTable[VBD]):
    """Disks and drives: added, attached, resized, moved, deleted; discs inserted and ejected."""

    page_id = "vm.disks"
    title = "Disks"
    icon_name = "vdi"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        stores = context.stores
        self._stores = stores
        super().__init__(
            context,
            ref,
            columns=disk_columns(self._vdi, self._sr),
            store=stores.vbd,
            one="disk or drive",
            many="disks and drives",
            beside=(stores.vm, stores.vdi, stores.sr, stores.pbd, stores.host, stores.pool),
            on_bar=("disk.add", "disk.attach", "disk.resize", "cd.insert", "cd.eject"),
            primary="disk.add",
            parent=parent,
        )

    # ------------------------------------------------------------------ rows

    @property
    def vm(self) -> VM | None:
        """The VM, or None while it is not known."""
        return self._stores.vm.get(self.ref)

    def _vdi(self, vbd: VBD) -> VDI | None:
        return self._stores.vdi.get(vbd.vdi)

    def _sr(self, vbd: VBD) -> SR | None:
        vdi = self._vdi(vbd)
        return self._stores.sr.get(vdi.sr) if vdi is not None else None

    def belongs(self, row: VBD) -> bool:
        """Disks and drives of this VM."""
        return row.vm == self.ref

    def title_of(self, row: VBD) -> str:
        """The disk's name."""
        vdi = self._vdi(row)
        if vdi is not None:
            return vdi.name_label or vdi.uuid
        return "CD drive" if row.type == "CD" else "Missing disk"

    def records(self, row: VBD) -> Any:
        """The position and the disk in it."""
        return {"VBD": row, "VDI": self._vdi(row)}

    def facts(self, row: VBD) -> Sequence[Fact]:
        """Everything about a disk."""
        vdi, sr = self._vdi(row), self._sr(row)
        place = f"{row.userdevice} ({row.device})" if row.device else row.userdevice
        found = [
            Fact("Status", status_of(row)),
            Fact("Position", place),
            Fact("Storage", sr.name_label if sr is not None else ""),
        ]
        if vdi is not None:
            found += [
                Fact("Description", vdi.name_description),
                Fact("Size", fmt.size(vdi.virtual_size)),
                Fact("On disk", fmt.size(max(0, vdi.physical_utilisation))),
                Fact("Format", vdi.sm_config.get("image-format", "") or vdi.type),
                Fact("Snapshots", fmt.count(len(vdi.snapshots))),
                Fact("Changed blocks", "Tracked" if vdi.cbt_enabled else "Not tracked"),
                Fact("Tags", ", ".join(vdi.tags)),
            ]
        found += [
            Fact("Access", "Read only" if row.mode == "RO" else "Read and write"),
            Fact("Boot", "Yes" if row.bootable else "No"),
        ]
        if vdi is not None:
            found.append(Fact("UUID of the disk", vdi.uuid, mono=True))
        return found

    # ------------------------------------------------------------------ choices

    def row_choices(self, rows: Sequence[VBD]) -> Sequence[Choice]:
        """What may be done with disks and drives."""
        disks = [row for row in rows if row.type != "CD"]
        none = "Select a disk first." if not disks else None
        one = none or (None if len(disks) == 1 else "Select one disk.")
        drive = self._drive(rows)
        vm = self.vm
        unknown = None if vm is not None else "This VM is not known yet."
        full = unknown or self._full()

        def choice(
            ident: str, label: str, glyph: str, run: Callable[[], object], why: str | None, g: int
        ) -> Choice:
            return Choice(ident, label, glyph, run, why, g)

        return (
            choice("disk.add", "Add disk…", "plus", self._add, full, 10),
            choice("disk.attach", "Attach existing disk…", "link", self._attach, full, 10),
            choice(
                "disk.plug",
                "Connect",
                "plug",
                partial(self._plug, disks, True),
                none or self._may(disks, "plug", "Connected already, or the VM does not run."),
                20,
            ),
            choice(
                "disk.unplug",
                "Disconnect",
                "disconnect",
                partial(self._plug, disks, False),
                none or self._may(disks, "unplug", "In use, or not connected."),
                20,
            ),
            choice(
                "disk.resize",
                "Resize…",
                "expand",
                partial(self._spawn, self._resize, disks),
                one or self._may_resize(disks[0]),
                30,
            ),
            choice(
                "disk.move",
                "Move to another storage…",
                "migrate",
                partial(self._spawn, self._move, disks),
                one or (None if self._vdi(disks[0]) else "This disk is missing."),
                30,
            ),
            choice(
                "disk.edit",
                "Change…",
                "edit",
                partial(self._spawn, self._edit, disks),
                one or (None if self._vdi(disks[0]) else "This disk is missing."),
                30,
            ),
            choice(
                "cd.insert",
                "Insert disc…",
                "cd",
                partial(self._spawn, self._insert, [drive] if drive else []),
                None if drive else "This VM has no CD drive: add one first.",
                40,
            ),
            choice(
                "cd.eject",
                "Eject disc",
                "export",
                partial(self._eject, drive),
                self._may_eject(drive),
                40,
            ),
            choice(
                "cd.add",
                "Add CD drive",
                "cd",
                self._add_drive,
                full or self._may_add_drive(drive),
                40,
            ),
            choice(
                "disk.detach",
                "Detach…",
                "disconnect",
                partial(self._detach, disks),
                none or self._stuck(disks),
                80,
            ),
            choice(
                "disk.delete",
                "Delete disk…",
                "trash",
                partial(self._delete, disks),
                none or self._stuck(disks) or self._shared(disks),
                90,
            ),
        )

    def _drive(self, rows: Sequence[VBD]) -> VBD | None:
        """The drive that is meant: the selected one, or the only one there is."""
        drives = [row for row in rows if row.type == "CD"]
        if not drives:
            mine = self._stores.vbd.records.values()
            drives = [vbd for vbd in mine if vbd.vm == self.ref and vbd.type == "CD"]
        return drives[0] if drives else None

    def _full(self) -> str | None:
        mine = [vbd for vbd in self._stores.vbd.records.values() if vbd.vm == self.ref]
        return "A VM has room for 255 disks." if len(mine) >= 255 else None

    def _may(self, disks: Sequence[VBD], operation: str, reason: str) -> str | None:
        return None if all(operation in disk.allowed_operations for disk in disks) else reason

    def _may_resize(self, disk: VBD) -> str | None:
        vdi = self._vdi(disk)
        if vdi is None:
            return "This disk is missing."
        if disk.currently_attached and "resize_online" not in vdi.allowed_operations:
            return "Its storage cannot resize it while the VM runs: shut the VM down first."
        if not disk.currently_attached and "resize" not in vdi.allowed_operations:
            return "The host does not allow it now."
        return None

    def _may_eject(self, drive: VBD | None) -> str | None:
        if drive is None:
            return "This VM has no CD drive."
        return "The drive is empty." if drive.empty else None

    def _may_add_drive(self, drive: VBD | None) -> str | None:
        if drive is not None:
            return "This VM has a CD drive already."
        vm = self.vm
        if vm is not None and vm.power_state != PowerState.HALTED:
            return "A drive is added to a halted VM only."
        return None

    def _stuck(self, disks: Sequence[VBD]) -> str | None:
        for disk in disks:
            if disk.currently_attached and "unplug" not in disk.allowed_operations:
                return f"{self.title_of(disk)} is in use, and the guest does not let go of it."
        return None

    def _shared(self, disks: Sequence[VBD]) -> str | None:
        for disk in disks:
            vdi = self._vdi(disk)
            if vdi is not None and len(vdi.vbds) > 1:
                return f"{self.title_of(disk)} is attached to another VM too: detach it."
        return None

    # ------------------------------------------------------------------ doing

    def _spawn(self, work: Callable[[VBD], Coroutine[Any, Any, None]], rows: list[VBD]) -> None:
        self.context.tasks.spawn(work(rows[0]), "disk")

    async def _work(
        self, name: str, label: str, done: str, work: Callable[[Any], Awaitable[Any]]
    ) -> None:
        await self.context.actions.do([Deed(name, label, done, work)])

    def _runs(self) -> bool:
        vm = self.vm
        return vm is not None and vm.power_state == PowerState.RUNNING

    def _storages(self, need_bytes: int, current: str = "") -> list[SrEntry]:
        stores, vm = self._stores, self.vm
        host = vm.resident_on if vm is not None and self._runs() else ""
        return entries(
            stores.sr.records,
            stores.pbd.records,
            stores.host.records,
            need_bytes=need_bytes,
            current=current,
            only_host=host,
        )

    def _add(self) -> None:
        self.context.tasks.spawn(self._ask_add(), "add disk")

    async def _ask_add(self) -> None:
        vm, pool = self.vm, self._stores.the_pool()
        if vm is None:
            return
        number = sum(1 for row in self.model.rows() if row.type != "CD")
        dialog = AddDiskDialog(
            vm.name_label,
            f"{vm.name_label} disk {number}"[:255],
            self._storages,
            pool.default_sr if pool is not None else "",
            self.context.actions.window,
        )
        if not await ask(dialog):
            return
        name, text = dialog.name.text().strip(), dialog.description.text().strip()
        mode = "RO" if dialog.read_only.isChecked() else "RW"
        sr, size, plug = dialog.sr.current(), dialog.size_bytes, self._runs()

        async def work(api: Any) -> None:
            await disk_deeds.add(api, vm.ref, sr, name, text, size, mode, plug)

        await self._work(vm.name_label, "Add disk", f"disk “{name}” added", work)

    def _attach(self) -> None:
        self.context.tasks.spawn(self._ask_attach(), "attach disk")

    async def _ask_attach(self) -> None:
        vm, stores = self.vm, self._stores
        if vm is None:
            return
        usable = {entry.ref for entry in self._storages(0) if entry.reason is None}
        items = [
            Item(
                vdi.ref,
                vdi.name_label or vdi.uuid,
                f"{fmt.size(vdi.virtual_size)} · {stores.sr.records[vdi.sr].name_label}",
                "vdi",
            )
            for vdi in sorted(
                stores.vdi.records.values(), key=lambda one: one.name_label.casefold()
            )
            if vdi.sr in usable
            and vdi.managed
            and not vdi.is_a_snapshot
            and not vdi.missing
            and (not vdi.vbds or vdi.sharable)
        ]
        dialog = PickDialog(
            f"Attach a disk to {vm.name_label}",
            "Attach disk",
            items,
            "Every disk of the pool is attached to a VM.",
            icon="vdi",
            parent=self.context.actions.window,
        )
        if await ask(dialog):
            vdi, plug = dialog.list.current, self._runs()
            work = partial(_attach, vm.ref, vdi, plug)
            await self._work(vm.name_label, "Attach disk", "disk attached", work)

    def _disks_by_name(self) -> list[VDI]:
        disks = self._stores.vdi.records.values()
        return sorted(disks, key=lambda vdi: (vdi.name_label.casefold(), vdi.uuid))

    def _plug(self, disks: Sequence[VBD], plug: bool) -> None:
        method = "VBD.plug" if plug else "VBD.unplug"
        label, done = ("Connect", "connected") if plug else ("Disconnect", "disconnected")
        deeds = [
            Deed(self.title_of(disk), label, done, partial(_run, method, disk.ref))
            for disk in disks
        ]
        question = None
        if not plug:
            question = Question(
                f"Disconnect {self._named(disks)}?",
                "The guest loses the disk at once: unmount it there first.",
                "Disconnect",
                Harm.DISRUPTIVE,
            )
        self.context.actions.begin(deeds, question)

    def _named(self, disks: Sequence[VBD]) -> str:
        return self.title_of(disks[0]) if len(disks) == 1 else f"{len(disks)} disks"

    async def _resize(self, disk: VBD) -> None:
        vdi = self._vdi(disk)
        if vdi is None:
            return
        name = self.title_of(disk)
        dialog = ResizeDialog(name, vdi.virtual_size, self.context.actions.window)
        if await ask(dialog):
            method = "VDI.resize_online" if disk.currently_attached else "VDI.resize"
            work = partial(_resize, method, vdi.ref, dialog.size_bytes)
            await self._work(name, "Resize", f"resized to {fmt.size(dialog.size_bytes)}", work)

    async def _move(self, disk: VBD) -> None:
        vdi = self._vdi(disk)
        if vdi is None:
            return
        name = self.title_of(disk)
        if disk.currently_attached:
            about = "The VM runs on meanwhile. Snapshots of this disk stay where they are."
        else:
            about = "It is copied, and the copy takes its place. Snapshots stay where they are."
        dialog = MoveDialog(
            name, self._storages(vdi.virtual_size, vdi.sr), about, self.context.actions.window
        )
        if await ask(dialog):
            sr = dialog.sr.current()

            async def work(api: Any) -> None:
                await disk_deeds.move(api, disk, vdi, sr)

            await self._work(name, "Move disk", "moved", work)

    async def _edit(self, disk: VBD) -> None:
        vdi = self._vdi(disk)
        if vdi is None:
            return
        dialog = EditDiskDialog(
            vdi.name_label, vdi.name_description, disk.bootable, self.context.actions.window
        )
        if await ask(dialog):
            name, text = dialog.name.text().strip(), dialog.description.text().strip()
            bootable = dialog.bootable.isChecked()

            async def work(api: Any) -> None:
                await disk_deeds.edit(api, disk, vdi, name, text, bootable)

            await self._work(name, "Change disk", "changed", work)

    async def _insert(self, drive: VBD) -> None:
        stores = self._stores
        isos = {
            sr.ref: sr.name_label
            for sr in stores.sr.records.values()
            if sr.content_type == "iso" and sr.type != "udev"
        }
        items = [
            Item(vdi.ref, vdi.name_label, isos[vdi.sr], "cd")
            for vdi in sorted(
                stores.vdi.records.values(), key=lambda one: one.name_label.casefold()
            )
            if vdi.sr in isos and not vdi.missing
        ]
        dialog = PickDialog(
            "Insert a disc",
            "Insert disc",
            items,
            "No storage of this pool holds ISO images. Add one, or upload an image.",
            parent=self.context.actions.window,
        )
        if await ask(dialog):
            vdi = dialog.list.current

            async def work(api: Any) -> None:
                await disk_deeds.insert(api, drive, vdi)

            await self._work(self.vm.name_label if self.vm else "", "Insert", "disc inserted", work)

    def _eject(self, drive: VBD | None) -> None:
        if drive is not None:
            name = self.vm.name_label if self.vm is not None else ""
            work = partial(_run, "VBD.eject", drive.ref)
            self.context.actions.begin([Deed(name, "Eject disc", "disc ejected", work)])

    def _add_drive(self) -> None:
        vm = self.vm
        if vm is not None:
            work = partial(_add_drive, vm.ref)
            self.context.actions.begin(
                [Deed(vm.name_label, "Add CD drive", "CD drive added", work)]
            )

    def _detach(self, disks: Sequence[VBD]) -> None:
        deeds = [
            Deed(self.title_of(disk), "Detach", "detached", partial(_detach, disk))
            for disk in disks
        ]
        question = Question(
            f"Detach {self._named(disks)}?",
            "The VM has it no longer; what is on it stays, and it can be attached again.",
            "Detach disk" if len(disks) == 1 else "Detach disks",
            Harm.DISRUPTIVE,
        )
        self.context.actions.begin(deeds, question)

    def _delete(self, disks: Sequence[VBD]) -> None:
        sizes = [(self.title_of(disk), self._vdi(disk)) for disk in disks]
        lines = [f"{name} ({fmt.size(vdi.virtual_size)})" for name, vdi in sizes if vdi is not None]
        deeds = [
            Deed(self.title_of(disk), "Delete disk", "deleted", partial(_delete, disk))
            for disk in disks
        ]
        question = Question(
            f"Delete {self._named(disks)}?",
            "What is on it is lost; this cannot be undone.",
            "Delete disk" if len(disks) == 1 else "Delete disks",
            Harm.DESTRUCTIVE,
            consequences=tuple(lines),
            type_this=sizes[0][0] if len(disks) == 1 else f"delete {len(disks)} disks",
        )
        self.context.actions.begin(deeds, question)


async def _run(method: str, ref: str, api: Any) -> None:
    await api.run(method, ref)


async def _resize(method: str, ref: str, size_bytes: int, api: Any) -> None:
    await api.run(method, ref, size_bytes)


async def _attach(vm: str, vdi: str, plug: bool, api: Any) -> None:
    await disk_deeds.attach(api, vm, vdi, "RW", plug)


async def _add_drive(vm: str, api: Any) -> None:
    await disk_deeds.add_drive(api, vm)


async def _detach(disk: VBD, api: Any) -> None:
    await disk_deeds.detach(api, disk)


async def _delete(disk: VBD, api: Any) -> None:
    await disk_deeds.delete(api, disk)
