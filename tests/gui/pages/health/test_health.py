"""The health page: it finds what is wrong on the host, and its buttons set it right."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QWidget

from tests.gui.pages.conftest import Bench
from xolite_qt.demo_host.worlds.alarms import add_alarm
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.models.health import Kind
from xolite_qt.ui.views.pool.health.page import HealthPage
from xolite_qt.xen_api import read_perfmon


async def page_of(bench: Bench) -> HealthPage:
    page = await bench.show(HealthPage)
    await bench.until(lambda: "Looked at" in words(page))
    return page


def words(page: HealthPage) -> str:
    texts = [w.text() for w in page.findChildren(QWidget) if hasattr(w, "text")]
    return "\n".join(str(text) for text in texts)


def shown(page: HealthPage) -> set[Kind]:
    return {kind for kind, card in page.cards.items() if not card.isHidden()}


def a_disk(bench: Bench, **fields: Any) -> str:
    """A copy of a VM's disk that belongs to nobody."""
    db = bench.db
    for ref in db.refs("VDI"):
        vdi = db.get("VDI", ref)
        sr = db.get("SR", vdi["SR"])
        if vdi["VBDs"] and vdi["managed"] and sr["content_type"] != "iso":
            found = {k: v for k, v in vdi.items() if k not in ("uuid", "ref")}
            made = {**found, "VBDs": [], "name_label": "left over", "snapshots": [], **fields}
            return str(db.create("VDI", **made))
    raise AssertionError("no disk")


async def dialog(bench: Bench) -> ConfirmDialog:
    found: list[ConfirmDialog] = []

    def look() -> bool:
        found[:] = [d for d in bench.window.findChildren(ConfirmDialog) if d.isVisible()]
        return bool(found)

    await bench.until(look)
    return found[0]


async def test_an_orphan_disk_is_found_and_deleted_after_its_name_was_typed(bench: Bench) -> None:
    ref = a_disk(bench)
    page = await page_of(bench)
    await bench.until(lambda: Kind.ORPHAN_DISK in shown(page))
    card = page.cards[Kind.ORPHAN_DISK]
    names = [case.name for case in card.finding.cases]
    assert "left over" in names
    card.table.select_ref(ref)
    await bench.until(lambda: len(card.chosen()) == 1)
    card.buttons["Delete…"].click()
    asked = await dialog(bench)
    assert not asked.go.isEnabled()
    assert any("left over" in line for line in asked.question.consequences)
    assert asked.typed is not None
    asked.typed.setText("left over")
    asked.go.click()
    await bench.until(lambda: not bench.db.exists("VDI", ref))
    await bench.until(
        lambda: card.isHidden() or ref not in [case.ref for case in card.finding.cases]
    )


async def test_a_storage_that_is_not_connected_is_connected(bench: Bench) -> None:
    pbd = next(
        ref
        for ref in bench.db.refs("PBD")
        if bench.db.get("SR", bench.db.get("PBD", ref)["SR"])["type"] == "nfs"
    )
    bench.db.set("PBD", pbd, currently_attached=False)
    page = await page_of(bench)
    await bench.until(lambda: Kind.SR_DETACHED in shown(page))
    page.cards[Kind.SR_DETACHED].buttons["Connect"].click()
    await bench.until(lambda: bench.db.get("PBD", pbd)["currently_attached"])
    await bench.until(lambda: Kind.SR_DETACHED not in shown(page))


async def test_a_full_storage_is_shown_and_follows_the_host(bench: Bench) -> None:
    sr = next(
        ref
        for ref in bench.db.refs("SR")
        if bench.db.get("SR", ref)["type"] in ("ext", "nfs")
        and bench.db.get("SR", ref)["content_type"] != "iso"
    )
    page = await page_of(bench)
    size = bench.db.get("SR", sr)["physical_size"]
    bench.db.set("SR", sr, physical_utilisation=int(size * 0.97))
    name = bench.db.get("SR", sr)["name_label"]

    def notes() -> dict[str, str]:
        cases = page.cards[Kind.SR_FULL].finding.cases if Kind.SR_FULL in shown(page) else ()
        return {case.name: case.note for case in cases}

    await bench.until(lambda: "97%" in notes().get(name, ""))
    card = page.cards[Kind.SR_FULL]
    assert card.finding.grade == "danger"
    card.buttons["Show"].click()
    assert bench.went[-1] == ("pool", "", "storage")


async def test_clocks_and_certificates_are_asked_once_and_not_after_leaving(bench: Bench) -> None:
    page = await page_of(bench)
    await bench.until(lambda: bench.calls("host.get_servertime"))
    await bench.until(lambda: bench.calls("Certificate.get_all_records"))
    page.hide()
    await bench.until(lambda: not bench.context.stores.classes_in_use)
    asked = len(bench.calls("host.get_servertime"))
    page.show()
    await bench.until(lambda: not page.busy)
    await bench.until(lambda: len(bench.calls("host.get_servertime")) == asked + 1)


async def test_nothing_is_offered_while_the_connection_is_down(bench: Bench) -> None:
    a_disk(bench)
    page = await page_of(bench)
    await bench.until(lambda: Kind.ORPHAN_DISK in shown(page))
    bench.context.actions.blocked = "The connection is down."
    for button in (page.cards[Kind.ORPHAN_DISK].buttons["Delete…"], page.again, page.install):
        assert not button.isEnabled()
        assert "The connection is down." in button.toolTip()


async def test_a_full_system_disk_is_told_and_unwatched_ones_are_watched(bench: Bench) -> None:
    host = bench.running.host.this_host
    domain = bench.db.get("host", host)["control_domain"]
    bench.db.set("VM", domain, other_config={})
    add_alarm(bench.running.host, "VM", domain, "fs_usage", 0.97, 0.9)
    page = await page_of(bench)
    await bench.until(lambda: Kind.DOM0_DISK in shown(page))
    (case,) = page.cards[Kind.DOM0_DISK].finding.cases
    assert case.ref == host
    assert "97" in case.note
    page.cards[Kind.DOM0_DISK].buttons["Open console"].click()
    assert ("host", host, "console") in bench.went
    card = page.cards[Kind.DOM0_UNWATCHED]
    assert host in [case.ref for case in card.finding.cases]
    card.buttons["Watch them"].click()

    def watched() -> set[str]:
        text = bench.db.get("VM", domain)["other_config"].get("perfmon", "")
        return {watch.name for watch in read_perfmon(text)}

    await bench.until(lambda: {"fs_usage", "log_fs_usage"} <= watched())
    await bench.until(
        lambda: card.isHidden() or host not in [case.ref for case in card.finding.cases]
    )
