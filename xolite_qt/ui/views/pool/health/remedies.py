"""What can be done about findings: each remedy says first what it will do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from xolite_qt.ui import format as fmt
from xolite_qt.ui.action_steps import own_disks
from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.models.health import Case, Finding, Kind, Seen
from xolite_qt.ui.models.host_plan import Goal
from xolite_qt.ui.views.host import power
from xolite_qt.ui.views.page import PageContext
from xolite_qt.xen_api import VBD, PerfmonError, Watch, XapiError, read_perfmon, write_perfmon


@dataclass(frozen=True)
class Remedy:
    """A button of a finding.

    Attributes:
        label: the verb.
        run: does it for these objects, all of the finding or the selected ones.
        reason: why it cannot be done for them, or None.
        destroys: it is dressed as a danger.
    """

    label: str
    run: Callable[[Sequence[Case]], object]
    reason: Callable[[Sequence[Case]], str | None] = lambda _cases: None
    destroys: bool = False


def remedies(context: PageContext, finding: Finding, seen: Seen) -> list[Remedy]:
    """What can be done about a finding."""
    begin = context.actions.begin
    match finding.kind:
        case Kind.SR_DETACHED:
            return [Remedy("Connect", lambda cases: begin(_plugs(cases, seen)))]
        case Kind.REBOOT:
            plan = partial(power.begin, context, Goal.SMART_REBOOT)
            return [Remedy("Plan reboot…", lambda cases: plan(cases[0].ref), _one)]
        case Kind.DOM0_DISK:

            def console(cases: Sequence[Case]) -> None:
                context.navigate("host", cases[0].ref, "console")

            return [Remedy("Open console", console, _one)]
        case Kind.DOM0_UNWATCHED:
            return [Remedy("Watch them", lambda cases: begin(_watches(cases, seen)))]
        case Kind.NO_BACKUP:
            return [Remedy("New backup job…", lambda cases: _new_job(context, cases, seen))]
        case Kind.CHAIN:
            return [Remedy("Scan storage", lambda cases: begin(_scans(cases, seen)))]
        case Kind.NO_TOOLS:
            tools = _tools(seen)
            missing = None if tools else "The pool has no disc with guest tools."
            return [
                Remedy(
                    "Insert tools disc",
                    lambda cases: begin([_insert(case, tools) for case in cases]),
                    lambda _cases: missing,
                )
            ]
        case Kind.OLD_SNAPSHOT | Kind.ORPHAN_SNAPSHOT:
            return [Remedy("Delete…", partial(_delete_snapshots, context), destroys=True)]
        case Kind.ORPHAN_DISK:
            return [Remedy("Delete…", partial(_delete_disks, context), destroys=True)]
        case _:
            # Looked at on its own page.
            return []


def _one(cases: Sequence[Case]) -> str | None:
    return None if len(cases) == 1 else "Choose one host: each has a plan of its own."


def _plugs(cases: Sequence[Case], seen: Seen) -> list[Deed]:
    deeds = []
    for case in cases:
        for ref in seen.sr[case.ref].pbds:
            pbd = seen.pbd.get(ref)
            if pbd is None or pbd.currently_attached or pbd.host not in seen.host:
                continue
            name = f"{case.name} on {seen.host[pbd.host].name_label}"
            deeds.append(Deed(name, "Connect", "connected", partial(_run, "PBD.plug", ref)))
    return deeds


def _watches(cases: Sequence[Case], seen: Seen) -> list[Deed]:
    return [
        Deed(
            case.name,
            "Watch system disk",
            "watched",
            partial(_watch, seen.host[case.ref].control_domain),
        )
        for case in cases
        if case.ref in seen.host
    ]


async def _watch(domain: str, api: Any) -> None:
    config = await api.call("VM.get_other_config", domain)
    try:
        before = read_perfmon(config.get("perfmon", ""))
    except PerfmonError:
        # perfmon cannot read it either.
        before = []
    known = {watch.name for watch in before}
    made = [Watch(name, 0.9) for name in ("fs_usage", "log_fs_usage") if name not in known]
    if "perfmon" in config:
        await api.call("VM.remove_from_other_config", domain, "perfmon")
    text = write_perfmon([*before, *made])
    await api.call("VM.add_to_other_config", domain, "perfmon", text)


async def _run(method: str, ref: str, api: Any) -> None:
    await api.run(method, ref)


def _scans(cases: Sequence[Case], seen: Seen) -> list[Deed]:
    refs = {seen.vdi[case.ref].sr for case in cases if case.ref in seen.vdi}
    return [
        Deed(seen.sr[ref].name_label, "Scan", "scanned", partial(_run, "SR.scan", ref))
        for ref in sorted(refs)
        if ref in seen.sr
    ]


def _new_job(context: PageContext, cases: Sequence[Case], seen: Seen) -> None:
    context.services["backups"].new_job(
        seen.vm[case.ref].uuid for case in cases if case.ref in seen.vm
    )


def _tools(seen: Seen) -> str:
    return next((vdi.ref for vdi in seen.vdi.values() if vdi.is_tools_iso), "")


def _insert(case: Case, tools: str) -> Deed:
    async def work(api: Any) -> None:
        for ref in await api.call("VM.get_VBDs", case.ref):
            vbd = await api.get_record(VBD, ref)
            if vbd.type == "CD":
                if not vbd.empty:
                    await api.run("VBD.eject", ref)
                await api.run("VBD.insert", ref, tools)
                return
        raise XapiError.from_wire("VM_NO_EMPTY_CD_VBD", [case.ref])

    return Deed(case.name, "Insert tools disc", "tools disc inserted", work)


def _delete_disks(context: PageContext, cases: Sequence[Case]) -> None:
    lines = [f"{case.name} ({fmt.size(case.size_bytes)}) {case.note}" for case in cases]
    many = fmt.plural(len(cases), "disk", "disks")
    question = Question(
        f"Delete {many}?",
        "No VM uses them. What is on them is lost; this cannot be undone.",
        "Delete disks" if len(cases) > 1 else "Delete disk",
        Harm.DESTRUCTIVE,
        consequences=tuple(lines),
        type_this=_typed(cases, "disks"),
    )
    deeds = [
        Deed(case.name, "Delete disk", "deleted", partial(_run, "VDI.destroy", case.ref))
        for case in cases
    ]
    context.actions.begin(deeds, question)


def _typed(cases: Sequence[Case], noun: str) -> str:
    return cases[0].name if len(cases) == 1 else f"delete {len(cases)} {noun}"


def _delete_snapshots(context: PageContext, cases: Sequence[Case]) -> None:
    many = fmt.plural(len(cases), "snapshot", "snapshots")
    question = Question(
        f"Delete {many}?",
        "Their disks go with them; the VMs stay as they are now. This cannot be undone.",
        "Delete snapshots" if len(cases) > 1 else "Delete snapshot",
        Harm.DESTRUCTIVE,
        consequences=tuple(f"{case.name} {case.note}".strip() for case in cases),
        type_this=_typed(cases, "snapshots"),
    )
    deeds = [
        Deed(case.name, "Delete snapshot", "deleted", partial(_delete_snapshot, case.ref))
        for case in cases
    ]
    context.actions.begin(deeds, question)


async def _delete_snapshot(ref: str, api: Any) -> None:
    disks = await own_disks(api, ref)
    await api.run("VM.destroy", ref)
    for vdi in disks:
        await api.run("VDI.destroy", vdi)
