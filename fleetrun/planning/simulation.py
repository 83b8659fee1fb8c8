"""How a rollout would go: the real machine in virtual time, with devices that only pretend.

Nothing here decides: `Rollout` does. Each device gets an outcome and a
duration from a hash of the seed and its name, so a simulation is the same
on every machine and every time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from fleetrun.model.result import Outcome
from fleetrun.model.rollout import CheckVerdict, RolloutPlan
from fleetrun.planning.rollout import Rollout
from fleetrun.planning.rollout_words import (
    Approved,
    AwaitApproval,
    CheckAnswered,
    CloseStage,
    DeviceSettled,
    Halt,
    Instruction,
    RunCheck,
    SettleDevice,
    StartDevice,
    StartSoak,
    StartStage,
    Ticked,
    WakeAt,
)

#: Returns what becomes of a device and how long that takes, in seconds.
Behaviour = Callable[[str], "tuple[Outcome, float]"]
_SCALE: Final = 2**64


@dataclass(slots=True, kw_only=True)
class StageReport:
    """How a stage went; times are seconds from the start of the play."""

    name: str
    device_count: int
    began_s: float
    ended_s: float = 0.0
    #: Part of it that was soak.
    soak_s: float = 0.0
    #: Who would be asked; "" = nobody. The simulation approves at once.
    asked: str = ""
    passed: bool = False
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class SimulationReport:
    """How a play would go."""

    device_count: int
    stages: list[StageReport] = field(default_factory=list)
    #: Why it halted, or "".
    halt: str = ""
    elapsed_s: float = 0.0
    counts: Mapping[str, int] = field(default_factory=dict)
    #: Most devices at work at once.
    peak: int = 0

    @property
    def touched(self) -> int:
        """The blast radius: devices on which something ran."""
        names = (Outcome.OK, Outcome.CHANGED, Outcome.FAILED, Outcome.UNKNOWN)
        return sum(self.counts.get(name.value, 0) for name in names)


def draw(seed: str, device: str, what: str) -> float:
    """A number from 0 to below 1 that only these three decide."""
    text = f"{seed}/{what}/{device}".encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") / _SCALE


class Simulation:
    """One play in virtual time. Used once."""

    def __init__(self, plan: RolloutPlan, behaviour: Behaviour) -> None:
        self._rollout = Rollout(plan)
        self._behaviour = behaviour
        self._now = 0.0
        #: When what ends: time, turn, device; the turn keeps ties in order.
        self._ends: list[tuple[float, int, str, Outcome]] = []
        self._turn = 0
        self._wake: float | None = None
        self._asks = False
        #: Stages whose external check runs; it always passes here, at once.
        self._checks: list[int] = []
        count = sum(len(wave) for stage in plan.stages for wave in stage.waves)
        self.report = SimulationReport(device_count=count)

    def run(self) -> SimulationReport:
        """Returns how it went, after the last device."""
        self._take(self._rollout.start(self._now))
        while not self._rollout.is_finished:
            self._take(self._step())
        self.report.elapsed_s = self._now
        self.report.counts = dict(self._rollout.counts)
        return self.report

    def _step(self) -> list[Instruction]:
        """What happens next; an approval is given at once, else the clock moves on."""
        if self._checks:
            answer = CheckAnswered(stage=self._checks.pop(), verdict=CheckVerdict.OK)
            return self._rollout.handle(answer, self._now)
        if self._asks:
            self._asks = False
            return self._rollout.handle(Approved(by="the simulation"), self._now)
        if self._ends and (self._wake is None or self._ends[0][0] <= self._wake):
            self._now, _, device, outcome = heappop(self._ends)
            return self._rollout.handle(
                DeviceSettled(device=device, outcome=outcome), self._now
            )
        if self._wake is None:
            raise RuntimeError("the rollout waits for nothing")
        self._now, self._wake = max(self._now, self._wake), None
        return self._rollout.handle(Ticked(), self._now)

    def _take(self, instructions: list[Instruction]) -> None:
        for told in instructions:
            match told:
                case StartDevice(device=device):
                    outcome, seconds = self._behaviour(device)
                    self._turn += 1
                    heappush(self._ends, (self._now + seconds, self._turn, device, outcome))
                    self.report.peak = max(self.report.peak, len(self._ends))
                case SettleDevice():
                    pass
                case RunCheck(index=index):
                    self._checks.append(index)
                case WakeAt(at=at):
                    self._wake = at
                case _:
                    self._note(told)

    def _note(self, told: Instruction) -> None:
        stages = self.report.stages
        match told:
            case StartStage(name=name, count=count):
                stages.append(StageReport(name=name, device_count=count, began_s=self._now))
            case StartSoak(until=until):
                stages[-1].soak_s = until - self._now
            case AwaitApproval(who=who):
                stages[-1].asked = who
                self._asks = True
            case CloseStage(passed=passed, reason=reason, counts=counts):
                stage = stages[-1]
                stage.passed, stage.reason, stage.counts = passed, reason, counts
                stage.ended_s = self._now
            case Halt(reason=reason):
                self.report.halt = reason
            case _:
                pass
