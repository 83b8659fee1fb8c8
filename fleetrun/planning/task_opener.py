"""Opens tasks: from a place in the play to steps that can be sent."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from fleetrun.errors import FleetrunError, TemplateError
from fleetrun.model.module import ModuleKind
from fleetrun.model.playbook import Node, Play, Task
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.role import Role
from fleetrun.model.steps import OWN, Identity, Place, Step, Via
from fleetrun.model.values import Value
from fleetrun.planning import cursor, judge, results
from fleetrun.planning.cursor import Section, Spot
from fleetrun.planning.device_state import DeviceState
from fleetrun.planning.facts import is_facts_task
from fleetrun.planning.gathering import Gathering, meta_verb
from fleetrun.planning.place import place_of
from fleetrun.planning.scope import ABSENT, CONTROLLER, PendingValueError, Scope
from fleetrun.planning.step_builder import StepBuilder, from_error, truth
from fleetrun.planning.surroundings import Surroundings
from fleetrun.planning.tags import filter_nodes
from fleetrun.planning.task_run import TaskRun
from fleetrun.planning.toolbox import DeviceVars, ProgramOptions, Toolbox
from fleetrun.planning.walker import BarrierError, Walker


class TaskOpener:
    """Builds the steps of tasks; keeps those that wait to be sent."""

    def __init__(  # noqa: PLR0913  # the parts of one device program
        self, play: Play, *, toolbox: Toolbox, options: ProgramOptions, device_vars: DeviceVars,
        state: DeviceState, flight: deque[TaskRun], walker: Walker, surroundings: Surroundings,
    ) -> None:
        self._play = play
        self.gathering = Gathering(play, lockstep=options.lockstep)
        self._tools = toolbox
        self._options = options
        self._state = state
        self._flight = flight
        self._walker = walker
        self._around = surroundings
        self._builder = StepBuilder(toolbox, options, device_vars)
        self._next_seq = 0
        #: Times each task was opened: the second time has another key.
        self.executions: Counter[str] = Counter()
        #: Where ``meta: end_host`` ended the play for the device.
        self.left_at: Place = ()
        #: Steps that are built and not handed out.
        self.ready: list[Step] = []

    def open(self, task: Task, spot: Spot, *, is_led: bool = False) -> TaskRun:
        """Starts a task: its items, its traits, its first steps.

        `is_led` says that this device does it for its whole batch.
        """
        spec = self._tools.module(task.module)
        if spec is None:
            raise RuntimeError(f"module {task.module!r} passed the loader but is unknown")
        is_meta = spec.name == "meta" and not task.is_implicit
        if self._flight and (spec.kind is ModuleKind.DIALOGUE or is_meta):
            raise BarrierError
        run = TaskRun(
            task=task, spec=spec, spot_before=spot,
            spot_after=replace(spot, position=cursor.advance(spot.position)),
            key=self._key(task), is_handler=_is_handler(spot.position), is_led=is_led,
        )
        is_known = self._options.gathers_once and is_facts_task(task) and self._state.facts
        if task.is_implicit or is_known or (
            not run.is_handler and self._is_repeated(task.role)
        ):
            return _silent(run)
        if not self._is_wanted(task):
            run.set_items([None])
            run.results[0] = results.skipped(reason="not wanted")
            run.next_item, run.is_silent = 1, True
            return run
        layers = self._around.layers(run)
        scope = self._around.scope(layers, run)
        try:
            run.set_items(self._items(run, scope))
            self._warn_of_hidden(run, scope)
            if run.items:
                run.traits = self._builder.traits(task, spec, scope, layers)
        except FleetrunError as error:
            self._fail_early(run, scope, error)
        run.is_gathering = self.gathering.is_over_together(run)
        if spec.kind is ModuleKind.INCLUDE:
            self._include(run)
        elif spec.name == "meta":
            self._meta(run, scope)
        else:
            self.build_items(run, first=True)
        if self._flight and run.has_failed_locally:
            # It may only fail once everything before it is known to be done.
            self.ready = [step for step in self.ready if step.seq not in run.waiting]
            raise BarrierError
        return run

    def _is_repeated(self, role: Role | None) -> bool:
        """True for a role that ran to its end in this play already (rule 36)."""
        if role is None or role.allow_duplicates:
            return False
        return role.key in self._walker.completed_roles or any(
            run.task.is_implicit and run.task.role is not None and run.task.role.key == role.key
            for run in self._flight
        )

    def _is_wanted(self, task: Task) -> bool:
        """Asks with --step, once all before it is done; True without."""
        if self._tools.confirm is None or task.id.endswith(".facts"):
            return True
        if self._flight:
            raise BarrierError
        return self._tools.confirm(task)

    def is_once(self, task: Task, spot: Spot) -> bool:
        """True when one device is to do a task for its whole batch.

        Raises PendingValueError, and BarrierError while earlier tasks are not over.
        """
        if not self.gathering.may_be_once(task):
            return False
        if self._flight:
            raise BarrierError
        if self.gathering.is_always_once(task) or task.run_once is True:
            return True
        spec = self._tools.module(task.module)
        if spec is None:
            return False
        bare = TaskRun(task=task, spec=spec, spot_before=spot, spot_after=spot, key=task.id)
        scope = self._around.scope(self._around.layers(bare), bare)
        try:
            return truth(self._tools.templater.render(task.run_once, scope))
        except TemplateError:
            # No result yet can say so: the device runs it, and fails if it must.
            return False

    def _items(self, run: TaskRun, scope: Scope) -> list[Value]:
        if run.task.loop is None:
            return [None]
        return self._builder.items(run.task.loop, scope)

    def _warn_of_hidden(self, run: TaskRun, scope: Scope) -> None:
        """Warns of a loop whose item hides a variable of the same name."""
        loop = run.task.loop
        if loop is not None and scope.find(loop.control.loop_var) is not ABSENT:
            self._tools.templater.warn(
                f"The loop variable '{loop.control.loop_var}' is already in use. Set "
                "`loop_control: {loop_var: NAME}` on the task: the outer value is hidden",
                run.task.mark,
            )

    def _fail_early(self, run: TaskRun, scope: Scope, error: FleetrunError) -> None:
        """A loop or keyword that cannot be rendered: skip if `when` is false (rule 1)."""
        run.set_items([None])
        run.is_without_items = True
        condition = None
        if error.kind == "template/undefined":
            with suppress(TemplateError):
                condition = self._tools.templater.test(run.task.when, scope)
        run.results[0] = from_error(error) if condition is None else results.skipped(condition)
        run.next_item = 1

    def build_items(self, run: TaskRun, *, first: bool = False) -> None:
        """Builds the steps of a task's items, as many as can be known now."""
        built = 0
        while run.has_more and len(self.ready) < max(self._options.max_batch, 1):
            try:
                self.build_item(run, run.next_item)
            except (PendingValueError, BarrierError):
                if built or (first and run.next_item > 0):
                    return
                raise
            run.next_item += 1
            built += 1
            if run.is_one_by_one:
                return

    def build_item(self, run: TaskRun, index: int, attempt: int = 1) -> None:
        """Builds one item's step, or notes its result when that is known already."""
        if run.is_one_by_one and run.is_waiting:
            raise BarrierError
        traits = run.known_traits
        scope = self._around.scope(self._around.layers(run, index), run)
        via, identity, label = OWN, traits.identity, ""
        try:
            via = self._builder.via(run.task, scope, self._play)
            delegate = via.device or (run.task.delegate_to is not None and self._builder.device)
            if delegate:
                run.delegates[index] = delegate
                if via.device:
                    identity = self._builder.delegated(run.task, via.device)
                scope = self._around.scope(self._around.layers(run, index), run)
            label = self._label(run, index, scope)
        except TemplateError as error:
            # Only when it is not skipped: the draft says so.
            if self._holds(run, scope):
                run.results[index] = from_error(error)
                return
        draft = self._builder.draft(run.task, run.spec, scope, traits)
        if isinstance(draft, TaskResult):
            self._known(run, index, draft, scope)
            return
        self._check_fits(run, identity, via, has_upload=draft.upload is not None)
        step = Step(
            task=run.task, spec=run.spec, key=run.step_key(index, attempt), seq=self._next_seq,
            args=draft.args, item=run.items[index], has_item=run.task.loop is not None,
            item_label=label, attempt=attempt,
            on_failure=traits.on_failure, group=run.group, identity=identity, via=via,
            throttle=traits.throttle, ignores_unreachable=traits.ignores_unreachable,
            environment=traits.environment, check=traits.check, diff=traits.diff,
            no_log=traits.no_log, timeout_s=traits.timeout_s,
            is_async=traits.is_async, is_launched=traits.is_launched, upload=draft.upload,
        )
        self._next_seq += 1
        run.waiting[step.seq] = (index, attempt)
        run.has_upload = run.has_upload or draft.upload is not None
        self.ready.append(step)

    def _known(self, run: TaskRun, index: int, result: TaskResult, scope: Scope) -> None:
        """An item whose result needs no device: skipped, debug, set_fact …"""
        if run.spec.kind is ModuleKind.CONTROLLER and result.status is not TaskStatus.SKIPPED:
            result = judge.judge(
                run.task, result, lambda values: self._around.registered(run, index, values),
                self._tools.templater,
            )
        run.results[index] = result
        facts = result.values.get("ansible_facts")
        if isinstance(facts, Mapping):
            delegate = self.facts_go_to(run, index)
            if delegate:
                run.variables_for.setdefault(delegate, {}).update(facts)
            else:
                (run.loads if run.spec.name == "include_vars" else run.writes).update(facts)
        self.after_item(run, index)

    def after_item(self, run: TaskRun, index: int) -> None:
        """Ends the loop behind an item when its ``break_when`` holds."""
        loop, result = run.task.loop, run.results[index]
        if loop is None or result is None or not loop.control.break_when:
            return
        scope = self._around.registered(run, index, result.values)
        try:
            if self._tools.templater.test(loop.control.break_when, scope) is None:
                run.stop_after(index)
        except TemplateError as error:
            run.results[index] = from_error(error)

    def facts_go_to(self, run: TaskRun, index: int) -> str:
        """Returns the device that an item's facts are of; "" = the device itself."""
        delegate = run.delegates.get(index, "")
        if not delegate or run.task.delegate_facts is False:
            return ""
        scope = self._around.scope(self._around.layers(run, index), run)
        try:
            wanted = truth(self._tools.templater.render(run.task.delegate_facts, scope))
        except TemplateError:
            return ""
        return delegate if wanted else ""

    def _holds(self, run: TaskRun, scope: Scope) -> bool:
        try:
            return self._tools.templater.test(run.task.when, scope) is None
        except TemplateError:
            return True

    def _check_fits(
        self, run: TaskRun, identity: Identity, via: Via, *, has_upload: bool
    ) -> None:
        """A batch has one place and one identity; an upload starts its own batch.

        A throttled task has a batch of its own, so that its permit is for it alone.
        """
        if not self.ready:
            return
        first = self.ready[0]
        is_throttled = run.known_traits.throttle and first.task is not run.task
        if (first.identity, first.via) != (identity, via) or has_upload or is_throttled:
            raise BarrierError

    def _label(self, run: TaskRun, index: int, scope: Scope) -> str:
        loop = run.task.loop
        if loop is None:
            return ""
        if loop.control.label is None:
            return str(run.items[index])[:200]
        label = str(self._tools.templater.render(loop.control.label, scope))[:200]
        run.labels[index] = label
        return label

    def _include(self, run: TaskRun) -> None:
        """Splices an included file's tasks behind the include, one block an item."""
        blocks: list[Node] = []
        for index in range(len(run.items)):
            if run.results[index] is not None:
                continue
            scope = self._around.scope(self._around.layers(run, index), run)
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
        extra = self._around.loop_vars(run, index)
        suffix = f"{run.key.removeprefix(run.task.id)}~{index}" if extra else ""
        if scope.is_pending(CONTROLLER):
            raise PendingValueError(CONTROLLER)
        loaded, values = self._load(run, scope)
        nodes = filter_nodes(loaded, self._options.tags, self._options.skip_tags)
        run.results[index] = TaskResult(status=TaskStatus.OK, values=values)
        depth = len(run.task.param_layers)
        return [judge.with_vars(node, extra, suffix, depth) for node in nodes]

    def _load(self, run: TaskRun, scope: Scope) -> tuple[tuple[Node, ...], dict[str, Value]]:
        """The nodes of an include, and what its result says."""
        tools = self._tools
        if run.spec.name != "include_role":
            if tools.load_tasks is None:
                raise TemplateError("includes are not possible here", kind="template/value")
            path = self._builder.include_path(run.task, scope)
            return tools.load_tasks(path, run.task), {"include": path, "changed": False}
        args = tools.templater.render(run.task.args, scope)
        if tools.load_role is None or not isinstance(args, Mapping):
            raise TemplateError("roles are not possible here", kind="template/value")
        included = tools.load_role(args, run.task)
        self._walker.handlers.add(included.handlers)
        run.published.append(included)
        return included.nodes, {"include_role": included.role.name, "changed": False}

    def _meta(self, run: TaskRun, scope: Scope) -> None:
        """Carries out ``meta:`` on this device."""
        run.next_item = len(run.items)
        if run.results != [None]:
            # A keyword that could not be rendered has failed it already.
            return
        verb = meta_verb(run.task)
        try:
            condition = self._tools.templater.test(run.task.when, scope)
        except TemplateError as error:
            run.results[:] = [from_error(error)]
            return
        if condition is not None:
            run.results[:] = [results.skipped(condition)]
            return
        run.is_silent = True
        run.results[:] = [TaskResult(status=TaskStatus.OK, values={"changed": False})]
        after = run.spot_after
        if verb == "flush_handlers":
            run.spot_after = self._walker.flush(after)
        elif verb in {"end_host", "end_play", "end_batch"}:
            run.spot_after = self._walker.end
            if verb == "end_host":
                self.left_at = self.place(run)
        elif verb == "end_role" and run.task.role is not None:
            run.spot_after = replace(
                after, position=cursor.end_of_role(after.position, run.task.role)
            )
        elif verb == "clear_facts":
            self._state.forget_facts(self.place(run))
        elif verb == "reset_connection":
            run.resets = True

    def place(self, run: TaskRun) -> Place:
        """Returns where a task stands in the order of the play."""
        return place_of(run.spot_before, self._walker.handlers)

    def _key(self, task: Task) -> str:
        count = self.executions[task.id]
        return task.id if count == 0 else f"{task.id}~{count + 1}"


def _silent(run: TaskRun) -> TaskRun:
    """The run of a task that does nothing here and is not told of."""
    run.set_items([None])
    run.results[:] = [TaskResult(status=TaskStatus.OK, values={"changed": False})]
    run.next_item = 1
    run.is_silent = True
    return run


def _is_handler(position: cursor.Position) -> bool:
    return any(frame.section is Section.HANDLERS for frame in position)
