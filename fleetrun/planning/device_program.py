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

from collections import deque
from dataclasses import replace

from fleetrun.model.module import ModuleKind
from fleetrun.model.playbook import Play, Task
from fleetrun.model.result import Outcome, Recap, TaskResult, TaskStatus
from fleetrun.model.steps import (
    DialogueStep,
    Done,
    Go,
    MeetKind,
    Place,
    RemoteBatch,
    Report,
    Reset,
    Retrying,
    Verdict,
    Wait,
    Work,
)
from fleetrun.planning import cursor, judge, results
from fleetrun.planning.cursor import Failure, Spot
from fleetrun.planning.device_state import DeviceState
from fleetrun.planning.judging import Judging, facts_in
from fleetrun.planning.place import END, identity
from fleetrun.planning.play_files import PlayFiles
from fleetrun.planning.rendezvous import Rendezvous, failure_of_another
from fleetrun.planning.scope import ElsewhereError, PendingValueError
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
        self._view = device_vars.view
        self._view.handlers = self._walker.handlers
        self._opener = TaskOpener(
            play, toolbox=toolbox, options=options, device_vars=device_vars, state=state,
            flight=self._flight, walker=self._walker, surroundings=self._around,
        )
        self._sent: dict[int, TaskRun] = {}
        self._outbox: deque[Report | Retrying | Reset] = deque()
        self._others = Rendezvous(self._walker.handlers)
        #: Answers that can only be judged when other devices are further on.
        self._unjudged: deque[tuple[TaskRun, int, TaskResult, int]] = deque()
        self._done: Done | None = None
        self._failure: Failure | None = None
        self._lost_at: Place = ()
        self._judging = Judging(self._around, toolbox.templater, self._view)
        self._wait: Wait | None = None

    # -- what the engine calls ------------------------------------------------

    def next(self) -> Work:
        """Returns the next piece of work.

        Raises RuntimeError when steps that were handed out are not answered.
        """
        is_stuck = False
        while True:
            self._finish_heads()
            known = self._known_work()
            if known is not None:
                return known
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

    def _known_work(self) -> Work | None:
        """Work that needs no look ahead."""
        if self._outbox:
            return self._outbox.popleft()
        if self._done is not None:
            return self._done
        if self._others.meet is None and self._unjudged:
            self._take(*self._unjudged.popleft())
            self._finish_heads()
            return self._known_work()
        if self._others.meet is not None:
            return self._others.hand_out()
        wait, self._wait = self._wait, None
        return wait

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
        delegate = self._opener.facts_go_to(run, index)
        if delegate:
            run.facts_for.setdefault(delegate, {}).update(facts_in(raw))
        else:
            if run.is_led:
                run.facts.update(facts_in(raw))
            self._state.learn(raw.values, self._opener.place(run))
        self._take(run, index, raw, attempt)

    def _take(self, run: TaskRun, index: int, raw: TaskResult, attempt: int) -> None:
        """Judges an answer, now or when other devices are further on."""
        try:
            verdict = self._judging.judge(run, index, raw, attempt)
        except ElsewhereError as error:
            self._unjudged.append((run, index, raw, attempt))
            self._others.read(error, run.spot_before)
            return
        if verdict.delay_s is not None:
            self._outbox.append(
                Retrying(
                    task=run.task, name=self._judging.name(run), retries_left=verdict.retries_left,
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

    def join(self, verdict: Verdict) -> None:
        """Goes on after a wait for others (`Meet`), as the verdict says."""
        meet, spot = self._others.end()
        head = self._flight[0] if meet.kind is MeetKind.OVER else None
        if head is not None:
            head.is_met = True
            self._finish_heads()
        match verdict.go:
            case Go.LEAD:
                self._others.led = spot
            case Go.SKIP:
                self._walker.skip(spot)
            case Go.FAIL:
                self._unjudged.clear()
                self._forget_flight()
                self._fail_device(spot, failure_of_another(spot, verdict.reason))
            case Go.END:
                self._forget_flight()
                self._walker.spot = self._walker.end
            case Go.ON:
                pass

    @property
    def reached(self) -> Place:
        """Where the first task stands that is not over."""
        if self._done is not None:
            return END if self._failure is None else self.lost_at
        return self.lost_at

    @property
    def lost_at(self) -> Place:
        """Where the device was lost: at the task that failed, or the one in hand."""
        return self._lost_at or self._others.place(
            self._flight[0].spot_before if self._flight else self._walker.spot
        )

    @property
    def left_at(self) -> Place:
        """Where the device left the play by itself (``meta: end_host``); () when it did not."""
        return self._opener.left_at

    @property
    def is_fatal_now(self) -> str:
        """The task in hand when its loss is everybody's, else ""."""
        run = self._flight[0] if self._flight else None
        return identity(run.task) if run is not None and run.is_fatal else ""

    @property
    def outstanding(self) -> frozenset[int]:
        """Numbers of the steps that were handed out and still count."""
        return frozenset(self._sent)

    @property
    def recap(self) -> Recap:
        """Counts so far, as in Ansible's recap line."""
        return self._judging.recap

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
        except ElsewhereError as error:
            return self._reads_others(error)
        except (PendingValueError, BarrierError):
            return False

    def _reads_others(self, error: ElsewhereError) -> bool:
        """Waits for other devices, once all own tasks before are over."""
        if self._flight and not self._flight[-1].has_more:
            return False
        if self._sent or self._opener.ready or len(self._flight) > 1:
            return False
        spot = self._flight[0].spot_before if self._flight else self._view.spot
        return spot is not None and self._others.read(error, spot)

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
        is_led = self._others.led == spot
        if not is_led and self._opener.is_once(node, spot):
            self._others.once(node, spot)
            return True
        run = self._opener.open(node, spot, is_led=is_led)
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
        changed = self._judging.has_changed
        self._done = Done(outcome=Outcome.CHANGED if changed else Outcome.OK)
        return True

    # -- judging --------------------------------------------------------------------

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
            head = self._flight[0]
            if head.is_gathering and not head.is_met:
                self._others.over(head, self._judging.final(head))
                return
            self._finish(self._flight.popleft())

    def _finish(self, run: TaskRun) -> None:
        """Makes a task's result final: register, notify, report, or fail."""
        task = run.task
        result = self._judging.final(run)
        if result.status is TaskStatus.CHANGED:
            result = self._judging.notify(run, result, self._walker.handlers)
        written = run.writes
        if task.register and not run.is_silent:
            written = {**run.writes, task.register: results.registered(result.values)}
        self._state.write(written, self._opener.place(run))
        if cached := self._judging.cached(run):
            self._state.learn({"ansible_facts": cached}, self._opener.place(run))
        self._state.included.update(run.loads)
        self._around.published += run.published
        if task.is_implicit and task.role is not None:
            self._walker.completed_roles.add(task.role.key)
        if run.is_handler:
            self._walker.handlers.clear(task)
        ignored = (result.is_failed and run.ignores_errors) or (
            result.status is TaskStatus.UNREACHABLE
        )
        result = replace(result, ignored=ignored)
        self._judging.count(result, run)
        if not run.is_silent:
            self._outbox.append(self._judging.report(run, result))
        if run.resets:
            self._outbox.append(Reset())
        if result.is_failed and not ignored:
            self._forget_flight()
            self._fail_device(run.spot_before, Failure(task, result, run.no_log))

    def _forget_flight(self) -> None:
        for run in self._flight:
            self._opener.executions[run.task.id] -= 1
        self._flight.clear()
        self._sent.clear()
        self._opener.ready.clear()
        self._wait = None

    def _fail_device(self, spot: Spot, failure: Failure) -> None:
        """Goes to the rescue, or ends: with handlers first if forced and none has failed."""
        if failure.result.status is TaskStatus.UNKNOWN:
            self._finish_failed(Outcome.UNKNOWN, failure)
            return
        arrival = cursor.fail(spot.position, failure)
        if arrival.task is not None:
            if cursor.is_rescued(spot.position) and not failure.is_of_another:
                # The last one stays, in `always` and behind the block, too.
                self._state.dynamic.update(judge.failure_vars(failure))
            self._walker.spot = replace(spot, position=arrival.position)
            return
        failure = arrival.failure or failure
        self._lost_at = self._lost_at or self._others.place(spot)
        is_first = self._failure is None and not spot.is_flushing
        forced = is_first and (self._play.force_handlers or self._options.force_handlers)
        if forced and self._walker.handlers.next_after(-1) is not None:
            self._failure = failure
            self._walker.spot = self._walker.flush(self._walker.end)
            return
        self._finish_failed(Outcome.FAILED, self._failure or failure)

    def _finish_failed(self, outcome: Outcome, failure: Failure) -> None:
        self._failure = failure
        self._done = Done(outcome=outcome, reason=judge.reason(failure))

    def _hand_out(self) -> Work:
        steps, self._opener.ready = tuple(self._opener.ready), []
        by_seq = {seq: run for run in self._flight for seq in run.waiting}
        self._sent = {step.seq: by_seq[step.seq] for step in steps}
        if steps[0].spec.kind is ModuleKind.DIALOGUE:
            return DialogueStep(step=steps[0])
        return RemoteBatch(steps=steps)
