"""The storages of the pool, or those that one host has a way to."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QWidget

from xolite_qt.stores import SrRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.deeds import Choice, Deed
from xolite_qt.ui.dialogs.pool.identity import tags_of
from xolite_qt.ui.dialogs.storage.disks_dialog import DisksDialog
from xolite_qt.ui.dialogs.storage.edit_storage import EditStorageDialog
from xolite_qt.ui.models.sr_columns import sr_columns, state_of
from xolite_qt.ui.models.storage_users import Users, in_use, missing_hosts, users_of
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.acting_table import ActingTable, Fact
from xolite_qt.ui.views.parts.thresholds import edit_thresholds
from xolite_qt.ui.views.pool.storage import deeds
from xolite_qt.ui.views.pool.storage.upload import begin_upload, upload
from xolite_qt.ui.widgets import Thresholds
from xolite_qt.xen_api import PBD

_SECRET = ("password", "secret", "chap")
_THIN = {"ext", "nfs", "smb", "cifs", "zfs", "file", "xfs", "cephfs", "largeblock", "linstor"}


class StoragePage(ActingTable[SrRow]):
    """Storages: connected, repaired, renamed, forgotten, destroyed; their disks."""

    page_id = "pool.storage"
    title = "Storage"
    icon_name = "sr"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        stores = context.stores
        self._stores = stores
        super().__init__(
            context,
            ref,
            columns=sr_columns(is_default=self._is_default),
            store=stores.sr_rows,
            one="storage",
            many="storages",
            beside=(stores.pool, stores.host, stores.vdi, stores.vbd, stores.vm),
            on_bar=("sr.new", "sr.connect", "sr.disconnect", "sr.scan", "sr.disks", "sr.upload"),
            primary="sr.new",
            thresholds=Thresholds(),
            parent=parent,
        )
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Override QWidget::dragEnterEvent: images from this computer may be dropped."""
        if dropped(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Override QWidget::dropEvent: uploads to the selected storage, or the only one."""
        paths = dropped(event.mimeData())
        rows = [row for row in self.chosen() or self.model.rows() if _no_isos(row) is None]
        if len(rows) != 1:
            text = "Select the storage of ISO images that it should go to first."
            self.context.notify(text, level="warning")
            return
        event.acceptProposedAction()
        for path in paths:
            upload(self.context, rows[0].sr, path)

    # ------------------------------------------------------------------ rows

    @property
    def host(self) -> str:
        """The host that the page is about; "" for the whole pool."""
        return ""

    def _is_default(self, ref: str) -> bool:
        pool = self._stores.the_pool()
        return pool is not None and pool.default_sr == ref

    def pbds(self, row: SrRow) -> list[PBD]:
        """The ways to a storage that this page is about."""
        return [pbd for pbd in row.pbds if not self.host or pbd.host == self.host]

    def title_of(self, row: SrRow) -> str:
        """Its name."""
        return row.sr.name_label or "(no name)"

    def records(self, row: SrRow) -> Any:
        """The storage and its ways, passwords left out."""
        return {"SR": row.sr, "PBDs": [{"host": p.host, **_shown(p)} for p in row.pbds]}

    def users(self, row: SrRow) -> Users:
        """Who uses it."""
        stores = self._stores
        return users_of(row.sr, stores.vdi.records, stores.vbd.records, stores.vm.records)

    def facts(self, row: SrRow) -> Sequence[Fact]:
        """Everything about a storage."""
        sr, users = row.sr, self.users(row)
        vms = (*users.running, *users.others)
        thin = "Thin" if sr.type in _THIN else "Thick"
        found = [
            Fact("Status", fmt.power_state(state_of(row))),
            Fact("Description", sr.name_description),
            Fact("Type", sr.type),
            Fact("Content", "ISO images" if sr.content_type == "iso" else "Disks"),
            Fact("Access", "Shared" if sr.shared else "Local"),
            Fact("Provisioning", sr.sm_config.get("allocation", thin).capitalize()),
            Fact("Size", fmt.size(row.size_bytes) if row.size_bytes is not None else ""),
            Fact("Used", fmt.fraction_of(row.used_bytes or 0, row.size_bytes or 0)),
            Fact("Promised to disks", fmt.size(max(0, sr.virtual_allocation))),
            Fact("Disks", fmt.count(len(users.disks))),
            Fact("VMs", ", ".join(vms[:8]) + (" …" if len(vms) > 8 else "")),
            Fact("Tags", ", ".join(sr.tags)),
            Fact("UUID", sr.uuid, mono=True),
        ]
        for pbd in row.pbds:
            host = self._stores.host.get(pbd.host)
            name = host.name_label if host is not None else "Missing host"
            state = "Connected" if pbd.currently_attached else "Disconnected"
            found.append(Fact(f"On {name}", f"{state}\n{_config_words(pbd)}".strip()))
        for key, value in sorted(sr.other_config.items()):
            if key.startswith("XenCenter.CustomFields."):
                found.append(Fact(key.removeprefix("XenCenter.CustomFields."), value))
        return found

    # ------------------------------------------------------------------ choices

    def row_choices(self, rows: Sequence[SrRow]) -> Sequence[Choice]:
        """What may be done with storages."""
        none = None if rows else "Select a storage first."
        one = none or (None if len(rows) == 1 else "Select one storage.")
        first = rows[0] if rows else None

        def spawn(work: Callable[[SrRow], Coroutine[Any, Any, None]]) -> Callable[[], object]:
            return lambda: self.context.tasks.spawn(work(rows[0]), "storage")

        return (
            Choice("sr.new", "New storage…", "plus", self._new, self._may_create(), 10),
            Choice(
                "sr.connect",
                "Connect",
                "plug",
                partial(self._connect, rows),
                none or self._may_connect(rows),
                20,
            ),
            Choice(
                "sr.disconnect",
                "Disconnect…",
                "disconnect",
                partial(self._disconnect, rows),
                none or self._may_disconnect(rows),
                20,
            ),
            Choice(
                "sr.repair",
                "Repair",
                "wrench",
                partial(self._repair, rows),
                none or self._may_repair(rows),
                20,
            ),
            Choice(
                "sr.scan", "Scan", "refresh", partial(self._scan, rows), none or _plugged(rows), 30
            ),
            Choice("sr.disks", "Show disks…", "disks", spawn(self._show_disks), one, 40),
            Choice(
                "sr.upload",
                "Upload ISO…",
                "upload",
                lambda: begin_upload(self.context, rows[0].sr),
                one or (_no_isos(first) if first is not None else None),
                40,
            ),
            Choice("sr.edit", "Change…", "edit", spawn(self._edit), one, 50),
            Choice(
                "sr.thresholds",
                "Alarm thresholds…",
                "alarm",
                lambda: edit_thresholds(self.context, "SR", rows[0].sr),
                one,
                50,
            ),
            Choice(
                "sr.default",
                "Make default",
                "star",
                partial(self._make_default, rows),
                one or self._may_default(rows[0]),
                50,
            ),
            Choice(
                "sr.forget",
                "Forget…",
                "eye-slash",
                partial(self._forget, rows),
                one or in_use(self.users(rows[0])),
                90,
            ),
            Choice(
                "sr.destroy",
                "Destroy…",
                "trash",
                partial(self._destroy, rows),
                one or in_use(self.users(rows[0])),
                90,
            ),
        )

    def _may_create(self) -> str | None:
        return None if self._stores.host.records else "The hosts are not known yet."

    def _may_connect(self, rows: Sequence[SrRow]) -> str | None:
        loose = any(not pbd.currently_attached for row in rows for pbd in self.pbds(row))
        return None if loose else "Connected already."

    def _may_disconnect(self, rows: Sequence[SrRow]) -> str | None:
        if not any(pbd.currently_attached for row in rows for pbd in self.pbds(row)):
            return "Not connected."
        return next((why for row in rows if (why := in_use(self.users(row))) is not None), None)

    def _missing(self, row: SrRow) -> set[str]:
        return missing_hosts(row.sr, {pbd.host for pbd in row.pbds}, set(self._stores.host.records))

    def _may_repair(self, rows: Sequence[SrRow]) -> str | None:
        for row in rows:
            loose = any(not pbd.currently_attached for pbd in row.pbds)
            if row.pbds and (loose or self._missing(row)):
                return None
        return "Every host that should reach it does."

    def _may_default(self, row: SrRow) -> str | None:
        if self._is_default(row.ref):
            return "It is the default already."
        if row.sr.content_type == "iso" or row.sr.type == "udev":
            return "It takes no disks."
        return None

    # ------------------------------------------------------------------ doing

    def _deed(self, row: SrRow, label: str, done: str, work: Any, *args: Any) -> Deed:
        return Deed(self.title_of(row), label, done, lambda api: work(api, *args))

    def _named(self, rows: Sequence[SrRow]) -> str:
        return self.title_of(rows[0]) if len(rows) == 1 else f"{len(rows)} storages"

    def _connect(self, rows: Sequence[SrRow]) -> None:
        made = [self._deed(row, "Connect", "connected", deeds.plug, self.pbds(row)) for row in rows]
        self.context.actions.begin(made)

    def _scope(self, rows: Sequence[SrRow]) -> str:
        hosts = {pbd.host for row in rows for pbd in self.pbds(row) if pbd.currently_attached}
        names = [host.name_label for ref in hosts if (host := self._stores.host.get(ref))]
        return ", ".join(sorted(names))

    def _disconnect(self, rows: Sequence[SrRow]) -> None:
        question = Question(
            f"Disconnect {self._named(rows)}?",
            f"From: {self._scope(rows)}. VMs with disks on it cannot start there until it is "
            "connected again.",
            "Disconnect",
            Harm.DISRUPTIVE,
        )
        made = [
            self._deed(row, "Disconnect", "disconnected", deeds.unplug, self.pbds(row))
            for row in rows
        ]
        self.context.actions.begin(made, question)

    def _repair(self, rows: Sequence[SrRow]) -> None:
        made = [
            self._deed(
                row,
                "Repair",
                "repaired",
                deeds.repair,
                row.sr,
                row.pbds,
                sorted(self._missing(row)),
            )
            for row in rows
        ]
        self.context.actions.begin(made)

    def _scan(self, rows: Sequence[SrRow]) -> None:
        made = [self._deed(row, "Scan", "scanned", deeds.scan, row.sr) for row in rows]
        self.context.actions.begin(made)

    def _make_default(self, rows: Sequence[SrRow]) -> None:
        pool, row = self._stores.the_pool(), rows[0]
        if pool is not None:

            async def work(api: Any) -> None:
                await api.call("pool.set_default_SR", pool.ref, row.ref)

            self.context.actions.begin(
                [Deed(self.title_of(row), "Make default", "the default now", work)]
            )

    async def _edit(self, row: SrRow) -> None:
        sr = row.sr
        dialog = EditStorageDialog(
            sr.name_label, sr.name_description, ", ".join(sr.tags), self.context.actions.window
        )
        if await ask(dialog):
            name, text = dialog.name.text().strip(), dialog.description.text().strip()
            tags = tags_of(dialog.tags.text())
            deed = self._deed(row, "Change", "changed", deeds.edit, sr, name, text, tags)
            await self.context.actions.do([deed])

    def _forget(self, rows: Sequence[SrRow]) -> None:
        row = rows[0]
        users = self.users(row)
        lines = [f"VM without its disk: {name}" for name in users.others]
        question = Question(
            f"Forget {self.title_of(row)}?",
            "The pool knows it no longer. What is on it stays, and it can be attached again; the "
            "names of its disks and which VM they belong to are lost.",
            "Forget storage",
            Harm.DESTRUCTIVE,
            consequences=tuple(lines),
            type_this=self.title_of(row),
        )
        deed = self._deed(row, "Forget", "forgotten", deeds.forget, row.sr, row.pbds)
        self.context.actions.begin([deed], question)

    def _destroy(self, rows: Sequence[SrRow]) -> None:
        row = rows[0]
        users = self.users(row)
        lines = [f"{name} ({fmt.size(size)})" for name, size in users.disks]
        lines += [f"VM without its disk: {name}" for name in users.others]
        question = Question(
            f"Destroy {self.title_of(row)}?",
            "Every disk on it is deleted, then the storage itself. This cannot be undone.",
            "Destroy storage",
            Harm.DESTRUCTIVE,
            consequences=tuple(lines),
            type_this=self.title_of(row),
        )
        vdis = [
            vdi.ref
            for vdi in self._stores.vdi.records.values()
            if vdi.sr == row.ref and vdi.managed
        ]
        deed = self._deed(row, "Destroy", "destroyed", deeds.destroy, row.sr, row.pbds, vdis)
        self.context.actions.begin([deed], question)

    async def _show_disks(self, row: SrRow) -> None:
        dialog = DisksDialog(self.context, row.sr, self.context.actions.window)
        await ask(dialog)

    def _new(self) -> None:
        from xolite_qt.ui.views.pool.storage.new import begin_new

        begin_new(self.context, self.host)


def dropped(data: QMimeData) -> list[Path]:
    """Files of this computer among what is dragged."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def _plugged(rows: Sequence[SrRow]) -> str | None:
    if all(any(pbd.currently_attached for pbd in row.pbds) for row in rows):
        return None
    return "Connect it first."


def _no_isos(row: SrRow) -> str | None:
    if row.sr.content_type != "iso" or row.sr.type == "udev" or row.sr.is_tools_sr:
        return "It holds no ISO images: choose a storage that does."
    return _plugged([row])


def _shown(pbd: PBD) -> dict[str, Any]:
    config = {
        key: "•••" if any(word in key.lower() for word in _SECRET) else value
        for key, value in pbd.device_config.items()
    }
    return {"device_config": config, "currently_attached": pbd.currently_attached}


def _config_words(pbd: PBD) -> str:
    config = _shown(pbd)["device_config"]
    return "\n".join(f"{key}: {value}" for key, value in sorted(config.items()))
