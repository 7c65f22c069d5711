"""The tree of a large pool: filtered exactly, kept cheap, and the same as if it were built anew."""

from __future__ import annotations

from typing import cast

import pytest
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from tests.gui.shell.test_tree_model import Truth, host, pool, tree_of, tree_wanted, vm
from xolite_qt.stores import TreeNode, TreeStore
from xolite_qt.ui.models.tree import TreeModel

HOSTS, VMS = 100, 10_000


@pytest.fixture(scope="module")
def nodes() -> dict[str, TreeNode]:
    made = {"P": pool()}
    for number in range(HOSTS):
        made[f"H{number}"] = host(f"H{number}", f"host {number:03}", "P")
    for number in range(VMS):
        parent = f"H{number % HOSTS}" if number % 3 else "P"
        tags = ("backup",) if number % 1000 == 0 else ()
        made[f"V{number}"] = vm(f"V{number}", f"machine {number:05}", parent, *tags)
    return made


def model_of(nodes: dict[str, TreeNode]) -> tuple[Truth, TreeModel]:
    truth = Truth(dict(nodes))
    return truth, TreeModel(cast(TreeStore, truth))


def shown(model: TreeModel, nodes: dict[str, TreeNode]) -> set[str]:
    return {ref for ref in nodes if model.index_of(ref).isValid()}


def test_one_of_ten_thousand_is_found_with_what_stands_above_it(
    qtbot: QtBot, nodes: dict[str, TreeNode]
) -> None:
    _truth, model = model_of(nodes)
    model.set_filter("machine 04321")
    assert shown(model, nodes) == {"P", nodes["V4321"].parent, "V4321"}
    model.set_filter("BACKUP")
    found = {f"V{number}" for number in range(0, VMS, 1000)}
    above = {nodes[ref].parent or "" for ref in found}
    assert shown(model, nodes) == {"P", *above, *found}
    model.set_filter("host 042")
    below = {ref for ref, node in nodes.items() if node.parent == "H42"}
    assert shown(model, nodes) == {"P", "H42", *below}
    model.set_filter("no such thing")
    assert shown(model, nodes) == set()
    model.set_filter("")
    assert tree_of(model) == tree_wanted(nodes)


def test_a_letter_more_looks_for_less(qtbot: QtBot, nodes: dict[str, TreeNode]) -> None:
    _truth, model = model_of(nodes)
    before = set(nodes)
    for length in range(1, len("machine 0777") + 1):
        model.set_filter("machine 0777"[:length])
        now = shown(model, nodes)
        assert now <= before
        before = now
    assert len([ref for ref in before if ref.startswith("V")]) == 10


def test_while_filtered_the_host_goes_on(qtbot: QtBot, nodes: dict[str, TreeNode]) -> None:
    truth, model = model_of(nodes)
    model.set_filter("machine 0777")
    changed = dict(truth.records)
    del changed["V7770"]
    changed["V7771"] = vm("V7771", "another name", "P")
    changed["V1"] = vm("V1", "machine 0777 too", "P")
    model.apply(truth.move_to(changed))
    assert not model.index_of("V7770").isValid()
    assert not model.index_of("V7771").isValid()
    assert model.index_of("V1").isValid()
    model.set_filter("")
    assert tree_of(model) == tree_wanted(changed)


def test_one_change_among_ten_thousand_moves_one_row(
    qtbot: QtBot, nodes: dict[str, TreeNode]
) -> None:
    truth, model = model_of(nodes)
    told: list[str] = []
    model.modelReset.connect(lambda: told.append("reset"))
    model.layoutChanged.connect(lambda: told.append("layout"))
    model.rowsMoved.connect(lambda: told.append("moved"))
    model.rowsInserted.connect(lambda: told.append("inserted"))
    model.rowsRemoved.connect(lambda: told.append("removed"))
    model.apply(truth.move_to({**nodes, "V5": vm("V5", "machine 99999", "H7")}))
    assert told == ["moved"]
    assert tree_of(model) == tree_wanted(truth.records)


def test_qts_own_tester_finds_nothing(qtbot: QtBot, qtmodeltester: ModelTester) -> None:
    nodes = {"P": pool(), "H": host("H", "h", "P")}
    nodes |= {f"V{n}": vm(f"V{n}", f"vm {n}", ("P", "H")[n % 2]) for n in range(30)}
    truth, model = model_of(nodes)
    qtmodeltester.check(model)  # type: ignore[no-untyped-call]  # pytest-qt has no types here
    model.set_filter("vm 1")
    model.apply(truth.move_to({ref: node for ref, node in nodes.items() if ref != "V1"}))
    model.set_filter("")
    model.apply(truth.move_to({"P": pool("renamed")}))
    model.apply(truth.move_to(nodes))
