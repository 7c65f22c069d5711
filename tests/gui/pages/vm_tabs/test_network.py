"""A VM's network cards, from the buttons of its page."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from tests.gui.pages.conftest import Bench
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.devices.vif_dialog import VifDialog
from xolite_qt.ui.models.vif_columns import mac_trouble
from xolite_qt.ui.views.vm.network import VmNetwork


def with_cards(bench: Bench, state: str = "Running") -> str:
    for ref in bench.db.refs("VM"):
        vm = bench.db.get("VM", ref)
        real = not (vm["is_a_template"] or vm["is_control_domain"] or vm["is_a_snapshot"])
        guest = vm["guest_metrics"]
        tools = bench.db.exists("VM_guest_metrics", guest)
        if real and vm["power_state"] == state and vm["VIFs"] and (tools or state != "Running"):
            return str(ref)
    raise AssertionError(state)


def cards(bench: Bench, vm: str) -> list[dict[str, Any]]:
    return [bench.db.get("VIF", ref) for ref in bench.db.get("VM", vm)["VIFs"]]


async def test_only_this_vms_cards_with_their_networks_and_addresses(bench: Bench) -> None:
    vm = with_cards(bench)
    page = await bench.show(VmNetwork, vm)
    assert page.model.rowCount() == len(cards(bench, vm))
    row = dict(zip([c.id for c in page.model.columns], page.model.texts(0), strict=True))
    network = bench.db.get("network", cards(bench, vm)[0]["network"])
    assert row["network"] == network["name_label"]
    assert row["status"] == "Connected"
    bench.db.set("network", cards(bench, vm)[0]["network"], name_label="renamed net")
    at = page.model.column_at("network")
    await bench.until(lambda: page.model.texts(0)[at] == "renamed net")


async def test_a_card_is_disconnected_after_a_question_and_connected(bench: Bench) -> None:
    vm = with_cards(bench)
    ref = bench.db.get("VM", vm)["VIFs"][0]
    page = await bench.show(VmNetwork, vm)
    assert "Select a network card first." in page.buttons["vif.disconnect"].toolTip()
    page.table.select_ref(ref)
    await bench.until(lambda: page.buttons["vif.disconnect"].isEnabled())
    assert "connected already" in page.buttons["vif.connect"].toolTip()
    page.buttons["vif.disconnect"].click()
    dialog = await bench.dialog(ConfirmDialog)
    dialog.go.click()
    await bench.until(lambda: not bench.db.get("VIF", ref)["currently_attached"])
    await bench.until(lambda: page.buttons["vif.connect"].isEnabled())
    assert page.table.selected_refs() == [ref]
    page.buttons["vif.connect"].click()
    await bench.until(lambda: bench.db.get("VIF", ref)["currently_attached"])


async def test_a_card_is_added_with_an_address_of_ones_own(bench: Bench) -> None:
    vm = with_cards(bench)
    page = await bench.show(VmNetwork, vm)
    before = len(cards(bench, vm))
    page.buttons["vif.add"].click()
    dialog = await bench.dialog(VifDialog)
    dialog.mac.setText("03:16:3e:00:00:01")
    assert not dialog.go.isEnabled()
    dialog.mac.setText(cards(bench, vm)[0]["MAC"])
    assert "Another card" in dialog.go.toolTip()
    dialog.mac.setText("02:16:3e:00:00:01")
    dialog.limited.click()
    dialog.limit.setValue(2048)
    dialog.locking.set_current("locked")
    dialog.go.click()
    await bench.until(lambda: len(cards(bench, vm)) == before + 1)
    made = next(card for card in cards(bench, vm) if card["MAC"] == "02:16:3e:00:00:01")
    assert made["qos_algorithm_params"] == {"kbps": "2048"}
    assert made["locking_mode"] == "locked"
    await bench.until(lambda: "Async.VIF.plug" in bench.calls())


async def test_a_card_moves_to_another_network(bench: Bench) -> None:
    vm = with_cards(bench)
    ref = bench.db.get("VM", vm)["VIFs"][0]
    page = await bench.show(VmNetwork, vm)
    page.table.select_ref(ref)
    await bench.until(lambda: page.buttons["vif.edit"].isEnabled())
    page.buttons["vif.edit"].click()
    dialog = await bench.dialog(VifDialog)
    assert not dialog.mac.isEnabled()
    now = dialog.network.current()
    other = next(
        str(dialog.network.itemData(at))
        for at in range(dialog.network.count())
        if dialog.network.itemData(at) != now
    )
    dialog.network.set_current(other)
    dialog.go.click()
    await bench.until(lambda: bench.db.get("VIF", ref)["network"] == other)
    assert "VIF.set_locking_mode" not in bench.calls()


async def test_a_card_is_removed_and_reasons_are_told_for_halted_vms(bench: Bench) -> None:
    vm = with_cards(bench, "Halted")
    ref = bench.db.get("VM", vm)["VIFs"][0]
    page = await bench.show(VmNetwork, vm)
    page.table.select_ref(ref)
    await bench.until(lambda: page.buttons["vif.remove"].isEnabled())
    assert "does not run" in page.buttons["vif.connect"].toolTip()
    page.buttons["vif.remove"].click()
    dialog = await bench.dialog(ConfirmDialog)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert bench.db.exists("VIF", ref)
    page.buttons["vif.remove"].click()
    dialog = await bench.dialog(ConfirmDialog)
    dialog.go.click()
    await bench.until(lambda: not bench.db.exists("VIF", ref))
    await bench.until(lambda: ref not in page.table.selected_refs())


async def test_details_stand_beside_and_are_copied_as_json(bench: Bench) -> None:
    vm = with_cards(bench)
    ref = bench.db.get("VM", vm)["VIFs"][0]
    page = await bench.show(VmNetwork, vm)
    page.table.select_ref(ref)
    await bench.until(page.details.isEnabled)
    page.details.click()
    content: Any = page.panel.content()
    assert content.values.value("MAC") == bench.db.get("VIF", ref)["MAC"]
    page.copy_json.click()
    assert bench.db.get("VIF", ref)["uuid"] in QGuiApplication.clipboard().text()
    page.details.click()
    assert not page.panel.is_open


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("", True),
        ("02:00:00:00:00:0a", True),
        ("02:00:00:00:00", False),
        ("01:00:00:00:00:0a", False),
    ],
)
def test_what_is_a_mac(text: str, good: bool) -> None:
    assert (mac_trouble(text) == "") is good
