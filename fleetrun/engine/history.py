"""What the journal knows of a device in one play, for resume."""

from __future__ import annotations

from dataclasses import dataclass, field

from fleetrun.model.result import TaskResult


@dataclass(slots=True)
class History:
    """What the journal knows of a device in one play, for resume."""

    answers: dict[str, TaskResult] = field(default_factory=dict)
    #: Keys of all steps that were about to be sent, answered ones too.
    intended: set[str] = field(default_factory=set)
    #: boot_id of the session that the last intent went out on; "" = not known.
    boot_id: str = ""
    #: When the last intent was written, controller's clock.
    intended_at: float = 0.0
