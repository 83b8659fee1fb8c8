"""Waits between attempts to connect."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fleetrun.engine.backoff import Backoff

ATTEMPTS = st.integers(min_value=1, max_value=10_000)


@given(ATTEMPTS)
def test_waits_stay_between_nothing_and_their_ceiling(attempt):
    """Uniform in [0, min(cap, base * 2^(n-1))]: full jitter."""
    delay = Backoff(base_s=1.0, cap_s=30.0, seed="s").delay_s("d1", attempt)
    assert 0 <= delay <= min(30.0, 2.0 ** min(attempt - 1, 60))


def test_devices_do_not_come_in_step():
    """A thousand devices that lost one switch come back spread over the whole ceiling."""
    backoff = Backoff(base_s=8.0, cap_s=8.0, seed="s")
    delays = sorted(backoff.delay_s(f"d{number}", 1) for number in range(1000))
    assert delays[50] < 0.8
    assert delays[500] > 3.5
    assert delays[-50] > 7.2


def test_the_same_seed_gives_the_same_waits():
    """A run can be told again."""
    waits = [[Backoff(seed=seed).delay_s("d1", n) for n in (1, 2, 3)] for seed in ("a", "a", "b")]
    assert waits[0] == waits[1] != waits[2]
