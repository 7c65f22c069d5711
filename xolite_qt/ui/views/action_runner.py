"""Runs actions for the whole window: asks first, works, and tells what became of each object."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import shiboken6
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from xolite_qt.ui.actions import (
    ACTIONS,
    Action,
    ActionId,
    ActionScope,
    Harm,
    Items,
    Outcome,
    Question,
    actions_for,
    question_for,
)
from xolite_qt.ui.deeds import FORMS, Choice, Deed, Work, choices_for, named, one_of
from xolite_qt.ui.dialogs.calls import CallsDialog
from xolite_qt.ui.dialogs.choose_host import ChooseHostDialog
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.results import ResultState, ResultsWindow, words_of
from xolite_qt.ui.errors import explain
from xolite_qt.ui.host_reasons import why_not
from xolite_qt.ui.icons import icon
from xolite_qt.ui.rehearsal import rehearse
from xolite_qt.ui.scripts import names_of
from xolite_qt.ui.tasks import TaskOwner, ask
from xolite_qt.ui.undoing import Remembering, undoing
from xolite_qt.ui.views.page import Notify
from xolite_qt.ui.widgets.text import plain_tooltip
from xolite_qt.xen_api import VM, Host, TaskCancelled, XenApiError

# So many objects are worked on at once in a bulk action; the host queues the rest anyway.
_AT_ONCE = 8


class ActionRunner(QObject):
    """What pages, menus and the palette use to do things.

    Signals:
        blocked_changed: `blocked` is another one; buttons that show reasons ask again.
    """

    blocked_changed = Signal()

    def __init__(
        self,
        api: Any,
        hosts: Callable[[], Sequence[Host]],
        tasks: TaskOwner,
        notify: Notify,
        window: QWidget,
    ) -> None:
        super().__init__()
        self._scope = ActionScope(api, hosts)
        self._tasks = tasks
        self._notify = notify
        self._window = window
        self._blocked: str | None = None
        # Set by who makes the context: the context names the runner, and providers of choices
        # want the context.
        self.context: Any = None

    @property
    def blocked(self) -> str | None:
        """Why nothing may be done now (the connection is down), or None."""
        return self._blocked

    @blocked.setter
    def blocked(self, reason: str | None) -> None:
        if reason != self._blocked:
            self._blocked = reason
            self.blocked_changed.emit()

    def reason(self, action_id: ActionId, items: Items) -> str | None:
        """Why an action may not run on these objects now, in words; None where it may."""
        return self.blocked or ACTIONS[action_id].reason(items, self._scope)

    def trigger(self, action_id: ActionId, items: Items) -> None:
        """Starts an action: asks where it hurts, runs it, tells the outcome."""
        action = ACTIONS[action_id]
        if (reason := self.reason(action_id, items)) is not None:
            self._notify(reason, level="warning")
            return
        kept = tuple(items)
        name = f"{action.label}: {', '.join(item.name_label[:80] for item in kept[:3])}"
        self._tasks.spawn(self._work(action, kept), name)

    @property
    def window(self) -> QWidget:
        """Over which dialogs open."""
        return self._window

    def begin(self, deeds: Sequence[Deed], question: Question | None = None) -> None:
        """Does what a form or menu has put together: asks where it hurts, tells the outcome."""
        if self._blocked is not None:
            self._notify(self._blocked, level="warning")
        elif deeds:
            self._tasks.spawn(self.do(tuple(deeds), question), one_of(deeds, question))

    async def do(
        self, deeds: Sequence[Deed], question: Question | None = None
    ) -> list[Outcome] | None:
        """As `begin`, for who waits for the end.

        Returns:
            What became of each deed, in their order; None where the user said no.
        """
        if question is not None and not await ask(ConfirmDialog(question, self._window)):
            return None
        title = f"{deeds[0].label} {named([deed.name for deed in deeds])}"
        if not await self._go_on(title, deeds[0].label, [deed.work for deed in deeds]):
            return None
        window = self._results(title, deeds) if len(deeds) > 1 else None
        remembered = [Remembering(self._scope.api) for _ in deeds]
        outcomes = await self._carry_out(deeds, range(len(deeds)), window, remembered)
        failed = any(outcome.error is not None for outcome in outcomes)
        # A window that is on screen has told already.
        if not (failed and window is not None and shiboken6.isValid(window)):
            back = undoing(deeds, remembered)
            undo = (lambda: self.begin(back)) if back and not failed else None
            self._tell(deeds[0].label, deeds[0].done, outcomes, undo)
        return outcomes

    def _results(self, title: str, deeds: Sequence[Deed]) -> ResultsWindow:
        made: list[ResultsWindow] = []

        def retry(numbers: list[int]) -> None:
            work = self._carry_out(deeds, numbers, made[0])
            self._tasks.spawn(work, f"{title}: those that failed")

        names = [deed.name for deed in deeds]
        made.append(ResultsWindow(title, names, deeds[0].done, retry, self._window))
        made[0].open_beside()
        return made[0]

    async def _carry_out(
        self,
        deeds: Sequence[Deed],
        numbers: Sequence[int],
        window: ResultsWindow | None,
        apis: Sequence[Any] = (),
    ) -> list[Outcome]:
        slots = asyncio.Semaphore(_AT_ONCE)

        def show(at: int, state: ResultState, error: Exception | None = None) -> None:
            # It may have been closed; the work goes on without it.
            if window is not None and shiboken6.isValid(window):
                window.tell(at, state, error)

        async def one(at: int) -> Outcome:
            deed = deeds[at]
            async with slots:
                show(at, ResultState.RUNNING)
                try:
                    await deed.work(apis[at] if apis else self._scope.api)
                except XenApiError as error:
                    show(at, ResultState.FAILED, error)
                    return Outcome(deed.name, error)
                show(at, ResultState.DONE)
                return Outcome(deed.name)

        return list(await asyncio.gather(*(one(at) for at in numbers)))

    def choices(self, kind: str, items: Sequence[Any]) -> list[Choice]:
        """What else than `ui.actions` may be done with these objects."""
        if self.context is None:
            return []
        return choices_for(kind, self.context, items)

    def choose(self, choice: Choice) -> None:
        """Begins a choice, or says why not."""
        reason = self._blocked or choice.reason
        if reason is None:
            choice.run()
        else:
            self._notify(reason, level="warning")

    def fill(
        self, menu: QMenu, choices: Sequence[Choice], before: QAction | None = None
    ) -> list[QAction]:
        """Puts choices into a menu, groups apart, disabled ones with their reason.

        Args:
            menu: where to.
            choices: in their order.
            before: an entry that stays behind them.
        """
        made: list[QAction] = []
        group: int | None = None
        for choice in choices:
            if choice.group != group:
                made.append(QAction(menu))
                made[-1].setSeparator(True)
            group = choice.group
            entry = QAction(icon(choice.icon), choice.label.replace("&", "&&"), menu)
            reason = self._blocked or choice.reason
            entry.setObjectName(choice.id)
            entry.setEnabled(reason is None)
            entry.setToolTip(plain_tooltip(reason or ""))
            entry.triggered.connect(lambda _on=False, which=choice: self.choose(which))
            made.append(entry)
        if before is None:
            menu.addActions(made)
        else:
            menu.insertActions(before, made)
        return made

    def menu_of(self, choices: Callable[[], Sequence[Choice]], parent: QWidget) -> QMenu:
        """A menu of choices alone; it asks for them each time it opens."""
        menu = QMenu(parent)
        menu.setToolTipsVisible(True)

        def refresh() -> None:
            menu.clear()
            self.fill(menu, choices())

        menu.aboutToShow.connect(refresh)
        return menu

    def menu(
        self,
        kind: str,
        items: Callable[[], Items],
        parent: QWidget,
        only: Callable[[ActionId], bool] = lambda _id: True,
        *,
        more: bool = True,
    ) -> QMenu:
        """A menu of the actions of a kind; it looks at the objects each time it opens.

        Args:
            kind: "vm" or "host".
            items: the objects.
            parent: of the menu.
            only: which actions.
            more: whether what providers offer comes after them.
        """
        menu = QMenu(parent)
        menu.setToolTipsVisible(True)
        entries: list[tuple[ActionId, QAction]] = []
        for action in actions_for(kind):
            if not only(action.id):
                continue
            if entries and action.id in (
                ActionId.VM_CLEAN_REBOOT,
                ActionId.VM_MIGRATE,
                ActionId.VM_DELETE,
            ):
                menu.addSeparator()
            entry = menu.addAction(icon(action.icon), action.label)
            entry.triggered.connect(
                lambda _checked=False, which=action.id: self.trigger(which, items())
            )
            entries.append((action.id, entry))

        others: list[QAction] = []
        before = menu.addSeparator()
        calls = menu.addMenu(icon("console"), self.tr("Show as script"))

        def refresh() -> None:
            now = items()
            for action_id, entry in entries:
                reason = self.reason(action_id, now)
                entry.setEnabled(reason is None)
                entry.setToolTip(plain_tooltip(reason or ""))
            for entry in others:
                menu.removeAction(entry)
                entry.deleteLater()
            found = self.choices(kind, now) if more and now else []
            others[:] = self.fill(menu, found, before)
            calls.clear()
            for action_id, entry in entries:
                if entry.isEnabled():
                    shown = calls.addAction(entry.icon(), entry.text())
                    shown.triggered.connect(
                        lambda _on=False, which=action_id: self.show_calls_of(which, items())
                    )
            calls.menuAction().setVisible(not calls.isEmpty())

        menu.aboutToShow.connect(refresh)
        return menu

    # ------------------------------------------------------------------ work

    async def _work(self, action: Action, items: Items) -> None:
        deeds = await self._deeds(action, items, asking=True)
        if not deeds:
            return
        await self.do(deeds)

    async def _deeds(self, action: Action, items: Items, *, asking: bool) -> Sequence[Deed]:
        """What an action means for these objects; nothing where the user said no.

        Args:
            action: which.
            items: the objects.
            asking: whether it is going to be done: harm is asked about then.
        """
        form = FORMS.get(action.id)
        if form is not None and self.context is not None:
            try:
                return await form(self.context, items) or ()
            except XenApiError as error:
                explained = explain(error)
                text = f"{action.label.rstrip('…')}: {explained.summary}"
                self._notify(text, level="danger", details=explained.details)
                return ()
        host = ""
        if action.wants_host:
            host = await self._choose_host(action, items)
            if not host:
                return ()
        if (
            asking
            and action.harm is not Harm.NONE
            and not await ask(ConfirmDialog(question_for(action, items), self._window))
        ):
            return ()
        label = action.label.rstrip("…")
        return [
            Deed(item.name_label, label, action.done, work)
            for item, work in zip(items, self._works(action, items, host), strict=True)
        ]

    def _works(self, action: Action, items: Items, host: str) -> list[Work]:
        hosts = self._scope.hosts

        def of(item: VM | Host) -> Work:
            return lambda api: action.steps(ActionScope(api, hosts), item, host)

        return [of(item) for item in items]

    # ------------------------------------------------------------------ calls

    async def _go_on(self, title: str, verb: str, works: Sequence[Work]) -> bool:
        """Whether to go on: asked only where the user wants to see the calls first."""
        if self.context is None or not self.context.settings.show_calls_first:
            return True
        return await self.show_calls(title, works, verb=verb)

    async def show_calls(self, title: str, works: Sequence[Work], *, verb: str = "") -> bool:
        """Rehearses work and shows its calls as scripts.

        Args:
            title: what the work is.
            works: each is rehearsed after the one before.
            verb: the word on the button that goes on; "" only shows.

        Returns:
            Whether the user wants to go on.
        """
        try:
            calls = await rehearse(self._scope.api, works)
            names = await names_of(self._scope.api, calls)
        except XenApiError as error:
            explained = explain(error)
            text = f"{title}: {explained.summary}"
            self._notify(text, level="danger", details=explained.details)
            return False
        return await ask(CallsDialog(title, calls, names, verb=verb, parent=self._window))

    def show_calls_of(self, action_id: ActionId, items: Items) -> None:
        """Shows the calls of an action; nothing is done."""
        self._tasks.spawn(self._show_calls_of(ACTIONS[action_id], tuple(items)), "show calls")

    async def _show_calls_of(self, action: Action, items: Items) -> None:
        deeds = await self._deeds(action, items, asking=False)
        if deeds:
            title = f"{action.label.rstrip('…')} {named([item.name_label for item in items])}"
            await self.show_calls(title, [deed.work for deed in deeds])

    async def _choose_host(self, action: Action, items: Items) -> str:
        first = items[0]
        current = first.resident_on if isinstance(first, VM) and len(items) == 1 else ""
        what = first.name_label if len(items) == 1 else f"{len(items)} VMs"
        verb = action.label.rstrip("…").split(" ")[0]
        dialog = ChooseHostDialog(
            f"{verb} {what} on a host",
            verb,
            self._scope.hosts(),
            current=current,
            parent=self._window,
        )
        vms = [(item.ref, item.name_label) for item in items]
        asking = self._tasks.spawn(self._ask_hosts(dialog, vms), "which hosts can take it")
        try:
            return dialog.chosen if await ask(dialog) else ""
        finally:
            if asking is not None:
                asking.cancel()

    async def _ask_hosts(self, dialog: ChooseHostDialog, vms: Sequence[tuple[str, str]]) -> None:
        for host in self._scope.hosts():
            words = await why_not(self._scope.api, vms, host.ref)
            if not shiboken6.isValid(dialog):
                return
            if words:
                dialog.close_host(host.ref, words)

    def _tell(
        self,
        label: str,
        done: str,
        outcomes: Sequence[Outcome],
        undo: Callable[[], object] | None = None,
    ) -> None:
        failed = [outcome for outcome in outcomes if outcome.error is not None]
        well = len(outcomes) - len(failed)
        if not failed:
            what = outcomes[0].name if len(outcomes) == 1 else f"{well} objects"
            self._notify(f"{what}: {done}.", level="success", undo=undo)
            return
        if all(isinstance(outcome.error, TaskCancelled) for outcome in failed):
            self._notify(f"{label}: cancelled.", level="info")
            return
        lines = []
        for outcome in failed:
            assert outcome.error is not None
            lines.append(f"{outcome.name}: {words_of(outcome.error)}")
        first = failed[0].error
        assert first is not None
        if len(outcomes) == 1:
            text = f"{label} {failed[0].name}: {explain(first).summary}"
        else:
            text = f"{label}: {well} of {len(outcomes)} done, {len(failed)} failed."
        self._notify(text, level="danger", details="\n\n".join(lines))
