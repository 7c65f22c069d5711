"""What one can do with backups, from any page, menu or the palette; each through its dialog."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack

from xolite_qt.backup.run.params import RepositoryParams
from xolite_qt.stores.backup_rows import BackupRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.backups.deed import loaded, these
from xolite_qt.ui.views.backups.job_deeds import JobDeeds
from xolite_qt.ui.views.backups.wishes import restore_params


class BackupDeeds(JobDeeds):
    """Everything that one can do with backups, with the reasons why not."""

    def restore(self, row: BackupRow | None = None, *, vm_uuid: str = "") -> None:
        """Leads through a restore, of a point in time, of a VM, or of whatever is chosen."""
        self.spawn(self._restore(row, vm_uuid), "restore")

    async def _restore(self, chosen: BackupRow | None, vm_uuid: str) -> None:
        from xolite_qt.ui.dialogs.backups.restore_wizard import RestoreWizard, title_of
        from xolite_qt.ui.models.backup_restore import RestoreWish, around

        here = self.context.stores
        with ExitStack() as stack:
            stack.enter_context(self.stores.points.subscribe())
            for store in (
                here.pool,
                here.sr_rows,
                here.network,
                here.vm,
                here.vm_snapshot,
                here.vbd,
                here.vdi,
            ):
                stack.enter_context(store.subscribe())
            await loaded(self.stores.points)
            rows = [
                row
                for row in self.stores.points.records.values()
                if not vm_uuid or row.backup.vm_uuid == vm_uuid
            ]

            async def start(wish: RestoreWish) -> str:
                params = restore_params(wish, self.here())
                return await self.started("restore", title_of(wish), params)

            dialog = RestoreWizard(
                rows,
                chosen,
                look=self.work.look,
                around=lambda row: around(here, row.backup.vm_uuid, _snapshot_disks(rows, row)),
                start=start,
                tasks=self.context.tasks,
                offline=self.context.actions.blocked or "",
                parent=self.window,
            )
            for other in (here.sr_rows, here.network, here.vm_snapshot):
                stack.enter_context(other.subscribe(lambda _c: dialog.refresh()))
            await ask(dialog)

    def delete_points(self, rows: Sequence[BackupRow]) -> None:
        """Deletes points in time, after the name of the VM was typed."""
        self.spawn(self._delete_points(list(rows)), "delete backups")

    async def _delete_points(self, rows: list[BackupRow]) -> None:
        vms = sorted({row.backup.vm_name for row in rows})
        points = tuple(
            f"{row.backup.vm_name}, {fmt.moment(row.backup.timestamp_ms / 1000)}, "
            f"in {row.repository.name}"
            for row in sorted(rows, key=lambda row: -row.backup.timestamp_ms)
        )
        question = Question(
            f"Delete {fmt.plural(len(rows), 'backup', 'backups')} of {these(vms, 'VM', 'VMs')}?",
            "What younger backups build on is kept for them; their own point in time is gone for "
            "good.",
            "Delete backup" if len(rows) == 1 else "Delete backups",
            Harm.DESTRUCTIVE,
            points if len(points) > 1 else (),
            () if len(points) > 1 else points,
            vms[0] if len(vms) == 1 else "delete",
        )
        if not await self.sure(question):
            return
        places: dict[str, list[BackupRow]] = {}
        for row in rows:
            places.setdefault(row.repository.id, []).append(row)
        for place, there in places.items():
            title = f"Removal of {fmt.plural(len(there), 'backup', 'backups')} of {vms[0]}"
            backups = tuple(row.backup.id for row in there)
            await self.started("forget", title, RepositoryParams(place, backups))


def _snapshot_disks(rows: Iterable[BackupRow], row: BackupRow) -> frozenset[str]:
    """Snapshot disks that backups of the same VM in the same repository were made of."""
    return frozenset(
        disk.snapshot_uuid
        for other in rows
        if other.repository.id == row.repository.id and other.backup.vm_uuid == row.backup.vm_uuid
        for disk in other.backup.disks
        if disk.snapshot_uuid
    )
