"""What cloud-init is told."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from xolite_qt.ui.dialogs.backups.form import Form
from xolite_qt.ui.dialogs.cloud_init import CloudInitDialog
from xolite_qt.ui.models.new_vm_checks import cloud_reason, cloud_sr
from xolite_qt.ui.models.new_vm_cloud import with_blocks
from xolite_qt.ui.tasks import TaskOwner, ask
from xolite_qt.ui.views.pool.new_vm.part import CodeField, Part, Problems
from xolite_qt.ui.views.pool.new_vm.session import NewVmSession
from xolite_qt.ui.views.pool.new_vm.system_parts import box, set_reason
from xolite_qt.ui.widgets import Button


class CloudPart(Part):
    """User-data and network-config, typed or filled in from a few questions."""

    def __init__(self, session: NewVmSession, tasks: TaskOwner) -> None:
        super().__init__("cloud-init", session)
        self._tasks = tasks
        self.on = box("Attach a configuration disk for cloud-init")
        self.fill_in = Button("Fill in…", icon="edit", small=True, on_click=self._fill_in)
        self.user_data = CodeField("User-data", 8)
        self.network = CodeField("Network-config", 4)
        self.rows = Form()
        self.on_row = self.rows.add("cloud-init", self.on)
        self.fill_row = self.rows.add("Questions", self.fill_in)
        self.fill_row.line.addStretch(1)
        self.user_row = self.rows.add("User-data", self.user_data)
        self.network_row = self.rows.add(
            "Network-config", self.network, hint="Empty leaves the network to the guest (DHCP)."
        )
        self.add(self.rows)
        self.on.toggled.connect(self.told)
        self.user_data.textChanged.connect(self.told)
        self.network.textChanged.connect(self.told)

    def show_form(self) -> None:
        """Override."""
        cloud = self.form.cloud
        self.on.setChecked(cloud.on)
        self.user_data.set_text(cloud.user_data)
        self.network.set_text(cloud.network_config)
        self._show_rows()

    def _show_rows(self) -> None:
        for row in (self.fill_row, self.user_row, self.network_row):
            self.rows.set_row_visible(row, visible=self.form.cloud.on)

    def take(self) -> None:
        """Override."""
        cloud = self.form.cloud
        was = cloud.on
        cloud.on = self.on.isChecked()
        cloud.user_data = self.user_data.toPlainText()
        cloud.network_config = self.network.toPlainText()
        if was is not cloud.on:
            self._show_rows()
            self.rebuilt.emit()

    def judge(self, problems: Problems) -> None:
        """Override."""
        reason = cloud_reason(self.form)
        # What is on can always be switched off.
        set_reason(self.on, "" if self.form.cloud.on else reason)
        where = self.world.sr_name(cloud_sr(self.form, self.world))
        self.on_row.set_problem(problems.get("cloud", ""))
        self.on_row.set_hint(reason or f"A small disk labelled cidata, on {where}.")
        self.user_row.set_problem(problems.get("user_data", ""))
        self.network_row.set_problem(problems.get("network_config", ""))

    def field_of(self, problem: str) -> QWidget | None:
        """Override."""
        return {
            "cloud": self.on,
            "user_data": self.user_data,
            "network_config": self.network,
        }.get(problem)

    def _fill_in(self) -> None:
        self._tasks.spawn(self._ask(), "fill in cloud-init")

    async def _ask(self) -> None:
        dialog = CloudInitDialog(parent=self.window())
        if not await ask(dialog):
            return
        answers = dialog.answers()
        self.user_data.set_text(with_blocks(self.user_data.toPlainText(), answers.blocks()))
        if dialog.network.isChecked():
            self.network.set_text(answers.network_config())
