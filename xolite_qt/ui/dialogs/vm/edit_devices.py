"""The virtual hardware of a VM: network adapters, graphics, and what its CPU offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QWidget

from xolite_qt.ui.dialogs.backups.form import Choice
from xolite_qt.ui.dialogs.vm.edit_base import Call, Setting, VmEditDialog, map_calls, shut
from xolite_qt.ui.models import vm_facts
from xolite_qt.ui.widgets.text import TextLabel

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext

_NICS = (
    ("", "Realtek RTL8139 (default)"),
    ("rtl8139", "Realtek RTL8139"),
    ("e1000", "Intel e1000"),
)
_CARDS = (("", "Default"), ("std", "Standard VGA"), ("cirrus", "Cirrus"))
_VIDEO_RAM = ("", "1", "2", "4", "8", "16")
_NESTED, _NESTED_BEFORE_8_3 = "nested-virt", "exp-nested-hvm"


class VmDevicesDialog(VmEditDialog):
    """All of it counts from the next start."""

    def __init__(
        self, context: PageContext, setting: Setting, parent: QWidget | None = None
    ) -> None:
        super().__init__(context, setting, "virtual hardware", parent)
        vm, form = self.vm, self.form
        platform = vm.platform
        if setting.not_halted:
            said = TextLabel("Changes count from the VM's next start.", tone="secondary", wrap=True)
            form.add_wide(said)
        self.nic = _choice(_NICS, platform.get("nic_type", ""))
        self.nic_row = form.add(
            "Adapter model",
            self.nic,
            hint="What the guest sees before its drivers take over.",
            narrow=True,
        )
        self.vga = _choice(_CARDS, platform.get("vga", ""))
        self.vga_row = form.add("Graphics", self.vga, narrow=True)
        sizes = [(size, f"{size} MiB" if size else "Default") for size in _VIDEO_RAM]
        self.video = _choice(tuple(sizes), platform.get("videoram", ""))
        self.video_row = form.add("Video RAM", self.video, narrow=True)
        self.viridian = QCheckBox("On")
        self.viridian.setChecked(vm_facts.is_on(vm, "viridian"))
        self.viridian_row = form.add(
            "Viridian extensions", self.viridian, hint="Makes Windows guests faster."
        )
        self.nested = QCheckBox("On")
        self.nested.setChecked(self._was_nested())
        self.nested_row = form.add(
            "Nested virtualisation",
            self.nested,
            hint="VMs inside this VM. The host's makers call it experimental; while it is on, "
            "the VM can neither move nor be suspended.",
        )
        self.vga.currentIndexChanged.connect(lambda _at: self._judge())
        self._judge()
        if not vm.hvm_boot_params:
            for row in (
                self.nic_row,
                self.vga_row,
                self.video_row,
                self.viridian_row,
                self.nested_row,
            ):
                shut(row, "The VM has no emulated hardware.")

    def _was_nested(self) -> bool:
        return vm_facts.is_on(self.vm, _NESTED) or vm_facts.is_on(self.vm, _NESTED_BEFORE_8_3)

    def _judge(self) -> None:
        cirrus = self.vga.current() == "cirrus"
        self.video.setEnabled(not cirrus)
        self.video_row.set_hint("Cirrus has 4 MiB, always." if cirrus else "")

    def _nested_key(self) -> str:
        versions = [host.software_version.get("product_version", "") for host in self.setting.hosts]
        old = [version for version in versions if version and _number(version) < (8, 3)]
        return _NESTED_BEFORE_8_3 if old else _NESTED

    def calls(self) -> Sequence[Call]:
        """Keys of the platform, those that differ."""
        vm = self.vm
        if not vm.hvm_boot_params:
            return []
        platform = vm.platform
        wanted: dict[str, str | None] = {}
        for key, choice in (("nic_type", self.nic), ("vga", self.vga), ("videoram", self.video)):
            if choice.isEnabled() and choice.current() != platform.get(key, ""):
                wanted[key] = choice.current() or None
        if self.viridian.isChecked() != vm_facts.is_on(vm, "viridian"):
            wanted["viridian"] = "true" if self.viridian.isChecked() else "false"
        if self.nested.isChecked() != self._was_nested():
            wanted[_NESTED] = wanted[_NESTED_BEFORE_8_3] = None
            if self.nested.isChecked():
                wanted[self._nested_key()] = "true"
        return map_calls(vm.ref, "platform", platform, wanted)


def _choice(values: tuple[tuple[str, str], ...], now: str) -> Choice:
    known = any(ident == now for ident, _words in values)
    return Choice(values if known else (*values, (now, now)), now)


def _number(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts if part.isdecimal())
