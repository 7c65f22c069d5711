"""The small language of `get_all_records_where`.

    field "power_state" = "Running" and not field "is_a_template" = "true"

Values are string literals and fields; both sides of `=` may be either. `not` binds tighter than
`and` and `or`, which have the same rank and group to the left. A field compares as the text that
the database keeps: `true`, `5`, `('a' 'b')`, `(('key' 'value'))`.

Source: xapi's grammar of database filters; `xapi.md` 1.5.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .registry import Failure

Test = Callable[[str, dict[str, Any]], bool]
Value = Callable[[str, dict[str, Any]], str]

_TOKEN = re.compile(r'\s*(?:("[^"]*")|(true|false|field|and|or|not|[()=]))', re.ASCII)
_DEPTH_LIMIT = 200


def database_text(value: Any) -> str:
    """A value as the text that the database keeps."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "(" + " ".join(f"'{_quoted(item)}'" for item in value) + ")"
    if isinstance(value, dict):
        pairs = (f"('{_quoted(key)}' '{_quoted(item)}')" for key, item in value.items())
        return "(" + " ".join(pairs) + ")"
    return str(value)


def _quoted(value: Any) -> str:
    return database_text(value).replace("\\", "\\\\").replace("'", "\\'")


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        self.at = 0
        self.depth = 0
        position = 0
        text = text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None:
                raise ValueError(f"unexpected character at {position}")
            self.tokens.append(found.group(1) or found.group(2))
            position = found.end()

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        word = self.peek()
        if not word or (wanted and word != wanted):
            raise ValueError(f"expected {wanted or 'more'}")
        self.at += 1
        return word

    def whole(self) -> Test:
        test = self.expression()
        if self.peek():
            raise ValueError("text after the end")
        return test

    def expression(self) -> Test:
        left = self.operand()
        while self.peek() in ("and", "or"):
            left = _joined(self.take(), left, self.operand())
        return left

    def operand(self) -> Test:
        self.depth += 1
        if self.depth > _DEPTH_LIMIT:
            raise ValueError("nested too deep")
        word = self.peek()
        if word == "not":
            self.take()
            inner = self.operand()
            test: Test = lambda ref, record: not inner(ref, record)  # noqa: E731
        elif word == "(":
            self.take()
            test = self.expression()
            self.take(")")
        elif word in ("true", "false"):
            truth = self.take() == "true"
            test = lambda ref, record: truth  # noqa: E731
        else:
            left = self.value()
            self.take("=")
            right = self.value()
            test = lambda ref, record: left(ref, record) == right(ref, record)  # noqa: E731
        self.depth -= 1
        return test

    def value(self) -> Value:
        word = self.take()
        if word == "field":
            return _field(self._literal(self.take()))
        literal = self._literal(word)
        return lambda ref, record: literal

    @staticmethod
    def _literal(word: str) -> str:
        if not word.startswith('"'):
            raise ValueError(f"expected a string, got {word}")
        return word[1:-1]


def _joined(word: str, left: Test, right: Test) -> Test:
    if word == "and":
        return lambda ref, record: left(ref, record) and right(ref, record)
    return lambda ref, record: left(ref, record) or right(ref, record)


def _field(name: str) -> Value:
    # The database's own name of a nested field has two underscores: name__label.
    plain = name.replace("__", "_")

    def value(ref: str, record: dict[str, Any]) -> str:
        if name in ("_ref", "ref"):
            return ref
        if name in record:
            return database_text(record[name])
        if plain in record:
            return database_text(record[plain])
        raise Failure("INTERNAL_ERROR", "missing column", name, ref)

    return value


def compile_query(text: str) -> Test:
    """Make a test `(ref, record) -> bool` from an expression.

    Raises:
        Failure: INVALID_VALUE [expression, what is wrong].
    """
    try:
        return _Parser(text).whole()
    except ValueError as error:
        raise Failure("INVALID_VALUE", text, f"Parse error: {error}") from None
