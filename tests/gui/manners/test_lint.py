"""What the source of the interface must not say: boxes that block, fixed sizes, markup, Yes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import xolite_qt

ROOT = Path(xolite_qt.__file__).parent
UI = ROOT / "ui"
# Draws all widgets into files, without a user.
NO_WINDOW = {"ui/widgets/gallery.py"}
FILES = {
    path.relative_to(ROOT).as_posix(): list(ast.walk(ast.parse(path.read_text("utf-8"))))
    for path in [*sorted(UI.rglob("*.py")), ROOT / "app.py"]
    if path.relative_to(ROOT).as_posix() not in NO_WINDOW
}

BLOCKING = {"QMessageBox", "QInputDialog", "QErrorMessage", "QProgressDialog"}
BLOCKING_CALLS = {
    "exec", "exec_", "getOpenFileName", "getOpenFileNames", "getSaveFileName",
    "getExistingDirectory", "getColor", "getFont", "processEvents",
}  # fmt: skip
SIZES = {"setPixelSize", "setPointSize", "setPointSizeF"}
# The type scale, and glyphs that are painted to fill a picture.
MAY_SIZE = {"ui/theme.py", "ui/icons.py"}
MARKUP = {"setHtml", "insertHtml", "appendHtml", "toHtml", "setMarkdown", "QTextBrowser"}
NO_VERBS = {"yes", "no", "ok", "okay", "sure", "done", "confirm"}
BUTTONS = {"Button", "QPushButton", "add_button", "Question", "QToolButton"}


def calls(name: str) -> Iterator[tuple[ast.Call, str, str]]:
    """Every call in a file: the node, the last word of what is called, and where."""
    for node in FILES[name]:
        if isinstance(node, ast.Call):
            yield node, last_word(node.func), f"{name}:{node.lineno}"


def last_word(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def text_of(node: ast.expr) -> str | None:
    """The text that an expression is for certain: a literal, maybe inside of `tr`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Call) and last_word(node.func) == "tr" and node.args:
        return text_of(node.args[0])
    return None


def test_nothing_blocks_the_window() -> None:
    found = []
    for name, nodes in FILES.items():
        for node in nodes:
            if isinstance(node, ast.Name | ast.Attribute) and last_word(node) in BLOCKING:
                found.append(f"{name}:{node.lineno} {last_word(node)}")
        found += [f"{at} {what}()" for _, what, at in calls(name) if what in BLOCKING_CALLS]
    assert not found


def test_letters_have_the_sizes_of_the_theme() -> None:
    found = []
    for name in FILES:
        if name in MAY_SIZE:
            continue
        for node, what, at in calls(name):
            if what in SIZES or (what == "QFont" and len(node.args) > 1):
                found.append(f"{at} {what}")
            if what == "setStyleSheet" and "font-size" in ast.unparse(node):
                found.append(f"{at} a font in a style sheet")
    assert not found


def test_no_colour_is_written_outside_of_the_theme() -> None:
    found = []
    for name, nodes in FILES.items():
        if name in {"ui/tokens.py", "ui/theme.py", "ui/style_sheet.py"}:
            continue
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                value = node.value
                if value.startswith("#") and len(value) in (4, 7, 9):
                    try:
                        int(value[1:], 16)
                    except ValueError:
                        continue
                    found.append(f"{name}:{node.lineno} {value}")
    # The colours of a terminal are those that programs on it ask for by number; the glyph on a
    # grey disc is white in both themes.
    allowed = ("ui/models/terminal", "ui/widgets/console/", "ui/icons.py", "ui/charts/render.py")
    assert not [one for one in found if not one.startswith(allowed)]


def test_nothing_renders_markup() -> None:
    found = []
    for name, nodes in FILES.items():
        for node in nodes:
            if not isinstance(node, ast.Attribute | ast.Name):
                continue
            word = last_word(node)
            if word in MARKUP or word in ("RichText", "AutoText", "MarkdownText"):
                found.append(f"{name}:{node.lineno} {word}")
    assert not found


def test_labels_are_text_labels() -> None:
    """A plain QLabel guesses whether its text is markup; ours never does."""
    found = []
    for name in FILES:
        if name == "ui/widgets/text.py":
            continue
        for node, what, at in calls(name):
            if what == "QLabel" and node.args:
                found.append(f"{at} {ast.unparse(node)}")
    assert not found


def test_tooltips_are_plain() -> None:
    """Tooltips guess, too: what may come from a host goes through `plain_tooltip`."""
    found = []
    for name in FILES:
        for node, what, at in calls(name):
            if what != "setToolTip" or not node.args:
                continue
            wanted = node.args[-1]
            plain = isinstance(wanted, ast.Call) and last_word(wanted.func) == "plain_tooltip"
            if not plain and text_of(wanted) is None:
                found.append(f"{at} {ast.unparse(node)}")
    assert not found


def test_buttons_are_verbs() -> None:
    found = []
    for name, nodes in FILES.items():
        for node, what, at in calls(name):
            if what not in BUTTONS:
                continue
            words = [*node.args, *(word.value for word in node.keywords)]
            found += [
                f"{at} {text}"
                for text in map(text_of, words)
                if text is not None and text.strip(" .…!?&").lower() in NO_VERBS
            ]
        for part in nodes:
            if isinstance(part, ast.Name | ast.Attribute) and last_word(part) in (
                "QDialogButtonBox",
                "StandardButton",
            ):
                found.append(f"{name}:{part.lineno} {last_word(part)}")
    assert not found


def test_enter_presses_no_button_that_destroys() -> None:
    found = []
    for name in FILES:
        for node, what, at in calls(name):
            words = {word.arg: word.value for word in node.keywords}
            if what == "add_button" and "default" in words:
                kind = node.args[1] if len(node.args) > 1 else words.get("kind")
                if kind is not None and text_of(kind) in ("danger", "tertiary-danger", None):
                    found.append(f"{at} {ast.unparse(node)}")
            if what in ("setDefault", "setAutoDefault") and name != "ui/dialogs/base.py":
                value = node.args[0]
                if not (isinstance(value, ast.Constant) and value.value is False):
                    found.append(f"{at} {ast.unparse(node)}")
    assert not found


@pytest.mark.parametrize("word", ["version", "product_version"])
def test_nothing_is_refused_because_of_a_version(word: str) -> None:
    """Hosts are asked what they can do; what they say of themselves is only shown."""
    found = []
    for name, nodes in FILES.items():
        for node in nodes:
            if isinstance(node, ast.Compare) and any(
                isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for op in node.ops
            ):
                sides = [node.left, *node.comparators]
                if any(
                    isinstance(one, ast.Constant | ast.Attribute | ast.Name)
                    and (last_word(one) == word or getattr(one, "value", None) == word)
                    for one in sides
                ):
                    found.append(f"{name}:{node.lineno} {ast.unparse(node)}")
    assert not found
