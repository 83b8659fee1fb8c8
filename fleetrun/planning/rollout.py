"""The rollout: which device starts when, and when to stop. Pure.

A state machine that is told what happened (`handle`) and answers with what to
do, in order. It has no clock, no randomness and no IO: the same events give
the same instructions, so a run is resumed by telling a fresh `Rollout` the
outcomes that the journal holds. docs/explanation/rollout.md draws it.

Each device is touched a bounded number of times, so an event costs O(1)
amortised over a run, whatever the size of the fleet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final, assert_never

from fleetrun.model.result import Outcome
from fleetrun.model.rollout import RolloutPlan, StagePlan
from fleetrun.planning.gates import Tally, broken_rule, judge_end
from fleetrun.planning.rollout_words import (
    CloseStage,
    ContinueDevice,
    DeviceParked,
    DeviceReady,
    DeviceSettled,
    Finish,
    Halt,
    Instruction,
    PlayEnded,
    RolloutEvent,
    SettleDevice,
    StartDevice,
    StartStage,
    StopRequested,
)
from fleetrun.planning.upstream import UpstreamGroups

__all__ = [
    "CloseStage", "ContinueDevice", "DeviceParked", "DeviceReady", "DeviceSettled", "Finish",
    "Halt", "Instruction", "PlayEnded", "Rollout", "RolloutEvent", "SettleDevice", "StartDevice",
    "StartStage", "StopRequested",
]

_FATAL: Final = frozenset({Outcome.FAILED, Outcome.UNKNOWN, Outcome.UNREACHABLE})
#: Outcomes that a later, truer report may replace: the rollout's own ones and unknown.
_REVISABLE: Final = frozenset({Outcome.UNKNOWN, Outcome.CANCELLED, Outcome.SKIPPED})


class Rollout:
    """The state of one play's rollout.

    Not thread-safe; one caller, in the order in which things happened.
    """

    def __init__(self, plan: RolloutPlan) -> None:
        if plan.concurrency < 1:
            raise ValueError("the concurrency of a plan is at least 1")
        self._plan = plan
        self._outcomes: dict[str, Outcome] = {}
        self._blocked: set[str] = set()
        #: Insertion order is start order.
        self._in_flight: dict[str, None] = {}
        #: Of those in flight: they wait for others, and run no more than a
        #: device that has not started.
        self._parked: set[str] = set()
        #: Parked devices that may go on, in the order in which they may.
        self._ready: dict[str, None] = {}
        self._upstream = UpstreamGroups(plan)
        self._run = Tally()
        #: Over all stages that use the play's gate.
        self._shared = Tally()
        #: By stage; only of stages that are not closed.
        self._tallies: dict[int, Tally] = {}
        #: -1 before `start`; past the last stage after `Finish`.
        self._stage = -1
        self._stage_size = 0
        self._wave = -1
        #: Devices of the current wave that are not started yet.
        self._waiting: Iterator[str] = iter(())
        self._halt: Halt | None = None
        #: The halt's reason without the stage's name.
        self._halt_reason = ""
        self._is_finished = False
        #: device -> stage; made only when a report needs it (see `_revise`).
        self._stage_of: dict[str, int] = {}
        self._out: list[Instruction] = []

    @property
    def outcomes(self) -> Mapping[str, Outcome]:
        """Outcomes known so far; has every device of the plan at the end."""
        return MappingProxyType(self._outcomes)

    @property
    def counts(self) -> Mapping[str, int]:
        """Devices by name of outcome, without zeros; sums to `len(outcomes)`."""
        return self._run.as_mapping()

    @property
    def plan(self) -> RolloutPlan:
        """The plan that it follows."""
        return self._plan

    @property
    def has_more(self) -> bool:
        """True while devices of the plan have neither started nor an outcome."""
        total = sum(len(wave) for stage in self._plan.stages for wave in stage.waves)
        return len(self._outcomes) + len(self._in_flight) < total

    @property
    def in_flight(self) -> Collection[str]:
        """Devices that started and have not settled, in start order (a view)."""
        return self._in_flight.keys()

    @property
    def current_stage(self) -> int | None:
        """Position of the open stage; None before the start and at the end."""
        return self._stage if self._stage >= 0 and not self._is_finished else None

    @property
    def current_wave(self) -> int | None:
        """Position of the open wave in its stage; None as for `current_stage`."""
        return self._wave if self.current_stage is not None else None

    @property
    def halt(self) -> Halt | None:
        """Why nothing more starts, or None."""
        return self._halt

    @property
    def is_finished(self) -> bool:
        """True once `Finish` was given."""
        return self._is_finished

    def start(self) -> list[Instruction]:
        """Begins the rollout; called once, before any event."""
        if self._stage >= 0 or self._is_finished:
            raise ValueError("the rollout has started already")
        self._next_stage()
        self._advance()
        return self._taken()

    def handle(self, event: RolloutEvent) -> list[Instruction]:
        """Takes in one event and returns what to do now, in order.

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
        match event:
            case DeviceSettled():
                self._settle(event)
            case StopRequested():
                if self._halt is None and not self._is_finished:
                    self._stop(event.reason, event.cause)
            case PlayEnded():
                self._end_early(event.reason)
            case DeviceParked():
                self._parked.add(event.device)
            case DeviceReady():
                self._ready[event.device] = None
            case _:  # pragma: no cover
                assert_never(event)
        self._advance()
        return self._taken()

    def _taken(self) -> list[Instruction]:
        taken, self._out = self._out, []
        return taken

    def _settle(self, event: DeviceSettled) -> None:
        device, outcome = event.device, event.outcome
        if device in self._in_flight:
            del self._in_flight[device]
            self._parked.discard(device)
            self._ready.pop(device, None)
            self._record(device, outcome, self._stage)
        else:
            self._revise(device, outcome)
        if self._halt is None and not self._is_finished:
            self._judge(device, outcome)

    def _revise(self, device: str, outcome: Outcome) -> None:
        """Takes in the outcome of a device that this rollout did not start."""
        if not self._stage_of:
            self._stage_of = {
                name: number
                for number, stage in enumerate(self._plan.stages)
                for wave in stage.waves
                for name in wave
            }
        if device not in self._stage_of:
            raise ValueError(f"{device} is not in the plan")
        stage, before = self._stage_of[device], self._outcomes.get(device)
        if before is not None:
            if before not in _REVISABLE:
                raise ValueError(f"{device} settled twice: {before}, then {outcome}")
            self._forget(device, before, stage)
        self._record(device, outcome, stage)

    def _tallies_of(self, stage: int) -> Iterator[Tally]:
        yield self._run
        if self._plan.stages[stage].shares_gate:
            yield self._shared
        is_ahead = stage > self._stage and self._halt is None
        if stage == self._stage or is_ahead:
            yield self._tallies.setdefault(stage, Tally())

    def _record(
        self, device: str, outcome: Outcome, stage: int, *, is_blocked: bool = False
    ) -> None:
        self._outcomes[device] = outcome
        if is_blocked:
            self._blocked.add(device)
        for tally in self._tallies_of(stage):
            tally.add(outcome, is_blocked=is_blocked)
        self._upstream.add(device, outcome, is_blocked=is_blocked)

    def _forget(self, device: str, outcome: Outcome, stage: int) -> None:
        is_blocked = device in self._blocked
        self._blocked.discard(device)
        for tally in self._tallies_of(stage):
            tally.remove(outcome, is_blocked=is_blocked)
        self._upstream.remove(device, outcome, is_blocked=is_blocked)

    def _judge(self, device: str, outcome: Outcome) -> None:
        """Stops the rollout when the new outcome breaks a rule."""
        if self._plan.any_errors_fatal and outcome in _FATAL:
            words = {Outcome.UNKNOWN: "ended unknown", Outcome.UNREACHABLE: "was unreachable"}
            what = f"{device} {words.get(outcome, 'failed')}"
            self._stop(f"{what}, and any_errors_fatal ends the play at the first failure", "gate")
            return
        tally = self._tallies[self._stage]
        reason = broken_rule(
            self._plan.stages[self._stage],
            tally,
            self._shared,
            size=self._stage_size,
            max_fail_pct=self._plan.max_fail_pct,
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
        for number in range(self._stage, len(self._plan.stages)):
            for device in self._plan.stages[number].devices:
                if device not in self._outcomes and device not in self._in_flight:
                    self._give(device, Outcome.CANCELLED, why, number)

    def _end_early(self, reason: str) -> None:
        """Starts nothing more; what has not started is as it should be."""
        if self._halt is not None or self._is_finished:
            return
        for number in range(self._stage, len(self._plan.stages)):
            for device in self._plan.stages[number].devices:
                if device not in self._outcomes and device not in self._in_flight:
                    self._record(device, Outcome.SKIPPED, number)
                    self._out.append(
                        SettleDevice(device=device, outcome=Outcome.SKIPPED, reason=reason)
                    )

    def _give(self, device: str, outcome: Outcome, reason: str, stage: int) -> None:
        """Gives an outcome to a device that never starts."""
        self._record(device, outcome, stage, is_blocked=outcome is Outcome.SKIPPED)
        self._out.append(SettleDevice(device=device, outcome=outcome, reason=reason))

    def _advance(self) -> None:
        """Starts what may start; opens waves and stages until something runs."""
        self._continue()
        if self._halt is None:
            self._fill()
        while not self._in_flight and not self._is_finished:
            if self._halt is not None:
                self._close_stage(passed=False, reason=self._halt_reason)
                self._finish()
            elif self._wave + 1 < len(self._plan.stages[self._stage].waves):
                self._next_wave()
                self._fill()
            else:
                self._end_stage()

    def _continue(self) -> None:
        """Lets devices go on that have begun, before others begin."""
        while self._ready and self._free > 0:
            device = next(iter(self._ready))
            del self._ready[device]
            self._parked.discard(device)
            self._out.append(ContinueDevice(device=device))

    @property
    def _free(self) -> int:
        return self._plan.concurrency - len(self._in_flight) + len(self._parked)

    def _fill(self) -> None:
        """Starts devices of the open wave up to the concurrency."""
        free = self._free
        while free > 0:
            device = next(self._waiting, None)
            if device is None:
                return
            if device not in self._outcomes:
                self._in_flight[device] = None
                self._out.append(StartDevice(device=device))
                free -= 1

    def _next_stage(self) -> None:
        """Opens the next stage, or finishes after the last."""
        self._stage += 1
        if self._stage == len(self._plan.stages):
            self._finish()
            return
        stage = self._plan.stages[self._stage]
        self._wave = -1
        self._stage_size = sum(map(len, stage.waves))
        self._tallies.setdefault(self._stage, Tally())
        self._out.append(
            StartStage(index=self._stage, name=stage.name, count=self._stage_size)
        )

    def _next_wave(self) -> None:
        """Opens the next wave and skips what waits for a group that failed.

        Decided for the whole wave at once, so that it does not depend on the
        order in which the wave's own devices settle.
        """
        self._wave += 1
        wave = self._plan.stages[self._stage].waves[self._wave]
        blocked = [
            (device, reason)
            for device in wave
            if device not in self._outcomes and (reason := self._upstream.blocks(device))
        ]
        for device, reason in blocked:
            self._give(device, Outcome.SKIPPED, reason, self._stage)
        self._waiting = iter(wave)

    def _end_stage(self) -> None:
        """Judges the stage that has run dry, and goes on or stops."""
        stage, tally = self._plan.stages[self._stage], self._tallies[self._stage]
        verdict = judge_end(stage, tally, size=self._stage_size)
        self._close_stage(passed=verdict.passed, reason=verdict.reason)
        if verdict.passed:
            self._next_stage()
            return
        self._stop(verdict.reason, "gate")
        self._finish()

    def _close_stage(self, *, passed: bool, reason: str) -> None:
        stage: StagePlan = self._plan.stages[self._stage]
        self._out.append(
            CloseStage(
                index=self._stage,
                name=stage.name,
                passed=passed,
                reason=reason,
                counts=self._tallies.pop(self._stage).as_mapping(),
            )
        )

    def _finish(self) -> None:
        self._stage = len(self._plan.stages)
        self._is_finished = True
        self._out.append(Finish())
