"""J-01: the engine dies at each of its durable writes in turn, and is resumed each time."""

from __future__ import annotations

import json

import pytest

from tests.e2e.test_kill_and_resume import DEVICES, PLAY, clear, state_of

pytestmark = pytest.mark.slow

#: More durable writes than a run of this play makes.
MOST_WRITES = 60


def runs_of(fleetrun) -> int:
    """How many runs the journal knows."""
    return len(fleetrun("runs", "list").stdout.splitlines())


def test_a_kill_at_any_durable_write_costs_nothing(fleet, fleetrun):
    """strace kills the engine inside its n-th fsync, for every n until a run survives.

    Commands ran once on every device, and the journal's outcomes are those of
    the undisturbed run.
    """
    fleetrun.play("play.yml", PLAY)
    kills = 0
    for number in range(1, MOST_WRITES):
        clear(fleet)
        before = runs_of(fleetrun)
        inject = ("-e", f"inject=fdatasync,fsync:signal=KILL:when={number}")
        strace = ("strace", "-f", "-qq", "-e", "trace=fdatasync,fsync", *inject, "-o", "/dev/null")
        done = fleetrun("run", "play.yml", "-i", fleet.inventory, under=strace)
        if done.returncode == 0:
            break
        assert done.returncode in {-9, 137}, done.stdout + done.stderr
        kills += 1
        if runs_of(fleetrun) == before:
            # It died before there was a run: nothing was touched.
            assert set(map(tuple, state_of(fleet).values())) == {("", "", "", "")}
            continue
        resumed = fleetrun("resume", "last", "--output", "json")
        assert resumed.returncode == 0, resumed.stdout + resumed.stderr
        assert state_of(fleet) == {device: ["x\n", "x\n", "x\n", "0"] for device in DEVICES}, number
        last = json.loads(resumed.stdout.splitlines()[-1])
        assert set(last["outcomes"].values()) == {"changed"}
    assert kills >= 5
    assert number < MOST_WRITES - 1
