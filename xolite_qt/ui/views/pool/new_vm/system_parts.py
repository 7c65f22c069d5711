"""Firmware, processors, memory, and what happens after the VM was made."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox, QLineEdit, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.backups.form import Choice, Form, number
from xolite_qt.ui.models.new_vm import topologies
from xolite_qt.ui.models.new_vm_checks import (
    VCPUS_LIMIT,
    bios_reason,
    clone_reason,
    firmware_reason,
    secure_boot_reason,
    vtpm_reason,
)
from xolite_qt.ui.models.new_vm_plan import pool_to_allow
from xolite_qt.ui.views.pool.new_vm.part import Part, Problems
from xolite_qt.ui.views.pool.new_vm.session import NewVmSession
from xolite_qt.ui.widgets import set_tooltip

_CHOICE_PX = 240


def box(words: str) -> QCheckBox:
    """A box that is called by its own words, not by the caption of its row."""
    made = QCheckBox(words)
    made.setAccessibleName(words)
    return made


def set_reason(which: QCheckBox, reason: str) -> None:
    """Close a box with its reason, or open it."""
    which.setEnabled(not reason)
    which.setAccessibleDescription(reason)
    set_tooltip(which, reason)


class FirmwarePart(Part):
    """BIOS or UEFI, and what hangs on it."""

    def __init__(self, session: NewVmSession) -> None:
        super().__init__("Firmware", session)
        self.firmware = Choice([("bios", "BIOS"), ("uefi", "UEFI")])
        self.secure = box("Secure boot")
        self.vtpm = box("Virtual TPM")
        self.bios = Choice([("", "The hypervisor's own")])
        form = Form()
        for choice in (self.firmware, self.bios):
            choice.setMinimumWidth(_CHOICE_PX)
        self.row = form.add("Firmware", self.firmware, narrow=True)
        self.guard_row = form.add("Security", self.secure, self.vtpm)
        self.guard_row.line.addStretch(1)
        self.bios_row = form.add("BIOS strings", self.bios, narrow=True)
        self.add(form)
        self.firmware.currentIndexChanged.connect(self.told)
        self.bios.currentIndexChanged.connect(self.told)
        for check in (self.secure, self.vtpm):
            check.toggled.connect(self.told)

    def show_form(self) -> None:
        """Override."""
        self.firmware.set_current("uefi" if self.form.uefi else "bios")
        self.secure.setChecked(self.form.secure_boot)
        self.vtpm.setChecked(self.form.vtpm)
        hosts = sorted(self.world.hosts.values(), key=lambda host: host.name_label.casefold())
        wanted = [("", "The hypervisor's own")]
        wanted += [(host.ref, f"Those of {host.name_label}") for host in hosts]
        refill(self.bios, wanted, self.form.bios_host)

    def take(self) -> None:
        """Override."""
        form = self.form
        was_uefi, form.uefi = form.uefi, self.firmware.current() == "uefi"
        form.secure_boot = self.secure.isChecked()
        form.vtpm = self.vtpm.isChecked()
        form.bios_host = self.bios.current()
        if was_uefi and not form.uefi:
            form.secure_boot = False
            template = self.world.templates.get(form.template)
            form.vtpm = bool(template is not None and template.vtpms)
            self.fill(self.world)

    def judge(self, problems: Problems) -> None:
        """Override."""
        other = not self.form.uefi
        reason = firmware_reason(self.form, self.world, uefi=other)
        self.firmware.setEnabled(not reason)
        self.firmware.setAccessibleDescription(reason)
        self.row.set_hint(reason)
        secure, vtpm = secure_boot_reason(self.form), vtpm_reason(self.form, self.world)
        set_reason(self.secure, secure)
        set_reason(self.vtpm, vtpm)
        told = secure if secure == vtpm else " ".join(filter(None, (secure, vtpm)))
        self.guard_row.set_hint(told)
        bios = bios_reason(self.form)
        self.bios.setEnabled(not bios)
        self.bios.setAccessibleDescription(bios)
        self.bios_row.set_hint(
            bios or "Systems that are licensed for a maker's hardware look at them."
        )


class ResourcesPart(Part):
    """Processors, memory, and the host that the VM likes."""

    def __init__(self, session: NewVmSession) -> None:
        super().__init__("CPU and memory", session)
        self.vcpus = number(1, VCPUS_LIMIT, 1)
        self.vcpus_max = number(1, VCPUS_LIMIT, 1)
        self.topology = Choice([("0", "Left to the host")])
        self.memory = QLineEdit()
        self.memory.setMaxLength(30)
        self.host = Choice([("", "Any host")])
        for choice in (self.topology, self.host):
            choice.setMinimumWidth(_CHOICE_PX)
        form = Form()
        self.vcpus_row = form.add("vCPUs at start", self.vcpus, narrow=True)
        form.add(
            "vCPUs at most",
            self.vcpus_max,
            narrow=True,
            hint="So many can be had while it runs, without a restart.",
        )
        form.add("Topology", self.topology, narrow=True)
        self.memory_row = form.add("Memory", self.memory, narrow=True, hint="Such as 4 GiB.")
        form.add("Preferred host", self.host, narrow=True)
        self.add(form)
        self.vcpus.valueChanged.connect(self._vcpus_changed)
        self.vcpus_max.valueChanged.connect(self.told)
        for choice in (self.topology, self.host):
            choice.currentIndexChanged.connect(self.told)
        self.memory.textEdited.connect(self.told)

    def _vcpus_changed(self, value: int) -> None:
        if not self._filling and value > self.vcpus_max.value():
            # Tells by itself.
            self.vcpus_max.setValue(value)
        self.told()

    def show_form(self) -> None:
        """Override."""
        form = self.form
        self.vcpus_max.setValue(form.vcpus_max)
        self.vcpus.setValue(form.vcpus)
        if self.memory.text() != form.memory_text:
            self.memory.setText(form.memory_text)
        self._show_topologies()
        hosts = sorted(self.world.hosts.values(), key=lambda host: host.name_label.casefold())
        refill(
            self.host,
            [("", "Any host"), *((host.ref, self._host_words(host.ref)) for host in hosts)],
            form.affinity,
        )

    def _host_words(self, ref: str) -> str:
        host, free = self.world.hosts[ref], self.world.free_memory(ref)
        room = f"{fmt.size(free)} free" if free is not None else "not running"
        return f"{host.name_label} ({room})"

    def _show_topologies(self) -> None:
        cores = topologies(self.form.vcpus_max)
        words = [("0", "Left to the host")]
        for number_of in cores:
            sockets = fmt.plural(self.form.vcpus_max // number_of, "socket", "sockets")
            words.append((str(number_of), f"{sockets} × {fmt.plural(number_of, 'core', 'cores')}"))
        refill(self.topology, words, str(self.form.cores_per_socket))

    def take(self) -> None:
        """Override."""
        form = self.form
        form.vcpus, form.vcpus_max = self.vcpus.value(), self.vcpus_max.value()
        form.memory_text = self.memory.text()
        form.cores_per_socket = int(self.topology.current() or "0")
        form.affinity = self.host.current()
        form.fit_topology()
        self._filling = True
        self._show_topologies()
        self._filling = False

    def judge(self, problems: Problems) -> None:
        """Override."""
        self.vcpus_row.set_problem(problems.get("vcpus", ""))
        self.memory_row.set_problem(problems.get("memory", ""))

    def field_of(self, problem: str) -> QWidget | None:
        """Override."""
        return {"vcpus": self.vcpus, "memory": self.memory}.get(problem)


class AfterPart(Part):
    """How the template is copied, and what happens to the VM then."""

    def __init__(self, session: NewVmSession) -> None:
        super().__init__("Creation", session)
        self.boot = box("Start the VM once it is made")
        self.auto = box("Start the VM with its host")
        self.fast = box("Fast clone of the template's disks")
        form = Form()
        form.add("After creation", self.boot)
        self.auto_row = form.add("Later", self.auto)
        self.fast_row = form.add("Template's disks", self.fast)
        self.add(form)
        for check in (self.boot, self.auto, self.fast):
            check.toggled.connect(self.told)

    def show_form(self) -> None:
        """Override."""
        self.boot.setChecked(self.form.boot)
        self.auto.setChecked(self.form.auto_power)
        self.fast.setChecked(not self.form.full_copy)

    def take(self) -> None:
        """Override."""
        form = self.form
        form.boot, form.auto_power = self.boot.isChecked(), self.auto.isChecked()
        full = not self.fast.isChecked()
        if full is not form.full_copy:
            form.full_copy = full
            if not full:
                # A clone lies where the template lies.
                for row in form.disks:
                    if row.source is not None:
                        row.sr = row.source.sr
            self.rebuilt.emit()

    def judge(self, problems: Problems) -> None:
        """Override."""
        reason = clone_reason(self.form, self.world)
        set_reason(self.fast, reason)
        self.fast_row.set_hint(
            reason
            or (
                "Copied whole: takes longer and all the room, and depends on nothing."
                if self.form.full_copy
                else "Made at once; shares what it has in common with the template."
            )
        )
        allows = bool(pool_to_allow(self.form, self.world))
        self.auto_row.set_hint(
            "The pool does not start VMs with their hosts yet; this allows it, for every VM that "
            "asks for it."
            if allows
            else ""
        )


def refill(choice: Choice, values: list[tuple[str, str]], current: str) -> None:
    """Offer other values without a word of a change; what is chosen stays where it can."""
    now = [(choice.itemData(at), choice.itemText(at)) for at in range(choice.count())]
    choice.blockSignals(True)
    if now != values:
        choice.clear()
        for ident, words in values:
            choice.addItem(words, ident)
    choice.set_current(current)
    choice.blockSignals(False)
