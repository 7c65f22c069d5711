"""How a VM is looked after: protection, starting by itself, high availability, its host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QWidget

from xolite_qt.ui.dialogs.backups.form import Choice, number
from xolite_qt.ui.dialogs.vm.edit_base import Call, Setting, VmEditDialog, map_calls
from xolite_qt.ui.models import vm_facts
from xolite_qt.xen_api import NULL_REF

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext

DELETION = ("destroy",)
SHUTDOWN = (
    "clean_shutdown",
    "hard_shutdown",
    "shutdown",
    "clean_reboot",
    "hard_reboot",
    "suspend",
    "pause",
)
"""What is blocked where a VM is protected from being shut down."""
_LONGEST_DELAY_S = 24 * 3600
_LAST_ORDER = 9999
_HA_HINT = (
    "What happens when its host fails. A VM that is to be restarted for certain counts in the "
    "plan; for that all its disks must be on shared storage."
)


class VmManagementDialog(VmEditDialog):
    """Everything that is decided about a VM rather than in it."""

    def __init__(
        self, context: PageContext, setting: Setting, parent: QWidget | None = None
    ) -> None:
        super().__init__(context, setting, "management", parent)
        vm, form, pool = self.vm, self.form, setting.pool
        deletion, shutdown = vm_facts.protection(vm)
        self.deletion = QCheckBox("From deletion")
        self.deletion.setChecked(deletion)
        self.shutdown = QCheckBox("From shutdown, reboot, pause and suspend")
        self.shutdown.setChecked(shutdown)
        self.shutdown.setAccessibleName("Protected from shutdown, reboot, pause and suspend")
        form.add("Protected", self.deletion, hint="Nobody deletes it before this is taken away.")
        form.add("", self.shutdown, hint="A shutdown from inside the guest still works.")
        self.auto = QCheckBox("With its host")
        self.auto.setChecked(vm_facts.truth(vm.other_config.get("auto_poweron")))
        pool_starts = pool is not None and vm_facts.truth(pool.other_config.get("auto_poweron"))
        form.add(
            "Starts by itself",
            self.auto,
            hint=""
            if pool_starts
            else "The pool starts no VMs by itself now; its System tab has the switch.",
        )
        self.order = number(0, _LAST_ORDER, vm.order)
        form.add(
            "Start order",
            self.order,
            hint="Smaller numbers start first and are shut down last, where several VMs go "
            "together: in a vApp, or restarted by high availability.",
            narrow=True,
        )
        self.delay = number(0, _LONGEST_DELAY_S, vm.start_delay, suffix=" s")
        form.add(
            "Start delay",
            self.delay,
            hint="How long the host waits after starting it before it starts the next one.",
            narrow=True,
        )
        self.shutdown_delay = number(0, _LONGEST_DELAY_S, vm.shutdown_delay, suffix=" s")
        form.add(
            "Shutdown delay",
            self.shutdown_delay,
            hint="How long the host waits after shutting it down before it goes on to the next.",
            narrow=True,
        )
        priorities = list(vm_facts.HA_WORDS.items())
        if vm.ha_restart_priority not in vm_facts.HA_WORDS:
            priorities.append((vm.ha_restart_priority, vm.ha_restart_priority))
        self.ha = Choice(priorities, vm.ha_restart_priority)
        self.ha_row = form.add("High availability", self.ha, narrow=True)
        if pool is None or not pool.ha_enabled:
            self.ha_row.set_hint(
                "High availability is off in this pool: this is noted for when it is on."
            )
        else:
            self.ha_row.set_hint(_HA_HINT)
        hosts = [(NULL_REF, "None")] + [(host.ref, host.name_label) for host in setting.hosts]
        known = any(host.ref == vm.affinity for host in setting.hosts)
        self.affinity = Choice(hosts, vm.affinity if known else NULL_REF)
        form.add(
            "Affinity host", self.affinity, hint="Where it starts if there is room.", narrow=True
        )

    def calls(self) -> Sequence[Call]:
        """One for each thing that differs."""
        vm = self.vm
        was_deletion, was_shutdown = vm_facts.protection(vm)
        blocked: dict[str, str | None] = {}
        if self.deletion.isChecked() != was_deletion:
            blocked |= dict.fromkeys(DELETION, "true" if self.deletion.isChecked() else None)
        if self.shutdown.isChecked() != was_shutdown:
            for name in SHUTDOWN:
                # What is blocked already keeps the reason that it was given.
                keep = vm.blocked_operations.get(name, "true")
                blocked[name] = keep if self.shutdown.isChecked() else None
        found = map_calls(vm.ref, "blocked_operations", vm.blocked_operations, blocked)
        if self.auto.isChecked() != vm_facts.truth(vm.other_config.get("auto_poweron")):
            wish: dict[str, str | None] = {
                "auto_poweron": "true" if self.auto.isChecked() else None
            }
            found += map_calls(vm.ref, "other_config", vm.other_config, wish)
        numbers = (
            ("VM.set_order", self.order, vm.order),
            ("VM.set_start_delay", self.delay, vm.start_delay),
            ("VM.set_shutdown_delay", self.shutdown_delay, vm.shutdown_delay),
        )
        found += [
            (method, vm.ref, field.value())
            for method, field, was in numbers
            if field.value() != was
        ]
        if self.ha.current() != vm.ha_restart_priority:
            found.append(("VM.set_ha_restart_priority", vm.ref, self.ha.current()))
        known = any(host.ref == vm.affinity for host in self.setting.hosts)
        if self.affinity.current() != (vm.affinity if known else NULL_REF):
            found.append(("VM.set_affinity", vm.ref, self.affinity.current()))
        return found
