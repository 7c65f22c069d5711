"""Which PCI devices of a host a VM is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.dialogs.backups.form import Choice
from xolite_qt.ui.dialogs.pool.edit_dialog import EditDialog
from xolite_qt.ui.models import pci_devices
from xolite_qt.ui.models.pci_devices import PciRow
from xolite_qt.ui.widgets.text import TextLabel
from xolite_qt.xen_api import VM

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext


class PciDevicesDialog(EditDialog):
    """Ticks for the devices of one host; addresses that the host does not have stay listed.

    Args:
        vm: a halted one.
        hosts: names by reference, of hosts that have devices.
        rows: devices by host.
        home: the host whose devices are shown first, or "".
    """

    def __init__(
        self,
        context: PageContext,
        vm: VM,
        hosts: Mapping[str, str],
        rows: Mapping[str, Sequence[PciRow]],
        home: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            context, f"PCI devices of {vm.name_label}", icon="cpu", width=640, parent=parent
        )
        self.vm = vm
        self._rows = rows
        self.chosen: list[str] = list(pci_devices.addresses(vm))
        named = sorted(hosts.items(), key=lambda pair: pair[1].casefold())
        self.host = Choice(named, home or (named[0][0] if named else ""))
        self.form.add(
            "Host",
            self.host,
            hint="Only addresses are kept: the VM starts on a host where they are the right "
            "devices, and can't move to another one while it runs.",
            narrow=True,
        )
        self.boxes: dict[str, QCheckBox] = {}
        self._list = QWidget()
        self._column = QVBoxLayout(self._list)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self.form.add("Devices", self._list)
        self.host.currentIndexChanged.connect(lambda _at: self._fill())
        self._fill()

    def _fill(self) -> None:
        while (item := self._column.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.boxes = {}
        shown = self._rows.get(self.host.current(), ())
        for row in shown:
            self._add(row.pci.pci_id.lower(), pci_devices.name_of(row.pci), *self._note(row))
        known = {row.pci.pci_id.lower() for row in shown}
        for address in self.chosen:
            if address not in known:
                self._add(address, "Unknown device", "not on this host", "warning")
        if not self.boxes:
            self._column.addWidget(
                TextLabel("This host tells of no device that could be given.", tone="secondary")
            )

    def _note(self, row: PciRow) -> tuple[str, str]:
        others = [name for name in row.users if name != self.vm.name_label]
        parts = [row.pci.class_name or "Device"]
        if others:
            parts.append(f"also given to {', '.join(others[:3])}")
        if row.access in ("enabled", "enable_on_reboot"):
            parts.append("dom0 has it: hide it on the host's System tab and reboot first")
            return " · ".join(parts), "warning"
        if row.access == "disable_on_reboot":
            parts.append("ready after the host's next boot")
        return " · ".join(parts), "warning" if others else "secondary"

    def _add(self, address: str, name: str, note: str, tone: str) -> None:
        # Names are long: they wrap below the box, which has the address.
        box = QCheckBox(address)
        box.setAccessibleName(f"{name}, {address}")
        box.setAccessibleDescription(note)
        box.setChecked(address in self.chosen)
        box.toggled.connect(lambda on, address=address: self._tick(address, on=on))
        title = TextLabel(name, wrap=True)
        title.setContentsMargins(28, 0, 0, 0)
        label = TextLabel(note, kind="small", tone=tone, wrap=True)  # type: ignore[arg-type]
        label.setContentsMargins(28, 0, 0, 8)
        self.boxes[address] = box
        for widget in (box, title, label):
            self._column.addWidget(widget)

    def _tick(self, address: str, *, on: bool) -> None:
        if on and address not in self.chosen:
            self.chosen.append(address)
        elif not on and address in self.chosen:
            self.chosen.remove(address)

    def deed(self) -> Deed | None:
        """Gives the VM what is ticked."""
        return pci_devices.give_deed(self.vm, self.chosen)
