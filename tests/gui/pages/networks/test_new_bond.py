"""Bonds: of the same interfaces on every host, with a word about the management link first."""

from __future__ import annotations

import pytest

from tests.gui.pages.conftest import Bench
from tests.gui.pages.networks.kit import closed, network, open_networks, pick, pif_of, record, rows
from tests.gui.pages.networks.test_new_network import entry
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.network.new_bond import NewBondDialog
from xolite_qt.ui.views.pool.networks.page import NetworksPage

THREE = pytest.mark.parametrize("bench", [{"world": "xostor3"}], indirect=True)


async def open_form(bench: Bench) -> tuple[NetworksPage, NewBondDialog]:
    page = await open_networks(bench)
    entry(page, "pool.new_bond").trigger()
    return page, await bench.dialog(NewBondDialog)


def clear_addresses(bench: Bench, device: str) -> None:
    """Take the IP configuration from an interface of every host."""
    for ref in bench.db.refs("PIF"):
        if bench.db.get("PIF", ref)["device"] == device:
            bench.db.set("PIF", ref, ip_configuration_mode="None", IP="", netmask="", gateway="")


async def test_a_bond_without_the_management_link(bench: Bench) -> None:
    page, form = await open_form(bench)
    form.boxes["eth1"].setChecked(True)
    form.save.click()
    assert form.interfaces_row.problem == "A bond takes at least two interfaces."
    form.boxes["eth2"].setChecked(True)
    assert form.warning.isHidden()
    pick(form.mode, "active-backup")
    form.name.setText("Storage bond")
    form.save.click()
    await closed(bench)
    await bench.until(lambda: "Storage bond" in rows(page))
    made = await network(bench, "Storage bond")
    pif = record(bench, "PIF", made["PIFs"][0])
    bond = record(bench, "Bond", pif["bond_master_of"][0])
    assert bond["mode"] == "active-backup"
    assert set(bond["slaves"]) == {pif_of(bench, "eth1"), pif_of(bench, "eth2")}
    assert pif["IP"] == "10.20.0.5"
    await bench.until(lambda: rows(page)["Storage bond"]["Device"] == "bond0 (eth1 + eth2)")
    # One of the two has no cable.
    assert rows(page)["Storage bond"]["Status"] == "Disconnected"


@THREE
async def test_the_management_link_on_three_hosts(bench: Bench) -> None:
    clear_addresses(bench, "eth1")
    page, form = await open_form(bench)
    form.name.setText("All")
    form.boxes["eth0"].setChecked(True)
    form.boxes["eth1"].setChecked(True)
    assert "The management interface is among them" in form.warning.text()
    assert "the address, so it stays the same" in form.warning.text()
    form.save.click()
    question = await bench.dialog(ConfirmDialog)
    assert question.go.text() == "Create bond"
    assert len(question.question.objects) == 3
    question.go.click()
    await closed(bench)
    await bench.until(lambda: "All" in rows(page))
    made = await network(bench, "All")
    pifs = [record(bench, "PIF", ref) for ref in made["PIFs"]]
    assert len(pifs) == 3
    assert all(pif["management"] and pif["IP"] for pif in pifs)
    # The connection leads to the master: its turn comes last.
    assert pifs[-1]["host"] == bench.running.host.this_host


async def test_the_question_may_be_answered_no(bench: Bench) -> None:
    clear_addresses(bench, "eth1")
    _page, form = await open_form(bench)
    form.name.setText("All")
    form.boxes["eth0"].setChecked(True)
    form.boxes["eth1"].setChecked(True)
    form.save.click()
    question = await bench.dialog(ConfirmDialog)
    question.cancel.click()
    await bench.until(lambda: form.save.isEnabled())
    assert form.isVisible()
    assert "network.create" not in bench.calls()
    form.reject()
    await closed(bench)


async def test_two_addresses_do_not_fit_into_one_bond(bench: Bench) -> None:
    _page, form = await open_form(bench)
    form.name.setText("All")
    form.boxes["eth0"].setChecked(True)
    form.boxes["eth1"].setChecked(True)
    form.save.click()
    assert "eth0 and eth1 of brightwater-1 have an IP configuration each" in (
        form.interfaces_row.problem
    )
    form.reject()
    await closed(bench)


async def test_high_availability_keeps_the_management_link(bench: Bench) -> None:
    pool = next(iter(bench.db.refs("pool")))
    bench.db.set("pool", pool, ha_enabled=True)
    clear_addresses(bench, "eth1")
    _page, form = await open_form(bench)
    form.boxes["eth0"].setChecked(True)
    form.boxes["eth1"].setChecked(True)
    form.save.click()
    assert "High availability is on" in form.interfaces_row.problem
    form.reject()
    await closed(bench)


async def test_members_of_a_bond_are_greyed_with_the_reason(bench: Bench) -> None:
    members = [pif_of(bench, "eth1"), pif_of(bench, "eth2")]
    fields = {"name_label": "B", "MTU": 1500, "other_config": {}}
    made = await bench.api.call("network.create", fields)
    await bench.api.call("Bond.create", made, members, "", "lacp", {})
    _page, form = await open_form(bench)
    assert not form.boxes["eth1"].isEnabled()
    assert "is part of a bond already" in form.boxes["eth1"].accessibleDescription()
    form.reject()
    await closed(bench)


@THREE
async def test_nothing_stays_where_one_host_fails(bench: Bench) -> None:
    clear_addresses(bench, "eth1")
    page, form = await open_form(bench)
    form.name.setText("All")
    form.boxes["eth0"].setChecked(True)
    form.boxes["eth1"].setChecked(True)
    bench.running.host.faults.fail("network.add_purpose", "INTERNAL_ERROR", "no")
    form.purpose.setChecked(True)
    form.save.click()
    question = await bench.dialog(ConfirmDialog)
    question.go.click()
    await bench.until(lambda: form.refusal.text())
    assert bench.db.refs("Bond") == []
    await bench.until(lambda: "All" not in rows(page))
    assert all(
        bench.db.get("PIF", ref)["management"] == (bench.db.get("PIF", ref)["device"] == "eth0")
        for ref in bench.db.refs("PIF")
    )
    form.reject()
    await closed(bench)


async def test_a_bond_is_deleted_and_its_address_goes_back(bench: Bench) -> None:
    members = [pif_of(bench, "eth1"), pif_of(bench, "eth2")]
    fields = {"name_label": "Bonded", "MTU": 1500, "other_config": {}}
    made = await bench.api.call("network.create", fields)
    await bench.api.call("Bond.create", made, members, "", "lacp", {})
    page = await open_networks(bench, "Bonded")
    button = page.panel.buttons["network.delete"]
    await bench.until(lambda: button.text() == "Delete bond…" and button.isEnabled())
    button.click()
    question = await bench.dialog(ConfirmDialog)
    assert "work alone again" in question.question.text
    assert any("bond0 (eth1 + eth2)" in line for line in question.question.consequences)
    assert question.typed is not None
    question.typed.setText("Bonded")
    question.go.click()
    await bench.until(lambda: "Bonded" not in rows(page))
    assert bench.db.refs("Bond") == []
    assert record(bench, "PIF", members[0])["IP"] == "10.20.0.5"


async def test_a_bond_with_the_management_link_says_that_it_moves_along(bench: Bench) -> None:
    clear_addresses(bench, "eth1")
    members = [pif_of(bench, "eth0"), pif_of(bench, "eth1")]
    fields = {"name_label": "Bonded", "MTU": 1500, "other_config": {}}
    made = await bench.api.call("network.create", fields)
    await bench.api.call("Bond.create", made, members, "", "lacp", {})
    for vif in record(bench, "network", made)["VIFs"]:
        bench.db.set("VIF", vif, currently_attached=False)
    page = await open_networks(bench, "Bonded")
    button = page.panel.buttons["network.delete"]
    await bench.until(button.isEnabled)
    button.click()
    question = await bench.dialog(ConfirmDialog)
    assert "The management link of brightwater-1 moves along" in question.question.text
    assert question.typed is not None
    question.typed.setText("Bonded")
    question.go.click()
    await bench.until(lambda: "Bonded" not in rows(page))
    back = record(bench, "PIF", members[0])
    assert (back["management"], back["IP"]) == (True, "192.168.10.5")
