"""The Network tab of a host: interfaces, their addresses, and the guard of the management link."""

from __future__ import annotations

from functools import partial

import pytest

from tests.gui.pages.conftest import Bench
from tests.gui.pages.networks.kit import closed, pick, pif_of, record, rows
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.network.ip import IpDialog
from xolite_qt.ui.models.pif_ip import check_static, read_dns, read_netmask
from xolite_qt.ui.models.pif_rules import Link
from xolite_qt.ui.views.host.network import HostNetwork

MANAGEMENT, STORAGE = "eth0", "eth1"


async def open_page(bench: Bench, device: str = "", host: str = "") -> HostNetwork:
    page = await bench.show(HostNetwork, host or bench.running.host.this_host)
    if device:
        page.table.select_ref(pif_of(bench, device, host=host))
        await bench.until(lambda: page.chosen())
    return page


def connect_over(bench: Bench, device: str) -> None:
    """Let an interface have the address that the connection goes to."""
    bench.db.set("PIF", pif_of(bench, device), IP=bench.api.address[0])


def entry_reason(page: HostNetwork, ident: str) -> str:
    """Why a choice can't be taken."""
    return next(one for one in page.choices() if one.id == ident).reason or ""


def says(page: HostNetwork, ident: str, why: str) -> bool:
    return why in entry_reason(page, ident)


async def open_form(bench: Bench, page: HostNetwork) -> IpDialog:
    page.buttons["pif.ip"].click()
    return await bench.dialog(IpDialog)


async def test_interfaces_with_their_links(bench: Bench) -> None:
    page = await open_page(bench)
    shown = rows(page)
    assert set(shown) >= {"Management", "Storage", "Practice LAN", "Guest Wi-Fi"}
    assert shown["Management"]["Device"] == "eth0"
    assert shown["Management"]["IP addresses"] == "192.168.10.5"
    assert shown["Management"]["Mode"] == "Static"
    assert shown["Management"]["Speed"] == "10 Gbit/s"
    assert shown["Practice LAN"]["VLAN"] == "20"
    assert shown["Practice LAN"]["Mode"] == "None"
    page.search.setText("management")
    await bench.until(lambda: len(rows(page)) == 1)


async def test_details_and_json_of_an_interface(bench: Bench) -> None:
    page = await open_page(bench, MANAGEMENT)
    page.details.click()
    await bench.until(lambda: page.panel.is_open)
    assert page.panel.title.text() == "eth0"
    facts = {fact.label: fact.text for fact in page.facts(page.chosen()[0])}
    assert facts["Role"] == "Management"
    assert facts["Gateway"] == "192.168.10.1"
    assert facts["Disconnecting"] == "Forbidden"
    assert "X710" in facts["Card"]
    page.copy_json.click()
    assert "Copied as JSON." in bench.told[-1]


async def test_scan_finds_a_card_that_was_forgotten(bench: Bench) -> None:
    page = await open_page(bench, "eth2")
    before = len(rows(page))
    page.context.actions.choose(next(one for one in page.choices() if one.id == "pif.forget"))
    question = await bench.dialog(ConfirmDialog)
    assert "Scan interfaces finds it again" in question.question.text
    question.go.click()
    await bench.until(lambda: len(rows(page)) == before - 1)
    page.buttons["pif.scan"].click()
    await bench.until(lambda: len(rows(page)) == before)
    assert "Async.PIF.scan" in bench.calls()


async def test_what_is_refused_says_why(bench: Bench) -> None:
    page = await open_page(bench)
    for device, ident, why in (
        ("eth0", "pif.unplug", "The host is managed over it."),
        ("eth0", "pif.management", "managed over it already"),
        ("eth0", "pif.forget", "The host is managed over it."),
        ("eth0", "pif.plug", "connected already"),
        ("eth2", "pif.management", "has no IP address"),
        ("eth2", "pif.unplug", "is not connected"),
    ):
        page.table.select_ref(pif_of(bench, device))
        await bench.until(partial(says, page, ident, why))
        button = page.buttons.get(ident)
        assert button is None or (not button.isEnabled() and why in button.toolTip())


async def test_nothing_selected_is_a_reason_too(bench: Bench) -> None:
    page = await open_page(bench)
    assert entry_reason(page, "pif.ip") == "Select an interface first."
    assert page.buttons["pif.scan"].isEnabled()


async def test_disconnected_and_connected_again(bench: Bench) -> None:
    ref = pif_of(bench, STORAGE)
    page = await open_page(bench, STORAGE)
    page.buttons["pif.unplug"].click()
    question = await bench.dialog(ConfirmDialog)
    assert "10.20.0.5 lose their way" in question.question.text
    question.go.click()
    await bench.until(lambda: rows(page)["Storage"]["Status"] == "Disconnected")
    assert not record(bench, "PIF", ref)["currently_attached"]
    await bench.until(page.buttons["pif.plug"].isEnabled)
    page.buttons["pif.plug"].click()
    await bench.until(lambda: rows(page)["Storage"]["Status"] == "Connected")


async def test_an_interface_that_vms_use_stays(bench: Bench) -> None:
    page = await open_page(bench)
    page.table.select_ref(pif_of(bench, "eth0", 20))
    await bench.until(page.buttons["pif.unplug"].isEnabled)
    page.buttons["pif.unplug"].click()
    (await bench.dialog(ConfirmDialog)).go.click()
    await bench.until(lambda: any("virtual interfaces are in use" in line for line in bench.told))
    assert record(bench, "PIF", pif_of(bench, "eth0", 20))["currently_attached"]


async def test_disallow_unplug_is_a_reason(bench: Bench) -> None:
    bench.db.set("PIF", pif_of(bench, STORAGE), disallow_unplug=True)
    page = await open_page(bench, STORAGE)
    assert "disallow_unplug" in entry_reason(page, "pif.unplug")


# IP configuration


async def test_a_static_address_without_the_guard(bench: Bench) -> None:
    page = await open_page(bench, STORAGE)
    form = await open_form(bench, page)
    assert form.link is Link.NONE
    assert form.warning.isHidden()
    form.address.setText("10.20.0.77")
    form.netmask.setText("/16")
    form.gateway.setText("10.20.9.9")
    form.dns.setText("10.20.0.1 9.9.9.9")
    form.save.click()
    await closed(bench)
    await bench.until(lambda: rows(page)["Storage"]["IP addresses"] == "10.20.0.77")
    pif = record(bench, "PIF", pif_of(bench, STORAGE))
    assert (pif["netmask"], pif["gateway"]) == ("255.255.0.0", "10.20.9.9")
    assert pif["DNS"] == "10.20.0.1,9.9.9.9"


async def test_dhcp_and_none(bench: Bench) -> None:
    page = await open_page(bench, STORAGE)

    def shows(mode: str) -> bool:
        return rows(page)["Storage"]["Mode"] == mode

    for mode in ("DHCP", "None"):
        form = await open_form(bench, page)
        pick(form.mode, mode)
        assert not form.address.isVisible()
        form.save.click()
        await closed(bench)
        await bench.until(partial(shows, mode))
    assert record(bench, "PIF", pif_of(bench, STORAGE))["IP"] == ""


async def test_bad_addresses_are_said_at_their_fields(bench: Bench) -> None:
    page = await open_page(bench, STORAGE)
    form = await open_form(bench, page)
    form.address.setText("192.168.10.5")
    form.netmask.setText("255.0.255.0")
    form.gateway.setText("192.168.11.1")
    form.dns.setText("ns1")
    form.save.click()
    said = {name: row.problem for name, row in form.rows.items()}
    assert said["address"] == "eth0 of brightwater-1 has this address already."
    assert "netmask" in said["netmask"]
    assert "IP addresses with commas" in said["dns"]
    form.netmask.setText("24")
    form.save.click()
    assert "not in the network 192.168.10.0/24" in form.rows["gateway"].problem
    assert "Async.PIF.reconfigure_ip" not in bench.calls()
    form.reject()
    await closed(bench)


def test_static_addresses_are_checked() -> None:
    for values, field, why in (
        (("10.0.0.0", "/24", "", ""), "address", "address of the network"),
        (("10.0.0.255", "/24", "", ""), "address", "broadcast"),
        (("10.0.0", "/24", "", ""), "address", "four numbers"),
        (("224.0.0.1", "/24", "", ""), "address", "No host can have"),
        (("127.0.0.5", "/8", "", ""), "address", "No host can have"),
        (("10.0.0.5", "/33", "", ""), "netmask", "netmask"),
        (("10.0.0.5", "0.0.0.255", "", ""), "netmask", "netmask"),
        (("10.0.0.5", "/24", "10.0.0.5", ""), "gateway", "another machine"),
        (("10.0.0.5", "/24", "10.0.0.255", ""), "gateway", "no address of a machine"),
        (("10.0.0.5", "/24", "x", ""), "gateway", "IPv4 address"),
    ):
        assert why in check_static(*values)[field], values


def test_good_static_addresses() -> None:
    assert check_static("10.0.0.5", "255.255.255.0", "10.0.0.1", "10.0.0.1, fd00::1") == {}
    assert check_static("10.0.0.0", "/31", "10.0.0.1", "") == {}
    assert read_netmask(" 20 ") == "255.255.240.0"
    assert read_dns(" 1.1.1.1;") is None
    assert read_dns("") == ""


# The management link


async def test_the_management_link_wants_its_new_address_typed(bench: Bench) -> None:
    went: list[str] = []
    bench.context.services["follow_host"] = went.append
    connect_over(bench, MANAGEMENT)
    page = await open_page(bench, MANAGEMENT)
    form = await open_form(bench, page)
    assert form.link is Link.OURS
    assert "The connection to this pool goes over this interface" in form.warning.text()
    form.address.setText("192.168.10.99")
    form.save.click()
    question = await bench.dialog(ConfirmDialog)
    assert "is made anew at the new address" in question.question.text
    assert "xsconsole" in question.question.text
    assert question.typed is not None
    question.typed.setText("192.168.10.98")
    assert not question.go.isEnabled()
    question.typed.setText("192.168.10.99")
    question.go.click()
    await closed(bench)
    assert record(bench, "PIF", pif_of(bench, MANAGEMENT))["IP"] == "192.168.10.99"
    await bench.until(lambda: went == ["192.168.10.99"])
    assert "PIF.reconfigure_ip" in bench.calls()


async def test_the_guard_may_be_left_without_a_change(bench: Bench) -> None:
    page = await open_page(bench, MANAGEMENT)
    form = await open_form(bench, page)
    assert form.link is Link.BEHIND
    form.address.setText("192.168.10.99")
    form.save.click()
    question = await bench.dialog(ConfirmDialog)
    assert "something stands between" in question.question.text
    question.cancel.click()
    await bench.until(lambda: form.save.isEnabled())
    form.reject()
    await closed(bench)
    assert record(bench, "PIF", pif_of(bench, MANAGEMENT))["IP"] == "192.168.10.5"


async def test_the_management_link_does_not_lose_its_address(bench: Bench) -> None:
    page = await open_page(bench, MANAGEMENT)
    form = await open_form(bench, page)
    pick(form.mode, "None")
    form.save.click()
    assert "nobody would reach it" in form.mode_row.problem
    form.reject()
    await closed(bench)


async def test_dhcp_on_our_own_link_says_where_the_address_stands(bench: Bench) -> None:
    connect_over(bench, MANAGEMENT)
    page = await open_page(bench, MANAGEMENT)
    form = await open_form(bench, page)
    pick(form.mode, "DHCP")
    form.save.click()
    question = await bench.dialog(ConfirmDialog)
    assert question.typed is not None
    question.typed.setText("DHCP")
    question.go.click()
    await closed(bench)
    await bench.until(lambda: any("the host's own screen" in line for line in bench.told))


async def test_management_moves_to_another_interface(bench: Bench) -> None:
    went: list[str] = []
    bench.context.services["follow_host"] = went.append
    connect_over(bench, MANAGEMENT)
    page = await open_page(bench, STORAGE)
    page.buttons["pif.management"].click()
    question = await bench.dialog(ConfirmDialog)
    assert "answers at 10.20.0.5" in question.question.text
    assert question.typed is not None
    question.typed.setText("10.20.0.5")
    question.go.click()
    await bench.until(lambda: record(bench, "PIF", pif_of(bench, STORAGE))["management"])
    assert not record(bench, "PIF", pif_of(bench, MANAGEMENT))["management"]
    await bench.until(lambda: went == ["10.20.0.5"])


@pytest.mark.parametrize("bench", [{"world": "xostor3"}], indirect=True)
async def test_another_hosts_link_leaves_this_connection(bench: Bench) -> None:
    host = next(ref for ref in bench.db.refs("host") if ref != bench.running.host.this_host)
    page = await open_page(bench, "eth0", host)
    form = await open_form(bench, page)
    assert form.link is Link.OTHER
    form.address.setText("10.40.0.77")
    form.save.click()
    question = await bench.dialog(ConfirmDialog)
    assert "goes to the pool's master and stays" in question.question.text
    assert question.typed is not None
    question.typed.setText("10.40.0.77")
    question.go.click()
    await closed(bench)
    assert bench.db.get("host", host)["address"] == "10.40.0.77"
    assert bench.told[-1].startswith("success")
