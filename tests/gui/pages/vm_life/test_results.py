"""What became of each of many, and why hosts did not take a VM."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication

from tests.gui.pages.conftest import Bench
from tests.gui.pages.vm_life.kit import choose, in_state, menu_entry, name, records, told
from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.dialogs.choose_host import ChooseHostDialog
from xolite_qt.ui.dialogs.results import ResultState, ResultsWindow

THREE_HOSTS = pytest.mark.parametrize("bench", [{"generate": (3, 24)}], indirect=True)
DONE, FAILED = ResultState.DONE, ResultState.FAILED


async def test_each_of_several_has_its_line_and_what_failed_can_be_tried_again(
    bench: Bench,
) -> None:
    first, second = in_state(bench, "Halted", 2)[:2]
    (host,) = bench.db.refs("host")
    too_much = 1 << 50
    kept = bench.db.get("VM", second)["memory_dynamic_max"]
    for field in ("memory_dynamic_max", "memory_static_max"):
        bench.db.set("VM", second, **{field: too_much})
    await choose(bench, "Start", first, second)
    window = await bench.dialog(ResultsWindow)
    assert not window.isModal()
    await bench.until(lambda: [window.state(0), window.state(1)] == [DONE, FAILED])
    lines = [window.table.topLevelItem(at) for at in (0, 1)]
    assert lines[0] is not None
    assert lines[1] is not None
    assert lines[0].text(0) == name(bench, first)
    assert lines[0].text(1) == "Started"
    assert lines[1].text(1) == "The host has too little free memory."
    assert not bench.told, "the window has told already"
    window.more.click()
    details = window.details.toPlainText()
    assert "HOST_NOT_ENOUGH_FREE_MEMORY" in details
    assert f"{name(bench, host, 'host')}: has " in details
    assert "of free memory, " in details
    window.copy.click()
    assert name(bench, second) in QGuiApplication.clipboard().text()
    for field in ("memory_dynamic_max", "memory_static_max"):
        bench.db.set("VM", second, **{field: kept})
    window.again.click()
    await bench.until(lambda: window.state(1) is DONE)
    assert bench.db.get("VM", second)["power_state"] == "Running"
    assert not window.again.isEnabled()
    assert "Nothing has failed." in window.again.toolTip()


async def test_a_closed_window_ends_nothing_and_the_toast_tells(bench: Bench) -> None:
    first, second = in_state(bench, "Halted", 2)[:2]
    await choose(bench, "Start", first, second)
    window = await bench.dialog(ResultsWindow)
    window.close_button.click()
    await bench.until(lambda: told(bench, "2 objects: started."))
    assert {bench.db.get("VM", ref)["power_state"] for ref in (first, second)} == {"Running"}


async def test_deeds_of_forms_have_it_too_and_one_object_keeps_its_toast(bench: Bench) -> None:
    ref = in_state(bench, "Halted")[0]

    async def work(api: object) -> None:
        await bench.api.call("VM.set_name_description", ref, "looked at")

    await bench.context.actions.do([Deed("one", "Describe", "described", work)])
    assert told(bench, "one: described.")
    assert not bench.window.findChildren(ResultsWindow)
    await bench.context.actions.do([Deed(n, "Describe", "described", work) for n in ("a", "b")])
    (window,) = bench.window.findChildren(ResultsWindow)
    assert window.state(0) is window.state(1) is DONE


@THREE_HOSTS
async def test_a_failed_start_says_what_each_host_has_against_it(bench: Bench) -> None:
    details: list[str] = []
    notify = bench.context.actions._notify

    def keep(text: str, *, level: str = "info", details_of: str = "", **rest: Any) -> None:
        details.append(rest.get("details", details_of))
        notify(text, level=level)

    bench.context.actions._notify = keep
    ref = in_state(bench, "Halted")[0]
    hosts = list(bench.db.refs("host"))
    for host in hosts:
        bench.db.set("host", host, enabled=False)
    await choose(bench, "Start", ref)
    await bench.until(lambda: told(bench, "No host can run this VM now."))
    for host in hosts:
        assert f"{name(bench, host, 'host')}: in maintenance" in details[-1]


@THREE_HOSTS
async def test_the_chooser_greys_hosts_that_cannot_take_the_vm(bench: Bench) -> None:
    ref = in_state(bench, "Halted")[0]
    hosts = sorted(bench.db.refs("host"), key=lambda host: name(bench, host, "host"))
    for host in hosts[:2]:
        metrics = bench.db.get("host", host)["metrics"]
        bench.db.set("host_metrics", metrics, memory_free=1 << 20)
    await choose(bench, "Start on…", ref)
    dialog = await bench.dialog(ChooseHostDialog)
    await bench.until(lambda: "free memory" in dialog.list.item(1).text())
    assert "free memory" in dialog.list.item(0).text()
    assert dialog.chosen == hosts[2]
    dialog.go.click()
    await bench.until(lambda: bench.db.get("VM", ref)["resident_on"] == hosts[2])


async def test_without_another_host_migrating_says_so(bench: Bench) -> None:
    _menu, entry = menu_entry(
        bench, await records(bench, in_state(bench, "Running")[0]), "Migrate to…"
    )
    assert not entry.isEnabled()
    assert "no other host" in entry.toolTip()
