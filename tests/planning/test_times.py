"""Spans of time as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetrun.planning.times import duration_text, parse_duration


@pytest.mark.parametrize(("text", "seconds"), [
    ("90s", 90), ("30m", 1800), ("24h", 86400), ("14d", 1209600), ("1h30m", 5400), ("1d 2h", 93600),
    ("", None), ("3", None), ("3w", None), ("-3h", None), ("30m1h", None), ("1.5h", None),
])
def test_spans(text: str, seconds: float | None) -> None:
    """Units from the largest to the smallest; anything else is none."""
    assert parse_duration(text) == seconds


@given(st.integers(1, 10**8))
def test_what_is_shown_can_be_read_again(seconds: int) -> None:
    """To the second."""
    assert parse_duration(duration_text(seconds)) == seconds
