"""Gates: when a stage must stop or may not be followed, said in sentences.

All comparisons are exact: shares are whole numbers of devices against the
decimal text of the limit, so "5 %" of 40 is 2 and never 2.0000000000000004.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Final, assert_never

from fleetrun.model.result import Outcome
from fleetrun.model.rollout import AbortRule, FailureClass, Gate, StagePlan

_WORDS: Final[Mapping[FailureClass, str]] = {
    FailureClass.FAILED: "failed",
    FailureClass.UNREACHABLE: "were unreachable",
    FailureClass.UNKNOWN: "ended unknown",
    FailureClass.ANY: "failed or ended unknown",
}
_ZERO: Final[Mapping[Outcome, int]] = dict.fromkeys(Outcome, 0)


@dataclass(slots=True)
class Tally:
    """Counts of outcomes, of one stage or of several."""

    counts: dict[Outcome, int] = field(default_factory=lambda: {**_ZERO})
    #: Of the skipped: those whose upstream group failed, so nobody looked at them.
    blocked: int = 0

    def add(self, outcome: Outcome, *, is_blocked: bool = False) -> None:
        """Counts one device in."""
        self.counts[outcome] += 1
        self.blocked += is_blocked

    def remove(self, outcome: Outcome, *, is_blocked: bool = False) -> None:
        """Takes one device out again (its outcome is revised)."""
        self.counts[outcome] -= 1
        self.blocked -= is_blocked

    @property
    def succeeded(self) -> int:
        """Devices that ended ok or changed."""
        return self.counts[Outcome.OK] + self.counts[Outcome.CHANGED]

    @property
    def failed(self) -> int:
        """Devices that failed or ended unknown."""
        return self.counts[Outcome.FAILED] + self.counts[Outcome.UNKNOWN]

    @property
    def attempted(self) -> int:
        """Devices on which something of ours may have run."""
        return self.succeeded + self.failed

    @property
    def lost(self) -> int:
        """Devices that failed, ended unknown or were unreachable."""
        return self.failed + self.counts[Outcome.UNREACHABLE]

    @property
    def offline(self) -> int:
        """Devices that were unreachable or wait to come back."""
        return self.counts[Outcome.UNREACHABLE] + self.counts[Outcome.PENDING]

    def as_mapping(self) -> dict[str, int]:
        """Counts above 0 by name of outcome, in the order of `Outcome`."""
        return {outcome.value: number for outcome, number in self.counts.items() if number}

    def in_class(self, failure_class: FailureClass) -> tuple[int, int]:
        """Devices of a failure class, and the devices its share is taken of."""
        match failure_class:
            case FailureClass.FAILED:
                return self.counts[Outcome.FAILED], self.attempted
            case FailureClass.UNKNOWN:
                return self.counts[Outcome.UNKNOWN], self.attempted
            case FailureClass.ANY:
                return self.failed, self.attempted
            case FailureClass.UNREACHABLE:
                unreachable = self.counts[Outcome.UNREACHABLE]
                return unreachable, self.attempted + unreachable
            case _:  # pragma: no cover
                assert_never(failure_class)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a gate says at the end of a stage."""

    passed: bool
    reason: str


@lru_cache(maxsize=256)
def _ratio(pct: float) -> tuple[int, int]:
    return Fraction(str(pct)).as_integer_ratio()


def is_over(part: int, whole: int, pct: float) -> bool:
    """True when `part` of `whole` is strictly more than `pct` percent."""
    numerator, denominator = _ratio(pct)
    return part * 100 * denominator > numerator * whole


def is_under(part: int, whole: int, pct: float) -> bool:
    """True when `part` of `whole` is strictly less than `pct` percent."""
    numerator, denominator = _ratio(pct)
    return part * 100 * denominator < numerator * whole


def share_text(part: int, whole: int, limit_pct: float) -> str:
    """`part` of `whole` in percent, for people: "40 %", "7.5 %".

    One decimal, or four where one would make it look equal to `limit_pct`
    (20,001 of 400,000 devices are not "5 %").
    """
    exact = Fraction(100 * part, whole)
    digits = 4 if float(round(exact, 1)) == limit_pct and exact != Fraction(str(limit_pct)) else 1
    return f"{float(round(exact, digits)):.10g} %"


def broken_rule(
    stage: StagePlan, tally: Tally, shared: Tally, *, size: int, max_fail_pct: float | None
) -> str:
    """Why the stage must stop at once, or "".

    Args:
        stage: the stage; the rules of its gate are tried in order.
        tally: outcomes in the stage.
        shared: outcomes in all stages so far that use the play's gate.
        size: number of devices of the stage.
        max_fail_pct: see `RolloutSpec.max_fail_pct`.
    """
    if not (tally.lost or tally.offline or shared.lost):
        return ""
    if max_fail_pct is not None and is_over(tally.lost, size, max_fail_pct):
        share = share_text(tally.lost, size, max_fail_pct)
        return (
            f"{tally.lost} of {size} devices failed or were unreachable ({share}), "
            f"max_fail_percentage is {max_fail_pct:g} %"
        )
    for rule in stage.gate.abort_on:
        reason = _broken(rule, tally)
        if not reason and stage.shares_gate:
            reason = _broken(rule, shared)
            reason = reason and f"{reason}, counted over all stages so far"
        if reason:
            return reason
    budget = stage.gate.unreachable_budget_pct
    if is_over(tally.offline, size, budget):
        return (
            f"{tally.offline} of {size} devices were unreachable "
            f"({share_text(tally.offline, size, budget)}), the budget is {budget:g} %"
        )
    return ""


def _broken(rule: AbortRule, tally: Tally) -> str:
    count, sample = tally.in_class(rule.failure_class)
    words = _WORDS[rule.failure_class]
    of = "contacted" if rule.failure_class is FailureClass.UNREACHABLE else "attempted"
    if rule.count is not None and count >= max(1, rule.count):
        return f"{count} of {sample} {of} devices {words}, the rollout halts at {rule.count}"
    has_sample = sample >= rule.min_sample
    if rule.over_pct is not None and has_sample and is_over(count, sample, rule.over_pct):
        share = share_text(count, sample, rule.over_pct)
        return f"{count} of {sample} {of} devices {words} ({share}), limit is {rule.over_pct:g} %"
    return ""


def judge_end(stage: StagePlan, tally: Tally, *, size: int) -> Verdict:
    """Decides whether another stage may follow; all devices have settled.

    A stage that asks for success but attempted nothing proves nothing: it
    closes unless a device was already as it should be (skipped by its own
    tasks).
    """
    attempted, succeeded = tally.attempted, tally.succeeded
    asked = stage.gate.success_pct
    has_current = tally.counts[Outcome.SKIPPED] > tally.blocked
    if asked and size and not attempted and not has_current:
        return Verdict(
            passed=False, reason=f"none of {size} devices was attempted ({_others(tally)})"
        )
    if asked and is_under(succeeded, attempted, asked):
        return Verdict(passed=False, reason=_too_few(tally, asked))
    if stage.needs_survivor and size and tally.lost == size - tally.counts[Outcome.SKIPPED] > 0:
        return Verdict(
            passed=False,
            reason=f"all {tally.lost} devices of the batch failed or were unreachable",
        )
    return Verdict(passed=True, reason=_summary(tally, size))


def _too_few(tally: Tally, success_pct: float) -> str:
    words = _WORDS[FailureClass.ANY if tally.counts[Outcome.UNKNOWN] else FailureClass.FAILED]
    limit = float(100 - Fraction(str(success_pct)))
    return (
        f"{tally.failed} of {tally.attempted} attempted devices {words} "
        f"({share_text(tally.failed, tally.attempted, limit)}), limit is {limit:g} %"
    )


def _summary(tally: Tally, size: int) -> str:
    if not size:
        return "no devices"
    if not tally.attempted:
        return f"none of {size} devices was attempted ({_others(tally)})"
    others = _others(tally)
    done = f"{tally.succeeded} of {tally.attempted} attempted devices succeeded"
    return f"{done}, {others}" if others else done


def _others(tally: Tally) -> str:
    """The devices that were not attempted: "1 unreachable, 2 skipped"."""
    return ", ".join(_other_parts(tally))


def _other_parts(tally: Tally) -> Iterator[str]:
    for outcome in (Outcome.UNREACHABLE, Outcome.PENDING, Outcome.SKIPPED, Outcome.CANCELLED):
        if number := tally.counts[outcome]:
            yield f"{number} {outcome.value}"


def gate_texts(gate: Gate) -> tuple[str, ...]:
    """The gate's conditions for people, e.g. "95 % of attempted succeed"."""
    texts = [] if gate.success_pct is None else [f"{gate.success_pct:g} % of attempted succeed"]
    for rule in gate.abort_on:
        words = _WORDS[rule.failure_class]
        if rule.count is not None:
            texts.append(f"halt when {rule.count} {words}")
        if rule.over_pct is not None:
            sample = f", from {rule.min_sample} on" if rule.min_sample > 1 else ""
            texts.append(f"halt when over {rule.over_pct:g} % {words}{sample}")
    if gate.unreachable_budget_pct < 100:
        texts.append(f"at most {gate.unreachable_budget_pct:g} % unreachable")
    if gate.external is not None:
        what = gate.external.url or " ".join(gate.external.cmd)
        texts.append(f"{what} passes {gate.external.count} times")
    return tuple(texts)
