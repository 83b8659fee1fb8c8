"""Device text on a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetrun.reporters.escape import clip, escape, escape_block, escape_line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain äöü 漢字 ✓", "plain äöü 漢字 ✓"),
        ("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07"),
        ("a\nb\tc\rd\x00\x7f", "a\\nb\\tc\\rd\\x00\\x7f"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202etxt.exe\u2066\u200b\ufeff", "abc\\u202etxt.exe\\u2066\\u200b\\ufeff"),
        ("\u2028\U000e0041", "\\u2028\\U000e0041"),
        ("\udcff\ud800", "\\xff\\ud800"),
        (b"ok\xff\x1b[0m", "ok\\xff\\x1b[0m"),
    ],
)
def test_shows_what_would_act(text: str | bytes, expected: str) -> None:
    """Control, C1, bidi, invisible and undecodable characters are spelled out."""
    assert escape(text) == expected


def test_keeps_the_lines_of_a_block() -> None:
    """Newlines and tabs are layout; a carriage return is not."""
    assert escape_block("a\r\nb\tc\rd\x1b") == "a\nb\tc\\rd\\x1b"


def test_puts_a_line_on_one_line() -> None:
    """Newlines become spaces, so that a device cannot fake a second line."""
    assert escape_line(" a\r\n✗ gw-02 failed\x1b ") == "a ✗ gw-02 failed\\x1b"


def test_clips_with_an_ellipsis() -> None:
    """The result is never wider than asked."""
    assert [clip("abcdef", width) for width in (6, 5, 1)] == ["abcdef", "abcd…", "…"]


@settings(deadline=None)
@given(st.text() | st.binary())
def test_escaped_text_is_printable(text: str | bytes) -> None:
    """Nothing that a terminal acts on is left, whatever came in."""
    assert all(char.isprintable() or char in "\u00a0\u3000" for char in escape_line(text))
