"""The window of one run: it can be closed, and opened again; the run does not mind."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from xolite_qt.backup.runs.events import RunSpec
from xolite_qt.stores.backups import BackupStores
from xolite_qt.ui.dialogs.backups.run_view import RunView
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.models import backup_words as words
from xolite_qt.ui.widgets.text import TextLabel


class RunDialog(Dialog):
    """Progress while the run goes on, its log afterwards; never in the way of the main window.

    Args:
        cancel: asks a run to stop; None where that is not possible.
    """

    def __init__(
        self,
        stores: BackupStores,
        spec: RunSpec,
        *,
        cancel: Callable[[str], None] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        name, icon = words.kind(spec.kind)
        super().__init__(spec.title or name, icon=icon, width=880, parent=parent)
        self.setModal(False)
        self.setWindowModality(Qt.WindowModality.NonModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._cancel_run = cancel
        self.view = RunView(stores, spec)
        self.view.setMinimumHeight(380)
        self.body.addWidget(self.view, 1)
        self.note = TextLabel(
            self.tr("This window can be closed: the run goes on; the page of backups has it."),
            kind="small",
            tone="secondary",
            wrap=True,
        )
        self.body.addWidget(self.note)
        self.copy_button = self.add_button(self.tr("Copy log"))
        self.copy_button.clicked.connect(self.view.copy_log)
        self.cancel_button = self.add_button(self.tr("Cancel run"), "tertiary-danger")
        self.cancel_button.clicked.connect(self._cancel)
        self.close_button = self.add_button(self.tr("Close"), "primary", default=True)
        self.close_button.clicked.connect(self.close)
        self.view.changed.connect(self._judge)
        self._asked = False
        self._judge()
        self.close_button.setFocus()

    def open(self) -> None:
        """Override Dialog::open: shown beside the main window, which stays usable."""
        self.fit()
        self.show()

    def _judge(self) -> None:
        active = self.view.row.is_active
        self.note.setVisible(active)
        self.cancel_button.setVisible(active and self._cancel_run is not None)
        if active and self._asked:
            self.cancel_button.set_busy(True, self.tr("Cancelling…"))

    def _cancel(self) -> None:
        if self._cancel_run is not None:
            self._asked = True
            self._cancel_run(self.view.spec.id)
            self._judge()
