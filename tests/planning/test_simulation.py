"""A rollout in virtual time: times, gates and reach that can be worked out by hand."""

from __future__ import annotations

import pytest

from fleetrun.model.result import Outcome
from fleetrun.model.rollout import (
    AbortRule,
    Approval,
    Gate,
    RateSpec,
    RolloutPlan,
    StagePlan,
)
from fleetrun.planning.simulation import Simulation, SimulationReport, draw


def stage(name: str, count: int, **more: object) -> StagePlan:
    devices = tuple(f"{name}-{n}" for n in range(count))
    return StagePlan(name=name, waves=(devices,), **{"gate": Gate(), **more})  # type: ignore[arg-type]  # a test's short way


def simulated(*stages: StagePlan, bad: str = "-", **plan: object) -> SimulationReport:
    """Each device takes 10 s; those with `bad` in their name fail."""
    rollout = RolloutPlan(stages=stages, **{"concurrency": 100, **plan})  # type: ignore[arg-type]  # as above
    return Simulation(
        rollout, lambda name: (Outcome.FAILED if bad in name else Outcome.CHANGED, 10.0)
    ).run()


def test_times_add_up() -> None:
    """5 devices two at a time are 30 s, a soak follows the last success."""
    report = simulated(
        stage("a", 5, soak_s=100.0), stage("b", 2), bad="none", concurrency=2
    )
    assert [(0, 130, 100), (130, 140, 0)] == [
        (one.began_s, one.ended_s, one.soak_s) for one in report.stages
    ]
    assert (report.elapsed_s, report.peak, report.touched, report.halt) == (140, 2, 7, "")


def test_a_rate_takes_its_time() -> None:
    """60 starts at 60 per minute take a minute and the last device's 10 s."""
    report = simulated(stage("a", 60), bad="none", rate=RateSpec(per_minute=60))
    assert report.elapsed_s == pytest.approx(59 * 1.01 + 10)
    assert report.peak == 10


def test_a_halt_says_what_was_touched() -> None:
    """The first failure lets a third device start; the second one halts."""
    rule = AbortRule(count=2)
    report = simulated(
        stage("a", 3), stage("bad", 4, gate=Gate(abort_on=(rule,))), stage("c", 93), bad="bad",
        concurrency=2,
    )
    assert report.halt.startswith("bad: 2 of 2 attempted devices failed")
    assert (report.touched, report.counts["cancelled"]) == (6, 94)
    assert [True, False] == [one.passed for one in report.stages]


def test_an_approval_is_given_at_once_and_told() -> None:
    """Somebody will be asked, which costs no time here."""
    ask = StagePlan(name="ask", waves=((),), gate=Gate(), approval=Approval(who="ops"))
    report = simulated(stage("a", 1), ask, stage("b", 1), bad="none")
    assert report.stages[1].asked == "ops"
    assert report.elapsed_s == 20


def test_the_seed_alone_decides() -> None:
    """The same number for the same device; others for another seed or question."""
    assert draw("1", "gw-01", "fail") == draw("1", "gw-01", "fail")
    assert len({draw(s, d, w) for s in "12" for d in "ab" for w in ("x", "y")}) == 8
    drawn = [draw("1", str(n), "fail") for n in range(2000)]
    assert 0.45 < sum(drawn) / len(drawn) < 0.55
