"""What the pool is and how it is set up."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtWidgets import QVBoxLayout, QWidget

from xolite_qt.ui.deeds import Choice, Deed, provides
from xolite_qt.ui.dialogs.pool.backup_network import BackupNetworkDialog
from xolite_qt.ui.dialogs.pool.identity import IdentityDialog
from xolite_qt.ui.errors import explain
from xolite_qt.ui.models import pool_facts
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.fact_card import FactCard
from xolite_qt.ui.views.parts.live_page import LivePage
from xolite_qt.ui.views.parts.states import show_card_state, show_cards_state
from xolite_qt.ui.views.pool.system.follow import Switch
from xolite_qt.ui.views.pool.system.ha_card import HaCard
from xolite_qt.ui.views.pool.system.roles_card import RolesCard
from xolite_qt.ui.views.pool.system.trusted_card import TrustedCard
from xolite_qt.ui.views.pool.system.vm_dumps import VmDumpsCard
from xolite_qt.ui.widgets import Button, CardGrid
from xolite_qt.xen_api import Network, Pool, XenApiError


class PoolSystem(LivePage):
    """General, networking, management, storage."""

    page_id = "pool.system"
    title = "System"
    icon_name = "pool"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        stores = context.stores
        self.general = FactCard("General")
        self.networking = FactCard("Networking")
        self.management = FactCard("Management")
        self.ha = HaCard(context)
        self.storage = RolesCard(context)
        self.edit = Button(
            "Edit…", "tertiary", icon="edit", small=True, on_click=self.edit_identity
        )
        self.general.add_action(self.edit)
        self.edit_network = Button(
            "Change…", "tertiary", icon="edit", small=True, on_click=self.edit_backup_network
        )
        self.networking.add_action(self.edit_network)
        self._add_switches()
        grid = CardGrid(min_column=320, max_columns=2)
        grid.add_stack(self.general, self.networking)
        grid.add_stack(self.management, self.ha)
        self.body.add(grid)
        self.dumps = VmDumpsCard(context)
        self.trusted = TrustedCard(context)
        self.body.add(self.storage)
        self.body.add(self.trusted)
        self.body.add(self.dumps)
        self.add_part(self.show_pool, stores.pool, stores.host, stores.network)
        self.add_part(self.show_storage, stores.pool, stores.host, stores.sr, stores.pbd)
        self.add_part(self.show_ha, stores.pool, stores.host, stores.sr)
        self.add_part(self.dumps.show_dumps, stores.crashdump)
        self.add_part(self.trusted.show_certificates, stores.certificate)
        context.actions.blocked_changed.connect(self._tell_buttons)

    def _add_switches(self) -> None:
        context = self.context
        self.auto_power_on = Switch(
            context,
            "Start VMs with their host",
            self._auto_power_on_deed,
            "Only VMs that are marked for it start; without this none does.",
        )
        self.compression = Switch(
            context,
            "Compress migrations",
            self._compression_deed,
            "Memory of moving VMs is compressed on its way: less traffic, more work for hosts.",
        )
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(12)
        for switch in (self.auto_power_on, self.compression):
            column.addWidget(switch)
        # Before the stretch that a fact card ends with.
        self.management.body.insertWidget(1, holder)

    # ------------------------------------------------------------------ showing

    def show_pool(self) -> None:
        """Fill the cards of facts."""
        stores = self.context.stores
        cards = (self.general, self.networking, self.management)
        if not show_cards_state(cards, stores.pool, stores.host, stores.network):
            return
        pool = stores.the_pool()
        if pool is None:
            for card in cards:
                card.set_empty("The host tells of no pool")
            return
        self._show_general(pool)
        self._show_networking(pool)
        self._show_management(pool)
        self._tell_buttons()

    def show_storage(self) -> None:
        """Fill the card of SR roles."""
        stores = self.context.stores
        sources = (stores.pool, stores.host, stores.sr, stores.pbd)
        if not show_card_state(self.storage, *sources):
            return
        pool = stores.the_pool()
        if pool is None:
            self.storage.set_empty("The host tells of no pool")
            return
        self.storage.show_pool(pool)

    def show_ha(self) -> None:
        """Fill the card of high availability."""
        stores = self.context.stores
        if not show_card_state(self.ha, stores.pool, stores.host, stores.sr):
            return
        pool = stores.the_pool()
        if pool is None:
            self.ha.set_empty("The host tells of no pool")
            return
        self.ha.show_pool(pool)

    def _show_general(self, pool: Pool) -> None:
        facts = self.general.facts
        facts.text("Name", pool.name_label)
        facts.text("UUID", pool.uuid)
        facts.text("Description", pool.name_description)
        facts.tags("Tags", pool.tags)

    def _show_networking(self, pool: Pool) -> None:
        ref, name = pool_facts.backup_network(pool, self.context.stores.network.records)
        facts = self.networking.facts
        if name and not ref:
            facts.state("Backup network", "warning", name)
        else:
            facts.text("Backup network", name or "The management network")
        facts.yes("IGMP snooping", pool.igmp_snooping_enabled)
        facts.yes("TLS between hosts verified", pool.tls_verification_enabled)

    def _show_management(self, pool: Pool) -> None:
        stores, facts = self.context.stores, self.management.facts
        master = stores.host.get(pool.master)
        if master is None:
            facts.text("Master", f"Unknown host ({pool.master.removeprefix('OpaqueRef:')})")
        else:
            ref = master.ref
            facts.link(
                "Master",
                master.name_label,
                lambda: self.context.navigate("host", ref, "system"),
                icon="host",
            )
        self.auto_power_on.show_value(pool_facts.auto_power_on(pool))
        self.compression.show_value(pool.migration_compression)

    # ------------------------------------------------------------------ doing

    def choices(self) -> Sequence[Choice]:
        """The buttons of the page, for the palette."""
        return [
            *self.storage.choices(),
            *self.trusted.choices(),
        ]

    def edit_identity(self) -> None:
        """Asks for name, description and tags."""
        edit_pool(self.context)

    def edit_backup_network(self) -> None:
        """Asks for the network of backups."""
        change_backup_network(self.context)

    def _tell_buttons(self) -> None:
        blocked = self.context.actions.blocked
        for button in (self.edit, self.edit_network):
            button.set_reason(blocked)
        self.trusted.tell()
        self.ha.tell()

    def _pool(self) -> Pool:
        pool = self.context.stores.the_pool()
        assert pool is not None, "switches are shown with a pool only"
        return pool

    def _auto_power_on_deed(self, on: bool) -> Deed:
        return pool_facts.map_deed(
            self._pool(),
            "other_config",
            pool_facts.AUTO_POWER_ON,
            "true" if on else "",
            "Set automatic start",
            "VMs start with their host" if on else "VMs do not start with their host any more",
        )

    def _compression_deed(self, on: bool) -> Deed:
        return pool_facts.field_deed(
            self._pool(),
            "pool.set_migration_compression",
            on,
            "Set migration compression",
            f"migrations are {'' if on else 'not '}compressed",
        )


@provides("pool")
def edit_choices(context: PageContext, _pools: Sequence[Pool]) -> list[Choice]:
    """What the pool is called, and where its backups go through."""
    reason = None if context.stores.the_pool() else "The pool is not known yet."
    return [
        Choice("pool.edit", "Edit name and tags…", "edit", partial(edit_pool, context), reason),
        Choice(
            "pool.backup_network",
            "Change backup network…",
            "network",
            partial(change_backup_network, context),
            reason,
        ),
    ]


def edit_pool(context: PageContext) -> None:
    """Asks for the pool's name, description and tags."""
    pool = context.stores.the_pool()
    if pool is not None:
        dialog = IdentityDialog(context, pool, context.actions.window)
        context.tasks.spawn(ask(dialog), "edit pool")


def change_backup_network(context: PageContext) -> None:
    """Reads the networks, then asks which of them backups take."""
    context.tasks.spawn(_change_backup_network(context), "edit backup network")


async def _change_backup_network(context: PageContext) -> None:
    pool = context.stores.the_pool()
    if pool is None:
        return
    try:
        networks = await context.stores.api.get_all_records(Network)
    except XenApiError as error:
        explained = explain(error)
        text = f"The networks could not be asked for: {explained.summary}"
        context.notify(text, level="danger", details=explained.details)
        return
    dialog = BackupNetworkDialog(context, pool, list(networks.values()), context.actions.window)
    await ask(dialog)
