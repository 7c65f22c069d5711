"""What will be made, in short, and what to be warned of; and what is being made, step by step."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.models.new_vm import Install, NewVmForm
from xolite_qt.ui.models.new_vm_checks import wanted_space, warnings
from xolite_qt.ui.models.new_vm_world import World
from xolite_qt.ui.views.parts.fact_card import Facts
from xolite_qt.ui.views.pool.new_vm.session import Shown
from xolite_qt.ui.views.pool.new_vm.work import StepState
from xolite_qt.ui.widgets import Button, Card, IconLabel, ProgressBar, TextLabel, Tone


class SummaryCard(Card):
    """The form in a few lines, with its warnings."""

    def __init__(self) -> None:
        super().__init__("Summary", dense=True)
        self.facts = Facts()
        self.add(self.facts)
        self._warnings = QVBoxLayout()
        self._warnings.setSpacing(6)
        self.add_layout(self._warnings)
        self.warnings: tuple[str, ...] = ()
        self.add_stretch()

    def show_form(self, form: NewVmForm, world: World) -> None:
        """Say it anew."""
        facts = self.facts
        template = world.templates.get(form.template)
        facts.text("Template", template.name_label if template is not None else None)
        facts.text("Name", form.name)
        disc = world.vdis.get(form.iso)
        facts.text(
            "Starts from",
            {
                Install.TEMPLATE: "its own disk" if form.has_content else "empty disks",
                Install.ISO: disc.name_label if disc is not None else None,
                Install.PXE: "the network",
                Install.DISK: "an existing disk",
            }[form.install],
        )
        firmware = "UEFI" if form.uefi else "BIOS"
        extra = [
            word
            for word, on in (("secure boot", form.secure_boot), ("vTPM", form.vtpm))
            if on and form.uefi
        ]
        facts.text("Firmware", ", ".join([firmware, *extra]))
        vcpus = str(form.vcpus)
        if form.vcpus_max > form.vcpus:
            vcpus += f", at most {form.vcpus_max}"
        facts.text("vCPUs", vcpus)
        facts.amount("Memory", form.memory_bytes)
        wanted = {sr: size for sr, size in sorted(wanted_space(form).items()) if size}
        labels = {f"On {world.sr_name(sr)}": sr for sr in wanted}
        for label, sr in labels.items():
            free = world.free_bytes(sr)
            tip = f"{fmt.size(free)} are free there" if free is not None else ""
            facts.text(label, fmt.size(wanted[sr]), tip=tip)
        for label in list(facts.labels()):
            if label.startswith("On ") and label not in labels:
                facts.drop(label)
        cards = [
            world.networks[card.network].name_label
            for card in form.cards
            if card.network in world.networks
        ]
        facts.text("Networks", ", ".join(cards))
        self._show_warnings(tuple(warnings(form, world)) if template is not None else ())

    def _show_warnings(self, found: tuple[str, ...]) -> None:
        if found == self.warnings:
            return
        self.warnings = found
        while (item := self._warnings.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for text in found:
            self._warnings.addWidget(_line("warning", "warning", text, "warning"))


class ProgressCard(Card):
    """The steps of a VM on its way, ticked off; at its end what went wrong.

    Args:
        on_back: goes back to the form.
    """

    def __init__(self, on_back: Callable[[], object]) -> None:
        super().__init__("")
        self._steps = QVBoxLayout()
        self._steps.setSpacing(8)
        self.bar = ProgressBar(0.0)
        self.add(self.bar)
        self.add_layout(self._steps)
        self._ending = QVBoxLayout()
        self._ending.setSpacing(8)
        self.add_layout(self._ending)
        self.back = Button("Back to the form", "primary", on_click=on_back)
        row = QHBoxLayout()
        row.addWidget(self.back)
        row.addStretch(1)
        self.add_layout(row)
        self._seen: object = None

    @property
    def said(self) -> list[str]:
        """Every line, for tests and screen readers."""
        return [label.text() for label in self.findChildren(TextLabel) if label.text()]

    def show_progress(self, shown: Shown) -> None:
        """Draw it anew where it is another one."""
        done = sum(shown.state(step) is StepState.DONE for step in shown.steps)
        self.bar.set_fraction((done + shown.progress % 1.0) / max(1, len(shown.steps)))
        self.bar.setVisible(not shown.ended)
        seen = (
            shown.name,
            tuple(shown.state(step) for step in shown.steps),
            shown.undoing,
            shown.cancelling,
            shown.ended,
        )
        if seen == self._seen:
            return
        self._seen = seen
        self.set_title(self._heading(shown))
        _clear(self._steps)
        for step in shown.steps:
            self._steps.addWidget(self._step(step.label, shown.state(step)))
        _clear(self._ending)
        if shown.undoing:
            self._ending.addWidget(
                _line("revert", "info", "What was made is taken away again…", "info")
            )
        if shown.ended and shown.failure:
            self._end(shown)
        self.back.setVisible(shown.ended)

    def _end(self, shown: Shown) -> None:
        text = " ".join(filter(None, (shown.failure, shown.advice)))
        self._ending.addWidget(_line("danger", "danger", text, "danger"))
        if shown.details:
            self._ending.addWidget(
                TextLabel(shown.details, kind="small", tone="secondary", wrap=True, selectable=True)
            )
        if not shown.leftovers:
            text = "Nothing is left behind: what was made was taken away again."
            self._ending.addWidget(_line("success", "success", text, "txt"))
            return
        self._ending.addWidget(
            _line("warning", "warning", "This could not be taken away again:", "warning")
        )
        for left in shown.leftovers:
            self._ending.addWidget(
                TextLabel(f"•  {left.what}: {left.why}", wrap=True, selectable=True)
            )

    @staticmethod
    def _heading(shown: Shown) -> str:
        if shown.ended:
            return f"{shown.name} was not created"
        if shown.undoing or shown.cancelling:
            return f"Giving up {shown.name}…"
        return f"Creating {shown.name}…"

    @staticmethod
    def _step(label: str, state: StepState) -> QWidget:
        icon, color, tone, says = _LOOKS[state]
        line = _line(icon, color, label, tone)
        line.setAccessibleName(f"{label}: {says}")
        return line


_LOOKS: dict[StepState, tuple[str, str, Tone, str]] = {
    StepState.WAITING: ("circle", "muted", "secondary", "not yet"),
    StepState.RUNNING: ("spinner", "brand", "txt", "under way"),
    StepState.DONE: ("success", "success", "txt", "done"),
    StepState.FAILED: ("error", "danger", "danger", "failed"),
}


def _line(icon: str, color: str, text: str, tone: Tone) -> QWidget:
    line = QWidget()
    row = QHBoxLayout(line)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    sign = IconLabel(icon, 14, color=color)
    row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(TextLabel(text, tone=tone, wrap=True), 1)
    return line


def _clear(layout: QVBoxLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()
