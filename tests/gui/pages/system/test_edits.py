"""What is changed on the System tabs: names, tags, switches, a host's settings."""

from __future__ import annotations

import asyncio
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from tests.gui.pages.conftest import Bench
from tests.gui.pages.system.kit import dialog
from xolite_qt.ui.dialogs.calls import CallsDialog
from xolite_qt.ui.dialogs.host_edit.settings import HostSettingsDialog
from xolite_qt.ui.dialogs.pool.backup_network import BackupNetworkDialog
from xolite_qt.ui.dialogs.pool.identity import IdentityDialog, tags_of
from xolite_qt.ui.views.host.system import HostSystem
from xolite_qt.ui.views.pool.system.follow import Switch
from xolite_qt.ui.views.pool.system.page import PoolSystem
from xolite_qt.ui.widgets import LinkLabel


def pool_of(bench: Bench) -> dict[str, Any]:
    found: dict[str, Any] = bench.db.get("pool", next(iter(bench.db.refs("pool"))))
    return found


def host_of(bench: Bench) -> dict[str, Any]:
    found: dict[str, Any] = bench.db.get("host", bench.running.host.this_host)
    return found


async def pool_page(bench: Bench) -> PoolSystem:
    return await bench.show(PoolSystem, next(iter(bench.db.refs("pool"))))


async def host_page(bench: Bench) -> HostSystem:
    return await bench.show(HostSystem, bench.running.host.this_host)


def test_tags_are_split_at_commas() -> None:
    assert tags_of(" a, b c ,,a , ") == ("a", "b c")


async def test_the_pool_shows_what_xo_lite_shows(bench: Bench) -> None:
    page = await pool_page(bench)
    assert page.general.facts.value("Name") == "Brightwater Dental"
    assert page.general.facts.value("UUID") == pool_of(bench)["uuid"]
    assert page.networking.facts.value("Backup network") == "The management network"
    assert page.management.facts.value("Master") == "brightwater-1"
    assert page.ha.facts.value("State") == "Off"
    assert page.ha.facts.value("Heartbeat SRs") == "None"


async def test_the_master_leads_to_its_own_tab(bench: Bench) -> None:
    page = await pool_page(bench)
    link = page.management.facts.findChild(LinkLabel)
    assert link is not None
    QTest.mouseClick(link, Qt.MouseButton.LeftButton)
    assert bench.went == [("host", bench.running.host.this_host, "system")]


async def test_name_description_and_tags_of_the_pool(bench: Bench) -> None:
    page = await pool_page(bench)
    page.edit.click()
    form = await dialog(bench, IdentityDialog)
    form.name.setText("  ")
    form.save.click()
    assert form.name_row.problem == "A pool needs a name."
    form.name.setText("Brightwater")
    form.description.setPlainText("All of it")
    form.tags.setText("new, practice, new")
    form.save.click()
    await bench.until(lambda: page.general.facts.value("Name") == "Brightwater")
    pool = pool_of(bench)
    assert pool["name_description"] == "All of it"
    assert set(pool["tags"]) == {"practice", "new"}
    assert bench.calls("pool.").count("pool.add_tags") == 1
    assert "pool.remove_tags" not in bench.calls("pool.")


async def test_nothing_changed_is_nothing_written(bench: Bench) -> None:
    page = await pool_page(bench)
    page.edit.click()
    form = await dialog(bench, IdentityDialog)
    form.save.click()
    await bench.until(lambda: not bench.window.findChildren(IdentityDialog))
    assert not bench.calls("pool.set_")


async def test_a_refused_form_stays_open_with_all_that_was_typed(bench: Bench) -> None:
    page = await host_page(bench)
    page.edit.click()
    form = await dialog(bench, IdentityDialog)
    form.name.setText("xcp-9")
    bench.running.host.faults.fail("host.set_name_label", "RBAC_PERMISSION_DENIED", "a", "b")
    form.save.click()
    await bench.until(lambda: form.refusal.text())
    assert form.isVisible()
    assert form.name.text() == "xcp-9"
    form.save.click()
    await bench.until(lambda: host_of(bench)["name_label"] == "xcp-9")
    await bench.until(lambda: page.general.facts.value("Name") == "xcp-9")


async def test_the_backup_network_is_the_one_xen_orchestra_reads(bench: Bench) -> None:
    page = await pool_page(bench)
    page.edit_network.click()
    form = await dialog(bench, BackupNetworkDialog)
    uuid = bench.db.get("network", next(iter(bench.db.refs("network"))))["uuid"]
    assert form.network.set_current(uuid)
    name = form.network.currentText()
    form.save.click()
    await bench.until(lambda: pool_of(bench)["other_config"].get("xo:backupNetwork") == uuid)
    await bench.until(lambda: page.networking.facts.value("Backup network") == name)
    ref = next(iter(bench.db.refs("pool")))
    other = dict(pool_of(bench)["other_config"])
    bench.db.set("pool", ref, other_config={**other, "xo:backupNetwork": "gone"})
    await bench.until(
        lambda: page.networking.facts.value("Backup network") == "Missing network (gone)"
    )
    page.edit_network.click()
    form = await dialog(bench, BackupNetworkDialog)
    assert form.network.currentText() == "Missing network (gone)"
    form.network.set_current("")
    form.save.click()
    await bench.until(lambda: "xo:backupNetwork" not in pool_of(bench)["other_config"])


async def flip(bench: Bench, switch: Switch) -> None:
    was = switch.box.isChecked()
    switch.box.click()
    assert switch.follow.is_waiting
    assert not switch.box.isEnabled()
    await bench.until(lambda: not switch.follow.is_waiting)
    assert switch.box.isChecked() is not was
    assert switch.box.isEnabled()


async def test_switches_of_the_pool_follow_their_events(bench: Bench) -> None:
    page = await pool_page(bench)
    await flip(bench, page.auto_power_on)
    assert pool_of(bench)["other_config"]["auto_poweron"] == "true"
    await flip(bench, page.auto_power_on)
    assert "auto_poweron" not in pool_of(bench)["other_config"]
    await flip(bench, page.compression)
    assert pool_of(bench)["migration_compression"] is True
    was = pool_of(bench)["ha_reboot_vm_on_internal_shutdown"]
    await flip(bench, page.ha.reboot_policy)
    assert pool_of(bench)["ha_reboot_vm_on_internal_shutdown"] is not was


async def test_an_old_host_that_does_not_know_a_switch_turns_it_back(bench: Bench) -> None:
    page = await pool_page(bench)
    method = "pool.set_migration_compression"
    bench.running.host.faults.fail(method, "MESSAGE_METHOD_UNKNOWN", method)
    page.compression.box.click()
    await bench.until(lambda: not page.compression.follow.is_waiting)
    assert not page.compression.box.isChecked()
    assert page.compression.note.text().startswith("Not changed: ")


# ---------------------------------------------------------------------- the host


async def settings(bench: Bench, page: HostSystem) -> HostSettingsDialog:
    page.change.click()
    return await dialog(bench, HostSettingsDialog)


async def test_logs_are_sent_elsewhere_and_back(bench: Bench) -> None:
    page = await host_page(bench)
    form = await settings(bench, page)
    form.syslog.setText("not a name")
    form.save.click()
    assert form.rows["syslog"].problem == "This is no name or address of a computer."
    form.syslog.setText("192.168.10.9")
    form.save.click()
    await bench.until(lambda: page.management.facts.value("Remote syslog") == "192.168.10.9")
    assert host_of(bench)["logging"] == {"syslog_destination": "192.168.10.9"}
    assert bench.calls("host.syslog_reconfigure")
    form = await settings(bench, page)
    form.syslog.clear()
    form.save.click()
    await bench.until(lambda: page.management.facts.value("Remote syslog") == "Off")
    assert host_of(bench)["logging"] == {}
    assert not bench.calls("host.set_iscsi_iqn")
    assert not bench.calls("host.set_power_on_mode")


async def test_an_iscsi_name_must_look_like_one(bench: Bench) -> None:
    page = await host_page(bench)
    form = await settings(bench, page)
    for name, problem in (
        ("", "A host needs an iSCSI name."),
        ("host1", "It looks like iqn.2024-03.com.example:host1, in lower case."),
        (
            "iqn.2024-13.com.example:x",
            "It looks like iqn.2024-03.com.example:host1, in lower case.",
        ),
        ("iqn.2024-03.com.example:" + "x" * 210, "It may have 223 characters at most."),
    ):
        form.iqn.setText(name)
        form.save.click()
        assert form.rows["iqn"].problem == problem
    form.iqn.setText("iqn.2026-11.com.example:host1")
    form.save.click()
    await bench.until(lambda: host_of(bench)["iscsi_iqn"] == "iqn.2026-11.com.example:host1")
    await bench.until(
        lambda: page.management.facts.value("iSCSI IQN") == "iqn.2026-11.com.example:host1"
    )


async def test_power_on_by_wake_on_lan_and_by_a_controller(bench: Bench) -> None:
    page = await host_page(bench)
    form = await settings(bench, page)
    assert form.rows["bmc_address"].isHidden()
    form.power_on.set_current("wake-on-lan")
    form.save.click()
    await bench.until(lambda: page.management.facts.value("Power on") == "Wake-on-LAN")
    form = await settings(bench, page)
    form.power_on.set_current("IPMI")
    assert not form.rows["bmc_address"].isHidden()
    form.save.click()
    assert set(filter(None, (row.problem for row in form.rows.values()))) == {
        "The controller's name or address is needed.",
        "The controller's user is needed.",
        "The controller's password is needed.",
    }
    form.bmc_address.setText("192.168.10.99")
    form.bmc_user.setText("admin")
    form.bmc_password.setText("s3cret")
    assert form.bmc_password.echoMode() is QLineEdit.EchoMode.Password
    form.save.click()
    await bench.until(lambda: page.management.facts.value("Power on") == "IPMI controller")
    config = host_of(bench)["power_on_config"]
    assert config["power_on_ip"] == "192.168.10.99"
    stored = [
        secret["value"]
        for secret in bench.db.records("secret").values()
        if secret["uuid"] == config["power_on_password_secret"]
    ]
    assert stored == ["s3cret"]
    # Another user keeps the password that is stored.
    form = await settings(bench, page)
    form.bmc_user.setText("root")
    form.save.click()
    await bench.until(lambda: host_of(bench)["power_on_config"]["power_on_user"] == "root")
    kept = host_of(bench)["power_on_config"]["power_on_password_secret"]
    assert kept == config["power_on_password_secret"]


async def test_a_script_never_shows_the_password(bench: Bench) -> None:
    page = await host_page(bench)
    bench.context.settings.show_calls_first = True
    form = await settings(bench, page)
    form.power_on.set_current("IPMI")
    form.bmc_address.setText("bmc")
    form.bmc_user.setText("admin")
    form.bmc_password.setText("s3cret")
    form.save.click()
    calls = await dialog(bench, CallsDialog)
    assert "s3cret" not in calls.text.toPlainText()
    assert "power-on-mode" in calls.text.toPlainText()
    calls.cancel.click()
    await bench.until(form.save.isEnabled)
    assert form.isVisible()
    assert not bench.calls("secret.create")
    form.reject()
    await asyncio.sleep(0)


async def test_multipathing_wants_maintenance(bench: Bench) -> None:
    page = await host_page(bench)
    assert not page.multipathing.box.isEnabled()
    assert page.multipathing.note.text().startswith("Enter maintenance first")
    bench.db.set("host", bench.running.host.this_host, enabled=False)
    await bench.until(page.multipathing.box.isEnabled)
    await flip(bench, page.multipathing)
    assert host_of(bench)["multipathing"] is True


async def test_facts_that_not_every_host_tells(bench: Bench) -> None:
    ref = bench.running.host.this_host
    bench.db.set(
        "host",
        ref,
        ntp_mode="Custom",
        ntp_custom_servers=["ntp.example.org"],
        license_params={"expiry": "20270301T00:00:00Z"},
    )
    page = await host_page(bench)
    assert page.management.facts.value("Time") == "Own servers: ntp.example.org"
    assert page.software.facts.value("Licence ends").startswith("2027-0")
    assert page.networking.facts.value("Name servers")
    bench.db.set("host", ref, license_params={})
    await bench.until(lambda: page.software.facts.value("Licence ends") == "Unknown")


async def test_buttons_say_why_nothing_can_be_done_without_a_connection(bench: Bench) -> None:
    page = await host_page(bench)
    bench.context.actions.blocked = "The connection is down."
    assert not page.edit.isEnabled()
    assert "The connection is down." in page.change.toolTip()
    bench.context.actions.blocked = None
    assert page.edit.isEnabled()


async def test_menus_offer_the_same_edits(bench: Bench) -> None:
    page = await host_page(bench)
    host = bench.stores.host.records[bench.running.host.this_host]
    offered = {one.id: one for one in bench.context.actions.choices("host", [host])}
    bench.context.actions.choose(offered["host.settings"])
    (await dialog(bench, HostSettingsDialog)).reject()
    several = bench.context.actions.choices("host", [host, host])
    assert {one.reason for one in several if one.id.startswith("host.edit")} == {"Choose one host."}
    pool = bench.stores.the_pool()
    offered = {one.id: one for one in bench.context.actions.choices("pool", [pool])}
    bench.context.actions.choose(offered["pool.edit"])
    (await dialog(bench, IdentityDialog)).reject()
    assert {one.id for one in page.choices()} >= {"host.delete_dumps", "host.reset_certificate"}
