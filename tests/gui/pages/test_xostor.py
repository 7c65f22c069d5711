"""The XOSTOR page on pools in good health, in trouble, without LINSTOR, and with bad plug-ins."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication

from tests.gui.pages.conftest import Bench
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.models.column import Column
from xolite_qt.ui.models.roles import DECORATION_ROLE, REF_ROLE
from xolite_qt.ui.theme import mono_font
from xolite_qt.ui.views.page import PAGES, Kind
from xolite_qt.ui.views.pool.xostor.interfaces import NewInterfaceDialog
from xolite_qt.ui.views.pool.xostor.page import XostorPage
from xolite_qt.ui.views.pool.xostor.part import Signs
from xolite_qt.ui.widgets import TextLabel

THREE = {"world": "xostor3"}
FOUR = {"world": "xostor4"}
FREE = {"generate": (3, 6)}
"""Three hosts without LINSTOR, with free disks."""

pytestmark = pytest.mark.asyncio(loop_scope="function")


def on(*worlds: dict[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("bench", worlds, indirect=True)


async def open_page(bench: Bench, part: str = "") -> XostorPage:
    spec = next(spec for spec in PAGES[Kind.POOL] if spec.tab_id == "xostor")
    page = await bench.show(spec.factory)
    assert isinstance(page, XostorPage)
    bench.context.stores.xostor.rest_s = 0.0
    await bench.until(lambda: page.part is not None)
    if part:
        page.open_part(part)
    await bench.until(lambda: not page.busy and not page._facts(None).is_probing)
    return page


def said_by(signs: Signs) -> list[str]:
    """The sentences, with plain spaces."""
    return [text.replace("\u00a0", " ") for text in signs.texts]


def cells(model: Any) -> dict[str, dict[str, str]]:
    """What a table shows: title of the first column to title of a column to text."""
    columns: tuple[Column[Any], ...] = model.columns
    rows = [model.texts(at) for at in range(model.rowCount())]
    titles = [column.title for column in columns]
    return {row[0]: dict(zip(titles, row, strict=True)) for row in rows}


@pytest.fixture
def asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Methods called on the connection; of plug-ins also plug-in and function."""
    called: list[str] = []
    real = bench.api.call

    async def call(method: str, *params: Any, **more: Any) -> Any:
        is_plugin = method == "host.call_plugin"
        called.append(f"{method} {params[1]} {params[2]}" if is_plugin else method)
        return await real(method, *params, **more)

    monkeypatch.setattr(bench.api, "call", call)
    return called


def count(asked: list[str], function: str) -> int:
    return sum(call.endswith(f" {function}") for call in asked)


def only_reads(asked: list[str]) -> bool:
    """Whether nothing was called that could change a host."""
    harmless = {
        "host.call_plugin linstor-manager healthCheck",
        "host.call_plugin lsblk.py list_block_devices",
        "host.call_plugin updater.py query_installed",
    }
    return all(call in harmless or ".get_" in call or "event." in call for call in asked)


async def check(bench: Bench, page: XostorPage, mode: str) -> None:
    """Let the plug-in misbehave, then press the button."""
    bench.running.host.faults.linstor(mode)
    page._tell_age()
    page.again.click()
    await bench.until(lambda: not page.busy)


@on(THREE)
async def test_three_hosts_in_good_health(bench: Bench) -> None:
    page = await open_page(bench)
    assert page.part is page.health
    shown = cells(page.health.model)
    assert len(shown) == 8
    assert shown["LINSTOR's database"]["Copies"] == "3 of 3"
    assert shown["accounts system"]["VM"] == "accounts"
    kinds = [shown["accounts system"][f"xostor-{n}"].split(" · ")[0] for n in (1, 2, 3)]
    assert sorted(kinds) == ["Copy", "Copy", "Tie-breaker"]
    assert page.health.look.state == "good"
    assert page.health.figures.value("Copies of each disk") == "2"
    nodes = cells(page.health.nodes_model)
    assert {row["State"] for row in nodes.values()} == {"Online"}
    assert [row["Role"] for row in nodes.values()].count("Controller") == 1
    assert page.banner.isHidden()


@on(FOUR)
async def test_four_hosts_in_trouble(bench: Bench) -> None:
    page = await open_page(bench)
    said = said_by(page.health.signs)
    assert "xostor-4 is offline" in said
    assert "xostor-2 has less than 10 % free" in said
    assert any("1 of 2 current copies" in line for line in said)
    assert any("tie-breaker" in line for line in said)
    shown = cells(page.health.model)
    texts = [text for row in shown.values() for text in row.values()]
    assert any("outdated" in text for text in texts)
    assert any("Syncing 41 %" in text for text in texts)
    away = {row["xostor-4"] for row in shown.values() if row["xostor-4"]}
    assert away == {"Copy, away", "Tie-breaker, away"}
    orphan = next(row for row in shown.values() if row["VM"] == "no VDI")
    assert orphan["Disk"].startswith("xcp-volume-")


@on(FOUR)
async def test_no_state_is_told_by_colour_alone(bench: Bench) -> None:
    page = await open_page(bench)
    model = page.health.model
    cells_ = [
        model.index(row, column)
        for row in range(model.rowCount())
        for column in range(model.columnCount())
    ]
    pictured = [index for index in cells_ if index.data(DECORATION_ROLE) is not None]
    assert pictured
    # Nothing is only a picture: every cell with one has words.
    assert [index.row() for index in pictured if not index.data()] == []
    for widget in (page.health.matrix.view, page.health.nodes.view, page.loss.hosts.view):
        assert widget.accessibleName()


@on(FOUR)
async def test_filters_of_the_matrix(bench: Bench) -> None:
    page = await open_page(bench)
    everything = page.health.model.rowCount()
    page.health.only_problems.setChecked(True)
    problems = cells(page.health.model)
    assert 0 < len(problems) < everything
    assert "LINSTOR's database" not in problems
    page.health.only_problems.setChecked(False)
    page.health.only_used.setChecked(True)
    assert all("open" in " ".join(row.values()) for row in cells(page.health.model).values())
    page.health.only_used.setChecked(False)
    page.health.search.setText("no such disk")
    await bench.until(lambda: page.health.model.rowCount() == 0)


@on(THREE)
async def test_it_asks_once_and_again_only_by_the_button(bench: Bench, asked: list[str]) -> None:
    page = await open_page(bench)
    assert count(asked, "healthCheck") == 1
    for ident in ("loss", "interfaces", "health"):
        page.open_part(ident)
    await bench.until(lambda: not page.busy)
    assert count(asked, "healthCheck") == 1
    assert count(asked, "list_block_devices") == 0
    assert page.age.text().startswith("Checked")
    await check(bench, page, "")
    assert count(asked, "healthCheck") == 2
    bench.context.stores.xostor.rest_s = 60.0
    page._tell_age()
    assert not page.again.isEnabled()


@on(THREE)
async def test_what_if_a_host_is_lost(bench: Bench, asked: list[str]) -> None:
    page = await open_page(bench, "loss")
    assert said_by(page.loss.signs) == ["As it is: all 8 disks can be read and written"]
    hosts = page.loss.hosts.model
    names = [hosts.index(row).data(REF_ROLE) for row in range(hosts.rowCount())]
    assert names == ["xostor-1", "xostor-2", "xostor-3"]
    hosts.set_ticks(["xostor-1"])
    assert said_by(page.loss.signs)[0] == "Without 1 host: all 8 disks can be read and written"
    assert "LINSTOR's controller starts on another host" in said_by(page.loss.signs)
    fates = {row["Outcome"] for row in cells(page.loss.model).values()}
    assert fates == {"Goes on", "Fewer copies"}
    hosts.set_ticks(["xostor-1", "xostor-2"])
    assert said_by(page.loss.signs)[0] == "Without 2 hosts: 8 of 8 disks stop"
    assert any("can't start" in line for line in said_by(page.loss.signs))
    hosts.set_ticks([])
    assert said_by(page.loss.signs)[0].startswith("As it is")
    assert only_reads(asked)


@on(THREE)
@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("garbage", "The last check failed"),
        ("failure", "A plugin on the host failed"),
        ("missing", "no plugin linstor-manager"),
    ],
)
async def test_a_check_that_fails_leaves_the_last_data(bench: Bench, mode: str, said: str) -> None:
    page = await open_page(bench)
    before = cells(page.health.model)
    await check(bench, page, mode)
    assert said in page.banner.text()
    assert "Shown is the check of" in page.banner.text()
    assert cells(page.health.model) == before
    await check(bench, page, "")
    assert page.banner.isHidden()


@on(THREE)
async def test_data_and_the_plugins_own_error_together(bench: Bench) -> None:
    page = await open_page(bench)
    await check(bench, page, "bug")
    assert len(cells(page.health.model)) == 8
    assert said_by(page.health.signs) == [
        "The plug-in says: The plug-in failed while it looked at LINSTOR"
    ]


@on(THREE)
async def test_old_and_odd_answers(bench: Bench) -> None:
    page = await open_page(bench)
    await check(bench, page, "old")
    assert page.health.resources.state == "empty"
    assert "This plug-in does not tell of resources" in said_by(page.health.signs)
    page.open_part("loss")
    assert page.loss.result.state == "empty"
    page.open_part("health")
    await check(bench, page, "odd")
    assert any("can't be read" in line for line in said_by(page.health.signs))
    assert any(
        "state not told" in text for r in cells(page.health.model).values() for text in r.values()
    )
    await check(bench, page, "unreachable")
    assert any("LINSTOR can't be reached" in line for line in said_by(page.health.signs))


@on(THREE)
async def test_a_first_check_that_fails(bench: Bench) -> None:
    bench.running.host.faults.linstor("failure")
    page = await open_page(bench)
    assert page.part is page.health
    assert "A plugin on the host failed" in page.banner.text()
    assert page.health.resources.state == "empty"
    bench.running.host.faults.linstor("")
    bench.context.stores.xostor.retry()
    await bench.until(lambda: page.health.resources.state == "ready")
    assert page.banner.isHidden()


@on(THREE)
async def test_interfaces_are_asked_for_by_a_click(bench: Bench, asked: list[str]) -> None:
    page = await open_page(bench, "interfaces")
    assert page.interfaces.card.state == "deferred"
    assert count(asked, "listNodeInterfaces") == 0
    bench.context.stores.xostor.ask_interfaces()
    await bench.until(lambda: page.interfaces.card.state == "ready" and not page.busy)
    rows = [page.interfaces.model.texts(row) for row in range(page.interfaces.model.rowCount())]
    assert ("xostor-2", "replication", "10.41.0.2", "Yes") in rows
    assert len(rows) == 6


async def test_one_host_is_told_why_not(bench: Bench, asked: list[str]) -> None:
    page = await open_page(bench)
    assert page.part_ids == ("eligibility", "plan")
    assert count(asked, "healthCheck") == 0
    shown = [page.eligibility.model.texts(at) for at in range(page.eligibility.model.rowCount())]
    assert shown[0][:4] == ("Pool", "3 to 7 hosts", "No", "1 host")
    assert said_by(page.eligibility.signs)[0].startswith("Not as it is: 1 rule is broken")
    page.eligibility.copy.click()
    assert "[  NO] Pool: 3 to 7 hosts -- 1 host" in QGuiApplication.clipboard().text()
    assert page.again.isHidden()


@on(FREE)
async def test_a_plan_is_copied_and_nothing_is_written(bench: Bench, asked: list[str]) -> None:
    page = await open_page(bench)
    assert said_by(page.eligibility.signs) == ["Yes: every rule is kept"]
    page.open_part("plan")
    await bench.until(lambda: page.plan.card.state == "ready")
    assert len(page.plan.disks.model.ticks()) == 3
    assert page.plan.usable.value().replace("\u00a0", " ") == "2.5 TiB"
    lines = [w for w in page.plan.findChildren(TextLabel) if w.text().startswith("lvm.py")]
    assert lines
    assert {line.font().families()[0] for line in lines} == {mono_font().families()[0]}
    page.plan.copies.set_current("1")
    await bench.until(lambda: said_by(page.plan.signs))
    assert said_by(page.plan.signs)[0].startswith("With one copy")
    page.plan.name.setText("fast")
    await bench.until(lambda: page.plan.plan.calls[-1].args.get("name-label") == "fast")
    clipboard = QGuiApplication.clipboard()
    page.plan.copy_xe.click()
    assert "fn=create_thin_pool" in clipboard.text()
    page.plan.copy_python.click()
    ast.parse(clipboard.text())
    page.plan.copy_json.click()
    assert json.loads(clipboard.text())["pool"] == "Generated pool of 3"
    assert len(bench.told) == 3
    page.plan.disks.model.set_ticks([])
    await bench.until(lambda: page.plan.card.state == "empty")
    assert not page.plan.copy_xe.isEnabled()
    assert count(asked, "list_block_devices") == 3
    assert only_reads(asked)


@on(THREE)
async def test_a_hidden_page_wants_nothing(bench: Bench) -> None:
    page = await open_page(bench)
    page.hide()
    await bench.until(lambda: not bench.stores.classes_in_use)


def replicable(bench: Bench) -> None:
    """A network of its own with a static address on every host."""
    made = bench.db.create("network", name_label="replication net")
    hosts = bench.db.refs("host")
    for number, host in enumerate(hosts, 10):
        fields = {"host": host, "network": made, "device": "eth9", "currently_attached": True}
        address = {"ip_configuration_mode": "Static", "IP": f"10.9.0.{number}"}
        bench.db.create("PIF", **fields, **address)


async def interfaces_of(bench: Bench) -> XostorPage:
    page = await open_page(bench, "interfaces")
    bench.context.stores.xostor.ask_interfaces()
    await bench.until(lambda: page.interfaces.card.state == "ready" and not page.busy)
    return page


def reason(page: XostorPage, ident: str) -> str:
    button = page.interfaces.buttons[f"xostor.interface_{ident}"]
    return "" if button.isEnabled() else button.toolTip()


@on(THREE)
async def test_an_interface_is_made_preferred_and_deleted(bench: Bench) -> None:
    linstor = bench.running.host.linstor
    assert linstor is not None
    replicable(bench)
    page = await interfaces_of(bench)
    assert "Select an interface first." in reason(page, "prefer")
    await bench.until(lambda: not reason(page, "new"))
    page.interfaces.buttons["xostor.interface_new"].click()
    dialog = await bench.dialog(NewInterfaceDialog)
    dialog.name.setText("two words")
    dialog.save.click()
    assert not any("two words" in rows for rows in linstor.interfaces.values())
    dialog.name.setText("fast")
    dialog.save.click()
    await bench.until(lambda: all("fast" in rows for rows in linstor.interfaces.values()))
    node = next(iter(linstor.nodes))
    await bench.until(lambda: page.interfaces.model.get(f"{node}/fast") is not None)
    page.interfaces.table.select_ref(f"{node}/fast")
    page.interfaces.buttons["xostor.interface_prefer"].click()
    await bench.until(lambda: linstor.preferred[node] == "fast")
    await bench.until(lambda: not page.busy)
    page.interfaces.table.select_ref(f"{node}/default")
    await bench.until(lambda: "The default interface stays" in reason(page, "delete"))
    page.interfaces.table.select_ref(f"{node}/fast")
    await bench.until(lambda: "already" in reason(page, "prefer"))
    page.interfaces.buttons["xostor.interface_delete"].click()
    asked = await bench.dialog(ConfirmDialog)
    assert asked.go.text() == "Delete interface"
    asked.go.click()
    await bench.until(lambda: "fast" not in linstor.interfaces[node])


@on(FOUR)
async def test_an_interface_that_one_node_refuses_is_on_none(bench: Bench) -> None:
    linstor = bench.running.host.linstor
    assert linstor is not None
    page = await interfaces_of(bench)
    replicable(bench)
    await bench.until(lambda: not reason(page, "new"))
    last = sorted(linstor.nodes)[-1]
    page.interfaces.buttons["xostor.interface_new"].click()
    dialog = await bench.dialog(NewInterfaceDialog)
    dialog.name.setText("fast")
    linstor.interfaces[last]["fast"] = "10.0.0.1"
    dialog.save.click()
    await bench.until(lambda: bool(dialog.refusal.text()))
    assert [node for node, rows in linstor.interfaces.items() if "fast" in rows] == [last]
    assert dialog.name.text() == "fast"
    dialog.cancel.click()
