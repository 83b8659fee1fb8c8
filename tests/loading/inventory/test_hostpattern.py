"""Ranges and ports of host lines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetrun.loading.inventory.hostpattern import HostPatternError, expand, split_port


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("web", ["web"]),
        ("w[1:3]", ["w1", "w2", "w3"]),
        ("w[08:11].x", ["w08.x", "w09.x", "w10.x", "w11.x"]),
        ("w[9:11]", ["w9", "w10", "w11"]),
        ("w[:2]", ["w0", "w1", "w2"]),
        ("w[1:9:4]", ["w1", "w5", "w9"]),
        ("[a:c]x", ["ax", "bx", "cx"]),
        ("[a:e:2]", ["a", "c", "e"]),
        ("r[1:2]-[a:b]", ["r1-a", "r1-b", "r2-a", "r2-b"]),
    ],
)
def test_expands_ranges(text: str, names: list[str]) -> None:
    """A range stands for all names from its begin to its end."""
    assert names == expand(text)


@pytest.mark.parametrize(
    "text",
    [
        "a[x]", "a[]", "a[1:]", "a[z:a]", "a[5:1]", "a[1:9:0]", "a[1:9:x]", "a[a:3]", "a[01:3]",
        "a[1:2", "a]", "a[[1:2]]", "a[1:2:3:4]", "a[0:99999999999]", "a[1:2000]b[1:2000]",
        "a[\u0661:\u0663]", "a[1:2:\u00b2]", "a[-1:2]", "a[" + "9" * 50 + ":" + "9" * 51 + "]",
    ],
)
def test_refuses_malformed_and_huge_ranges(text: str) -> None:
    """Such a line is an error, and found at once."""
    with pytest.raises(HostPatternError):
        expand(text)


@settings(deadline=None)  # machines may be busy
@given(st.integers(0, 500), st.integers(0, 300), st.integers(1, 50))
def test_numbers_are_those_of_range(first: int, count: int, step: int) -> None:
    """Begin and end are included, and the step counts from the begin."""
    expected = [f"d{number}" for number in range(first, first + count + 1, step)]
    assert expected == expand(f"d[{first}:{first + count}:{step}]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web", ("web", None)),
        ("web:2222", ("web", 2222)),
        ("w[1:3]:22", ("w[1:3]", 22)),
        ("w[1:3]", ("w[1:3]", None)),
        ("fe80::1", ("fe80::1", None)),
        ("::1", ("::1", None)),
        ("fe80::", ("fe80::", None)),
        ("[fe80::1]:22", ("fe80::1", 22)),
        ("[fe80::1]", ("fe80::1", None)),
        ("aa:bb:cc:dd:ee:11", ("aa:bb:cc:dd:ee:11", None)),
        ("2001:db8::[a:c]", ("2001:db8::[a:c]", None)),
    ],
)
def test_splits_the_port_off(text: str, expected: tuple[str, int | None]) -> None:
    """Only what cannot be part of an address is a port."""
    assert expected == split_port(text)


@pytest.mark.parametrize("text", ["h:", "h:0", "h:65536", "h:" + "9" * 5000])
def test_refuses_ports_that_do_not_exist(text: str) -> None:
    """Ports go from 1 to 65535."""
    with pytest.raises(HostPatternError):
        split_port(text)
