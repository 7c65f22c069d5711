"""The page of alarms: kinds, severities, acknowledging, dismissing, exporting, thresholds."""

from __future__ import annotations

import csv
import io

from tests.gui.pages.conftest import Bench
from tests.gui.pages.test_alarms import clear, column
from tests.gui.pages.test_pages import a_vm
from xolite_qt.demo_host.worlds.alarms import add_alarm
from xolite_qt.ui.dialogs.alarms.thresholds_dialog import ThresholdsDialog
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.views.host.alarms import HostAlarms
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.pool.alarms import PoolAlarms
from xolite_qt.ui.views.pool.storage.page import StoragePage
from xolite_qt.ui.views.vm.alarms import VmAlarms
from xolite_qt.xen_api import Watch, read_perfmon


def leave(bench: Bench, name: str, priority: int, body: str = "") -> None:
    vm = bench.db.get("VM", a_vm(bench))["uuid"]
    made = {"name": name, "priority": priority, "cls": "VM", "obj_uuid": vm, "body": body}
    bench.db.create("message", {**made, "timestamp": bench.running.host.clock.iso()})


async def test_messages_of_every_kind_are_one_choice_away(bench: Bench) -> None:
    clear(bench)
    add_alarm(bench.running.host, "VM", a_vm(bench), "cpu_usage", 0.97, 0.9)
    leave(bench, "VM_CRASHED", 2, "reason: <b>none</b>")
    leave(bench, "SOMETHING_NEW", 5)
    page = await bench.show(PoolAlarms)
    await bench.until(lambda: page.table.groups.rowCount() == 1)
    page.which.setCurrentIndex(1)
    await bench.until(lambda: page.table.groups.rowCount() == 3)
    assert set(column(page.table, "alarm")) == {
        "CPU usage above 90%",
        "VM crashed",
        "Something new",
    }
    assert "3\N{NO-BREAK SPACE}messages" in page.count.text()
    page.severity.setCurrentIndex(2)
    assert column(page.table, "alarm") == ["VM crashed"]
    page.severity.setCurrentIndex(0)
    page.which.setCurrentIndex(0)
    await bench.until(lambda: page.table.groups.rowCount() == 1)


async def test_what_was_acknowledged_comes_back_when_raised_again(bench: Bench) -> None:
    clear(bench)
    host, vm = bench.running.host, a_vm(bench)
    add_alarm(host, "VM", vm, "cpu_usage", 0.97, 0.9, age_s=60)
    page = await bench.show(PoolAlarms)
    await bench.until(lambda: page.table.groups.rowCount() == 1)
    assert not page.acknowledge.isEnabled()
    assert "Select alarms first." in page.acknowledge.toolTip()
    page.table.select_ref(page.table.groups.row_at(0).ref)
    page.acknowledge.click()
    assert page.table.groups.rowCount() == 0
    assert "acknowledged" in page.table.hero.text()
    assert bench.db.refs("message")
    page.seen.click()
    assert page.table.groups.rowCount() == 1
    page.seen.click()
    add_alarm(host, "VM", vm, "cpu_usage", 0.99, 0.9)
    await bench.until(lambda: page.table.groups.rowCount() == 1)
    # Seen in another window of the same settings, and taken back there.
    again = await bench.show(VmAlarms, vm)
    await bench.until(lambda: again.table.groups.rowCount() == 1)


async def test_all_that_is_shown_is_dismissed_after_a_question(bench: Bench) -> None:
    clear(bench)
    host, vm = bench.running.host, a_vm(bench)
    for kind in ("cpu_usage", "network_usage"):
        add_alarm(host, "VM", vm, kind, 0.97, 0.9)
    page = await bench.show(PoolAlarms)
    await bench.until(lambda: page.table.groups.rowCount() == 2)
    page.search.setText("network")
    await bench.until(lambda: page.table.groups.rowCount() == 1)
    page.dismiss_all.click()
    dialog = await bench.dialog(ConfirmDialog)
    assert dialog.go.text() == "Dismiss 1\N{NO-BREAK SPACE}alarm"
    dialog.go.click()
    await bench.until(lambda: len(bench.db.refs("message")) == 1)


async def test_the_table_is_exported_as_it_is_shown(bench: Bench) -> None:
    clear(bench)
    add_alarm(bench.running.host, "VM", a_vm(bench), "cpu_usage", 0.97, 0.9)
    page = await bench.show(PoolAlarms)
    await bench.until(lambda: page.table.groups.rowCount() == 1)
    rows = list(csv.reader(io.StringIO(page.export("csv"))))
    assert rows[0][0] == "Alarm"
    assert rows[1][0] == "CPU usage above 90%"


async def open_thresholds(bench: Bench, context: PageContext, vm: str) -> ThresholdsDialog:
    record = await bench.api.get_record("VM", vm)
    choice = next(c for c in context.actions.choices("vm", [record]) if c.id == "vm.thresholds")
    context.actions.choose(choice)
    return await bench.dialog(ThresholdsDialog)


async def test_thresholds_are_read_and_written_in_peoples_units(bench: Bench) -> None:
    vm = a_vm(bench)
    config = bench.db.get("VM", vm)["other_config"]
    text = (
        '<config><variable><name value="cpu_usage"/><alarm_trigger_level value="0.75"/>'
        '</variable><variable><name value="odd"/><alarm_trigger_level value="3"/></variable>'
        "</config>"
    )
    bench.db.set("VM", vm, other_config={**config, "perfmon": text})
    dialog = await open_thresholds(bench, bench.context, vm)
    cpu, network, _disk = dialog.lines
    assert (cpu.on.isChecked(), cpu.level.value(), cpu.level.suffix()) == (True, 75.0, " %")
    assert not network.on.isChecked()
    assert not network.level.isEnabled()
    cpu.level.setValue(80)
    network.on.click()
    network.level.setValue(20)
    dialog.save.click()

    def written() -> dict[str, Watch]:
        found = read_perfmon(bench.db.get("VM", vm)["other_config"].get("perfmon", ""))
        return {watch.name: watch for watch in found}

    await bench.until(lambda: "network_usage" in written())
    assert written()["cpu_usage"].level == 0.8
    assert written()["network_usage"].level == 20 * 1024 * 1024
    assert written()["odd"].level == 3
    assert "disk_usage" not in written()


async def test_what_cannot_be_read_is_said_before_it_is_replaced(bench: Bench) -> None:
    vm = a_vm(bench)
    bench.db.set("VM", vm, other_config={"perfmon": "<broken"})
    dialog = await open_thresholds(bench, bench.context, vm)
    texts = [label.text() for label in dialog.findChildren(type(dialog.heading))]
    assert any("saving replaces it" in text for text in texts)
    dialog.cancel.click()
    await bench.until(lambda: not bench.window.findChildren(ThresholdsDialog))
    assert bench.db.get("VM", vm)["other_config"]["perfmon"] == "<broken"


async def test_a_hosts_disk_is_watched_on_its_control_domain(bench: Bench) -> None:
    host = bench.running.host.this_host
    domain = bench.db.get("host", host)["control_domain"]
    # As an older version of this program left it: perfmon reads nothing behind such a word.
    wrong = (
        '<config><variable><name value="fs_usage"/><alarm_trigger_level value="0.5"/></variable>'
        '<variable><name value="cpu_usage"/><alarm_trigger_level value="0.9"/></variable></config>'
    )
    bench.db.set("host", host, other_config={"perfmon": wrong})
    record = await bench.api.get_record("host", host)
    choice = next(
        c for c in bench.context.actions.choices("host", [record]) if c.id == "host.thresholds"
    )
    bench.context.actions.choose(choice)
    dialog = await bench.dialog(ThresholdsDialog)
    disk = next(line for line in dialog.lines if "System disk" in line.on.text())
    disk.on.click()
    disk.level.setValue(80)
    dialog.save.click()

    def names(cls: str, ref: str) -> dict[str, float]:
        text = bench.db.get(cls, ref)["other_config"].get("perfmon", "")
        return {watch.name: watch.level for watch in read_perfmon(text)}

    await bench.until(lambda: names("VM", domain) == {"fs_usage": 0.8})
    assert names("host", host) == {"cpu_usage": 0.9}
    add_alarm(bench.running.host, "VM", domain, "fs_usage", 0.9, 0.8)
    page = await bench.show(HostAlarms, host)
    await bench.until(lambda: page.table.groups.rowCount() > 0)
    label = bench.db.get("host", host)["name_label"]
    await bench.until(lambda: f"{label} (control domain)" in page.export("csv"))


async def test_a_storages_thresholds_are_reached_from_its_row(bench: Bench) -> None:
    page = await bench.show(StoragePage)
    row = next(row for row in page.model.rows() if row.sr.type != "iso")
    choice = next(one for one in page.row_choices([row]) if one.id == "sr.thresholds")
    none = next(one for one in page.row_choices([]) if one.id == "sr.thresholds")
    assert none.reason == "Select a storage first."
    bench.context.actions.choose(choice)
    dialog = await bench.dialog(ThresholdsDialog)
    assert "Used space above" in dialog.lines[0].on.text()
    dialog.lines[0].on.setChecked(True)
    dialog.lines[0].level.setValue(70)
    dialog.save.click()

    def written() -> list[Watch]:
        return read_perfmon(bench.db.get("SR", row.sr.ref)["other_config"].get("perfmon", ""))

    await bench.until(lambda: [watch.level for watch in written()][:1] == [0.7])
