"""The rollout's state machine, rule by rule."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fleetrun.model.result import Outcome
from fleetrun.model.rollout import AbortRule, FailureClass, Gate, RolloutPlan, StagePlan
from fleetrun.planning.rollout import Rollout
from fleetrun.planning.rollout_words import (
    CloseStage,
    DeviceSettled,
    Finish,
    Halt,
    Instruction,
    SettleDevice,
    StartDevice,
    StartStage,
    StopRequested,
)

OK, CHANGED, SKIPPED, FAILED = Outcome.OK, Outcome.CHANGED, Outcome.SKIPPED, Outcome.FAILED
UNREACHABLE, UNKNOWN, CANCELLED = Outcome.UNREACHABLE, Outcome.UNKNOWN, Outcome.CANCELLED
PENDING = Outcome.PENDING


def stage(name: str, *waves: str, gate: Gate | None = None, shared: bool = False,
          survivor: bool = False) -> StagePlan:
    return StagePlan(
        name=name, waves=tuple(tuple(wave.split()) for wave in waves), gate=gate or Gate(),
        shares_gate=shared, needs_survivor=survivor,
    )


def plan(*stages: StagePlan, concurrency: int = 100, fatal: bool = False,
         max_fail_pct: float | None = None) -> RolloutPlan:
    return RolloutPlan(
        stages=stages, concurrency=concurrency, any_errors_fatal=fatal, max_fail_pct=max_fail_pct
    )


def gated(needs: Mapping[str, float | None] | None = None) -> RolloutPlan:
    """g1, g2, g3 in gateways, h1 in hubs; s1 and s2 wait for both groups."""
    needs = needs or {"gateways": None, "hubs": None}
    sensors = ("s1", "s2")
    return RolloutPlan(
        stages=(stage("all", "g1 g2 g3 h1", "s1 s2"),), concurrency=9,
        upstream=dict.fromkeys(sensors, tuple(needs)),
        need_pct=dict.fromkeys(sensors, tuple(needs.values())),
        member_of={**dict.fromkeys(("g1", "g2", "g3"), ("gateways",)), "h1": ("hubs",)},
    )


def settle(rollout: Rollout, **outcomes: Outcome) -> list[Instruction]:
    """Settles devices in the order given; returns all instructions."""
    return [
        instruction
        for device, outcome in outcomes.items()
        for instruction in rollout.handle(DeviceSettled(device=device, outcome=outcome))
    ]


def started(plan: RolloutPlan) -> Rollout:
    rollout = Rollout(plan)
    rollout.start()
    return rollout


def starts(instructions: list[Instruction]) -> str:
    return " ".join(i.device for i in instructions if isinstance(i, StartDevice))


def halt_of(instructions: list[Instruction]) -> str:
    """The reason of the only halt, or ""."""
    reasons = [i.reason for i in instructions if isinstance(i, Halt)]
    assert len(reasons) <= 1
    return reasons[0] if reasons else ""


def closed(instructions: list[Instruction]) -> list[tuple[str, bool, str]]:
    return [(i.name, i.passed, i.reason) for i in instructions if isinstance(i, CloseStage)]


def test_one_stage_starts_all_and_finishes() -> None:
    """The plain case, instruction by instruction."""
    rollout = Rollout(plan(stage("all", "a b")))
    assert [
        StartStage(index=0, name="all", count=2), StartDevice(device="a"), StartDevice(device="b"),
    ] == rollout.start()
    assert settle(rollout, b=CHANGED) == []
    assert [
        CloseStage(index=0, name="all", passed=True, reason="2 of 2 attempted devices succeeded",
                   counts={"ok": 1, "changed": 1}),
        Finish(),
    ] == settle(rollout, a=OK)
    assert rollout.is_finished
    assert rollout.outcomes == {"a": OK, "b": CHANGED}
    assert rollout.counts == {"ok": 1, "changed": 1}


def test_snapshot_follows_the_run() -> None:
    """Stage, wave and devices in flight can be shown at any time."""
    rollout = Rollout(plan(stage("one", "a", "b"), stage("two", "c")))
    assert (
        rollout.current_stage, rollout.current_wave, list(rollout.in_flight)) == (None, None, [])
    rollout.start()
    assert (rollout.current_stage, rollout.current_wave, list(rollout.in_flight)) == (0, 0, ["a"])
    settle(rollout, a=OK)
    assert (rollout.current_stage, rollout.current_wave, list(rollout.in_flight)) == (0, 1, ["b"])
    settle(rollout, b=OK)
    assert (rollout.current_stage, rollout.current_wave, list(rollout.in_flight)) == (1, 0, ["c"])
    settle(rollout, c=OK)
    assert (
        rollout.current_stage, rollout.current_wave, list(rollout.in_flight)) == (None, None, [])
    assert rollout.halt is None


def test_concurrency_is_kept_and_used() -> None:
    """A free place is taken at once, never more."""
    rollout = Rollout(plan(stage("all", "a b c d"), concurrency=2))
    assert starts(rollout.start()) == "a b"
    assert starts(settle(rollout, b=OK)) == "c"
    assert starts(settle(rollout, a=FAILED)) == "d"
    assert list(rollout.in_flight) == ["c", "d"]


def test_next_wave_waits_for_the_whole_wave() -> None:
    """One slow gateway holds the sensors back."""
    rollout = started(plan(stage("all", "g1 g2", "s1")))
    assert starts(settle(rollout, g1=OK)) == ""
    assert starts(settle(rollout, g2=FAILED)) == "s1"


def test_next_stage_starts_after_the_gate() -> None:
    """The close comes first, so that it is durable before anything follows."""
    rollout = started(plan(stage("canary", "a", gate=Gate(success_pct=100)), stage("rest", "b")))
    assert [
        CloseStage(index=0, name="canary", passed=True,
                   reason="1 of 1 attempted devices succeeded", counts={"ok": 1}),
        StartStage(index=1, name="rest", count=1),
        StartDevice(device="b"),
    ] == settle(rollout, a=OK)


def test_closed_gate_cancels_everything_after_it() -> None:
    """Healthy devices stay untouched, and the reason has the figures."""
    canary = stage("canary", "a b c d e", gate=Gate(success_pct=100))
    rollout = started(plan(canary, stage("rest", "f g")))
    settle(rollout, a=OK, b=FAILED, c=CHANGED, d=FAILED)
    why = "2 of 5 attempted devices failed (40 %), limit is 0 %"
    cancel = f"not started: canary: {why}"
    assert [
        CloseStage(index=0, name="canary", passed=False, reason=why,
                   counts={"ok": 2, "changed": 1, "failed": 2}),
        Halt(reason=f"canary: {why}", cause="gate"),
        SettleDevice(device="f", outcome=CANCELLED, reason=cancel),
        SettleDevice(device="g", outcome=CANCELLED, reason=cancel),
        Finish(),
    ] == settle(rollout, e=OK)
    assert rollout.counts == {"ok": 2, "changed": 1, "failed": 2, "cancelled": 2}


@pytest.mark.parametrize(("failures", "halts"), [(0, False), (1, False), (2, True)])
def test_success_share_is_exact_at_its_boundary(failures: int, halts: bool) -> None:
    """95 % of 20 are 19: one failure passes, two do not."""
    names = [f"d{number}" for number in range(20)]
    first = stage("canary", " ".join(names), gate=Gate(success_pct=95))
    rollout = started(plan(first, stage("rest", "z")))
    out = settle(rollout, **{
        name: FAILED if number < failures else OK for number, name in enumerate(names)
    })
    reason = "canary: 2 of 20 attempted devices failed (10 %), limit is 5 %"
    assert (reason if halts else "") == halt_of(out)
    assert ("" if halts else "z") == starts(out)


@pytest.mark.parametrize(
    ("failed", "ok", "halts"),
    [(1, 18, False), (2, 17, False), (1, 19, False), (2, 18, True), (2, 38, False), (3, 37, True)],
)
def test_abort_share_is_strict_and_waits_for_its_sample(
    failed: int, ok: int, halts: bool
) -> None:
    """Over 5 % from 20 attempted: 2 of 19 wait, 1 of 20 and 2 of 40 are just 5 %."""
    names = [f"d{number}" for number in range(failed + ok)]
    gate = Gate(abort_on=(AbortRule(over_pct=5, min_sample=20),))
    rollout = started(plan(stage("all", " ".join([*names, "z"]), gate=gate)))
    # Failures last, so that the share grows towards the boundary.
    out = settle(rollout, **{name: OK if n < ok else FAILED for n, name in enumerate(names)})
    assert halts == bool(halt_of(out))


def test_success_can_complete_the_sample_that_halts() -> None:
    """The share is judged when the sample is reached, even by a good device."""
    gate = Gate(abort_on=(AbortRule(over_pct=40, min_sample=2),))
    rollout = started(plan(stage("all", "a b c", gate=gate)))
    assert halt_of(settle(rollout, a=FAILED)) == ""
    reason = "1 of 2 attempted devices failed (50 %), limit is 40 %"
    assert reason == halt_of(settle(rollout, b=OK))


@pytest.mark.parametrize(("failures", "halts"), [(1, False), (2, True)])
def test_abort_count_halts_when_reached(failures: int, halts: bool) -> None:
    """A count is the number that halts, not the number that is allowed."""
    rollout = started(plan(stage("all", "a b c", gate=Gate(abort_on=(AbortRule(count=2),)))))
    out = settle(rollout, **dict.fromkeys(["a", "b"][:failures], FAILED))
    reason = "2 of 2 attempted devices failed, the rollout halts at 2"
    assert (reason if halts else "") == halt_of(out)


@pytest.mark.parametrize(
    ("failure_class", "outcome", "reason"),
    [
        (FailureClass.FAILED, FAILED, "1 of 2 attempted devices failed (50 %), limit is 10 %"),
        (FailureClass.UNKNOWN, UNKNOWN,
         "1 of 2 attempted devices ended unknown (50 %), limit is 10 %"),
        (FailureClass.ANY, UNKNOWN,
         "1 of 2 attempted devices failed or ended unknown (50 %), limit is 10 %"),
        (FailureClass.ANY, FAILED,
         "1 of 2 attempted devices failed or ended unknown (50 %), limit is 10 %"),
        (FailureClass.UNREACHABLE, UNREACHABLE,
         "1 of 2 contacted devices were unreachable (50 %), limit is 10 %"),
        (FailureClass.FAILED, UNKNOWN, ""),
        (FailureClass.FAILED, UNREACHABLE, ""),
        (FailureClass.ANY, UNREACHABLE, ""),
        (FailureClass.UNKNOWN, FAILED, ""),
        (FailureClass.UNREACHABLE, PENDING, ""),
    ],
)
def test_abort_rule_counts_its_own_class(
    failure_class: FailureClass, outcome: Outcome, reason: str
) -> None:
    """Unreachable is no failure, and unknown only where it was asked for."""
    rule = AbortRule(failure_class=failure_class, over_pct=10)
    rollout = started(plan(stage("all", "a b c", gate=Gate(abort_on=(rule,)))))
    assert reason == halt_of(settle(rollout, a=OK, b=outcome))


def test_rules_of_the_play_also_count_over_its_stages() -> None:
    """Small stages cannot hide what they have in common."""
    gate = Gate(abort_on=(AbortRule(count=2),))
    stages = [stage(f"batch {n}", name, gate=gate, shared=True) for n, name in enumerate("abc")]
    rollout = started(plan(*stages))
    why = "2 of 2 attempted devices failed, the rollout halts at 2, counted over all stages so far"
    out = settle(rollout, a=FAILED, b=FAILED)
    assert f"batch 1: {why}" == halt_of(out)
    assert rollout.outcomes["c"] == CANCELLED


def test_good_device_of_a_later_stage_can_complete_the_sample() -> None:
    """A share over all stages is judged when its sample is reached."""
    gate = Gate(abort_on=(AbortRule(over_pct=40, min_sample=2),))
    stages = [stage(f"batch {n}", name, gate=gate, shared=True) for n, name in enumerate("abc")]
    rollout = started(plan(*stages))
    why = "1 of 2 attempted devices failed (50 %), limit is 40 %, counted over all stages so far"
    assert f"batch 1: {why}" == halt_of(settle(rollout, a=FAILED, b=OK))


def test_rules_of_a_stage_count_that_stage_alone() -> None:
    """A stage with its own gate neither inherits counts nor hands them on."""
    gate = Gate(abort_on=(AbortRule(count=2),))
    rollout = started(plan(
        stage("one", "a", gate=gate), stage("two", "b", gate=gate),
        stage("three", "c", gate=gate, shared=True)))
    assert halt_of(settle(rollout, a=FAILED, b=FAILED, c=FAILED)) == ""
    assert rollout.counts == {"failed": 3}


@pytest.mark.parametrize(("offline", "halts"), [(2, False), (3, False), (4, True)])
@pytest.mark.parametrize("outcome", [UNREACHABLE, PENDING])
def test_unreachable_budget_is_exact_at_its_boundary(
    offline: int, halts: bool, outcome: Outcome
) -> None:
    """30 % of ten may be away; they are no failures."""
    names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]
    gate = Gate(success_pct=100, unreachable_budget_pct=30)
    rollout = started(plan(stage("canary", " ".join(names), gate=gate), stage("rest", "z")))
    out = settle(rollout, **{n: outcome if k < offline else OK for k, n in enumerate(names)})
    reason = "canary: 4 of 10 devices were unreachable (40 %), the budget is 30 %"
    assert (reason if halts else "") == halt_of(out)


def test_passing_reason_names_who_was_not_attempted() -> None:
    """People see the share that was really tested."""
    first = stage("canary", "a b c d", gate=Gate(success_pct=50))
    rollout = started(plan(first, stage("rest", "z")))
    out = settle(rollout, a=OK, b=UNREACHABLE, c=SKIPPED, d=FAILED)
    reason = "1 of 2 attempted devices succeeded, 1 unreachable, 1 skipped"
    assert [("canary", True, reason)] == closed(out)


def test_canary_that_nobody_answered_closes_the_gate() -> None:
    """Nothing attempted proves nothing."""
    first = stage("canary", "a b", gate=Gate(success_pct=100))
    rollout = started(plan(first, stage("rest", "z")))
    reason = "canary: none of 2 devices was attempted (2 unreachable)"
    assert reason == halt_of(settle(rollout, a=UNREACHABLE, b=UNREACHABLE))


@pytest.mark.parametrize("gate", [Gate(), Gate(success_pct=0)])
def test_stage_without_gate_passes_even_when_nobody_answered(gate: Gate) -> None:
    """Who asks for nothing gets no halt."""
    rollout = started(plan(stage("one", "a", gate=gate), stage("two", "b")))
    reason = "none of 1 devices was attempted (1 unreachable)"
    assert [("one", True, reason)] == closed(settle(rollout, a=UNREACHABLE))


def test_devices_that_are_current_already_pass_the_gate() -> None:
    """Skipped by their own tasks is evidence, too."""
    first = stage("canary", "a b", gate=Gate(success_pct=100))
    rollout = started(plan(first, stage("rest", "z")))
    assert starts(settle(rollout, a=SKIPPED, b=UNREACHABLE)) == "z"


def test_failed_last_stage_halts_too() -> None:
    """A gate that was asked for at the end keeps later plays from starting."""
    rollout = started(plan(stage("all", "a", gate=Gate(success_pct=100))))
    reason = "1 of 1 attempted devices failed (100 %), limit is 0 %"
    assert [("all", False, reason)] == closed(settle(rollout, a=FAILED))
    assert Halt(reason=reason, cause="gate") == rollout.halt


def test_unknown_is_no_success() -> None:
    """A gate never guesses in favour of a device."""
    rollout = started(plan(stage("all", "a b", gate=Gate(success_pct=60))))
    out = settle(rollout, a=OK, b=UNKNOWN)
    reason = "1 of 2 attempted devices failed or ended unknown (50 %), limit is 40 %"
    assert reason == halt_of(out)


def test_tiny_excess_is_not_rounded_away() -> None:
    """The sentence must never say "7.5 %, limit is 7.5 %"."""
    names = [f"d{number}" for number in range(399)]
    gate = Gate(success_pct=92.5)
    rollout = started(plan(stage("all", " ".join(names), gate=gate)))
    out = settle(rollout, **{name: FAILED if n < 30 else OK for n, name in enumerate(names)})
    assert halt_of(out) == "30 of 399 attempted devices failed (7.5188 %), limit is 7.5 %"


def test_halt_drains_what_runs() -> None:
    """Running devices keep their own outcome; the rest never starts."""
    gate = Gate(abort_on=(AbortRule(count=1),))
    rollout = started(plan(stage("one", "a b c", "d", gate=gate), stage("two", "e"), concurrency=2))
    why = "1 of 1 attempted devices failed, the rollout halts at 1"
    out = settle(rollout, a=FAILED)
    assert [Halt(reason=f"one: {why}", cause="gate")] + [
        SettleDevice(device=name, outcome=CANCELLED, reason=f"not started: one: {why}")
        for name in "cde"
    ] == out
    assert list(rollout.in_flight) == ["b"]
    assert [
        CloseStage(index=0, name="one", passed=False, reason=why,
                   counts={"ok": 1, "failed": 1, "cancelled": 2}),
        Finish(),
    ] == settle(rollout, b=OK)


def test_halted_rollout_judges_no_more() -> None:
    """The first reason stays; failures while draining are only counted."""
    gate = Gate(abort_on=(AbortRule(count=1),))
    rollout = started(plan(stage("all", "a b", gate=gate)))
    settle(rollout, a=FAILED)
    first = rollout.halt
    assert halt_of(settle(rollout, b=FAILED)) == ""
    assert first == rollout.halt
    assert rollout.counts == {"failed": 2}


def test_operator_stops_the_rollout() -> None:
    """Ctrl-C starts nothing more; asking twice changes nothing."""
    rollout = started(plan(stage("one", "a b"), stage("two", "c"), concurrency=1))
    stop = StopRequested(reason="stopped by Ctrl-C")
    cancel = "not started: stopped by Ctrl-C"
    assert [
        Halt(reason="stopped by Ctrl-C", cause="operator"),
        SettleDevice(device="b", outcome=CANCELLED, reason=cancel),
        SettleDevice(device="c", outcome=CANCELLED, reason=cancel),
    ] == rollout.handle(stop)
    assert rollout.handle(StopRequested(reason="again", cause="error")) == []
    assert closed(settle(rollout, a=OK)) == [("one", False, "stopped by Ctrl-C")]
    assert rollout.handle(stop) == []
    assert rollout.counts == {"ok": 1, "cancelled": 2}


@pytest.mark.parametrize(
    ("outcome", "words"),
    [(FAILED, "a failed"), (UNREACHABLE, "a was unreachable"), (UNKNOWN, "a ended unknown")],
)
def test_any_errors_fatal_halts_at_the_first_failure(outcome: Outcome, words: str) -> None:
    """As in Ansible, an unreachable device is an error, too."""
    rollout = started(plan(stage("all", "a b"), fatal=True, concurrency=1))
    reason = f"{words}, and any_errors_fatal ends the play at the first failure"
    assert reason == halt_of(settle(rollout, a=outcome))
    assert rollout.outcomes["b"] == CANCELLED


def test_any_errors_fatal_lets_good_devices_pass() -> None:
    """Ok, changed, skipped and pending are no errors."""
    rollout = started(plan(stage("all", "a b c d"), fatal=True))
    assert halt_of(settle(rollout, a=OK, b=CHANGED, c=SKIPPED, d=PENDING)) == ""


@pytest.mark.parametrize(
    ("outcomes", "halts"),
    [([FAILED, UNREACHABLE], False), ([FAILED, UNREACHABLE, FAILED], True),
     ([UNKNOWN, UNREACHABLE, UNREACHABLE], True), ([FAILED, PENDING, SKIPPED], False)],
)
def test_max_fail_percentage_counts_unreachable_and_is_strict(
    outcomes: list[Outcome], halts: bool
) -> None:
    """20 % of a batch of ten are two; the third ends the play, reached or not."""
    names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]
    rollout = started(plan(stage("batch 1", " ".join(names)), stage("batch 2", "z"),
                           max_fail_pct=20))
    out = settle(rollout, **dict(zip(names, outcomes, strict=False)))
    reason = ("batch 1: 3 of 10 devices failed or were unreachable (30 %), "
              "max_fail_percentage is 20 %")
    assert (reason if halts else "") == halt_of(out)


def test_max_fail_percentage_is_judged_in_each_batch() -> None:
    """One of two in each batch is 50 % of each, so 60 % is never passed."""
    batches = [stage("batch 1", "a b"), stage("batch 2", "c d")]
    rollout = started(plan(*batches, max_fail_pct=60))
    assert halt_of(settle(rollout, a=FAILED, b=OK, c=FAILED, d=OK)) == ""


@pytest.mark.parametrize(
    ("outcomes", "halts"),
    [((FAILED, UNREACHABLE), True), ((FAILED, OK), False), ((FAILED, SKIPPED), True),
     ((SKIPPED, SKIPPED), False), ((FAILED, PENDING), False)],
)
def test_batch_that_fails_wholly_stops_the_next(
    outcomes: tuple[Outcome, Outcome], halts: bool
) -> None:
    """Ansible's rule: a batch without survivors ends the play."""
    rollout = started(plan(stage("batch 1", "a b", survivor=True), stage("batch 2", "c")))
    out = settle(rollout, a=outcomes[0], b=outcomes[1])
    assert halts == bool(halt_of(out))
    assert ("" if halts else "c") == starts(out)


def test_batch_reason_counts_the_lost() -> None:
    """The figures are the batch's."""
    rollout = started(plan(stage("batch 1", "a b", survivor=True), stage("batch 2", "c")))
    reason = "batch 1: all 2 devices of the batch failed or were unreachable"
    assert reason == halt_of(settle(rollout, a=FAILED, b=UNREACHABLE))


def test_failures_never_stop_a_play_without_gates() -> None:
    """A plain playbook goes on with the other devices, as Ansible does."""
    rollout = started(plan(stage("all", "a b c"), concurrency=1))
    assert starts(settle(rollout, a=FAILED, b=UNREACHABLE, c=FAILED)) == "b c"
    assert rollout.halt is None


@pytest.mark.parametrize("stages", [[], [stage("all", "")], [stage("all")]])
def test_nothing_to_do_finishes_at_once(stages: list[StagePlan]) -> None:
    """No stage, no wave or no device: the rollout ends by itself."""
    rollout = Rollout(plan(*stages))
    out = rollout.start()
    assert Finish() == out[-1]
    assert [("all", True, "no devices")] * len(stages) == closed(out)
    assert rollout.is_finished
    assert rollout.outcomes == {}


def test_empty_stage_and_empty_wave_are_passed_at_once() -> None:
    """An empty canary does not hold the fleet, even with a gate."""
    rollout = Rollout(plan(stage("lab", "", gate=Gate(success_pct=100)), stage("all", "", "a")))
    assert starts(rollout.start()) == "a"


@pytest.mark.parametrize(
    ("outcomes", "reason"),
    [
        ((FAILED, FAILED, UNREACHABLE, OK),
         "upstream gateways failed: none of 3 devices succeeded"),
        ((OK, OK, OK, PENDING), "upstream hubs failed: none of 1 devices succeeded"),
        ((FAILED, FAILED, CHANGED, OK), ""),
        ((SKIPPED, FAILED, FAILED, SKIPPED), ""),
    ],
)
def test_dependents_are_skipped_when_no_upstream_device_succeeded(
    outcomes: tuple[Outcome, ...], reason: str
) -> None:
    """Every upstream group needs one success; being current counts as one."""
    rollout = started(gated())
    out = settle(rollout, **dict(zip(("g1", "g2", "g3", "h1"), outcomes, strict=True)))
    skips = [SettleDevice(device=name, outcome=SKIPPED, reason=reason) for name in ("s1", "s2")]
    assert (skips if reason else []) == [i for i in out if isinstance(i, SettleDevice)]
    assert ("" if reason else "s1 s2") == starts(out)


@pytest.mark.parametrize(
    ("need", "failures", "is_skipped"),
    [(66, 1, False), (67, 1, True), (100, 0, False), (100, 1, True), (0, 3, False), (1, 3, True)],
)
def test_need_is_a_share_of_the_attempted_upstream_devices(
    need: float, failures: int, is_skipped: bool
) -> None:
    """Two of three gateways are 66.7 %."""
    rollout = started(gated({"gateways": need}))
    settle(rollout, h1=OK, **{
        f"g{n}": FAILED if n <= failures else OK for n in (1, 2, 3)
    })
    assert is_skipped == (rollout.outcomes.get("s1") is SKIPPED)


def test_need_leaves_unreachable_devices_out() -> None:
    """Shares are of attempted, never of targeted."""
    rollout = started(gated({"gateways": 100}))
    settle(rollout, g1=OK, g2=UNREACHABLE, g3=UNREACHABLE, h1=OK)
    assert list(rollout.in_flight) == ["s1", "s2"]


def test_need_reason_has_the_figures() -> None:
    """The sentence says how much was missing."""
    rollout = started(gated({"gateways": 90}))
    out = settle(rollout, g1=OK, g2=FAILED, g3=UNREACHABLE, h1=OK)
    reason = ("upstream gateways failed: 1 of 2 attempted devices succeeded (50 %), "
              "90 % are needed")
    assert reason in {i.reason for i in out if isinstance(i, SettleDevice)}


def test_skipping_goes_down_the_whole_chain() -> None:
    """Who waits for a skipped group is skipped, too."""
    chain = RolloutPlan(
        stages=(stage("all", "a", "b", "c"),), concurrency=1,
        upstream={"b": ("A",), "c": ("B",)}, member_of={"a": ("A",), "b": ("B",)},
    )
    rollout = started(chain)
    settle(rollout, a=FAILED)
    assert rollout.outcomes == {"a": FAILED, "b": SKIPPED, "c": SKIPPED}
    assert rollout.is_finished


def test_canary_whose_dependents_were_skipped_closes_its_gate() -> None:
    """Skipped because upstream is gone is no evidence of health."""
    chain = RolloutPlan(
        stages=(stage("canary", "a", "b", gate=Gate(success_pct=100)), stage("rest", "c")),
        concurrency=1, upstream={"b": ("A",)}, member_of={"a": ("A",)},
    )
    rollout = started(chain)
    reason = "canary: none of 2 devices was attempted (1 unreachable, 1 skipped)"
    assert reason == halt_of(settle(rollout, a=UNREACHABLE))


def test_upstream_of_a_later_stage_holds_nobody_up() -> None:
    """A canary of sensors alone is judged without its gateways."""
    later = RolloutPlan(
        stages=(stage("canary", "", "s"), stage("rest", "g", "t")), concurrency=1,
        upstream={"s": ("G",), "t": ("G",)}, member_of={"g": ("G",)},
    )
    assert starts(Rollout(later).start()) == "s"


def test_upstream_of_an_earlier_stage_counts() -> None:
    """Upstream groups are judged by all that is settled in the run."""
    early = RolloutPlan(
        stages=(stage("one", "g"), stage("two", "h", "s")), concurrency=1,
        upstream={"s": ("G",)}, member_of={"g": ("G",), "h": ("G",)},
    )
    rollout = started(early)
    assert starts(settle(rollout, g=OK, h=FAILED)) == "h s"


def test_upstream_that_recovers_in_a_later_stage_counts_then() -> None:
    """What was decided for one stage is not kept for the next."""
    two = RolloutPlan(
        stages=(stage("one", "g", "s"), stage("two", "h", "t")), concurrency=1,
        upstream={"s": ("G",), "t": ("G",)}, member_of={"g": ("G",), "h": ("G",)},
    )
    rollout = started(two)
    settle(rollout, g=FAILED)
    assert rollout.outcomes["s"] == SKIPPED
    assert starts(settle(rollout, h=OK)) == "t"


def test_unknown_outcome_is_revised_by_the_truth() -> None:
    """A receipt that is read late replaces the guess that was never made."""
    rollout = started(plan(stage("all", "a b", gate=Gate(success_pct=100))))
    settle(rollout, a=UNKNOWN, b=UNKNOWN)
    assert rollout.counts == {"unknown": 2}
    assert settle(rollout, a=OK, b=CHANGED) == []
    assert rollout.counts == {"ok": 1, "changed": 1}


def test_revision_counts_for_the_open_stage() -> None:
    """The gate at the end sees the truth."""
    rollout = started(plan(stage("all", "a b", gate=Gate(success_pct=100))))
    settle(rollout, a=UNKNOWN)
    settle(rollout, a=OK)
    assert closed(settle(rollout, b=OK)) == [("all", True, "2 of 2 attempted devices succeeded")]


def test_device_of_a_former_engine_settles_without_start() -> None:
    """A resume with less concurrency learns of devices it has not started."""
    two = plan(stage("one", "a b"), stage("two", "c d", gate=Gate(success_pct=100)), concurrency=1)
    rollout = started(two)
    assert settle(rollout, b=OK, d=FAILED) == []
    out = settle(rollout, a=OK)
    assert starts(out) == "c"
    reason = "1 of 2 attempted devices failed (50 %), limit is 0 %"
    assert [("two", False, reason)] == closed(settle(rollout, c=OK))


def test_dependent_that_ran_before_is_not_skipped_again() -> None:
    """It has its outcome, whatever became of its upstream group since."""
    rollout = started(gated())
    settle(rollout, s1=OK)
    out = settle(rollout, g1=FAILED, g2=FAILED, g3=FAILED, h1=OK)
    assert [i.device for i in out if isinstance(i, SettleDevice)] == ["s2"]
    assert rollout.outcomes["s1"] == OK


def test_truth_replaces_what_the_rollout_decided() -> None:
    """Cancelled or skipped here, yet it ran under the engine before."""
    rollout = started(gated())
    settle(rollout, g1=FAILED, g2=FAILED, g3=FAILED, h1=OK)
    assert rollout.outcomes["s1"] == SKIPPED
    settle(rollout, s1=OK)
    assert rollout.counts == {"ok": 2, "failed": 3, "skipped": 1}
    rollout = started(plan(stage("one", "a"), stage("two", "b")))
    rollout.handle(StopRequested(reason="stop"))
    settle(rollout, b=OK, a=OK)
    assert rollout.counts == {"ok": 2}


@pytest.mark.parametrize(("device", "match"), [("a", "settled twice"), ("z", "not in the plan")])
def test_impossible_reports_are_bugs(device: str, match: str) -> None:
    """A caller that tells nonsense is told so at once."""
    rollout = started(plan(stage("all", "a b")))
    settle(rollout, a=OK)
    with pytest.raises(ValueError, match=match):
        settle(rollout, **{device: FAILED})


def test_wrong_use_is_refused() -> None:
    """Start comes once and first, and something must be able to start."""
    with pytest.raises(ValueError, match="at least 1"):
        Rollout(plan(stage("all", "a"), concurrency=0))
    rollout = Rollout(plan(stage("all", "a")))
    with pytest.raises(ValueError, match="not started"):
        settle(rollout, a=OK)
    rollout.start()
    with pytest.raises(ValueError, match="started already"):
        rollout.start()
    settle(rollout, a=OK)
    with pytest.raises(ValueError, match="started already"):
        rollout.start()


def two_sites() -> RolloutPlan:
    """Gateways a and b, each with a sensor of its own site."""
    return RolloutPlan(
        stages=(stage("all", "ga", "gb", "sa", "sb"),), concurrency=9,
        waits_for=((), (), (0,), (1,)),
        upstream={"sa": ("a",), "sb": ("b",)}, member_of={"ga": ("a",), "gb": ("b",)},
    )


def test_a_wave_opens_when_those_that_it_waits_for_are_done() -> None:
    """The sensors of site a need not wait for the gateway of site b."""
    rollout = Rollout(two_sites())
    assert [StartDevice(device="ga"), StartDevice(device="gb")] == rollout.start()[1:]
    assert [StartDevice(device="sa")] == settle(rollout, ga=OK)
    assert settle(rollout, sa=OK) == []
    assert [StartDevice(device="sb")] == settle(rollout, gb=OK)


def test_a_failed_site_skips_its_own_dependents_alone() -> None:
    """The reason names the part of the group that failed."""
    rollout = Rollout(two_sites())
    rollout.start()
    [skipped] = settle(rollout, ga=FAILED)
    assert isinstance(skipped, SettleDevice)
    assert (skipped.device, skipped.outcome) == ("sa", SKIPPED)
    assert skipped.reason == "upstream a failed: none of 1 devices succeeded"
    assert [StartDevice(device="sb")] == settle(rollout, gb=OK)
