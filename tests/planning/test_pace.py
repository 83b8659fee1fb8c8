"""How many devices start per minute."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetrun.model.rollout import RateSpec
from fleetrun.planning.pace import Pace


@settings(deadline=None, max_examples=30)
@given(rate=st.sampled_from([1.0, 7.0, 50.0, 700.0, 5000.0]), late=st.floats(0, 0.05))
def test_no_minute_has_more_than_the_rate(rate: float, late: float) -> None:
    """Whatever a timer is late, within any 60 seconds; and not far below it."""
    pace, now, starts = Pace(RateSpec(per_minute=rate)), 1000.0, []
    while now < 1130:
        at = pace.wait_until(now, 0)
        if at is not None:
            now = at + late
        starts.append(now)
        pace.started(now, 0)
    for number, first in enumerate(starts):
        assert bisect_left(starts, first + 60) - number <= rate
    assert len(starts) >= 2 * rate / (1 + late * rate / 60) - 1


def test_the_rate_grows_with_success_up_to_its_limit() -> None:
    """50, 100, 200 and no further than 300."""
    pace = Pace(RateSpec(per_minute=50, growth=2, grow_after=1000, max_per_minute=300))
    assert [50, 50, 100, 200, 300, 300] == [
        pace.per_minute(count) for count in (0, 999, 1000, 2000, 3000, 10**9)
    ]


def test_growth_without_a_limit_ends_somewhere() -> None:
    """No overflow after half a million successes."""
    pace = Pace(RateSpec(per_minute=1, growth=5, grow_after=1))
    assert pace.per_minute(500_000) > 1e9


@pytest.mark.parametrize(("now", "expected"), [(1000.5, 1001.01), (1001.5, None)])
def test_another_engine_keeps_the_pace(now: float, expected: float | None) -> None:
    """The last start of the former one counts."""
    at = Pace(RateSpec(per_minute=60), last_start=1000.0).wait_until(now, 0)
    assert at == (None if expected is None else pytest.approx(expected))
