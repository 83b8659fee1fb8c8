"""From a device's raw answers to the results of its tasks. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from fleetrun.errors import TemplateError
from fleetrun.model.module import ModuleKind
from fleetrun.model.playbook import Task
from fleetrun.model.result import Recap, TaskResult, TaskStatus
from fleetrun.model.steps import Report
from fleetrun.model.values import TemplateText, Value, Vars
from fleetrun.planning import cursor, hidden, results
from fleetrun.planning import judge as rules
from fleetrun.planning.handlers import Notifications
from fleetrun.planning.scope import Scope
from fleetrun.planning.step_builder import from_error, truth
from fleetrun.planning.surroundings import Surroundings
from fleetrun.planning.task_run import TaskRun
from fleetrun.planning.templates import Templater
from fleetrun.planning.viewpoint import Viewpoint


class Judging:
    """Judges the tasks of one device and counts them."""

    def __init__(self, around: Surroundings, templater: Templater, view: Viewpoint) -> None:
        self._around = around
        self._templater = templater
        self._view = view
        self._counts: Counter[str] = Counter()

    def judge(self, run: TaskRun, index: int, raw: TaskResult, attempt: int) -> rules.Verdict:
        """Returns an answer's result, or that it is to be tried again.

        Raises ElsewhereError when other devices must be further on first.
        """
        extra: dict[str, Value] = {}
        if run.task.until or run.task.retries is not None:
            extra["attempts"] = attempt
        known = hidden.like(raw.values, {**raw.values, **extra})
        judged = rules.judge(
            run.task, replace(raw, values=known),
            lambda values: self._with_register(run, index, values), self._templater,
        )
        judged = replace(judged, values=hidden.like(raw.values, judged.values))
        return self._retry(run, judged, attempt)

    def _with_register(self, run: TaskRun, index: int | None, values: Vars) -> Scope:
        layers = self._around.layers(run, index)
        if run.task.register:
            layers = [{run.task.register: results.registered(values)}, *layers]
        return Scope(layers, task=run.task)

    def _retry(self, run: TaskRun, result: TaskResult, attempt: int) -> rules.Verdict:
        task = run.task
        is_final = result.status in {TaskStatus.UNKNOWN, TaskStatus.UNREACHABLE}
        if is_final or (not task.until and task.retries is None):
            return rules.Verdict(result=result)
        scope = self._with_register(run, None, result.values)
        return rules.retry(task, result, attempt, scope, self._templater)

    def final(self, run: TaskRun) -> TaskResult:
        """Returns the result of a task from those of its items."""
        answered = [result for result in run.results if result is not None]
        if run.task.loop is None or run.is_without_items:
            return answered[0]
        for index, result in enumerate(answered):
            known = results.registered(result.values)
            values = {**known, **self._around.loop_vars(run, index)}
            answered[index] = replace(result, values=hidden.like(result.values, values))
        return results.aggregate(answered)

    def name(self, run: TaskRun) -> str:
        """Returns the task's name for this device; as written where it cannot be rendered."""
        name, role = run.task.name, run.task.role
        if isinstance(name, TemplateText) and not run.no_log:
            try:
                with self._view.without_waiting():
                    scope = Scope(self._around.layers(run))
                    name = str(self._templater.render(name, scope))
            except TemplateError:
                name = str(name)
        if not name and run.spec.name == "include_role":
            return f"include_role : {run.task.args.get('name', '')!s}"
        return name if role is None else f"{role.name} : {name or run.task.module}"

    def report(self, run: TaskRun, result: TaskResult) -> Report:
        """Returns what the world is told of a task that is over."""
        return Report(
            task=run.task, result=hidden.plain(result), name=self.name(run),
            is_handler=run.is_handler, no_log=run.no_log,
            item_statuses=run.item_statuses, item_labels=run.item_labels,
            delegated_to=self.delegates(run),
        )

    def delegates(self, run: TaskRun) -> tuple[str, ...]:
        """Returns the other devices that a task was delegated to, in order."""
        own = self._view.device
        return tuple(dict.fromkeys(name for name in run.delegates.values() if name != own))

    def cached(self, run: TaskRun) -> Vars:
        """What set_fact says is to be a fact, too (``cacheable``)."""
        wanted = run.task.args.get("cacheable") if run.spec.name == "set_fact" else None
        if wanted is None or not run.writes:
            return {}
        try:
            scope = Scope(self._around.layers(run))
            return run.writes if truth(self._templater.render(wanted, scope)) else {}
        except TemplateError:
            return {}

    def notify(self, run: TaskRun, result: TaskResult, handlers: Notifications) -> TaskResult:
        """Marks handlers; the result turns to failed when there is no such handler."""
        try:
            with self._view.without_waiting():
                names = self._topics(run)
        except TemplateError as error:
            return from_error(error)
        for name in names:
            for one in name if isinstance(name, list | tuple) else [name]:
                if not handlers.notify(str(one), self._handler_name):
                    message = f"the handler {str(one)!r} that `notify` names was not found"
                    return results.failed(message, "task/no-handler")
        return result

    def _topics(self, run: TaskRun) -> list[Value]:
        """What a task notifies; names that hold templates once for each changed item."""
        topics = run.task.notify
        if not any(isinstance(topic, TemplateText) for topic in topics):
            return list(topics)
        indexes: list[int | None] = [None]
        if run.task.loop is not None:
            changed = TaskStatus.CHANGED
            indexes = [i for i, one in enumerate(run.results) if one and one.status is changed]
        render = self._templater.render
        scopes = [Scope(self._around.layers(run, index)) for index in indexes]
        return [render(topic, scope) for scope in scopes for topic in topics]

    def _handler_name(self, text: str, handler: Task) -> str:
        """A handler's name or topic for this device; as written where it has no value."""
        try:
            scope = Scope(self._around.layers_of(handler))
            with self._view.without_waiting():
                return str(self._templater.render(text, scope))
        except TemplateError:
            return text

    # -- counts -----------------------------------------------------------------

    @property
    def has_changed(self) -> bool:
        """True when a task changed something."""
        return self._counts["changed"] > 0

    @property
    def recap(self) -> Recap:
        """Counts so far, as in Ansible's recap line."""
        return Recap(**{name: self._counts[name] for name in Recap.__dataclass_fields__})

    def count(self, result: TaskResult, run: TaskRun) -> None:
        """Counts a task that is over."""
        is_skipped = result.status is TaskStatus.SKIPPED
        if run.is_silent or (is_skipped and run.spec.name == "meta"):
            return
        counts = self._counts
        if is_skipped:
            counts["skipped"] += 1
        elif result.ignored:
            counts["ok"] += 1
            counts["ignored"] += 1
            counts["changed"] += result.values.get("changed") is True
        elif result.is_failed:
            is_rescued = cursor.is_rescued(run.spot_before.position)
            counts["rescued" if is_rescued else "failed"] += 1
        else:
            counts["ok"] += _weight(run)
            counts["changed"] += result.status is TaskStatus.CHANGED


def facts_in(raw: TaskResult) -> Mapping[str, Value]:
    """Returns the facts that a module's result brings."""
    if isinstance(raw.values, hidden.HiddenValues):
        return {}
    facts = raw.values.get("ansible_facts")
    return facts if isinstance(facts, Mapping) else {}


def _weight(run: TaskRun) -> int:
    """How much a task counts as ok: an include once for each file or role."""
    if run.spec.kind is not ModuleKind.INCLUDE or run.task.loop is None:
        return 1
    return sum(1 for one in run.results if one is not None and one.status is TaskStatus.OK)
