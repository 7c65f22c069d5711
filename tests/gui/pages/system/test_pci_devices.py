"""PCI devices: what dom0 has, what is hidden from it, and what a VM is given."""

from __future__ import annotations

from typing import Any

from tests.gui.pages.conftest import Bench
from tests.gui.pages.system.kit import dialog
from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.host_edit.pci_devices import PciDevicesDialog
from xolite_qt.ui.models import pci_devices
from xolite_qt.ui.views.host.system import HostSystem

NIC, SAS, GPU = "0000:04:00.0", "0000:0a:00.0", "0000:c1:00.0"


def fill(bench: Bench) -> None:
    """A network card and a disk controller beside the graphics that are there."""
    host = bench.running.host.this_host
    for address, kind, name in (
        (NIC, ("0200", "Ethernet controller"), "I350"),
        (SAS, ("0107", "SAS controller"), "SAS3408"),
    ):
        bench.db.create(
            "PCI",
            host=host,
            pci_id=address,
            class_id=kind[0],
            class_name=kind[1],
            vendor_name="Maker",
            device_name=name,
        )


def a_vm(bench: Bench, state: str) -> str:
    found: str = next(
        ref
        for ref, vm in bench.db.records("VM").items()
        if vm["power_state"] == state
        and not vm["is_a_template"]
        and not vm["is_a_snapshot"]
        and not vm["is_control_domain"]
    )
    return found


async def open_page(bench: Bench) -> HostSystem:
    page = await bench.show(HostSystem, bench.running.host.this_host)
    model = page.devices.model
    await bench.until(lambda: model.rows() and all(row.access for row in model.rows()))
    return page


def texts(page: HostSystem) -> dict[str, tuple[str, ...]]:
    model = page.devices.model
    return {row[2]: row for row in (model.texts(at) for at in range(model.rowCount()))}


def select(page: HostSystem, address: str) -> None:
    card = page.devices
    ref = next(row.ref for row in card.model.rows() if row.pci.pci_id == address)
    assert card.table.select_ref(ref)


def test_addresses_are_read_in_all_their_spellings() -> None:
    found = pci_devices._ADDRESS.findall("0/0000:04:01.0,1/0000:00:19.7, 0000:0A:00.1,junk")
    assert found == ["0000:04:01.0", "0000:00:19.7", "0000:0A:00.1"]


async def test_devices_are_listed_with_who_has_them(bench: Bench) -> None:
    fill(bench)
    vm = a_vm(bench, "Halted")
    bench.db.set("VM", vm, other_config={"pci": f"0/{NIC}"})
    page = await open_page(bench)
    shown = texts(page)
    assert set(shown) == {NIC, SAS, GPU}
    assert shown[NIC][0] == "Maker I350"
    assert shown[NIC][1] == "Ethernet controller"
    assert shown[NIC][3] == "dom0 has it"
    assert shown[NIC][4] == bench.db.get("VM", vm)["name_label"]


async def test_a_device_is_hidden_after_a_question_and_at_the_next_boot(bench: Bench) -> None:
    fill(bench)
    page = await open_page(bench)
    card = page.devices
    assert "Choose one device first." in card.hide_button.toolTip()
    select(page, NIC)
    assert "dom0 has it already" in card.unhide.toolTip()
    card.hide_button.click()
    asked = await dialog(bench, ConfirmDialog)
    assert "nobody reaches it afterwards" in asked.question.text
    assert asked.go.text() == "Hide from dom0"
    asked.go.click()
    await bench.until(lambda: texts(page)[NIC][3] == "hidden after the next boot")
    assert card._info.text().replace("\u00a0", " ") == "1 change waits for a reboot"
    assert "hidden already" in card.hide_button.toolTip()
    # The host boots.
    host = bench.running.host.this_host
    other = dict(bench.db.get("host", host)["other_config"])
    bench.db.set("host", host, other_config={**other, "boot_time": "1800000000."})
    page.hide()
    page = await open_page(bench)
    assert texts(page)[NIC][3] == "hidden from dom0"
    select(page, NIC)
    page.devices.unhide.click()
    await bench.until(lambda: texts(page)[NIC][3] == "dom0 has it after the next boot")


async def test_questions_say_what_a_device_may_mean(bench: Bench) -> None:
    fill(bench)
    page = await open_page(bench)
    for address, said in ((SAS, "it will not come back"), (GPU, "own screen stays dark")):
        select(page, address)
        page.devices.hide_button.click()
        asked = await dialog(bench, ConfirmDialog)
        assert said in asked.question.text
        asked.cancel.click()
        await bench.until(lambda: not bench.window.findChildren(ConfirmDialog))
    assert not bench.calls("PCI.disable")


async def test_a_refusal_is_told_and_changes_nothing(bench: Bench) -> None:
    fill(bench)
    page = await open_page(bench)
    select(page, NIC)
    bench.running.host.faults.fail("PCI.disable_dom0_access", "INTERNAL_ERROR", "grub")
    page.devices.hide_button.click()
    (await dialog(bench, ConfirmDialog)).go.click()
    await bench.until(lambda: any(text.startswith("danger") for text in bench.told))
    assert texts(page)[NIC][3] == "dom0 has it"


async def test_old_hosts_hide_graphics_in_the_old_way(bench: Bench) -> None:
    faults = bench.running.host.faults
    for method in ("PCI.get_dom0_access_status", "PCI.disable_dom0_access"):
        faults.fail(method, "MESSAGE_METHOD_UNKNOWN", method, count=9)
    page = await open_page(bench)
    assert texts(page)[GPU][3] == "dom0 has it"
    select(page, GPU)
    page.devices.hide_button.click()
    (await dialog(bench, ConfirmDialog)).go.click()
    await bench.until(lambda: texts(page)[GPU][3] == "hidden after the next boot")
    assert bench.calls("PGPU.disable_dom0_access")


async def test_what_a_vm_is_given_is_not_handed_back_to_dom0(bench: Bench) -> None:
    fill(bench)
    vm = a_vm(bench, "Halted")
    page = await open_page(bench)
    select(page, NIC)
    page.devices.hide_button.click()
    (await dialog(bench, ConfirmDialog)).go.click()
    await bench.until(lambda: "hidden" in texts(page)[NIC][3])
    bench.db.set("VM", vm, other_config={"pci": f"0/{NIC}"})
    await bench.until(lambda: "take it away there first" in page.devices.unhide.toolTip())


# ---------------------------------------------------------------------- of a VM


def choice(bench: Bench, ref: str) -> Choice:
    record = bench.stores.vm.records[ref]
    offered: list[Choice] = bench.context.actions.choices("vm", [record])
    return next(choice for choice in offered if choice.id == "vm.pci")


async def give(bench: Bench, ref: str) -> PciDevicesDialog:
    bench.context.actions.choose(choice(bench, ref))
    return await dialog(bench, PciDevicesDialog)


def held(bench: Bench, ref: str) -> Any:
    return bench.db.get("VM", ref)["other_config"].get("pci")


async def test_a_halted_vm_is_given_devices_and_loses_them(bench: Bench) -> None:
    fill(bench)
    await open_page(bench)
    vm = a_vm(bench, "Halted")
    form = await give(bench, vm)
    assert list(form.boxes) == [NIC, SAS, GPU]
    assert "dom0 has it" in form.boxes[NIC].accessibleDescription()
    form.boxes[NIC].click()
    form.boxes[GPU].click()
    form.save.click()
    await bench.until(lambda: held(bench, vm) == f"0/{NIC},0/{GPU}")
    await bench.until(lambda: not bench.window.findChildren(PciDevicesDialog))
    await bench.until(lambda: pci_devices.addresses(bench.stores.vm.records[vm]) == (NIC, GPU))
    form = await give(bench, vm)
    assert form.boxes[NIC].isChecked()
    form.boxes[NIC].click()
    form.boxes[GPU].click()
    form.save.click()
    await bench.until(lambda: held(bench, vm) is None)


async def test_an_address_that_the_host_does_not_have_stays_listed(bench: Bench) -> None:
    vm = a_vm(bench, "Halted")
    bench.db.set("VM", vm, other_config={"pci": "0/0000:99:00.0"})
    await open_page(bench)
    form = await give(bench, vm)
    assert form.boxes["0000:99:00.0"].isChecked()
    assert form.boxes["0000:99:00.0"].accessibleDescription() == "not on this host"
    form.save.click()
    await bench.until(lambda: not bench.window.findChildren(PciDevicesDialog))
    assert held(bench, vm) == "0/0000:99:00.0"
    assert not bench.calls("VM.add_to_other_config")


async def test_a_running_vm_says_why_not(bench: Bench) -> None:
    await open_page(bench)
    vm = a_vm(bench, "Running")
    offered = choice(bench, vm)
    assert offered.reason is not None
    assert offered.reason.endswith("is running: shut it down first.")
    two = list(bench.stores.vm.records.values())[:2]
    several = next(c for c in bench.context.actions.choices("vm", two) if c.id == "vm.pci")
    assert several.reason == "Choose one VM."


async def test_a_vm_that_runs_elsewhere_means_another_device(bench: Bench) -> None:
    fill(bench)
    vm = a_vm(bench, "Running")
    bench.db.set("VM", vm, other_config={"pci": f"0/{NIC}"})
    page = await open_page(bench)
    assert texts(page)[NIC][4] == bench.db.get("VM", vm)["name_label"]
    other = bench.db.create("host", name_label="other")
    bench.db.set("VM", vm, resident_on=other)
    await bench.until(lambda: texts(page)[NIC][4] == "\u2013")


async def test_graphics_name_the_vm_that_has_a_virtual_one(bench: Bench) -> None:
    vm = a_vm(bench, "Running")
    pgpu = next(iter(bench.db.refs("PGPU")))
    bench.db.create("VGPU", VM=vm, resident_on=pgpu)
    page = await open_page(bench)
    await bench.until(lambda: texts(page)[GPU][4] == bench.db.get("VM", vm)["name_label"])
