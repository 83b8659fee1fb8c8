"""What an open stage waits for once all its devices are done: soak and approval. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from fleetrun.model.rollout import OnTimeout, StagePlan
from fleetrun.planning.rollout_words import AwaitApproval, Instruction, ReleaseStage, StartSoak
from fleetrun.planning.times import duration_text


@dataclass(frozen=True, slots=True)
class Wait:
    """The stage waits; `until` = None for ever."""

    until: float | None


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The stage may not be followed."""

    reason: str


class StageWatch:
    """The open stage's waiting. Times are seconds since the epoch."""

    def __init__(
        self, index: int, stage: StagePlan, *, opened_at: float, is_released: bool,
        early: dict[str, str], out: list[Instruction],
    ) -> None:
        """`early` has who approved a stage by name before it began; `out` gets what to do."""
        self._index = index
        self._stage = stage
        self._opened_at = opened_at
        self._is_released = is_released
        self._early = early
        self._out = out
        #: It waits, and that was said.
        self._is_waiting = False

    def look(self, now: float, last_success: float | None) -> Wait | TimedOut | None:
        """Whether the stage waits; None = no more."""
        if self._is_released:
            return None
        found = self._soaks(now, last_success) or self._asks(now)
        self._is_waiting = isinstance(found, Wait)
        return found

    def promote(self, by: str) -> None:
        """Ends whatever is waited for."""
        if self._is_waiting:
            self._release(f"promoted by {by}")

    def approve(self, by: str, wanted: str) -> None:
        """Ends the wait for approval; a stage that is named may come later."""
        if self._stage.approval and self._is_waiting and wanted in {"", self._stage.name}:
            self._release(f"approved by {by}")
        elif wanted:
            self._early[wanted] = by

    def _release(self, reason: str) -> None:
        self._is_released = True
        self._out.append(
            ReleaseStage(index=self._index, name=self._stage.name, reason=reason)
        )

    def _soaks(self, now: float, last_success: float | None) -> Wait | None:
        if not self._stage.soak_s or last_success is None:
            return None
        until = last_success + self._stage.soak_s
        if now >= until:
            return None
        if not self._is_waiting:
            self._out.append(StartSoak(index=self._index, name=self._stage.name, until=until))
        return Wait(until)

    def _asks(self, now: float) -> Wait | TimedOut | None:
        approval, name = self._stage.approval, self._stage.name
        if approval is None:
            return None
        if name in self._early:
            self._release(f"approved by {self._early.pop(name)}")
            return None
        until = None if approval.timeout_s is None else self._opened_at + approval.timeout_s
        if until is not None and now >= until:
            within = duration_text(approval.timeout_s or 0.0)
            is_fatal = approval.on_timeout is OnTimeout.ABORT
            return TimedOut(f"{approval.who} did not approve within {within}") if is_fatal else None
        if not self._is_waiting:
            self._out.append(
                AwaitApproval(index=self._index, name=name, who=approval.who, until=until)
            )
        return Wait(until)
