"""New networks: made on every host, checked at the field, and gone again where a step fails."""

from __future__ import annotations

from PySide6.QtGui import QAction

from tests.gui.pages.conftest import Bench
from tests.gui.pages.networks.kit import closed, network, open_networks, pick, pif_of, record, rows
from xolite_qt.ui.dialogs.calls import CallsDialog
from xolite_qt.ui.dialogs.network.new_network import INTERNAL, NewNetworkDialog
from xolite_qt.ui.views.pool.networks.page import NetworksPage


def entry(page: NetworksPage, ident: str) -> QAction:
    """An entry of the page's button for new ones."""
    menu = page.new.menu()
    assert menu is not None
    menu.aboutToShow.emit()
    return next(action for action in menu.actions() if action.objectName() == ident)


async def open_form(bench: Bench) -> tuple[NetworksPage, NewNetworkDialog]:
    page = await open_networks(bench)
    entry(page, "pool.new_network").trigger()
    return page, await bench.dialog(NewNetworkDialog)


async def test_a_vlan_network_with_nbd(bench: Bench) -> None:
    page, form = await open_form(bench)
    pick(form.interface, pif_of(bench, "eth1"))
    form.name.setText("Cameras")
    form.vlan.setText("40")
    form.mtu.setText("9000")
    form.description.setPlainText("Doors and corridors")
    form.purpose.setChecked(True)
    form.save.click()
    await closed(bench)
    await bench.until(lambda: "Cameras" in rows(page))
    made = await network(bench, "Cameras")
    assert made["name_description"] == "Doors and corridors"
    assert made["MTU"] == 9000
    assert made["purpose"] == ["nbd"]
    assert made["other_config"] == {"automatic": "false"}
    pif = record(bench, "PIF", made["PIFs"][0])
    assert (pif["device"], pif["VLAN"]) == ("eth1", 40)
    assert [call for call in bench.calls() if "create" in call or "purpose" in call] == [
        "network.create",
        "Async.pool.create_VLAN_from_PIF",
        "network.add_purpose",
    ]
    assert bench.went[-1] == ("pool", "", "network")
    await bench.until(lambda: page.panel.title.text() == "Cameras")
    assert rows(page)["Cameras"]["VLAN"] == "40"


async def test_an_internal_network(bench: Bench) -> None:
    page, form = await open_form(bench)
    pick(form.interface, INTERNAL)
    assert not form.vlan.isEnabled()
    assert not form.purpose.isEnabled()
    form.name.setText("Lab")
    form.save.click()
    await closed(bench)
    await bench.until(lambda: "Lab" in rows(page))
    assert rows(page)["Lab"]["Status"] == "Internal"
    assert (await network(bench, "Lab"))["PIFs"] == []


async def test_a_bad_vlan_is_said_at_its_field(bench: Bench) -> None:
    _page, form = await open_form(bench)
    pick(form.interface, pif_of(bench, "eth0"))
    form.name.setText("New")
    for vlan, why in (
        ("", "A VLAN needs its number."),
        ("4095", "0 to 4094"),
        ("x", "0 to 4094"),
        ("20", "carries VLAN 20 already: Practice LAN"),
    ):
        form.vlan.setText(vlan)
        form.save.click()
        assert why in form.vlan_row.problem
        assert form.isVisible()
    assert "network.create" not in bench.calls()
    form.vlan.setText("41")
    assert not form.vlan_row.problem
    form.reject()
    await closed(bench)


async def test_name_and_mtu_at_their_fields(bench: Bench) -> None:
    _page, form = await open_form(bench)
    form.vlan.setText("7")
    form.mtu.setText("0")
    form.save.click()
    assert form.name_row.problem == "A network needs a name."
    assert "MTU" in form.mtu_row.problem
    form.reject()
    await closed(bench)


async def test_nothing_stays_of_a_network_that_failed(bench: Bench) -> None:
    page, form = await open_form(bench)
    before = sorted(rows(page))
    vlans = len(bench.db.refs("VLAN"))
    form.name.setText("Cameras")
    form.vlan.setText("40")
    form.purpose.setChecked(True)
    # Somebody else is faster.
    bench.db.set("network", await bench.ref_of("network", "Storage"), purpose=["insecure_nbd"])
    form.save.click()
    await bench.until(lambda: form.refusal.text())
    assert "either encrypted or not" in form.refusal.text()
    assert form.name.text() == "Cameras"
    assert form.isVisible()
    assert len(bench.db.refs("VLAN")) == vlans
    await bench.until(lambda: sorted(rows(page)) == before)
    assert "network.destroy" in bench.calls()
    form.reject()
    await closed(bench)


async def test_the_calls_can_be_read_first(bench: Bench) -> None:
    bench.context.settings.show_calls_first = True
    _page, form = await open_form(bench)
    form.name.setText("Cameras")
    form.vlan.setText("40")
    form.save.click()
    calls = await bench.dialog(CallsDialog)
    calls.reject()
    await bench.until(lambda: form.save.isEnabled())
    assert "network.create" not in bench.calls()
    form.reject()
    await closed(bench)
