"""What tests about whole VMs share: finding VMs, and beginning from the menu."""

from __future__ import annotations

from typing import Any, TypeVar

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from tests.gui.pages.conftest import Bench
from xolite_qt.stores import Subscription
from xolite_qt.ui.views import vm as vm_pages
from xolite_qt.xen_api import VM

# Importing the pages enters the forms of the actions, as the window does.
assert vm_pages is not None
D = TypeVar("D")


def in_state(bench: Bench, state: str, least: int = 1) -> list[str]:
    """References of VMs with disks, those without snapshots first; at least so many."""
    found = []
    for ref in bench.db.refs("VM"):
        vm = bench.db.get("VM", ref)
        real = not (vm["is_a_template"] or vm["is_control_domain"] or vm["is_a_snapshot"])
        if real and vm["power_state"] == state and disks(bench, ref):
            found.append(str(ref))
    found.sort(key=lambda ref: len(bench.db.get("VM", ref)["snapshots"]))
    assert len(found) >= least, f"{least} VMs: {state}"
    return found


def disks(bench: Bench, vm: str) -> list[str]:
    """References of a VM's disks."""
    vbds = [bench.db.get("VBD", ref) for ref in bench.db.get("VM", vm)["VBDs"]]
    return [vbd["VDI"] for vbd in vbds if vbd["type"] == "Disk"]


def name(bench: Bench, ref: str, cls: str = "VM") -> str:
    return str(bench.db.get(cls, ref)["name_label"])


async def records(bench: Bench, *refs: str) -> list[VM]:
    """The client's records, as the selection of a table would have them."""
    store = bench.context.stores.vm
    opened: Subscription[Any] = store.subscribe()
    # The window's tree keeps the hosts known as long as it is there.
    hosts = bench.context.stores.host
    bench.context.services.setdefault("tree", hosts.subscribe())
    await bench.until(lambda: all(ref in store.records for ref in refs) and hosts.records)
    found = [store.records[ref] for ref in refs]
    opened.close()
    return found


def menu_entry(bench: Bench, vms: list[VM], words: str) -> tuple[QMenu, QAction]:
    """The entry of the menu that headers, trees and tables show."""
    menu = bench.context.actions.menu("vm", lambda: vms, QWidget(bench.window))
    menu.aboutToShow.emit()
    return menu, next(entry for entry in menu.actions() if entry.text() == words)


async def choose(bench: Bench, words: str, *refs: str) -> None:
    """Chooses an entry for VMs that allows it."""
    _menu, entry = menu_entry(bench, await records(bench, *refs), words)
    assert entry.isEnabled(), entry.toolTip()
    entry.trigger()


def told(bench: Bench, words: str) -> bool:
    """Whether a toast has said this."""
    return any(words in text for text in bench.told)
