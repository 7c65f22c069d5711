"""What stores know of the past of an object, besides the journal."""

from __future__ import annotations

from xolite_qt.journal import Entry
from xolite_qt.stores.journal_feed import JournalFeed, run_entry, snapshot_entry
from xolite_qt.ui.views.page import PageContext


def entries_of_vm(context: PageContext, ref: str) -> list[Entry]:
    """The snapshots of a VM and the runs of its backups.

    Args:
        context: of the page, which holds the stores of VMs and their snapshots.
        ref: of the VM.
    """
    stores = context.stores
    feed: JournalFeed = context.services["journal"]
    vm = stores.vm.get(ref)
    if vm is None:
        return []
    found = [
        snapshot_entry(snapshot, vm, feed.pool)
        for snapshot in stores.vm_snapshot.records.values()
        if snapshot.snapshot_of == vm.ref
    ]
    deeds = context.services.get("backups")
    if deeds is not None:
        jobs = {job.id for job in deeds.jobs_of(vm.uuid)}
        for run in deeds.stores.runs.records.values():
            if run.spec.job_id in jobs and (entry := run_entry(run, vm, feed.pool)) is not None:
                found.append(entry)
    return found
