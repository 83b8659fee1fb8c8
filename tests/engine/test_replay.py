"""Decisions derived again from the journal of runs over scripted devices."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetrun.engine.replay import Replay, ReplayReport
from fleetrun.model.events import DeviceStarted, StageFinished
from fleetrun.model.result import Outcome
from fleetrun.model.rollout import AbortRule, Gate
from tests.support.programs import play, task
from tests.support.runs import FAILS, World, stages

NAMES = tuple(f"d{number}" for number in range(6))


def world(bad: frozenset[str], sizes: tuple[int, ...], forks: int, gate: Gate) -> World:
    """Six devices, of which some fail."""
    one = replace(play(task(name="a")), rollout=stages(*sizes, gate=gate))
    found = World([one], NAMES, forks=forks)
    for name in bad:
        found.devices[name].answer = lambda call: FAILS
    return found


def replayed(found: World) -> ReplayReport:
    """The report over a world's journal."""
    machine = Replay(lambda number: found.setup().plans[number].rollout)
    for event in found.events:
        machine.take(event)
    return machine.report


gates = st.sampled_from([
    Gate(), Gate(success_pct=50.0), Gate(abort_on=(AbortRule(count=2),)),
    Gate(abort_on=(AbortRule(over_pct=30.0, min_sample=2),)),
])
bads = st.frozensets(st.sampled_from(NAMES), max_size=3)
shapes = st.sampled_from([(6,), (1, 6), (2, 4, 6), (1, 2)])


@settings(max_examples=60, deadline=None)
@given(bad=bads, sizes=shapes, forks=st.integers(1, 6), gate=gates)
def test_every_run_replays(
    bad: frozenset[str], sizes: tuple[int, ...], forks: int, gate: Gate
) -> None:
    """Gates, halts, skips and starts all follow from the outcomes."""
    found = world(bad, sizes, forks, gate)
    asyncio.run(found.run())
    report = replayed(found)
    assert report.differences == []
    assert report.matched >= 3


@settings(max_examples=40, deadline=None)
@given(bad=bads, sizes=shapes, forks=st.integers(1, 6), cut=st.integers(3, 30))
def test_a_run_that_was_resumed_replays(
    bad: frozenset[str], sizes: tuple[int, ...], forks: int, cut: int
) -> None:
    """What a dead engine did not write is decided again, the same way."""
    found = world(bad, sizes, forks, Gate())
    asyncio.run(found.run())
    # The engine died after so many events.
    run = found.store.runs["run-1"]
    del run.events[cut:]
    run.durable, run.lease_until = min(run.durable, cut), 0.0
    asyncio.run(found.resume())
    assert replayed(found).differences == []


def test_a_changed_outcome_or_verdict_is_found() -> None:
    """The journal must follow from its own inputs."""
    found = world(frozenset(), (1, 6), 2, Gate())
    asyncio.run(found.run())
    events = found.store.runs["run-1"].events
    for number, event in enumerate(list(events)):
        if isinstance(event, StageFinished):
            events[number] = replace(event, passed=False)
            assert replayed(found).differences
            events[number] = event
        if hasattr(event, "outcome"):
            events[number] = replace(event, outcome=Outcome.FAILED)
            assert replayed(found).differences
            events[number] = event


def test_a_device_that_started_too_early_is_found() -> None:
    """One of the second stage before the first one's gate."""
    found = world(frozenset(), (1, 6), 2, Gate())
    asyncio.run(found.run())
    events = found.store.runs["run-1"].events
    late = next(e for e in reversed(events) if isinstance(e, DeviceStarted))
    events.remove(late)
    events.insert(next(n for n, e in enumerate(events) if isinstance(e, DeviceStarted)), late)
    [difference] = replayed(found).differences
    assert "was not next or had no place" in difference
