"""A console follows its machine: boots, halts, migrations, refusals; and ends with its page."""

from __future__ import annotations

import asyncio

import pytest

from tests.gui.console.conftest import Desk, open_console, vm_in
from tests.gui.pages.conftest import Bench
from xolite_qt.ui.views.console.connection import LONGEST_PAUSE_S, Phase, pause_s
from xolite_qt.ui.views.console.part import ConsolePart
from xolite_qt.ui.views.vm.console import VmConsole

pytestmark = pytest.mark.asyncio(loop_scope="function")


def consoles_opened(bench: Bench) -> int:
    return len(bench.calls("CONNECT"))


def words(part: ConsolePart) -> str:
    assert part.stack.currentWidget() is part.hero
    return part.hero.text()


async def test_the_first_picture_is_there_at_once(bench: Bench) -> None:
    vm = vm_in(bench, "Running")
    loop = asyncio.get_running_loop()
    took: list[float] = []
    for _ in range(3):
        began = loop.time()
        desk = await open_console(bench, vm)
        await desk.live()
        desk.page.grab()
        took.append(loop.time() - began)
        desk.page.hide()
    # 0.3 s is what is wanted, and what the bench measures; this machine may be busy.
    assert min(took) < 0.5


async def test_a_reboot_is_followed_to_the_new_console(desk: Desk) -> None:
    bench = desk.bench
    before = bench.db.get("VM", desk.vm)["consoles"]
    run = asyncio.ensure_future(_call(bench, "VM.hard_reboot", desk.vm))
    await bench.until(lambda: bench.db.get("VM", desk.vm)["consoles"] not in (before, []))
    await run
    # The firmware's screen is smaller than the desktop's: the widget follows each size.
    seen: set[int] = set()

    def up() -> bool:
        seen.add(desk.screen.picture_size.width())
        return desk.part.connection.phase is Phase.LIVE and {720, 800} <= seen

    await bench.until(up)
    place = desk.part.connection.place
    assert place is not None
    assert place.console == bench.db.get("VM", desk.vm)["consoles"][0]
    assert not desk.screen.is_stale
    await bench.until(lambda: desk.screen.picture_size.width() == 1024)


async def _call(bench: Bench, method: str, *params: object) -> None:
    await bench.api.run(method, *params)


async def test_a_halted_vm_is_started_from_its_console(bench: Bench) -> None:
    desk = await open_console(bench, vm_in(bench, "Halted"))
    name = bench.db.get("VM", desk.vm)["name_label"]
    await bench.until(lambda: desk.page.part is not None)
    assert words(desk.part) == f"{name} is halted"
    assert desk.part.hero.button.text() == "Start"
    assert not desk.button("keys").isEnabled()
    assert "not connected" in desk.button("keys").accessibleDescription()
    desk.part.hero.button.click()
    await desk.live()
    assert bench.db.get("VM", desk.vm)["power_state"] == "Running"
    assert desk.button("keys").isEnabled()


async def test_a_vm_that_halts_shows_no_old_picture(desk: Desk) -> None:
    await desk.bench.api.run("VM.hard_shutdown", desk.vm)
    await desk.bench.until(lambda: not desk.screen.has_picture)
    assert "is halted" in words(desk.part)


@pytest.mark.parametrize(("method", "state"), [("VM.pause", "paused"), ("VM.suspend", "suspended")])
async def test_a_resting_vm_can_be_resumed_here(desk: Desk, method: str, state: str) -> None:
    await desk.bench.api.run(method, desk.vm)
    await desk.bench.until(lambda: desk.part.stack.currentWidget() is desk.part.hero)
    assert f"is {state}" in words(desk.part)
    assert desk.part.hero.button.text() == "Resume"


async def test_a_lost_connection_keeps_the_picture_greyed_and_comes_back(desk: Desk) -> None:
    bench = desk.bench
    client = desk.part.link.client
    assert client is not None
    await client.close()
    await bench.until(lambda: desk.screen.is_stale)
    assert desk.part.stack.currentWidget() is desk.part.view
    assert desk.part.veil.text() == "Reconnecting…"
    await desk.live()
    assert not desk.screen.is_stale
    assert desk.part.veil.text() == ""


async def test_a_console_without_a_place_waits_for_a_new_one(desk: Desk) -> None:
    db = desk.bench.db
    for console in list(db.get("VM", desk.vm)["consoles"]):
        db.destroy("console", console)
    db.set("VM", desk.vm, consoles=[])
    await desk.bench.until(lambda: desk.part.veil.text() == "Waiting for the console…")
    assert desk.screen.has_picture
    db.create("console", VM=desk.vm, protocol="rfb", location="https://192.168.10.5/console")
    await desk.live()


async def test_one_viewer_at_a_time(desk: Desk) -> None:
    bench = desk.bench
    (pool,) = bench.db.refs("pool")
    bench.db.set("pool", pool, limit_console_sessions=True)
    second = await open_console(bench, desk.vm)
    await bench.until(lambda: second.page.part is not None)
    await bench.until(lambda: second.part.connection.phase is Phase.IN_USE)
    assert words(second.part) == "Somebody else has this console open."
    assert second.part.hero.button.text() == "Try now"
    desk.page.hide()
    await bench.until(lambda: not bench.running.host.consoles._sessions[desk.vm])
    second.part.hero.button.click()
    await second.live()


async def test_a_refusal_is_told_with_its_details_and_tried_again(bench: Bench) -> None:
    vm, other = vm_in(bench, "Running"), vm_in(bench, "Halted")
    # A console that is listed, but whose VM is not up where it is asked for.
    (console,) = bench.db.get("VM", vm)["consoles"]
    bench.db.set("console", console, VM=other)
    bench.db.set("VM", vm, consoles=[console])
    desk = await open_console(bench, vm)
    await bench.until(lambda: desk.page.part is not None)
    hero = desk.part.hero
    await bench.until(lambda: hero.kind == "error")
    assert hero.text() == "The console is not there."
    assert "400 Bad Request" in hero.accessibleDescription()
    assert desk.part.connection.failures > 10
    bench.db.set("console", console, VM=vm)
    hero.button.click()
    await desk.live()


async def test_nothing_is_pending_after_the_page(desk: Desk) -> None:
    bench = desk.bench
    opened = consoles_opened(bench)
    connection = desk.part.connection
    desk.page.hide()
    assert desk.page.part is None
    assert connection.phase is Phase.IDLE
    await bench.until(lambda: len(bench.context.tasks) == 0)
    await bench.until(lambda: not bench.running.host.consoles._sessions[desk.vm])
    await asyncio.sleep(0.3)
    assert consoles_opened(bench) == opened
    assert "console" not in bench.stores.classes_in_use


async def test_a_page_left_while_it_connects_leaves_nothing(bench: Bench) -> None:
    vm = vm_in(bench, "Running")
    for wait_s in (0.0, 0.02, 0.05, 0.08, 0.12):
        page = VmConsole(bench.context, vm)
        bench.shown.append(page)
        page.show()
        await asyncio.sleep(wait_s)
        page.hide()
    await bench.until(lambda: len(bench.context.tasks) == 0)
    await bench.until(lambda: not bench.running.host.consoles._sessions[vm])


async def test_pauses_are_short_at_first_and_never_long() -> None:
    pauses = [pause_s(number) for number in range(1, 2000)]
    assert pauses[:10] == [0.1] * 10
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S == 5.0
