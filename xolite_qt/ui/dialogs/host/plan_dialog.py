"""What will happen to a host and to each VM on it, before it happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLineEdit, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.models.host_plan import (
    FATE_WORDS,
    Fate,
    Goal,
    Plan,
    needs_typing,
    offered,
    steps_of,
    trouble,
    warnings_of,
)
from xolite_qt.ui.widgets.text import TextLabel, plain_tooltip

_TITLES = {
    Goal.MAINTENANCE: ("Put {0} into maintenance", "Enter maintenance"),
    Goal.REBOOT: ("Reboot {0}", "Reboot host"),
    Goal.SMART_REBOOT: ("Reboot {0} and bring its VMs back", "Reboot host"),
    Goal.SHUTDOWN: ("Shut {0} down", "Shut down host"),
    Goal.TOOLSTACK: ("Restart the toolstack of {0}", "Restart toolstack"),
}


def title_of(plan: Plan) -> str:
    """What the plan is, in words."""
    words = _TITLES[plan.goal][0].format(plan.situation.name)
    return f"Update {plan.situation.name}" if plan.packages else words


class PlanDialog(Dialog):
    """Chooses a fate for each VM and shows the steps that follow from it.

    Args:
        plan: to begin with; `plan` holds what was chosen.
        show_calls: shows the calls of the plan as it stands.
    """

    def __init__(
        self, plan: Plan, show_calls: Callable[[Plan], object], parent: QWidget | None = None
    ) -> None:
        super().__init__(title_of(plan), icon="host", accent="warning", width=640, parent=parent)
        self.plan = plan
        self.choices: dict[str, QComboBox] = {}
        if plan.situation.guests and plan.goal is not Goal.TOOLSTACK:
            self._add_guests()
        self.back = QCheckBox(self.tr("Bring the VMs back when the host is back"))
        self.back.setChecked(plan.bring_back)
        self.back.setVisible(
            plan.goal in (Goal.REBOOT, Goal.SMART_REBOOT) and bool(plan.situation.guests)
        )
        self.back.toggled.connect(lambda _on: self._changed())
        self.body.addWidget(self.back)
        self.body.addWidget(TextLabel(self.tr("What will happen"), kind="body-bold"))
        self.steps = TextLabel("", wrap=True)
        self.body.addWidget(self.steps)
        self.warnings = TextLabel("", tone="warning", wrap=True)
        self.body.addWidget(self.warnings)
        self.typing = TextLabel(
            self.tr("To go on, type: {0}").format(plan.situation.name), wrap=True, selectable=True
        )
        self.typed = QLineEdit()
        self.typed.setAccessibleName(self.tr("Type the name to go on"))
        self.typed.textChanged.connect(lambda _text: self._judge())
        self.body.addWidget(self.typing)
        self.body.addWidget(self.typed)
        self.body.addStretch(1)
        self.calls = self.add_button(self.tr("Show calls…"), "tertiary")
        self.calls.clicked.connect(lambda: show_calls(self.plan))
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        verb = self.tr("Update host") if plan.packages else _TITLES[plan.goal][1]
        self.go = self.add_button(verb, "danger")
        self.go.clicked.connect(self.accept)
        self._changed()
        self.cancel.setFocus()

    def _add_guests(self) -> None:
        self.body.addWidget(TextLabel(self.tr("VMs that run on it"), kind="body-bold"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        situation = self.plan.situation
        for row, guest in enumerate(situation.guests):
            grid.addWidget(TextLabel(guest.name, elide=True), row, 0)
            size = fmt.size(guest.memory_bytes) if guest.memory_bytes else ""
            grid.addWidget(TextLabel(size, tone="secondary"), row, 1)
            box = QComboBox()
            box.setAccessibleName(self.tr("What becomes of {0}").format(guest.name))
            model = box.model()
            assert isinstance(model, QStandardItemModel)
            for fate, reason in offered(guest, situation, self.plan.goal).items():
                box.addItem(FATE_WORDS[fate], fate.value)
                item = model.item(box.count() - 1)
                if reason:
                    item.setEnabled(False)
                    item.setText(f"{FATE_WORDS[fate]} — {reason}")
                    item.setToolTip(plain_tooltip(reason))
            at = box.findData(self.plan.fates[guest.ref].value)
            box.setCurrentIndex(at)
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(22)
            box.currentIndexChanged.connect(lambda _at, ref=guest.ref: self._chosen(ref))
            grid.addWidget(box, row, 2, Qt.AlignmentFlag.AlignVCenter)
            self.choices[guest.ref] = box
        grid.setColumnStretch(0, 2)
        grid.setColumnStretch(2, 3)
        self.body.addLayout(grid)

    def _chosen(self, ref: str) -> None:
        self.plan = self.plan.with_fate(ref, Fate(self.choices[ref].currentData()))
        self._changed()

    def _changed(self) -> None:
        bring_back = self.back.isChecked() and not self.back.isHidden()
        self.plan = replace(self.plan, bring_back=bring_back)
        steps = steps_of(self.plan)
        lines = [f"{number}. {step.title}" for number, step in enumerate(steps, 1)]
        self.steps.set_text("\n".join(lines))
        warnings = warnings_of(self.plan)
        self.warnings.set_text("\n".join(warnings))
        self.warnings.setVisible(bool(warnings))
        typing = needs_typing(self.plan)
        self.typing.setVisible(typing)
        self.typed.setVisible(typing)
        self._judge()

    def _judge(self) -> None:
        reason = trouble(self.plan)
        right = self.typed.text().strip() == self.plan.situation.name
        if reason is None and needs_typing(self.plan) and not right:
            reason = self.tr("Type the name first.")
        self.go.set_reason(reason)
