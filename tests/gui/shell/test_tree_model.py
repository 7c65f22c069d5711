"""The tree model against the store: whatever happens, exact signals and the same tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, qInstallMessageHandler
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from xolite_qt.stores import Change, NodeKind, TreeNode, TreeStore
from xolite_qt.ui.models.tree import REF_ROLE, TreeModel, describe, shown_name, sort_key
from xolite_qt.xen_api import VM, Host, Pool

NAMES = st.sampled_from(["a", "b", "B", "", "<b>x</b>", "ä", "a\nb"])


@dataclass
class Truth:
    """The nodes that a `TreeStore` would hold; `take` is what the model wants of one."""

    records: dict[str, TreeNode] = field(default_factory=dict)
    is_ready: bool = True

    @property
    def below(self) -> MappingProxyType[str | None, dict[str, None]]:
        found: dict[str | None, dict[str, None]] = {}
        for node in self.records.values():
            found.setdefault(node.parent, {})[node.ref] = None
        return MappingProxyType(found)

    def move_to(self, wanted: dict[str, TreeNode]) -> Change[TreeNode]:
        before, self.records = self.records, wanted
        return Change(
            tuple(node for ref, node in wanted.items() if ref not in before),
            tuple(n for ref, n in wanted.items() if ref in before and before[ref] != n),
            tuple(ref for ref in before if ref not in wanted),
        )


def pool(name: str = "pool") -> TreeNode:
    return TreeNode("P", NodeKind.POOL, None, Pool(ref="P", uuid="p", name_label=name))


def host(ref: str, name: str, top: str | None) -> TreeNode:
    return TreeNode(ref, NodeKind.HOST, top, Host(ref=ref, uuid=ref, name_label=name))


def vm(ref: str, name: str, parent: str | None, *tags: str) -> TreeNode:
    record = VM(ref=ref, uuid=ref, name_label=name, power_state="Halted", tags=tags)
    return TreeNode(ref, NodeKind.VM, parent, record)


def tree_of(model: TreeModel, parent: QModelIndex | None = None) -> list[Any]:
    at = parent or QModelIndex()
    rows = []
    for row in range(model.rowCount(at)):
        index = model.index(row, 0, at)
        rows.append((index.data(REF_ROLE), tree_of(model, index)))
    return rows


def tree_wanted(nodes: dict[str, TreeNode], parent: str | None = None) -> list[Any]:
    mine = [
        node
        for node in nodes.values()
        if node.parent == parent or (parent is None and node.parent not in nodes)
    ]
    return [(node.ref, tree_wanted(nodes, node.ref)) for node in sorted(mine, key=sort_key)]


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, TreeNode]:
    nodes: dict[str, TreeNode] = {}
    top = "P" if draw(st.booleans()) or draw(st.booleans()) else None
    if top:
        nodes["P"] = pool(draw(NAMES))
    hosts = draw(st.sets(st.sampled_from(["H1", "H2", "H3"])))
    for ref in sorted(hosts):
        nodes[ref] = host(ref, draw(NAMES), top)
    for number in sorted(draw(st.sets(st.integers(0, 6)))):
        parent = draw(st.sampled_from([top, *sorted(hosts)]))
        nodes[f"V{number}"] = vm(f"V{number}", draw(NAMES), parent)
    return nodes


@given(history=st.lists(worlds(), min_size=1, max_size=6))
def test_the_model_follows_any_history(history: list[dict[str, TreeNode]], qtbot: QtBot) -> None:
    complaints: list[str] = []
    before = qInstallMessageHandler(lambda _kind, _where, text: complaints.append(text))
    try:
        truth = Truth()
        model = TreeModel(cast(TreeStore, truth))
        tester = QAbstractItemModelTester(
            model, QAbstractItemModelTester.FailureReportingMode.Warning
        )
        resets: list[int] = []
        model.modelReset.connect(lambda: resets.append(1))
        kept: dict[str, QPersistentModelIndex] = {}
        for world in history:
            model.apply(truth.move_to(world))
            assert tree_of(model) == tree_wanted(world)
            # Who stayed, stayed the same to views: selected, open.
            for ref, index in kept.items():
                if ref in world:
                    assert index.data(REF_ROLE) == ref
                else:
                    assert not index.isValid()
            kept = {ref: QPersistentModelIndex(model.index_of(ref)) for ref in world}
        assert not resets
        del tester
    finally:
        qInstallMessageHandler(before)
    assert complaints == []


@given(world=worlds(), text=st.sampled_from(["a", "b", "x", "ä", "V1", "nothing"]))
def test_the_filter_keeps_matches_and_what_stands_above(
    world: dict[str, TreeNode], text: str, qtbot: QtBot
) -> None:
    truth = Truth(world)
    model = TreeModel(cast(TreeStore, truth))
    model.set_filter(text)

    def fits(node: TreeNode) -> bool:
        return text.casefold() in node.name.casefold() or text.casefold() == node.uuid

    shown: set[str] = set()
    for node in world.values():
        line = [node]
        while line[-1].parent in world:
            line.append(world[line[-1].parent or ""])
        if fits(node) or any(fits(one) for one in line if one.kind is NodeKind.HOST):
            shown.update(one.ref for one in line)
    found = {ref for ref in world if model.index_of(ref).isValid()}
    assert found == shown
    model.set_filter("")
    assert tree_of(model) == tree_wanted(world)


def test_tags_are_found_and_case_does_not_matter(qtbot: QtBot) -> None:
    truth = Truth({"P": pool(), "V": vm("V", "web", "P", "Backup-Daily"), "W": vm("W", "x", "P")})
    model = TreeModel(cast(TreeStore, truth))
    model.set_filter(" bACKUP ")
    assert model.index_of("V").isValid()
    assert not model.index_of("W").isValid()


def test_many_changes_at_once_become_one_layout(qtbot: QtBot) -> None:
    truth = Truth({"P": pool()})
    model = TreeModel(cast(TreeStore, truth))
    resets: list[int] = []
    model.modelReset.connect(lambda: resets.append(1))
    many = {f"V{n}": vm(f"V{n}", f"vm {n}", "P") for n in range(1000)}
    model.apply(truth.move_to({"P": pool(), **many}))
    assert resets == [1]
    # Only their states changed: no view loses its place.
    renamed = {
        ref: TreeNode(ref, NodeKind.VM, "P", VM(ref=ref, uuid=ref, name_label=node.name, domid=1))
        for ref, node in many.items()
    }
    model.apply(truth.move_to({"P": pool(), **renamed}))
    assert resets == [1]


def test_names_are_one_line_never_empty_and_never_markup(qtbot: QtBot) -> None:
    for name, shown in (
        ("", "(VM without a name)"),
        ("  \n ", "(VM without a name)"),
        ("a\n\tb", "a b"),
        ("x" * 10_000_000, "x" * 200),
    ):
        assert shown_name(vm("V", name, None)) == shown
    model = TreeModel(cast(TreeStore, Truth({"V": vm("V", "<img src=x>", None)})))
    tip = model.index_of("V").data(Qt.ItemDataRole.ToolTipRole)
    assert "&lt;img" in tip
    assert "<img" not in tip
    assert describe(vm("V", "web", None)) == "web, VM, halted"
