"""From what a program reports to the events that tell the world."""

from __future__ import annotations

from fleetrun.model.events import AnyEvent, TaskFinished, TaskRetried
from fleetrun.model.steps import Report, Retrying


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
    )
