"""Take a snapshot, go back to one, make a VM of one."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtWidgets import QCheckBox, QLineEdit, QPlainTextEdit, QWidget

from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.widgets.text import TextLabel, plain_tooltip
from xolite_qt.xen_api import VM, PowerState


def _field(dialog: Dialog, caption: str, field: QWidget) -> None:
    dialog.body.addWidget(TextLabel(caption, kind="body-bold"))
    field.setAccessibleName(caption)
    dialog.body.addWidget(field)


class TakeDialog(Dialog):
    """How a snapshot of a VM is taken."""

    def __init__(self, vm: VM, parent: QWidget | None = None) -> None:
        super().__init__(
            self.tr("Take a snapshot of {0}").format(vm.name_label), icon="snapshot", parent=parent
        )
        stamp = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
        self.name = QLineEdit(f"{vm.name_label} {stamp}")
        self.name.setMaxLength(255)
        _field(self, self.tr("Name"), self.name)
        self.description = QPlainTextEdit()
        self.description.setFixedHeight(72)
        self.description.setTabChangesFocus(True)
        _field(self, self.tr("Description"), self.description)
        self.memory = QCheckBox(self.tr("With its memory: going back, it runs on where it was"))
        running = vm.power_state == PowerState.RUNNING
        able = "checkpoint" in vm.allowed_operations
        self._offer(
            self.memory,
            None if able else
            self.tr("Only a running VM with guest tools has memory to keep.")
            if running
            else self.tr("It does not run: there is no memory to keep."),
        )  # fmt: skip
        self.quiesce = QCheckBox(self.tr("Ask the guest to write everything to disk first"))
        offered = "snapshot_with_quiesce" in vm.allowed_operations
        self.quiesce.setVisible(offered)
        self.memory.toggled.connect(lambda on: self.quiesce.setEnabled(not on))
        for box in (self.memory, self.quiesce):
            self.body.addWidget(box)
        self.body.addStretch(1)
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(self.tr("Take snapshot"), "primary", default=True)
        self.go.clicked.connect(self.accept)
        self.name.textChanged.connect(lambda _text: self._judge())
        self.name.selectAll()
        self.name.setFocus()

    @staticmethod
    def _offer(box: QCheckBox, reason: str | None) -> None:
        box.setEnabled(reason is None)
        box.setToolTip(plain_tooltip(reason or ""))

    @property
    def method(self) -> str:
        """What is called."""
        if self.memory.isChecked():
            return "VM.checkpoint"
        if self.quiesce.isChecked() and not self.quiesce.isHidden():
            return "VM.snapshot_with_quiesce"
        return "VM.snapshot"

    def _judge(self) -> None:
        reason = None if self.name.text().strip() else self.tr("Give it a name.")
        self.go.set_reason(reason)


class RevertDialog(Dialog):
    """Whether to keep the present before going back."""

    def __init__(self, vm: VM, snapshot: VM, parent: QWidget | None = None) -> None:
        super().__init__(
            self.tr("Revert {0}?").format(vm.name_label),
            icon="warning",
            accent="warning",
            parent=parent,
        )
        text = self.tr("The disks and settings of this VM become what they were in “{0}”.")
        self.body.addWidget(TextLabel(text.format(snapshot.name_label), wrap=True))
        if snapshot.power_state == PowerState.SUSPENDED:
            after = self.tr("It comes back suspended, with its memory: resume it to go on.")
        else:
            after = self.tr("It comes back halted.")
        self.body.addWidget(TextLabel(after, tone="secondary", wrap=True))
        self.first = QCheckBox(self.tr("Take a snapshot of how it is now first"))
        self.first.setChecked(True)
        self.body.addWidget(self.first)
        self.lost = TextLabel(
            self.tr("Everything since that snapshot is lost."), tone="danger", wrap=True
        )
        self.lost.hide()
        self.body.addWidget(self.lost)
        self.start = QCheckBox(self.tr("Let it run afterwards"))
        self.start.setChecked(vm.power_state == PowerState.RUNNING)
        self.body.addWidget(self.start)
        self.first.toggled.connect(lambda on: self.lost.setVisible(not on))
        self.body.addStretch(1)
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(self.tr("Revert"), "danger")
        self.go.clicked.connect(self.accept)
        self.cancel.setFocus()


class NameDialog(Dialog):
    """Asks for a name.

    Args:
        title: of the window.
        verb: the word on the button.
        name: to begin with.
        about: what the name is for.
    """

    def __init__(
        self, title: str, verb: str, name: str, about: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(title, icon="edit", width=480, parent=parent)
        if about:
            self.body.addWidget(TextLabel(about, tone="secondary", wrap=True))
        self.name = QLineEdit(name)
        self.name.setMaxLength(255)
        _field(self, self.tr("Name"), self.name)
        self.body.addStretch(1)
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(verb, "primary", default=True)
        self.go.clicked.connect(self.accept)
        self.name.textChanged.connect(
            lambda text: self.go.set_reason(None if text.strip() else self.tr("Give it a name."))
        )
        self.name.selectAll()
        self.name.setFocus()
