"""What a host is and how it is set up."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtWidgets import QWidget

from xolite_qt.stores import HostRow, Store
from xolite_qt.ui import format as fmt
from xolite_qt.ui.deeds import Choice, Deed, provides
from xolite_qt.ui.dialogs.host_edit.settings import HostSettingsDialog
from xolite_qt.ui.dialogs.pool.identity import IdentityDialog
from xolite_qt.ui.models import host_facts, host_settings, pool_facts
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.host.certificates import CertificatesCard
from xolite_qt.ui.views.host.crash_dumps import CrashDumpsCard
from xolite_qt.ui.views.host.dashboard import STATE_WORDS
from xolite_qt.ui.views.host.hardware import DevicesCard
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.fact_card import FactCard
from xolite_qt.ui.views.parts.live_page import LivePage
from xolite_qt.ui.views.parts.states import show_card_state, show_cards_state
from xolite_qt.ui.views.pool.system.follow import Switch
from xolite_qt.ui.views.pool.system.roles_card import HostRoles
from xolite_qt.ui.widgets import Button, Card, CardGrid
from xolite_qt.xen_api import PGPU, Host


class HostSystem(LivePage):
    """General, networking, software, hardware, resources."""

    page_id = "host.system"
    title = "System"
    icon_name = "host"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        stores = context.stores
        self.general = FactCard("General")
        self.networking = FactCard("Networking")
        self.software = FactCard("Software")
        self.hardware = FactCard("Hardware")
        self.resources = FactCard("Resources")
        self.management = FactCard("Management")
        self.cards = (
            self.general, self.networking, self.hardware, self.software, self.resources,
            self.management,
        )  # fmt: skip
        self.edit = Button(
            "Edit…", "tertiary", icon="edit", small=True, on_click=self.edit_identity
        )
        self.general.add_action(self.edit)
        self.change = Button(
            "Change…", "tertiary", icon="edit", small=True, on_click=self.edit_settings
        )
        self.management.add_action(self.change)
        self.multipathing = Switch(
            context,
            "Multipathing",
            self._multipathing_deed,
            "Storage that is plugged from now on is reached over all its paths.",
        )
        # Before the stretch that a fact card ends with.
        self.management.body.insertWidget(1, self.multipathing)
        grid = CardGrid(min_column=320, max_columns=2)
        grid.add_stack(self.general, self.management, self.resources)
        grid.add_stack(self.hardware, self.software, self.networking)
        self.storage = Card("Storage")
        self.roles = HostRoles(context)
        self.storage.add(self.roles)
        self.dumps = CrashDumpsCard(context, ref)
        self.certificates = CertificatesCard(context, ref)
        self.body.add(grid)
        self.devices = DevicesCard(context, ref)
        self.body.add(self.devices)
        self.body.add(self.certificates)
        self.body.add(self.storage)
        self.body.add(self.dumps)
        self.add_part(self.show_host, *self._sources())
        self.add_part(self.show_storage, stores.host, stores.pool, stores.sr, stores.pbd)
        self.add_part(
            self.devices.show_devices,
            stores.host,
            stores.pci,
            stores.pgpu,
            stores.gpu_group,
            stores.vm,
            stores.vgpu,
        )
        self.add_part(
            self.certificates.show_certificates, stores.certificate, stores.host, stores.pool
        )
        self.add_part(self.dumps.show_dumps, stores.host, stores.host_crashdump)
        context.actions.blocked_changed.connect(self._tell_buttons)

    def _sources(self) -> tuple[Store[Any], ...]:
        stores = self.context.stores
        return (stores.host_rows, stores.control_domain, stores.pgpu, stores.pif)

    def show_host(self) -> None:
        """Fill all cards."""
        stores = self.context.stores
        if not show_cards_state(self.cards, *self._sources()):
            return
        row = stores.host_rows.get(self.ref)
        if row is None:
            for card in self.cards:
                card.set_empty("This host is no longer part of the pool")
            return
        self._show_general(row)
        self._show_networking(row)
        self._show_software(row)
        self._show_hardware(row)
        self._show_resources(row)
        self._show_management(row)
        self._tell_buttons()

    def show_storage(self) -> None:
        """Fill the card of the host's own SRs."""
        stores = self.context.stores
        if show_card_state(self.storage, stores.host, stores.pool, stores.sr, stores.pbd):
            self.roles.show_host(self.ref)

    def choices(self) -> Sequence[Choice]:
        """The buttons of the page, for the palette."""
        return [
            *self.certificates.choices(),
            *self.dumps.choices(),
        ]

    def edit_identity(self) -> None:
        """Asks for name, description and tags."""
        edit_host(self.context, self.ref)

    def edit_settings(self) -> None:
        """Asks for syslog, iSCSI name and power-on mode."""
        change_settings(self.context, self.ref)

    def _multipathing_deed(self, on: bool) -> Deed:
        return host_settings.multipathing_deed(self.context.stores.host.records[self.ref], on)

    def _tell_buttons(self) -> None:
        blocked = self.context.actions.blocked
        for button in (self.edit, self.change):
            button.set_reason(blocked)
        self.certificates.tell()
        self.devices.tell()

    def _show_general(self, row: HostRow) -> None:
        host, card = row.host, self.general.facts
        state = host_facts.state_of(host, row.metrics)
        pool = self.context.stores.the_pool()
        card.text("Name", host.name_label)
        card.text("UUID", host.uuid)
        card.text("Description", host.name_description)
        card.tags("Tags", host.tags)
        card.state("State", state, STATE_WORDS[state])
        if pool is not None:
            ref = pool.ref
            card.link(
                "Pool", pool.name_label, lambda: self.context.navigate("pool", ref), icon="pool"
            )
        card.yes("Master", row.is_master)
        card.when("Started", host_facts.started_s(host))

    def _show_networking(self, row: HostRow) -> None:
        host, card = row.host, self.networking.facts
        card.text("Management IP", host.address)
        card.text("Host name", host.hostname)
        interface = host_settings.management_interface(host, self.context.stores.pif.records)
        if interface is not None:
            card.text("Gateway", interface.gateway)
            card.text("Name servers", interface.dns.replace(",", ", "))

    def _show_management(self, row: HostRow) -> None:
        host, card = row.host, self.management.facts
        pool = self.context.stores.the_pool()
        card.text("Power on", host_settings.power_on_words(host.power_on_mode))
        card.yes("VMs start with it", pool_facts.auto_power_on(pool) if pool else None)
        card.text("Remote syslog", host_facts.syslog(host) or "Off")
        card.text("iSCSI IQN", host_facts.iqn(host))
        servers = host_settings.time_servers(host)
        if servers:
            card.text("Time", servers)
        if host.timezone:
            card.text("Time zone", host.timezone)
        self.multipathing.show_value(
            host_facts.uses_multipathing(host), host_settings.multipathing_reason(host)
        )

    def _show_software(self, row: HostRow) -> None:
        host, card = row.host, self.software.facts
        card.text("Version", host_facts.version(host))
        number, date_s = host_facts.build(host)
        card.text("Build", " · ".join(part for part in (number, _day(date_s)) if part))
        card.text("Xen", host.software_version.get("xen"))
        card.text("Linux", host.software_version.get("linux"))
        card.text("API", f"{host.api_version_major}.{host.api_version_minor}")
        card.when("Toolstack started", host_facts.toolstack_started_s(host))
        card.text("Edition", host.edition)
        words, end_s = host_settings.licence_end(host)
        card.text("Licence ends", words or _day(end_s))

    def _show_hardware(self, row: HostRow) -> None:
        host, card = row.host, self.hardware.facts
        card.text("Manufacturer", host_facts.manufacturer(host))
        card.text("Serial number", host_facts.serial(host))
        card.text("BIOS", host_facts.bios(host))
        card.text("Processor", host_facts.cpu_model(host))
        card.text("CPUs", host_facts.cores(host))
        card.text("GPUs", self._gpus(row))

    def _gpus(self, row: HostRow) -> str:
        gpus: list[PGPU] = [
            gpu for gpu in self.context.stores.pgpu.records.values() if gpu.host == row.ref
        ]
        return fmt.plural(len(gpus), "GPU", "GPUs") if gpus else "None"

    def _show_resources(self, row: HostRow) -> None:
        card = self.resources.facts
        card.amount("RAM", row.metrics.memory_total if row.metrics else None)
        dom0 = self.context.stores.control_domain.get(row.host.control_domain)
        card.amount("Control domain RAM", dom0.memory_dynamic_max if dom0 else None)
        card.text("Control domain vCPUs", str(dom0.vcpus_max) if dom0 else None)
        card.text("VMs on it", fmt.count(max(len(row.host.resident_vms) - 1, 0)))


def _day(moment_s: float | None) -> str:
    return "" if moment_s is None else fmt.day(moment_s)


@provides("host")
def edit_choices(context: PageContext, hosts: Sequence[Host]) -> list[Choice]:
    """What a host is called and how it is set up."""
    ref = hosts[0].ref if len(hosts) == 1 else ""
    reason = None if ref else "Choose one host."
    return [
        Choice(
            "host.edit", "Edit name and tags…", "edit", partial(edit_host, context, ref), reason
        ),
        Choice(
            "host.settings",
            "Change settings…",
            "wrench",
            partial(change_settings, context, ref),
            reason,
        ),
    ]


def edit_host(context: PageContext, ref: str) -> None:
    """Asks for a host's name, description and tags."""
    host = context.stores.host.get(ref)
    if host is not None:
        dialog = IdentityDialog(context, host, context.actions.window)
        context.tasks.spawn(ask(dialog), "edit host")


def change_settings(context: PageContext, ref: str) -> None:
    """Asks for a host's syslog, iSCSI name and power-on mode."""
    host = context.stores.host.get(ref)
    if host is not None:
        dialog = HostSettingsDialog(context, host, context.actions.window)
        context.tasks.spawn(ask(dialog), "change settings of host")
