"""The kill switches for crash tests."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from fleetrun.errors import UsageError
from fleetrun.failpoints import killer, parse, passing


def test_costs_nothing_when_unused() -> None:
    """Without the variable a point is an empty function."""
    passing("anything")
    assert killer({}) is killer({})


def test_reads_points_and_passings() -> None:
    """`=kill` alone means the first passing."""
    assert parse("a=kill@3, b.c=kill,") == {"a": 3, "b.c": 1}


@pytest.mark.parametrize("text", ["a", "a=", "=kill", "a=dance", "a=kill@", "a=kill@0", "a=kill@x"])
def test_refuses_a_typo(text: str) -> None:
    """A failpoint that would never fire must not pass for one that did."""
    with pytest.raises(UsageError):
        parse(text)


def test_kills_at_the_passing_that_was_named() -> None:
    """The process dies of SIGKILL at exactly that passing."""
    code = (
        "from fleetrun import failpoints\n"
        "for number in range(9): failpoints.passing('x'); print(number, flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"FLEETRUN_FAILPOINTS": "y=kill,x=kill@3"},
        capture_output=True, check=False, timeout=300,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"0\n1\n")
