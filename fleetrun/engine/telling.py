"""How the world is told of tasks, and of devices that do not go on."""

from __future__ import annotations

from fleetrun.errors import ConnectError
from fleetrun.model.events import AnyEvent, TaskFinished, TaskRetried
from fleetrun.model.result import Outcome
from fleetrun.model.steps import Done, Report, Retrying


def task_event(work: Report | Retrying, *, play: int, device: str, now: float) -> AnyEvent:
    """Returns the event of a task that is over, or of an attempt that failed."""
    task = work.task
    if isinstance(work, Retrying):
        return TaskRetried(
            at=now, play=play, device=device, task=task.id, name=work.name or task.module,
            retries_left=work.retries_left, is_handler=work.is_handler, path=str(task.mark),
        )
    return TaskFinished(
        at=now, play=play, device=device, task=task.id, name=work.name or task.name,
        module=task.module, result=work.result, is_handler=work.is_handler, no_log=work.no_log,
        path=str(task.mark), item_statuses=work.item_statuses, item_labels=work.item_labels,
        delegated_to=", ".join(work.delegated_to),
    )


def unreachable(error: ConnectError, *, is_in_doubt: bool) -> Done:
    """Returns the end of a device that was not reached: unknown when something is still out."""
    reason = error.message + (f" ({error.hint})" if error.hint else "")
    if is_in_doubt:
        return Done(
            outcome=Outcome.UNKNOWN,
            reason=f"a step was sent, and the device cannot be asked: {reason}",
        )
    return Done(outcome=Outcome.UNREACHABLE, reason=reason)


def stopped(*, is_in_doubt: bool) -> Done:
    """Returns the end of a device that is not to go on."""
    if is_in_doubt:
        return Done(
            outcome=Outcome.UNKNOWN,
            reason="stopped by the operator before the device was asked for a step's end",
        )
    return Done(outcome=Outcome.CANCELLED, reason="stopped by the operator")
