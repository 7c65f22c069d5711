"""What follows a run: the health check, and who hears of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from xolite_qt.backup.jobs.model import HealthCheck, Job, Report
from xolite_qt.ui.dialogs.backups.form import Choice, Form, number
from xolite_qt.ui.dialogs.backups.report_targets import ReportTargets
from xolite_qt.ui.widgets.card import SectionTitle
from xolite_qt.ui.widgets.text import TextLabel

_WHEN = (
    ("failure", "When something went wrong"),
    ("always", "After every run"),
    ("never", "Never"),
)


class AfterSection(QWidget):
    """Health check and report.

    Signals:
        changed: another choice.
    """

    changed = Signal()

    def __init__(self, job: Job, srs: Sequence[tuple[str, str]], targets: Sequence[str]) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(SectionTitle(self.tr("Health check")))
        self.check = QCheckBox(self.tr("Prove each backup by restoring and booting it"))
        self.check.setChecked(job.health_check.enabled)
        column.addWidget(self.check)
        column.addWidget(
            TextLabel(
                self.tr(
                    "The newest backup of each VM is restored beside it, started without network, "
                    "waited for until its guest tools answer, and removed again."
                ),
                kind="small",
                tone="secondary",
                wrap=True,
            )
        )
        self.form = Form()
        column.addWidget(self.form)
        known = [("", self.tr("The pool's default storage")), *srs]
        if job.health_check.sr_uuid not in (ident for ident, _ in known):
            known.append((job.health_check.sr_uuid, f"Missing: {job.health_check.sr_uuid}"))
        self.sr = Choice(known, job.health_check.sr_uuid)
        self.form.add(self.tr("Restore to"), self.sr)
        self.patience = number(1, 86_400, job.health_check.timeout_s, suffix=" s")
        self.form.add(self.tr("Wait at most"), self.patience, narrow=True)
        column.addWidget(SectionTitle(self.tr("Report")))
        report = Form()
        column.addWidget(report)
        self.when = Choice([(i, self.tr(text)) for i, text in _WHEN], job.report.when)
        report.add(self.tr("Tell"), self.when, narrow=True)
        self.desktop = QCheckBox(self.tr("A notification on this desktop"))
        self.desktop.setChecked(job.report.desktop)
        self.desktop_row = report.add(self.tr("How"), self.desktop)
        self.targets = ReportTargets(job.report.targets, targets)
        self.targets_row = report.add(
            "",
            self.targets,
            hint=self.tr("Mail, chat or webhook, as an Apprise address; kept in the keyring"),
        )
        column.addStretch(1)
        self.check.toggled.connect(self._told)
        self.sr.currentIndexChanged.connect(self._told)
        self.patience.valueChanged.connect(self._told)
        self.when.currentIndexChanged.connect(self._told)
        self.desktop.toggled.connect(self._told)
        self.targets.changed.connect(self._told)
        self._judge()

    def put(self, job: Job) -> Job:
        """`job` with what is set here."""
        return msgspec.structs.replace(
            job,
            health_check=HealthCheck(
                self.check.isChecked(), self.sr.current(), self.patience.value()
            ),
            report=Report(
                self.when.current() or "failure",  # type: ignore[arg-type]  # one of _WHEN's ids
                self.desktop.isChecked(),
                self.targets.names(),
            ),
        )

    def problem(self) -> str:
        """Why it cannot be saved; empty where it can."""
        return self.targets.problem()

    def _told(self) -> None:
        self._judge()
        self.changed.emit()

    def _judge(self) -> None:
        self.form.setEnabled(self.check.isChecked())
        told = self.when.current() != "never"
        self.desktop.setEnabled(told)
        self.targets.setEnabled(told)
