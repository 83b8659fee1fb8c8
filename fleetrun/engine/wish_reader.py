"""Hears what operators at other shells want of a run, through the journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fleetrun.contracts import Clock, Journal, Lease
from fleetrun.model.run import Wish, WishKind
from fleetrun.planning.rollout_words import (
    Approved,
    PauseRequested,
    Promoted,
    RolloutEvent,
    StopRequested,
)

#: Seconds between two looks.
POLL_S: Final = 1.0


class WishReader:
    """Takes wishes out of the journal, in order."""

    def __init__(
        self, journal: Journal, lease: Lease, clock: Clock, hear: Callable[[Wish], None]
    ) -> None:
        """`hear` gets each wish once."""
        self._journal = journal
        self._lease = lease
        self._clock = clock
        self._hear = hear

    async def run(self) -> None:
        """Looks until cancelled; raises JournalError and LockedError."""
        while True:
            await self._clock.sleep(POLL_S)
            for wish in await self._journal.take_wishes(self._lease):
                self._hear(wish)


def event_of(wish: Wish) -> RolloutEvent:
    """Returns what a rollout is told of a wish."""
    match wish.kind:
        case WishKind.PAUSE:
            return PauseRequested(by=wish.by)
        case WishKind.PROMOTE:
            return Promoted(by=wish.by)
        case WishKind.APPROVE:
            return Approved(by=wish.by, stage=wish.stage)
        case WishKind.ABORT:
            return StopRequested(reason=f"aborted by {wish.by}", cause="abort")
