"""Which VMs a job backs up, with what that means now."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QRadioButton, QVBoxLayout, QWidget

from xolite_qt.backup.jobs.model import Selection
from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.backups.tick_list import TickList
from xolite_qt.ui.models.backup_checks import Tickable
from xolite_qt.ui.models.backup_inventory import (
    VmChoice,
    left_out,
    matching,
    summary,
    tags_of,
)
from xolite_qt.ui.widgets.badges import IconLabel
from xolite_qt.ui.widgets.text import TextLabel

_HOW = (
    ("chosen", "Chosen VMs"),
    ("tags", "VMs with a tag"),
    ("all_but", "All VMs but…"),
)
_NAMES = 8


class VmSection(QWidget):
    """The choice, and a live line of what it matches.

    Signals:
        changed: another choice, or other VMs on the host.
    """

    changed = Signal()

    def __init__(self, selection: Selection) -> None:
        super().__init__()
        self._vms: Sequence[VmChoice] = ()
        self.loaded = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        row = QHBoxLayout()
        row.setSpacing(16)
        self._group = QButtonGroup(self)
        self.how: dict[str, QRadioButton] = {}
        for ident, text in _HOW:
            button = QRadioButton(self.tr(text))
            button.setChecked(ident == selection.how)
            button.toggled.connect(self._how_changed)
            self._group.addButton(button)
            self.how[ident] = button
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        lists = QHBoxLayout()
        lists.setSpacing(16)
        self.vms = TickList(
            self.tr("VMs"),
            search=self.tr("Search by name or tag"),
            empty=self.tr("This host has no VMs."),
            rows=6,
        )
        self.tags = TickList(
            self.tr("Tags"),
            search=self.tr("Search tags"),
            empty=self.tr("No VM has a tag."),
            rows=6,
        )
        lists.addWidget(self.vms, 3)
        lists.addWidget(self.tags, 2)
        column.addLayout(lists, 1)
        now = QHBoxLayout()
        now.setSpacing(8)
        self._sign = IconLabel("vm", 16, color="brand")
        self.now = TextLabel(kind="body-bold", wrap=True)
        now.addWidget(self._sign)
        now.addWidget(self.now, 1)
        column.addLayout(now)
        self.names = TextLabel(kind="small", tone="secondary", wrap=True)
        column.addWidget(self.names)
        self.nobak = TextLabel(kind="small", tone="warning", wrap=True)
        column.addWidget(self.nobak)
        self.vms.model.set_ticks(selection.vms)
        self.tags.model.set_ticks(selection.tags)
        self.vms.ticked.connect(self._tell)
        self.tags.ticked.connect(self._tell)
        self._show_lists()
        self._show_now()

    def set_inventory(self, vms: Sequence[VmChoice]) -> None:
        """The VMs of the host as they are now."""
        self.loaded = True
        if list(vms) == list(self._vms):
            self._show_now()
            return
        self._vms = vms
        self.vms.model.set_lines(
            [
                Tickable(
                    vm.uuid,
                    vm.name or vm.uuid,
                    _note(vm),
                    f"vm:{vm.state}",
                    " ".join((*vm.tags, vm.uuid)),
                )
                for vm in vms
            ]
        )
        counts = tags_of(vms)
        gone = [tag for tag in self.tags.model.ticks() if tag not in counts]
        self.tags.model.set_lines(
            [Tickable(tag, tag, self.tr("no VM now"), "tag", missing=True) for tag in gone]
            + [
                Tickable(tag, tag, fmt.plural(number, "VM", "VMs"), "tag")
                for tag, number in counts.items()
            ]
        )
        self._show_now()
        self.changed.emit()

    def selection(self) -> Selection:
        """What is chosen; what its kind has no use for is left out."""
        how = next(ident for ident, button in self.how.items() if button.isChecked())
        vms, tags = self.vms.model.ticks(), self.tags.model.ticks()
        match how:
            case "chosen":
                return Selection("chosen", vms, ())
            case "tags":
                return Selection("tags", (), tags)
            case _:
                return Selection("all_but", vms, tags)

    def problem(self) -> str:
        """Why the choice cannot be saved; empty where it can."""
        chosen = self.selection()
        if chosen.how == "chosen" and not chosen.vms:
            return self.tr("Choose at least one VM.")
        if chosen.how == "tags" and not chosen.tags:
            return self.tr("Choose at least one tag.")
        return ""

    def _how_changed(self, on: bool) -> None:
        if on:
            self._show_lists()
            self._tell()

    def _show_lists(self) -> None:
        self.vms.setVisible(not self.how["tags"].isChecked())
        self.tags.setVisible(not self.how["chosen"].isChecked())

    def _tell(self) -> None:
        self._show_now()
        self.changed.emit()

    def _show_now(self) -> None:
        if not self.loaded:
            self.now.set_text(self.tr("Looking at the host's VMs…"))
            self.names.hide()
            self.nobak.hide()
            return
        chosen = self.selection()
        found = matching(chosen, self._vms)
        if found:
            self.now.set_text(f"Means now: {summary(found)}")
            self.now.set_tone("txt")
        else:
            self.now.set_text(self.problem() or self.tr("Matches no VM now."))
            self.now.set_tone("warning")
        names = ", ".join(vm.name or vm.uuid for vm in found[:_NAMES])
        if len(found) > _NAMES:
            names += f" and {len(found) - _NAMES} more"
        self.names.set_text(names)
        # Where they are ticked one by one, the list says it already.
        self.names.setVisible(bool(names) and chosen.how != "chosen")
        out = left_out(found)
        self.nobak.set_text(
            f"{fmt.plural(len(out), 'disk is', 'disks are')} left out, "
            f"marked [NOBAK]: {', '.join(out[:4])}" + (" …" if len(out) > 4 else "")
        )
        self.nobak.setVisible(bool(out))


def _note(vm: VmChoice) -> str:
    tags = f"{', '.join(vm.tags[:2])}  " if vm.tags else ""
    return f"{tags}{fmt.size(vm.size_bytes)}" if vm.disks else f"{tags}no disk"
