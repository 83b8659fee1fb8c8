"""What the journal says of a rollout: when its stages began, and what was let go on."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from fleetrun.model.events import (
    DeviceStarted,
    PlayStarted,
    StageChecked,
    StageFinished,
    StageReleased,
    StageStarted,
)
from fleetrun.model.rollout import CheckVerdict, RolloutHistory

#: Events that change a `RolloutHistory`.
RolloutFact: TypeAlias = (
    "PlayStarted | StageStarted | StageFinished | StageReleased | StageChecked | DeviceStarted"
)


def with_fact(history: RolloutHistory, event: RolloutFact) -> RolloutHistory:
    """Returns the history with one more event, in journal order."""
    match event:
        case DeviceStarted():
            return replace(history, last_start=event.at)
        case PlayStarted():
            began_at = event.at if history.began_at is None else history.began_at
            return replace(history, began_at=began_at)
        case StageStarted():
            # A resumed run says it again; the first time counts.
            return replace(history, opened_at={event.stage: event.at, **history.opened_at})
        case StageChecked():
            said = (*history.checks.get(event.stage, ()), (CheckVerdict(event.verdict), event.text))
            return replace(history, checks={**history.checks, event.stage: said})
        case StageReleased():
            return replace(history, released=history.released | {event.stage})
        case StageFinished():
            passed = history.passed | ({event.stage} if event.passed else frozenset())
            return replace(history, passed=passed)
