"""What a run is told, from what was chosen in a dialog."""

from __future__ import annotations

from xolite_qt.backup.jobs.model import HostRef
from xolite_qt.backup.run.params import RestoreParams
from xolite_qt.ui.models.backup_restore import RestoreWish


def restore_params(wish: RestoreWish, host: HostRef) -> RestoreParams:
    """The parameters of a restore to `host`, or into a file."""
    return RestoreParams(
        repository_id=wish.row.repository.id,
        backup=wish.row.backup.id,
        what=wish.what,
        host=None if wish.what == "file" else host,
        disk=wish.disk,
        srs=dict(wish.srs),
        networks=dict(wish.networks),
        name=wish.name,
        start=wish.start,
        keep_macs=wish.keep_macs,
        path=wish.path,
        format=wish.format,
        snapshot=wish.snapshot,
    )
