"""A connection that suffers: the window says so, nothing is done on old data, and what was missed
is there afterwards, exactly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QTest

from tests.gui.shell.shell_bench import QUICK, Shell, press, shell, until
from xolite_qt.stores import StoreState
from xolite_qt.ui.actions import ActionId
from xolite_qt.ui.dialogs.sign_in import SignInDialog
from xolite_qt.ui.views.pool.vms import VmsPage
from xolite_qt.ui.widgets.button import Button
from xolite_qt.xen_api import LinkPhase, LinkState


def real(vm: dict[str, Any]) -> bool:
    return not (vm["is_a_template"] or vm["is_a_snapshot"] or vm["is_control_domain"])


def truth(bench: Shell) -> dict[str, tuple[str, str]]:
    """Name and state of every VM, as the host has them."""
    return {
        ref: (vm["name_label"], vm["power_state"])
        for ref, vm in bench.db.records("VM").items()
        if real(vm)
    }


def table(bench: Shell) -> dict[str, tuple[str, str]]:
    """The same, as the rows on screen have them."""
    page = bench.page
    assert isinstance(page, VmsPage)
    return {row.ref: (row.vm.name_label, str(row.vm.power_state)) for row in page.model.rows()}


def in_tree(bench: Shell) -> set[str]:
    """The VMs that the tree on screen shows."""
    model = bench.workspace.tree.model
    return {ref for ref in bench.db.refs("VM") if model.index_of(ref).isValid()}


def shows_the_truth(bench: Shell) -> bool:
    wanted = truth(bench)
    stores = bench.workspace.stores
    in_store = {ref: (vm.name_label, str(vm.power_state)) for ref, vm in stores.vm.records.items()}
    tree = {ref for ref, node in stores.vm_tree.records.items() if node.kind.value == "vm"}
    rows = len(tree) + len(bench.db.refs("host")) + len(bench.db.refs("pool"))
    return (
        table(bench) == in_store == wanted
        and tree == in_tree(bench) == set(wanted)
        and tree_rows(bench) == rows
    )


def tree_rows(bench: Shell) -> int:
    """How many rows the tree has in all, ghosts included."""
    model = bench.workspace.tree.model

    def below(parent: Any) -> int:
        count = model.rowCount(parent)
        return count + sum(below(model.index(row, 0, parent)) for row in range(count))

    return below(QModelIndex())


def change_behind_its_back(bench: Shell) -> None:
    """While nobody listens: one VM goes, one comes, one is renamed, one changes its state."""
    vms = {ref: vm["power_state"] for ref, vm in bench.db.records("VM").items() if real(vm)}
    gone, turned = [ref for ref, state in vms.items() if state == "Halted"][:2]
    renamed = next(ref for ref, state in vms.items() if state == "Running")
    like = dict(bench.db.get("VM", gone))
    for field in ("VBDs", "VIFs", "consoles", "snapshots", "uuid"):
        like.pop(field)
    bench.db.destroy("VM", gone)
    bench.db.create("VM", {**like, "name_label": "born in the dark"})
    bench.db.set("VM", renamed, name_label="renamed in the dark")
    bench.db.set("VM", turned, power_state="Suspended")


async def watched(bench: Shell) -> list[LinkState]:
    """The VM list on screen, and what the link says from now on."""
    await bench.connected(QUICK)
    await bench.open_tab("pool", "", "vms")
    await until(lambda: shows_the_truth(bench))
    states: list[LinkState] = []
    bench.api.events.on_state(states.append)
    return states


def says_it_is_down(bench: Shell) -> bool:
    workspace = bench.workspace
    vms = tuple(workspace.stores.vm.records.values())
    page = bench.page
    assert isinstance(page, VmsPage)
    return (
        workspace.banner.isVisible()
        and "what you see is as of" in workspace.banner.text()
        and workspace.header.badge.text().startswith("Reconnecting")
        and workspace.runner.blocked == "The connection is down."
        and workspace.runner.reason(ActionId.VM_START, vms[:1]) == "The connection is down."
    )


def greyed(bench: Shell) -> bool:
    page = bench.page
    assert isinstance(page, VmsPage)
    return page.store.state is StoreState.STALE and page.stale.isVisible()


async def healed(bench: Shell) -> None:
    """It works again, without anybody's help, and shows what is true."""
    workspace = bench.workspace
    await until(lambda: bench.api.events.state.phase is LinkPhase.CONNECTED, 25)
    await until(lambda: shows_the_truth(bench), 25)
    await until(bench.is_settled)
    assert workspace.banner.isHidden()
    assert workspace.runner.blocked is None
    workspace.header.refresh()
    assert workspace.header.badge.text() == "Connected"
    page = bench.page
    assert isinstance(page, VmsPage)
    await until(page.stale.isHidden)
    # And it is alive: the next change arrives.
    ref = next(iter(truth(bench)))
    bench.db.set("VM", ref, name_label="after all")
    await until(lambda: table(bench)[ref][0] == "after all")


def boot(bench: Shell) -> None:
    bench.host.faults.still_booting(1.5)
    bench.host.faults.drop_connections()


OUTAGES: dict[str, Callable[[Shell], None]] = {
    "connections cut and refused": lambda bench: bench.host.faults.refuse(1.2),
    "toolstack restarted": lambda bench: bench.host.faults.restart_toolstack(1.0),
    "silence": lambda bench: bench.host.faults.silent(2.5),
    "still booting": boot,
}


@pytest.mark.parametrize("outage", OUTAGES)
async def test_an_outage_is_said_and_healed_without_a_ghost_or_a_lost_row(outage: str) -> None:
    async with shell() as bench:
        await watched(bench)
        before = table(bench)
        OUTAGES[outage](bench)
        await until(lambda: bench.api.events.state.phase is LinkPhase.RECONNECTING)
        await until(lambda: says_it_is_down(bench))
        await until(lambda: greyed(bench))
        # What was seen stays to be seen.
        assert table(bench) == before
        change_behind_its_back(bench)
        assert table(bench) == before
        await healed(bench)
        assert "born in the dark" in {name for name, _state in truth(bench).values()}


async def test_a_host_that_is_killed_and_started_again_is_followed_again() -> None:
    async with shell() as bench:
        await watched(bench)
        address = bench.running.url.removeprefix("https://")
        await bench.running.stop()
        await until(lambda: says_it_is_down(bench))
        # The host's own memory of it: rows change while nothing runs there.
        change_behind_its_back(bench)
        await asyncio.sleep(0.5)
        await bench.host.start(address)
        await healed(bench)


async def test_the_reason_stands_on_every_button_while_it_lasts() -> None:
    async with shell() as bench:
        await watched(bench)
        page = bench.page
        assert isinstance(page, VmsPage)
        refs = [ref for ref, (_name, state) in truth(bench).items() if state == "Halted"]
        page.table.select_ref(refs[0])
        start = page.buttons[ActionId.VM_START]
        assert start.isEnabled()
        bench.host.faults.refuse(1.2)
        await until(lambda: says_it_is_down(bench))
        await until(lambda: not start.isEnabled())
        assert start.accessibleDescription() == "The connection is down."
        calls = len(bench.methods("Async.VM"))
        bench.workspace.runner.trigger(ActionId.VM_START, page.chosen())
        assert "The connection is down." in bench.notices()
        await healed(bench)
        await until(start.isEnabled)
        assert len(bench.methods("Async.VM")) == calls


async def test_an_expired_session_is_renewed_without_a_word() -> None:
    async with shell() as bench:
        states = await watched(bench)
        bench.host.faults.expire_sessions()
        change_behind_its_back(bench)
        await until(lambda: LinkPhase.RECONNECTING in {state.phase for state in states})
        await healed(bench)
        assert LinkPhase.EXPIRED not in {state.phase for state in states}
        assert bench.dialogs(SignInDialog) == []
        assert len(bench.host.sessions) == 1


async def test_a_changed_password_is_asked_for_and_nothing_is_lost() -> None:
    async with shell() as bench:
        await watched(bench)
        before = table(bench)
        bench.host.password = "the new one"
        bench.host.faults.expire_sessions()
        workspace = bench.workspace
        await until(lambda: bench.api.events.state.phase is LinkPhase.EXPIRED)
        assert workspace.banner.isVisible()
        assert workspace.banner.text().startswith("The host has ended the session.")
        assert workspace.header.badge.text() == "Signed out by the host"
        assert workspace.runner.blocked == "Sign in again first."
        change_behind_its_back(bench)
        assert table(bench) == before

        workspace.sign_in_wanted.emit()
        dialog = await bench.dialog(SignInDialog)
        assert dialog.focusWidget() is dialog.password
        press(dialog, Qt.Key.Key_Escape)
        await until(lambda: not bench.dialogs(SignInDialog))
        assert bench.api.events.state.phase is LinkPhase.EXPIRED

        again = next(b for b in workspace.banner.findChildren(Button) if b.isVisible())
        assert again.text() == "Sign in again"
        again.click()
        dialog = await bench.dialog(SignInDialog)
        QTest.keyClicks(dialog.password, "the new one")
        QTest.keyClick(dialog.password, Qt.Key.Key_Return)
        await healed(bench)


async def test_lost_events_are_made_good() -> None:
    async with shell() as bench:
        states = await watched(bench)
        bench.host.faults.lose_events()
        # Before the client asks again: these changes it will never be told.
        change_behind_its_back(bench)
        await until(lambda: states)
        await healed(bench)
        assert "EVENTS_LOST" in [call.error for call in bench.host.calls]


async def test_spoilt_answers_to_the_poll_are_survived() -> None:
    async with shell() as bench:
        await watched(bench)
        for fault in ("garbage", "half", "wrong_types"):
            getattr(bench.host.faults, fault)(1)
            # Wakes the poll, so that its answer is the one that is spoilt.
            ref = next(iter(truth(bench)))
            bench.db.set("VM", ref, name_label=f"told in a {fault} answer")
            await until(lambda: not bench.host.faults.spoiled)
            await healed(bench)
            bench.host.faults.clear()


async def test_try_now_does_not_wait() -> None:
    async with shell() as bench:
        # Patience of a real window: half a minute between attempts, later on.
        await bench.connected()
        await bench.open_tab("pool", "", "vms")
        bench.host.faults.refuse(0.3)
        await until(lambda: bench.api.events.state.phase is LinkPhase.RECONNECTING)
        await until(lambda: (bench.api.events.state.retry_in_s or 0) > 0.3)
        await asyncio.sleep(0.4)
        QTest.keyClick(bench.window, Qt.Key.Key_F5)
        await healed(bench)


async def test_the_window_can_be_closed_and_signed_out_while_the_host_is_away() -> None:
    async with shell() as bench:
        await watched(bench)
        bench.host.faults.refuse(60)
        await until(lambda: says_it_is_down(bench))
        bench.window.sign_out_wanted.emit()
        await until(lambda: bench.app.api is None and bench.window.workspace is None)
        assert bench.start.isVisible()
