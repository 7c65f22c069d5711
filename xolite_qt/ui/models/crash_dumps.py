"""Crash dumps of hosts and of VMs: how they are listed, fetched and deleted.

Pure: records in, rows, words and deeds out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from xolite_qt.ui import format as fmt
from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.models.column import Column, Kind
from xolite_qt.xen_api import VDI, VM, Crashdump, HostCrashdump
from xolite_qt.xen_api.times import to_datetime

REPORT_PATH = "/system-status"
DUMP_ENTRIES = "host-crashdump-dumps,host-crashdump-logs"
"""The parts of a host's status report that hold its dumps; no other way leads to them."""

UPLOAD_SCHEMES = ("ftp", "http", "https")


class DumpRow(msgspec.Struct, frozen=True, gc=False):
    """A dump of a host's own kernel.

    Attributes:
        at_s: when it crashed, by the host's clock; seconds since 1970, None where it does not say.
    """

    ref: str
    dump: HostCrashdump
    at_s: float | None


class VmDumpRow(msgspec.Struct, frozen=True, gc=False):
    """A dump of a VM. Sizes in bytes, None where the disk is not known."""

    ref: str
    dump: Crashdump
    vm_name: str
    disk_name: str
    size_bytes: int | None


def dump_rows(dumps: Iterable[HostCrashdump], host: str) -> list[DumpRow]:
    """The dumps of one host, newest first."""
    rows = []
    for dump in dumps:
        if dump.host == host:
            date = to_datetime(dump.timestamp)
            rows.append(DumpRow(dump.ref, dump, date.timestamp() if date else None))
    return sorted(rows, key=lambda row: -(row.at_s or 0.0))


def vm_dump_rows(
    dumps: Iterable[Crashdump], vms: Mapping[str, VM], disks: Mapping[str, VDI]
) -> list[VmDumpRow]:
    """The dumps of VMs."""
    rows = []
    for dump in dumps:
        vm, disk = vms.get(dump.vm), disks.get(dump.vdi)
        rows.append(
            VmDumpRow(
                dump.ref,
                dump,
                vm.name_label if vm is not None else "Unknown VM",
                (disk.name_label or disk.uuid) if disk is not None else "Unknown disk",
                disk.physical_utilisation if disk is not None else None,
            )
        )
    return sorted(rows, key=lambda row: row.vm_name.casefold())


DUMP_COLUMNS = (
    Column[DumpRow](
        id="time",
        title="Time (host's clock)",
        value=lambda row: row.at_s,
        text=lambda row: fmt.absolute(row.at_s),
        tooltip=lambda row: fmt.relative(row.at_s),
        kind=Kind.TIME,
        width=180,
    ),
    Column[DumpRow](
        id="age",
        title="Age",
        value=lambda row: row.at_s,
        text=lambda row: fmt.relative(row.at_s),
        kind=Kind.TIME,
        width=120,
    ),
    Column[DumpRow](
        id="size",
        title="Size",
        value=lambda row: row.dump.size,
        text=lambda row: fmt.size(row.dump.size),
        kind=Kind.BYTES,
        width=90,
    ),
    Column[DumpRow](
        id="uuid",
        title="UUID",
        value=lambda row: row.dump.uuid,
        default_visible=False,
        width=220,
    ),
)

VM_DUMP_COLUMNS = (
    Column[VmDumpRow](id="vm", title="VM", value=lambda row: row.vm_name, width=160),
    Column[VmDumpRow](id="disk", title="Disk", value=lambda row: row.disk_name, width=200),
    Column[VmDumpRow](
        id="size",
        title="Size",
        value=lambda row: row.size_bytes,
        text=lambda row: fmt.NONE if row.size_bytes is None else fmt.size(row.size_bytes),
        kind=Kind.BYTES,
        width=90,
    ),
)


def words(row: DumpRow) -> str:
    """A dump in one line: "2026-07-12 03:12:44, 212 MiB"."""
    return f"{fmt.absolute(row.at_s)}, {fmt.size(row.dump.size)}"


def total_words(rows: Sequence[DumpRow]) -> str:
    """How many there are and what they take, or ''."""
    if not rows:
        return ""
    size = fmt.size(sum(max(row.dump.size, 0) for row in rows))
    return f"{fmt.plural(len(rows), 'dump', 'dumps')} · {size}"


def delete_deeds(rows: Sequence[DumpRow]) -> list[Deed]:
    """One for each, so that one that fails does not keep the others."""

    def of(ref: str) -> Any:
        async def work(api: Any) -> None:
            await api.run("host_crashdump.destroy", ref)

        return work

    return [
        Deed(f"Dump of {fmt.absolute(row.at_s)}", "Delete crash dump", "deleted", of(row.ref))
        for row in rows
    ]


def delete_question(rows: Sequence[DumpRow], host_name: str) -> Question:
    """What is asked before dumps of a host are deleted."""
    what = "this crash dump" if len(rows) == 1 else f"{fmt.count(len(rows))} crash dumps"
    return Question(
        f"Delete {what} of {host_name}?",
        "Without the dump nobody can find out any more why the host crashed. Download it first if "
        "that is still open.",
        "Delete",
        Harm.DISRUPTIVE,
        objects=tuple(words(row) for row in rows),
    )


def delete_vm_deeds(rows: Sequence[VmDumpRow]) -> list[Deed]:
    """One for each; the disk goes with it."""

    def of(ref: str) -> Any:
        async def work(api: Any) -> None:
            await api.run("crashdump.destroy", ref)

        return work

    return [Deed(row.vm_name, "Delete crash dump", "dump deleted", of(row.ref)) for row in rows]


def delete_vm_question(rows: Sequence[VmDumpRow]) -> Question:
    """What is asked before dumps of VMs are deleted."""
    what = "this crash dump" if len(rows) == 1 else f"{fmt.count(len(rows))} crash dumps"
    return Question(
        f"Delete {what}?",
        "The disk that holds the memory of the crashed VM is deleted.",
        "Delete",
        Harm.DISRUPTIVE,
        objects=tuple(row.vm_name for row in rows),
        consequences=tuple(
            f"{row.disk_name}" + (f" ({fmt.size(row.size_bytes)})" if row.size_bytes else "")
            for row in rows
        ),
    )


def upload_problem(url: str) -> str:
    """What is wrong with an address that a host should send a dump to, or ''."""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname
    except ValueError:
        return "This is no address."
    if parts.scheme not in UPLOAD_SCHEMES:
        return "It begins with ftp://, http:// or https://."
    if not host:
        return "It names no server."
    return ""


def upload_deed(row: DumpRow, url: str) -> Deed:
    """The host itself sends a dump to an address that it can reach."""

    async def work(api: Any) -> None:
        await api.run("host_crashdump.upload", row.ref, url, {})

    return Deed(f"Dump of {fmt.absolute(row.at_s)}", "Send crash dump", "sent", work)
