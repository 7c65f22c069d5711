"""Every id of something that can be chosen, read from the source of the app.

A `Choice` is made with its id first, directly or by a helper that passes its own parameter on.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import xolite_qt
from xolite_qt.ui.actions import ActionId
from xolite_qt.ui.views.vm.life_edits import FORMS

UI = Path(xolite_qt.__file__).parent / "ui"

# Ids that are put together while the app runs: all that they can become.
PUT_TOGETHER: dict[str, tuple[str, ...]] = {
    "f'vm.edit.{card}'": tuple(f"vm.edit.{card}" for card in FORMS),
    "f'{kind}.thresholds'": ("host.thresholds", "vm.thresholds"),
}


def all_ids() -> set[str]:
    """Of the built-in actions, of what providers offer, and of what pages offer."""
    found = {action.value for action in ActionId}
    for path in sorted(UI.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        if "xolite_qt.ui.deeds" not in _imported_from(tree):
            continue
        for given in _given(tree):
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                found.add(given.value)
            else:
                found.update(PUT_TOGETHER[ast.unparse(given)])
    return found


def _imported_from(tree: ast.Module) -> set[str]:
    # The form field of the same name is another class, from another module.
    return {
        node.module or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and any(name.name == "Choice" for name in node.names)
    }


def _given(tree: ast.Module) -> Iterator[ast.expr]:
    """What is given as id, wherever a choice is made."""
    helpers = {"Choice": 0}
    passed: set[ast.expr] = set()
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        names = [arg.arg for arg in function.args.args if arg.arg != "self"]
        for call in _calls(function, "Choice"):
            first = _id_of(call, 0)
            if isinstance(first, ast.Name) and first.id in names:
                helpers[function.name] = names.index(first.id)
                passed.add(first)
    for name, place in helpers.items():
        for call in _calls(tree, name):
            first = _id_of(call, place)
            if first is not None and first not in passed:
                yield first


def _calls(inside: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(inside):
        if isinstance(node, ast.Call):
            called = node.func
            known = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if known == name:
                yield node


def _id_of(call: ast.Call, place: int) -> ast.expr | None:
    for word in call.keywords:
        if word.arg in ("id", "id_", "ident"):
            return word.value
    return call.args[place] if len(call.args) > place else None
