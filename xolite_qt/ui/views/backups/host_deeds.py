"""What is set on the host for backups: NBD per network."""

from __future__ import annotations

from contextlib import ExitStack

from xolite_qt.ui.models.backup_nbd import NbdNetwork
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.backups.deed import Deeds, loaded


class HostDeeds(Deeds):
    """Deeds on the host."""

    def nbd(self) -> None:
        """Opens the dialog of NBD per network."""
        self.spawn(self._nbd(), "NBD per network")

    async def _nbd(self) -> None:
        from xolite_qt.ui.dialogs.backups.nbd_dialog import NbdDialog
        from xolite_qt.ui.models.backup_nbd import nbd_networks

        here = self.context.stores
        with ExitStack() as stack:
            dialog = NbdDialog(
                nbd_networks(here),
                set_purpose=self._set_purpose,
                tasks=self.context.tasks,
                blocked=lambda: self.context.actions.blocked,
                parent=self.window,
            )

            def refresh(*_what: object) -> None:
                dialog.set_networks(nbd_networks(here))

            for store in (here.network, here.pif, here.host):
                stack.enter_context(store.subscribe(refresh, refresh))
            for store in (here.network, here.pif, here.host):
                await loaded(store)
            refresh()
            await ask(dialog)

    async def _set_purpose(self, network: NbdNetwork, purpose: str) -> str:
        from xolite_qt.ui.errors import explain
        from xolite_qt.xen_api import XenApiError

        call = self.context.stores.api.call
        try:
            if network.purpose:
                await call("network.remove_purpose", network.ref, network.purpose)
            if purpose:
                await call("network.add_purpose", network.ref, purpose)
        except XenApiError as error:
            explained = explain(error)
            return f"{explained.summary} {explained.advice}".strip()
        return ""
