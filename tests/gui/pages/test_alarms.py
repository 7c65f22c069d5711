"""Alarms: nothing before the click, then newest first, folded, in true units, dismissable."""

from __future__ import annotations

import asyncio

from tests.gui.pages.conftest import Bench
from tests.gui.pages.test_pages import a_vm
from xolite_qt.demo_host.worlds.alarms import add_alarm
from xolite_qt.ui.views.parts.alarms import AlarmTable
from xolite_qt.ui.views.pool.alarms import PoolAlarms
from xolite_qt.ui.views.pool.dashboard import PoolDashboard
from xolite_qt.ui.views.vm.alarms import VmAlarms


def clear(bench: Bench) -> None:
    for ref in tuple(bench.db.refs("message")):
        bench.db.destroy("message", ref)


def column(table: AlarmTable, name: str) -> list[str]:
    at = table.groups.column_at(name)
    return [table.groups.texts(row)[at] for row in range(table.groups.rowCount())]


async def test_the_card_fetches_nothing_before_the_click(bench: Bench) -> None:
    add_alarm(bench.running.host, "VM", a_vm(bench), "cpu_usage", 0.97, 0.9)
    page = await bench.show(PoolDashboard)
    await asyncio.sleep(0.3)
    assert page.alarms.state == "deferred"
    assert bench.calls("message.") == []
    assert "message" not in bench.api.events.classes
    page.alarms.hero.button.click()
    await bench.until(lambda: page.alarms.state == "ready")
    assert "message" in bench.api.events.classes
    page.hide()
    page.show()
    await bench.until(lambda: not page.busy)
    assert page.alarms.state == "deferred"
    await bench.until(lambda: "message" not in bench.api.events.classes)


async def test_loaded_alarms_stay_live_newest_first_with_their_units(bench: Bench) -> None:
    clear(bench)
    host, vm = bench.running.host, a_vm(bench)
    pool_host = str(next(iter(bench.db.refs("host"))))
    add_alarm(host, "VM", vm, "network_usage", 13_107_200.0, 12_582_912.0, age_s=60)
    add_alarm(host, "VM", vm, "cpu_usage", 0.97, 0.9, age_s=600)
    add_alarm(host, "VM", vm, "cpu_usage", 0.95, 0.9, age_s=1200)
    page = await bench.show(PoolDashboard)
    page.alarms.load()
    table = page.alarms.table
    await bench.until(lambda: table.groups.rowCount() == 2)
    assert column(table, "alarm") == ["Network traffic", "2× CPU usage"]
    assert column(table, "value")[0] == "12.5\u00a0MiB/s"
    assert column(table, "object") == [bench.db.get("VM", vm)["name_label"]] * 2
    add_alarm(host, "host", pool_host, "memory_free_kib", 51_200.0, 102_400.0)
    await bench.until(lambda: table.groups.rowCount() == 3)
    assert column(table, "alarm")[0] == "Free memory"
    tab = await bench.show(PoolAlarms)
    await bench.until(lambda: tab.table.groups.rowCount() == 3)
    assert column(tab.table, "alarm") == [
        "Free memory below 100\u00a0MiB",
        "Network traffic above 12\u00a0MiB/s",
        "2× CPU usage above 90%",
    ]


async def test_no_alarm_is_good_news(bench: Bench) -> None:
    clear(bench)
    page = await bench.show(PoolDashboard)
    page.alarms.load()
    await bench.until(lambda: page.alarms.state == "good")
    tab = await bench.show(PoolAlarms)
    assert tab.table.hero.kind == "good"


async def test_a_group_is_dismissed_with_its_repeats(bench: Bench) -> None:
    clear(bench)
    host, vm = bench.running.host, a_vm(bench)
    for age in (10, 20, 30):
        add_alarm(host, "VM", vm, "cpu_usage", 0.97, 0.9, age_s=age)
    add_alarm(host, "VM", vm, "fs_usage", 0.97, 0.9)
    page = await bench.show(PoolAlarms)
    await bench.until(lambda: page.table.groups.rowCount() == 2)
    assert page.dismiss.isEnabled() is False
    page.table.select_ref(page.table.groups.row_at(1).ref)
    assert page.dismiss.text() == "Dismiss 3\u00a0alarms"
    page.dismiss.click()
    await bench.until(lambda: page.table.groups.rowCount() == 1)
    assert len(bench.db.refs("message")) == 1


async def test_the_object_of_an_alarm_is_one_click_away(bench: Bench) -> None:
    clear(bench)
    vm = a_vm(bench)
    add_alarm(bench.running.host, "VM", vm, "cpu_usage", 0.97, 0.9)
    page = await bench.show(PoolAlarms)
    table = page.table
    await bench.until(lambda: table.groups.rowCount() == 1)
    table.view.clicked.emit(table.groups.index(0, table.groups.column_at("object")))
    assert bench.went == [("vm", vm, "dashboard")]


async def test_a_vm_shows_its_own_alarms_only(bench: Bench) -> None:
    clear(bench)
    host, vm = bench.running.host, a_vm(bench)
    add_alarm(host, "VM", vm, "cpu_usage", 0.97, 0.9)
    add_alarm(host, "host", str(next(iter(bench.db.refs("host")))), "cpu_usage", 0.97, 0.9)
    page = await bench.show(VmAlarms, vm)
    await bench.until(lambda: page.table.groups.total() == 2)
    assert page.table.groups.rowCount() == 1


async def test_a_broken_alarm_is_shown_as_it_is(bench: Bench) -> None:
    clear(bench)
    broken = {"name": "ALARM", "priority": 3, "cls": "VM", "obj_uuid": "gone", "body": "<b>no"}
    bench.db.create("message", {**broken, "timestamp": bench.running.host.clock.iso()})
    page = await bench.show(PoolAlarms)
    await bench.until(lambda: page.table.groups.rowCount() == 1)
    assert column(page.table, "object") == ["VM (gone)"]
    assert column(page.table, "value") == ["–"]
