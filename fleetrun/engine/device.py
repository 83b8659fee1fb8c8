"""Carries out one device's program: connect, send, settle, report.

The order that everything leans on: intent in the journal (barrier), then the
device, then the answer in the journal, then the next intent. After a lost link
or a dead engine the device is asked for its receipts; what it cannot prove is
`unknown`, never guessed and never repeated silently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fleetrun.contracts import Clock, Dialogue
from fleetrun.engine.bus import Bus
from fleetrun.engine.session import DeviceSession
from fleetrun.errors import ConnectError, FleetrunError, LinkLostError
from fleetrun.failpoints import passing
from fleetrun.model.events import (
    DeviceFinished,
    DeviceStarted,
    StepAnswered,
    TaskFinished,
    TasksIntended,
)
from fleetrun.model.result import Outcome, TaskResult, TaskStatus
from fleetrun.model.steps import (
    DialogueStep,
    Done,
    RemoteBatch,
    Reply,
    ReplyKind,
    Report,
    Step,
    Wait,
)
from fleetrun.planning import results
from fleetrun.planning.device_program import DeviceProgram

#: Lost links without one answer between them before the end stays unknown.
MAX_RECOVERIES: Final = 5


@dataclass(slots=True)
class History:
    """What the journal knows of a device in one play, for resume."""

    answers: dict[str, TaskResult] = field(default_factory=dict)
    intended: set[str] = field(default_factory=set)
    #: boot_id when the last intent was written; "" when never connected.
    boot_id: str = ""
    #: When the last intent was written, controller's clock.
    intended_at: float = 0.0


class StopFlag:
    """Set when the operator asked to stop: devices end at their next batch."""

    def __init__(self) -> None:
        self.is_set = False


class DeviceRunner:
    """Runs one device through one play; `run` gives its outcome."""

    def __init__(  # noqa: PLR0913  # made in one place, by keyword
        self, *, play: int, device: str, program: DeviceProgram, session: DeviceSession,
        bus: Bus, clock: Clock, dialogues: Mapping[str, Dialogue], history: History,
        stop: StopFlag,
    ) -> None:
        self._play = play
        self._device = device
        self._program = program
        self._session = session
        self._bus = bus
        self._clock = clock
        self._dialogues = dialogues
        self._history = history
        self._stop = stop
        self._recoveries = 0
        self.clock = clock

    @property
    def device(self) -> str:
        """The device's id."""
        return self._device

    @property
    def boot_id(self) -> str:
        """boot_id of the device as last seen."""
        return self._session.boot_id

    async def run(self) -> DeviceFinished:
        """Returns the device's outcome; raises only CancelledError and JournalError."""
        started = self._clock.monotonic()
        self._bus.publish(
            DeviceStarted(at=self._bus.now(), play=self._play, device=self._device)
        )
        kind = ""
        try:
            done = await self._work()
        except ConnectError as error:
            kind = error.kind
            done = self._unreachable(error)
        except LinkLostError as error:
            kind = error.kind
            done = Done(outcome=Outcome.UNKNOWN, reason=error.message)
        failure = self._program.failure
        return DeviceFinished(
            at=self._bus.now(), play=self._play, device=self._device, outcome=done.outcome,
            reason=done.reason, error_kind=kind or (failure.result.error_kind if failure else ""),
            recap=self._program.recap, elapsed_s=self._clock.monotonic() - started,
        )

    def _unreachable(self, error: ConnectError) -> Done:
        """Not reached: unreachable, but unknown when something is still out."""
        reason = error.message + (f" ({error.hint})" if error.hint else "")
        if self._history.intended - self._history.answers.keys():
            return Done(
                outcome=Outcome.UNKNOWN,
                reason=f"a step was sent, and the device cannot be asked: {reason}",
            )
        return Done(outcome=Outcome.UNREACHABLE, reason=reason)

    async def _work(self) -> Done:
        while True:
            work = self._program.next()
            match work:
                case Done():
                    return work
                case Report():
                    self._report(work)
                case Wait():
                    await self._pause(work)
                case _:
                    steps = self._replay(work)
                    if not steps:
                        continue
                    if self._stop.is_set:
                        return Done(outcome=Outcome.CANCELLED, reason="stopped by the operator")
                    if isinstance(work, DialogueStep):
                        await self._talk(work.step)
                    else:
                        await self._send(steps)

    def _replay(self, work: RemoteBatch | DialogueStep) -> tuple[Step, ...]:
        """Feeds what the journal knows; returns the steps that are still to do."""
        steps = work.steps if isinstance(work, RemoteBatch) else (work.step,)
        for step in steps:
            answer = self._history.answers.get(step.key)
            if answer is None:
                break
            self._program.feed(step.seq, answer)
        return self._outstanding(steps)

    def _outstanding(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        out = self._program.outstanding
        return tuple(step for step in steps if step.seq in out)

    async def _pause(self, wait: Wait) -> None:
        if self._program.next_key in self._history.answers:
            return
        await self._clock.sleep(wait.seconds)

    async def _send(self, steps: tuple[Step, ...]) -> None:
        """Runs steps on the device until each has its answer."""
        in_doubt = tuple(step for step in steps if step.key in self._history.intended)
        if in_doubt:
            steps = await self._settle(steps, in_doubt)
        while steps:
            await self._intend(steps)
            lost = await self._run_batch(steps)
            steps = self._outstanding(steps)
            if lost and steps:
                steps = await self._recover(steps)
            elif steps:
                # Certainly not run, and no failure explains it: build them again.
                self._program.drop_unanswered()
                return

    async def _intend(self, steps: tuple[Step, ...]) -> None:
        self._bus.publish(
            TasksIntended(
                at=self._bus.now(), play=self._play, device=self._device,
                keys=tuple(step.key for step in steps),
                names=tuple(step.task.name or step.task.module for step in steps),
            )
        )
        await self._bus.barrier()
        self._history.intended.update(step.key for step in steps)
        self._history.intended_at = self._bus.now()
        passing("device.intended")

    async def _run_batch(self, steps: tuple[Step, ...]) -> bool:
        """Sends a batch and feeds the answers; True when the link was lost."""
        lost = False
        was_connected = self._session.is_connected
        try:
            async for reply in self._session.run(RemoteBatch(steps=steps)):
                if reply.kind is ReplyKind.LOST:
                    lost = True
                elif reply.kind is ReplyKind.FINISHED:
                    self._answer(steps, reply)
        except ConnectError as error:
            if not was_connected or not error.is_transient:
                # Nothing was sent, or no shell came to be: the intent is void.
                self._history.intended.difference_update(step.key for step in steps)
                raise
            return True
        except LinkLostError:
            return True
        return lost

    def _answer(self, steps: tuple[Step, ...], reply: Reply) -> None:
        step = next(step for step in steps if step.seq == reply.seq)
        self._take(step, results.from_reply(step, reply))

    def _take(self, step: Step, result: TaskResult) -> None:
        """Journals one answer and gives it to the program."""
        self._recoveries = 0
        self._history.answers[step.key] = result
        self._bus.publish(
            StepAnswered(
                at=self._bus.now(), play=self._play, device=self._device, key=step.key,
                result=result, no_log=step.no_log,
            )
        )
        passing("device.answered")
        self._program.feed(step.seq, result)

    async def _recover(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """After a lost link: connects again and asks what became of the steps."""
        self._history.boot_id = self._session.boot_id or self._history.boot_id
        await self._drop_lost("")
        return await self._settle(steps, steps)

    async def _drop_lost(self, why: str) -> None:
        """Gives up a lost link; raises LinkLostError when it is lost all the time."""
        self._recoveries += 1
        await self._session.drop()
        if self._recoveries > MAX_RECOVERIES:
            raise LinkLostError(
                f"the link was lost {self._recoveries} times without an answer between"
                + (f": {why}" if why else ""),
                kind="lost/crash-loop", hint="the rest of the play was not tried",
            )

    async def _settle(
        self, steps: tuple[Step, ...], in_doubt: tuple[Step, ...]
    ) -> tuple[Step, ...]:
        """Feeds what receipts prove; returns the steps that are to be run now."""
        detached = tuple(step for step in in_doubt if step.is_detached)
        known = await self._ask(detached) if detached else {}
        for step in steps:
            reply = known.get(step.key)
            if reply is None or reply.kind is ReplyKind.NOT_RUN:
                # Not started, or safe to repeat: go on from here.
                break
            if reply.kind is ReplyKind.LOST and step.spec.idempotent:
                break
            if reply.kind is ReplyKind.FINISHED:
                self._answer((step,), reply)
            else:
                self._take_unknown(step, reply)
        return self._outstanding(steps)

    async def _ask(self, steps: tuple[Step, ...]) -> dict[str, Reply]:
        """Returns what receipts prove; asks again when this link goes, too."""
        while True:
            try:
                known = await self._session.settle(
                    steps, boot_id=self._history.boot_id, intended_at=self._history.intended_at
                )
            except LinkLostError as error:
                why = error.message
            else:
                lost = [r.error_kind for r in known.values() if r.error_kind.startswith("lost/")]
                if not lost:
                    return known
                why = lost[0]
            await self._drop_lost(why)

    def _take_unknown(self, step: Step, reply: Reply) -> None:
        """The device cannot prove what became of a step that must not be repeated."""
        result = results.unknown(
            reply.error_kind or "module/interrupted",
            "began on the device, was interrupted, and must not be repeated unasked",
        )
        self._program.feed(step.seq, result)

    async def _talk(self, step: Step) -> None:
        """Runs a dialogue: reboot, wait_for_connection, pause, fetch."""
        intended = self._history.boot_id if step.key in self._history.intended else ""
        await self._intend((step,))
        dialogue = self._dialogues[step.spec.name]
        try:
            result = await dialogue(step, self, intended_boot_id=intended)
        except FleetrunError as error:
            result = results.failed(error.message, error.kind)
            if isinstance(error, LinkLostError):
                result = results.unknown(error.kind, error.message)
        if result.status is TaskStatus.UNKNOWN:
            self._program.feed(step.seq, result)
            return
        self._take(step, result)

    def _report(self, report: Report) -> None:
        task = report.task
        self._bus.publish(
            TaskFinished(
                at=self._bus.now(), play=self._play, device=self._device, task=task.id,
                name=report.name or task.name, module=task.module, result=report.result,
                is_handler=report.is_handler, no_log=report.no_log,
            )
        )

    # -- contracts.DeviceLink, for dialogues ------------------------------------

    async def run_step(self, step: Step) -> Reply:
        """Runs one step alone; a lost link gives a LOST reply."""
        async for reply in self._session.run(RemoteBatch(steps=(step,))):
            return reply
        raise LinkLostError("the shell gave no reply", kind="lost/closed")

    async def fetch(self, path: str, max_bytes: int, step: Step) -> bytes:
        """Returns a file of the device."""
        return await self._session.fetch(path, max_bytes, step.identity)

    async def reconnect(self, *, connect_timeout_s: float | None = None) -> None:
        """Connects anew, one attempt, and reads the boot_id."""
        await self._session.drop()
        await self._session.connect(attempts=1, timeout_s=connect_timeout_s)
        await self._session.greet()

    async def drop(self) -> None:
        """Closes the connection."""
        await self._session.drop()
