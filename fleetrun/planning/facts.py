"""The implicit fact gathering of a play, as a task (rules 17 and 48). Pure."""

from __future__ import annotations

from dataclasses import replace

from fleetrun.model.playbook import Play, Task

FACTS_TASK = "Gathering Facts"


def facts_task(play: Play) -> Task:
    """Returns the task that gathers facts at the start of a play."""
    return Task(
        id=f"{play.index}.facts", module="setup", name=FACTS_TASK, mark=play.mark,
        become=play.become, remote_user=play.remote_user, environment=play.environment,
        tags=play.tags | {"always"}, args=play.gather_args,
    )


def with_facts(play: Play) -> Play:
    """Returns the play with its fact gathering as the first task."""
    return replace(play, pre_tasks=(facts_task(play), *play.pre_tasks))


def is_facts_task(task: Task) -> bool:
    """True for a play's own gathering of facts."""
    return task.name == FACTS_TASK and task.id.endswith(".facts")
