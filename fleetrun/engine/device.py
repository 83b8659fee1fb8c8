"""Carries out one device's program: connect, send, settle, report.

The order that everything leans on: intent in the journal (barrier), then the
device, then the answer in the journal, then the next intent. After a lost link
or a dead engine the device is asked for its receipts; what it cannot prove is
`unknown`, never guessed and never repeated silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from fleetrun.engine.dialogue import DialogueLink, PatientClock, StoppedError
from fleetrun.engine.hall import Hall
from fleetrun.engine.history import History
from fleetrun.engine.runner_tools import RunnerTools, give_back
from fleetrun.engine.session import DeviceSession
from fleetrun.engine.telling import stopped, task_event, unreachable
from fleetrun.engine.wishes import unproven
from fleetrun.errors import (
    ConnectError,
    FleetrunError,
    JournalError,
    LinkLostError,
    LockedError,
)
from fleetrun.failpoints import passing
from fleetrun.model.events import (
    DeviceFinished,
    DeviceStarted,
    StepAnswered,
    TasksIntended,
)
from fleetrun.model.result import Outcome, TaskResult, TaskStatus
from fleetrun.model.run import Decision
from fleetrun.model.steps import (
    OWN,
    DialogueStep,
    Done,
    Meet,
    RemoteBatch,
    Reply,
    ReplyKind,
    Report,
    Reset,
    Retrying,
    Step,
    Via,
    Wait,
)
from fleetrun.planning import results
from fleetrun.planning.device_program import DeviceProgram
from fleetrun.planning.hidden import restored

#: Times that a link may be lost without one more answer before we give up.
MAX_RECOVERIES: Final = 5


__all__ = ["DeviceRunner", "RunnerTools"]


class DeviceRunner:
    """Runs one device through one play; `run` gives its outcome."""

    def __init__(
        self, play: int, device: str, *, program: DeviceProgram,
        session_of: Callable[[Via], DeviceSession], history: History, tools: RunnerTools,
        hall: Hall,
    ) -> None:
        """`session_of` gives the way to where a step runs; the same again for the same."""
        self._play = play
        self._device = device
        self._program = program
        self._session_of = session_of
        #: The session in use.
        self._session = session_of(OWN)
        self._hall = hall
        self._permits = tools.permits
        self._history = history
        self._bus = tools.bus
        self._dialogues = tools.dialogues
        self._stop = tools.stop
        self._clock = tools.clock
        self._wishes = tools.wishes
        #: What the operator decided of interrupted steps, by key.
        self._decided: dict[str, Decision | None] = {}
        #: Lost links since the last answer.
        self._losses = 0
        #: Keys of steps that may have begun and whose end is not known.
        self._in_doubt: set[str] = set()
        #: False while the journal's answers are fed: nothing is waited for then.
        self._is_live = not history.answers

    async def run(self) -> DeviceFinished:
        """Returns the device's outcome.

        Raises CancelledError, JournalError, LockedError, and FleetrunError
        when the program itself cannot go on.
        """
        started = self._clock.monotonic()
        self._bus.publish(
            DeviceStarted(at=self._bus.now(), play=self._play, device=self._device)
        )
        kind = ""
        self._hall.start(self._device, lambda: self._program.reached)
        try:
            done = await self._work()
        except ConnectError as error:
            kind = error.kind
            done = unreachable(error, is_in_doubt=bool(self._in_doubt))
        except LinkLostError as error:
            kind = error.kind
            done = Done(outcome=Outcome.UNKNOWN, reason=error.message)
        failure = self._program.failure
        self._hall.leaving(self._device, self._program)
        lost = int(done.outcome is Outcome.UNREACHABLE)
        return DeviceFinished(
            at=self._bus.now(), play=self._play, device=self._device, outcome=done.outcome,
            reason=done.reason, error_kind=kind or (failure.result.error_kind if failure else ""),
            recap=replace(self._program.recap, unreachable=lost),
            elapsed_s=self._clock.monotonic() - started,
        )

    async def _work(self) -> Done:
        while True:
            work = self._program.next()
            match work:
                case Done():
                    return work
                case Report() | Retrying():
                    self._tell(work)
                case RemoteBatch() | DialogueStep():
                    done = await self._carry_out(work)
                    if done is not None:
                        return done
                case Meet():
                    try:
                        self._program.join(await self._hall.meet(self._device, work))
                    except StoppedError:
                        return stopped(is_in_doubt=bool(self._in_doubt))
                case Wait() | Reset():
                    await self._pause(work)

    async def _pause(self, work: Wait | Reset) -> None:
        if isinstance(work, Reset):
            await self._session_of(OWN).drop()
        elif self._is_live:
            await self._stop.sleep(work.seconds, self._clock)

    def _tell(self, work: Report | Retrying) -> None:
        event = task_event(work, play=self._play, device=self._device, now=self._bus.now())
        self._bus.publish(event)
        self._hall.moved(event)

    async def _carry_out(self, work: RemoteBatch | DialogueStep) -> Done | None:
        """Gets the answers to a piece of work; Done when the device is to stop."""
        steps = self._replay(work)
        if not steps:
            return None
        self._is_live = True
        # What a former engine had intended and not seen the end of.
        self._in_doubt = {step.key for step in steps} & self._history.intended
        if self._stop.is_set:
            return stopped(is_in_doubt=bool(self._in_doubt))
        first = steps[0]
        self._session = self._session_of(first.via)
        try:
            async with self._permits.hold(first.task.id, first.throttle):
                if isinstance(work, DialogueStep):
                    await self._talk(work.step)
                else:
                    await self._send(steps)
        except StoppedError:
            return stopped(is_in_doubt=bool(self._in_doubt))
        except ConnectError as error:
            if not self._goes_on_unreached(steps, error):
                raise
        finally:
            if first.via.device:
                await give_back(self._session, self._bus, is_known=not self._in_doubt)
        self._in_doubt.clear()
        self._history.intended.difference_update(step.key for step in steps)
        return None

    def _goes_on_unreached(self, steps: tuple[Step, ...], error: ConnectError) -> bool:
        """Gives the answer of a step that nobody could be reached for, if that is enough."""
        out = self._outstanding(steps)
        if not out or not out[0].ignores_unreachable or self._in_doubt:
            return False
        self._take(out[0], results.unreachable(error.message, error.kind))
        self._program.drop_unanswered()
        return True

    def _replay(self, work: RemoteBatch | DialogueStep) -> tuple[Step, ...]:
        """Feeds what the journal knows; returns the steps that are still to do."""
        steps = work.steps if isinstance(work, RemoteBatch) else (work.step,)
        for step in steps:
            answer = self._history.answers.pop(step.key, None)
            if answer is None:
                break
            self._program.feed(step.seq, restored(answer))
        return self._outstanding(steps)

    def _outstanding(self, steps: Iterable[Step]) -> tuple[Step, ...]:
        out = self._program.outstanding
        return tuple(step for step in steps if step.seq in out)

    # -- batches --------------------------------------------------------------

    async def _send(self, steps: tuple[Step, ...]) -> None:
        """Runs steps on the device until each has its answer."""
        steps = await self._settle(steps)
        while steps:
            await self._intend(steps)
            loss = await self._run_batch(steps)
            steps = self._outstanding(steps)
            if loss:
                await self._lose_link(loss)
                steps = await self._settle(steps)
            elif steps:
                # Certainly not run, and no failure explains it: build them again.
                self._program.drop_unanswered()
                return

    async def _intend(self, steps: tuple[Step, ...]) -> None:
        self._bus.publish(
            TasksIntended(
                at=self._bus.now(), play=self._play, device=self._device,
                keys=tuple(step.key for step in steps), on=steps[0].via.device,
                names=tuple(step.task.name or step.task.module for step in steps),
                paths=tuple(str(step.task.mark) for step in steps),
            )
        )
        self._history.boot_id = self._session.boot_id
        self._history.intended_at = self._bus.now()
        await self._bus.barrier()
        passing("device.intended")

    async def _run_batch(self, steps: tuple[Step, ...]) -> str:
        """Sends a batch and feeds the answers; returns how the link was lost, or ""."""
        fresh = {step.key for step in steps} - self._in_doubt
        self._in_doubt |= fresh
        was_connected = self._session.is_connected
        loss = ""
        try:
            async with aclosing(self._session.run(RemoteBatch(steps=steps))) as replies:
                async for reply in replies:
                    if reply.kind is ReplyKind.FINISHED:
                        self._answer(steps, reply)
                    elif reply.kind is ReplyKind.LOST:
                        loss = reply.error_kind or "lost/closed"
        except ConnectError as error:
            # Nothing was sent: the intent is void.
            self._in_doubt -= fresh
            if not (was_connected and error.is_transient):
                raise
            loss = error.message
        except LinkLostError as error:
            loss = error.message
        if loss:
            self._history.boot_id = self._session.boot_id
        else:
            self._in_doubt.clear()
        return loss

    def _answer(self, steps: Iterable[Step], reply: Reply) -> None:
        step = next(step for step in steps if step.seq == reply.seq)
        self._take(step, results.from_reply(step, reply, self._clock.now()))

    def _take(self, step: Step, result: TaskResult) -> None:
        """Journals one answer and gives it to the program."""
        self._losses = 0
        self._in_doubt.discard(step.key)
        self._bus.publish(
            StepAnswered(
                at=self._bus.now(), play=self._play, device=self._device, key=step.key,
                result=result, no_log=step.no_log,
            )
        )
        passing("device.answered")
        self._program.feed(step.seq, result)

    # -- lost links -------------------------------------------------------------

    async def _lose_link(self, why: str) -> None:
        """Drops a dead connection; raises LinkLostError when that leads nowhere."""
        self._losses += 1
        await self._session.drop()
        if self._losses > MAX_RECOVERIES:
            raise LinkLostError(
                f"the link was lost {self._losses} times without an answer between: {why}",
                kind="lost/crash-loop", hint="the rest of the play was not tried",
            )

    async def _settle(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """Feeds what receipts prove; returns the steps that are to be run now."""
        detached = tuple(
            step for step in steps if step.key in self._in_doubt and step.is_detached
        )
        known = await self._ask(detached) if detached else {}
        self._in_doubt -= {
            key for key, reply in known.items() if reply.kind is ReplyKind.NOT_RUN
        }
        for step in steps:
            reply = known.get(step.key)
            if reply is None or reply.kind is ReplyKind.NOT_RUN:
                # Not started, or safe to repeat: go on from here.
                break
            if reply.kind is ReplyKind.FINISHED:
                self._answer((step,), reply)
            elif step.spec.idempotent or self._decided.get(step.key) is Decision.RERUN:
                break
            else:
                self._take_unproven(step, reply)
        return self._outstanding(steps)

    async def _ask(self, detached: tuple[Step, ...]) -> dict[str, Reply]:
        """Returns what became of steps by their receipts, over as many links as it takes."""
        while True:
            try:
                known = await self._session.settle(
                    detached, boot_id=self._history.boot_id,
                    intended_at=self._history.intended_at,
                )
                replies = [(step, known[step.key]) for step in detached]
                lost = [(step, reply) for step, reply in replies if reply.kind is ReplyKind.LOST]
                losses = [r.error_kind for _, r in lost if r.error_kind.startswith("lost/")]
                if not losses:
                    await self._clear_way(step for step, _ in lost)
                    return known
                why = losses[0]
            except LinkLostError as error:
                why = error.message
            await self._lose_link(why)

    async def _clear_way(self, interrupted: Iterable[Step]) -> None:
        """Lets steps that may be repeated run again under their old names."""
        again = []
        for step in interrupted:
            if not step.spec.idempotent:
                decision = self._wishes.decide(self._play, self._device, step, self._bus)
                self._decided[step.key] = decision
            if step.spec.idempotent or self._decided[step.key] is Decision.RERUN:
                again.append(step)
        if again:
            await self._bus.barrier()
            await self._session.forget(tuple(again))

    def _take_unproven(self, step: Step, reply: Reply) -> None:
        """The device cannot prove what became of a step that must not be repeated."""
        result = unproven(step, reply, self._decided.get(step.key), self._wishes.by)
        if result.status is TaskStatus.UNKNOWN:
            self._program.feed(step.seq, result)
        else:
            self._take(step, result)

    # -- dialogues --------------------------------------------------------------

    async def _talk(self, step: Step) -> None:
        """Runs a dialogue: reboot, wait_for_connection, pause, fetch."""
        intended = self._history.boot_id if self._in_doubt else ""
        if step.spec.idempotent:
            self._in_doubt.clear()
        result: TaskResult | None = None
        while result is None:
            await self._intend((step,))
            result = await self._converse(step, intended)
        if result.status is TaskStatus.UNKNOWN:
            self._program.feed(step.seq, result)
        else:
            self._take(step, result)

    async def _converse(self, step: Step, intended_boot_id: str) -> TaskResult | None:
        """Returns a dialogue's result; None when it is to be begun anew."""
        idempotent = step.spec.idempotent
        clock = PatientClock(self._clock, self._stop) if idempotent else self._clock
        link = DialogueLink(self._device, self._session, self._bus, clock)
        dialogue = self._dialogues[step.spec.name]
        try:
            return await dialogue(step, link, intended_boot_id=intended_boot_id)
        except LinkLostError as error:
            if link.has_asked and not idempotent:
                return results.unknown(error.kind, error.message)
            await self._lose_link(error.message)
            return None
        except ConnectError as error:
            if not link.has_asked:
                raise
            return results.failed(error.message, error.kind)
        except (JournalError, LockedError):
            raise
        except FleetrunError as error:
            return results.failed(error.message, error.kind)
