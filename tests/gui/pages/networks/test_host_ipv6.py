"""IPv6 of a host's interfaces: the same form and the same guard as IPv4."""

from __future__ import annotations

from functools import partial

from tests.gui.pages.conftest import Bench
from tests.gui.pages.networks.kit import closed, pick, pif_of, record, rows
from tests.gui.pages.networks.test_host_network import (
    MANAGEMENT,
    STORAGE,
    connect_over,
    open_form,
    open_page,
)
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.models.pif_ip6 import check_static, read_address
from xolite_qt.ui.views.host.network import HostNetwork


async def test_a_static_ipv6_address_and_none_again(bench: Bench) -> None:
    page = await open_page(bench, STORAGE)
    form = await open_form(bench, page)
    assert not form.address6.isVisible()
    pick(form.mode6, "Static")
    assert form.address6.isVisible()
    form.address6.setText("2001:DB8::20")
    form.gateway6.setText("fe80::1")
    form.save.click()
    await closed(bench)
    pif = record(bench, "PIF", pif_of(bench, STORAGE))
    assert pif["IPv6"] == ["2001:db8::20/64"]
    assert pif["ipv6_gateway"] == "fe80::1"
    # Only what differs is called: IPv4 stays as it was.
    assert pif["IP"] == "10.20.0.5"
    assert [call for call in bench.calls() if "reconfigure_ip" in call] == [
        "Async.PIF.reconfigure_ipv6"
    ]
    await bench.until(lambda: rows(page)["Storage"]["Mode"] == "Static, IPv6 Static")
    assert rows(page)["Storage"]["IP addresses"] == "10.20.0.5, 2001:db8::20"
    form = await open_form(bench, page)
    assert form.address6.text() == "2001:db8::20/64"
    pick(form.mode6, "None")
    form.save.click()
    await closed(bench)
    assert record(bench, "PIF", pif_of(bench, STORAGE))["IPv6"] == []


def shows(page: HostNetwork, mode: str) -> bool:
    return f"IPv6 {mode}" in rows(page)["Storage"]["Mode"]


async def test_routers_and_servers_give_addresses(bench: Bench) -> None:
    page = await open_page(bench, STORAGE)
    for mode in ("Autoconf", "DHCP"):
        form = await open_form(bench, page)
        pick(form.mode6, mode)
        form.save.click()
        await closed(bench)
        pif = record(bench, "PIF", pif_of(bench, STORAGE))
        assert pif["ipv6_configuration_mode"] == mode
        assert pif["IPv6"][0].startswith("2001:db8:10::")
        await bench.until(partial(shows, page, mode))


async def test_bad_ipv6_addresses_are_said_at_their_fields(bench: Bench) -> None:
    bench.db.set("PIF", pif_of(bench, "eth2"), IPv6=["2001:db8::9/64"])
    page = await open_page(bench, STORAGE)
    form = await open_form(bench, page)
    pick(form.mode6, "Static")
    form.save.click()
    assert "such as 2001:db8::20/64" in form.rows6["address6"].problem
    form.address6.setText("2001:db8::9/64")
    form.gateway6.setText("2001:db9::1")
    form.dns.setText("ns1")
    form.save.click()
    assert form.rows6["address6"].problem == "eth2 of brightwater-1 has this address already."
    assert "not in the network 2001:db8::/64" in form.rows6["gateway6"].problem
    assert "IP addresses with commas" in form.rows["dns"].problem
    assert not any("reconfigure_ipv6" in call for call in bench.calls())
    form.reject()
    await closed(bench)


def test_static_ipv6_addresses_are_checked() -> None:
    for values, field, why in (
        (("::1", ""), "address6", "No host can have"),
        (("ff02::1/64", ""), "address6", "No host can have"),
        (("fe80::5/64", ""), "address6", "made by the host itself"),
        (("2001:db8::5%eth0", ""), "address6", "IPv6 address"),
        (("192.168.1.1", ""), "address6", "IPv6 address"),
        (("2001:db8::5/64", "2001:db8::5"), "gateway6", "another machine"),
        (("2001:db8::5/64", "192.168.1.1"), "gateway6", "IPv6 address"),
    ):
        assert why in check_static(*values)[field], values
    assert check_static("2001:db8::5/64", "fe80::1") == {}
    assert str(read_address(" 2001:db8::5 ")) == "2001:db8::5/64"


async def test_ipv6_of_the_management_link_wants_it_typed(bench: Bench) -> None:
    connect_over(bench, MANAGEMENT)
    page = await open_page(bench, MANAGEMENT)
    form = await open_form(bench, page)
    pick(form.mode6, "Static")
    form.address6.setText("2001:db8::5/64")
    form.save.click()
    question = await bench.dialog(ConfirmDialog)
    assert "gets as IPv6 address 2001:db8::5." in question.question.text
    assert "stays managed at" in question.question.text
    assert question.typed is not None
    question.typed.setText("2001:db8::6")
    assert not question.go.isEnabled()
    question.typed.setText("2001:db8::5")
    question.go.click()
    await closed(bench)
    assert record(bench, "PIF", pif_of(bench, MANAGEMENT))["IPv6"] == ["2001:db8::5/64"]


async def test_a_host_managed_over_ipv6_keeps_that_address(bench: Bench) -> None:
    bench.db.set(
        "PIF",
        pif_of(bench, MANAGEMENT),
        primary_address_type="IPv6",
        ipv6_configuration_mode="Static",
        IPv6=["2001:db8::5/64"],
    )
    page = await open_page(bench, MANAGEMENT)
    form = await open_form(bench, page)
    pick(form.mode6, "None")
    form.save.click()
    assert "nobody would reach it" in form.mode6_row.problem
    form.reject()
    await closed(bench)


async def test_what_the_host_refuses_stays_in_the_form(bench: Bench) -> None:
    page = await open_page(bench, STORAGE)
    form = await open_form(bench, page)
    pick(form.mode6, "None")
    # It becomes the management link, over IPv6, while the form is open.
    bench.db.set(
        "PIF", pif_of(bench, STORAGE), ipv6_configuration_mode="Static", primary_address_type="IPv6"
    )
    form.reject()
    await closed(bench)
    await bench.until(lambda: "IPv6 Static" in rows(page)["Storage"]["Mode"])
    form = await open_form(bench, page)
    pick(form.mode6, "None")
    bench.db.set("PIF", pif_of(bench, STORAGE), management=True)
    form.save.click()
    await bench.until(lambda: form.refusal.text())
    assert "managed over this interface" in form.refusal.text()
    form.reject()
    await closed(bench)
