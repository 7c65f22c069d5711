"""The simulated creation: a form, what it would hold, and the exact calls. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from xolite_qt.stores.xostor.plan import CreateForm, Plan, Step, make_plan, plan_json
from xolite_qt.stores.xostor.scripts import python_script, xe_script
from xolite_qt.ui import format as fmt
from xolite_qt.ui import theme
from xolite_qt.ui.dialogs.backups.form import Choice, Form
from xolite_qt.ui.dialogs.backups.tick_list import TickList
from xolite_qt.ui.models.backup_checks import Tickable
from xolite_qt.ui.models.column import one_line
from xolite_qt.ui.views.pool.xostor.part import Facts, Signs, XostorPart
from xolite_qt.ui.widgets import (
    Button,
    Card,
    IconLabel,
    ScrollPage,
    SectionTitle,
    Stat,
    TextLabel,
    Tone,
)

_REST_MS = 150


class PlanPart(XostorPart):
    """A form at the left, the plan at the right.

    Args:
        notify: says that something was copied.
    """

    wants_probes = True

    def __init__(self, notify: Callable[[str], None]) -> None:
        super().__init__()
        self._notify = notify
        self._facts = Facts()
        self._networks: tuple[tuple[str, str], ...] = ()
        self._told_disks = False
        self.plan = Plan("")
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REST_MS)
        self._timer.timeout.connect(self.make)
        self.name = QLineEdit("XOSTOR")
        self.description = QLineEdit()
        self.copies = Choice(
            (("1", self.tr("1 copy")), ("2", self.tr("2 copies")), ("3", self.tr("3 copies"))),
            "2",
            self._timer.start,
        )
        self.provisioning = Choice(
            (("thin", self.tr("Thin")), ("thick", self.tr("Thick"))), "thin", self._timer.start
        )
        self.overwrite = QCheckBox(self.tr("Overwrite existing file systems"))
        self.disks = TickList(self.tr("Disks"), empty=self.tr("No host has a free disk."), rows=5)
        self.network = Choice((("", self.tr("Management network")),), "", self._timer.start)
        self.interface = QLineEdit("replication")
        self._form = Form()
        self._form.add(self.tr("Name"), self.name)
        self._form.add(self.tr("Description"), self.description)
        self._form.add(self.tr("Copies"), self.copies, hint=self.tr("Can't be changed later."))
        self._form.add(self.tr("Provisioning"), self.provisioning)
        self._form.add(self.tr("Network"), self.network)
        self._interface = self._form.add(self.tr("Interface name"), self.interface)
        self._form.add_wide(TextLabel(self.tr("Disks")))
        self._form.add_wide(self.disks)
        self._form.add_wide(self.overwrite)
        form = Card(self.tr("Simulated creation"), self.tr("Nothing is written."), dense=True)
        form.add(self._form)
        left = ScrollPage(margin=0)
        left.setFixedWidth(450)
        left.add(form)

        self.usable = Stat(self.tr("For VMs"))
        self.largest = Stat(self.tr("Largest VDI"))
        self.raw = Stat(self.tr("On all disks"))
        worth = Card(self.tr("What it would hold"), dense=True)
        figures = QHBoxLayout()
        for stat in (self.usable, self.largest, self.raw):
            figures.addWidget(stat, 1)
        worth.add_layout(figures)
        self.signs = Signs(self.tr("To think about"))
        worth.add(self.signs)
        self.card = Card(self.tr("Plan"), dense=True)
        self.copy_xe = Button(self.tr("Copy for xe"), "tertiary", icon="copy", small=True)
        self.copy_python = Button(self.tr("Copy for Python"), "tertiary", icon="copy", small=True)
        self.copy_json = Button(self.tr("Copy JSON"), "tertiary", icon="copy", small=True)
        for button, make, said in (
            (self.copy_xe, xe_script, self.tr("Script for xe copied")),
            (self.copy_python, python_script, self.tr("Python script copied")),
            (self.copy_json, plan_json, self.tr("Plan copied as JSON")),
        ):
            self.card.add_action(button)
            button.clicked.connect(lambda _on=False, m=make, s=said: self._copy(m, s))
        self._steps = QWidget()
        self._column = QVBoxLayout(self._steps)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(18)
        self.card.add(self._steps)
        right = ScrollPage(margin=0)
        right.add(worth)
        right.add(self.card)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(left)
        row.addWidget(right, 1)
        for field in (self.name, self.description, self.interface):
            field.textChanged.connect(lambda _text: self._timer.start())
        self.overwrite.toggled.connect(lambda _on: self._timer.start())
        self.disks.ticked.connect(self._timer.start)

    def show_facts(self, facts: Facts) -> None:
        """Take in hosts and networks; what was chosen stays."""
        self._facts = facts
        networks = (
            ("", self.tr("Management network")),
            *((network.ref, one_line(network.name)) for network in facts.networks),
        )
        if networks != self._networks:
            self._networks = networks
            chosen = self.network.current()
            self.network.blockSignals(True)
            self.network.clear()
            for ref, name in networks:
                self.network.addItem(name, ref)
            self.network.set_current(chosen)
            self.network.blockSignals(False)
        lines = []
        for host in facts.probes:
            for disk in host.usable_disks:
                text = f"{host.name}: {disk.name}"
                ref, size = f"{host.ref} {disk.path}", fmt.size(disk.size_bytes)
                lines.append(Tickable(ref, text, size, "vdi", words=disk.model))
        self.disks.model.set_lines(lines)
        if lines and not self._told_disks and not facts.is_probing:
            # A first proposal: the first free disk of every host.
            self._told_disks = True
            self.disks.model.set_ticks(
                f"{host.ref} {host.usable_disks[0].path}"
                for host in facts.probes
                if host.usable_disks
            )
        self.make()

    def form(self) -> CreateForm:
        """What is chosen now."""
        disks: dict[str, tuple[str, ...]] = {}
        for tick in self.disks.model.ticks():
            ref, _, path = tick.partition(" ")
            disks[ref] = (*disks.get(ref, ()), path)
        network = next(
            (one for one in self._facts.networks if one.ref == self.network.current()), None
        )
        return CreateForm(
            name=self.name.text(),
            description=self.description.text(),
            redundancy=int(self.copies.current() or 2),
            provisioning=self.provisioning.current(),
            disks=disks,
            ignore_filesystems=self.overwrite.isChecked(),
            interface=self.interface.text() if network is not None else "",
            pifs=dict(network.pifs) if network is not None else {},
        )

    def make(self) -> None:
        """Make the plan anew and show it."""
        self._timer.stop()
        form = self.form()
        self._form.set_row_visible(self._interface, visible=bool(self.network.current()))
        plan = make_plan(self._facts.pool, self._facts.probes, form)
        worth = plan.capacity
        for stat, number in (
            (self.usable, worth.usable_bytes),
            (self.largest, worth.largest_vdi_bytes),
            (self.raw, worth.raw_bytes),
        ):
            stat.set_value(fmt.size(number) if number else fmt.NONE)
        lines = [("warning", "warning", text, "") for text in plan.warnings]
        if self._facts.row is not None:
            text = self.tr("This pool has an XOSTOR already; it can't have two.")
            lines.insert(0, ("info", "info", text, ""))
        self.signs.show_lines(lines)
        self.signs.setVisible(bool(lines))
        reason = None if plan.steps else self.tr("There is no plan yet")
        for button in (self.copy_xe, self.copy_python, self.copy_json):
            button.set_reason(reason)
        if not self._facts.probes or (self._facts.is_probing and not self._told_disks):
            self.card.set_loading(self.tr("Asking the hosts for their disks…"))
        elif plan.missing:
            self.card.set_empty(
                self.tr("Something is missing"), ", ".join(plan.missing).capitalize()
            )
        else:
            self.card.set_ready()
        calls = len(plan.calls)
        self.card.set_info(fmt.plural(calls, self.tr("call"), self.tr("calls")) if calls else "")
        if plan != self.plan:
            self.plan = plan
            self._show_steps()

    def _show_steps(self) -> None:
        while (item := self._column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for number, step in enumerate(self.plan.steps, 1):
            self._column.addWidget(_StepView(number, step))

    def _copy(self, make: Callable[[Plan], str], said: str) -> None:
        QGuiApplication.clipboard().setText(make(self.plan))
        self._notify(said)


class _StepView(QWidget):
    """One step: its calls, what restarts, and the way back."""

    def __init__(self, number: int, step: Step) -> None:
        super().__init__()
        self.setAccessibleName(f"{number}. {one_line(step.title)}")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(SectionTitle(f"{number}. {one_line(step.title)}"))
        for call in step.calls:
            column.addWidget(_Code(call.line(), "txt"))
        if step.restarts:
            text = self.tr("Restarts: %1").replace("%1", step.restarts)
            column.addLayout(_remark("reboot", "warning", text))
        text = self.tr("Way back: %1").replace("%1", step.rollback)
        column.addLayout(_remark("revert", "secondary", text))
        for call in step.rollback_calls:
            label = _Code(call.line(), "secondary")
            label.setContentsMargins(24, 0, 0, 0)
            column.addWidget(label)


def _remark(icon: str, color: str, text: str) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addWidget(IconLabel(icon, 16, color=color), 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(TextLabel(text, kind="small", wrap=True, selectable=True), 1)
    return row


class _Code(TextLabel):
    """A call, in a fixed-pitch font."""

    def __init__(self, text: str, tone: Tone) -> None:
        super().__init__(one_line(text), kind="small", tone=tone, wrap=True, selectable=True)
        # The application's style sheet wins over `setFont` whenever the label is moved or shown;
        # one of its own wins over that.
        families = ", ".join(f'"{name}"' for name in theme.mono_font().families())
        self.setStyleSheet(f"font-family: {families};")
