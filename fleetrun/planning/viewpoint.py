"""From where a device reads what depends on other devices. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fleetrun.model.steps import Place
from fleetrun.planning.cursor import Spot
from fleetrun.planning.handlers import Notifications
from fleetrun.planning.place import place_of


@dataclass(slots=True)
class Viewpoint:
    """The task that a device's templates are rendered for right now."""

    #: The device itself.
    device: str = ""
    spot: Spot | None = None
    handlers: Notifications | None = None
    #: False where the device cannot wait: it then sees what there is.
    may_wait: bool = True

    @property
    def place(self) -> Place:
        """Where that task stands; before all others when there is none."""
        if self.spot is None or self.handlers is None:
            return ()
        return place_of(self.spot, self.handlers)

    @contextmanager
    def without_waiting(self) -> Iterator[None]:
        """Reads others as they are."""
        before, self.may_wait = self.may_wait, False
        try:
            yield
        finally:
            self.may_wait = before
