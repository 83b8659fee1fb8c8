"""Values of INI files."""

from __future__ import annotations

import ast
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetrun.loading.inventory.literals import typed
from fleetrun.model.values import TemplateText


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5), ("-5", -5), ("0", 0), ("007", "007"), ("1.5", 1.5), ("1e3", 1000.0),
        ("0x10", 16), ("1_000", 1000), ("True", True), ("False", False), ("None", None),
        ("true", "true"), ("yes", "yes"), ("FALSE", "FALSE"), ("", ""), ("10.0.0.1", "10.0.0.1"),
        ("/dev/sda", "/dev/sda"), ("a b", "a b"), ("'1'", "1"), ('"x"', "x"),
        ("[1, 'a']", [1, "a"]),
        ("(1, 2)", [1, 2]), ("{'a': {'b': None}}", {"a": {"b": None}}), ("{2, 1}", [1, 2]),
        ("...", "..."), ("b'x'", "b'x'"), ("1+2j", "1+2j"), ("{1: 2}", "{1: 2}"), ("[1,", "[1,"),
        ("{[]: 1}", "{[]: 1}"), (r"'\d'", r"\d"), ("3 # three", 3),
        ("1if 1 else 2", "1if 1 else 2"),
        ("__import__('os')", "__import__('os')"), ("[" * 5000, "[" * 5000),
        ("9" * 5000, "9" * 5000), ("-" * 3000 + "1", "-" * 3000 + "1"),
    ],
)
def test_literals_have_their_type_and_the_rest_is_text(text: str, value: object) -> None:
    """Python literals of plain data count, everything else stays text."""
    found = typed(text)
    assert (type(value), value) == (type(found), found)


def test_a_quoted_template_is_a_template() -> None:
    """Quotes around braces do not make them plain."""
    assert isinstance(typed("'{{ x }}'"), TemplateText)
    assert isinstance(typed("{{ x }}"), TemplateText)
    assert not isinstance(typed("{x}"), TemplateText)


@settings(deadline=None)  # machines may be busy
@given(st.one_of(st.text(max_size=30), st.integers().map(repr), st.floats().map(repr),
                 st.lists(st.one_of(st.integers(), st.text(max_size=4))).map(repr)))
def test_the_quick_way_gives_what_the_parser_gives(text: str) -> None:
    """Skipping the parser for words and numbers changes no value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            slow = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            slow = text
    if isinstance(slow, str | bool | int | float | list | None):
        assert repr(slow) == repr(typed(text))
