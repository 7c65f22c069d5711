"""Edits the alarm thresholds of a VM, host or SR."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from xolite_qt.ui.deeds import Choice, Deed, provides
from xolite_qt.ui.dialogs.alarms.thresholds_dialog import ThresholdsDialog
from xolite_qt.ui.errors import explain
from xolite_qt.ui.models.thresholds import DOMAIN, thresholds, watches
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.page import PageContext
from xolite_qt.xen_api import (
    VM,
    Host,
    PerfmonError,
    Watch,
    XenApiError,
    is_null,
    read_perfmon,
    write_perfmon,
)

_KEY = "perfmon"


def edit_thresholds(context: PageContext, cls: str, record: Any) -> None:
    """Opens the form.

    Args:
        context: of the page.
        cls: "VM", "host" or "SR".
        record: of the object.
    """
    context.tasks.spawn(_edit(context, cls, record), "thresholds")


async def _edit(context: PageContext, cls: str, record: Any) -> None:
    # One form for a host and its control domain; each keeps its own settings.
    owners: list[tuple[str, Any]] = [(cls, record)]
    if cls == "host" and not is_null(record.control_domain):
        try:
            domain = await context.stores.api.get_record(VM, record.control_domain)
        except XenApiError as error:
            text = f"The control domain could not be asked: {explain(error).summary}"
            context.notify(text, level="danger", details=explain(error).details)
            return
        owners.append((DOMAIN, domain))
    before: list[list[Watch]] = []
    trouble = ""
    for _cls, owner in owners:
        try:
            before.append(read_perfmon(owner.other_config.get(_KEY, "")))
        except PerfmonError as error:
            before.append([])
            trouble = str(error)
    lines = [thresholds(of, found) for (of, _owner), found in zip(owners, before, strict=True)]
    dialog = ThresholdsDialog(
        record.name_label,
        [line for part in lines for line in part],
        trouble,
        context.actions.window,
    )
    if not await ask(dialog):
        return
    values = dialog.values()
    writes = []
    for (of, owner), part, found in zip(owners, lines, before, strict=True):
        chosen, values = values[: len(part)], values[len(part) :]
        text = write_perfmon(watches(of, chosen, found))
        had = owner.other_config.get(_KEY)
        if text != (had or ""):
            kind = "VM" if of == DOMAIN else of
            writes.append(partial(_write, f"{kind}.", owner.ref, had is not None, text))
    if not writes:
        return

    async def work(api: Any) -> None:
        for write in writes:
            await write(api)

    await context.actions.do([Deed(record.name_label, "Save thresholds", "thresholds saved", work)])


async def _write(prefix: str, ref: str, had: bool, text: str, api: Any) -> None:
    if had:
        await api.call(f"{prefix}remove_from_other_config", ref, _KEY)
    if text:
        await api.call(f"{prefix}add_to_other_config", ref, _KEY, text)


@provides("vm")
def vm_thresholds(context: PageContext, vms: Sequence[VM]) -> list[Choice]:
    """A VM's thresholds."""
    return [_choice(context, "vm", "VM", vms)]


@provides("host")
def host_thresholds(context: PageContext, hosts: Sequence[Host]) -> list[Choice]:
    """A host's thresholds."""
    return [_choice(context, "host", "host", hosts)]


def _choice(context: PageContext, kind: str, cls: str, records: Sequence[Any]) -> Choice:
    reason = None if len(records) == 1 else "Choose one: each has thresholds of its own."
    run = partial(edit_thresholds, context, cls, records[0] if records else None)
    return Choice(f"{kind}.thresholds", "Alarm thresholds…", "alarm", run, reason, 70)
