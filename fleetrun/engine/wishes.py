"""What the operator says of interrupted steps at `resume`: run again, or take as done.

A step that is not idempotent and whose end nobody can prove is never repeated
unasked (specs: no silent repeat). The operator's word for it, by the step's
name, is journalled before it is acted on, and holds for one interruption.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fleetrun.engine.bus import Bus
from fleetrun.model.events import StepAcknowledged
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.run import Decision
from fleetrun.model.steps import Reply, Step
from fleetrun.planning import results


@dataclass(slots=True)
class Wishes:
    """The decisions of one `resume`; empty for a run from the start."""

    #: Name, module, id or key of a step -> what is to become of it.
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    #: Who says so, "user@host".
    by: str = ""
    #: (device, key) -> decision that was taken and journalled.
    _taken: dict[tuple[str, str], Decision] = field(default_factory=dict)

    def decide(self, play: int, device: str, step: Step, bus: Bus) -> Decision | None:
        """Returns what is to become of an interrupted step; the word is used up then."""
        task = step.task
        if not self.decisions or (device, step.key) in self._taken:
            return None
        names = (step.key, task.id, task.name, task.module)
        decision = next((self.decisions[n] for n in names if n in self.decisions), None)
        if decision is not None:
            self._taken[device, step.key] = decision
            bus.publish(StepAcknowledged(
                at=bus.now(), play=play, device=device, key=step.key, decision=decision.value,
                rerun_acknowledged_by=self.by,
            ))
        return decision


def unproven(step: Step, reply: Reply, decision: Decision | None, by: str) -> TaskResult:
    """Returns the result of a step whose end the device cannot prove."""
    if decision is Decision.DONE:
        return TaskResult(
            status=TaskStatus.CHANGED,
            # A success has these: what follows may ask for them.
            values={
                "changed": True, "rc": 0, "stdout": "", "stdout_lines": [], "stderr": "",
                "stderr_lines": [], "msg": f"taken as done on the word of {by}",
            },
        )
    name = step.task.name or step.task.module
    return results.unknown(
        reply.error_kind or "module/interrupted",
        "began on the device, was interrupted, and must not be repeated unasked: look what it "
        f"did, then `resume` with --rerun or --assume-done {name!r}",
    )
