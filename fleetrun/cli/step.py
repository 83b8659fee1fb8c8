"""--step: a question before each task, in Ansible's words."""

from __future__ import annotations

import sys

import click

from fleetrun.model.playbook import Task


class StepQuestions:
    """Asks once for each task, whatever the number of devices."""

    def __init__(self) -> None:
        self._answers: dict[str, bool] = {}
        self._asks = True

    def ask(self, task: Task) -> bool:
        """Returns whether a task is to be done; `c` answers yes for all that follow."""
        if not self._asks:
            return True
        if task.id not in self._answers:
            name = task.name or task.module
            click.echo(f"Perform task: TASK: {name} (N)o/(y)es/(c)ontinue: ", err=True, nl=False)
            answer = sys.stdin.readline().strip().lower()
            self._asks = answer not in {"c", "continue"}
            self._answers[task.id] = answer in {"y", "yes", "c", "continue"}
        return self._answers[task.id]
