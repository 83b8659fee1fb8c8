"""What a rollout's instructions are told as: the events of the journal. Pure."""

from __future__ import annotations

from fleetrun.model.events import (
    AnyEvent,
    RolloutContinued,
    RolloutPaused,
    RunHalted,
    StageFinished,
    StageReleased,
    StageSoaking,
    StageStarted,
    StageWaiting,
)
from fleetrun.planning.rollout_words import (
    AwaitApproval,
    CloseStage,
    Halt,
    Instruction,
    Pause,
    ReleaseStage,
    StartSoak,
    StartStage,
    Unpause,
)

#: Instructions whose event must be durable before anything follows.
DURABLE = (CloseStage, Halt, StartSoak, AwaitApproval, ReleaseStage, Pause, Unpause)


def event_of(instruction: Instruction, play: int, at: float) -> AnyEvent | None:
    """Returns the event that tells of an instruction; None when nobody needs to know."""
    match instruction:
        case StartStage() as begun:
            return StageStarted(
                at=at, play=play, stage=begun.index, name=begun.name, device_count=begun.count
            )
        case CloseStage() as close:
            return StageFinished(
                at=at, play=play, stage=close.index, name=close.name, passed=close.passed,
                reason=close.reason, counts=dict(close.counts),
            )
        case StartSoak() as soak:
            return StageSoaking(
                at=at, play=play, stage=soak.index, name=soak.name, until=soak.until
            )
        case AwaitApproval() as wait:
            return StageWaiting(
                at=at, play=play, stage=wait.index, name=wait.name, who=wait.who,
                until=wait.until,
            )
        case ReleaseStage() as release:
            return StageReleased(
                at=at, play=play, stage=release.index, name=release.name, reason=release.reason
            )
        case _:
            return _run_event(instruction, play, at)


def _run_event(instruction: Instruction, play: int, at: float) -> AnyEvent | None:
    match instruction:
        case Halt(reason=reason, cause=cause):
            return RunHalted(at=at, reason=reason, cause=cause)
        case Pause(by=by):
            return RolloutPaused(at=at, play=play, by=by)
        case Unpause(by=by):
            return RolloutContinued(at=at, play=play, by=by)
        case _:
            return None
