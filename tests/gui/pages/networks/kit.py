"""What tests of networks do over and over."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QComboBox, QDialog

from tests.gui.pages.conftest import Bench
from xolite_qt.ui.views.pool.networks.page import NetworksPage


def rows(page: Any) -> dict[str, dict[str, str]]:
    """Texts of a table by the row's first cell, then by heading."""
    model = page.model
    titles = [column.title for column in model.columns]
    texts = [model.texts(at) for at in range(model.rowCount())]
    return {row[0]: dict(zip(titles, row, strict=True)) for row in texts}


async def open_networks(bench: Bench, name: str = "") -> NetworksPage:
    """The Network tab of the pool, with a network selected."""
    page = await bench.show(NetworksPage, next(iter(bench.db.refs("pool"))))
    if name:
        page.select(await bench.ref_of("network", name))
        await bench.until(lambda: page.panel.is_open)
    return page


def record(bench: Bench, cls: str, ref: str) -> dict[str, Any]:
    """A record of the demo host."""
    found: dict[str, Any] = bench.db.get(cls, ref)
    return found


async def network(bench: Bench, name: str) -> dict[str, Any]:
    """A network of the demo host by its name."""
    return record(bench, "network", await bench.ref_of("network", name))


def pif_of(bench: Bench, device: str, vlan: int = -1, host: str = "") -> str:
    """Reference of an interface of a host; of this one by default."""
    host = host or bench.running.host.this_host
    for ref in bench.db.refs("PIF"):
        found = bench.db.get("PIF", ref)
        if (found["device"], found["VLAN"], found["host"]) == (device, vlan, host):
            return str(ref)
    raise AssertionError(device)


def pick(combo: QComboBox, ident: str) -> None:
    """Choose an entry by its id."""
    at = combo.findData(ident)
    assert at >= 0, [combo.itemData(place) for place in range(combo.count())]
    combo.setCurrentIndex(at)
    combo.activated.emit(at)


async def closed(bench: Bench) -> None:
    """Wait until no dialog is open any more."""
    await bench.until(lambda: not bench.window.findChildren(QDialog))
