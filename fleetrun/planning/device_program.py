"""The machine that decides what one device does next in one play. Pure.

The engine asks `next()` and carries out what it gets: a batch of steps, a
dialogue, a wait, a report, or the end. It answers with `feed()`. The program
looks ahead: it goes on building steps while nothing they need depends on an
answer that is still out, so that independent tasks travel in one write. A
value that is not known yet announces itself: the scope raises
PendingValueError when a template touches it, and the batch ends there.

Looking ahead assumes that the steps before succeed. When one fails, the device
has stopped by itself (OnFailure.STOP), the runs behind it are forgotten, and
the walk goes on from where that task stood.

Determinism: the same play, variables and answers give the same steps with the
same keys. Resume therefore feeds the journalled answers to a new program.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import replace

from fleetrun.errors import TemplateError
from fleetrun.model.module import ModuleKind
from fleetrun.model.playbook import Play, Task
from fleetrun.model.result import Outcome, Recap, TaskResult, TaskStatus
from fleetrun.model.steps import DialogueStep, Done, RemoteBatch, Report, Retrying, Wait, Work
from fleetrun.model.values import TemplateText, Value
from fleetrun.planning import cursor, hidden, judge, results
from fleetrun.planning.cursor import Failure, Spot
from fleetrun.planning.device_state import DeviceState
from fleetrun.planning.play_files import PlayFiles
from fleetrun.planning.scope import PendingValueError, Scope
from fleetrun.planning.step_builder import from_error
from fleetrun.planning.surroundings import Surroundings
from fleetrun.planning.task_opener import TaskOpener
from fleetrun.planning.task_run import TaskRun
from fleetrun.planning.toolbox import DeviceVars, ProgramOptions, Toolbox
from fleetrun.planning.walker import BarrierError, BlockFailedError, Walker


class DeviceProgram:
    """One device's way through one play."""

    def __init__(
        self,
        play: Play,
        *,
        toolbox: Toolbox,
        options: ProgramOptions,
        device_vars: DeviceVars,
        state: DeviceState,
    ) -> None:
        self._play = play
        self._tools = toolbox
        self._options = options
        self._state = state
        self._flight: deque[TaskRun] = deque()
        self._walker = Walker(play, self._flight)
        self._around = Surroundings(
            device_vars, state, self._flight, PlayFiles(play, toolbox)
        )
        self._opener = TaskOpener(
            toolbox=toolbox, options=options, device_vars=device_vars, state=state,
            flight=self._flight, walker=self._walker, surroundings=self._around,
        )
        self._sent: dict[int, TaskRun] = {}
        self._outbox: deque[Report | Retrying] = deque()
        self._done: Done | None = None
        self._failure: Failure | None = None
        self._counts: Counter[str] = Counter()
        self._wait: Wait | None = None

    # -- what the engine calls ------------------------------------------------

    def next(self) -> Work:
        """Returns the next piece of work.

        Raises RuntimeError when steps that were handed out are not answered.
        """
        is_stuck = False
        while True:
            self._finish_heads()
            if self._outbox:
                return self._outbox.popleft()
            if self._done is not None:
                return self._done
            if self._wait is not None:
                wait, self._wait = self._wait, None
                return wait
            if self._sent:
                raise RuntimeError("steps are out; feed their answers first")
            if len(self._opener.ready) < self._options.max_batch and self._extend():
                is_stuck = False
                continue
            if self._opener.ready:
                return self._hand_out()
            if is_stuck:
                raise RuntimeError(f"no way on from {self._walker.spot}")
            # One more round: finished heads may have opened the way.
            is_stuck = True

    def feed(self, seq: int, raw: TaskResult) -> None:
        """Takes the answer of one step; answers come in the order of `seq`.

        Answers to steps that the program forgot (they stood behind a failure)
        are ignored.
        """
        run = self._sent.pop(seq, None)
        if run is None:
            return
        self._finish_heads()
        index, attempt = run.answered(seq)
        self._state.learn(raw.values)
        judged = self._judge(run, index, raw, attempt)
        verdict = self._retry(run, judged, attempt)
        if verdict.delay_s is not None:
            self._outbox.append(
                Retrying(
                    task=run.task, name=self._name(run), retries_left=verdict.retries_left,
                    is_handler=run.is_handler,
                )
            )
            self._again(run, index, attempt + 1, verdict.delay_s)
        else:
            run.results[index] = verdict.result
            self._opener.after_item(run, index)
            self._pause_after(run)
        self._finish_heads()

    def drop_unanswered(self) -> None:
        """Takes back every step that was handed out but certainly did not run."""
        self._finish_heads()
        for position, run in enumerate(self._flight):
            if run.is_waiting:
                run.rewind()
                while len(self._flight) > position + 1:
                    self._opener.executions[self._flight.pop().task.id] -= 1
                self._walker.spot = run.spot_after
                break
        self._sent.clear()
        self._opener.ready.clear()

    @property
    def outstanding(self) -> frozenset[int]:
        """Numbers of the steps that were handed out and still count."""
        return frozenset(self._sent)

    @property
    def recap(self) -> Recap:
        """Counts so far, as in Ansible's recap line."""
        return Recap(**{name: self._counts[name] for name in Recap.__dataclass_fields__})

    @property
    def failure(self) -> Failure | None:
        """The failure that ended the program, if one did."""
        return self._failure

    # -- looking ahead ----------------------------------------------------------

    def _extend(self) -> bool:
        """Builds one more task; False when an answer is needed first."""
        last = self._flight[-1] if self._flight else None
        try:
            if last is not None and last.has_more:
                self._opener.build_items(last)
                return True
            if last is not None and last.closes_batch:
                return False
            return self._enter_next()
        except (PendingValueError, BarrierError):
            return False

    def _enter_next(self) -> bool:
        try:
            spot = self._walker.arrive(self._walker.spot)
        except BlockFailedError as ended:
            self._fail_device(ended.spot, ended.failure)
            return True
        if spot is None:
            return self._end()
        node = cursor.current(spot.position)
        if not isinstance(node, Task):
            raise TypeError(f"a walk must end at a task, not at {node!r}")
        run = self._opener.open(node, spot)
        self._walker.spot = run.spot_after
        self._flight.append(run)
        self._opener.executions[node.id] += 1
        return True

    def _end(self) -> bool:
        if self._flight:
            return False
        if self._failure is not None:
            self._finish_failed(Outcome.FAILED, self._failure)
            return True
        changed = self._counts["changed"] > 0
        self._done = Done(outcome=Outcome.CHANGED if changed else Outcome.OK)
        return True

    # -- judging --------------------------------------------------------------------

    def _judge(self, run: TaskRun, index: int, raw: TaskResult, attempt: int) -> TaskResult:
        extra: dict[str, Value] = {}
        if run.task.until or run.task.retries is not None:
            extra["attempts"] = attempt
        registered = hidden.like(raw.values, {**raw.values, **extra})
        layers = self._around.layers(run, index)
        if run.task.register:
            layers = [{run.task.register: registered}, *layers]
        result = replace(raw, values=registered)
        judged = judge.judge(
            run.task, result, Scope(layers, task=run.task), self._tools.templater
        )
        return replace(judged, values=hidden.like(raw.values, judged.values))

    def _retry(self, run: TaskRun, result: TaskResult, attempt: int) -> judge.Verdict:
        task = run.task
        if (not task.until and task.retries is None) or result.status is TaskStatus.UNKNOWN:
            return judge.Verdict(result=result)
        layers = self._around.layers(run)
        if task.register:
            layers = [{task.register: result.values}, *layers]
        scope = Scope(layers, task=task)
        return judge.retry(task, result, attempt, scope, self._tools.templater)

    def _again(self, run: TaskRun, index: int, attempt: int, delay_s: float) -> None:
        self._opener.build_item(run, index, attempt)
        if delay_s > 0:
            self._wait = Wait(seconds=delay_s)

    def _pause_after(self, run: TaskRun) -> None:
        loop = run.task.loop
        if loop is not None and loop.control.pause_s and run.has_more:
            self._wait = Wait(seconds=loop.control.pause_s)

    # -- finishing --------------------------------------------------------------------

    def _finish_heads(self) -> None:
        while self._flight and self._flight[0].is_complete:
            self._finish(self._flight.popleft())

    def _finish(self, run: TaskRun) -> None:
        """Makes a task's result final: register, notify, report, or fail."""
        task = run.task
        result = self._final_result(run)
        if result.status is TaskStatus.CHANGED:
            result = self._notify(run, result)
        if task.register and not run.is_silent:
            self._state.dynamic[task.register] = result.values
        self._state.dynamic.update(run.writes)
        self._state.included.update(run.loads)
        self._around.published += run.published
        if task.is_implicit and task.role is not None:
            self._walker.completed_roles.add(task.role.key)
        if run.is_handler:
            self._walker.handlers.clear(task)
        ignored = result.is_failed and run.ignores_errors
        result = replace(result, ignored=ignored)
        self._count(result, run)
        if not run.is_silent:
            self._outbox.append(
                Report(
                    task=task, result=hidden.plain(result), name=self._name(run),
                    is_handler=run.is_handler, no_log=run.no_log,
                    item_statuses=run.item_statuses, item_labels=run.item_labels,
                )
            )
        if result.is_failed and not ignored:
            self._forget_flight()
            self._fail_device(run.spot_before, Failure(task, result, run.no_log))

    def _name(self, run: TaskRun) -> str:
        """The task's name for this device; as written where it cannot be rendered."""
        name, role = run.task.name, run.task.role
        if isinstance(name, TemplateText) and not run.no_log:
            try:
                name = str(self._tools.templater.render(name, Scope(self._around.layers(run))))
            except TemplateError:
                name = str(name)
        if not name and run.spec.name == "include_role":
            return f"include_role : {run.task.args.get('name', '')!s}"
        return name if role is None else f"{role.name} : {name or run.task.module}"

    def _final_result(self, run: TaskRun) -> TaskResult:
        answered = [result for result in run.results if result is not None]
        if run.task.loop is None or run.is_without_items:
            return answered[0]
        for index, result in enumerate(answered):
            values = {**result.values, **self._around.loop_vars(run, index)}
            answered[index] = replace(result, values=hidden.like(result.values, values))
        return results.aggregate(answered)

    def _forget_flight(self) -> None:
        for run in self._flight:
            self._opener.executions[run.task.id] -= 1
        self._flight.clear()
        self._sent.clear()
        self._opener.ready.clear()
        self._wait = None

    def _notify(self, run: TaskRun, result: TaskResult) -> TaskResult:
        """Marks handlers; the result turns to failed when there is no such handler."""
        try:
            names = self._topics(run)
        except TemplateError as error:
            return from_error(error)
        for name in names:
            for one in name if isinstance(name, list | tuple) else [name]:
                if not self._walker.handlers.notify(str(one), self._handler_name):
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
        render = self._tools.templater.render
        scopes = [Scope(self._around.layers(run, index)) for index in indexes]
        return [render(topic, scope) for scope in scopes for topic in topics]

    def _handler_name(self, text: str, handler: Task) -> str:
        """A handler's name or topic for this device; as written where it has no value."""
        try:
            scope = Scope(self._around.layers_of(handler))
            return str(self._tools.templater.render(text, scope))
        except TemplateError:
            return text

    def _count(self, result: TaskResult, run: TaskRun) -> None:
        is_skipped = result.status is TaskStatus.SKIPPED
        if run.is_silent or (is_skipped and run.spec.name == "meta"):
            return
        counts = self._counts
        if result.status is TaskStatus.SKIPPED:
            counts["skipped"] += 1
        elif result.is_failed and result.ignored:
            counts["ok"] += 1
            counts["ignored"] += 1
            counts["changed"] += result.values.get("changed") is True
        elif result.is_failed:
            is_rescued = cursor.is_rescued(run.spot_before.position)
            counts["rescued" if is_rescued else "failed"] += 1
        else:
            counts["ok"] += _weight(run)
            counts["changed"] += result.status is TaskStatus.CHANGED

    def _fail_device(self, spot: Spot, failure: Failure) -> None:
        """Goes to the rescue, or ends: with handlers first if they are forced."""
        if failure.result.status is TaskStatus.UNKNOWN:
            self._finish_failed(Outcome.UNKNOWN, failure)
            return
        arrival = cursor.fail(spot.position, failure)
        if arrival.task is not None:
            self._walker.spot = replace(spot, position=arrival.position)
            return
        failure = arrival.failure or failure
        forced = self._play.force_handlers or self._options.force_handlers
        if forced and self._failure is None and self._walker.handlers.next_after(-1) is not None:
            self._failure = failure
            self._walker.spot = self._walker.flush(self._walker.end)
            return
        self._finish_failed(Outcome.FAILED, self._failure or failure)

    def _finish_failed(self, outcome: Outcome, failure: Failure) -> None:
        self._failure = failure
        self._done = Done(outcome=outcome, reason=judge.reason(failure))

    # -- names and scopes ---------------------------------------------------------------

    def _hand_out(self) -> Work:
        steps, self._opener.ready = tuple(self._opener.ready), []
        by_seq = {seq: run for run in self._flight for seq in run.waiting}
        self._sent = {step.seq: by_seq[step.seq] for step in steps}
        if steps[0].spec.kind is ModuleKind.DIALOGUE:
            return DialogueStep(step=steps[0])
        return RemoteBatch(steps=steps)


def _weight(run: TaskRun) -> int:
    """How much a task counts as ok: an include once for each file or role."""
    if run.spec.kind is not ModuleKind.INCLUDE or run.task.loop is None:
        return 1
    return sum(1 for one in run.results if one is not None and one.status is TaskStatus.OK)
