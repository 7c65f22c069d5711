"""New VM: a form of cards, a summary beside them, and a bar that is always there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.models.new_vm import NewVmForm
from xolite_qt.ui.models.new_vm_checks import problems
from xolite_qt.ui.models.new_vm_plan import plan_of
from xolite_qt.ui.models.new_vm_world import World, limits_of
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.live_page import LivePage
from xolite_qt.ui.views.pool.new_vm.cloud_part import CloudPart
from xolite_qt.ui.views.pool.new_vm.device_parts import CardsPart, DisksPart
from xolite_qt.ui.views.pool.new_vm.part import Part
from xolite_qt.ui.views.pool.new_vm.session import session_of
from xolite_qt.ui.views.pool.new_vm.start_parts import InstallPart, TemplatePart
from xolite_qt.ui.views.pool.new_vm.summary import ProgressCard, SummaryCard
from xolite_qt.ui.views.pool.new_vm.system_parts import AfterPart, FirmwarePart, ResourcesPart
from xolite_qt.ui.views.pool.new_vm.work import Creation
from xolite_qt.ui.widgets import Button, LinkLabel, ScrollPage
from xolite_qt.xen_api import XapiError

_BESIDE_PX = 980
"""From this width on the summary stands beside the form, not under it."""

_SUMMARY_PX = 300


class NewVmPage(LivePage):
    """The form, or the VM that it is making."""

    page_id = "pool.new-vm"
    title = "New VM"
    icon_name = "vm"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        self.session = session_of(context)
        self.world = World()
        self.problems: dict[str, str] = {}
        self._asked = ""
        self._ordered = False
        self.template = TemplatePart(self.session)
        self.install = InstallPart(self.session)
        self.cloud = CloudPart(self.session, context.tasks)
        self.firmware = FirmwarePart(self.session)
        self.resources = ResourcesPart(self.session)
        self.disks = DisksPart(self.session)
        self.cards = CardsPart(self.session)
        self.after = AfterPart(self.session)
        self.parts: tuple[Part, ...] = (
            self.template,
            self.install,
            self.resources,
            self.firmware,
            self.disks,
            self.cards,
            self.cloud,
            self.after,
        )
        self.summary = SummaryCard()
        self.progress = ProgressCard(self.session.dismiss)
        self._lay_out()
        for part in self.parts:
            part.changed.connect(self._changed)
            part.rebuilt.connect(self._rebuilt)
        self.session.progressed.connect(self._show_progress)
        context.actions.blocked_changed.connect(self._judge)
        stores = context.stores
        self.add_part(
            self._show_world,
            *(stores.pool, stores.vm_template, stores.vm, stores.sr, stores.pbd, stores.vdi),
            *(stores.vbd, stores.vif, stores.network, stores.host, stores.host_metrics),
        )
        self._show_progress()

    # ------------------------------------------------------------------ layout

    def _lay_out(self) -> None:
        outer = self.layout()
        assert isinstance(outer, QVBoxLayout)
        outer.removeWidget(self.body)
        outer.setSpacing(0)
        for part in self.parts:
            self.body.add(part)
        self.side = QWidget()
        self.side.setProperty("panel", "page")
        self.side.setFixedWidth(_SUMMARY_PX + 8)
        self._side = QVBoxLayout(self.side)
        self._side.setContentsMargins(0, 8, 8, 8)
        self._side.addWidget(self.summary)
        self._side.addStretch(1)
        form = QWidget()
        form.setProperty("panel", "page")
        row = QHBoxLayout(form)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.body, 1)
        row.addWidget(self.side)
        steps = ScrollPage()
        steps.add(self.progress)
        self.stack = QStackedWidget()
        self.stack.addWidget(form)
        self.stack.addWidget(steps)
        outer.addWidget(self.stack, 1)
        outer.addWidget(self._bar())

    def _bar(self) -> QFrame:
        bar = self.bar = QFrame()
        bar.setProperty("panel", "headbar")
        line = QHBoxLayout(bar)
        line.setContentsMargins(16, 8, 16, 8)
        line.setSpacing(8)
        self.why_not = LinkLabel("", self._go_to_problem)
        self.why_not.setWordWrap(True)
        self.script = Button("Show as script", "tertiary", icon="console")
        self.over = Button("Start over", "tertiary", icon="refresh")
        self.cancel = Button("Cancel")
        self.make = Button("Create", "primary", icon="plus")
        room = QWidget()
        inside = QHBoxLayout(room)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.why_not, 1)
        line.addWidget(room, 1)
        for button, does in (
            (self.script, self._show_script),
            (self.over, self._start_over),
            (self.cancel, self._cancel),
            (self.make, self._create),
        ):
            button.clicked.connect(lambda _on=False, does=does: does())
            line.addWidget(button)
        return bar

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Override QWidget::resizeEvent: the summary goes where there is room."""
        super().resizeEvent(event)
        beside = event.size().width() >= _BESIDE_PX
        if beside is not self.side.isHidden():
            return
        if beside:
            self._side.insertWidget(0, self.summary)
        else:
            self.body.add(self.summary)
        self.summary.show()
        self.side.setVisible(beside)

    # ------------------------------------------------------------------ what is shown

    @property
    def form(self) -> NewVmForm:
        """The draft."""
        return self.session.form

    def _show_world(self) -> None:
        stores = self.context.stores
        self.world = World(
            stores.the_pool(),
            stores.vm_template.records,
            stores.vm.records,
            stores.sr.records,
            stores.pbd.records,
            stores.vdi.records,
            stores.vbd.records,
            stores.vif.records,
            stores.network.records,
            stores.host.records,
            stores.host_metrics.records,
        )
        self._fill()
        if not self._ordered:
            self._order_tabs()
        self._ask_limits()

    def _fill(self) -> None:
        for part in self.parts:
            part.fill(self.world)
        self._judge()

    def _rebuilt(self) -> None:
        self._fill()
        self._order_tabs()

    def _changed(self) -> None:
        self._ask_limits()
        self._judge()

    def _judge(self) -> None:
        self.problems = problems(self.form, self.world)
        for part in self.parts:
            part.judge(self.problems)
        self.summary.show_form(self.form, self.world)
        self._judge_bar()

    def _judge_bar(self) -> None:
        working = self.session.shown is not None
        reason = self.context.actions.blocked or next(iter(self.problems.values()), None)
        self.why_not.set_text(reason or "" if not working else "")
        self.why_not.setVisible(bool(reason) and not working)
        self.make.set_reason(reason)
        self.script.set_reason(reason or self._no_script())
        ended = self.session.shown is not None and self.session.shown.ended
        for button in (self.script, self.over, self.make):
            button.setVisible(not working)
        self.bar.setVisible(not ended)
        cancelling = self.session.shown is not None and self.session.shown.cancelling
        self.cancel.set_reason("It is being given up already." if cancelling else None)

    def _no_script(self) -> str | None:
        template = self.world.templates.get(self.form.template)
        if template is not None and (template.vbds or template.vifs):
            return (
                "This template brings drives or cards of its own; what is done with them is known "
                "only once it is cloned."
            )
        return None

    def _show_progress(self) -> None:
        shown = self.session.shown
        if shown is not None:
            self.progress.show_progress(shown)
        self.stack.setCurrentIndex(0 if shown is None else 1)
        self._judge_bar()

    # ------------------------------------------------------------------ what only calls tell

    def _ask_limits(self) -> None:
        ref = self.form.template
        if ref and ref != self._asked and ref in self.world.templates:
            self._asked = ref
            self.context.tasks.spawn(self._read_limits(ref), "what a template recommends")

    async def _read_limits(self, ref: str) -> None:
        api = self.context.stores.api
        try:
            said = await api.call("VM.get_recommendations", ref)
            bios = await api.call("VM.get_bios_strings", ref)
        except XapiError:
            # The form does without: they only warn and close choices.
            return
        if self.form.template == ref:
            self.form.limits = limits_of(str(said), bios if isinstance(bios, dict) else {})
            if self.is_subscribed:
                self._judge()

    # ------------------------------------------------------------------ keyboard

    def _order_tabs(self) -> None:
        """Rows that were added later come where they are seen, and Create comes last."""
        self._ordered = True
        fields = [
            widget
            for widget in (*self.body.findChildren(QWidget), *self._bar_buttons())
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
            and widget.focusProxy() is None
            and not isinstance(widget.parent(), QAbstractSpinBox | QComboBox)
            and not isinstance(widget, QScrollArea)
            # Lists that fall down from a field are windows of their own.
            and widget.window() is self.window()
        ]
        for before, after in pairwise(fields):
            QWidget.setTabOrder(before, after)

    def _bar_buttons(self) -> Sequence[QWidget]:
        return (self.why_not, self.script, self.over, self.cancel, self.make)

    def _go_to_problem(self) -> None:
        first = next(iter(self.problems), "")
        for part in self.parts:
            field = part.field_of(first)
            if field is not None:
                field.setFocus(Qt.FocusReason.OtherFocusReason)
                QTimer.singleShot(0, field, partial(self.body.ensureWidgetVisible, field, 0, 48))
                return

    # ------------------------------------------------------------------ what is done

    def choices(self) -> Sequence[Choice]:
        """Override: for the palette."""
        if self.session.shown is not None:
            return ()
        reason = next(iter(self.problems.values()), None)
        return (
            Choice("pool.new_vm.create", "Create the VM", "plus", self._create, reason),
            Choice("pool.new_vm.over", "Start the form over", "refresh", self._start_over),
        )

    def _create(self) -> None:
        self._judge()
        if not self.problems and self.context.actions.blocked is None:
            self.session.begin(plan_of(self.form, self.world))

    def _cancel(self) -> None:
        if self.session.is_working:
            self.session.cancel()
        else:
            self.context.navigate("pool", "", "vms")

    def _start_over(self) -> None:
        self.session.forget()
        self._rebuilt()

    def _show_script(self) -> None:
        self.context.tasks.spawn(self._rehearse(), "calls of a new VM")

    async def _rehearse(self) -> None:
        plan = plan_of(self.form, self.world)
        creation = Creation(plan)
        works = [creation.work, creation.start] if plan.boot else [creation.work]
        await self.context.actions.show_calls(f"Create VM {plan.name}", works)
