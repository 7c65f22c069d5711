"""High availability of a pool, from the card of its System tab and from the pool's menu."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gui.pages.conftest import Bench
from tests.gui.pages.system.kit import entry
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.pool.ha import EnableHaDialog, FailuresDialog
from xolite_qt.ui.views.pool.system.page import PoolSystem

THREE = pytest.mark.parametrize("bench", [{"generate": (3, 12)}], indirect=True)


def pool(bench: Bench) -> Any:
    return bench.db.get("pool", next(iter(bench.db.refs("pool"))))


def set_pool(bench: Bench, **fields: Any) -> None:
    bench.db.set("pool", next(iter(bench.db.refs("pool"))), **fields)


async def open_page(bench: Bench) -> PoolSystem:
    page = await bench.show(PoolSystem, next(iter(bench.db.refs("pool"))))
    await bench.until(lambda: page.ha.state == "ready")
    return page


async def enable(bench: Bench, page: PoolSystem) -> EnableHaDialog:
    page.ha.enable.click()
    return await bench.dialog(EnableHaDialog)


async def switched_on(bench: Bench, failures: int = 0) -> PoolSystem:
    """A page of a pool where the user has just enabled it."""
    page = await open_page(bench)
    form = await enable(bench, page)
    form.failures.number.setValue(failures)
    form.save.click()
    await bench.until(lambda: page.ha.facts.value("State").startswith("On"))
    await bench.until(lambda: "availability is on." in str(bench.told))
    await bench.until(lambda: page.ha.disable.isEnabled())
    return page


def protect(bench: Bench, **more: Any) -> list[str]:
    """Has all running VMs restarted."""
    found = []
    for ref, vm in list(bench.db.records("VM").items()):
        if vm["power_state"] == "Running" and not vm["is_control_domain"]:
            bench.db.set("VM", ref, ha_restart_priority="restart", **more)
            found.append(ref)
    return found


@THREE
async def test_enabled_with_a_heartbeat_and_disabled_again(bench: Bench) -> None:
    page = await open_page(bench)
    assert page.ha.facts.value("State") == "Off"
    assert "High availability is off." in page.ha.disable.toolTip()
    assert "It is asked for when" in page.ha.failures.toolTip()
    form = await enable(bench, page)
    chosen = form.sr.currentText().partition(" · ")[0]
    assert form.warning.isHidden()
    form.failures.number.setValue(1)
    form.save.click()
    await bench.until(lambda: page.ha.facts.value("State") == "On")
    assert page.ha.facts.value("Heartbeat SRs") == chosen
    await bench.until(lambda: page.ha.facts.value("Tolerates") == "1\xa0host failure")
    assert page.ha.facts.value("Plan exists for") == "1\xa0host failure"
    assert page.ha.facts.value("Overcommitted") == "No"
    assert "Async.pool.enable_ha" in bench.calls()
    assert pool(bench)["ha_host_failures_to_tolerate"] == 1
    assert "is on already." in page.ha.enable.toolTip()
    page.ha.disable.click()
    question = await bench.dialog(ConfirmDialog)
    assert "its VMs stay down" in question.question.text
    question.go.click()
    await bench.until(lambda: page.ha.facts.value("State") == "Off")
    assert not pool(bench)["ha_enabled"]
    assert "Plan exists for" not in page.ha.facts.labels()


@THREE
async def test_srs_that_cannot_carry_it_are_grey_with_their_reason(bench: Bench) -> None:
    names = [f"Shared storage {number}" for number in range(4)]
    local, loose, discs, odd = [await bench.ref_of("SR", name) for name in names]
    bench.db.set("SR", local, shared=False)
    bench.db.set("PBD", bench.db.get("SR", loose)["PBDs"][0], currently_attached=False)
    bench.db.set("SR", discs, content_type="iso")
    bench.db.set("SR", odd, type="cephfs")
    bench.db.create("SM", type="cephfs", features={"VDI_CREATE": 1})
    form = await enable(bench, await open_page(bench))
    for ref, why in (
        (local, "not shared: only one host reaches it"),
        (loose, "not connected to "),
        (discs, "holds no disks of its own"),
        (odd, "the driver cephfs cannot carry a heartbeat"),
    ):
        words, enabled = entry(form.sr, ref)
        assert why in words
        assert not enabled
    assert form.sr.currentText().startswith("Shared storage 4")


@THREE
async def test_without_any_sr_the_form_says_what_it_takes(bench: Bench) -> None:
    for ref in list(bench.db.refs("SR")):
        bench.db.set("SR", ref, shared=False)
    form = await enable(bench, await open_page(bench))
    form.save.click()
    assert form.sr_row.problem.startswith("No storage can carry the heartbeat")
    assert not bench.calls("Async.pool.enable_ha")


async def test_a_pool_of_one_host_is_told_what_it_gains(bench: Bench) -> None:
    form = await enable(bench, await open_page(bench))
    assert "This pool has one host" in form.warning.text()
    assert form.sr.currentText().startswith("NAS brightwater-nas")
    assert form.failures.number.maximum() == 0


@THREE
async def test_a_licence_without_it_is_a_reason(bench: Bench) -> None:
    page = await open_page(bench)
    assert page.ha.enable.isEnabled()
    host = bench.running.host.this_host
    params = bench.db.get("host", host)["license_params"]
    bench.db.set("host", host, license_params={**params, "restrict_ha": "true"}, edition="free")
    await bench.until(lambda: not page.ha.enable.isEnabled())
    assert "(free) does not include high availability" in page.ha.enable.toolTip()
    choices = bench.context.actions.choices("pool", [bench.stores.the_pool()])
    reasons = {choice.id: choice.reason for choice in choices}
    assert str(reasons["pool.enable_ha"]) in page.ha.enable.toolTip()
    assert reasons["pool.disable_ha"] == "High availability is off."


@THREE
async def test_what_the_host_refuses_stays_in_the_form(bench: Bench) -> None:
    form = await enable(bench, await open_page(bench))
    metrics = [record["metrics"] for record in bench.db.records("host").values()]
    bench.db.set("host_metrics", metrics[-1], live=False)
    form.save.click()
    await bench.until(lambda: form.refusal.text())
    assert "not running" in form.refusal.text()
    set_pool(bench, ha_enabled=True)
    form.save.click()
    await bench.until(lambda: "is on" in form.refusal.text())
    assert form.isVisible()


@THREE
async def test_failures_are_set_with_the_planners_answer(bench: Bench) -> None:
    page = await switched_on(bench, 1)
    page.ha.failures.click()
    form = await bench.dialog(FailuresDialog)
    form.failures.number.setValue(2)
    form.save.click()
    await bench.until(lambda: page.ha.facts.value("Tolerates") == "2\xa0host failures")
    assert pool(bench)["ha_host_failures_to_tolerate"] == 2


@THREE
async def test_more_failures_than_there_is_a_plan_for_are_refused(bench: Bench) -> None:
    vms = protect(bench)
    page = await switched_on(bench, 1)
    page.ha.failures.click()
    form = await bench.dialog(FailuresDialog)
    # Meanwhile somebody gives the VMs more memory than the hosts have left.
    for ref in vms:
        bench.db.set("VM", ref, memory_static_max=1 << 42)
    form.failures.number.setValue(2)
    form.save.click()
    await bench.until(lambda: form.refusal.text())
    assert "could not run all protected VMs" in form.refusal.text()
    form.cancel.click()
    # An overcommitted pool says so, and lets more be promised where that is allowed.
    page.ha.overcommit.box.click()
    await bench.until(lambda: pool(bench)["ha_allow_overcommit"])
    page.ha.failures.click()
    form = await bench.dialog(FailuresDialog)
    assert "More than the hosts have room for" in form.failures.row._text.text()
    form.failures.number.setValue(2)
    form.save.click()
    await bench.until(lambda: page.ha.facts.value("State") == "On, overcommitted")
    assert page.ha.facts.value("Overcommitted").startswith("Yes")
    assert page.ha.facts.value("Plan exists for") == "None"


@THREE
async def test_disabling_what_is_off_by_now_says_so(bench: Bench) -> None:
    page = await switched_on(bench)
    page.ha.disable.click()
    question = await bench.dialog(ConfirmDialog)
    set_pool(bench, ha_enabled=False)
    question.go.click()
    await bench.until(lambda: any("off already" in text for text in bench.told))
