"""The forms of high availability: switching it on, and how many hosts may fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QSpinBox, QWidget

from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.dialogs.backups.form import Choice, Form, Row, number
from xolite_qt.ui.dialogs.pool.edit_dialog import EditDialog
from xolite_qt.ui.models import ha
from xolite_qt.ui.models.sr_roles import SrOption
from xolite_qt.ui.widgets.banner import Banner
from xolite_qt.ui.widgets.text import plain_tooltip
from xolite_qt.xen_api import Pool

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext

_ALONE = (
    "This pool has one host: there is none to restart its VMs on when it fails. High availability "
    "restarts them after the host is back."
)


class FailuresField:
    """How many hosts may fail, with what the host's planner says about it.

    Args:
        form: gets the row.
        now: what is set.
        hosts: how many the pool has.
        most: the planner's answer for what is protected now; None where it gave none.
    """

    def __init__(self, form: Form, now: int, hosts: int, most: int | None) -> None:
        self.number: QSpinBox = number(0, max(hosts - 1, now), now)
        self._most = most
        self.row = form.add("Host failures to tolerate", self.number, narrow=True)
        self.number.valueChanged.connect(self._judge)
        self._judge()

    def _judge(self, *_value: object) -> None:
        self.row.set_problem("")
        if self._most is None:
            self.row.set_hint("The host could not say how many it has a plan for.")
        elif self.number.value() > self._most:
            self.row.set_hint(
                f"More than the hosts have room for: all VMs that are protected now can be "
                f"restarted after {ha.failures_words(self._most).lower()} at most.",
                "warning",
            )
        else:
            self.row.set_hint(
                f"The hosts have room for {ha.failures_words(self._most).lower()} at most, with "
                "the VMs that are protected now."
                if self._most
                else "The hosts have room for none now, with the VMs that are protected."
            )


class EnableHaDialog(EditDialog):
    """Asks which SR carries the heartbeat, and how many hosts may fail.

    Args:
        pool: as it is now.
        options: all SRs; those that cannot carry it with their reason.
        hosts: how many the pool has.
        most: the planner's answer; None where it gave none.
    """

    def __init__(
        self,
        context: PageContext,
        pool: Pool,
        options: Sequence[SrOption],
        hosts: int,
        most: int | None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            context,
            f"Enable high availability of {pool.name_label}",
            "Enable",
            icon="shield",
            parent=parent,
        )
        self.pool = pool
        self._options = tuple(options)
        self.warning = Banner()
        self.body.insertWidget(0, self.warning)
        if hosts < 2:
            self.warning.show_message(_ALONE, "warning")
        first = next((option.ref for option in options if option.reason is None), "")
        shown = [("", "None can carry it")] if not first else []
        self.sr = Choice([*shown, *((one.ref, one.text) for one in options)], first)
        model = self.sr.model()
        assert isinstance(model, QStandardItemModel)
        for option in options:
            if option.reason is not None:
                item = model.item(self.sr.findData(option.ref))
                item.setEnabled(False)
                item.setToolTip(plain_tooltip(option.reason))
        self.sr_row = self.form.add(
            "Heartbeat SR",
            self.sr,
            hint="Hosts tell each other here, and over the management network, that they are "
            "alive. One that can do neither restarts itself, with all VMs on it.",
        )
        self.sr.currentIndexChanged.connect(lambda _at: self.sr_row.set_problem(""))
        self.failures = FailuresField(self.form, pool.ha_host_failures_to_tolerate, hosts, most)

    def check(self) -> dict[Row, str]:
        """An SR that can carry it."""
        chosen = next((one for one in self._options if one.ref == self.sr.current()), None)
        if chosen is None:
            return {
                self.sr_row: "No storage can carry the heartbeat: it takes shared storage that "
                "every host is connected to."
            }
        return {self.sr_row: f"It can't carry it: {chosen.reason}."} if chosen.reason else {}

    def deed(self) -> Deed | None:
        """Switches it on."""
        return ha.enable_deed(self.pool, self.sr.current(), self.failures.number.value())


class FailuresDialog(EditDialog):
    """Asks how many hosts may fail, while high availability is on.

    Args:
        pool: as it is now.
        hosts: how many the pool has.
        most: the planner's answer; None where it gave none.
    """

    def __init__(
        self,
        context: PageContext,
        pool: Pool,
        hosts: int,
        most: int | None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            context,
            f"Host failures that {pool.name_label} tolerates",
            icon="shield",
            parent=parent,
        )
        self.pool = pool
        self.failures = FailuresField(self.form, pool.ha_host_failures_to_tolerate, hosts, most)

    def deed(self) -> Deed | None:
        """Sets it; None where nothing differs."""
        value = self.failures.number.value()
        if value == self.pool.ha_host_failures_to_tolerate:
            return None
        return ha.failures_deed(self.pool, value)
