"""Derives every decision of a run's rollouts again from its journal. Pure.

The journal's inputs (outcomes, the operator's wishes, what checks said, the
time) go to a fresh `Rollout`; what it decides is held against the decisions
that the journal has, in order. When devices start is taken from the journal,
since a rate depends on milliseconds; that each one was next in line and had a
place is not, and the rate itself is counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from fleetrun.engine.announce import event_of
from fleetrun.engine.past import Past
from fleetrun.model.events import (
    AnyEvent,
    DeviceFinished,
    DeviceStarted,
    LeaderChosen,
    PlayFinished,
    PlayStarted,
    RolloutContinued,
    RolloutPaused,
    RunHalted,
    RunResumed,
    StageChecked,
    StageFinished,
    StageReleased,
    StageSoaking,
    StageStarted,
    StageWaiting,
)
from fleetrun.model.rollout import CheckVerdict, RolloutPlan
from fleetrun.planning.rendezvous import OTHERS_FAILED
from fleetrun.planning.rollout import Rollout
from fleetrun.planning.rollout_words import (
    Approved,
    CheckAnswered,
    DeviceParked,
    DeviceSettled,
    Instruction,
    PauseRequested,
    PlayEnded,
    Promoted,
    RolloutEvent,
    SettleDevice,
    StopRequested,
    Ticked,
)

#: Events that tell what a rollout decided.
_Decision: TypeAlias = (
    "StageStarted | StageFinished | StageSoaking | StageWaiting | StageReleased "
    "| RolloutPaused | RolloutContinued | RunHalted"
)
#: Returns a play's plan for the devices that took part in it.
PlanOf = Callable[[int], RolloutPlan]


@dataclass(slots=True)
class ReplayReport:
    """What came of it."""

    #: Decisions that were derived again and are the same.
    matched: int = 0
    #: Sentences; () = the journal follows from its inputs.
    differences: list[str] = field(default_factory=list)
    #: Starts whose place cannot be derived: devices that wait for each other
    #: give theirs back, which is in no journal.
    unclear: int = 0


class _Turnstile:
    """Lets one device start each time that the journal has a start."""

    def __init__(self) -> None:
        self.is_open = False

    def wait_until(self, now: float, succeeded: int) -> float | None:
        del now, succeeded
        return None if self.is_open else float("inf")

    def started(self, now: float, succeeded: int) -> None:
        del now, succeeded
        self.is_open = False


class Replay:
    """Takes a run's events in journal order."""

    def __init__(self, plan_of: PlanOf) -> None:
        self._plan_of = plan_of
        self._past = Past(is_resume=True)
        self.report = ReplayReport()
        self._play = -1
        #: None between plays, and after a difference: what follows leans on it.
        self._rollout: Rollout | None = None
        self._plan: RolloutPlan | None = None
        self._turnstile = _Turnstile()
        #: Decisions that the journal should have next: events without time.
        self._due: deque[AnyEvent] = deque()
        self._starts: list[float] = []
        self._may_park = False

    def take(self, event: AnyEvent) -> None:
        """Takes one event in."""
        match event:
            case RunResumed():
                # What a dead engine did not come to write is decided again.
                self._rollout = None
            case PlayStarted():
                self._begin(event)
            case _ if self._rollout is not None:
                self._follow(self._rollout, event)
            case _:
                pass
        self._past.take(event)

    def _begin(self, event: PlayStarted) -> None:
        self._play = event.play
        if not event.device_count:
            return
        plan = self._plan = self._plan_of(event.play)
        history = self._past.rollout(event.play)
        self._turnstile, self._due, self._starts = _Turnstile(), deque(), []
        self._may_park = plan.any_errors_fatal or plan.max_fail_pct is not None
        rollout = self._rollout = Rollout(
            plan, history, pace=None if plan.rate is None else self._turnstile
        )
        began_at = event.at if history.began_at is None else history.began_at
        settled = dict(self._past.settled.get(event.play, {}))
        self._expect(rollout, rollout.start(began_at), settled)
        self._tell(rollout, Ticked(), event.at)

    def _tell(self, rollout: Rollout, event: RolloutEvent, at: float) -> None:
        self._expect(rollout, rollout.handle(event, at), {})

    def _expect(
        self, rollout: Rollout, told: list[Instruction], settled: dict[str, DeviceFinished]
    ) -> None:
        """Notes decisions; on resume tells what the journal knew, as the engine does."""
        pending = deque(told)
        while pending or settled:
            if not pending:
                known = [name for name in settled if name in rollout.in_flight]
                if not known:
                    return
                pending.extend(self._known(rollout, settled.pop(known[0])))
                continue
            one = pending.popleft()
            if isinstance(one, SettleDevice):
                if one.device in settled:
                    pending.extend(self._known(rollout, settled.pop(one.device)))
                    continue
                self._due.append(DeviceFinished(
                    at=0, play=self._play, device=one.device, outcome=one.outcome,
                    reason=one.reason,
                ))
            elif (event := event_of(one, self._play, 0)) is not None:
                self._due.append(event)

    def _known(self, rollout: Rollout, event: DeviceFinished) -> list[Instruction]:
        return rollout.handle(_settled(event), event.at)

    # -- one event ----------------------------------------------------------------

    def _follow(self, rollout: Rollout, event: AnyEvent) -> None:
        match event:
            case DeviceStarted(device=device, at=at) if event.play == self._play:
                self._started(rollout, device, at)
            case DeviceFinished() if event.play == self._play:
                self._finished(rollout, event)
            case (
                StageStarted() | StageFinished() | StageSoaking() | StageWaiting()
                | StageReleased() | RolloutPaused() | RolloutContinued() | RunHalted()
            ):
                self._decided(rollout, event)
            case StageChecked(stage=stage, verdict=verdict, text=text, at=at):
                answer = CheckAnswered(stage=stage, verdict=CheckVerdict(verdict), text=text)
                self._tell(rollout, answer, at)
            case LeaderChosen():
                self._may_park = True
            case PlayFinished() if event.play == self._play:
                self._over(rollout, event)
            case _:
                pass

    def _started(self, rollout: Rollout, device: str, at: float) -> None:
        if device in rollout.in_flight:
            return
        self._turnstile.is_open = True
        self._tell(rollout, Ticked(), at)
        while device not in rollout.in_flight and self._may_park and rollout.in_flight:
            parked = next(iter(rollout.in_flight))
            before = len(rollout.in_flight)
            self.report.unclear += 1
            self._tell(rollout, DeviceParked(device=parked), at)
            if len(rollout.in_flight) == before:
                break
        self._turnstile.is_open = False
        if device not in rollout.in_flight:
            self._differ(f"{device} started, which was not next or had no place")
            return
        self._starts.append(at)
        rate = self._plan.rate if self._plan else None
        if rate is not None and rate.growth == 1:
            recent = [start for start in self._starts[-int(rate.per_minute) - 2:]
                      if start > at - 60]
            if len(recent) > max(1, rate.per_minute):
                self._differ(f"{device} started faster than {rate.per_minute:g} per minute")

    def _finished(self, rollout: Rollout, event: DeviceFinished) -> None:
        if self._is_due(event):
            return
        if event.device not in rollout.in_flight:
            self._tell(rollout, PlayEnded(reason=event.reason), event.at)
            if not self._is_due(event):
                self._differ(f"{event.device} ended {event.outcome} without a start")
            return
        self._tell(rollout, _settled(event), event.at)
        if event.error_kind == OTHERS_FAILED and rollout.has_more:
            self._tell(rollout, StopRequested(reason=event.reason, cause="play"), event.at)

    def _decided(self, rollout: Rollout, event: _Decision) -> None:
        if self._is_due(event):
            return
        self._tell(rollout, Ticked(), event.at)
        if self._is_due(event):
            return
        wish = _wish(event)
        if isinstance(event, StageReleased) and self._due:
            # Approved before it waited: nobody was asked.
            self._due.popleft()
        if wish is not None:
            self._tell(rollout, wish, event.at)
        if not self._is_due(event):
            due = self._due[0] if self._due else "nothing"
            self._differ(f"the journal has {event}; its inputs give {due}")

    def _is_due(self, event: AnyEvent) -> bool:
        if not self._due or replace(event, at=0) != self._due[0]:
            return False
        self._due.popleft()
        self.report.matched += 1
        return True

    def _over(self, rollout: Rollout, event: PlayFinished) -> None:
        if self._due:
            self._differ(f"the play ended without {self._due[0]}")
        elif not rollout.is_finished or dict(rollout.counts) != dict(event.counts):
            self._differ(f"the play ended with {dict(event.counts)}, not {dict(rollout.counts)}")
        else:
            self.report.matched += 1
        self._rollout = None

    def _differ(self, text: str) -> None:
        self.report.differences.append(f"play {self._play + 1}: {text}")
        self._rollout = None


def _settled(event: DeviceFinished) -> DeviceSettled:
    return DeviceSettled(
        device=event.device, outcome=event.outcome, reason=event.reason,
        error_kind=event.error_kind,
    )


def _wish(event: _Decision) -> RolloutEvent | None:
    """What an operator, or the play itself, must have wanted."""
    match event:
        case RunHalted(reason=reason, cause=cause) if cause != "gate":
            return StopRequested(reason=reason, cause=cause)
        case StageReleased(reason=reason, name=name):
            by = reason.partition(" by ")[2]
            is_approval = reason.startswith("approved by ")
            return Approved(by=by, stage=name) if is_approval else Promoted(by=by)
        case RolloutPaused(by=by):
            return PauseRequested(by=by)
        case RolloutContinued(by=by):
            return Promoted(by=by)
        case _:
            return None
