"""Processors and memory of a VM."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QSpinBox, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.backups.form import Choice, Row, number
from xolite_qt.ui.dialogs.vm.edit_base import Call, Setting, VmEditDialog, map_calls, shut
from xolite_qt.xen_api import PowerState

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext

_MOST_VCPUS = 128
_MIB = 1 << 20
_MOST_MIB = 12 << 20
_NAMES = ("static_min", "dynamic_min", "dynamic_max", "static_max")
_CAPTIONS = {
    "static_min": "Static minimum",
    "dynamic_min": "Dynamic minimum",
    "dynamic_max": "Dynamic maximum",
    "static_max": "Static maximum",
}
_HINTS = {
    "static_min": "The least that it can ever be given.",
    "dynamic_min": "So far the host may take memory back while the VM runs.",
    "dynamic_max": "What it has as long as the host has enough.",
    "static_max": "The most that it can ever be given.",
}


class VmResourcesDialog(VmEditDialog):
    """vCPUs with their topology, and the four limits of memory in their order."""

    def __init__(
        self, context: PageContext, setting: Setting, parent: QWidget | None = None
    ) -> None:
        super().__init__(context, setting, "resources", parent)
        vm, halted = self.vm, setting.not_halted
        self.vcpus = number(1, _MOST_VCPUS, vm.vcpus_at_startup)
        self.vcpus_max = number(1, _MOST_VCPUS, vm.vcpus_max)
        self.topology = Choice(())
        form = self.form
        self.vcpus_row = form.add("vCPUs", self.vcpus, narrow=True)
        self.max_row = form.add(
            "vCPUs at most",
            self.vcpus_max,
            hint="So many can be given to it while it runs.",
            narrow=True,
        )
        self.topology_row = form.add("Topology", self.topology, narrow=True)
        self.memory: dict[str, QSpinBox] = {}
        self.memory_rows: dict[str, Row] = {}
        for name in reversed(_NAMES):
            field = number(0, _MOST_MIB, self._now(name) // _MIB, suffix=" MiB")
            field.setFixedWidth(170)
            field.setSingleStep(256)
            field.setGroupSeparatorShown(True)
            self.memory[name] = field
            row = form.add(f"{_CAPTIONS[name]} of RAM", field, hint=_HINTS[name], narrow=True)
            self.memory_rows[name] = row
        self._fill_topology()
        self.vcpus_max.valueChanged.connect(lambda _value: self._fill_topology())
        for row in (self.max_row, self.topology_row):
            shut(row, halted)
        if halted:
            shut(self.vcpus_row, self._not_live("changing_VCPUs_live"))
            shut(self.memory_rows["static_max"], halted)
            shut(self.memory_rows["static_min"], halted)
            for name in ("dynamic_max", "dynamic_min"):
                shut(self.memory_rows[name], self._not_live("changing_dynamic_range"))

    def _not_live(self, operation: str) -> str:
        """Why a VM that is not halted does not take a change; "" where it does."""
        vm = self.vm
        if operation in vm.allowed_operations:
            return ""
        if vm.power_state == PowerState.RUNNING:
            return "The VM does not take this while it runs."
        return self.setting.not_halted

    def _now(self, name: str) -> int:
        return int(getattr(self.vm, f"memory_{name}"))

    def _fill_topology(self) -> None:
        most = self.vcpus_max.value()
        now = self.vm.platform.get("cores-per-socket", "")
        kept = self.topology.current() if self.topology.count() else now
        self.topology.clear()
        self.topology.addItem("As the host decides", "")
        for cores in range(1, most + 1):
            if most % cores == 0:
                sockets = fmt.plural(most // cores, "socket", "sockets")
                each = fmt.plural(cores, "core", "cores")
                self.topology.addItem(f"{sockets} × {each}", str(cores))
        if kept and not self.topology.set_current(kept):
            # What does not go into the number of vCPUs cannot stay.
            self.topology.set_current("")
            if self.topology.isEnabled():
                words = f"{kept} cores per socket do not go into {most}."
                self.topology_row.set_hint(words, "warning")
        elif self.topology.isEnabled():
            self.topology_row.set_hint("")

    # ------------------------------------------------------------------ answer

    def _bytes(self, name: str) -> int:
        now, shown = self._now(name), self.memory[name].value()
        # A value that is no whole number of MiB stays as long as nobody touches it.
        return now if shown == now // _MIB else shown * _MIB

    def check(self) -> dict[Row, str]:
        """The order of limits, and that they are of use."""
        found: dict[Row, str] = {}
        if self.vcpus.value() > self.vcpus_max.value():
            found[self.vcpus_row] = f"At most {self.vcpus_max.value()}."
        for lower, upper in pairwise(_NAMES):
            if self._bytes(lower) <= self._bytes(upper):
                continue
            row = self.memory_rows[lower]
            words = f"It must not be more than the {_CAPTIONS[upper].lower()}."
            if not row.fields[0].isEnabled():
                # What is closed cannot be the one to put right.
                row = self.memory_rows[upper]
                words = f"It must not be less than the {_CAPTIONS[lower].lower()}."
            found[row] = words
        if self._bytes("dynamic_max") == 0:
            found[self.memory_rows["dynamic_max"]] = "A VM needs memory."
        return found

    def calls(self) -> Sequence[Call]:
        """Processors, then memory."""
        return [*self._vcpu_calls(), *self._memory_calls()]

    def _vcpu_calls(self) -> list[Call]:
        vm = self.vm
        start, most = self.vcpus.value(), self.vcpus_max.value()
        found: list[Call] = []
        if self.setting.not_halted:
            if start != vm.vcpus_at_startup:
                found.append(("VM.set_VCPUs_number_live", vm.ref, start))
            return found
        cores = map_calls(
            vm.ref, "platform", vm.platform, {"cores-per-socket": self.topology.current() or None}
        )
        # At no moment may there be more vCPUs than the most, nor cores that do not go into it.
        found += [call for call in cores if call[0] == "VM.remove_from_platform"]
        numbers: list[Call] = []
        if most != vm.vcpus_max:
            numbers.append(("VM.set_VCPUs_max", vm.ref, most))
        if start != vm.vcpus_at_startup:
            numbers.append(("VM.set_VCPUs_at_startup", vm.ref, start))
        found += reversed(numbers) if most < vm.vcpus_max else numbers
        return found + [call for call in cores if call[0] == "VM.add_to_platform"]

    def _memory_calls(self) -> list[Call]:
        vm = self.vm
        wanted = {name: self._bytes(name) for name in _NAMES}
        if all(wanted[name] == self._now(name) for name in _NAMES):
            return []
        if self.setting.not_halted:
            low, high = wanted["dynamic_min"], wanted["dynamic_max"]
            return [("VM.set_memory_dynamic_range", vm.ref, low, high)]
        return [
            (
                "VM.set_memory_limits",
                vm.ref,
                wanted["static_min"],
                wanted["static_max"],
                wanted["dynamic_min"],
                wanted["dynamic_max"],
            )
        ]
