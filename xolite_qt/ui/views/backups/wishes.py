"""What a run is told, from what was chosen in a dialog."""

from __future__ import annotations

from typing import Any

from xolite_qt.ui.models.backup_restore import RestoreWish


def restore_params(wish: RestoreWish) -> dict[str, Any]:
    """The parameters of a restore."""
    return {
        "repository_id": wish.row.repository.id,
        "backup": wish.row.backup.id,
        "what": wish.what,
        "disk": wish.disk,
        "srs": dict(wish.srs),
        "networks": dict(wish.networks),
        "name": wish.name,
        "start": wish.start,
        "keep_macs": wish.keep_macs,
        "path": wish.path,
        "format": wish.format,
        "snapshot": wish.snapshot,
    }
