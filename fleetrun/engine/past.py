"""What the journal says of a run so far: the input of resume."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from fleetrun.engine.history import History
from fleetrun.engine.past_rollout import RolloutFact, with_fact
from fleetrun.model.events import (
    AnyEvent,
    DeviceConnected,
    DeviceFinished,
    DeviceStarted,
    LeaderChosen,
    PlayFinished,
    PlayStarted,
    RunFinished,
    RunHalted,
    RunResumed,
    RunStarted,
    StageChecked,
    StageFinished,
    StageReleased,
    StageStarted,
    StepAnswered,
    TasksIntended,
)
from fleetrun.model.result import Outcome
from fleetrun.model.rollout import RolloutHistory
from fleetrun.model.steps import Place

#: Outcomes that resume opens again. (Those that are skipped were so by the
#: rollout, which decides again.)
OPEN = frozenset({Outcome.UNKNOWN, Outcome.CANCELLED})


@dataclass(slots=True)
class Past:
    """Everything of a run's journal that decides how it goes on."""

    is_resume: bool = False
    started: RunStarted | None = None
    finished: RunFinished | None = None
    #: (play, device) -> what was intended and answered.
    histories: dict[tuple[int, str], History] = field(default_factory=dict)
    #: play -> final outcomes in the order in which they came.
    settled: dict[int, dict[str, DeviceFinished]] = field(default_factory=dict)
    finished_plays: set[int] = field(default_factory=set)
    #: play -> devices that had any outcome in it.
    members: dict[int, set[str]] = field(default_factory=dict)
    #: play -> devices whose last outcome in it is unknown or cancelled.
    _open: dict[int, set[str]] = field(default_factory=dict)
    #: boot_id of each device as this engine saw it last.
    _boot_ids: dict[str, str] = field(default_factory=dict)
    #: play -> (place, task, device) of devices that did a task for their batch.
    leaders: dict[int, set[tuple[Place, str, str]]] = field(default_factory=dict)
    #: Why the operator aborted the run for good, or "".
    aborted: str = ""
    #: play -> devices that were started in it.
    _begun: dict[int, set[str]] = field(default_factory=dict)
    #: play -> what its rollout must know again.
    _rollouts: dict[int, RolloutHistory] = field(default_factory=dict)
    #: device -> (play, device) whose intent waits for the boot_id it went out under.
    _nameless: dict[str, tuple[int, str]] = field(default_factory=dict)

    def take_history(self, play: int, device: str) -> History:
        """Returns what is known of a device in a play, and forgets it.

        Whoever goes on with the device has it then: a run over many devices
        must not keep what it has replayed.
        """
        return self.histories.pop((play, device), None) or History()

    def may_have_run(self, play: int, device: str) -> bool:
        """True unless the play is over and the device had no part in it."""
        return play not in self.finished_plays or device in self.members.get(play, ())

    def is_over(self, play: int) -> bool:
        """True when a play is finished and no device's outcome in it is open."""
        return play in self.finished_plays and not self._open.get(play)

    def rollout(self, play: int) -> RolloutHistory:
        """Returns what the rollout of a play must know to go on."""
        known = frozenset(self.settled.get(play, ()))
        return replace(
            self._rollouts.get(play, RolloutHistory()), settled=known, aborted=self.aborted,
            begun=frozenset(self._begun.get(play, ())) - known,
        )

    def take(self, event: AnyEvent) -> None:
        """Adds one event, in journal order."""
        match event:
            case RunStarted():
                self.started = event
            case RunResumed():
                # Another engine with new sessions: it may meet another boot
                # than the one that earlier intents went out under.
                self._boot_ids.clear()
                self._nameless.clear()
            case TasksIntended():
                self._intended(event)
            case StepAnswered():
                self._history(event.play, event.device).answers[event.key] = event.result
            case DeviceConnected():
                self._connected(event)
            case DeviceFinished():
                self._finished(event)
            case LeaderChosen():
                leaders = self.leaders.setdefault(event.play, set())
                leaders.add((tuple(event.place), event.task, event.device))
            case PlayFinished():
                self.finished_plays.add(event.play)
            case RunFinished():
                self.finished = event
            case _:
                self._take_fact(event)

    def _take_fact(self, event: AnyEvent) -> None:
        """Adds what only the rollout of a play must know."""
        match event:
            case (
                PlayStarted() | StageStarted() | StageFinished() | StageReleased()
                | StageChecked()
            ):
                self._take_rollout(event)
            case DeviceStarted():
                self._begun.setdefault(event.play, set()).add(event.device)
                self._take_rollout(event)
            case RunHalted(cause="abort", reason=reason):
                self.aborted = reason
            case _:
                pass

    def _take_rollout(self, fact: RolloutFact) -> None:
        former = self._rollouts.get(fact.play, RolloutHistory())
        self._rollouts[fact.play] = with_fact(former, fact)

    def _history(self, play: int, device: str) -> History:
        return self.histories.setdefault((play, device), History())

    def _intended(self, event: TasksIntended) -> None:
        history = self._history(event.play, event.device)
        history.intended.update(event.keys)
        history.intended_at = event.at
        where = event.on or event.device
        history.boot_id = self._boot_ids.get(where, "")
        if history.boot_id:
            self._nameless.pop(where, None)
        else:
            self._nameless[where] = (event.play, event.device)

    def _connected(self, event: DeviceConnected) -> None:
        """The first session after an intent: its boot_id is the one the steps ran under."""
        self._boot_ids[event.device] = event.boot_id
        intent = self._nameless.pop(event.device, None)
        if intent is not None:
            self._history(*intent).boot_id = event.boot_id

    def _finished(self, event: DeviceFinished) -> None:
        self.members.setdefault(event.play, set()).add(event.device)
        # A later word counts, also when it takes an earlier one back.
        settled = self.settled.setdefault(event.play, {})
        settled.pop(event.device, None)
        still_open = self._open.setdefault(event.play, set())
        still_open.discard(event.device)
        if event.outcome in OPEN:
            still_open.add(event.device)
        elif event.outcome is not Outcome.SKIPPED:
            settled[event.device] = event


async def read_past(events: AsyncIterator[AnyEvent]) -> Past:
    """Returns what the journal says of a run."""
    past = Past(is_resume=True)
    async for event in events:
        past.take(event)
    return past
