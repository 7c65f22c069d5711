"""Which VMs have no recent backup: by the jobs that are saved here, and how their runs went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from xolite_qt.backup.jobs.model import Job
from xolite_qt.stores.backup_rows import RunRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui.models.backup_inventory import VmChoice, matches
from xolite_qt.xen_api import VM

RECENT_S = 7 * 86400.0
"""A backup that is older protects from little."""


def unprotected(
    vms: Iterable[VM], jobs: Sequence[Job], runs: Iterable[RunRow], now_s: float
) -> dict[str, str]:
    """The UUIDs of VMs without a recent backup, each with the reason in words.

    Args:
        vms: of the connected host.
        jobs: that back up VMs of this host.
        runs: that are known, in any order.
        now_s: seconds since 1970.
    """
    went_well: dict[str, float] = {}
    for run in runs:
        job = run.spec.job_id
        if job is not None and run.outcome == "success":
            went_well[job] = max(went_well.get(job, 0.0), run.ended_s or run.at_s)
    found: dict[str, str] = {}
    for vm in vms:
        choice = VmChoice(vm.uuid, vm.name_label, "", tuple(vm.tags), ())
        mine = [job for job in jobs if matches(job.selection, choice)]
        if not mine:
            found[vm.uuid] = "in no backup job"
            continue
        last_s = max((went_well.get(job.id, 0.0) for job in mine), default=0.0)
        if not last_s:
            found[vm.uuid] = "its job has not run yet, or never well"
        elif now_s - last_s > RECENT_S:
            found[vm.uuid] = f"last backed up {fmt.relative(last_s, now_s)}"
    return found
