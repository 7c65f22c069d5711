"""The form for a new VM under the hand of a user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtWidgets import QLineEdit

from tests.gui.pages.conftest import Bench
from xolite_qt.ui.models.new_vm_world import TemplateDisk
from xolite_qt.ui.views.page import PAGES, Kind
from xolite_qt.ui.views.pool.new_vm.page import NewVmPage

KINDS = ("VM", "VDI", "VBD", "VIF", "VTPM", "VM_metrics")


def type_into(field: QLineEdit, text: str) -> None:
    """As a user does: in place of what is there."""
    field.setText(text)
    field.textEdited.emit(text)


async def open_form(bench: Bench) -> NewVmPage:
    """The page by its tab."""
    spec = next(spec for spec in PAGES[Kind.POOL] if spec.tab_id == "new-vm")
    assert spec.passing
    page = await bench.show(spec.factory)
    assert isinstance(page, NewVmPage)
    return page


@dataclass
class Desk:
    """The page and what is looked at after it worked."""

    bench: Bench
    page: NewVmPage

    @property
    def db(self) -> Any:
        return self.bench.db

    def template(self, name: str) -> None:
        """Picks a template by its name."""
        world = self.page.world
        ref = next(vm.ref for vm in world.templates.values() if vm.name_label == name)
        self.page.template.templates.pick(ref)

    def iso(self, name: str) -> str:
        """Picks an ISO by a part of its name; its reference."""
        self.page.install.how.set_current("iso")
        ref = next(vdi.ref for _sr, vdi in self.page.world.discs() if name in vdi.name_label)
        self.page.install.discs.pick(ref)
        return ref

    def sr(self, name: str) -> str:
        """Reference of a storage."""
        return next(sr.ref for sr in self.page.world.srs.values() if sr.name_label == name)

    def net(self, name: str) -> str:
        """Reference of a network."""
        return next(net.ref for net in self.page.world.networks.values() if net.name_label == name)

    def name(self, name: str) -> None:
        """Types the VM's name."""
        type_into(self.page.template.name, name)

    def things(self) -> dict[str, set[str]]:
        """What there is on the host."""
        return {kind: set(self.db.refs(kind)) for kind in KINDS}

    async def create(self) -> None:
        """Presses the button and waits for the end."""
        assert self.page.problems == {}
        assert self.page.make.isEnabled()
        self.page.make.click()
        assert self.page.session.is_working
        await self.bench.until(lambda: not self.page.session.is_working)

    async def created(self, name: str) -> dict[str, Any]:
        """As `create`, for what goes well; the VM's record."""
        await self.create()
        assert self.page.session.shown is None, self.bench.told
        await self.bench.until(lambda: self.bench.went)
        await self.settled()
        kind, ref, _tab = self.bench.went[-1]
        record = self.db.get("VM", ref)
        assert (kind, record["name_label"]) == ("vm", name)
        return {"ref": ref, **record}

    async def settled(self) -> None:
        """Waits until the start that follows has ended too."""
        await self.bench.until(lambda: len(self.bench.context.tasks) == 0)

    def drives(self, vm: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Drives by their place."""
        drives = [self.db.get("VBD", ref) for ref in vm["VBDs"]]
        return {drive["userdevice"]: drive for drive in drives}

    def disk(self, drive: dict[str, Any]) -> Any:
        """The disk in a drive."""
        return self.db.get("VDI", drive["VDI"])

    def cards(self, vm: dict[str, Any]) -> list[dict[str, Any]]:
        """Cards in their order."""
        cards = [self.db.get("VIF", ref) for ref in vm["VIFs"]]
        return sorted(cards, key=lambda card: card["device"])


async def own_template(bench: Bench, name: str = "Cloud image") -> list[TemplateDisk]:
    """Makes a template with a disk, a card and a CD drive of its own, out of a halted VM."""
    db = bench.db
    source = next(
        ref
        for ref in db.refs("VM")
        if db.get("VM", ref)["power_state"] == "Halted"
        and not db.get("VM", ref)["is_a_template"]
        and any(db.get("VBD", vbd)["type"] == "Disk" for vbd in db.get("VM", ref)["VBDs"])
    )
    ref = await bench.api.run("VM.clone", source, name)
    await bench.api.call("VM.set_is_a_template", ref, True)
    drives = [db.get("VBD", vbd) for vbd in db.get("VM", ref)["VBDs"]]
    return [
        TemplateDisk(
            drive["userdevice"],
            db.get("VDI", drive["VDI"])["name_label"],
            "",
            db.get("VDI", drive["VDI"])["virtual_size"],
            db.get("VDI", drive["VDI"])["SR"],
            drive["VDI"],
        )
        for drive in drives
        if drive["type"] == "Disk"
    ]
