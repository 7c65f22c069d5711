"""A host's own life: maintenance, reboots, updates; each begins with a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from xolite_qt.stores.patches import read_patches
from xolite_qt.ui.deeds import Choice, provides
from xolite_qt.ui.dialogs.host.plan_dialog import PlanDialog, title_of
from xolite_qt.ui.dialogs.steps_window import StepsWindow
from xolite_qt.ui.errors import explain
from xolite_qt.ui.models.host_plan import Goal, Plan, make_plan, wants_reboot
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.host.plan_work import read_situation, work_steps
from xolite_qt.ui.views.page import PageContext
from xolite_qt.xen_api import Host, Pool, XenApi, XenApiError

_DONE = {
    Goal.MAINTENANCE: "{0} is in maintenance.",
    Goal.REBOOT: "{0} was rebooted.",
    Goal.SMART_REBOOT: "{0} was rebooted, and its VMs are back.",
    Goal.SHUTDOWN: "{0} is shutting down.",
    Goal.TOOLSTACK: "The toolstack of {0} is back.",
}


@provides("host")
def power_choices(context: PageContext, hosts: Sequence[Host]) -> list[Choice]:
    """Maintenance, reboots, shut-down, toolstack, updates."""
    one = hosts[0] if len(hosts) == 1 else None
    several = None if one is not None else "Choose one host: each has a plan of its own."
    reason = several or (busy(one) if one is not None else None)
    # Its control domain is always there; VMs that stayed can still be moved away.
    is_empty = one is not None and not one.enabled and len(one.resident_vms) <= 1
    in_maintenance = "It is in maintenance already." if is_empty else None

    def choice(
        ident: str, label: str, icon: str, goal: Goal, why: str | None, group: int
    ) -> Choice:
        run = partial(begin, context, goal, one.ref if one is not None else "")
        return Choice(ident, label, icon, run, why, group)

    return [
        choice(
            "host.maintenance",
            "Enter maintenance…",
            "maintenance",
            Goal.MAINTENANCE,
            reason or in_maintenance,
            10,
        ),
        Choice(
            "host.update",
            "Install patches…",
            "patch",
            partial(begin_update, context, [host.ref for host in hosts]),
            reason,
            20,
        ),
        choice(
            "host.toolstack",
            "Restart toolstack…",
            "refresh",
            Goal.TOOLSTACK,
            several,
            30,
        ),
        choice("host.reboot", "Reboot…", "reboot", Goal.REBOOT, reason, 40),
        choice(
            "host.smart_reboot",
            "Reboot and bring VMs back…",
            "reboot",
            Goal.SMART_REBOOT,
            reason,
            40,
        ),
        choice("host.shutdown", "Shut down…", "power", Goal.SHUTDOWN, reason, 90),
    ]


@provides("pool")
def pool_choices(context: PageContext, _pools: Sequence[object]) -> list[Choice]:
    """Updates of all hosts, one after the other."""
    hosts = context.stores.host.records
    run = partial(begin_update, context, None)
    reason = None if hosts else "The hosts are not known yet."
    return [Choice("pool.update", "Install patches on all hosts…", "patch", run, reason, 60)]


def busy(host: Host) -> str | None:
    """What the host is doing that stands in the way."""
    for operation in host.current_operations.values():
        return f"{host.name_label} is busy ({str(operation).replace('_', ' ')})."
    return None


def begin(context: PageContext, goal: Goal, host: str) -> None:
    """Shows the plan for one host, and works on it when told so."""
    context.tasks.spawn(_begin(context, goal, host), f"{goal.value} {host}")


async def _begin(context: PageContext, goal: Goal, host: str) -> None:
    api = context.stores.api
    try:
        situation = await read_situation(api, host)
    except XenApiError as error:
        _tell(context, "The host could not be asked", error)
        return
    plan = await chosen(context, make_plan(goal, situation))
    if plan is not None:
        await work_on(context, plan)


async def chosen(context: PageContext, plan: Plan) -> Plan | None:
    """Asks what becomes of each VM; None where the user does not want it at all."""

    def show_calls(now: Plan) -> None:
        works = [step.work for step in work_steps(now)]
        context.tasks.spawn(context.actions.show_calls(title_of(now), works), "show calls")

    dialog = PlanDialog(plan, show_calls, context.actions.window)
    return dialog.plan if await ask(dialog) else None


async def work_on(context: PageContext, plan: Plan) -> bool:
    """Does a plan, step by step, in a window of its own; whether all of it was done."""
    done = "{0} is up to date." if plan.packages else _DONE[plan.goal]
    window = StepsWindow(
        title_of(plan),
        work_steps(plan),
        context.notify,
        done.format(plan.situation.name),
        context.actions.window,
    )

    def losses() -> list[str]:
        return [title_of(plan)]

    # Leaving half-way would leave VMs down: the window asks first.
    told = context.services.setdefault("losses", [])
    told.append(losses)
    try:
        return await window.work(context.stores.api)
    finally:
        told.remove(losses)


def begin_update(context: PageContext, hosts: Sequence[str] | None) -> None:
    """Looks for patches and installs them, master first, one host at a time.

    Args:
        context: of the page.
        hosts: references; None for all hosts of the pool.
    """
    context.tasks.spawn(_update(context, hosts), "update")


async def _update(context: PageContext, hosts: Sequence[str] | None) -> None:
    api = context.stores.api
    try:
        records = await api.get_all_records(Host)
        pools = await api.get_all_records(Pool)
    except XenApiError as error:
        _tell(context, "The hosts could not be asked", error)
        return
    masters = {pool.master for pool in pools.values()}
    wanted = [ref for ref in (hosts if hosts is not None else records) if ref in records]
    # Members of a pool must not be newer than its master.
    wanted.sort(key=lambda ref: (ref not in masters, records[ref].name_label.casefold()))
    context.notify("Asking for patches; this takes some seconds.")
    try:
        notes = await _master_lags(api, records, masters - set(wanted))
    except XenApiError as error:
        _tell(context, "The pool's master could not be asked for patches", error)
        return
    current = 0
    for ref in wanted:
        name = records[ref].name_label
        try:
            packages = await _missing(api, ref)
            situation = await read_situation(api, ref)
        except XenApiError as error:
            _tell(context, f"{name} could not be asked for patches", error)
            return
        if not packages:
            current += 1
            continue
        goal = Goal.SMART_REBOOT if wants_reboot(packages) else Goal.TOOLSTACK
        plan = await chosen(context, make_plan(goal, situation, packages, notes))
        if plan is None or not await work_on(context, plan):
            return
    if current == len(wanted):
        what = records[wanted[0]].name_label if len(wanted) == 1 else "Every host"
        context.notify(f"{what} is up to date: there is nothing to install.", level="success")


async def _missing(api: XenApi, host: str) -> list[str]:
    answer = await api.call(
        "host.call_plugin", host, "updater.py", "check_update", {}, timeout_s=300.0
    )
    return [patch.name for patch in read_patches(answer)]


async def _master_lags(
    api: XenApi, hosts: Mapping[str, Host], masters: Iterable[str]
) -> tuple[str, ...]:
    """A warning for each master that would be older than what is updated now."""
    found = []
    for ref in masters:
        if ref in hosts and await _missing(api, ref):
            found.append(
                f"{hosts[ref].name_label}, the pool's master, lacks patches itself. A member must "
                "not be newer than its master: install them there first."
            )
    return tuple(found)


def _tell(context: PageContext, what: str, error: XenApiError) -> None:
    explained = explain(error)
    context.notify(f"{what}: {explained.summary}", level="danger", details=explained.details)
