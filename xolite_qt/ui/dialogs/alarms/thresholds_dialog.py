"""The form of thresholds: what raises alarms on one object."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QCheckBox, QGridLayout, QWidget

from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.models.thresholds import Threshold
from xolite_qt.ui.widgets.number_field import DecimalField, NumberField
from xolite_qt.ui.widgets.reason import set_reason
from xolite_qt.ui.widgets.text import TextLabel


class _Line:
    """The controls of one threshold."""

    def __init__(self, line: Threshold) -> None:
        self._line = line
        kind = line.kind
        self.on = QCheckBox(kind.label)
        self.on.setChecked(line.on)
        self.level = DecimalField()
        self.level.setRange(0.0, kind.most)
        self.level.setDecimals(0 if line.level == round(line.level) else 2)
        self.level.setSuffix(f" {kind.unit}")
        self.level.setValue(line.level)
        self.level.setAccessibleName(f"{kind.label}, threshold in {kind.unit}")
        self.period = NumberField()
        self.period.setRange(1, 24 * 60)
        self.period.setSuffix(" min")
        self.period.setValue(max(1, round(line.period_min)))
        self.period.setAccessibleName(f"{kind.label}, for so many minutes")
        self.silence = NumberField()
        self.silence.setRange(5, 7 * 24 * 60)
        self.silence.setSuffix(" min")
        self.silence.setValue(max(5, round(line.silence_min)))
        self.silence.setAccessibleName(f"{kind.label}, minutes before it is raised again")
        self.on.toggled.connect(self._judge)
        self._judge()

    def _judge(self) -> None:
        off = None if self.on.isChecked() else "Nothing is watched here: tick the line first."
        for control in (self.level, self.period, self.silence):
            set_reason(control, off)

    def value(self) -> Threshold:
        """What was entered."""
        return Threshold(
            self._line.kind,
            self.on.isChecked(),
            self.level.value(),
            float(self.period.value()),
            float(self.silence.value()),
        )


class ThresholdsDialog(Dialog):
    """Which numbers of an object are watched, and from where they raise an alarm.

    Args:
        name: of the object.
        lines: as they stand.
        trouble: why what stands there could not be read; it would be replaced.
    """

    def __init__(
        self,
        name: str,
        lines: Sequence[Threshold],
        trouble: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            self.tr("Alarm thresholds of {0}").format(name), icon="alarm", width=740, parent=parent
        )
        says = self.tr(
            "The host looks every five minutes and reads these settings every half hour."
        )
        self.body.addWidget(TextLabel(says, tone="secondary", wrap=True))
        if trouble:
            text = self.tr("What stands there now cannot be read ({0}); saving replaces it.")
            self.body.addWidget(TextLabel(text.format(trouble), tone="warning", wrap=True))
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        for column, head in enumerate(
            ("Raise an alarm for", "Threshold", "Lasting", "Then silent")
        ):
            grid.addWidget(TextLabel(head, kind="small", tone="secondary"), 0, column)
        self.lines = [_Line(line) for line in lines]
        for row, line in enumerate(self.lines, 1):
            for column, control in enumerate((line.on, line.level, line.period, line.silence)):
                grid.addWidget(control, row, column)
        grid.setColumnStretch(0, 1)
        self.body.addLayout(grid)
        self.body.addStretch(1)
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.save = self.add_button(self.tr("Save thresholds"), "primary", default=True)
        self.save.clicked.connect(self.accept)

    def values(self) -> list[Threshold]:
        """What was entered."""
        return [line.value() for line in self.lines]
