"""PCI devices and graphics of a host: whether dom0 has them, and which VM is given them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import shiboken6
from PySide6.QtWidgets import QHBoxLayout

from xolite_qt.ui import format as fmt
from xolite_qt.ui.actions import Question
from xolite_qt.ui.deeds import Choice, Deed, provides
from xolite_qt.ui.dialogs.host_edit.pci_devices import PciDevicesDialog
from xolite_qt.ui.errors import explain
from xolite_qt.ui.models import pci_devices
from xolite_qt.ui.models.pci_devices import PCI_COLUMNS, PciRow
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.states import show_card_state
from xolite_qt.ui.widgets import Button, Card, DataTable, TextLabel
from xolite_qt.xen_api import PCI, PGPU, VGPU, VM, GPUGroup, Host, XapiError, XenApiError

_ROW_PX, _HEAD_PX, _MOST_ROWS = 37, 46, 8
_BY_ADDRESS = 2
_ONE = "Choose one device first."


class DevicesCard(Card):
    """The devices of one host.

    Args:
        context: of the page.
        host: reference of the host.
    """

    def __init__(self, context: PageContext, host: str) -> None:
        super().__init__("PCI devices and GPUs")
        self._context = context
        self._host = host
        self._rows: list[PciRow] = []
        self._access: dict[str, str] = {}
        self._asked: set[str] = set()
        self.model = RecordTableModel(PCI_COLUMNS, parent=self)
        self.table = DataTable(self.model, says="PCI devices", multi=False)
        self.table.sort(_BY_ADDRESS)
        self.table.selection_changed.connect(lambda _refs: self.tell())
        self.add(
            TextLabel(
                "A device that dom0 has can't be given to a VM. Hiding it from dom0, and giving it "
                "back, takes effect at the host's next boot.",
                kind="small",
                tone="secondary",
                wrap=True,
            )
        )
        self.add(self.table, 1)
        self.hide_button = Button("Hide from dom0…", small=True, on_click=self.begin_hide)
        self.hide_button.set_icon("eye-slash")
        self.unhide = Button("Give to dom0", small=True, icon="eye", on_click=self.begin_unhide)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.hide_button)
        line.addWidget(self.unhide)
        line.addStretch(1)
        self.add_layout(line)

    def show_devices(self) -> None:
        """Show what the stores hold."""
        stores = self._context.stores
        sources = (stores.pci, stores.pgpu, stores.gpu_group, stores.vm, stores.vgpu)
        if not show_card_state(self, *sources):
            return
        self._rows = pci_devices.rows_of(
            self._host,
            stores.pci.records.values(),
            stores.pgpu.records.values(),
            stores.gpu_group.records,
            list(stores.vm.records.values()),
            stores.vgpu.records,
            self._access,
        )
        self.model.replace(self._rows)
        if not self._rows:
            self.set_empty("This host tells of no devices")
            return
        rows = min(len(self._rows), _MOST_ROWS)
        self.table.setFixedHeight(_HEAD_PX + rows * _ROW_PX)
        waiting = sum(row.access.endswith("_on_reboot") for row in self._rows)
        text = f"{fmt.plural(waiting, 'change waits', 'changes wait')} for a reboot"
        self.set_info(text if waiting else "", "warning")
        self.tell()
        self._ask([row.ref for row in self._rows if row.ref not in self._asked])

    def begin_hide(self) -> None:
        """Asks, then hides the selected device from dom0."""
        row = self._selected()
        if row is not None:
            self._begin(
                row,
                pci_devices.access_deed(row, hide=True),
                pci_devices.hide_question(row, self._name()),
            )

    def begin_unhide(self) -> None:
        """Gives the selected device back to dom0."""
        row = self._selected()
        if row is not None:
            self._begin(row, pci_devices.access_deed(row, hide=False), None)

    def tell(self) -> None:
        """Say why something may not be done now, where that is so."""
        blocked = self._context.actions.blocked
        row = self._selected()
        self.hide_button.set_reason(
            blocked or (_ONE if row is None else pci_devices.why_not_hide(row))
        )
        self.unhide.set_reason(
            blocked or (_ONE if row is None else pci_devices.why_not_unhide(row))
        )

    # ------------------------------------------------------------------ parts

    def _begin(self, row: PciRow, deed: Deed, question: Question | None) -> None:
        async def work() -> None:
            if await self._context.actions.do([deed], question) and shiboken6.isValid(self):
                # No event tells of it.
                await self._read([row.ref])

        if (blocked := self._context.actions.blocked) is not None:
            self._context.notify(blocked, level="warning")
        else:
            self._context.tasks.spawn(work(), f"{deed.label} {deed.name}")

    def _ask(self, refs: Sequence[str]) -> None:
        if refs:
            self._asked.update(refs)
            self._context.tasks.spawn(self._read(refs), "access of dom0 to devices")

    async def _read(self, refs: Sequence[str]) -> None:
        api = self._context.stores.api
        for ref in refs:
            try:
                self._access[ref] = str(await api.call("PCI.get_dom0_access_status", ref))
            except XapiError as error:
                if error.code == "MESSAGE_METHOD_UNKNOWN":
                    # Before 24.14 only graphics tell, in a field of theirs.
                    break
            except XenApiError:
                # Cut off: asked again when the page is news again.
                self._asked.discard(ref)
        if shiboken6.isValid(self):
            self.show_devices()

    def _selected(self) -> PciRow | None:
        refs = self.table.selected_refs()
        return next((row for row in self._rows if row.ref in refs), None)

    def _name(self) -> str:
        host = self._context.stores.host.get(self._host)
        return host.name_label if host is not None else "this host"


@provides("vm")
def pci_choices(context: PageContext, vms: Sequence[VM]) -> list[Choice]:
    """The devices that a VM is given."""
    one = vms[0] if len(vms) == 1 else None
    reason = "Choose one VM." if one is None else pci_devices.why_not_give(one)
    run = partial(begin_give, context, one.ref if one is not None else "")
    return [Choice("vm.pci", "PCI devices…", "cpu", run, reason, 60)]


def begin_give(context: PageContext, vm: str) -> None:
    """Looks at what the hosts have, and asks which of it a VM gets."""
    context.tasks.spawn(_give(context, vm), "PCI devices of VM")


async def _give(context: PageContext, ref: str) -> None:
    api = context.stores.api
    try:
        vm = await api.get_record(VM, ref)
        hosts = await api.get_all_records(Host)
        pcis = await api.get_all_records(PCI)
        gpus = await api.get_all_records(PGPU)
        groups = await api.get_all_records(GPUGroup)
        vgpus = await api.get_all_records(VGPU)
        access = await _access_of(context, pcis)
    except XenApiError as error:
        explained = explain(error)
        text = f"The devices could not be asked for: {explained.summary}"
        context.notify(text, level="danger", details=explained.details)
        return
    vms = list(context.stores.vm.records.values())
    rows = {
        host: pci_devices.rows_of(host, pcis.values(), gpus.values(), groups, vms, vgpus, access)
        for host in hosts
    }
    names = {host: record.name_label for host, record in hosts.items() if rows[host]}
    home = vm.affinity if vm.affinity in names else ""
    dialog = PciDevicesDialog(
        context, vm, names or {host: one.name_label for host, one in hosts.items()}, rows, home,
        context.actions.window,
    )  # fmt: skip
    await ask(dialog)


async def _access_of(context: PageContext, pcis: dict[str, PCI]) -> dict[str, str]:
    found: dict[str, str] = {}
    for ref in pcis:
        try:
            found[ref] = str(await context.stores.api.call("PCI.get_dom0_access_status", ref))
        except XapiError as error:
            if error.code == "MESSAGE_METHOD_UNKNOWN":
                break
    return found
