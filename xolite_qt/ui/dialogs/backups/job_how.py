"""How a job reads: NBD, snapshots, how much at a time."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from xolite_qt.backup.jobs.model import Job, NbdSettings
from xolite_qt.ui.dialogs.backups.form import Choice, Form, number
from xolite_qt.ui.models.backup_nbd import NbdNetwork, serving_words
from xolite_qt.ui.widgets.badges import IconLabel
from xolite_qt.ui.widgets.button import Button
from xolite_qt.ui.widgets.card import SectionTitle
from xolite_qt.ui.widgets.text import TextLabel

_USE = (
    ("auto", "Prefer NBD, else the export"),
    ("on", "NBD only: fail where it is not served"),
    ("off", "Never: the export alone"),
)
MANY_MERGES = 3
"""From so many merges at once on, slow disks suffer."""


class HowSection(QWidget):
    """NBD, concurrency, snapshots.

    Signals:
        changed: another choice.
        nbd_wanted: the user wants to change which networks serve NBD.
    """

    changed = Signal()
    nbd_wanted = Signal()

    def __init__(self, job: Job) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        self.reading = SectionTitle(self.tr("Reading disks"))
        column.addWidget(self.reading)
        self.nbd = Form()
        column.addWidget(self.nbd)
        self.use = Choice([(i, self.tr(text)) for i, text in _USE], job.nbd.use)
        self.use_row = self.nbd.add(self.tr("Way"), self.use)
        self.connections = number(1, 16, job.nbd.connections)
        self.connections_row = self.nbd.add(
            self.tr("NBD connections"), self.connections, hint=self.tr("Per disk"), narrow=True
        )
        self.purge = QCheckBox(self.tr("Free the snapshot's space on the host after each backup"))
        self.purge.setChecked(job.nbd.purge_snapshot_data)
        self.purge_row = self.nbd.add(
            self.tr("Snapshots"),
            self.purge,
            hint=self.tr(
                "Needs changed-block tracking: the next backup goes on from its tracking data"
            ),
        )
        self.serving = QWidget()
        line = QHBoxLayout(self.serving)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        self._sign = IconLabel("network", 16, color="secondary")
        self.served = TextLabel(self.tr("Looking at the networks…"), tone="secondary", wrap=True)
        self.change = Button(self.tr("NBD per network…"), "tertiary", small=True)
        self.change.clicked.connect(self.nbd_wanted)
        line.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self.served, 1)
        line.addWidget(self.change, 0, Qt.AlignmentFlag.AlignTop)
        column.addWidget(self.serving)
        column.addWidget(SectionTitle(self.tr("Snapshots and load")))
        rest = Form()
        column.addWidget(rest)
        self.concurrency = number(1, 64, job.concurrency)
        rest.add(
            self.tr("VMs at a time"),
            self.concurrency,
            hint=self.tr("More is faster until the network or the host's disks are full"),
            narrow=True,
        )
        self.memory = QCheckBox(self.tr("Snapshot with memory"))
        self.memory.setChecked(job.memory)
        self.offline = QCheckBox(self.tr("Shut the VM down for the snapshot, then start it again"))
        self.offline.setChecked(job.offline)
        self.snapshot_row = rest.add(self.tr("Snapshot"), self.memory)
        self.offline_row = rest.add("", self.offline)
        self.merges = number(1, 32, job.merge_concurrency)
        self.merge_row = rest.add(self.tr("Merges at a time"), self.merges, narrow=True)
        column.addStretch(1)
        self.use.currentIndexChanged.connect(self._told)
        for field in (self.connections, self.concurrency, self.merges):
            field.valueChanged.connect(self._told)
        for box in (self.purge, self.memory, self.offline):
            box.toggled.connect(self._told)
        self._judge()

    def set_networks(self, networks: Sequence[NbdNetwork]) -> None:
        """Which networks serve NBD now."""
        text, serves = serving_words(networks)
        self.served.set_text(text)
        self.served.set_tone("secondary" if serves else "warning")
        self._sign.set_icon("network", color="success" if serves else "warning")

    def set_mode(self, mode: str) -> None:
        """Full backups are exported whole: nothing of NBD is for them."""
        incremental = mode == "incremental"
        for widget in (self.reading, self.nbd, self.serving):
            widget.setVisible(incremental)

    def put(self, job: Job) -> Job:
        """`job` with what is set here."""
        return msgspec.structs.replace(
            job,
            nbd=NbdSettings(
                self.use.current() or "auto",  # type: ignore[arg-type]  # one of _USE's ids
                self.connections.value(),
                self.purge.isChecked(),
            ),
            concurrency=self.concurrency.value(),
            memory=self.memory.isChecked(),
            offline=self.offline.isChecked(),
            merge_concurrency=self.merges.value(),
        )

    def _told(self) -> None:
        self._judge()
        self.changed.emit()

    def _judge(self) -> None:
        uses_nbd = self.use.current() != "off"
        self.connections.setEnabled(uses_nbd)
        self.purge.setEnabled(uses_nbd)
        # One snapshot is either with memory or of a VM that is shut down.
        self.memory.setEnabled(not self.offline.isChecked())
        self.offline.setEnabled(not self.memory.isChecked())
        if self.merges.value() >= MANY_MERGES:
            self.merge_row.set_hint(
                self.tr(
                    "So many merges at once load slow disks heavily: backups written meanwhile, "
                    "and whatever else lives there, get slower"
                ),
                "warning",
            )
        else:
            self.merge_row.set_hint(self.tr("After the run, of different VMs and disks"))
