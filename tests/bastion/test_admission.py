"""Token buckets by node, network and key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetrun.bastion.admission import Admission, Bucket, Buckets, Limits, source_of


@given(st.floats(0.1, 100), st.floats(1, 50), st.lists(st.floats(0, 10), max_size=60))
def test_bucket_never_gives_more_than_rate_and_burst(
    per_s: float, burst: float, pauses: list[float]
) -> None:
    """Over any time t at most burst + rate x t tokens go out."""
    bucket, now, taken = Bucket(per_s, burst, burst, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now)
        assert taken <= burst + per_s * now + 1e-6


def test_memory_for_keys_is_bounded() -> None:
    """The bucket that was unused for longest goes first."""
    buckets = Buckets(0.1, 1, limit=2)
    assert [True, True, True, False, True] == [
        buckets.take(name, 0.0) for name in ("a", "b", "c", "c", "a")
    ]


@pytest.mark.parametrize(("address", "source"), [
    ("192.0.2.1", "192.0.2.1"),
    ("2001:db8:1:2aa::9", "2001:db8:1:200::/56"),
    ("::ffff:192.0.2.1", "192.0.2.1"),
    ("fe80::1%eth0", "fe80::/56"),
    ("somewhere", "somewhere"),
])
def test_source_is_what_one_customer_has(address: str, source: str) -> None:
    """An IPv6 site has a /56, so an address of it is worth nothing."""
    assert source == source_of(address)


def test_each_limit_has_its_own_reason() -> None:
    """What is refused says which limit it met; a settled connection makes room."""
    gate = Admission(Limits(pending_per_source=1, pending=2, source_burst=2, source_per_s=0.001,
                            accept_burst=3, accepts_per_s=0.001), 0.0)
    said = [gate.accept("a", 0.0), gate.accept("a", 0.0), gate.accept("b", 0.0),
            gate.accept("c", 0.0)]
    gate.settled("a")
    gate.settled("b")
    said += [gate.accept("a", 0.0)]
    gate.settled("a")
    said += [gate.accept("a", 0.0), gate.accept("d", 0.0)]
    assert ["", "source-pending", "", "pending", "", "source-rate", "node-rate"] == said
    assert gate.pending == 0


def test_bad_key_uses_up_its_own_tries_only() -> None:
    """Behind one address, another key is not affected."""
    gate = Admission(Limits(key_burst=2), 0.0)
    assert [True, True, False, True] == [
        gate.login(key, 0.0) for key in ("bad", "bad", "bad", "good")
    ]
