"""A storage for the pool: a new one, or one that exists already."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from xolite_qt.ui.dialogs.backups.form import Choice, Form, Row
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.models.new_storage import (
    KINDS,
    FieldSpec,
    Found,
    StorageKind,
    config_of,
    kind_of,
    troubles,
)
from xolite_qt.ui.widgets.text import TextLabel
from xolite_qt.xen_api import Host

Find = Callable[["NewStorageDialog"], object]
NEW = ""
"""Instead of the UUID of a storage that was found: make a new one."""


class NewStorageDialog(Dialog):
    """Kind, name, and what the kind has to be told.

    Args:
        hosts: that can make it; those of a shared one all get a way to it.
        find: looks what hosts find with what was entered so far; calls `offer` and `say`.
        host: chosen at first.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        find: Find,
        host: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(self.tr("New storage"), icon="sr", width=640, parent=parent)
        self.kind = Choice([(kind.id, kind.label) for kind in KINDS])
        self.host = Choice([(one.ref, one.name_label) for one in hosts], host)
        self.form = Form()
        self.form.add(self.tr("Kind"), self.kind)
        self.about = TextLabel("", tone="secondary", wrap=True)
        self.form.add_wide(self.about)
        self.host_row = self.form.add(self.tr("Made by"), self.host)
        self.name = QLineEdit()
        self.name.setMaxLength(255)
        self.name_row = self.form.add(self.tr("Name"), self.name)
        self.description = QLineEdit()
        self.form.add(self.tr("Description"), self.description)
        self.fields: dict[str, QLineEdit | QComboBox] = {}
        self.rows: dict[tuple[str, str], Row] = {}
        self._all: dict[tuple[str, str], QLineEdit | QComboBox] = {}
        for kind in KINDS:
            for spec in kind.fields:
                self._add_field(kind, spec)
        self.body.addWidget(self.form)
        self.found = Choice([(NEW, self.tr("Make a new storage"))])
        self.found_row = self.form.add(self.tr("Then"), self.found)
        self.warning = TextLabel("", tone="danger", wrap=True)
        self.body.addWidget(self.warning)
        self.typed = QLineEdit()
        self.typed.setAccessibleName(self.tr("Type the device to go on"))
        self.typing = TextLabel("", wrap=True)
        self.body.addWidget(self.typing)
        self.body.addWidget(self.typed)
        self.said = TextLabel("", tone="secondary", wrap=True)
        self.body.addWidget(self.said)
        self.body.addStretch(1)
        self.look = self.add_button(self.tr("Find…"), "secondary")
        self.look.clicked.connect(lambda: find(self))
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(self.tr("Create storage"), "primary", default=True)
        self.go.clicked.connect(self.accept)
        self.kind.currentIndexChanged.connect(lambda _at: self._show_kind())
        self.found.currentIndexChanged.connect(lambda _at: self._judge())
        self.name.textChanged.connect(lambda _text: self._judge())
        self.typed.textChanged.connect(lambda _text: self._judge())
        self._show_kind()

    def _add_field(self, kind: StorageKind, spec: FieldSpec) -> None:
        field: QLineEdit | QComboBox
        if spec.found:
            field = QComboBox()
            field.setEditable(True)
            field.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            field.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            edit = field.lineEdit()
            assert edit is not None
            edit.setPlaceholderText(spec.hint)
            field.editTextChanged.connect(lambda _text: self._judge())
        else:
            field = QLineEdit()
            field.setPlaceholderText(spec.hint)
            if spec.secret:
                field.setEchoMode(QLineEdit.EchoMode.Password)
            field.textChanged.connect(lambda _text: self._judge())
        key = (kind.id, spec.key)
        self._all[key] = field
        self.rows[key] = self.form.add(spec.label, field)

    # ------------------------------------------------------------------ what is shown

    @property
    def chosen(self) -> StorageKind:
        """The kind."""
        return kind_of(self.kind.current())

    def values(self) -> dict[str, str]:
        """What was entered, by field."""
        found = {}
        for key, field in self.fields.items():
            if isinstance(field, QComboBox):
                at = field.currentIndex()
                shown = field.currentText()
                data = field.itemData(at) if at >= 0 and field.itemText(at) == shown else None
                found[key] = str(data) if data is not None else shown.strip()
            else:
                found[key] = field.text().strip()
        return found

    def config(self) -> dict[str, str]:
        """The `device_config`."""
        return config_of(self.chosen, self.values())

    def _show_kind(self) -> None:
        kind = self.chosen
        for (ident, key), row in self.rows.items():
            self.form.set_row_visible(row, visible=ident == kind.id)
            if ident == kind.id:
                self.fields[key] = self._all[ident, key]
        wanted = {spec.key for spec in kind.fields}
        self.fields = {key: self._all[kind.id, key] for key in wanted}
        self.about.set_text(kind.about)
        self.look.setVisible(any(spec.found for spec in kind.fields))
        self.offer_storages([])
        self.say("")
        self._judge()

    def offer(self, found: Sequence[Found]) -> None:
        """Offers what a host found for a field."""
        by_key: dict[str, list[Found]] = {}
        for one in found:
            by_key.setdefault(one.key, []).append(one)
        for key, offers in by_key.items():
            field = self.fields.get(key)
            if isinstance(field, QComboBox):
                before = field.currentText()
                field.clear()
                for one in offers:
                    field.addItem(one.words, one.value)
                if before:
                    field.setEditText(before)
        self._judge()

    def offer_storages(self, uuids: Sequence[str]) -> None:
        """Offers storages that were found in place."""
        self.found.clear()
        for uuid in uuids:
            self.found.addItem(self.tr("Attach the storage {0}").format(uuid), uuid)
        self.found.addItem(self.tr("Make a new storage"), NEW)
        self.form.set_row_visible(self.found_row, visible=bool(uuids))

    def say(self, text: str) -> None:
        """Says what a search came to."""
        self.said.set_text(text)
        self.said.setVisible(bool(text))

    @property
    def attaches(self) -> str:
        """UUID of the storage to attach; "" for a new one."""
        return self.found.current()

    def _judge(self) -> None:
        kind, values = self.chosen, self.values()
        wrong = troubles(kind, values, self.name.text())
        self.name_row.set_problem(wrong.get("name", "") if self.name.isModified() else "")
        for spec in kind.fields:
            row = self.rows[kind.id, spec.key]
            row.set_problem(wrong.get(spec.key, "") if values.get(spec.key) else "")
        erases = kind.erases and not self.attaches
        device = values.get("device") or values.get("SCSIid") or ""
        self.warning.setVisible(erases)
        self.warning.set_text(self.tr("Everything on this device is erased."))
        for widget in (self.typing, self.typed):
            widget.setVisible(erases and bool(device))
        self.typing.set_text(self.tr("To go on, type: {0}").format(device))
        reason = next(iter(wrong.values()), None)
        if reason is None and erases and self.typed.text().strip() != device:
            reason = self.tr("Type the device first.")
        verb = self.tr("Attach storage") if self.attaches else self.tr("Create storage")
        self.go.setText(verb)
        self.go.set_reason(reason)
