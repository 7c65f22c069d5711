"""What `event.from` is called with, for every page: its classes and the shell's, no more.

The shell is the tree (pool, hosts and VMs with what their rows need) and the task drawer.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.gui.shell.shell_bench import Shell, shell, until
from xolite_qt.ui.views.page import PAGES, Kind, Page
from xolite_qt.ui.views.parts.alarm_centre import AlarmsPage
from xolite_qt.ui.views.pool.dashboard import PoolDashboard
from xolite_qt.ui.views.workspace import load_pages

SHELL = frozenset({"pool", "host", "host_metrics", "vm", "task"})

load_pages()


def target(bench: Shell, kind: Kind) -> str:
    """What to look at: of the VMs one that runs, for its page wants the most."""
    if kind in (Kind.POOL, Kind.APP):
        return ""
    if kind is Kind.HOST:
        return str(bench.db.refs("host")[0])
    for ref, vm in bench.db.records("VM").items():
        plain = not (vm["is_a_template"] or vm["is_control_domain"] or vm["is_a_snapshot"])
        if plain and vm["power_state"] == "Running":
            return str(ref)
    raise AssertionError("the demo world has no running VM")


def in_flight(bench: Shell) -> frozenset[str]:
    """The classes of the newest `event.from` that the host was asked, as it got them."""
    polls = [call for call in bench.host.calls if call.method == "event.from"]
    return frozenset(name.lower() for name in polls[-1].classes)


async def agreed(bench: Shell, page: Page, wanted: frozenset[str] | None = None) -> None:
    """Client, stores and host agree on the classes, and stay so."""
    stores = bench.workspace.stores

    def agree() -> bool:
        expected = SHELL | page.classes if wanted is None else wanted
        return (
            bench.api.events.served_classes
            == bench.api.events.classes
            == stores.classes_in_use
            == in_flight(bench)
            == expected
        )

    await until(agree)
    # A class that comes late, or goes late, would show within the linger of the stores.
    await asyncio.sleep(0.3)
    await until(agree)


@pytest.mark.parametrize("kind", Kind, ids=str)
async def test_the_host_is_asked_for_the_classes_of_what_is_seen(kind: Kind) -> None:
    assert PAGES[kind]
    async with shell() as bench:
        await bench.connected()
        for spec in PAGES[kind]:
            page = await bench.open_tab(kind, target(bench, kind), spec.tab_id)
            await agreed(bench, page)
            assert ("message" in in_flight(bench)) == isinstance(page, AlarmsPage)
        # And what the last one wanted goes with it.
        page = await bench.open_tab(Kind.POOL, "", "dashboard")
        await agreed(bench, page)


async def test_not_one_byte_of_alarms_before_the_click_and_none_after_leaving() -> None:
    async with shell() as bench:
        await bench.connected()
        page = await bench.open_tab(Kind.POOL, "", "dashboard")
        assert isinstance(page, PoolDashboard)
        await agreed(bench, page)
        assert bench.methods("message.") == []
        assert all("message" not in call.classes for call in bench.host.calls)

        page.alarms.hero.button.click()
        await until(lambda: page.alarms.state in ("ready", "good"))
        await agreed(bench, page, SHELL | page.classes | {"message"})
        assert "message" in page.classes

        vm = target(bench, Kind.VM)
        other = await bench.open_tab(Kind.VM, vm, "dashboard")
        await agreed(bench, other)
        assert "message" not in in_flight(bench)
        # Coming back asks again.
        again = await bench.open_tab(Kind.POOL, "", "dashboard")
        assert isinstance(again, PoolDashboard)
        assert again.alarms.state == "deferred"
        await agreed(bench, again)
        assert "message" not in in_flight(bench)


async def test_a_gone_object_and_the_start_page_want_nothing() -> None:
    async with shell() as bench:
        await bench.connected()
        vm = target(bench, Kind.VM)
        await bench.open_tab(Kind.VM, vm, "dashboard")
        bench.db.destroy("VM", vm)
        await until(lambda: bench.workspace.page is None)
        await until(lambda: in_flight(bench) == bench.api.events.classes == SHELL)
        api = bench.api
        await bench.app.leave()
        assert api.events.classes == frozenset()
