"""Name, description and tags of a VM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QWidget

from xolite_qt.ui.dialogs.backups.form import Row
from xolite_qt.ui.dialogs.pool.identity import LONGEST_NAME, tags_of
from xolite_qt.ui.dialogs.vm.edit_base import Call, Setting, VmEditDialog

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext


class VmGeneralDialog(VmEditDialog):
    """What a VM is called."""

    def __init__(
        self, context: PageContext, setting: Setting, parent: QWidget | None = None
    ) -> None:
        super().__init__(context, setting, "general", parent)
        vm = self.vm
        self.name = QLineEdit(vm.name_label)
        self.name.setMaxLength(LONGEST_NAME)
        self.description = QPlainTextEdit(vm.name_description)
        self.description.setTabChangesFocus(True)
        self.description.setFixedHeight(84)
        self.tags = QLineEdit(", ".join(vm.tags))
        self.name_row = self.form.add("Name", self.name)
        self.form.add("Description", self.description)
        self.form.add("Tags", self.tags, hint="Separate them with commas.")
        self.name.selectAll()
        self.name.setFocus()

    def check(self) -> dict[Row, str]:
        """A name is needed."""
        return {} if self.name.text().strip() else {self.name_row: "A VM needs a name."}

    def calls(self) -> Sequence[Call]:
        """One for each thing that differs."""
        vm, found = self.vm, []
        name, text = self.name.text().strip(), self.description.toPlainText().strip()
        tags = tags_of(self.tags.text())
        if name != vm.name_label:
            found.append(("VM.set_name_label", vm.ref, name))
        if text != vm.name_description:
            found.append(("VM.set_name_description", vm.ref, text))
        found += [("VM.remove_tags", vm.ref, tag) for tag in vm.tags if tag not in tags]
        found += [("VM.add_tags", vm.ref, tag) for tag in tags if tag not in vm.tags]
        return found
