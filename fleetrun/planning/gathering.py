"""Which tasks of a play are barriers, and what a device tells the others at them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fleetrun.model.playbook import Play, Task
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.steps import Meet, MeetKind, Place, Shared
from fleetrun.model.values import Value
from fleetrun.planning import cursor, results
from fleetrun.planning.place import identity
from fleetrun.planning.scope import ElsewhereError
from fleetrun.planning.task_run import TaskRun

#: Modules that one device runs for its whole batch, whatever `run_once` says.
ONCE_MODULES: Final = frozenset({"add_host", "pause"})
#: Actions of ``meta`` that one device decides on for its whole batch.
ONCE_VERBS: Final = frozenset({
    "end_play", "end_batch", "clear_facts", "clear_host_errors", "refresh_inventory",
})
#: Modules whose results change the inventory: key of the result.
_INVENTORY_KEYS: Final = {"add_host": "add_host", "group_by": "add_group"}


def meta_verb(task: Task) -> str:
    """Returns the action of a ``meta`` task, "" for others."""
    return str(task.args.get("_raw_params", "noop")).strip() if task.module == "meta" else ""


class Gathering:
    """The barriers of one play."""

    def __init__(self, play: Play, *, lockstep: bool) -> None:
        #: False: devices never wait for each other.
        self.waits = play.strategy == "linear"
        self._is_limited = play.rollout.max_fail_pct is not None
        self._lockstep = lockstep

    def may_be_once(self, task: Task) -> bool:
        """True when one device may have to do a task for all; `run_once` is a template."""
        return self.waits and (
            task.run_once is not False
            or task.module in ONCE_MODULES
            or meta_verb(task) in ONCE_VERBS
        )

    def is_always_once(self, task: Task) -> bool:
        """True when one device does a task for all, whatever `run_once` says."""
        return task.module in ONCE_MODULES or meta_verb(task) in ONCE_VERBS

    def is_over_together(self, run: TaskRun) -> bool:
        """True when nobody may go on before the task is over on all devices."""
        if run.task.module in _INVENTORY_KEYS:
            return True
        if not self.waits:
            return False
        return (
            run.is_led or self._lockstep or self._is_limited or run.task.delegate_facts is not False
            or (run.traits is not None and run.traits.is_fatal and not run.ignores_errors)
        )


def once(task: Task, place: Place) -> Meet:
    """Returns the wait before a task that one device does for all."""
    return Meet(kind=MeetKind.ONCE, place=place, task=identity(task))


def read(error: ElsewhereError, task: str, place: Place) -> Meet:
    """Returns the wait for what a task reads of other devices."""
    return Meet(kind=MeetKind.READ, place=place, task=task, awaits=error.devices)


def over(run: TaskRun, result: TaskResult, place: Place) -> Meet:
    """Returns the wait behind a task, with what it gives to others."""
    has_failed = result.is_failed and not run.ignores_errors
    return Meet(
        kind=MeetKind.OVER, place=place, task=identity(run.task), has_failed=has_failed,
        is_lost=has_failed and not cursor.is_rescued(run.spot_before.position),
        is_fatal=run.is_fatal and not run.ignores_errors, shared=_shared(run, result),
    )


def _shared(run: TaskRun, result: TaskResult) -> Shared:
    variables: dict[str, Value] = {}
    facts: Mapping[str, Value] = {}
    if run.is_led and run.task.run_once is not False:
        variables |= {**run.loads, **run.writes}
        if run.task.register:
            variables[run.task.register] = results.registered(result.values)
        facts = run.facts
    has_acted = result.status is not TaskStatus.SKIPPED
    return Shared(
        variables=variables, facts=facts, variables_for=dict(run.variables_for),
        facts_for=dict(run.facts_for), inventory=tuple(_changes(run)),
        meta=meta_verb(run.task) if has_acted else "",
    )


def _changes(run: TaskRun) -> list[Mapping[str, Value]]:
    """What add_host and group_by found, item by item."""
    key = _INVENTORY_KEYS.get(run.task.module)
    if key is None:
        return []
    return [
        {name: result.values[name] for name in (key, "parent_groups") if name in result.values}
        for result in run.results
        if result is not None and not result.is_failed and key in result.values
    ]
