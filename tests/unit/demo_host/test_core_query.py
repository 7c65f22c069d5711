"""The language of get_all_records_where."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.demo_host.query import compile_query, database_text
from xolite_qt.demo_host.registry import Failure

RECORD: dict[str, Any] = {
    "name_label": "web",
    "is_a_template": False,
    "VCPUs_max": 4,
    "tags": ["a", "it's"],
    "other_config": {"k": "v"},
    "power_state": "Running",
}


def ask(text: str) -> bool:
    return compile_query(text)("OpaqueRef:1", RECORD)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("true", True),
        ("false", False),
        ('field "power_state" = "Running"', True),
        ('"Running" = field "power_state"', True),
        ('field "name__label" = "web"', True),
        ('field "name_label"="web"', True),
        ('field "is_a_template" = "false"', True),
        ('field "VCPUs_max" = "4"', True),
        ('not field "VCPUs_max" = "4"', False),
        ('not (field "VCPUs_max" = "5") and true', True),
        ("not false and false", False),
        # and and or have one rank and group to the left: (true or false) and false
        ("true or false and false", False),
        ("true or (false and false)", True),
        ('field "_ref" = "OpaqueRef:1"', True),
        ("field \"other_config\" = \"(('k' 'v'))\"", True),
        ('"a" = "a"', True),
        ("  \t\n true  ", True),
    ],
)
def test_answers(text: str, answer: bool) -> None:
    assert ask(text) is answer


@pytest.mark.parametrize(
    "text",
    ["", "(", "true true", 'field "x"', 'field = "x"', "maybe", '"a" =', "not", "true and", '"a'],
)
def test_nonsense_is_an_invalid_value(text: str) -> None:
    with pytest.raises(Failure) as caught:
        compile_query(text)
    assert caught.value.code == "INVALID_VALUE"
    assert caught.value.params[0] == text


def test_an_unknown_field_is_an_internal_error() -> None:
    with pytest.raises(Failure) as caught:
        ask('field "no_such" = "1"')
    assert caught.value.code == "INTERNAL_ERROR"


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(Failure):
        compile_query("(" * 5000 + "true" + ")" * 5000)


def test_sets_and_maps_read_as_the_database_writes_them() -> None:
    assert database_text(["a", "it's"]) == "('a' 'it\\'s')"
    assert database_text({}) == "()"


class Expression:
    """A random expression with what Python makes of it."""

    def __init__(self, text: str, truth: bool) -> None:
        self.text = text
        self.truth = truth


plain_text = st.text(st.characters(blacklist_characters='"', blacklist_categories=["Cs"]))
leaves = st.one_of(
    st.booleans().map(lambda b: Expression(str(b).lower(), b)),
    st.tuples(plain_text, plain_text).map(
        lambda pair: Expression(f'"{pair[0]}" = "{pair[1]}"', pair[0] == pair[1])
    ),
)
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(lambda e: Expression(f"not ({e.text})", not e.truth)),
        st.tuples(inner, inner).map(
            lambda p: Expression(f"({p[0].text}) and ({p[1].text})", p[0].truth and p[1].truth)
        ),
        st.tuples(inner, inner).map(
            lambda p: Expression(f"({p[0].text})or({p[1].text})", p[0].truth or p[1].truth)
        ),
    ),
    max_leaves=12,
)


@given(expressions)
def test_any_expression_means_what_its_words_say(expression: Expression) -> None:
    assert ask(expression.text) is expression.truth


@given(st.text())
def test_any_text_is_an_answer_or_a_failure(text: str) -> None:
    code = ""
    try:
        ask(text)
    except Failure as failure:
        code = failure.code
    assert code in ("", "INVALID_VALUE", "INTERNAL_ERROR")
