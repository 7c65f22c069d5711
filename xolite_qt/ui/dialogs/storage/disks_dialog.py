"""All disks of one storage: found, renamed, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from xolite_qt.stores import Subscription
from xolite_qt.ui import format as fmt
from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.context import PageContext
from xolite_qt.ui.deeds import Choice, Deed
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.dialogs.snapshots.dialogs import NameDialog
from xolite_qt.ui.models.column import Column, Kind
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.widgets import Button, DataTable, SearchField, TextLabel
from xolite_qt.xen_api import SR, VDI


class DisksDialog(Dialog):
    """The disks of a storage as a table; it follows the host while it is open."""

    def __init__(self, context: PageContext, sr: SR, parent: QWidget | None = None) -> None:
        super().__init__(
            self.tr("Disks on {0}").format(sr.name_label), icon="disks", width=900, parent=parent
        )
        self._context, self._sr = context, sr
        stores = context.stores
        bar = QHBoxLayout()
        self.search = SearchField(self.tr("Search disks"))
        self.search.setMaximumWidth(320)
        self.count = TextLabel(kind="small", tone="secondary")
        bar.addWidget(self.search, 1)
        bar.addWidget(self.count)
        bar.addStretch(1)
        self.rename = Button("Rename…", "secondary", icon="edit", small=True)
        self.rename.clicked.connect(lambda: self._choose("vdi.rename"))
        self.delete = Button("Delete…", "tertiary-danger", icon="trash", small=True)
        self.delete.clicked.connect(lambda: self._choose("vdi.delete"))
        bar.addWidget(self.rename)
        bar.addWidget(self.delete)
        self.body.addLayout(bar)
        self.model = RecordTableModel(self._columns())
        self.model.setParent(self)
        self.table = DataTable(self.model, says=self.tr("Disks"))
        self.table.setMinimumHeight(360)
        self.body.addWidget(self.table, 1)
        self.close_button = self.add_button(self.tr("Close"), "primary")
        self.close_button.clicked.connect(self.reject)
        self.search.searched.connect(self.model.set_filter)
        self.model.counted.connect(lambda *_counts: self._tell())
        self.table.selection_changed.connect(lambda _refs: self._judge())
        self.table.menu_requested.connect(self._menu)
        self._holds: list[Subscription[Any]] = [
            stores.vdi.subscribe(self.model.apply),
            stores.vbd.subscribe(lambda _change: self.model.touch()),
            stores.vm.subscribe(lambda _change: self.model.touch()),
        ]
        self.model.set_row_filter(lambda vdi: vdi.sr == sr.ref)
        self.model.replace(stores.vdi.records.values())
        self.finished.connect(lambda _result: self._let_go())
        self._tell()
        self._judge()

    def _let_go(self) -> None:
        holds, self._holds = self._holds, []
        for hold in holds:
            hold.close()

    def _columns(self) -> tuple[Column[VDI], ...]:
        return (
            Column[VDI](
                id="name",
                title="Name",
                value=lambda vdi: vdi.name_label or vdi.uuid,
                icon=lambda vdi: "snapshot" if vdi.is_a_snapshot else "vdi",
                width=260,
            ),
            Column[VDI](id="vms", title="VMs", value=self._users, width=200),
            Column[VDI](
                id="size",
                title="Size",
                value=lambda vdi: vdi.virtual_size,
                text=lambda vdi: fmt.size(vdi.virtual_size),
                kind=Kind.BYTES,
                width=100,
            ),
            Column[VDI](
                id="used",
                title="On disk",
                value=lambda vdi: max(0, vdi.physical_utilisation),
                text=lambda vdi: fmt.size(max(0, vdi.physical_utilisation)),
                kind=Kind.BYTES,
                width=100,
            ),
            Column[VDI](id="kind", title="Kind", value=_kind, width=120),
            Column[VDI](
                id="uuid",
                title="UUID",
                value=lambda vdi: vdi.uuid,
                default_visible=False,
                width=290,
            ),
        )

    def _users(self, vdi: VDI) -> str:
        stores = self._context.stores
        names = set()
        for ref in vdi.vbds:
            vbd = stores.vbd.get(ref)
            vm = stores.vm.get(vbd.vm) if vbd is not None else None
            if vm is not None:
                names.add(vm.name_label)
        return ", ".join(sorted(names))

    def _tell(self) -> None:
        total = sum(1 for vdi in self._context.stores.vdi.records.values() if self._mine(vdi))
        self.count.set_text(fmt.plural(total, "disk", "disks"))
        if self.model.rowCount():
            self.table.show_rows()
        elif total:
            self.table.show_hero("no-result", self.tr("Nothing fits"))
        else:
            self.table.show_hero("empty", self.tr("No disks"))

    def _mine(self, vdi: VDI) -> bool:
        return vdi.sr == self._sr.ref

    # ------------------------------------------------------------------ choices

    def chosen(self) -> list[VDI]:
        """The selected disks."""
        found = (self.model.get(ref) for ref in self.table.selected_refs())
        return [vdi for vdi in found if vdi is not None]

    def choices(self) -> Sequence[Choice]:
        """What may be done with them."""
        chosen = self.chosen()
        none = None if chosen else "Select a disk first."
        one = none or (None if len(chosen) == 1 else "Select one disk.")
        return (
            Choice("vdi.rename", "Rename…", "edit", partial(self._rename, chosen), one),
            Choice(
                "vdi.delete",
                "Delete…",
                "trash",
                partial(self._delete, chosen),
                none or _stuck(chosen),
                90,
            ),
        )

    def _judge(self) -> None:
        rename, delete = self.choices()
        blocked = self._context.actions.blocked
        self.rename.set_reason(blocked or rename.reason)
        self.delete.set_reason(blocked or delete.reason)

    def _choose(self, ident: str) -> None:
        choice = next(one for one in self.choices() if one.id == ident)
        self._context.actions.choose(choice)

    def _menu(self, place: QPoint, _refs: list[str]) -> None:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self._context.actions.fill(menu, self.choices())
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)

    def _rename(self, chosen: Sequence[VDI]) -> None:
        self._context.tasks.spawn(self._ask_name(chosen[0]), "rename disk")

    async def _ask_name(self, vdi: VDI) -> None:
        dialog = NameDialog("Rename disk", "Rename", vdi.name_label, parent=self)
        if await ask(dialog):
            name = dialog.name.text().strip()

            async def work(api: Any) -> None:
                await api.call("VDI.set_name_label", vdi.ref, name)

            await self._context.actions.do([Deed(vdi.name_label, "Rename", "renamed", work)])

    def _delete(self, chosen: Sequence[VDI]) -> None:
        names = [vdi.name_label or vdi.uuid for vdi in chosen]
        what = names[0] if len(names) == 1 else f"{len(names)} disks"
        question = Question(
            f"Delete {what}?",
            "What is on them is lost; this cannot be undone.",
            "Delete disk" if len(names) == 1 else "Delete disks",
            Harm.DESTRUCTIVE,
            consequences=tuple(
                f"{vdi.name_label or vdi.uuid} ({fmt.size(vdi.virtual_size)})" for vdi in chosen
            ),
            type_this=names[0] if len(names) == 1 else f"delete {len(names)} disks",
        )
        deeds = [
            Deed(vdi.name_label or vdi.uuid, "Delete disk", "deleted", partial(_destroy, vdi.ref))
            for vdi in chosen
        ]
        self._context.actions.begin(deeds, question)


def _kind(vdi: VDI) -> str:
    if not vdi.managed:
        return "Base of copies"
    if vdi.is_a_snapshot:
        return "Snapshot"
    return "Disk" if vdi.vbds else "Disk, unused"


def _stuck(chosen: Sequence[VDI]) -> str | None:
    for vdi in chosen:
        if "destroy" not in vdi.allowed_operations:
            return f"{vdi.name_label or vdi.uuid} is in use, or part of other disks."
    return None


async def _destroy(ref: str, api: Any) -> None:
    await api.run("VDI.destroy", ref)
