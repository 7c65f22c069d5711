"""What the forms over a VM's settings share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.dialogs.backups.form import Row
from xolite_qt.ui.dialogs.pool.edit_dialog import EditDialog
from xolite_qt.ui.widgets.text import set_tooltip
from xolite_qt.xen_api import VM, Host, Pool, PowerState

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext

Call = tuple[Any, ...]
"""A call without the session: method, then parameters."""


@dataclass(frozen=True)
class Setting:
    """A VM as it is when its settings are edited, and where it lives.

    Attributes:
        vm: the VM.
        pool: its pool, or None where that is not known.
        hosts: of the pool, by name.
    """

    vm: VM
    pool: Pool | None
    hosts: tuple[Host, ...]

    @property
    def not_halted(self) -> str:
        """Why what only a halted VM takes cannot be changed; "" where it can."""
        state = self.vm.power_state
        if state == PowerState.HALTED:
            return ""
        return f"The VM is {state.lower()}; shut it down to change this."


class VmEditDialog(EditDialog):
    """Edits a VM; only what differs is written, by the calls that `calls` gives.

    Args:
        context: of the page that opens it.
        setting: the VM as it is now.
        what: "resources": the end of the title.
    """

    def __init__(
        self,
        context: PageContext,
        setting: Setting,
        what: str,
        parent: QWidget | None = None,
    ) -> None:
        title = f"{setting.vm.name_label}: {what}"
        super().__init__(context, title, icon="vm", parent=parent)
        self.setting = setting
        self.vm = setting.vm
        self.what = what

    def calls(self) -> Sequence[Call]:
        """What is to be called, in an order that the host takes."""
        raise NotImplementedError

    def deed(self) -> Deed | None:
        """All calls, one after the other."""
        calls = list(self.calls())
        if not calls:
            return None

        async def work(api: Any) -> None:
            for method, *params in calls:
                await api.call(method, *params)

        return Deed(self.vm.name_label, f"Edit {self.what} of", f"{self.what} saved", work)


def shut(row: Row, why: str) -> None:
    """Closes a row and says why; "" leaves it open."""
    if not why:
        return
    for field in row.fields:
        field.setEnabled(False)
        set_tooltip(field, why)
    row.set_hint(why)
    for field in row.fields:
        field.setAccessibleDescription(why)


def map_calls(
    vm: str, field: str, now: dict[str, str], wanted: dict[str, str | None]
) -> list[Call]:
    """Writes single keys of a map, so that what others write to it meanwhile stays.

    Args:
        vm: its reference.
        field: of the VM: "platform".
        now: what it holds.
        wanted: what keys are to hold; None takes one away.
    """
    found: list[Call] = []
    for key, value in wanted.items():
        if now.get(key) == value:
            continue
        if key in now:
            found.append((f"VM.remove_from_{field}", vm, key))
        if value is not None:
            found.append((f"VM.add_to_{field}", vm, key, value))
    return found


Make = Callable[["PageContext", Setting, QWidget | None], VmEditDialog]
