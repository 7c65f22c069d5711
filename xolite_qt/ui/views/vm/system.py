"""What a VM is made of and how it behaves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtWidgets import QWidget

from xolite_qt.stores import VmRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.models import vm_facts
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.fact_card import FactCard
from xolite_qt.ui.views.parts.live_page import LivePage
from xolite_qt.ui.views.parts.states import show_cards_state
from xolite_qt.ui.views.vm.dashboard import tools_text
from xolite_qt.ui.views.vm.life_edits import FORMS, edit, edit_choices
from xolite_qt.ui.widgets import Button, CardGrid
from xolite_qt.xen_api import VM, is_null


class VmSystem(LivePage):
    """General, resources, virtualisation and boot, management, networking, storage, graphics."""

    page_id = "vm.system"
    title = "System"
    icon_name = "vm"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        stores = context.stores
        self.general = FactCard("General")
        self.resources = FactCard("Resources")
        self.boot = FactCard("Virtualisation and boot")
        self.management = FactCard("Management")
        self.devices = FactCard("Network, storage and graphics")
        self.custom = FactCard("Custom fields")
        self.cards = (self.general, self.resources, self.boot, self.management, self.devices)
        self.edits: dict[str, Button] = {}
        cards = {
            "general": self.general,
            "resources": self.resources,
            "boot": self.boot,
            "management": self.management,
            "devices": self.devices,
        }
        for name, card in cards.items():
            button = Button("Edit…", "tertiary", icon="edit", small=True)
            button.setAccessibleName(FORMS[name][0].rstrip("…"))
            button.clicked.connect(partial(self._edit, name))
            card.add_action(button)
            self.edits[name] = button
        context.actions.blocked_changed.connect(self._judge)
        self._judge()
        grid = CardGrid(min_column=320, max_columns=2)
        grid.add_stack(self.general, self.management, self.custom)
        grid.add_stack(self.resources, self.boot, self.devices)
        self.body.add(grid)
        self.add_part(self.show_vm, stores.vm_rows, stores.sr)

    def _judge(self) -> None:
        for button in self.edits.values():
            button.set_reason(self.context.actions.blocked)

    def _edit(self, card: str, _on: bool = False) -> None:
        edit(self.context, self.ref, card)

    def choices(self) -> Sequence[Choice]:
        """The buttons of the cards, for the palette."""
        return edit_choices(self.context, self.ref)

    def show_vm(self) -> None:
        """Fill all cards."""
        stores = self.context.stores
        self.custom.hide()
        if not show_cards_state(self.cards, stores.vm_rows, stores.sr):
            return
        row = stores.vm_rows.get(self.ref)
        if row is None:
            for card in self.cards:
                card.set_empty("This VM is gone")
            return
        self._show_general(row)
        self._show_resources(row.vm)
        self._show_boot(row)
        self._show_management(row.vm)
        self._show_devices(row.vm)
        self._show_custom(row.vm)

    def _show_general(self, row: VmRow) -> None:
        vm, facts = row.vm, self.general.facts
        facts.text("Name", vm.name_label)
        facts.text("UUID", vm.uuid)
        facts.text("Description", vm.name_description)
        facts.tags("Tags", vm.tags)
        facts.text("System", vm_facts.os_name(row.guest))
        facts.text("Kernel", vm_facts.kernel(row.guest))
        facts.text("Guest tools", tools_text(row))
        facts.text("IP addresses", ", ".join(vm_facts.addresses(row.guest)))

    def _show_resources(self, vm: VM) -> None:
        facts, params = self.resources.facts, vm.vcpus_params
        facts.text("vCPUs", _vcpus(vm))
        facts.text("Topology", vm_facts.topology(vm) or "As the host decides")
        facts.text("CPU weight", params.get("weight") or "Normal (256)")
        facts.text("CPU cap", _cap(params.get("cap")))
        facts.text("CPU mask", params.get("mask") or "Any CPU")
        facts.text(
            "Dynamic RAM",
            _span(vm.memory_dynamic_min, vm.memory_dynamic_max),
        )
        facts.text("Static RAM", _span(vm.memory_static_min, vm.memory_static_max))
        facts.text("GPUs", fmt.plural(len(vm.vgpus), "GPU", "GPUs") if vm.vgpus else "None")

    def _show_boot(self, row: VmRow) -> None:
        vm, facts = row.vm, self.boot.facts
        firmware = vm_facts.firmware(vm)
        facts.text("Mode", vm_facts.virtualisation(vm, row.metrics, row.guest))
        facts.text("Firmware", firmware)
        if firmware:
            facts.text("Boot order", vm_facts.boot_order(vm))
        else:
            facts.drop("Boot order")
        if firmware == "UEFI":
            facts.text("Secure boot", vm_facts.secure_boot(vm))
        else:
            facts.drop("Secure boot")
        facts.text("Virtual TPM", "Present" if vm.vtpms else "None")
        facts.yes("Viridian extensions", vm_facts.is_on(vm, "viridian"))
        facts.yes("Windows Update drivers", vm.has_vendor_device)
        facts.yes(
            "Nested virtualisation",
            vm_facts.is_on(vm, "nested-virt") or vm_facts.is_on(vm, "exp-nested-hvm"),
        )

    def _show_management(self, vm: VM) -> None:
        facts = self.management.facts
        deletion, shutdown = vm_facts.protection(vm)
        facts.text(
            "High availability",
            vm_facts.HA_WORDS.get(vm.ha_restart_priority, vm.ha_restart_priority),
        )
        affinity = self.context.stores.host.get(vm.affinity)
        if affinity is not None:
            ref = affinity.ref
            facts.link(
                "Affinity host",
                affinity.name_label,
                lambda: self.context.navigate("host", ref, "dashboard"),
                icon="host",
            )
        else:
            facts.link("Affinity host", "None", None)
        facts.yes("Protected from deletion", deletion)
        facts.yes("Protected from shutdown", shutdown)
        facts.yes("Starts with the host", vm_facts.truth(vm.other_config.get("auto_poweron")))
        facts.text("Start order", fmt.count(vm.order) if vm.order else "None")
        facts.text("Start delay", fmt.duration(vm.start_delay) if vm.start_delay else "None")
        facts.text(
            "Shutdown delay", fmt.duration(vm.shutdown_delay) if vm.shutdown_delay else "None"
        )

    def _show_devices(self, vm: VM) -> None:
        facts = self.devices.facts
        facts.text("Network adapters", fmt.count(len(vm.vifs)))
        facts.text("Adapter model", vm.platform.get("nic_type") or "Realtek RTL8139 (default)")
        facts.text("Suspend storage", self._suspend_sr(vm))
        facts.text("Graphics", vm.platform.get("vga") or "Default")
        video = vm.platform.get("videoram")
        facts.text("Video RAM", f"{video} MiB" if video else "Default")

    def _suspend_sr(self, vm: VM) -> str:
        if is_null(vm.suspend_sr):
            return "As the pool says"
        sr = self.context.stores.sr.get(vm.suspend_sr)
        return sr.name_label if sr is not None else "Missing storage"

    def _show_custom(self, vm: VM) -> None:
        fields = vm_facts.custom_fields(vm.other_config)
        facts = self.custom.facts
        for label in facts.labels():
            if label not in fields:
                facts.drop(label)
        for label, value in fields.items():
            facts.text(label, value)
        self.custom.setVisible(bool(fields))


def _cap(text: str | None) -> str:
    if not text or text == "0":
        return "None"
    try:
        return f"{int(text)}% of one CPU"
    except ValueError:
        return text


def _vcpus(vm: VM) -> str:
    if vm.vcpus_at_startup == vm.vcpus_max:
        return fmt.count(vm.vcpus_max)
    return f"{fmt.count(vm.vcpus_at_startup)} at start, at most {fmt.count(vm.vcpus_max)}"


def _span(least_bytes: int, most_bytes: int) -> str:
    if least_bytes == most_bytes:
        return fmt.size(most_bytes)
    return f"{fmt.size(least_bytes)} to {fmt.size(most_bytes)}"
