"""Where the devices of a batch wait for each other. Pure.

Devices flow freely. One that comes to a barrier is parked until nobody of the
batch runs any more; then the group that is parked at the earliest place goes on
together, so there is no deadlock: whoever is elsewhere (a rescue, another
included file) is behind or ahead, and has its turn. Devices that have not
started yet count as running. One that only reads variables of certain others
goes on as soon as these are past its task.

What a meeting decides follows from where devices are and how their tasks went,
never from which of them was faster: a resumed run comes to the same decisions.
docs/adr/0004 says what is a barrier and why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from fleetrun.model.steps import Go, Meet, MeetKind, Place, Shared, Verdict
from fleetrun.planning.place import END

#: Actions of ``meta`` after which nobody of the batch goes on.
ENDING: Final = frozenset({"end_batch", "end_play"})

_RANK: Final = {MeetKind.READ: 0, MeetKind.ONCE: 1, MeetKind.OVER: 2}
_ON: Final = Verdict()
_SKIP: Final = Verdict(go=Go.SKIP)
_Key: TypeAlias = "tuple[Place, int, str]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A group of devices goes on."""

    place: Place
    task: str
    verdicts: Mapping[str, Verdict]
    #: What was shared there and by whom, in the order of the batch.
    shared: Mapping[str, Shared] = field(default_factory=dict)
    #: The device that does the task for all, when the meeting chose one.
    leader: str = ""
    #: Why everybody fails, or "".
    fatal: str = ""


@dataclass(slots=True)
class _Parked:
    meet: Meet
    #: Whom it follows: another device does its task.
    leader: str = ""


class Meeting:
    """The devices of one batch of one play.

    Tell it what happens (`start`, `arrive`, `end`), then ask for `openings` until
    there are none. Not thread-safe.
    """

    def __init__(
        self, members: Sequence[str], *, max_fail_pct: float | None = None,
        leaders: Collection[tuple[Place, str, str]] = (),
    ) -> None:
        """`leaders` are (place, task, device) that a former engine chose."""
        self._members = tuple(members)
        self._max_fail_pct = max_fail_pct
        self._leaders = frozenset(leaders)
        self._running = dict.fromkeys(members)
        self._parked: dict[str, _Parked] = {}
        self._ended: set[str] = set()
        #: Where the devices are that were lost: failed, unreachable, unknown.
        self._lost: dict[str, Place] = {}
        #: Where devices left by themselves.
        self._left: dict[str, Place] = {}
        #: Lost devices whose loss is everybody's, not told yet -> their task.
        self._fatal: dict[str, str] = {}
        self._reached: dict[str, Callable[[], Place]] = {}

    # -- what happens -----------------------------------------------------------

    def start(self, device: str, reached: Callable[[], Place]) -> None:
        """A device runs; `reached` says where its first unfinished task stands."""
        self._reached[device] = reached

    def arrive(self, device: str, meet: Meet) -> None:
        """A device waits."""
        self._running.pop(device, None)
        self._parked[device] = _Parked(meet)

    def end(
        self, device: str, *, lost_at: Place | None = None, fatal_task: str = "",
        left_at: Place | None = None,
    ) -> None:
        """A device takes no part any more; safe to call twice.

        `lost_at` is where it was lost, when it was; `fatal_task` what it did
        then, when the play says that such a loss is everybody's. `left_at` is
        where it left the play by itself (``meta: end_host``).
        """
        self._running.pop(device, None)
        self._parked.pop(device, None)
        self._ended.add(device)
        if left_at is not None:
            self._left[device] = left_at
        if lost_at is not None:
            self._lost[device] = lost_at
            if fatal_task:
                self._fatal[device] = fatal_task

    # -- what is known ------------------------------------------------------------

    @property
    def members(self) -> tuple[str, ...]:
        """The devices of the batch, in order."""
        return self._members

    def is_member(self, device: str) -> bool:
        """True when a device belongs to the batch."""
        return device in self._reached or device in self._running or device in self._ended

    def is_past(self, device: str, place: Place) -> bool:
        """True when a device has finished everything before `place`."""
        if device in self._ended:
            return True
        parked = self._parked.get(device)
        if parked is not None:
            return parked.meet.place >= place
        reached = self._reached.get(device)
        return reached is not None and reached() >= place

    def lost_before(self, place: Place) -> frozenset[str]:
        """Returns the devices that were lost, or left, before `place`."""
        gone = [*self._lost.items(), *self._left.items()]
        return frozenset(name for name, where in gone if where < place)

    @property
    def has_readers(self) -> bool:
        """True while devices wait for certain others."""
        return any(
            parked.meet.kind is MeetKind.READ and parked.meet.awaits
            for parked in self._parked.values()
        )

    # -- who goes on ----------------------------------------------------------------

    def openings(self) -> list[Opening]:
        """Returns who goes on now; ask again after it was carried out."""
        if not self._parked:
            return []
        readers = self._ready_readers()
        if readers:
            return readers
        if self._running:
            return []
        first = min(map(_key, self._parked.values()))
        group = [
            name for name in self._members
            if name in self._parked and _key(self._parked[name]) == first
        ]
        kind = self._parked[group[0]].meet.kind
        if kind is MeetKind.ONCE:
            return [self._begin_once(group)]
        if kind is MeetKind.OVER:
            return [self._close(group)]
        return [self._open(group, dict.fromkeys(group, _ON))]

    def _ready_readers(self) -> list[Opening]:
        ready = [
            name for name, parked in self._parked.items()
            if parked.meet.kind is MeetKind.READ
            and all(
                self.is_past(other, parked.meet.place)
                for other in parked.meet.awaits or self._members
            )
        ]
        return [self._open([name], {name: _ON}) for name in ready]

    def _begin_once(self, group: list[str]) -> Opening:
        """One device does the task, the others wait for its end."""
        meet = self._parked[group[0]].meet
        known = [name for name in group if (meet.place, meet.task, name) in self._leaders]
        leader = (known or group)[0]
        for name in group:
            if name != leader:
                over = replace(self._parked[name].meet, kind=MeetKind.OVER)
                self._parked[name] = _Parked(over, leader)
        opening = self._open([leader], {leader: Verdict(go=Go.LEAD)})
        return replace(opening, leader=leader)

    def _close(self, group: list[str]) -> Opening:
        """A task is over on all that were at it."""
        shared = {
            name: self._parked[name].meet.shared for name in group
            if not self._parked[name].leader
        }
        fatal = self._fatal_reason(group) or self._too_many_lost(group)
        if fatal:
            return replace(self._fail_all(group, fatal), shared=shared, fatal=fatal)
        if any(one.meta in ENDING for one in shared.values()):
            verdicts = dict.fromkeys(self._parked, Verdict(go=Go.END))
            return replace(self._open(group, verdicts), shared=shared)
        verdicts = {name: _SKIP if self._parked[name].leader else _ON for name in group}
        return replace(self._open(group, verdicts), shared=shared)

    def _fatal_reason(self, group: list[str]) -> str:
        task = self._parked[group[0]].meet.task
        for name in group:
            parked = self._parked[name]
            if parked.meet.is_fatal and parked.meet.has_failed and not parked.leader:
                return f"{name} failed"
            if parked.leader and parked.leader not in self._parked:
                return f"{parked.leader} was lost"
        lost = [name for name in self._members if self._fatal.get(name) == task]
        for name in lost:
            del self._fatal[name]
        return f"{lost[0]} was lost" if lost else ""

    def _too_many_lost(self, group: list[str]) -> str:
        if self._max_fail_pct is None:
            return ""
        failing = {name for name in group if self._parked[name].meet.is_lost}
        count, size = len(failing | self._lost.keys()), len(self._members)
        if count * 100 <= self._max_fail_pct * size:
            return ""
        return f"{count} of {size} devices failed, more than {self._max_fail_pct:g} %"

    def _fail_all(self, group: list[str], why: str) -> Opening:
        """Everybody fails where it stands; those that failed by themselves know why."""
        fail = Verdict(go=Go.FAIL, reason=why)
        verdicts = dict.fromkeys(self._parked, fail)
        for name, parked in self._parked.items():
            if parked.meet.has_failed and not parked.leader:
                verdicts[name] = _ON
        return self._open(group, verdicts)

    def _open(self, group: list[str], verdicts: Mapping[str, Verdict]) -> Opening:
        meet = self._parked[group[0]].meet
        for name in verdicts:
            del self._parked[name]
            self._running[name] = None
        return Opening(place=meet.place, task=meet.task, verdicts=verdicts)


def alone(meet: Meet) -> Verdict:
    """Returns what a batch of one device decides."""
    if meet.kind is MeetKind.ONCE:
        return Verdict(go=Go.LEAD)
    return Verdict(go=Go.END) if meet.shared.meta in ENDING else _ON


def _key(parked: _Parked) -> _Key:
    meet = parked.meet
    return (meet.place, _RANK[meet.kind], meet.task)


__all__ = ["END", "ENDING", "Meeting", "Opening", "alone"]
