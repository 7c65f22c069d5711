"""Name, description and tags of the pool or a host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QWidget

from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.dialogs.backups.form import Row
from xolite_qt.ui.dialogs.pool.edit_dialog import EditDialog
from xolite_qt.xen_api import Host, Pool

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext

LONGEST_NAME = 255


def tags_of(text: str) -> tuple[str, ...]:
    """Tags written with commas between them; blank ones and repetitions go."""
    return tuple(dict.fromkeys(tag for part in text.split(",") if (tag := part.strip())))


class IdentityDialog(EditDialog):
    """Edits what an object is called; only what differs is written.

    Args:
        record: the pool or host as it is now.
    """

    def __init__(
        self, context: PageContext, record: Pool | Host, parent: QWidget | None = None
    ) -> None:
        kind = "pool" if isinstance(record, Pool) else "host"
        super().__init__(context, f"Edit {kind} {record.name_label}", icon=kind, parent=parent)
        self.record = record
        self.kind = kind
        self.name = QLineEdit(record.name_label)
        self.name.setMaxLength(LONGEST_NAME)
        self.description = QPlainTextEdit(record.name_description)
        self.description.setTabChangesFocus(True)
        self.description.setFixedHeight(84)
        self.tags = QLineEdit(", ".join(record.tags))
        self.name_row = self.form.add("Name", self.name)
        self.form.add("Description", self.description)
        self.form.add("Tags", self.tags, hint="Separate them with commas.")
        self.name.selectAll()
        self.name.setFocus()

    def check(self) -> dict[Row, str]:
        """A name is needed."""
        if not self.name.text().strip():
            return {self.name_row: f"A {self.kind} needs a name."}
        return {}

    def deed(self) -> Deed | None:
        """One call for each thing that differs."""
        record, kind = self.record, self.kind
        name = self.name.text().strip()
        description = self.description.toPlainText().strip()
        tags = tags_of(self.tags.text())
        calls: list[tuple[str, str]] = []
        if name != record.name_label:
            calls.append(("set_name_label", name))
        if description != record.name_description:
            calls.append(("set_name_description", description))
        calls += [("remove_tags", tag) for tag in record.tags if tag not in tags]
        calls += [("add_tags", tag) for tag in tags if tag not in record.tags]
        if not calls:
            return None

        async def work(api: Any) -> None:
            for verb, value in calls:
                await api.call(f"{kind}.{verb}", record.ref, value)

        return Deed(record.name_label, f"Edit {kind}", "saved", work)
