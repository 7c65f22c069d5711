"""Where VMs move: to another host, with their disks to other storages, to other networks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from PySide6.QtWidgets import QCheckBox, QWidget

from xolite_qt.ui.dialogs.backups.form import Choice, Form, Row
from xolite_qt.ui.dialogs.choose_host import ChooseHostDialog
from xolite_qt.ui.dialogs.vm.surroundings import Surroundings
from xolite_qt.ui.models.column import one_line
from xolite_qt.ui.widgets.sr_picker import SrPicker
from xolite_qt.ui.widgets.text import TextLabel, set_tooltip
from xolite_qt.xen_api import VDI, VIF, VM, PowerState


class MigrateDialog(ChooseHostDialog):
    """A host; and only where wanted or needed, storages for the disks and networks.

    Args:
        around: the VMs and what is around them.
    """

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        vms = around.vms
        one = vms[0] if len(vms) == 1 else None
        self.around = around
        # What the rows are about, in their order; one row for all where there are several VMs.
        self._disks: list[tuple[Row, SrPicker, list[VDI]]] = []
        self._cards: list[tuple[Row, Choice, VIF]] = []
        self._built = False
        super().__init__(
            f"Migrate {one.name_label if one else f'{len(vms)} VMs'}",
            "Migrate",
            list(around.hosts.values()),
            current=one.resident_on if one else "",
            parent=parent,
        )
        self._width = 600
        self.move_disks = QCheckBox(self.tr("Move disks to other storages"))
        self.change_networks = QCheckBox(self.tr("Connect to other networks"))
        self.disk_form, self.card_form = Form(), Form()
        self.how = TextLabel("", kind="small", tone="secondary", wrap=True)
        place = self.body.count() - 1
        for widget in (
            self.move_disks,
            self.disk_form,
            self.change_networks,
            self.card_form,
            self.how,
        ):
            self.body.insertWidget(place, widget)
            place += 1
        self._add_rows(one)
        # A VM that is not running is on no host: all that can move is its disks.
        self._halted = any(vm.power_state == PowerState.HALTED for vm in vms)
        self.move_disks.toggled.connect(lambda _on: self._show_rows())
        self.change_networks.toggled.connect(lambda _on: self._show_rows())
        for _row, picker, _vdis in self._disks:
            picker.currentIndexChanged.connect(lambda _at: self._judge())
        for _row, choice, _vif in self._cards:
            choice.currentIndexChanged.connect(lambda _at: self._judge())
        self._built = True
        self._chosen()

    def _add_rows(self, one: VM | None) -> None:
        around = self.around
        if one is None:
            all_disks = [vdi for vm in around.vms for vdi in around.disks(vm)]
            picker = SrPicker(self.tr("Storage for all disks"))
            row = self.disk_form.add(self.tr("Storage for all disks"), picker)
            self._disks.append((row, picker, all_disks))
            return
        for vdi in around.disks(one):
            caption = one_line(vdi.name_label or vdi.uuid)[:60]
            picker = SrPicker(caption)
            self._disks.append((self.disk_form.add(caption, picker), picker, [vdi]))
        for vif in around.cards(one):
            caption = self.tr("Card {0}").format(vif.device)
            choice = Choice(())
            self._cards.append((self.card_form.add(caption, choice, hint=vif.mac), choice, vif))

    # ------------------------------------------------------------------ what fits the host

    def _chosen(self) -> None:
        if not self._built:
            super()._chosen()
            return
        host = self.chosen
        for _row, picker, vdis in self._disks:
            size = sum(vdi.virtual_size for vdi in vdis)
            now = vdis[0].sr if len(self.around.vms) == 1 and vdis else ""
            picker.offer(self.around.storages(size, host, now), now)
        networks = sorted(
            (n for n in self.around.networks.values() if self.around.has_network(host, n.ref)),
            key=lambda network: network.name_label.casefold(),
        )
        for _row, choice, vif in self._cards:
            kept = choice.current() or vif.network
            choice.blockSignals(True)
            choice.clear()
            for network in networks:
                choice.addItem(one_line(network.name_label), network.ref)
            if not choice.set_current(kept):
                choice.setCurrentIndex(-1)
            choice.blockSignals(False)
        self._require(self.move_disks, self._disks_must_move(host))
        self._require(self.change_networks, self._networks_must_change(host))
        self._show_rows()

    def _disks_must_move(self, host: str) -> str:
        if self._halted:
            return self.tr("It is not running: only its disks can move.")
        for _row, _picker, vdis in self._disks:
            for vdi in vdis:
                sr = self.around.srs.get(vdi.sr)
                if host and sr is not None and not self.around.sees(host, sr.ref):
                    return self.tr("The host does not see {0}.").format(sr.name_label)
        return ""

    def _networks_must_change(self, host: str) -> str:
        for _row, _choice, vif in self._cards:
            network = self.around.networks.get(vif.network)
            if host and network is not None and not self.around.has_network(host, network.ref):
                return self.tr("The host does not have {0}.").format(network.name_label)
        return ""

    def _require(self, tick: QCheckBox, why: str) -> None:
        if why:
            tick.setChecked(True)
        tick.setEnabled(not why)
        set_tooltip(tick, why)
        tick.setAccessibleDescription(why)

    def _show_rows(self) -> None:
        self.disk_form.setVisible(self.move_disks.isChecked() and bool(self._disks))
        self.move_disks.setVisible(bool(self._disks))
        self.card_form.setVisible(self.change_networks.isChecked())
        self.change_networks.setVisible(bool(self._cards))
        self._judge()
        if self.isVisible():
            self.fit()

    # ------------------------------------------------------------------ answer

    def vdi_map(self, vm: VM) -> dict[str, str]:
        """Disk to storage, of all disks of a VM; empty where none moves."""
        if not self.move_disks.isChecked():
            return {}
        wanted = {vdi.ref: p.current() for _row, p, vdis in self._disks for vdi in vdis}
        own = {vdi.ref: wanted.get(vdi.ref) or vdi.sr for vdi in self.around.disks(vm)}
        moves = any(own[vdi.ref] != vdi.sr for vdi in self.around.disks(vm))
        return own if moves else {}

    def vif_map(self, vm: VM) -> dict[str, str]:
        """Card to network, of those that change."""
        if not self.change_networks.isChecked():
            return {}
        chosen = {vif.ref: choice.current() for _row, choice, vif in self._cards}
        old = {vif.ref: vif.network for vif in self.around.cards(vm)}
        return {ref: new for ref, new in chosen.items() if ref in old and new not in ("", old[ref])}

    def transfer_network(self, host: str) -> str:
        """Over which disks travel: the network of the host's management."""
        pifs = [pif for pif in self.around.pifs.values() if pif.host == host]
        return next((pif.network for pif in pifs if pif.management), "")

    def work(self, vm: VM) -> Callable[[Any], Awaitable[None]]:
        """What moves a VM as the form says."""
        host = self.chosen
        return partial(
            _move, vm.ref, host, self.transfer_network(host), self.vdi_map(vm), self.vif_map(vm)
        )

    def _judge(self) -> None:
        if not self._built:
            return
        problem = ""
        for row, picker, _vdis in self._disks:
            wrong = self.move_disks.isChecked() and not picker.current()
            row.set_problem(self.tr("No storage can take it.") if wrong else "")
            row.set_hint(picker.warning, "warning")
            problem = problem or (self.tr("A disk has no storage to go to.") if wrong else "")
        for row, choice, vif in self._cards:
            wrong = self.change_networks.isChecked() and not choice.current()
            row.set_problem(self.tr("Choose a network of that host.") if wrong else "")
            row.set_hint(vif.mac)
            problem = problem or (self.tr("A network card has no network.") if wrong else "")
        moving = any(self.vdi_map(vm) for vm in self.around.vms)
        if not problem and self._halted and not moving:
            problem = self.tr("It is not running, and no disk moves: there is nothing to do.")
        self.go.set_reason(problem or (None if self.chosen else self.tr("Choose a host first.")))
        if moving and not self._halted:
            self.how.set_text(
                self.tr("The VM runs on while its disks are copied; that can take long.")
            )
        else:
            self.how.set_text("" if moving else self.tr("The VM runs on while it moves."))


async def _move(
    vm: str,
    host: str,
    network: str,
    vdi_map: dict[str, str],
    vif_map: dict[str, str],
    api: Any,
) -> None:
    if not vdi_map and not vif_map:
        await api.run("VM.pool_migrate", vm, host, {"live": "true"})
        return
    dest = await api.call("host.migrate_receive", host, network, {})
    await api.run("VM.migrate_send", vm, dest, True, vdi_map, vif_map, {}, {})
