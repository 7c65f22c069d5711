"""Which network backups of the pool should take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.dialogs.backups.form import Choice
from xolite_qt.ui.dialogs.pool.edit_dialog import EditDialog
from xolite_qt.ui.models import pool_facts
from xolite_qt.xen_api import Network, Pool

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext


class BackupNetworkDialog(EditDialog):
    """Chooses among the pool's networks; the setting is the one that Xen Orchestra reads too."""

    def __init__(
        self,
        context: PageContext,
        pool: Pool,
        networks: Sequence[Network],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            context, f"Backup network of {pool.name_label}", icon="network", parent=parent
        )
        self.pool = pool
        now = pool.other_config.get(pool_facts.BACKUP_NETWORK, "")
        known = sorted(networks, key=lambda network: network.name_label.casefold())
        values = [("", "None: the management network")]
        if now and all(network.uuid != now for network in known):
            values.append((now, f"Missing network ({now})"))
        values += [(network.uuid, network.name_label or network.uuid) for network in known]
        self.network = Choice(values, now)
        self.form.add(
            "Network",
            self.network,
            hint="Hosts must have an address on it. Backup programs that know the setting connect "
            "to the hosts there.",
        )

    def deed(self) -> Deed | None:
        """Sets the key, or takes it away."""
        uuid = self.network.current()
        if uuid == self.pool.other_config.get(pool_facts.BACKUP_NETWORK, ""):
            return None
        return pool_facts.map_deed(
            self.pool,
            "other_config",
            pool_facts.BACKUP_NETWORK,
            uuid,
            "Set backup network",
            "backup network changed",
        )
