"""The disks and network cards of a new VM, each in a row of its own."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.backups.form import Choice, Row
from xolite_qt.ui.models.new_vm import CardRow, DiskRow, Origin
from xolite_qt.ui.models.new_vm_checks import CARDS_LIMIT, DISKS_LIMIT
from xolite_qt.ui.models.new_vm_world import World
from xolite_qt.ui.models.sr_roles import why_not
from xolite_qt.ui.views.pool.new_vm.part import Part, Problems
from xolite_qt.ui.views.pool.new_vm.session import NewVmSession
from xolite_qt.ui.views.pool.new_vm.system_parts import refill
from xolite_qt.ui.widgets import Button, IconButton, IconLabel, TextLabel


def sr_words(world: World, ref: str) -> str:
    """A storage with its free room."""
    free = world.free_bytes(ref)
    room = f" · {fmt.size(free)} free" if free is not None else ""
    return f"{world.sr_name(ref)}{room}"


class SrChoice(Choice):
    """Storages; those that take no disk are there too, closed, with the reason."""

    def __init__(self) -> None:
        super().__init__([])
        self.setMinimumContentsLength(12)
        self.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def offer(self, world: World, current: str) -> None:
        """Offer what the pool has now."""
        usable = world.writable_srs()
        good = {sr.ref for sr in usable}
        others = sorted(
            (sr for sr in world.srs.values() if sr.ref not in good),
            key=lambda sr: sr.name_label.casefold(),
        )
        values = [(sr.ref, sr_words(world, sr.ref)) for sr in usable]
        for sr in others:
            plugs = [world.pbds[ref] for ref in sr.pbds if ref in world.pbds]
            why = why_not(sr, plugs, world.hosts) or "not connected"
            values.append((sr.ref, f"{sr.name_label} · {why}"))
        refill(self, values, current)
        if not self.current() or self.current() != current:
            self.blockSignals(True)
            self.setCurrentIndex(-1)
            self.blockSignals(False)
        model = self.model()
        if isinstance(model, QStandardItemModel):
            for at in range(self.count()):
                entry = model.item(at)
                if entry is not None:
                    entry.setEnabled(self.itemData(at) in good)


class DiskFields(QFrame):
    """One disk."""

    def __init__(self, row: DiskRow, part: DisksPart, number: int) -> None:
        super().__init__()
        self.row, self.part = row, part
        self.setProperty("panel", "card")
        self.setAccessibleName(f"Disk {number}")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 12)
        column.setSpacing(8)
        self.head = TextLabel("", kind="small-bold", tone="secondary")
        self.remove = IconButton(
            "trash", f"Remove disk {number}", lambda: part.remove_disk(row), color="danger"
        )
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(IconLabel("vdi", 14, color="secondary"))
        line.addWidget(self.head, 1)
        line.addWidget(self.remove)
        column.addLayout(line)
        self.name = _line(f"Name of disk {number}", "Name", row.name, 255)
        self.size_field = _line(f"Size of disk {number}", "20 GiB", row.size_text, 30)
        self.size_field.setMaximumWidth(110)
        self.sr = SrChoice()
        self.sr.setAccessibleName(f"Storage of disk {number}")
        self.name_row, self.size_row, self.sr_row = (
            Row([self.name]),
            Row([self.size_field]),
            Row([self.sr]),
        )
        line = QHBoxLayout()
        line.setSpacing(8)
        for field, stretch in ((self.name_row, 3), (self.size_row, 0), (self.sr_row, 3)):
            line.addWidget(field, stretch, Qt.AlignmentFlag.AlignTop)
        column.addLayout(line)
        self.description = _line(
            f"Description of disk {number}", "Description", row.description, 255
        )
        column.addWidget(self.description)
        for text in (self.name, self.size_field, self.description):
            text.textEdited.connect(part.told)
        self.sr.currentIndexChanged.connect(part.told)

    def show_row(self, number: int) -> None:
        """What may be changed of it now, and where it comes from."""
        row, world = self.row, self.part.world
        existing = row.origin is Origin.EXISTING
        self.head.set_text(
            {
                Origin.NEW: f"Disk {number}, empty",
                Origin.TEMPLATE: f"Disk {number}, from the template",
                Origin.EXISTING: f"Disk {number}, there already",
            }[row.origin]
        )
        if self.name.text() != row.name:
            self.name.setText(row.name)
        self.sr.offer(world, row.sr)
        for field in (self.name, self.size_field, self.description):
            field.setEnabled(not existing)
        locked = existing or (row.source is not None and not self.part.form.full_copy)
        self.sr.setEnabled(not locked)
        self.sr_row.set_hint("A clone lies with the template." if locked and row.source else "")
        self.remove.set_reason("It comes with the template." if row.source is not None else None)

    def take(self) -> None:
        """Into the form."""
        if self.row.origin is not Origin.EXISTING:
            self.row.name = self.name.text()
            self.row.size_text = self.size_field.text()
            self.row.description = self.description.text()
            self.row.sr = self.sr.current() or self.row.sr


class DisksPart(Part):
    """All disks."""

    def __init__(self, session: NewVmSession) -> None:
        super().__init__("Disks", session)
        self.fields: list[DiskFields] = []
        # A widget of their own: the order of the Tab key is that of the widgets.
        rows = QWidget()
        self._rows = QVBoxLayout(rows)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(8)
        self.add(rows)
        self.add_button = Button("Add disk", icon="plus", small=True, on_click=self.add_disk)
        self.row = Row([self.add_button])
        self.row.line.addStretch(1)
        self.add(self.row)

    def show_form(self) -> None:
        """Override."""
        disks = self.form.disks
        same = len(disks) == len(self.fields) and all(
            field.row is row for field, row in zip(self.fields, disks, strict=True)
        )
        if not same:
            for field in self.fields:
                # No longer one of ours at once: the Tab key must not find it.
                field.hide()
                field.setParent(None)
                field.deleteLater()
            self.fields = [DiskFields(row, self, at) for at, row in enumerate(disks, 1)]
            for field in self.fields:
                self._rows.addWidget(field)
        for at, field in enumerate(self.fields, 1):
            field.show_row(at)

    def take(self) -> None:
        """Override."""
        for field in self.fields:
            field.take()

    def add_disk(self) -> None:
        """One more."""
        self.form.add_disk(self.world.default_sr())
        self.rebuilt.emit()
        self.changed.emit()
        self.fields[-1].name.setFocus()
        self.fields[-1].name.selectAll()

    def remove_disk(self, row: DiskRow) -> None:
        """Takes one out of the form."""
        self.form.disks = [other for other in self.form.disks if other is not row]
        self.rebuilt.emit()
        self.changed.emit()
        self.add_button.setFocus()

    def judge(self, problems: Problems) -> None:
        """Override."""
        for field in self.fields:
            at = f"disk:{field.row.key}"
            field.name_row.set_problem(problems.get(f"{at}:name", ""))
            field.size_row.set_problem(problems.get(f"{at}:size", ""))
            field.sr_row.set_problem(problems.get(f"{at}:sr", ""))
        self.row.set_problem(problems.get("disks", "") if self.form.template else "")
        full = len(self.form.disks) >= DISKS_LIMIT
        self.add_button.set_reason(f"At most {DISKS_LIMIT} disks here." if full else None)

    def field_of(self, problem: str) -> QWidget | None:
        """Override."""
        if problem == "disks":
            return self.add_button
        for field in self.fields:
            for what, widget in (
                ("name", field.name),
                ("size", field.size_field),
                ("sr", field.sr),
            ):
                if problem == f"disk:{field.row.key}:{what}":
                    return widget
        return None


class CardFields(QWidget):
    """One network card."""

    def __init__(self, row: CardRow, part: CardsPart, number: int) -> None:
        super().__init__()
        self.row, self.part = row, part
        self.setAccessibleName(f"Network card {number}")
        self.network = Choice([])
        self.network.setAccessibleName(f"Network of card {number}")
        self.network.setMinimumContentsLength(12)
        self.network.setSizeAdjustPolicy(
            Choice.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.mac = _line(f"MAC address of card {number}", "MAC: chosen by the host", row.mac, 40)
        self.remove = IconButton(
            "trash",
            f"Remove network card {number}",
            lambda: part.remove_card(row),
            color="danger",
        )
        self.network_row, self.mac_row = Row([self.network]), Row([self.mac])
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        for field, stretch in ((self.network_row, 3), (self.mac_row, 2), (self.remove, 0)):
            line.addWidget(field, stretch, Qt.AlignmentFlag.AlignTop)
        self.mac.textEdited.connect(part.told)
        self.network.currentIndexChanged.connect(part.told)

    def show_row(self) -> None:
        """What the pool offers now."""
        values = [(net.ref, net.name_label) for net in self.part.world.choosable_networks()]
        refill(self.network, values, self.row.network)

    def take(self) -> None:
        """Into the form."""
        self.row.network = self.network.current() or self.row.network
        self.row.mac = self.mac.text()


class CardsPart(Part):
    """All network cards."""

    def __init__(self, session: NewVmSession) -> None:
        super().__init__("Network cards", session)
        self.fields: list[CardFields] = []
        # A widget of their own: the order of the Tab key is that of the widgets.
        rows = QWidget()
        self._rows = QVBoxLayout(rows)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(8)
        self.add(rows)
        self.add_button = Button(
            "Add network card", icon="plus", small=True, on_click=self.add_card
        )
        self.row = Row([self.add_button])
        self.row.line.addStretch(1)
        self.add(self.row)

    def show_form(self) -> None:
        """Override."""
        cards = self.form.cards
        same = len(cards) == len(self.fields) and all(
            field.row is row for field, row in zip(self.fields, cards, strict=True)
        )
        if not same:
            for field in self.fields:
                # No longer one of ours at once: the Tab key must not find it.
                field.hide()
                field.setParent(None)
                field.deleteLater()
            self.fields = [CardFields(row, self, at) for at, row in enumerate(cards, 1)]
            for field in self.fields:
                self._rows.addWidget(field)
        for field in self.fields:
            field.show_row()

    def take(self) -> None:
        """Override."""
        for field in self.fields:
            field.take()

    def add_card(self) -> None:
        """One more."""
        self.form.add_card(self.world.default_network())
        self.rebuilt.emit()
        self.changed.emit()
        self.fields[-1].network.setFocus()

    def remove_card(self, row: CardRow) -> None:
        """Takes one out of the form."""
        self.form.cards = [other for other in self.form.cards if other is not row]
        self.rebuilt.emit()
        self.changed.emit()
        self.add_button.setFocus()

    def judge(self, problems: Problems) -> None:
        """Override."""
        for field in self.fields:
            at = f"card:{field.row.key}"
            field.network_row.set_problem(problems.get(f"{at}:network", ""))
            field.mac_row.set_problem(problems.get(f"{at}:mac", ""))
        self.row.set_problem(problems.get("cards", ""))
        full = len(self.form.cards) >= CARDS_LIMIT
        self.add_button.set_reason(f"At most {CARDS_LIMIT} network cards." if full else None)

    def field_of(self, problem: str) -> QWidget | None:
        """Override."""
        if problem == "cards":
            return self.add_button
        for field in self.fields:
            for what, widget in (("network", field.network), ("mac", field.mac)):
                if problem == f"card:{field.row.key}:{what}":
                    return widget
        return None


def _line(says: str, placeholder: str, text: str, longest: int) -> QLineEdit:
    field = QLineEdit(text)
    field.setAccessibleName(says)
    field.setPlaceholderText(placeholder)
    field.setMaxLength(longest)
    return field
