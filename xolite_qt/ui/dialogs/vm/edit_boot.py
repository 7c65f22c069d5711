"""How a VM starts: order, firmware, secure boot, virtual TPM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QWidget

from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.dialogs.backups.form import Choice, Row
from xolite_qt.ui.dialogs.vm.edit_base import Call, Setting, VmEditDialog, map_calls, shut
from xolite_qt.ui.models import vm_facts

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext

_DEVICES = (("c", "Hard disk"), ("d", "CD/DVD"), ("n", "Network"), ("", "Nothing"))
_NO_HVM = "The VM boots without firmware of its own."


class VmBootDialog(VmEditDialog):
    """Everything about the start; what only a halted VM takes is closed while it runs."""

    def __init__(
        self, context: PageContext, setting: Setting, parent: QWidget | None = None
    ) -> None:
        super().__init__(context, setting, "boot", parent)
        vm, halted = self.vm, setting.not_halted
        params = vm.hvm_boot_params
        order = params.get("order", "cdn").lower()
        self.places = [Choice(_DEVICES, order[at : at + 1]) for at in range(3)]
        for at, place in enumerate(self.places):
            place.setAccessibleName(f"Boot device {at + 1}")
        self.order_row = self.form.add(
            "Boot order", *self.places, hint="From left to right; counts from the next start."
        )
        firmware = params.get("firmware", "bios").lower()
        self.firmware = Choice([("bios", "BIOS"), ("uefi", "UEFI")], firmware)
        self.firmware_row = self.form.add("Firmware", self.firmware, narrow=True)
        self.secure = Choice(
            [("false", "Off"), ("true", "On"), ("auto", "As the pool says")], _secure(setting)
        )
        self.secure_row = self.form.add("Secure boot", self.secure, narrow=True)
        self.vtpm = QCheckBox("Present")
        self.vtpm.setChecked(bool(vm.vtpms))
        self.vtpm_row = self.form.add("Virtual TPM", self.vtpm)
        self.firmware.currentIndexChanged.connect(lambda _at: self._judge())
        self.vtpm.toggled.connect(lambda _on: self._judge())
        self._judge()
        if not params:
            for row in (self.order_row, self.firmware_row, self.secure_row, self.vtpm_row):
                shut(row, _NO_HVM)
        for row in (self.firmware_row, self.secure_row, self.vtpm_row):
            shut(row, halted)

    def _judge(self) -> None:
        if not self.vm.hvm_boot_params or self.setting.not_halted:
            return
        uefi = self.firmware.current() == "uefi"
        changed = self.firmware.current() != self.vm.hvm_boot_params.get("firmware", "bios").lower()
        self.firmware_row.set_hint(
            "A system that is installed starts only with the firmware it was installed with."
            if changed
            else "",
            "warning",
        )
        self.secure.setEnabled(uefi)
        self.secure_row.set_hint("" if uefi else "Only UEFI can do this.")
        # A chip that is there can be taken away with any firmware.
        self.vtpm.setEnabled(uefi or bool(self.vm.vtpms))
        if self.vm.vtpms and not self.vtpm.isChecked():
            words = "Keys in it are lost: disks that were locked with them do not open any more."
            self.vtpm_row.set_hint(words, "warning")
        else:
            self.vtpm_row.set_hint("" if uefi else "Only with UEFI.")

    def question(self) -> Question | None:
        """Asked before the chip with its keys goes."""
        if self.vtpm.isChecked() or not self.vm.vtpms:
            return None
        name = self.vm.name_label
        return Question(
            f"Remove the virtual TPM of {name}?",
            "Keys in it are lost: disks that were locked with them (BitLocker) do not open any "
            "more without a recovery key. This cannot be undone.",
            "Remove virtual TPM",
            Harm.DESTRUCTIVE,
            type_this=name,
        )

    def order(self) -> str:
        """Letters of the devices, in order."""
        return "".join(place.current() for place in self.places)

    def check(self) -> dict[Row, str]:
        """Each device once, and at least one."""
        order = self.order()
        if not self.vm.hvm_boot_params:
            return {}
        if not order:
            return {self.order_row: "It has to start from something."}
        if len(set(order)) < len(order):
            return {self.order_row: "Each device can stand there once."}
        return {}

    def calls(self) -> Sequence[Call]:
        """Maps key by key; the chip last."""
        vm, params = self.vm, self.vm.hvm_boot_params
        if not params:
            return []
        found: list[Call] = []
        wanted: dict[str, str | None] = {}
        if self.order() != params.get("order", "cdn").lower():
            wanted["order"] = self.order()
        if self.firmware.current() != params.get("firmware", "bios").lower():
            wanted["firmware"] = self.firmware.current()
        found += map_calls(vm.ref, "HVM_boot_params", params, wanted)
        if self.secure.current() != _secure(self.setting):
            wish: dict[str, str | None] = {"secureboot": self.secure.current()}
            found += map_calls(vm.ref, "platform", vm.platform, wish)
        if self.vtpm.isChecked() and not vm.vtpms:
            found.append(("VTPM.create", vm.ref, False))
        elif not self.vtpm.isChecked():
            found += [("VTPM.destroy", ref) for ref in vm.vtpms]
        return found


def _secure(setting: Setting) -> str:
    word = setting.vm.platform.get("secureboot", "").lower()
    if word == "auto":
        return "auto"
    return "true" if vm_facts.truth(word) else "false"
