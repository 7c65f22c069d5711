"""High availability: how it stands, and what switches it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtWidgets import QVBoxLayout, QWidget

from xolite_qt.ui.deeds import Choice, Deed, provides
from xolite_qt.ui.dialogs.pool.ha import EnableHaDialog, FailuresDialog
from xolite_qt.ui.errors import explain
from xolite_qt.ui.models import ha, pool_facts
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.fact_card import FactCard
from xolite_qt.ui.views.pool.system.follow import Switch
from xolite_qt.ui.widgets import Button, FlowLayout
from xolite_qt.xen_api import PBD, SM, SR, Host, Pool, XenApiError


class HaCard(FactCard):
    """State, heartbeat, plan, and the buttons."""

    def __init__(self, context: PageContext) -> None:
        super().__init__("High availability")
        self._context = context
        self.enable = Button("Enable…", small=True, icon="shield")
        self.disable = Button("Disable…", small=True, icon="stop")
        self.failures = Button("Set host failures…", small=True, icon="edit")
        for button, begin in (
            (self.enable, begin_enable),
            (self.failures, begin_failures),
            (self.disable, begin_disable),
        ):
            button.clicked.connect(partial(_press, begin, context))
        self.enable.setAccessibleName("Enable high availability…")
        self.disable.setAccessibleName("Disable high availability…")
        self.overcommit = Switch(
            context,
            "Allow overcommitting",
            self._overcommit_deed,
            "Without this, what would leave protected VMs without a place is refused.",
        )
        self.reboot_policy = Switch(
            context,
            "Restart VMs shut down from inside",
            self._reboot_policy_deed,
            "Only for VMs that high availability protects.",
        )
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 4, 0, 4)
        column.setSpacing(12)
        column.addWidget(self.overcommit)
        column.addWidget(self.reboot_policy)
        line = FlowLayout()
        for button in (self.enable, self.failures, self.disable):
            line.addWidget(button)
        column.addLayout(line)
        # Before the stretch that a fact card ends with.
        self.body.insertWidget(1, holder)

    def show_pool(self, pool: Pool) -> None:
        """Show how it stands."""
        facts = self.facts
        facts.state("State", *ha.state_words(pool))
        facts.text("Heartbeat SRs", self._heartbeat(pool))
        facts.text("Tolerates", ha.failures_words(pool.ha_host_failures_to_tolerate))
        for label in ("Plan exists for", "Overcommitted"):
            if not pool.ha_enabled:
                facts.drop(label)
        if pool.ha_enabled:
            facts.text("Plan exists for", ha.failures_words(pool.ha_plan_exists_for))
            if pool.ha_overcommitted:
                facts.state("Overcommitted", "warning", ha.overcommit_words(pool))
            else:
                facts.text("Overcommitted", ha.overcommit_words(pool))
        self.overcommit.show_value(pool.ha_allow_overcommit)
        self.reboot_policy.show_value(pool.ha_reboot_vm_on_internal_shutdown)
        self.tell()

    def tell(self) -> None:
        """Say why something may not be done now, where that is so."""
        blocked = self._context.actions.blocked
        buttons = (self.enable, self.failures, self.disable)
        for button, reason in zip(buttons, _reasons(self._context), strict=True):
            button.set_reason(blocked or reason)

    def _heartbeat(self, pool: Pool) -> str:
        if not pool.ha_statefiles:
            return "None"
        files = set(pool.ha_statefiles)
        srs = self._context.stores.sr.records.values()
        names = sorted(sr.name_label for sr in srs if files.intersection(sr.vdis))
        return ", ".join(names) or f"{len(files)} unknown"

    def _pool(self) -> Pool:
        pool = self._context.stores.the_pool()
        assert pool is not None, "switches are shown with a pool only"
        return pool

    def _overcommit_deed(self, on: bool) -> Deed:
        return pool_facts.field_deed(
            self._pool(),
            "pool.set_ha_allow_overcommit",
            on,
            "Set overcommitting",
            f"overcommitting is {'allowed' if on else 'refused'}",
        )

    def _reboot_policy_deed(self, on: bool) -> Deed:
        return pool_facts.field_deed(
            self._pool(),
            "pool.set_ha_reboot_vm_on_internal_shutdown",
            on,
            "Set reboot policy",
            "reboot policy changed",
        )


def _press(begin: Callable[[PageContext], object], context: PageContext, _on: bool = False) -> None:
    begin(context)


def _reasons(context: PageContext) -> tuple[str | None, str | None, str | None]:
    pool, hosts = context.stores.the_pool(), context.stores.host.records.values()
    return ha.enable_reason(pool, hosts), ha.failures_reason(pool), ha.disable_reason(pool)


@provides("pool")
def ha_choices(context: PageContext, _pools: Sequence[Pool]) -> list[Choice]:
    """Switching high availability on and off, and how much it stands."""
    on, failures, off = _reasons(context)
    return [
        Choice(
            "pool.enable_ha",
            "Enable high availability…",
            "shield",
            partial(begin_enable, context),
            on,
            70,
        ),
        Choice(
            "pool.ha_failures",
            "Set host failures to tolerate…",
            "edit",
            partial(begin_failures, context),
            failures,
            70,
        ),
        Choice(
            "pool.disable_ha",
            "Disable high availability…",
            "stop",
            partial(begin_disable, context),
            off,
            70,
        ),
    ]


def begin_enable(context: PageContext) -> None:
    """Reads what may carry the heartbeat, then asks."""
    context.tasks.spawn(_enable(context), "enable high availability")


def begin_failures(context: PageContext) -> None:
    """Asks the planner, then how many hosts may fail."""
    context.tasks.spawn(_failures(context), "host failures to tolerate")


def begin_disable(context: PageContext) -> None:
    """Asks, then switches it off."""
    pool = context.stores.the_pool()
    if pool is not None:
        context.actions.begin([ha.disable_deed(pool)], ha.disable_question(pool))


async def _most(context: PageContext) -> int | None:
    # Only a hint: without the planner's answer the form works as well.
    try:
        return int(await context.stores.api.call("pool.ha_compute_max_host_failures_to_tolerate"))
    except XenApiError:
        return None


async def _enable(context: PageContext) -> None:
    api, known = context.stores.api, context.stores.the_pool()
    if known is None:
        return
    try:
        pool, srs, pbds, hosts, drivers = await asyncio.gather(
            api.get_record(Pool, known.ref),
            api.get_all_records(SR),
            api.get_all_records(PBD),
            api.get_all_records(Host),
            api.get_all_records(SM),
        )
    except XenApiError as error:
        _tell_failed(context, error)
        return
    options = ha.heartbeat_options(srs, pbds, hosts, drivers)
    most = await _most(context)
    window = context.actions.window
    await ask(EnableHaDialog(context, pool, options, len(hosts), most, window))


async def _failures(context: PageContext) -> None:
    api, known = context.stores.api, context.stores.the_pool()
    if known is None:
        return
    try:
        # As it is now: its last event may still be on its way.
        pool, hosts = await asyncio.gather(
            api.get_record(Pool, known.ref), api.get_all_records(Host)
        )
    except XenApiError as error:
        _tell_failed(context, error)
        return
    most = await _most(context)
    await ask(FailuresDialog(context, pool, len(hosts), most, context.actions.window))


def _tell_failed(context: PageContext, error: XenApiError) -> None:
    explained = explain(error)
    text = f"The pool could not be asked: {explained.summary}"
    context.notify(text, level="danger", details=explained.details)
