"""Soak, external checks and approval of a stage, step by step."""

from __future__ import annotations

import pytest

from fleetrun.model.result import Outcome
from fleetrun.model.rollout import (
    CheckVerdict,
    ExternalCheck,
    Gate,
    OnInconclusive,
    RolloutHistory,
    RolloutPlan,
    StagePlan,
)
from fleetrun.planning.rollout import Rollout
from fleetrun.planning.rollout_words import (
    Approved,
    AwaitApproval,
    CheckAnswered,
    CloseStage,
    DeviceSettled,
    Halt,
    Instruction,
    Promoted,
    ReleaseStage,
    RunCheck,
    StartDevice,
    StartSoak,
    Ticked,
    WakeAt,
)

OK, FAILED, UNSURE = CheckVerdict.OK, CheckVerdict.FAILED, CheckVerdict.INCONCLUSIVE


def plan(check: ExternalCheck, soak_s: float = 0.0) -> RolloutPlan:
    gate = Gate(external=check)
    return RolloutPlan(
        stages=(
            StagePlan(name="canary", waves=(("a",),), gate=gate, soak_s=soak_s),
            StagePlan(name="rest", waves=(("b",),), gate=Gate()),
        ),
        concurrency=1,
    )


def after_canary(check: ExternalCheck, soak_s: float = 0.0) -> tuple[Rollout, list[Instruction]]:
    """The canary succeeded at 100 s."""
    rollout = Rollout(plan(check, soak_s))
    rollout.start(90)
    return rollout, rollout.handle(DeviceSettled(device="a", outcome=Outcome.OK), 100)


def say(rollout: Rollout, verdict: CheckVerdict, at: float, text: str = "") -> list[Instruction]:
    return rollout.handle(CheckAnswered(stage=0, verdict=verdict, text=text), at)


def run(check: ExternalCheck) -> RunCheck:
    return RunCheck(index=0, name="canary", check=check)


def test_a_check_must_pass_so_many_times_before_the_next_stage() -> None:
    """Each one begins a span after the last one ended."""
    check = ExternalCheck(cmd=("kpi",), count=2, every_s=10)
    rollout, told = after_canary(check)
    assert told == [run(check)]
    assert say(rollout, OK, 103) == [WakeAt(at=113)]
    assert rollout.handle(Ticked(), 113) == [run(check)]
    told = say(rollout, OK, 114)
    assert [type(one) for one in told[:1]] == [CloseStage]
    assert StartDevice(device="b") in told


def test_checks_go_on_to_the_end_of_the_soak() -> None:
    """Enough of them passed, and still one that fails later closes the gate."""
    check = ExternalCheck(cmd=("kpi",), every_s=10)
    rollout, told = after_canary(check, soak_s=60)
    assert told == [StartSoak(index=0, name="canary", until=160), run(check), WakeAt(at=160)]
    assert say(rollout, OK, 101) == [WakeAt(at=111)]
    assert run(check) in rollout.handle(Ticked(), 111)
    told = say(rollout, FAILED, 112, "errors: 3 %")
    [halt] = [one for one in told if isinstance(one, Halt)]
    assert halt.reason == "canary: the external check failed once: errors: 3 %"
    assert rollout.is_finished
    assert rollout.outcomes["b"] is Outcome.CANCELLED


def test_some_failures_may_be_tolerated() -> None:
    """One of two; the second one is one too many."""
    check = ExternalCheck(cmd=("kpi",), failure_limit=1, every_s=1)
    rollout, _ = after_canary(check)
    assert say(rollout, FAILED, 101) == [WakeAt(at=102)]
    rollout.handle(Ticked(), 102)
    told = say(rollout, FAILED, 103)
    assert any(isinstance(one, Halt) and "failed 2 times" in one.reason for one in told)


@pytest.mark.parametrize("event", [Promoted(by="ann"), Approved(by="ann")])
def test_an_inconclusive_check_waits_for_a_person(event: Promoted | Approved) -> None:
    """Who then says whether it goes on."""
    rollout, _ = after_canary(ExternalCheck(cmd=("kpi",)))
    [wait] = say(rollout, UNSURE, 101, "no data")
    assert isinstance(wait, AwaitApproval)
    assert "no data" in wait.who
    assert rollout.handle(Ticked(), 10**6) == []
    told = rollout.handle(event, 10**6)
    assert isinstance(told[0], ReleaseStage)
    assert StartDevice(device="b") in told


def test_an_inconclusive_check_may_count_as_failed() -> None:
    """When nobody is there to ask."""
    check = ExternalCheck(cmd=("kpi",), inconclusive=OnInconclusive.FAIL)
    rollout, _ = after_canary(check)
    assert any(isinstance(one, Halt) for one in say(rollout, UNSURE, 101))


def test_a_resumed_rollout_knows_what_checks_said() -> None:
    """One passed before the engine died: one more is enough."""
    check = ExternalCheck(cmd=("kpi",), count=2)
    history = RolloutHistory(
        began_at=90, settled=frozenset({"a"}), checks={0: ((OK, ""),)}
    )
    rollout = Rollout(plan(check), history)
    rollout.start(90)
    rollout.handle(DeviceSettled(device="a", outcome=Outcome.OK), 100)
    assert StartDevice(device="b") in say(rollout, OK, 200)


def test_an_answer_that_comes_too_late_changes_nothing() -> None:
    """The stage was promoted while its check ran."""
    rollout, _ = after_canary(ExternalCheck(cmd=("kpi",)))
    assert StartDevice(device="b") in rollout.handle(Promoted(by="ann"), 101)
    assert say(rollout, FAILED, 102) == []


def test_nothing_is_checked_where_nothing_succeeded() -> None:
    """A stage without devices, or with none that took part, has nothing to show."""
    rollout = Rollout(plan(ExternalCheck(cmd=("kpi",))))
    rollout.start(90)
    told = rollout.handle(DeviceSettled(device="a", outcome=Outcome.SKIPPED), 100)
    assert not any(isinstance(one, RunCheck) for one in told)
