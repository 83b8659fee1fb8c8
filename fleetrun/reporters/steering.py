"""Lines that tell of a rollout's waits: soak, approval, pause."""

from __future__ import annotations

import time
from typing import TypeAlias

from fleetrun.model.events import (
    RolloutContinued,
    RolloutPaused,
    StageChecked,
    StageReleased,
    StageSoaking,
    StageWaiting,
)
from fleetrun.planning.times import duration_text
from fleetrun.reporters.escape import escape_line
from fleetrun.reporters.palette import Palette

Steered: TypeAlias = (
    "StageSoaking | StageWaiting | StageChecked | StageReleased | RolloutPaused | RolloutContinued"
)


def steering_line(event: Steered, run: str, palette: Palette) -> str:
    """One line; says what to type where the operator is waited for."""
    match event:
        case StageSoaking(name=name, until=until, at=at):
            text = (
                f"stage {escape_line(name)} soaks for {duration_text(max(0.0, until - at))}, "
                f"until {_clock(until)} · cut it short: fleetrun promote {run}"
            )
        case StageWaiting(name=name, who=who, until=until):
            end = "" if until is None else f", until {_clock(until)}"
            text = (
                f"stage {escape_line(name)} waits for approval by {escape_line(who)}{end} · "
                f"fleetrun approve {run}"
            )
        case StageChecked(name=name, verdict=verdict, text=said):
            more = f" · {escape_line(said)}" if said else ""
            text = f"stage {escape_line(name)} · external check: {verdict}{more}"
        case StageReleased(name=name, reason=reason):
            text = f"stage {escape_line(name)} goes on: {escape_line(reason)}"
        case RolloutPaused(by=by):
            text = f"paused by {escape_line(by)} · go on: fleetrun promote {run}"
        case RolloutContinued(by=by):
            text = f"goes on after the pause: promoted by {escape_line(by)}"
    return f"{palette.paint('‖', 'warning')} {text}"


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
