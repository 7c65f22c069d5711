"""Name, description and tags of a storage."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QWidget

from xolite_qt.ui.dialogs.backups.form import Form
from xolite_qt.ui.dialogs.base import Dialog


class EditStorageDialog(Dialog):
    """What people call a storage."""

    def __init__(
        self, name: str, description: str, tags: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(self.tr("Change {0}").format(name), icon="edit", parent=parent)
        form = Form()
        self.name = QLineEdit(name)
        self.name.setMaxLength(255)
        self.name_row = form.add(self.tr("Name"), self.name)
        self.description = QLineEdit(description)
        form.add(self.tr("Description"), self.description)
        self.tags = QLineEdit(tags)
        form.add(self.tr("Tags"), self.tags, hint=self.tr("Commas between them."))
        self.body.addWidget(form)
        self.body.addStretch(1)
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(self.tr("Save changes"), "primary", default=True)
        self.go.clicked.connect(self.accept)
        self.name.textChanged.connect(lambda _text: self._judge())
        self._judge()

    def _judge(self) -> None:
        problem = "" if self.name.text().strip() else self.tr("Give it a name.")
        self.name_row.set_problem(problem)
        self.go.set_reason(problem or None)
