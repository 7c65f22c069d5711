"""Reads what a plan for a host has to know, and works on its steps.

Source: xapi.md 1.11.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from xolite_qt.ui.dialogs.steps_window import Step
from xolite_qt.ui.errors import explain
from xolite_qt.ui.models.health import INSTALLED_AT
from xolite_qt.ui.models.host_plan import Do, Goal, Guest, Plan, PlanStep, Situation, steps_of
from xolite_qt.xen_api import (
    VM,
    CallTimeout,
    ConnectionLost,
    HandleInvalid,
    Host,
    HostMetrics,
    HostStillBooting,
    NotReachable,
    Pool,
    PowerState,
    SessionInvalid,
    TaskStatus,
    TransportError,
    VmBadPowerState,
    XapiError,
    XenApiError,
    is_null,
    to_datetime,
)

_log = logging.getLogger(__name__)

# A server with much memory tests it for many minutes.
_PATIENCE_S = 45 * 60.0
_ASK_S = 2.0
_AT_ONCE = 8
# What a toolstack says while it comes up; the master may be another host for a while.
_COMING = ("HOST_STILL_BOOTING", "HANDLE_INVALID", "HOST_OFFLINE", "HOST_IS_SLAVE")
# What xapi does all the time by itself, and what reading the situation makes.
_QUIET = ("SR.scan", "host.call_plugin")

Work = Callable[[Any], Awaitable[Any]]


async def read_situation(api: Any, host_ref: str) -> Situation:
    """What is known of a host now.

    Raises:
        XenApiError: it could not be asked.
    """
    host, hosts, pools = await asyncio.gather(
        api.get_record(Host, host_ref), api.get_all_records(Host), api.get_all_records(Pool)
    )
    pool = next(iter(pools.values()), None)
    metrics = await asyncio.gather(
        *(api.get_record(HostMetrics, one.metrics) for one in hosts.values())
    )
    live = {one.ref: metric.live for one, metric in zip(hosts.values(), metrics, strict=True)}
    stuck = await api.call("host.get_vms_which_prevent_evacuation", host_ref)
    slots = asyncio.Semaphore(_AT_ONCE)

    async def read(ref: str) -> VM:
        async with slots:
            vm: VM = await api.get_record(VM, ref)
            return vm

    vms = await asyncio.gather(*(read(ref) for ref in host.resident_vms))
    tasks = await api.get_all_records("task")
    return Situation(
        host=host_ref,
        name=host.name_label,
        enabled=host.enabled,
        is_master=pool is not None and pool.master == host_ref,
        others=tuple(
            other.name_label
            for other in hosts.values()
            if other.ref != host_ref and other.enabled and live[other.ref]
        ),
        guests=tuple(
            sorted(
                (_guest(vm, stuck.get(vm.ref)) for vm in vms if _counts(vm)),
                key=lambda guest: guest.name.casefold(),
            )
        ),
        tasks=tuple(
            task.name_label
            for task in tasks.values()
            if task.status is TaskStatus.PENDING
            and not task.name_label.startswith(_QUIET)
            and not task.name_label.startswith(tuple(f"Async.{name}" for name in _QUIET))
        ),
        has_ha=pool is not None and pool.ha_enabled,
    )


def _counts(vm: VM) -> bool:
    return not vm.is_control_domain and vm.power_state in (PowerState.RUNNING, PowerState.PAUSED)


def _guest(vm: VM, error: list[str] | None) -> Guest:
    why = ""
    if error:
        why = explain(XapiError.from_wire(error[0], error[1:])).summary
    return Guest(
        vm.ref,
        vm.name_label,
        PowerState(vm.power_state),
        vm.memory_dynamic_max,
        frozenset(vm.allowed_operations),
        why,
    )


def work_steps(plan: Plan) -> list[Step]:
    """The steps of a plan with what does them."""
    comeback = _Comeback(plan.situation.host, plan.situation.name)
    made: list[Step] = []
    for step in steps_of(plan):
        may_fail = step.do in (Do.RESUME, Do.START, Do.RETURN)
        work = _work(step, plan.goal, comeback)
        undo = _undo(step, plan, comeback)
        made.append(Step(step.title, work, may_fail, undo, step.do in (Do.REBOOT, Do.SHUTDOWN)))
    return made


def _undo(step: PlanStep, plan: Plan, comeback: _Comeback) -> Step | None:
    """What takes a step back: no VM is to stay down for a plan that was given up."""
    here = plan.situation
    name = next((guest.name for guest in here.guests if guest.ref == step.ref), here.name)
    back = {
        Do.DISABLE: (Do.ENABLE, f"{here.name} may start VMs again"),
        Do.SUSPEND: (Do.RESUME, f"Resume {name}"),
        Do.SHUT_DOWN: (Do.START, f"Start {name}"),
        Do.CUT: (Do.START, f"Start {name}"),
    }.get(step.do)
    if back is None:
        return None
    again = PlanStep(back[0], back[1], step.ref)
    return Step(again.title, _work(again, plan.goal, comeback))


def _work(step: PlanStep, goal: Goal, comeback: _Comeback) -> Work:
    ref, here = step.ref, comeback.host
    simple: dict[Do, tuple[Any, ...]] = {
        Do.DISABLE: ("host.disable", here),
        Do.SUSPEND: ("VM.suspend", ref),
        Do.SHUT_DOWN: ("VM.clean_shutdown", ref),
        Do.CUT: ("VM.hard_shutdown", ref),
        Do.SHUTDOWN: ("host.shutdown", here),
        Do.RESUME: ("VM.resume_on", ref, here, False, False),
        Do.RETURN: ("VM.pool_migrate", ref, here, {"live": "true"}),
    }
    if step.do in simple:
        method, *params = simple[step.do]
        return lambda api: api.run(method, *params)
    others: dict[Do, Work] = {
        Do.EVACUATE: _evacuate(here, ref),
        Do.ENABLE: lambda api: _enable(api, here),
        Do.START: lambda api: _start(api, ref, here),
        Do.UPDATE: lambda api: _update(api, here, wants_reboot=goal is not Goal.TOOLSTACK),
        Do.REBOOT: comeback.reboot,
        Do.TOOLSTACK: comeback.restart,
        Do.WAIT: comeback.wait,
    }
    return others[step.do]


class UpdateFailed(XenApiError):  # noqa: N818 - says what happened, as the other errors
    """The package manager of a host ended with an error."""


class HostStaysAway(XenApiError):  # noqa: N818 - says what is, as the other errors
    """A host did not come back in time."""


class _Comeback:
    """Sends a host away and tells when it is back: by what it said of itself before."""

    def __init__(self, host: str, name: str) -> None:
        self.host, self._name = host, name
        self._key, self._before = "boot_time", ""

    async def reboot(self, api: Any) -> None:
        await self._note(api, "boot_time")
        await self._send_away(api, "host.reboot")

    async def restart(self, api: Any) -> None:
        await self._note(api, "agent_start_time")
        await self._send_away(api, "host.restart_agent")

    async def _send_away(self, api: Any, method: str) -> None:
        try:
            await api.run(method, self.host)
        except (NotReachable, CallTimeout):
            raise
        except (ConnectionLost, SessionInvalid, HostStillBooting) as error:
            # It may go before it could say so, and takes its tasks along; the wait will tell.
            _log.debug("%s: %s", method, error)
        except HandleInvalid as error:
            if error.param(0) != "task":
                raise
            _log.debug("%s: %s", method, error)

    async def _note(self, api: Any, key: str) -> None:
        host = await api.get_record(Host, self.host)
        self._key, self._before = key, host.other_config.get(key, "")

    async def wait(self, api: Any) -> None:
        """Waits until the host began anew. The connection may be lost meanwhile."""
        if getattr(api, "is_rehearsal", False):
            return
        end = time.monotonic() + _PATIENCE_S
        while not await self._is_back(api):
            if time.monotonic() > end:
                minutes = round(_PATIENCE_S / 60)
                raise HostStaysAway(f"{self._name} did not come back within {minutes} minutes")
            await asyncio.sleep(_ASK_S)

    async def _is_back(self, api: Any) -> bool:
        try:
            record = await api.get_record(Host, self.host)
            metrics = await api.get_record(HostMetrics, record.metrics)
        except (TransportError, SessionInvalid):
            return False
        except XapiError as error:
            if error.code not in _COMING:
                raise
            return False
        anew = record.other_config.get(self._key, "") != self._before
        return anew and metrics.live and not record.current_operations


async def _enable(api: Any, host: str) -> None:
    record = await api.get_record(Host, host)
    # It enables itself at boot, unless told otherwise.
    if not record.enabled or getattr(api, "is_rehearsal", False):
        await api.run("host.enable", host)


async def _start(api: Any, ref: str, host: str) -> None:
    try:
        await api.run("VM.start_on", ref, host, False, False)
    except VmBadPowerState as error:
        # It starts with the host, or somebody was quicker: that it runs is all that is wanted.
        if error.param(2).lower() != "running":
            raise


async def _update(api: Any, host: str, *, wants_reboot: bool) -> None:
    answer = await api.run("host.call_plugin", host, "updater.py", "update", {})
    if not getattr(api, "is_rehearsal", False):
        _check_update(answer)
    if not wants_reboot:
        return
    # As XO does: what was installed after the boot waits for the next one. By the host's clock.
    told = to_datetime(str(await api.call("host.get_servertime", host)))
    now_s = told.timestamp() if told is not None else time.time()
    await api.call("host.remove_from_other_config", host, INSTALLED_AT)
    await api.call("host.add_to_other_config", host, INSTALLED_AT, str(round(now_s)))


def _check_update(answer: object) -> None:
    """Old plug-ins answer with the exit code of the package manager, newer ones fail themselves.

    Raises:
        UpdateFailed: it failed.
    """
    try:
        told = json.loads(answer) if isinstance(answer, str) and answer else {}
    except (ValueError, RecursionError):
        return
    if isinstance(told, dict) and told.get("exit") not in (None, 0, "0"):
        said = str(told.get("stderr") or told.get("stdout") or "")[-2000:]
        raise UpdateFailed(f"the package manager ended with {told['exit']}: {said}")


def _evacuate(host: str, ref: str) -> Work:
    async def work(api: Any) -> None:
        if ref == host:
            await api.run("host.evacuate", host)
            return
        possible = [one for one in await api.call("VM.get_possible_hosts", ref) if one != host]
        if not possible:
            raise XapiError.from_wire("NO_HOSTS_AVAILABLE")
        free = {
            one: int(await api.call("host.compute_free_memory", one))
            for one in possible
            if not is_null(one)
        }
        target = max(free, key=lambda one: free[one])
        await api.run("VM.pool_migrate", ref, target, {"live": "true"})

    return work
