"""What outlives the page: the draft, and the VM that is being made."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Signal

from xolite_qt.stores import Stores
from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.errors import explain
from xolite_qt.ui.models.new_vm import NewVmForm
from xolite_qt.ui.models.new_vm_plan import Plan, Step
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.pool.new_vm.work import Creation, Leftover, StepState
from xolite_qt.xen_api import TaskCancelled, XenApiError

_KEY = "new_vm"


@dataclass
class Shown:
    """What can be seen of a VM on its way.

    Attributes:
        states: of steps by their id.
        progress: 0 to 1 of the step under way.
        undoing: what was made is being taken away.
        cancelling: the end was asked for.
        failure: what happened, in words; "" while nothing did.
    """

    name: str
    steps: list[Step]
    states: dict[str, StepState] = field(default_factory=dict)
    progress: float = 0.0
    undoing: bool = False
    cancelling: bool = False
    ended: bool = False
    failure: str = ""
    advice: str = ""
    details: str = ""
    leftovers: list[Leftover] = field(default_factory=list)

    def state(self, step: Step) -> StepState:
        """How a step stands."""
        return self.states.get(step.id, StepState.WAITING)


class NewVmSession(QObject):
    """The draft of a new VM, and its making; one per connection.

    Signals:
        progressed: something of `shown` is different.
        made: the VM is there.
            arg: its reference.
    """

    progressed = Signal()
    made = Signal(str)

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.stores: Stores = context.stores
        self._context = context
        self.form = NewVmForm()
        self.shown: Shown | None = None
        self._creation: Creation | None = None

    @property
    def is_working(self) -> bool:
        """Whether a VM is being made now."""
        return self._creation is not None

    def forget(self) -> None:
        """An empty form."""
        self.form = NewVmForm()

    def dismiss(self) -> None:
        """Puts the list of steps away, after its end."""
        if not self.is_working:
            self.shown = None
            self.progressed.emit()

    def begin(self, plan: Plan) -> None:
        """Begins to make a VM, unless one is on its way."""
        if self._creation is None:
            self._creation = Creation(plan, self._told, self._undoing)
            self.shown = Shown(plan.name, plan.steps())
            self.progressed.emit()
            self._context.tasks.spawn(self._work(self._creation), f"New VM {plan.name[:80]}")

    def cancel(self) -> None:
        """Asks for the end."""
        if self._creation is not None and self.shown is not None and not self.shown.cancelling:
            self.shown.cancelling = True
            self.progressed.emit()
            self._context.tasks.spawn(self._creation.cancel(), "cancel the new VM")

    # ------------------------------------------------------------------ work

    async def _work(self, creation: Creation) -> None:
        plan, shown = creation.plan, self.shown
        assert shown is not None
        deed = Deed(plan.name, "Create VM", "created", creation.work)
        try:
            outcomes = await self._context.actions.do([deed])
        finally:
            self._creation = None
            shown.ended = True
        if outcomes is None:
            # The calls were shown first, and refused.
            self.shown = None
        elif (error := outcomes[0].error) is not None:
            self._failed(shown, creation, error)
        else:
            self.shown = None
            self.forget()
            self.progressed.emit()
            self.made.emit(creation.vm)
            self._context.navigate("vm", creation.vm)
            if plan.boot:
                start = Deed(plan.name, "Start", "started", creation.start)
                await self._context.actions.do([start])
            return
        self.progressed.emit()

    @staticmethod
    def _failed(shown: Shown, creation: Creation, error: XenApiError) -> None:
        explained = explain(error)
        cancelled = isinstance(error, TaskCancelled)
        shown.failure = "It was cancelled." if cancelled else explained.summary
        shown.advice = "" if cancelled else explained.advice
        shown.details = "" if cancelled else explained.details
        shown.leftovers = list(creation.leftovers)
        shown.undoing = False

    def _told(self, step: str, state: StepState, progress: float) -> None:
        if self.shown is not None:
            self.shown.states[step] = state
            self.shown.progress = progress
            self.progressed.emit()

    def _undoing(self) -> None:
        if self.shown is not None:
            self.shown.undoing = True
            self.progressed.emit()


def session_of(context: PageContext) -> NewVmSession:
    """The session of a connection; made when it is first asked for."""
    found = context.services.get(_KEY)
    if not isinstance(found, NewVmSession) or found.stores is not context.stores:
        found = context.services[_KEY] = NewVmSession(context)
    return found
