"""Which SRs keep new disks, suspended VMs and crash dumps: of the pool, and of its hosts."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from xolite_qt.ui.deeds import Choice, Deed
from xolite_qt.ui.models import pool_facts, sr_roles
from xolite_qt.ui.models.sr_roles import Role
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.pool.system.follow import SrPicker
from xolite_qt.ui.widgets import Button, Card, SectionTitle, TextLabel
from xolite_qt.xen_api import Host, Pool

_CAPTION_PX = 112

HOST_HINTS = {
    Role.SUSPEND: "Used where neither the VM nor the pool names an SR that this host reaches.",
    Role.CRASH_DUMP: "Used where the pool names none that this host reaches.",
}


class PickerRows(QWidget):
    """Captions at the left, pickers at the right."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(12)
        self._grid.setColumnMinimumWidth(0, _CAPTION_PX)
        self._grid.setColumnStretch(1, 1)

    def add(self, caption: str, field: QWidget, focus: QWidget) -> None:
        """Append a row."""
        at = self._grid.rowCount()
        label = TextLabel(caption, tone="secondary")
        label.setBuddy(focus)
        label.setContentsMargins(0, 7, 0, 0)
        self._grid.addWidget(label, at, 0, Qt.AlignmentFlag.AlignTop)
        self._grid.addWidget(field, at, 1)


class HostRoles(QWidget):
    """A host's own SRs for suspended VMs and crash dumps.

    Args:
        context: of the page.
    """

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self._context = context
        self.host = ""
        self._rows: PickerRows | None = None
        self.pickers: dict[Role, SrPicker] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)

    def show_host(self, ref: str) -> None:
        """Show another host, or the news of the same one."""
        host = self._context.stores.host.get(ref)
        if host is None:
            self.hide()
            return
        self.show()
        if ref != self.host:
            # New ones: what another host was asked for is no business of this one.
            self._make(host)
        stores = self._context.stores
        for role, picker in self.pickers.items():
            current = sr_roles.current_ref(host, role)
            offered = sr_roles.options(
                current,
                stores.sr.records,
                stores.pbd.records,
                stores.host.records,
                only_host=ref,
            )
            picker.show_options(offered, current)

    def _make(self, host: Host) -> None:
        if self._rows is not None:
            self._rows.hide()
            self._rows.deleteLater()
        self.host = host.ref
        self._rows = PickerRows()
        self.pickers = {}
        for role in (Role.SUSPEND, Role.CRASH_DUMP):
            words = sr_roles.ROLE_WORDS[role]
            picker = SrPicker(
                self._context,
                f"{words} of {host.name_label}",
                partial(self._deed, host.ref, role),
                HOST_HINTS[role],
            )
            self.pickers[role] = picker
            self._rows.add(words, picker, picker.combo)
        self._column.addWidget(self._rows)

    def _deed(self, ref: str, role: Role, sr: str) -> Deed:
        return pool_facts.role_deed(self._context.stores.host.records[ref], role, sr)


class RolesCard(Card):
    """The pool's three pickers, one button for all of them, and the hosts' own below."""

    def __init__(self, context: PageContext) -> None:
        super().__init__("Storage")
        self._context = context
        self.for_all = Button(
            "Use default SR for all three", "tertiary", small=True, on_click=self._use_for_all
        )
        self.add_action(self.for_all)
        rows = PickerRows()
        self.pickers: dict[Role, SrPicker] = {}
        for role in Role:
            words = sr_roles.ROLE_WORDS[role]
            picker = SrPicker(
                context,
                f"{words} of the pool",
                partial(self._deed, role),
                sr_roles.ROLE_HINTS[role],
            )
            self.pickers[role] = picker
            rows.add(words, picker, picker.combo)
        self.add(rows)
        self.add(SectionTitle("Hosts' own"))
        self.differ = TextLabel("", kind="small", tone="secondary", wrap=True)
        self.add(self.differ)
        line = QHBoxLayout()
        line.setSpacing(16)
        caption = TextLabel("Host", tone="secondary")
        caption.setMinimumWidth(_CAPTION_PX)
        self.host_choice = QComboBox()
        self.host_choice.setAccessibleName("Host whose own SRs are shown")
        self.host_choice.setMaximumWidth(320)
        self.host_choice.setMinimumWidth(120)
        self.host_choice.activated.connect(lambda _at: self._show_host())
        caption.setBuddy(self.host_choice)
        line.addWidget(caption)
        line.addWidget(self.host_choice, 1)
        line.addStretch(1)
        self.add_layout(line)
        self.host_roles = HostRoles(context)
        self.add(self.host_roles)
        for picker in self.pickers.values():
            picker.follow.changed.connect(self._tell_for_all)

    def show_pool(self, pool: Pool) -> None:
        """Show what the stores hold."""
        stores = self._context.stores
        for role, picker in self.pickers.items():
            current = sr_roles.current_ref(pool, role)
            offered = sr_roles.options(
                current, stores.sr.records, stores.pbd.records, stores.host.records
            )
            picker.show_options(offered, current)
        self._tell_for_all()
        self._fill_hosts(pool)
        names = pool_facts.hosts_that_differ(pool, stores.host.records)
        self.differ.set_text(_differ_words(names, len(stores.host.records)))
        self._show_host()

    def choices(self) -> list[Choice]:
        """What the button does, for the palette."""
        return [
            Choice(
                "pool.one_sr_for_all",
                "Use default SR for all three",
                "sr",
                self._use_for_all,
                self._why_not_for_all(),
            )
        ]

    # ------------------------------------------------------------------ parts

    def _deed(self, role: Role, sr: str) -> Deed:
        pool = self._context.stores.the_pool()
        assert pool is not None
        return pool_facts.role_deed(pool, role, sr)

    def _why_not_for_all(self) -> str | None:
        pool = self._context.stores.the_pool()
        if pool is None:
            return "The pool is not known yet."
        if any(picker.follow.is_waiting for picker in self.pickers.values()):
            return "Another change is under way."
        return sr_roles.why_not_for_all(pool, self.pickers[Role.DEFAULT].options)

    def _tell_for_all(self) -> None:
        self.for_all.set_reason(self._why_not_for_all())

    def _use_for_all(self) -> None:
        pool = self._context.stores.the_pool()
        if pool is not None and self._why_not_for_all() is None:
            self._context.actions.begin([pool_facts.one_for_all_deed(pool)])

    def _fill_hosts(self, pool: Pool) -> None:
        hosts = self._context.stores.host.records
        wanted = sorted(
            ((host.name_label or host.uuid, ref) for ref, host in hosts.items()),
            key=lambda pair: (pair[1] != pool.master, pair[0].casefold()),
        )
        box = self.host_choice
        shown = [(box.itemText(at), box.itemData(at)) for at in range(box.count())]
        if shown == wanted:
            return
        chosen = box.currentData()
        box.clear()
        for name, ref in wanted:
            box.addItem(name, ref)
        box.setCurrentIndex(max(box.findData(chosen), 0))

    def _show_host(self) -> None:
        ref = self.host_choice.currentData()
        self.host_roles.show_host(ref if isinstance(ref, str) else "")


def _differ_words(names: list[str], total: int) -> str:
    if not names:
        return "Hosts name the same SRs for suspended VMs and crash dumps as the pool does."
    listed = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    verb = "names" if len(names) == 1 else "name"
    return f"{len(names)} of {total} {verb} other SRs than the pool: {listed}."
