"""The interfaces of LINSTOR's nodes: made on every node, preferred, deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QLineEdit, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.deeds import Choice, Deed
from xolite_qt.ui.dialogs.backups.form import Choice as Picker
from xolite_qt.ui.dialogs.backups.form import Row
from xolite_qt.ui.dialogs.pool.edit_dialog import EditDialog
from xolite_qt.ui.models import xostor_interfaces as linstor
from xolite_qt.ui.models.xostor_columns import InterfaceRow
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.pool.xostor.part import Facts


class NewInterfaceDialog(EditDialog):
    """A name, and the network that carries it on every node.

    Args:
        context: of the page.
        master: reference of the pool's master.
        facts: what the page knows; it has an XOSTOR.
    """

    def __init__(
        self, context: PageContext, master: str, facts: Facts, parent: QWidget | None = None
    ) -> None:
        super().__init__(
            context, "New replication interface", "Create interface", icon="network", parent=parent
        )
        self._master, self._facts = master, facts
        assert facts.row is not None
        self._group = facts.row.group_name
        self._taken = frozenset(one.name for one in facts.row.interfaces or ())
        self.name = QLineEdit("replication")
        self._name_row = self.form.add("Name", self.name, hint="The same on every node.")
        self.network = Picker([(one.ref, one.name) for one in facts.networks], "")
        self.form.add(
            "Network",
            self.network,
            hint="Those where every host has a connected link with a static address. Replication "
            "takes the interface once it is preferred.",
        )

    def check(self) -> dict[Row, str]:
        """The name's problem."""
        problem = linstor.name_problem(self.name.text().strip(), self._taken)
        return {self._name_row: problem} if problem else {}

    def deed(self) -> Deed | None:
        """Creates it on every node, or on none."""
        network = next(n for n in self._facts.networks if n.ref == self.network.current())
        nodes = {node: ref for node, (ref, _name) in self._facts.hosts.items()}
        assert self._facts.row is not None
        health = self._facts.row.health
        wanted = health.all_nodes if health is not None else ()
        pifs = {node: network.pifs[nodes[node]] for node in wanted if node in nodes}
        return linstor.create_deed(self._master, self._group, self.name.text().strip(), pifs)


class InterfaceChoices:
    """What may be done with interfaces.

    Args:
        context: of the page.
        facts: what the page knows now.
        chosen: the selected rows.
    """

    def __init__(
        self,
        context: PageContext,
        facts: Callable[[], Facts],
        chosen: Callable[[], Sequence[InterfaceRow]],
    ) -> None:
        self._context, self._facts, self._chosen = context, facts, chosen

    def choices(self) -> list[Choice]:
        """New, prefer, delete; disabled ones with their reason."""
        rows = self._chosen()
        none = None if rows else "Select an interface first."
        return [
            Choice("xostor.interface_new", "New interface…", "plus", self._new, self._may_make()),
            Choice(
                "xostor.interface_prefer",
                "Prefer",
                "star",
                self._prefer,
                self._unknown() or none or self._may_prefer(rows),
            ),
            Choice(
                "xostor.interface_delete",
                "Delete…",
                "trash",
                self._delete,
                self._unknown() or none or self._may_delete(rows),
            ),
        ]

    def _unknown(self) -> str | None:
        row = self._facts().row
        if row is None or row.health is None:
            return "LINSTOR has not answered yet."
        return None if row.interfaces is not None else "Ask LINSTOR for its interfaces first."

    def _may_make(self) -> str | None:
        facts = self._facts()
        unknown = self._unknown()
        if unknown is not None:
            return unknown
        if not facts.networks:
            return "No network has a connected link with a static address on every host."
        health = facts.row.health if facts.row is not None else None
        strangers = [node for node in health.all_nodes if node not in facts.hosts] if health else []
        return f"{strangers[0]} is no host of the pool." if strangers else None

    @staticmethod
    def _may_prefer(rows: Sequence[InterfaceRow]) -> str | None:
        if len({row.interface.node for row in rows}) < len(rows):
            return "Select one interface of each node."
        preferred = all(row.interface.is_preferred for row in rows)
        return "Replication takes it already." if preferred else None

    @staticmethod
    def _may_delete(rows: Sequence[InterfaceRow]) -> str | None:
        if any(row.interface.name == linstor.DEFAULT for row in rows):
            return "The default interface stays: LINSTOR reaches the node by it."
        return None

    def _where(self) -> tuple[str, str]:
        pool, row = self._context.stores.the_pool(), self._facts().row
        return (pool.master if pool is not None else "", row.group_name if row else "")

    def _new(self) -> None:
        self._context.tasks.spawn(self._make(), "new interface")

    async def _make(self) -> None:
        master, _group = self._where()
        window = self._context.actions.window
        if await ask(NewInterfaceDialog(self._context, master, self._facts(), window)):
            self._context.stores.xostor.ask_interfaces()

    def _prefer(self) -> None:
        where = self._where()
        deeds = [
            linstor.prefer_deed(*where, row.interface.node, row.interface.name)
            for row in self._chosen()
        ]
        self._begin(deeds, None)

    def _delete(self) -> None:
        where, rows = self._where(), self._chosen()
        many = fmt.plural(len(rows), "interface", "interfaces")
        preferred = [row for row in rows if row.interface.is_preferred]
        deeds = [
            linstor.delete_deed(*where, row.interface.node, row.interface.name) for row in rows
        ]
        question = Question(
            f"Delete {many}?",
            "Replication takes the default interface there, as other traffic does."
            if preferred
            else "No replication goes over it now.",
            "Delete interface" if len(rows) == 1 else "Delete interfaces",
            Harm.DISRUPTIVE,
            consequences=tuple(deed.name for deed in deeds),
        )
        self._begin(deeds, question)

    def _begin(self, deeds: Sequence[Deed], question: Question | None) -> None:
        async def work() -> None:
            if await self._context.actions.do(deeds, question) is not None:
                # LINSTOR sends no events.
                self._context.stores.xostor.ask_interfaces()

        self._context.tasks.spawn(work(), deeds[0].label)
