"""A VM's settings, from the buttons of its System tab."""

from __future__ import annotations

from typing import Any, TypeVar

from PySide6.QtWidgets import QDialog

from tests.gui.pages.conftest import Bench
from tests.gui.pages.vm_life.kit import in_state, told
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.vm.edit_boot import VmBootDialog
from xolite_qt.ui.dialogs.vm.edit_devices import VmDevicesDialog
from xolite_qt.ui.dialogs.vm.edit_general import VmGeneralDialog
from xolite_qt.ui.dialogs.vm.edit_management import SHUTDOWN, VmManagementDialog
from xolite_qt.ui.dialogs.vm.edit_resources import VmResourcesDialog
from xolite_qt.ui.views.vm.system import VmSystem
from xolite_qt.ui.widgets.text import TextLabel

D = TypeVar("D", bound=QDialog)
MIB = 1 << 20


async def edit(bench: Bench, ref: str, card: str, kind: type[D]) -> D:
    page = await bench.show(VmSystem, ref)
    # The one before tells first and closes then.
    await bench.until(lambda: not any(d.isVisible() for d in bench.window.findChildren(kind)))
    button = page.edits[card]
    assert button.isVisible()
    button.click()
    return await bench.dialog(kind)


def vm(bench: Bench, ref: str) -> Any:
    return bench.db.get("VM", ref)


def of(bench: Bench, state: str, firmware: str = "uefi") -> str:
    found = in_state(bench, state)
    return next(r for r in found if vm(bench, r)["HVM_boot_params"]["firmware"] == firmware)


async def test_name_description_and_tags(bench: Bench) -> None:
    ref = of(bench, "Running")
    dialog = await edit(bench, ref, "general", VmGeneralDialog)
    dialog.name.clear()
    dialog.save.click()
    assert dialog.name_row.problem == "A VM needs a name."
    dialog.name.setText("front desk")
    dialog.description.setPlainText("the one that must not stop")
    dialog.tags.setText("clinic, windows")
    dialog.save.click()
    await bench.until(lambda: told(bench, "general saved."))
    record = vm(bench, ref)
    assert record["name_label"] == "front desk"
    assert record["name_description"] == "the one that must not stop"
    assert sorted(record["tags"]) == ["clinic", "windows"]


async def test_vcpus_topology_and_memory_of_a_halted_vm(bench: Bench) -> None:
    ref = of(bench, "Halted")
    dialog = await edit(bench, ref, "resources", VmResourcesDialog)
    dialog.vcpus.setValue(9)
    dialog.vcpus_max.setValue(8)
    dialog.save.click()
    assert dialog.vcpus_row.problem == "At most 8."
    dialog.vcpus.setValue(6)
    dialog.topology.set_current("4")
    assert dialog.topology.currentText().replace("\xa0", " ") == "2 sockets × 4 cores"
    for name, value in (("static_max", 8192), ("dynamic_max", 9000), ("dynamic_min", 4096)):
        dialog.memory[name].setValue(value)
    dialog.save.click()
    assert "static maximum" in dialog.memory_rows["dynamic_max"].problem
    dialog.memory["dynamic_max"].setValue(6144)
    dialog.save.click()
    await bench.until(lambda: told(bench, "resources saved."))
    record = vm(bench, ref)
    assert (record["VCPUs_at_startup"], record["VCPUs_max"]) == (6, 8)
    assert record["platform"]["cores-per-socket"] == "4"
    limits = [record[f"memory_{name}"] for name in ("dynamic_min", "dynamic_max", "static_max")]
    assert limits == [4096 * MIB, 6144 * MIB, 8192 * MIB]


async def test_fewer_vcpus_go_down_in_an_order_the_host_takes(bench: Bench) -> None:
    ref = of(bench, "Halted")
    bench.db.set("VM", ref, VCPUs_max=8, VCPUs_at_startup=8)
    dialog = await edit(bench, ref, "resources", VmResourcesDialog)
    dialog.vcpus.setValue(2)
    dialog.vcpus_max.setValue(3)
    hints = [label.text() for label in dialog.topology_row.findChildren(TextLabel)]
    assert "2 cores per socket do not go into 3." in hints
    dialog.save.click()
    await bench.until(lambda: told(bench, "resources saved."))
    assert (vm(bench, ref)["VCPUs_at_startup"], vm(bench, ref)["VCPUs_max"]) == (2, 3)
    assert "cores-per-socket" not in vm(bench, ref)["platform"]


async def test_a_running_vm_takes_only_some_and_says_why(bench: Bench) -> None:
    ref = of(bench, "Running")
    high = vm(bench, ref)["memory_static_max"]
    bench.db.set("VM", ref, memory_static_min=256 * MIB)
    dialog = await edit(bench, ref, "resources", VmResourcesDialog)
    for field in (dialog.vcpus_max, dialog.topology, dialog.memory["static_max"]):
        assert not field.isEnabled()
        assert "The VM is running; shut it down" in field.toolTip()
    dialog.memory["dynamic_min"].setValue(100)
    dialog.save.click()
    assert "static minimum" in dialog.memory_rows["dynamic_min"].problem
    dialog.memory["dynamic_min"].setValue(high // MIB // 2)
    dialog.save.click()
    await bench.until(lambda: told(bench, "resources saved."))
    assert vm(bench, ref)["memory_dynamic_min"] == high // MIB // 2 * MIB
    assert vm(bench, ref)["memory_static_max"] == high
    assert "VM.set_memory_dynamic_range" in bench.calls()


async def test_order_firmware_and_secure_boot(bench: Bench) -> None:
    ref = of(bench, "Halted")
    dialog = await edit(bench, ref, "boot", VmBootDialog)
    dialog.places[0].set_current("n")
    dialog.save.click()
    assert dialog.order_row.problem == "Each device can stand there once."
    dialog.places[1].set_current("c")
    dialog.places[2].set_current("")
    dialog.secure.set_current("auto")
    dialog.save.click()
    await bench.until(lambda: told(bench, "boot saved."))
    assert vm(bench, ref)["HVM_boot_params"]["order"] == "nc"
    assert vm(bench, ref)["HVM_boot_params"]["firmware"] == "uefi"
    assert vm(bench, ref)["platform"]["secureboot"] == "auto"
    dialog = await edit(bench, ref, "boot", VmBootDialog)
    dialog.firmware.set_current("bios")
    assert not dialog.secure.isEnabled()
    dialog.save.click()
    await bench.until(lambda: vm(bench, ref)["HVM_boot_params"].get("firmware") == "bios")


async def test_a_virtual_tpm_comes_and_goes_and_going_is_asked_about(bench: Bench) -> None:
    ref = of(bench, "Halted")
    for chip in vm(bench, ref)["VTPMs"]:
        bench.db.destroy("VTPM", chip)
    dialog = await edit(bench, ref, "boot", VmBootDialog)
    dialog.vtpm.click()
    dialog.save.click()
    await bench.until(lambda: vm(bench, ref)["VTPMs"])
    dialog = await edit(bench, ref, "boot", VmBootDialog)
    dialog.vtpm.click()
    dialog.save.click()
    question = await bench.dialog(ConfirmDialog)
    assert "BitLocker" in question.question.text
    assert question.typed is not None
    question.typed.setText(question.question.type_this)
    question.go.click()
    await bench.until(lambda: not vm(bench, ref)["VTPMs"])


async def test_a_running_vm_keeps_its_firmware(bench: Bench) -> None:
    ref = of(bench, "Running")
    dialog = await edit(bench, ref, "boot", VmBootDialog)
    for field in (dialog.firmware, dialog.secure, dialog.vtpm):
        assert not field.isEnabled()
        assert "shut it down to change this" in field.toolTip()
    assert dialog.places[0].isEnabled()
    dialog.reject()


async def test_protection_starting_and_affinity(bench: Bench) -> None:
    ref = of(bench, "Running")
    (host,) = bench.db.refs("host")
    bench.db.set("VM", ref, blocked_operations={}, affinity="OpaqueRef:NULL")
    dialog = await edit(bench, ref, "management", VmManagementDialog)
    # The host notes it all the same: it is wanted before high availability is switched on.
    assert dialog.ha.isEnabled()
    assert "High availability is off in this pool" in dialog.ha_row._text.text()
    dialog.deletion.setChecked(True)
    dialog.shutdown.setChecked(True)
    was = dialog.auto.isChecked()
    dialog.auto.setChecked(not was)
    dialog.delay.setValue(45)
    dialog.affinity.set_current(host)
    dialog.save.click()
    await bench.until(lambda: told(bench, "management saved."))
    record = vm(bench, ref)
    assert set(record["blocked_operations"]) == {"destroy", *SHUTDOWN}
    assert (record["other_config"].get("auto_poweron") == "true") is not was
    assert record["start_delay"] == 45
    assert record["affinity"] == host
    dialog = await edit(bench, ref, "management", VmManagementDialog)
    dialog.shutdown.setChecked(False)
    dialog.save.click()
    await bench.until(lambda: set(vm(bench, ref)["blocked_operations"]) == {"destroy"})


async def test_ha_is_open_where_the_pool_has_it(bench: Bench) -> None:
    (pool,) = bench.db.refs("pool")
    bench.db.set("pool", pool, ha_enabled=True)
    ref = of(bench, "Running")
    dialog = await edit(bench, ref, "management", VmManagementDialog)
    dialog.ha.set_current("best-effort")
    dialog.save.click()
    await bench.until(lambda: vm(bench, ref)["ha_restart_priority"] == "best-effort")


async def test_virtual_hardware(bench: Bench) -> None:
    ref = of(bench, "Halted")
    dialog = await edit(bench, ref, "devices", VmDevicesDialog)
    dialog.nic.set_current("e1000")
    dialog.video.set_current("16")
    dialog.viridian.click()
    dialog.nested.click()
    dialog.save.click()
    await bench.until(lambda: told(bench, "virtual hardware saved."))
    platform = vm(bench, ref)["platform"]
    assert platform["nic_type"] == "e1000"
    assert platform["videoram"] == "16"
    assert platform["viridian"] == "false"
    assert "true" in (platform.get("nested-virt"), platform.get("exp-nested-hvm"))
    dialog = await edit(bench, ref, "devices", VmDevicesDialog)
    dialog.vga.set_current("cirrus")
    assert not dialog.video.isEnabled()
    dialog.save.click()
    await bench.until(lambda: vm(bench, ref)["platform"].get("vga") == "cirrus")


async def test_a_refusal_loses_nothing(bench: Bench) -> None:
    ref = of(bench, "Halted")
    dialog = await edit(bench, ref, "resources", VmResourcesDialog)
    dialog.vcpus_max.setValue(12)
    # Somebody starts it meanwhile.
    bench.db.set("VM", ref, power_state="Running")
    bench.running.host.recompute("VM", ref)
    dialog.save.click()
    await bench.until(lambda: dialog.refusal.text())
    assert dialog.isVisible()
    assert dialog.vcpus_max.value() == 12
    dialog.reject()
