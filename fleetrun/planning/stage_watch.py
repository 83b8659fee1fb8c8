"""What an open stage waits for once all its devices are done: soak, checks, approval. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fleetrun.model.rollout import CheckVerdict, OnInconclusive, OnTimeout, StagePlan
from fleetrun.planning.rollout_words import (
    Approved,
    AwaitApproval,
    CheckAnswered,
    Instruction,
    Promoted,
    ReleaseStage,
    RolloutEvent,
    RunCheck,
    StartSoak,
)
from fleetrun.planning.times import duration_text


@dataclass(frozen=True, slots=True)
class Wait:
    """The stage waits; `until` = None for ever."""

    until: float | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The stage may not be followed."""

    reason: str


class StageWatch:
    """The open stage's waiting. Times are seconds since the epoch."""

    def __init__(
        self, index: int, stage: StagePlan, *, opened_at: float, is_released: bool,
        early: dict[str, str], out: list[Instruction],
        checks: Sequence[tuple[CheckVerdict, str]] = (),
    ) -> None:
        """`early` has who approved a stage by name before it began; `out` gets what to do.

        `checks` are the answers that a former engine got.
        """
        self._index = index
        self._stage = stage
        self._opened_at = opened_at
        self._is_released = is_released
        self._early = early
        self._out = out
        #: It waits, and that was said.
        self._is_waiting = False
        self._passed = self._failed = 0
        self._is_checking = False
        #: Why a person must decide, or "".
        self._doubt = ""
        self._said = ""
        self._next_check = 0.0
        for verdict, text in checks:
            self._count(verdict, text)

    def look(self, now: float, last_success: float | None) -> Wait | Refused | None:
        """Whether the stage waits; None = no more."""
        if self._is_released:
            return None
        soak = self._soaks(now, last_success)
        check = None if last_success is None else self._checks(now, is_soaking=soak is not None)
        found = check if isinstance(check, Refused) else _sooner(soak, check) or self._asks(now)
        self._is_waiting = isinstance(found, Wait)
        return found

    def take(self, event: RolloutEvent, now: float) -> None:
        """Takes in what ends a wait; other events are nothing to it."""
        match event:
            case Promoted(by=by):
                self._promote(by)
            case Approved(by=by, stage=stage):
                self._approve(by, stage)
            case CheckAnswered():
                self._answered(event, now)
            case _:
                pass

    def _promote(self, by: str) -> None:
        """Ends whatever is waited for."""
        if self._is_waiting:
            self._release(f"promoted by {by}")

    def _approve(self, by: str, wanted: str) -> None:
        """Ends the wait for approval; a stage that is named may come later."""
        can_approve = self._stage.approval or self._doubt
        if can_approve and self._is_waiting and wanted in {"", self._stage.name}:
            self._release(f"approved by {by}")
        elif wanted:
            self._early[wanted] = by

    def _answered(self, answer: CheckAnswered, now: float) -> None:
        """Takes in what a check of this stage said."""
        external = self._stage.gate.external
        if external is None or answer.stage != self._index:
            return
        self._is_checking = False
        self._next_check = now + external.every_s
        self._count(answer.verdict, answer.text)

    def _count(self, verdict: CheckVerdict, text: str) -> None:
        external, self._said = self._stage.gate.external, text
        may_pause = external is None or external.inconclusive is OnInconclusive.PAUSE
        if verdict is CheckVerdict.INCONCLUSIVE and may_pause:
            self._doubt = text or "no reason given"
            self._out.append(AwaitApproval(
                index=self._index, name=self._stage.name, until=None,
                who=f"an operator, since its check was inconclusive ({self._doubt})",
            ))
        self._passed += verdict is CheckVerdict.OK
        self._failed += verdict is CheckVerdict.FAILED or (
            verdict is CheckVerdict.INCONCLUSIVE and not may_pause
        )

    def _checks(self, now: float, *, is_soaking: bool) -> Wait | Refused | None:
        """Checks go on until the soak is over and enough of them passed."""
        external = self._stage.gate.external
        if external is None:
            return None
        if self._failed > external.failure_limit:
            times = "once" if self._failed == 1 else f"{self._failed} times"
            said = f": {self._said}" if self._said else ""
            return Refused(f"the external check failed {times}{said}")
        if self._doubt:
            return Wait(None)
        if self._passed >= external.count and not is_soaking:
            return None
        if not self._is_checking and now >= self._next_check:
            self._is_checking = True
            self._out.append(
                RunCheck(index=self._index, name=self._stage.name, check=external)
            )
        return Wait(None if self._is_checking else self._next_check)

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

    def _asks(self, now: float) -> Wait | Refused | None:
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
            return Refused(f"{approval.who} did not approve within {within}") if is_fatal else None
        if not self._is_waiting:
            self._out.append(
                AwaitApproval(index=self._index, name=name, who=approval.who, until=until)
            )
        return Wait(until)


def _sooner(one: Wait | None, other: Wait | None) -> Wait | None:
    """Both waits as one, which ends when there is something to do."""
    waits = [wait for wait in (one, other) if wait is not None]
    times = [wait.until for wait in waits if wait.until is not None]
    return Wait(min(times, default=None)) if waits else None
