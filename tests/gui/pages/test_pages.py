"""Every page: what it listens to, what it shows, and that names stay text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QWidget,
)

from tests.gui.pages.conftest import Bench
from xolite_qt.ui.views.host.alarms import HostAlarms
from xolite_qt.ui.views.host.dashboard import HostDashboard
from xolite_qt.ui.views.host.system import HostSystem
from xolite_qt.ui.views.host.vms import HostVms
from xolite_qt.ui.views.page import PAGES, Kind, Page, PageContext
from xolite_qt.ui.views.pool.alarms import PoolAlarms
from xolite_qt.ui.views.pool.dashboard import PoolDashboard
from xolite_qt.ui.views.pool.hosts import HostsPage
from xolite_qt.ui.views.pool.system.page import PoolSystem
from xolite_qt.ui.views.pool.vms import VmsPage
from xolite_qt.ui.views.settings_page import SettingsPage
from xolite_qt.ui.views.tasks import TasksPage
from xolite_qt.ui.views.vm.alarms import VmAlarms
from xolite_qt.ui.views.vm.dashboard import VmDashboard
from xolite_qt.ui.views.vm.system import VmSystem

Make = Callable[[PageContext, str], Page]

ROWS = {"host", "pool", "vm", "vm_metrics", "vm_guest_metrics"}
# Live measurements need to know which hosts live.
LIVE = {"host", "host_metrics", "pool"}
DEVICES = {"pci", "pgpu", "gpu_group", "vgpu", "certificate"}

LISTENS: list[tuple[Make, str, set[str]]] = [
    (PoolDashboard, "pool", ROWS | LIVE | {"sr", "task"}),
    (PoolAlarms, "pool", {"message", "pool", "host", "vm", "sr"}),
    (TasksPage, "pool", {"task", "host"}),
    (HostsPage, "pool", LIVE | {"vm"}),
    (VmsPage, "pool", ROWS | LIVE),
    (HostDashboard, "host", ROWS | LIVE),
    # Full disks are told of the VM that runs the host's services.
    (HostAlarms, "host", {"message", "host", "vm"}),
    (HostSystem, "host", LIVE | DEVICES | {"vm", "pif", "sr", "pbd", "host_crashdump"}),
    (PoolSystem, "pool", {"pool", "host", "network", "sr", "pbd", "crashdump", "certificate"}),
    (HostVms, "host", ROWS | LIVE),
    (VmDashboard, "VM", ROWS),
    (VmAlarms, "VM", {"message", "vm"}),
    (VmSystem, "VM", {"vm", "vm_metrics", "vm_guest_metrics", "host", "sr"}),
    (SettingsPage, "", LIVE),
]


def names(case: tuple[Make, str, set[str]]) -> str:
    return getattr(case[0], "__name__", "page")


def a_vm(bench: Bench) -> str:
    for ref in bench.db.refs("VM"):
        vm = bench.db.get("VM", ref)
        plain = not (vm["is_a_template"] or vm["is_control_domain"] or vm["is_a_snapshot"])
        if plain and vm["power_state"] == "Running":
            return str(ref)
    raise AssertionError("the demo world has no running VM")


def target(bench: Bench, cls: str) -> str:
    if not cls:
        return ""
    return a_vm(bench) if cls == "VM" else str(next(iter(bench.db.refs(cls))))


def cells(page: VmsPage, row: int) -> tuple[str, ...]:
    return page.model.texts(row)


def says(page: QWidget, text: str) -> bool:
    return text in words(page)


def words(page: QWidget) -> str:
    return "\n".join(label.text() for label in page.findChildren(QLabel))


@pytest.mark.parametrize("case", LISTENS, ids=names)
async def test_a_page_listens_to_its_own_classes_and_to_none_after_it(
    bench: Bench, case: tuple[Make, str, set[str]]
) -> None:
    make, cls, expected = case
    page = await bench.show(make, target(bench, cls))
    await bench.until(lambda: bench.api.events.served_classes == page.classes)
    assert page.classes == expected
    page.hide()
    await bench.until(lambda: not bench.api.events.classes)
    assert not page.classes


@pytest.mark.parametrize("case", LISTENS, ids=names)
async def test_no_page_is_blank_and_none_calls_anything_but_reads(
    bench: Bench, case: tuple[Make, str, set[str]]
) -> None:
    make, cls, _ = case
    page = await bench.show(make, target(bench, cls))
    await asyncio.sleep(0.3)
    image = page.grab().toImage()
    colours = {image.pixelColor(x, y).name() for x in range(0, 1000, 3) for y in range(0, 700, 7)}
    assert len(colours) > 4
    writes = [
        call
        for call in bench.calls()
        if not call.startswith(("session.", "event.", "system."))
        and ".get_" not in call
        and call != "GET /rrd_updates"
    ]
    assert writes == []


async def test_every_page_is_a_tab_of_its_kind(bench: Bench) -> None:
    tabs = {f"{kind}.{spec.tab_id}" for kind, specs in PAGES.items() for spec in specs}
    assert tabs >= {
        "pool.dashboard", "pool.alarms", "pool.tasks", "pool.hosts", "pool.vms",
        "host.dashboard", "host.alarms", "host.system",
        "vm.dashboard", "vm.alarms", "vm.system",
    }  # fmt: skip
    for kind in (Kind.POOL, Kind.HOST, Kind.VM):
        for spec in PAGES[kind]:
            assert spec.factory(bench.context, "").page_id == f"{kind}.{spec.tab_id}"


async def test_names_that_look_like_markup_are_shown_as_they_are(bench: Bench) -> None:
    evil = '<b>x</b><img src="http://127.0.0.1/x">'
    vm = a_vm(bench)
    host = target(bench, "host")
    bench.db.set("VM", vm, name_label=evil, name_description=evil, tags=[evil])
    bench.db.set("host", host, name_label=evil, name_description=evil)
    for make, ref in ((VmDashboard, vm), (VmSystem, vm), (HostDashboard, host), (HostSystem, host)):
        page = await bench.show(make, ref)
        await bench.until(partial(says, page, evil))
        for label in page.findChildren(QLabel):
            assert not label.text() or label.textFormat().name == "PlainText", label.text()
            assert "<img" not in label.toolTip()
        page.hide()
    table = await bench.show(VmsPage)
    await bench.until(
        lambda: any(evil in cells(table, row) for row in range(table.model.rowCount()))
    )


async def test_ten_megabytes_of_name_do_not_stop_a_page(bench: Bench) -> None:
    vm = a_vm(bench)
    bench.db.set("VM", vm, name_label="n" * 10_000_000, name_description="d" * 1_000_000)
    page = await bench.show(VmSystem, vm)
    assert max(len(label.text()) for label in page.findChildren(QLabel)) <= 4_000
    table = await bench.show(VmsPage)
    rows = range(table.model.rowCount())
    assert max(len(text) for row in rows for text in cells(table, row)) <= 300


async def test_every_control_has_a_name(bench: Bench) -> None:
    for make, cls, _ in LISTENS:
        page = await bench.show(make, target(bench, cls))
        for kind in (QAbstractButton, QAbstractItemView, QLineEdit):
            for control in page.findChildren(kind):
                # What is inside a search or a number field is named by the field.
                inside = isinstance(control.parent(), (QLineEdit, QAbstractSpinBox))
                inside = inside or isinstance(control, QHeaderView)
                if not control.isVisible() or inside:
                    continue
                text = control.text() if isinstance(control, QAbstractButton) else ""
                assert control.accessibleName() or text, f"{page.page_id}: {control}"
        page.hide()
