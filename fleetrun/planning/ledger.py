"""Who ended how: outcomes of a rollout and the counts that gates judge by. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from fleetrun.model.result import Outcome
from fleetrun.model.rollout import RolloutPlan
from fleetrun.planning.gates import Tally
from fleetrun.planning.upstream import UpstreamGroups

#: Outcomes that a later, truer report may replace: the rollout's own ones and unknown.
_REVISABLE: Final = frozenset({Outcome.UNKNOWN, Outcome.CANCELLED, Outcome.SKIPPED})


class Ledger:
    """Every outcome once, counted for its stage, the shared gate and the run."""

    def __init__(self, plan: RolloutPlan, is_counted: Callable[[int], bool]) -> None:
        """`is_counted` tells whether a stage is still to be judged."""
        self._plan = plan
        self._is_counted = is_counted
        self.outcomes: dict[str, Outcome] = {}
        self._blocked: set[str] = set()
        self.upstream = UpstreamGroups(plan)
        self.run = Tally()
        #: Over all stages that use the play's gate.
        self.shared = Tally()
        #: By stage; only of stages that are not closed.
        self._tallies: dict[int, Tally] = {}
        #: By stage: when a device succeeded last, seconds since the epoch.
        self.last_success: dict[int, float] = {}
        #: device -> stage; made only when a report needs it.
        self._stage_of: dict[str, int] = {}

    def tally(self, stage: int) -> Tally:
        """Counts of a stage that is not closed."""
        return self._tallies.setdefault(stage, Tally())

    def close(self, stage: int) -> Tally:
        """Returns the counts of a stage, which is not judged any more."""
        return self._tallies.pop(stage)

    def stage_of(self, device: str) -> int:
        """Position of a device's stage; raises ValueError when it is in none."""
        if not self._stage_of:
            self._stage_of = {
                name: number
                for number, stage in enumerate(self._plan.stages)
                for wave in stage.waves
                for name in wave
            }
        if device not in self._stage_of:
            raise ValueError(f"{device} is not in the plan")
        return self._stage_of[device]

    def record(
        self, device: str, outcome: Outcome, stage: int, now: float, *, is_blocked: bool = False
    ) -> bool:
        """Takes an outcome in; returns True when it is the device's first.

        Raises ValueError for a second one that may not replace the first.
        """
        before = self.outcomes.get(device)
        if before is not None:
            if before not in _REVISABLE:
                raise ValueError(f"{device} settled twice: {before}, then {outcome}")
            self._forget(device, before, stage)
        self.outcomes[device] = outcome
        if outcome.is_success:
            self.last_success[stage] = now
        if is_blocked:
            self._blocked.add(device)
        for tally in self._tallies_of(stage):
            tally.add(outcome, is_blocked=is_blocked)
        self.upstream.add(device, outcome, is_blocked=is_blocked)
        return before is None

    def _forget(self, device: str, outcome: Outcome, stage: int) -> None:
        is_blocked = device in self._blocked
        self._blocked.discard(device)
        for tally in self._tallies_of(stage):
            tally.remove(outcome, is_blocked=is_blocked)
        self.upstream.remove(device, outcome, is_blocked=is_blocked)

    def _tallies_of(self, stage: int) -> Iterator[Tally]:
        yield self.run
        if self._plan.stages[stage].shares_gate:
            yield self.shared
        if self._is_counted(stage):
            yield self.tally(stage)
