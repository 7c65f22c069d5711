"""VMs out of the pool into files, and out of files into the pool."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xolite_qt.ui import format as fmt
from xolite_qt.ui.context import PageContext
from xolite_qt.ui.deeds import Choice, Deed, provides
from xolite_qt.ui.dialogs.vm.export import Exportable, ExportVmsDialog
from xolite_qt.ui.dialogs.vm.import_vm import ImportVmDialog
from xolite_qt.ui.dialogs.vm.surroundings import surroundings
from xolite_qt.ui.dialogs.vm.transfers import Job, transfers_of
from xolite_qt.ui.errors import explain
from xolite_qt.ui.tasks import ask
from xolite_qt.xen_api import VM, Pool, XenApiError
from xolite_qt.xen_api.vm_transfers import Compression, export_vm, import_vm
from xolite_qt.xen_api.xva_files import Meter

_FOLDER = "xva_folder"


def export_reason(vms: Sequence[VM]) -> str | None:
    """Why VMs cannot be exported now, or None."""
    if not vms:
        return "Nothing is selected."
    for vm in vms:
        allowed = vm.allowed_operations
        if "export" in vm.blocked_operations:
            return f"An administrator has protected {vm.name_label} from this."
        if "export" in allowed or "snapshot" in allowed:
            continue
        busy = ", ".join(sorted(set(vm.current_operations.values()))).replace("_", " ")
        if busy:
            return f"{vm.name_label} is busy ({busy})."
        return f"{vm.name_label} can be neither exported nor snapshotted in its present state."
    return None


@provides("vm")
def vm_choices(context: PageContext, records: Sequence[Any]) -> Sequence[Choice]:
    """Export, for one VM and for many."""
    vms = [record for record in records if isinstance(record, VM)]

    def run() -> None:
        context.tasks.spawn(_told(context, "Export", _export(context, vms)), "export VMs")

    reason = export_reason(vms)
    return (Choice("vm.export", "Export…", "download", run, reason, group=30),)


@provides("pool")
def pool_choices(context: PageContext, _records: Sequence[Any]) -> Sequence[Choice]:
    """Import, and a look at what is under way."""

    def run() -> None:
        context.tasks.spawn(_told(context, "Import", _import(context)), "import a VM")

    transfers = context.services.get("vm_transfers")
    reason = None if transfers is not None and transfers.jobs else "None was begun yet."
    return (
        Choice("pool.import_vm", "Import a VM…", "upload", run, group=10),
        Choice(
            "pool.vm_transfers",
            "Show VM exports and imports",
            "task",
            lambda: transfers_of(context).show(),
            reason,
            group=10,
        ),
    )


async def _told(context: PageContext, what: str, work: Any) -> None:
    try:
        await work
    except XenApiError as error:
        explained = explain(error)
        context.notify(f"{what}: {explained.summary}", level="danger", details=explained.details)


def _folder(context: PageContext) -> Path:
    kept: Path = context.services.get(_FOLDER) or Path.home()
    return kept


async def _export(context: PageContext, vms: Sequence[VM]) -> None:
    around = await surroundings(context.stores.api, vms)
    wanted = [
        Exportable(vm, sum(max(0, vdi.physical_utilisation) for vdi in around.disks(vm)))
        for vm in vms
    ]
    dialog = ExportVmsDialog(wanted, _folder(context), context.tasks.spawn, context.actions.window)
    if not await ask(dialog):
        return
    targets, compression = dialog.targets(), dialog.compression
    context.services[_FOLDER] = targets[0].parent
    for each, target in zip(wanted, targets, strict=True):
        _begin_export(context, each, target, compression)


def _begin_export(
    context: PageContext, wanted: Exportable, target: Path, compression: Compression
) -> None:
    vm = wanted.vm

    async def run(api: Any, meter: Meter) -> str:
        saved = await export_vm(
            api,
            vm.ref,
            target,
            compression=compression,
            meter=meter,
            snapshot_as=vm.name_label if wanted.by_snapshot else None,
            expected_bytes=wanted.used_bytes if compression is Compression.NONE else 0,
        )
        return f"{fmt.size(saved.size_bytes)} saved, SHA-256 {saved.sha256[:16]}…"

    async def rehearsed(api: Any) -> None:
        # The bytes move beside the calls; these are what the host is told.
        snapshot = ""
        if wanted.by_snapshot:
            snapshot = await api.run("VM.snapshot", vm.ref, vm.name_label)
            await api.call("VM.set_is_a_template", snapshot, False)
        await api.call("task.create", f"xolite-qt: export to {target.name}", "")
        if snapshot:
            await api.run("VM.destroy", snapshot)

    _begin(context, Job(f"Export of {vm.name_label}", target, run), vm.name_label, rehearsed)


async def _import(context: PageContext) -> None:
    api = context.stores.api
    around = await surroundings(api, [])
    pools = await api.get_all_records(Pool)
    preferred = next((pool.default_sr for pool in pools.values()), "")
    dialog = ImportVmDialog(
        around.storages(0),
        around.srs,
        preferred,
        _folder(context),
        context.tasks.spawn,
        context.actions.window,
    )
    if not await ask(dialog):
        return
    source, sr, restore = dialog.file.path, dialog.sr.current(), dialog.restore
    context.services[_FOLDER] = source.parent

    async def run(api: Any, meter: Meter) -> str:
        vms = await import_vm(api, source, sr, restore=restore, meter=meter)
        names = [await api.call("VM.get_name_label", vm) for vm in vms]
        return f"Made: {', '.join(names)}"

    async def rehearsed(api: Any) -> None:
        await api.call("task.create", f"xolite-qt: import of {source.name}", "")

    _begin(context, Job(f"Import of {source.name}", source, run), source.name, rehearsed)


def _begin(context: PageContext, job: Job, name: str, rehearsed: Any) -> None:
    transfers = transfers_of(context)
    label, done = (
        ("Export", "exported") if job.title.startswith("Export") else ("Import", "imported")
    )

    async def work(api: Any) -> None:
        if getattr(api, "is_rehearsal", False):
            await rehearsed(api)
        else:
            await transfers.work(job, api)

    job.begin = lambda: context.actions.begin([Deed(name, label, done, work)])
    job.begin()
