"""How the groups that others wait for are doing, kept up to date per event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from fleetrun.model.result import Outcome
from fleetrun.model.rollout import RolloutPlan
from fleetrun.planning.gates import is_under, share_text

_Wanted: TypeAlias = "tuple[tuple[str, ...], tuple[float | None, ...] | None]"


@dataclass(slots=True)
class _Group:
    """Counts of one upstream group's devices."""

    #: With any outcome.
    settled: int = 0
    #: Attempted, or found to be as they should (skipped by their own tasks).
    judged: int = 0
    #: Of these: succeeded or found to be as they should.
    good: int = 0

    def count(self, outcome: Outcome, *, is_blocked: bool, by: int) -> None:
        is_current = outcome is Outcome.SKIPPED and not is_blocked
        self.settled += by
        self.judged += by * (outcome.is_attempted or is_current)
        self.good += by * (outcome.is_success or is_current)


class UpstreamGroups:
    """Tells whether a device must be skipped because of its upstream groups."""

    def __init__(self, plan: RolloutPlan) -> None:
        self._plan = plan
        self._groups: dict[str, _Group] = {}
        #: Answers until the next change; devices of a group share one.
        self._answers: dict[_Wanted, str] = {}

    def add(self, device: str, outcome: Outcome, *, is_blocked: bool) -> None:
        """Counts a device's outcome for the groups it belongs to."""
        self._count(device, outcome, is_blocked=is_blocked, by=1)

    def remove(self, device: str, outcome: Outcome, *, is_blocked: bool) -> None:
        """Takes an outcome back."""
        self._count(device, outcome, is_blocked=is_blocked, by=-1)

    def _count(self, device: str, outcome: Outcome, *, is_blocked: bool, by: int) -> None:
        groups = self._plan.member_of.get(device)
        if groups:
            self._answers.clear()
            for group in groups:
                self._groups.setdefault(group, _Group()).count(
                    outcome, is_blocked=is_blocked, by=by
                )

    def blocks(self, device: str) -> str:
        """Why `device` must be skipped, or "".

        An upstream group counts with what is settled so far in this run; one
        whose devices all come in a later stage holds nobody up.
        """
        upstream = self._plan.upstream.get(device)
        if not upstream:
            return ""
        wanted = (upstream, self._plan.need_pct.get(device))
        if wanted not in self._answers:
            self._answers[wanted] = self._blocks(*wanted)
        return self._answers[wanted]

    def _blocks(self, upstream: tuple[str, ...], need_pct: tuple[float | None, ...] | None) -> str:
        needs = need_pct or (None,) * len(upstream)
        reasons = (
            _why_short(name, self._groups[name], need)
            for name, need in zip(upstream, needs, strict=True)
            if name in self._groups
        )
        return next(filter(None, reasons), "")


def _why_short(name: str, group: _Group, need_pct: float | None) -> str:
    """Why `group` does not give what is needed, or ""."""
    if not group.settled or need_pct == 0:
        return ""
    if not group.good:
        return f"upstream {name} failed: none of {group.settled} devices succeeded"
    if need_pct is not None and is_under(group.good, group.judged, need_pct):
        share = share_text(group.good, group.judged, need_pct)
        return (
            f"upstream {name} failed: {group.good} of {group.judged} attempted devices "
            f"succeeded ({share}), {need_pct:g} % are needed"
        )
    return ""
