"""The columns of a VM's disks and drives."""

from __future__ import annotations

from collections.abc import Callable

from xolite_qt.ui import format as fmt
from xolite_qt.ui.models.column import Column, Kind
from xolite_qt.xen_api import SR, VBD, VDI


def status_of(vbd: VBD) -> str:
    """In a word."""
    if vbd.type == "CD":
        return "Empty" if vbd.empty else "Disc inserted"
    return "Attached" if vbd.currently_attached else "Detached"


def disk_columns(
    vdi: Callable[[VBD], VDI | None], sr: Callable[[VBD], SR | None]
) -> tuple[Column[VBD], ...]:
    """Columns of disks and drives.

    Args:
        vdi: the disk in a position; None for an empty drive, or one that is not known yet.
        sr: its storage.
    """

    def name(vbd: VBD) -> str:
        disk = vdi(vbd)
        if disk is not None:
            return disk.name_label or disk.uuid
        return "Empty drive" if vbd.type == "CD" else "Missing disk"

    def number(read: Callable[[VDI], int]) -> Callable[[VBD], int | None]:
        def value(vbd: VBD) -> int | None:
            disk = vdi(vbd)
            return max(0, read(disk)) if disk is not None else None

        return value

    def size(read: Callable[[VDI], int]) -> Callable[[VBD], str]:
        value = number(read)
        return lambda vbd: "" if vdi(vbd) is None else fmt.size(value(vbd))

    def yes(read: Callable[[VBD], bool]) -> Callable[[VBD], str]:
        return lambda vbd: "Yes" if read(vbd) else "No"

    def storage(vbd: VBD) -> str:
        found = sr(vbd)
        return found.name_label if found is not None else ""

    return (
        Column[VBD](
            id="position",
            title="Position",
            value=lambda vbd: int(vbd.userdevice) if vbd.userdevice.isdigit() else 999,
            text=lambda vbd: f"{vbd.userdevice} ({vbd.device})" if vbd.device else vbd.userdevice,
            kind=Kind.NUMBER,
            align_right=False,
            icon=lambda vbd: "cd" if vbd.type == "CD" else "vdi",
            width=100,
        ),
        Column[VBD](id="name", title="Name", value=name, width=230),
        Column[VBD](id="sr", title="Storage", value=storage, width=170),
        Column[VBD](
            id="size",
            title="Size",
            value=number(lambda disk: disk.virtual_size),
            text=size(lambda disk: disk.virtual_size),
            kind=Kind.BYTES,
            width=100,
        ),
        Column[VBD](
            id="used",
            title="On disk",
            value=number(lambda disk: disk.physical_utilisation),
            text=size(lambda disk: disk.physical_utilisation),
            kind=Kind.BYTES,
            width=100,
        ),
        Column[VBD](id="status", title="Status", value=status_of, width=110),
        Column[VBD](
            id="mode",
            title="Access",
            value=lambda vbd: "Read only" if vbd.mode == "RO" else "Read and write",
            width=120,
        ),
        Column[VBD](
            id="bootable",
            title="Boot",
            value=yes(lambda vbd: vbd.bootable),
            default_visible=False,
            width=70,
        ),
        Column[VBD](
            id="cbt",
            title="Changed blocks",
            value=yes(lambda vbd: bool((disk := vdi(vbd)) and disk.cbt_enabled)),
            default_visible=False,
            width=120,
        ),
    )
