"""Edits the alarm thresholds of a VM, host or SR."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from xolite_qt.ui.deeds import Choice, Deed, provides
from xolite_qt.ui.dialogs.alarms.thresholds_dialog import ThresholdsDialog
from xolite_qt.ui.models.thresholds import thresholds, watches
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.page import PageContext
from xolite_qt.xen_api import VM, Host, PerfmonError, Watch, read_perfmon, write_perfmon

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
    before: list[Watch] = []
    trouble = ""
    try:
        before = read_perfmon(record.other_config.get(_KEY, ""))
    except PerfmonError as error:
        trouble = str(error)
    dialog = ThresholdsDialog(
        record.name_label, thresholds(cls, before), trouble, context.actions.window
    )
    if not await ask(dialog):
        return
    text = write_perfmon(watches(cls, dialog.values(), before))
    had = _KEY in record.other_config
    work = partial(_write, f"{cls}.", record.ref, had, text)
    deed = Deed(record.name_label, "Save thresholds", "thresholds saved", work)
    await context.actions.do([deed])


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
