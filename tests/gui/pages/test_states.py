"""Loading, failing, stale, halted, gone, and pools that are too large to be asked unasked."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtWidgets import QApplication

from tests.gui.pages.conftest import Bench
from tests.gui.pages.test_pages import a_vm, words
from xolite_qt.stores import StoreState
from xolite_qt.ui import theme
from xolite_qt.ui.views.host.dashboard import HostDashboard
from xolite_qt.ui.views.pool import dashboard
from xolite_qt.ui.views.pool.dashboard import PoolDashboard
from xolite_qt.ui.views.pool.vms import VmsPage
from xolite_qt.ui.views.settings_page import SettingsPage
from xolite_qt.ui.views.vm.dashboard import VmDashboard


async def test_a_page_says_that_it_loads(bench: Bench) -> None:
    page = VmsPage(bench.context, "")
    bench.shown.append(page)
    page.show()
    assert page.busy
    assert page.table.hero.kind == "loading"
    await bench.until(lambda: not page.busy)
    assert page.table.hero.isHidden()


async def test_a_halted_vm_gets_a_sentence_instead_of_charts(bench: Bench) -> None:
    vm = a_vm(bench)
    page = await bench.show(VmDashboard, vm)
    assert page.charts.isVisible()
    assert page.charts.is_started
    bench.db.set("VM", vm, power_state="Halted", resident_on="OpaqueRef:NULL")
    await bench.until(lambda: page.idle.isVisible())
    assert "halted" in page.idle.hero.text()
    assert not page.charts.isVisible()
    assert not page.charts.is_started
    assert not bench.stores.stats.classes


async def test_an_object_that_vanishes_is_said_to_be_gone(bench: Bench) -> None:
    vm = a_vm(bench)
    page = await bench.show(VmDashboard, vm)
    bench.db.set("VM", vm, is_a_template=True)
    await bench.until(lambda: page.info.state == "empty")
    assert not page.charts.is_started


@pytest.mark.logs_warnings
async def test_a_lost_connection_greys_what_is_shown_and_comes_back(bench: Bench) -> None:
    page = await bench.show(PoolDashboard)
    table = await bench.show(VmsPage)
    rows = table.model.rowCount()
    bench.running.host.faults.refuse(1.0)
    bench.running.host.faults.drop_connections()
    await bench.until(lambda: page.status.state == "stale")
    assert table.stale.isVisible()
    assert table.model.rowCount() == rows
    await bench.until(lambda: page.status.state == "ready", timeout_s=20)
    await bench.until(lambda: table.stale.isHidden())


async def test_a_large_pool_is_asked_for_live_use_only_on_demand(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard, "POLLED_HOSTS", 0)
    page = await bench.show(PoolDashboard)
    await asyncio.sleep(0.3)
    assert page.cpu.state == page.ram.state == page.history.state == "deferred"
    assert "1\u00a0host" in page.cpu.hero.button.text()
    assert not page.charts.isVisible()
    assert [call for call in bench.calls() if "rrd" in call] == []
    page.cpu.hero.button.click()
    await bench.until(lambda: page.cpu.state == "ready")
    assert page.charts.isVisible()
    page.hide()
    assert not page.charts.is_started


async def test_the_pools_cards_agree_with_the_host(bench: Bench) -> None:
    page = await bench.show(PoolDashboard)
    vms = bench.stores.vm.records.values()
    running = sum(1 for vm in vms if vm.power_state == "Running")
    assert f"Running: {running}" in page.status.vms.accessibleName()
    assert "Running: 1" in page.status.hosts.accessibleName()
    await bench.until(lambda: page.charts.charts["CPU usage"].has_plot)
    assert "maximum" in page.charts.charts["CPU usage"].summary


async def test_charts_change_their_range_and_share_one_cross_hair(bench: Bench) -> None:
    host = str(next(iter(bench.db.refs("host"))))
    page = await bench.show(HostDashboard, host)
    charts = page.charts.charts
    await bench.until(lambda: all(chart.has_plot for chart in charts.values()))
    page.charts.range.set_current("2h")
    await bench.until(lambda: not page.busy and charts["Load average"].has_plot)
    times, _ = charts["CPU usage"].line_values("CPU")
    assert times[1] - times[0] == 60
    page.charts.group.move(times[3])
    assert {chart.cross_hair_s for chart in charts.values()} == {times[3]}


async def test_both_themes_draw_every_word_in_their_own_colours(
    bench: Bench, qapp: QApplication
) -> None:
    page = await bench.show(PoolDashboard)
    light = page.grab().toImage().pixelColor(20, 20).lightness()
    theme.apply_theme(qapp, "dark")
    await asyncio.sleep(0.05)
    dark = page.grab().toImage().pixelColor(20, 20).lightness()
    assert light > 200
    assert dark < 60


async def test_settings_are_put_down_and_told(bench: Bench, qapp: QApplication) -> None:
    saved: list[int] = []
    bench.context.services["save_settings"] = lambda: saved.append(1)
    page = await bench.show(SettingsPage)
    dark = next(button for button in page.themes.buttons() if button.text() == "Dark")
    dark.click()
    assert bench.context.settings.theme == "dark"
    assert theme.current().is_dark
    page.call_timeout.setValue(90)
    page.kept.setValue(50)
    assert bench.context.settings.call_timeout_s == 90.0
    assert bench.context.settings.finished_tasks_kept == 50
    assert len(saved) == 3
    assert bench.api.url in words(page)
    assert bench.stores.host_rows.state is StoreState.READY


async def test_a_trusted_certificate_can_be_forgotten(bench: Bench, tmp_path) -> None:  # type: ignore[no-untyped-def]
    from xolite_qt.trust import PinFile

    pins = PinFile(tmp_path / "pins.json")
    pins.accept("one.example", 443, "AA:BB")
    pins.accept("two.example", 443, "CC:DD")
    bench.context.services["pins"] = pins
    page = await bench.show(SettingsPage)
    assert "one.example:443" in words(page)
    page.trust.forget("one.example:443")
    assert pins.pinned("one.example", 443) is None
    assert pins.pinned("two.example", 443) == "CC:DD"


async def test_the_page_does_not_jump_when_something_is_asked_for(bench: Bench) -> None:
    page = await bench.show(PoolDashboard)
    page.resize(700, 500)
    page.activateWindow()
    button = page.alarms.hero.button
    button.setFocus()
    place = page.body.verticalScrollBar().value()
    button.click()
    await bench.until(lambda: page.alarms.state in ("ready", "good"))
    await asyncio.sleep(0.05)
    assert page.body.verticalScrollBar().value() == place
    focused = QApplication.focusWidget()
    assert focused is None or focused is page.alarms or page.alarms.isAncestorOf(focused)


async def test_the_journal_and_the_consoles_key_are_settings(bench: Bench) -> None:
    page = await bench.show(SettingsPage)
    page.days.setValue(0)
    assert page.days.text() == "Keep nothing"
    assert bench.context.settings.journal_days == 0
    page.release.setCurrentIndex(page.release.findData("pause"))
    assert bench.context.settings.console_release_key == "pause"
    page.calls_first.click()
    assert bench.context.settings.show_calls_first
