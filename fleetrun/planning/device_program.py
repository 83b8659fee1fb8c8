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
from collections.abc import Mapping
from dataclasses import replace

from fleetrun.errors import FleetrunError, TemplateError
from fleetrun.model.module import ModuleKind
from fleetrun.model.playbook import Node, Play, Task
from fleetrun.model.result import Outcome, Recap, TaskResult, TaskStatus
from fleetrun.model.steps import DialogueStep, Done, RemoteBatch, Report, Step, Wait, Work
from fleetrun.model.values import Value, Vars
from fleetrun.planning import cursor, handlers, judge, results
from fleetrun.planning.cursor import Failure, Section, Spot
from fleetrun.planning.device_state import DeviceState
from fleetrun.planning.scope import PendingValueError, Scope
from fleetrun.planning.step_builder import StepBuilder, Traits, from_error
from fleetrun.planning.tags import filter_nodes
from fleetrun.planning.task_run import TaskRun
from fleetrun.planning.toolbox import DeviceVars, ProgramOptions, Toolbox

#: Names a device's facts never give: reading them does not wait for `setup`.
_CONNECTION_NAMES = frozenset({
    "ansible_host", "ansible_port", "ansible_user", "ansible_connection", "ansible_become",
    "ansible_become_user", "ansible_become_method", "ansible_ssh_private_key_file",
    "ansible_failed_task", "ansible_failed_result", "ansible_loop",
})


class _BarrierError(Exception):
    """Nothing more can be built until an answer comes."""


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
        self._vars = device_vars
        self._state = state
        self._builder = StepBuilder(toolbox, options, device_vars)
        self._phases = (play.pre_tasks, play.tasks, play.post_tasks)
        self._spot = Spot(0, False, cursor.root(self._phases[0]))
        self._handlers = handlers.Notifications(play.handlers)
        self._flight: deque[TaskRun] = deque()
        self._ready: list[Step] = []
        self._sent: dict[int, TaskRun] = {}
        self._outbox: deque[Report] = deque()
        self._done: Done | None = None
        self._failure: Failure | None = None
        self._executions: Counter[str] = Counter()
        self._next_seq = 0
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
            if len(self._ready) < self._options.max_batch and self._extend():
                is_stuck = False
                continue
            if self._ready:
                return self._hand_out()
            if is_stuck:
                raise RuntimeError(f"no way on from {self._spot}")
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
            self._again(run, index, attempt + 1, verdict.delay_s)
        else:
            run.results[index] = verdict.result
            self._pause_after(run)
        self._finish_heads()

    def drop_unanswered(self) -> None:
        """Takes back every step that was handed out but certainly did not run."""
        self._finish_heads()
        for position, run in enumerate(self._flight):
            if run.is_waiting:
                behind = list(self._flight)[position + 1:]
                run.rewind()
                for later in behind:
                    self._executions[later.task.id] -= 1
                self._flight = deque(list(self._flight)[: position + 1])
                self._spot = run.spot_after
                break
        self._sent.clear()
        self._ready.clear()

    def abandon(self, outcome: Outcome, reason: str) -> None:
        """Ends the program from outside (unreachable, unknown, cancelled)."""
        self._done = Done(outcome=outcome, reason=reason)
        self._flight.clear()
        self._sent.clear()
        self._ready.clear()

    @property
    def outstanding(self) -> frozenset[int]:
        """Numbers of the steps that were handed out and still count."""
        return frozenset(self._sent)

    @property
    def next_key(self) -> str:
        """Key of the step that is built already and goes out next, or ""."""
        return self._ready[0].key if self._ready else ""

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
                self._build_items(last)
                return True
            if last is not None and last.closes_batch:
                return False
            return self._enter_next()
        except (PendingValueError, _BarrierError):
            return False

    def _enter_next(self) -> bool:
        spot = self._arrive(self._spot)
        if spot is None:
            return self._end()
        node = cursor.current(spot.position)
        if not isinstance(node, Task):
            raise TypeError(f"a walk must end at a task, not at {node!r}")
        run = self._open(node, spot)
        self._spot = run.spot_after
        self._flight.append(run)
        self._executions[node.id] += 1
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

    def _arrive(self, spot: Spot) -> Spot | None:
        """Walks to the next task, through handlers and sections; None = end."""
        while True:
            if spot.position[-1].section is Section.HANDLERS and not cursor.current(spot.position):
                spot = self._next_handler(spot)
                continue
            arrival = cursor.walk(spot.position)
            if arrival.failure is not None:
                return self._failed_walk(spot, arrival.failure)
            if arrival.task is not None:
                return replace(spot, position=arrival.position)
            if arrival.position and arrival.position[-1].section is Section.HANDLERS:
                spot = replace(spot, position=arrival.position)
            elif not spot.is_flushing:
                spot = self._flush(replace(spot, is_flushing=True, position=arrival.position))
            elif spot.phase + 1 < len(self._phases):
                phase = spot.phase + 1
                spot = Spot(phase, False, cursor.root(self._phases[phase]))
            else:
                self._spot = spot
                return None

    def _failed_walk(self, spot: Spot, failure: Failure) -> Spot | None:
        """An `always` section ended and its block's failure goes on."""
        if self._flight:
            raise _BarrierError
        self._fail_device(spot, failure)
        return self._arrive(self._spot) if self._done is None else self._raise_barrier()

    @staticmethod
    def _raise_barrier() -> Spot | None:
        raise _BarrierError

    def _flush(self, spot: Spot) -> Spot:
        return replace(spot, position=cursor.enter_nodes(spot.position, (), Section.HANDLERS))

    def _next_handler(self, spot: Spot) -> Spot:
        """Adds the next notified handler to the frame, or leaves the frame."""
        if any(run.task.notify for run in self._flight):
            raise _BarrierError
        frame = spot.position[-1]
        if not frame.nodes and any(run.is_handler for run in self._flight):
            # Those of the flush before still count as notified until they end.
            raise _BarrierError
        after = self._handlers.index_of(frame.nodes[-1]) if frame.nodes else -1
        handler = self._handlers.next_after(after)
        if handler is None:
            return replace(spot, position=spot.position[:-1])
        grown = replace(frame, nodes=(*frame.nodes, handler))
        return replace(spot, position=(*spot.position[:-1], grown))

    # -- one task -----------------------------------------------------------------

    def _open(self, task: Task, spot: Spot) -> TaskRun:
        """Starts a task: its items, its traits, its first steps."""
        spec = self._tools.module(task.module)
        if spec is None:
            raise RuntimeError(f"module {task.module!r} passed the loader but is unknown")
        if self._flight and (spec.kind is ModuleKind.DIALOGUE or spec.name == "meta"):
            raise _BarrierError
        run = TaskRun(
            task=task, spec=spec, spot_before=spot,
            spot_after=replace(spot, position=cursor.advance(spot.position)),
            key=self._key(task), is_handler=_is_handler(spot.position),
        )
        layers = self._layers(run)
        scope = self._scope(layers, run)
        try:
            run.set_items(self._items(run, scope))
            if run.items:
                run.traits = self._builder.traits(task, spec, scope, layers)
        except FleetrunError as error:
            self._fail_early(run, scope, error)
        if spec.kind is ModuleKind.INCLUDE:
            self._include(run)
        elif spec.name == "meta":
            self._meta(run, scope)
        else:
            self._build_items(run, first=True)
        if self._flight and run.has_failed_locally:
            # It may only fail once everything before it is known to be done.
            self._ready = [step for step in self._ready if step.seq not in run.waiting]
            raise _BarrierError
        return run

    def _items(self, run: TaskRun, scope: Scope) -> list[Value]:
        if run.task.loop is None:
            return [None]
        return self._builder.items(run.task.loop, scope)

    def _fail_early(self, run: TaskRun, scope: Scope, error: FleetrunError) -> None:
        """A loop or keyword that cannot be rendered: skip if `when` is false (rule 1)."""
        run.set_items([None])
        try:
            condition = self._tools.templater.test(run.task.when, scope)
        except TemplateError:
            condition = None
        skipped = condition is not None
        run.results[0] = results.skipped(condition or "") if skipped else from_error(error)
        run.next_item = 1

    def _build_items(self, run: TaskRun, *, first: bool = False) -> None:
        """Builds the steps of a task's items, as many as can be known now."""
        built = 0
        while run.has_more and len(self._ready) < max(self._options.max_batch, 1):
            try:
                self._build_item(run, run.next_item)
            except (PendingValueError, _BarrierError):
                if built or (first and run.next_item > 0):
                    return
                raise
            run.next_item += 1
            built += 1
            if run.is_one_by_one:
                return

    def _build_item(self, run: TaskRun, index: int, attempt: int = 1) -> None:
        if run.is_one_by_one and run.is_waiting:
            raise _BarrierError
        traits = run.known_traits
        layers = self._layers(run, index)
        scope = self._scope(layers, run)
        draft = self._builder.draft(run.task, run.spec, scope, traits)
        if isinstance(draft, TaskResult):
            self._known(run, index, draft, scope)
            return
        self._check_fits(run, traits, has_upload=draft.upload is not None)
        step = Step(
            task=run.task, spec=run.spec, key=run.step_key(index, attempt), seq=self._next_seq,
            args=draft.args, item=run.items[index], has_item=run.task.loop is not None,
            item_label=self._label(run, index, scope), attempt=attempt,
            on_failure=traits.on_failure, group=run.group, identity=traits.identity,
            environment=traits.environment, check=traits.check, diff=traits.diff,
            no_log=traits.no_log, timeout_s=traits.timeout_s, upload=draft.upload,
        )
        self._next_seq += 1
        run.waiting[step.seq] = (index, attempt)
        run.has_upload = run.has_upload or draft.upload is not None
        self._ready.append(step)

    def _known(self, run: TaskRun, index: int, result: TaskResult, scope: Scope) -> None:
        """An item whose result needs no device: skipped, debug, set_fact …"""
        if run.spec.kind is ModuleKind.CONTROLLER and result.status is not TaskStatus.SKIPPED:
            scope = scope if not run.task.register else self._registered(run, index, result)
            result = judge.judge(run.task, result, scope, self._tools.templater)
        run.results[index] = result
        facts = result.values.get("ansible_facts")
        if isinstance(facts, Mapping):
            run.writes.update(facts)

    def _registered(self, run: TaskRun, index: int, result: TaskResult) -> Scope:
        layers = [{run.task.register: result.values}, *self._layers(run, index)]
        return self._scope(layers, run)

    def _check_fits(self, run: TaskRun, traits: Traits, *, has_upload: bool) -> None:
        """A batch has one identity, and an upload starts its own batch."""
        if not self._ready:
            return
        if self._ready[0].identity != traits.identity or has_upload:
            raise _BarrierError

    def _label(self, run: TaskRun, index: int, scope: Scope) -> str:
        loop = run.task.loop
        if loop is None:
            return ""
        label = run.items[index]
        if loop.control.label is not None:
            try:
                label = self._tools.templater.render(loop.control.label, scope)
            except TemplateError:
                label = run.items[index]
        return str(label)[:200]

    def _include(self, run: TaskRun) -> None:
        """Splices an included file's tasks behind the include, one block an item."""
        blocks: list[Node] = []
        for index in range(len(run.items)):
            if run.results[index] is not None:
                continue
            scope = self._scope(self._layers(run, index), run)
            try:
                blocks.extend(self._included(run, index, scope))
            except FleetrunError as error:
                run.results[index] = from_error(error)
                break
        run.next_item = len(run.items)
        if blocks:
            after = run.spot_after
            position = cursor.enter_nodes(
                after.position, tuple(blocks), Section.BLOCK
            )
            run.spot_after = replace(after, position=position)

    def _included(self, run: TaskRun, index: int, scope: Scope) -> list[Node]:
        condition = self._tools.templater.test(run.task.when, scope)
        if condition is not None:
            run.results[index] = results.skipped(condition)
            return []
        load = self._tools.load_tasks
        if load is None:
            raise TemplateError("includes are not possible here", kind="template/value")
        path = self._builder.include_path(run.task, scope)
        nodes = filter_nodes(
            load(path, run.task), self._options.tags, self._options.skip_tags
        )
        values: dict[str, Value] = {"include": path, "changed": False}
        run.results[index] = TaskResult(status=TaskStatus.OK, values=values)
        extra = self._loop_vars(run, index)
        suffix = f"{run.key.removeprefix(run.task.id)}~{index}" if extra else ""
        return [judge.with_vars(node, extra, suffix) for node in nodes]

    def _meta(self, run: TaskRun, scope: Scope) -> None:
        """Carries out ``meta:`` on this device."""
        verb = str(run.task.args.get("_raw_params", "noop"))
        condition = self._tools.templater.test(run.task.when, scope)
        run.next_item = len(run.items)
        if condition is not None:
            run.results[:] = [results.skipped(condition)]
            return
        run.results[:] = [TaskResult(status=TaskStatus.OK, values={"changed": False})]
        run.is_silent = True
        after = run.spot_after
        if verb == "flush_handlers":
            run.spot_after = self._flush(after)
        elif verb in {"end_host", "end_play"}:
            end = len(self._phases)
            run.spot_after = Spot(end, True, cursor.root(()))
        elif verb == "clear_facts":
            self._state.facts.clear()

    # -- judging --------------------------------------------------------------------

    def _judge(self, run: TaskRun, index: int, raw: TaskResult, attempt: int) -> TaskResult:
        extra: dict[str, Value] = {}
        if run.task.until or run.task.retries is not None:
            extra["attempts"] = attempt
        registered = {**raw.values, **extra}
        layers = self._layers(run, index)
        if run.task.register:
            layers = [{run.task.register: registered}, *layers]
        scope = Scope(layers)
        return judge.judge(run.task, replace(raw, values=registered), scope, self._tools.templater)

    def _retry(self, run: TaskRun, result: TaskResult, attempt: int) -> judge.Verdict:
        task = run.task
        if (not task.until and task.retries is None) or result.status is TaskStatus.UNKNOWN:
            return judge.Verdict(result=result)
        layers = self._layers(run)
        if task.register:
            layers = [{task.register: result.values}, *layers]
        return judge.retry(task, result, attempt, Scope(layers), self._tools.templater)

    def _again(self, run: TaskRun, index: int, attempt: int, delay_s: float) -> None:
        self._build_item(run, index, attempt)
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
        if task.register:
            self._state.dynamic[task.register] = result.values
        self._state.dynamic.update(run.writes)
        if run.is_handler:
            self._handlers.clear(task)
        ignored = result.is_failed and run.ignores_errors
        result = replace(result, ignored=ignored)
        self._count(result, run)
        if not run.is_silent:
            self._outbox.append(
                Report(task=task, result=result, is_handler=run.is_handler, no_log=run.no_log)
            )
        if result.is_failed and not ignored:
            self._forget_flight()
            self._fail_device(run.spot_before, Failure(task, result))

    def _final_result(self, run: TaskRun) -> TaskResult:
        answered = [result for result in run.results if result is not None]
        if run.task.loop is None:
            return answered[0]
        for index, result in enumerate(answered):
            loop_var = run.task.loop.control.loop_var
            values = {
                **result.values, loop_var: run.items[index], "ansible_loop_var": loop_var,
            }
            answered[index] = replace(result, values=values)
        return results.aggregate(answered)

    def _forget_flight(self) -> None:
        for run in self._flight:
            self._executions[run.task.id] -= 1
        self._flight.clear()
        self._sent.clear()
        self._ready.clear()
        self._wait = None

    def _notify(self, run: TaskRun, result: TaskResult) -> TaskResult:
        """Marks handlers; the result turns to failed when there is no such handler."""
        scope = Scope(self._layers(run))
        try:
            names = [self._tools.templater.render(topic, scope) for topic in run.task.notify]
        except TemplateError as error:
            return from_error(error)
        for name in names:
            for one in name if isinstance(name, list | tuple) else [name]:
                if not self._handlers.notify(str(one)):
                    message = f"the handler {str(one)!r} that `notify` names was not found"
                    return results.failed(message, "task/no-handler")
        return result

    def _count(self, result: TaskResult, run: TaskRun) -> None:
        if run.is_silent:
            return
        counts = self._counts
        if result.status is TaskStatus.SKIPPED:
            counts["skipped"] += 1
        elif result.is_failed and result.ignored:
            counts["ok"] += 1
            counts["ignored"] += 1
        elif result.is_failed:
            is_rescued = cursor.is_rescued(run.spot_before.position)
            counts["rescued" if is_rescued else "failed"] += 1
        else:
            counts["ok"] += 1
            counts["changed"] += result.status is TaskStatus.CHANGED

    def _fail_device(self, spot: Spot, failure: Failure) -> None:
        """Goes to the rescue, or ends: with handlers first if they are forced."""
        if failure.result.status is TaskStatus.UNKNOWN:
            self._finish_failed(Outcome.UNKNOWN, failure)
            return
        arrival = cursor.fail(spot.position, failure)
        if arrival.task is not None:
            self._spot = replace(spot, position=arrival.position)
            return
        failure = arrival.failure or failure
        forced = self._play.force_handlers or self._options.force_handlers
        if forced and self._failure is None and self._handlers.next_after(-1) is not None:
            self._failure = failure
            self._spot = self._flush(Spot(len(self._phases), True, cursor.root(())))
            return
        self._finish_failed(Outcome.FAILED, self._failure or failure)

    def _finish_failed(self, outcome: Outcome, failure: Failure) -> None:
        self._failure = failure
        self._done = Done(outcome=outcome, reason=judge.reason(failure))

    # -- names and scopes ---------------------------------------------------------------

    def _key(self, task: Task) -> str:
        count = self._executions[task.id]
        return task.id if count == 0 else f"{task.id}~{count + 1}"

    def _hand_out(self) -> Work:
        steps, self._ready = tuple(self._ready), []
        by_seq = {seq: run for run in self._flight for seq in run.waiting}
        self._sent = {step.seq: by_seq[step.seq] for step in steps}
        if steps[0].spec.kind is ModuleKind.DIALOGUE:
            return DialogueStep(step=steps[0])
        return RemoteBatch(steps=steps)

    def _layers(self, run: TaskRun, index: int | None = None) -> list[Vars]:
        """Variables as a task sees them, highest precedence first (the 22 levels)."""
        layers: list[Vars] = []
        if index is not None and run.task.loop is not None:
            layers.append(self._loop_vars(run, index))
        failure = cursor.rescued_failure(run.spot_before.position)
        if failure is not None:
            layers.append(judge.failure_vars(failure))
        layers += [self._vars.magic, self._vars.extra]
        layers += [other.writes for other in reversed(self._flight) if other.writes]
        if run.writes:
            layers.append(run.writes)
        layers.append(self._state.dynamic)
        layers += reversed(run.task.vars_layers)
        layers += [self._vars.play_files, self._vars.play]
        layers += [self._state.fact_layer(), self._vars.base]
        return layers

    def _scope(self, layers: list[Vars], building: TaskRun) -> Scope:
        """A scope that raises PendingValueError for values that are still out."""
        ahead = [run for run in self._flight if run is not building]
        if building.is_waiting:
            ahead.append(building)
        names = {run.task.register for run in ahead if run.task.register}
        facts_are_late = any(run.spec.name == "setup" and run.is_waiting for run in ahead)
        if not names and not facts_are_late:
            return Scope(layers)
        magic = self._vars.magic

        def is_pending(name: str) -> bool:
            if name in names or name in {"hostvars", "vars"}:
                return True
            return (
                facts_are_late
                and name.startswith("ansible_")
                and name not in magic
                and name not in _CONNECTION_NAMES
            )

        return Scope(layers, pending=is_pending)

    def _loop_vars(self, run: TaskRun, index: int) -> dict[str, Value]:
        loop = run.task.loop
        if loop is None:
            return {}
        return judge.loop_vars(loop.control, run.items, index)


def _is_handler(position: cursor.Position) -> bool:
    return any(frame.section is Section.HANDLERS for frame in position)
