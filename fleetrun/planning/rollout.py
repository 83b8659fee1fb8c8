"""The rollout: which device starts when, and when to stop. Pure.

A state machine that is told what happened (`handle`) and answers with what to
do, in order. It has no clock, no randomness and no IO: events come with their
time, and the same events give the same instructions, so a run is resumed by
telling a fresh `Rollout` the outcomes that the journal holds.
docs/explanation/rollout.md draws it.

An event costs O(1) amortised over a run, O(log n) under limits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final, assert_never

from fleetrun.model.result import Outcome
from fleetrun.model.rollout import RolloutHistory, RolloutPlan
from fleetrun.planning.gates import broken_rule, judge_end
from fleetrun.planning.ledger import Ledger
from fleetrun.planning.rollout_words import (
    Approved,
    CheckAnswered,
    CloseStage,
    ContinueDevice,
    DeviceParked,
    DeviceReady,
    DeviceSettled,
    Finish,
    Halt,
    Instruction,
    Pause,
    PauseRequested,
    PlayEnded,
    Promoted,
    RolloutEvent,
    SettleDevice,
    StartDevice,
    StartStage,
    StopRequested,
    Ticked,
    Unpause,
    WakeAt,
)
from fleetrun.planning.stage_watch import Refused, StageWatch, Wait
from fleetrun.planning.starts import NotBefore, Pacing, Starts
from fleetrun.planning.wave_order import WaveOrder

_FATAL: Final = frozenset({Outcome.FAILED, Outcome.UNKNOWN, Outcome.UNREACHABLE})


class Rollout:
    """The state of one play's rollout.

    Not thread-safe; one caller, in the order in which things happened.
    """

    def __init__(
        self, plan: RolloutPlan, history: RolloutHistory | None = None, pace: Pacing | None = None
    ) -> None:
        """`history` is what the journal has on resume; `pace` takes the place of the rate."""
        if plan.concurrency < 1:
            raise ValueError("the concurrency of a plan is at least 1")
        self._plan = plan
        self._history = history = history or RolloutHistory()
        self._now = 0.0
        self._ledger = Ledger(plan, self._is_counted)
        self._starts = Starts(plan, history.last_start, pace)
        #: -1 before `start`; past the last stage after `Finish`.
        self._stage = -1
        self._stage_size = 0
        #: Of the open stage.
        self._waves: WaveOrder | None = None
        self._watch: StageWatch | None = None
        self._wave = -1
        #: stage's name -> who approved it before it began.
        self._early: dict[str, str] = {}
        self._is_paused = False
        #: The play ended early: nothing is waited for.
        self._is_ended = False
        #: When to be woken, as it was asked for.
        self._wake: float | None = None
        self._halt: Halt | None = None
        #: The halt's reason without the stage's name.
        self._halt_reason = ""
        self._is_finished = False
        self._out: list[Instruction] = []

    @property
    def outcomes(self) -> Mapping[str, Outcome]:
        """Outcomes known so far; has every device of the plan at the end."""
        return MappingProxyType(self._ledger.outcomes)

    @property
    def counts(self) -> Mapping[str, int]:
        """Devices by name of outcome, without zeros; sums to `len(outcomes)`."""
        return self._ledger.run.as_mapping()

    @property
    def plan(self) -> RolloutPlan:
        """The plan that it follows."""
        return self._plan

    @property
    def has_more(self) -> bool:
        """True while devices of the plan have neither started nor an outcome."""
        total = sum(map(len, (w for stage in self._plan.stages for w in stage.waves)))
        return len(self._ledger.outcomes) + len(self._starts.in_flight) < total

    @property
    def in_flight(self) -> Collection[str]:
        """Devices that started and have not settled, in start order (a view)."""
        return self._starts.in_flight

    @property
    def current_stage(self) -> int | None:
        """Position of the open stage; None before the start and at the end."""
        return self._stage if self._stage >= 0 and not self._is_finished else None

    @property
    def current_wave(self) -> int | None:
        """Position of the latest open wave in its stage; None as for `current_stage`."""
        return self._wave if self.current_stage is not None else None

    @property
    def halt(self) -> Halt | None:
        """Why nothing more starts, or None."""
        return self._halt

    @property
    def is_finished(self) -> bool:
        """True once `Finish` was given."""
        return self._is_finished

    def start(self, now: float = 0.0) -> list[Instruction]:
        """Begins the rollout; called once, before any event."""
        if self._stage >= 0 or self._is_finished:
            raise ValueError("the rollout has started already")
        self._now = now
        self._next_stage()
        self._advance()
        return self._taken()

    def handle(self, event: RolloutEvent, now: float = 0.0) -> list[Instruction]:
        """Takes in one event and returns what to do now, in order.

        `now` is when it happened, in seconds since the epoch; a time before
        that of an earlier event counts as that one.

        A device that settles without being in flight is accepted while its
        outcome is not known, unknown, or of the rollout's own making: a
        resumed run may have another concurrency, and learns late what became
        of unknown devices. The truth then replaces the outcome; gates that
        were decided stay decided.

        Raises:
            ValueError: before `start`, for a device that is not in the plan,
                or when a device settles twice (a bug of the caller).
        """
        if self._stage < 0 and not self._is_finished:
            raise ValueError("the rollout has not started")
        self._now = max(self._now, now)
        if isinstance(event, Ticked):
            self._starts.is_now = True
        match event:
            case DeviceSettled():
                self._settle(event)
            case StopRequested():
                if self._halt is None and not self._is_finished:
                    self._stop(event.reason, event.cause)
            case PlayEnded():
                self._end_early(event.reason)
            case DeviceParked():
                self._starts.park(event.device)
            case DeviceReady():
                self._starts.ready(event.device)
            case Ticked() | PauseRequested() | Promoted() | Approved() | CheckAnswered():
                self._steer(event)
            case _:  # pragma: no cover
                assert_never(event)
        self._advance()
        return self._taken()

    def _steer(
        self, event: Ticked | PauseRequested | Promoted | Approved | CheckAnswered
    ) -> None:
        """Takes in the time, and the operator's wishes."""
        if self._is_finished or self._halt is not None:
            return
        match event:
            case PauseRequested(by=by) if not self._is_paused:
                self._is_paused = True
                self._out.append(Pause(by=by))
            case Promoted(by=by) if self._is_paused:
                self._is_paused = False
                self._out.append(Unpause(by=by))
            case _ if self._watch is not None:
                self._watch.take(event, self._now)

    def _taken(self) -> list[Instruction]:
        taken = self._out[:]
        self._out.clear()
        return taken

    def _settle(self, event: DeviceSettled) -> None:
        device, outcome = event.device, event.outcome
        stage = self._stage
        if device in self._starts.in_flight:
            self._starts.end(device)
        else:
            # This rollout did not start it.
            stage = self._ledger.stage_of(device)
        self._record(device, outcome, stage)
        if self._halt is None and not self._is_finished:
            self._judge(device, outcome)

    def _is_counted(self, stage: int) -> bool:
        return stage == self._stage or (stage > self._stage and self._halt is None)

    def _record(
        self, device: str, outcome: Outcome, stage: int, *, is_blocked: bool = False
    ) -> None:
        is_first = self._ledger.record(device, outcome, stage, self._now, is_blocked=is_blocked)
        if is_first and stage == self._stage and self._waves is not None:
            self._waves.settled(device)

    def _judge(self, device: str, outcome: Outcome) -> None:
        """Stops the rollout when the new outcome breaks a rule."""
        if self._plan.any_errors_fatal and outcome in _FATAL:
            words = {Outcome.UNKNOWN: "ended unknown", Outcome.UNREACHABLE: "was unreachable"}
            what = f"{device} {words.get(outcome, 'failed')}"
            self._stop(f"{what}, and any_errors_fatal ends the play at the first failure", "gate")
            return
        tally = self._ledger.tally(self._stage)
        reason = broken_rule(
            self._plan.stages[self._stage], tally, self._ledger.shared,
            size=self._stage_size, max_fail_pct=self._plan.max_fail_pct,
        )
        if reason:
            self._stop(reason, "gate")

    def _stop(self, reason: str, cause: str) -> None:
        """Halts and cancels everything that has not started."""
        self._halt_reason = reason
        is_named = cause == "gate" and len(self._plan.stages) > 1
        name = self._plan.stages[self._stage].name
        self._halt = Halt(reason=f"{name}: {reason}" if is_named else reason, cause=cause)
        self._out.append(self._halt)
        why = f"not started: {self._halt.reason}"
        for number, device in self._unstarted():
            self._give(device, Outcome.CANCELLED, why, number)

    def _end_early(self, reason: str) -> None:
        """Starts nothing more; what has not started is as it should be."""
        if self._halt is not None or self._is_finished:
            return
        self._is_ended, self._is_paused = True, False
        for number, device in self._unstarted():
            self._give(device, Outcome.SKIPPED, reason, number)

    def _unstarted(self) -> list[tuple[int, str]]:
        """Takes all devices that have not started out of the line, each with its stage."""
        self._starts.clear()
        return [
            (number, device)
            for number in range(self._stage, len(self._plan.stages))
            for device in self._plan.stages[number].devices
            if device not in self._ledger.outcomes and device not in self._starts.in_flight
        ]

    def _give(
        self, device: str, outcome: Outcome, reason: str, stage: int, *, is_blocked: bool = False
    ) -> None:
        """Gives an outcome to a device that never starts."""
        self._record(device, outcome, stage, is_blocked=is_blocked)
        self._out.append(SettleDevice(device=device, outcome=outcome, reason=reason))

    def _advance(self) -> None:
        """Starts what may start; opens waves and stages until something runs or is waited for."""
        if self._wake is not None and self._now >= self._wake:
            self._wake = None
        # Devices that have begun go on before others begin.
        while device := self._starts.next_ready():
            self._out.append(ContinueDevice(device=device))
        self._fill()
        while not self._starts.in_flight and not self._is_finished:
            if self._halt is not None:
                self._close_stage(passed=False, reason=self._halt_reason)
                self._finish()
            elif self._is_paused or self._starts.has_waiting or not self._end_stage():
                return
            else:
                self._fill()

    def _fill(self) -> None:
        """Starts devices of the open waves as far as all limits allow."""
        if self._halt is not None or self._is_paused or self._is_finished:
            return
        while self._waves is not None and (wave := self._waves.open_next()) is not None:
            self._open_wave(wave, self._waves)
        while device := self._starts.next_start(
            self._now, self._ledger.run.succeeded, self._ledger.outcomes.keys()
        ):
            if isinstance(device, NotBefore):
                self._wake_at(device.at)
                return
            self._out.append(StartDevice(device=device))

    def _wake_at(self, at: float) -> None:
        if self._wake != at:
            self._wake = at
            self._out.append(WakeAt(at=at))

    def _next_stage(self) -> None:
        """Opens the next stage, or finishes after the last."""
        self._stage += 1
        if self._stage == len(self._plan.stages):
            self._finish()
            return
        stage = self._plan.stages[self._stage]
        self._wave = -1
        self._stage_size = sum(map(len, stage.waves))
        self._watch = StageWatch(
            self._stage, stage, early=self._early, out=self._out,
            checks=self._history.checks.get(self._stage, ()),
            opened_at=self._history.opened_at.get(self._stage, self._now),
            is_released=self._stage in (self._history.passed | self._history.released),
        )
        self._waves = WaveOrder(stage, self._plan.waits_for, self._ledger.outcomes)
        self._ledger.tally(self._stage)
        self._out.append(
            StartStage(index=self._stage, name=stage.name, count=self._stage_size)
        )

    def _open_wave(self, number: int, order: WaveOrder) -> None:
        """Opens a wave and skips what waits for a group that failed.

        Decided for the whole wave at once, so that it does not depend on the
        order in which the wave's own devices settle.
        """
        self._wave = max(self._wave, number)
        wave, upstream = self._plan.stages[self._stage].waves[number], self._ledger.upstream
        blocked = [
            (device, reason)
            for device in wave
            if device not in self._ledger.outcomes and (reason := upstream.blocks(device))
        ]
        order.opened(number)
        for device, reason in blocked:
            self._give(device, Outcome.SKIPPED, reason, self._stage, is_blocked=True)
        for device in wave:
            if device in self._ledger.outcomes:
                continue
            if device in self._history.settled:
                self._starts.begin(device)
                self._out.append(StartDevice(device=device))
            elif not self._history.aborted or device in self._history.begun:
                self._starts.wait(device)

    def _end_stage(self) -> bool:
        """Judges the stage that has run dry, and goes on or stops; False = it waits."""
        stage, tally = self._plan.stages[self._stage], self._ledger.tally(self._stage)
        if self._history.aborted and self._stage not in self._history.passed:
            self._stop(self._history.aborted, "abort")
            return True
        verdict = judge_end(stage, tally, size=self._stage_size)
        if not verdict.passed and self._stage not in self._history.passed:
            self._close_stage(passed=False, reason=verdict.reason)
            self._stop(verdict.reason, "gate")
            self._finish()
            return True
        wait = None
        if self._watch is not None and not self._is_ended:
            wait = self._watch.look(self._now, self._ledger.last_success.get(self._stage))
        if isinstance(wait, Wait):
            if wait.until is not None:
                self._wake_at(wait.until)
            return False
        if isinstance(wait, Refused):
            # The stage closes with the halt.
            self._stop(wait.reason, "gate")
            return True
        self._close_stage(passed=True, reason=verdict.reason)
        self._next_stage()
        return True

    def _close_stage(self, *, passed: bool, reason: str) -> None:
        counts = self._ledger.close(self._stage).as_mapping()
        self._out.append(CloseStage(
            index=self._stage, name=self._plan.stages[self._stage].name, passed=passed,
            reason=reason, counts=counts,
        ))

    def _finish(self) -> None:
        self._stage = len(self._plan.stages)
        self._is_finished = True
        self._out.append(Finish())
