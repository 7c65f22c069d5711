"""The Network tab of the pool: what it shows, and what is changed from it."""

from __future__ import annotations

import csv
import io
import json
from functools import partial

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from tests.gui.pages.conftest import Bench
from tests.gui.pages.networks.kit import closed, network, open_networks, pick, pif_of, record, rows
from xolite_qt.ui.dialogs.backups.nbd_dialog import NbdDialog
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.network.edit_network import EditNetworkDialog
from xolite_qt.ui.widgets import TextLabel


def labels(widget: QWidget) -> list[TextLabel]:
    return widget.findChildren(TextLabel)


SPARE = "Pool-wide network associated with eth2"


async def test_networks_say_what_they_are(bench: Bench) -> None:
    page = await open_networks(bench)
    shown = rows(page)
    assert shown["Management"]["Status"] == "Connected"
    assert shown["Management"]["Device"] == "eth0"
    assert shown["Practice LAN"]["VLAN"] == "20"
    assert shown["Storage"]["MTU"] == "9000"
    assert shown["Imaging (internal)"]["Status"] == "Internal"
    assert shown[SPARE]["Status"] == "Disconnected"
    assert shown["Practice LAN"]["Locking mode"] == "Unlocked"
    lan = await network(bench, "Practice LAN")
    assert int(shown["Practice LAN"]["VIFs"]) == len(lan["VIFs"]) > 0


async def test_internal_networks_by_themselves(bench: Bench) -> None:
    page = await open_networks(bench)
    pick(page.kinds, "internal")
    assert set(rows(page)) == {"Imaging (internal)"}
    pick(page.kinds, "external")
    assert "Imaging (internal)" not in rows(page)
    pick(page.kinds, "")
    page.search.setText("guest wi-fi")
    await bench.until(lambda: list(rows(page)) == ["Guest Wi-Fi"])


async def test_the_panel_shows_interfaces_and_vms(bench: Bench) -> None:
    page = await open_networks(bench, "Management")
    panel = page.panel
    assert panel.title.text() == "Management"
    assert panel.general.facts.value("Status") == "Connected"
    said = [w.accessibleName() for w in panel.links.findChildren(type(panel.title))]
    assert "Device: eth0" in said
    assert "IP address: 192.168.10.5" in said
    page.select(await bench.ref_of("network", "Practice LAN"))
    lan = await network(bench, "Practice LAN")
    names = {
        bench.db.get("VM", record(bench, "VIF", vif)["VM"])["name_label"] for vif in lan["VIFs"]
    }
    shown = {label.text() for label in panel.guests.findChildren(type(panel.title))}
    assert names & shown


async def test_copied_as_json_and_exported_as_csv(bench: Bench) -> None:
    page = await open_networks(bench, "Practice LAN")
    page.panel.copy.click()
    told = json.loads(QGuiApplication.clipboard().text())
    assert told["VLAN"] == [20]
    assert told["PIFs"][0]["device"] == "eth0"
    lines = list(csv.DictReader(io.StringIO(page.export("csv"))))
    assert {line["Name"] for line in lines} == set(rows(page))


async def test_everything_is_edited_in_one_form(bench: Bench) -> None:
    page = await open_networks(bench, "Storage")
    page.panel.buttons["network.edit"].click()
    form = await bench.dialog(EditNetworkDialog)
    form.name.setText(" ")
    form.mtu.setText("many")
    form.save.click()
    assert form.name_row.problem == "A network needs a name."
    assert form.mtu_row.problem == "The MTU is a whole number."
    form.name.setText("Storage A")
    form.description.setPlainText("To the new NAS")
    form.tags.setText("nas, fast")
    form.mtu.setText("9216")
    assert any("Most equipment takes" in label.text() for label in labels(form.mtu_row))
    form.mtu.setText("8900")
    pick(form.locking, "disabled")
    pick(form.purpose, "nbd")
    form.automatic.setChecked(True)
    form.save.click()
    await closed(bench)
    await bench.until(lambda: "Storage A" in rows(page))
    now = await network(bench, "Storage A")
    assert now["name_description"] == "To the new NAS"
    assert set(now["tags"]) == {"nas", "fast"}
    assert now["MTU"] == 8900
    assert now["default_locking_mode"] == "disabled"
    assert now["purpose"] == ["nbd"]
    assert now["other_config"]["automatic"] == "true"
    await bench.until(lambda: rows(page)["Storage A"]["NBD"] == "Encrypted")
    await bench.until(lambda: page.panel.title.text() == "Storage A")


async def test_nothing_changed_is_nothing_written(bench: Bench) -> None:
    page = await open_networks(bench, "Storage")
    page.panel.buttons["network.edit"].click()
    form = await bench.dialog(EditNetworkDialog)
    form.save.click()
    await closed(bench)
    assert not [call for call in bench.calls("network.") if ".get_" not in call]


async def test_the_locking_mode_of_a_busy_network_is_refused(bench: Bench) -> None:
    page = await open_networks(bench, "Practice LAN")
    page.panel.buttons["network.edit"].click()
    form = await bench.dialog(EditNetworkDialog)
    pick(form.locking, "disabled")
    form.save.click()
    await bench.until(lambda: form.refusal.text())
    assert "virtual interfaces" in form.refusal.text()
    assert form.isVisible()
    assert (await network(bench, "Practice LAN"))["default_locking_mode"] == "unlocked"
    form.reject()
    await closed(bench)


async def test_nbd_is_switched_by_a_button(bench: Bench) -> None:
    page = await open_networks(bench, "Management")
    button = page.panel.buttons["network.nbd"]
    assert button.text() == "Switch NBD on"
    button.click()
    await bench.until(lambda: rows(page)["Management"]["NBD"] == "Encrypted")
    await bench.until(lambda: page.panel.buttons["network.nbd"].text() == "Switch NBD off")
    button.click()
    await bench.until(lambda: rows(page)["Management"]["NBD"] == "Off")
    assert (await network(bench, "Management"))["purpose"] == []
    page.nbd.click()
    dialog = await bench.dialog(NbdDialog)
    dialog.accept()
    await closed(bench)


async def test_nbd_is_encrypted_or_not_in_the_whole_pool(bench: Bench) -> None:
    storage = await bench.ref_of("network", "Storage")
    bench.db.set("network", storage, purpose=["insecure_nbd"])
    page = await open_networks(bench, "Management")
    button = page.panel.buttons["network.nbd"]
    assert not button.isEnabled()
    assert "Storage: not encrypted" in button.toolTip()
    page.panel.buttons["network.edit"].click()
    form = await bench.dialog(EditNetworkDialog)
    pick(form.purpose, "nbd")
    form.save.click()
    assert "Storage is not encrypted" in form.purpose_row.problem
    form.reject()
    await closed(bench)


async def test_what_cannot_be_done_says_why(bench: Bench) -> None:
    for vif in (await network(bench, "Management"))["VIFs"]:
        bench.db.set("VIF", vif, currently_attached=False)
    page = await open_networks(bench)
    for name, ident, why in (
        ("Management", "network.delete", "Hosts are managed over it"),
        ("Practice LAN", "network.delete", "disconnect the network cards first"),
        ("Storage", "network.delete", "physical interface eth1"),
        ("Management", "network.management", "already"),
        ("Imaging (internal)", "network.management", "leads to no host"),
        (SPARE, "network.management", "eth2 of brightwater-1 has no IP address"),
        ("Imaging (internal)", "network.nbd", "no address on an internal network"),
    ):
        page.select(await bench.ref_of("network", name))
        button = page.panel.buttons[ident]
        await bench.until(partial(_says, button, why))
        assert not button.isEnabled()


def _says(button: QWidget, why: str) -> bool:
    return why in button.toolTip()


async def test_deleting_lists_what_goes_and_wants_the_name(bench: Bench) -> None:
    ref = await bench.ref_of("network", "Guest Wi-Fi")
    vifs = list(record(bench, "network", ref)["VIFs"])
    for vif in vifs:
        bench.db.set("VIF", vif, currently_attached=False)
    page = await open_networks(bench, "Guest Wi-Fi")
    await bench.until(lambda: page.panel.buttons["network.delete"].isEnabled())
    page.panel.buttons["network.delete"].click()
    dialog = await bench.dialog(ConfirmDialog)
    assert not dialog.go.isEnabled()
    assert any("VLAN 30 on eth0" in line for line in dialog.question.consequences)
    # The cards of VMs by name, those of templates and snapshots by number.
    assert "rocky-lab, network card 0" in dialog.question.consequences
    assert any(
        line.startswith(f"{len(vifs) - 1}\u00a0network cards of templates")
        for line in dialog.question.consequences
    )
    assert dialog.typed is not None
    dialog.typed.setText("Guest Wi-Fi")
    dialog.go.click()
    await bench.until(lambda: "Guest Wi-Fi" not in rows(page))
    assert not bench.db.exists("network", ref)
    assert not [vif for vif in vifs if bench.db.exists("VIF", vif)]
    await bench.until(lambda: not page.panel.is_open)
    assert any("Guest Wi-Fi: deleted" in line for line in bench.told)


async def test_a_hidden_page_wants_nothing(bench: Bench) -> None:
    page = await open_networks(bench)
    page.hide()
    await bench.until(lambda: not bench.stores.classes_in_use)


async def test_where_it_is_narrow_the_panel_takes_the_place_of_the_table(bench: Bench) -> None:
    page = await open_networks(bench)
    page.resize(760, 600)
    page.table.select_ref(await bench.ref_of("network", "Storage"))
    await bench.until(lambda: page.details.isEnabled())
    assert not page.panel.is_open
    page.details.click()
    assert page.panel.is_open
    assert page.card.isHidden()
    page.panel.close_panel()
    assert page.card.isVisible()
    page.resize(1100, 600)
    page.details.click()
    assert page.card.isVisible()
    assert page.panel.isVisible()


async def test_all_hosts_are_managed_over_another_network(bench: Bench) -> None:
    went: list[str] = []
    bench.context.services["follow_host"] = went.append
    management = pif_of(bench, "eth0")
    bench.db.set("PIF", management, IP=bench.api.address[0])
    page = await open_networks(bench, "Storage")
    page.panel.buttons["network.management"].click()
    question = await bench.dialog(ConfirmDialog)
    assert "brightwater-1: 10.20.0.5" in question.question.text
    assert question.typed is not None
    question.typed.setText("10.20.0.5")
    question.go.click()
    await bench.until(lambda: went == ["10.20.0.5"])
    assert record(bench, "PIF", pif_of(bench, "eth1"))["management"]
    assert not record(bench, "PIF", management)["management"]
    assert "pool.management_reconfigure" in bench.calls()
