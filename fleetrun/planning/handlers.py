"""Which handlers of a play were notified on one device (rules 13 to 15)."""

from __future__ import annotations

from fleetrun.model.playbook import Node, Task


class Notifications:
    """Notified handlers, run in the order in which they are defined."""

    def __init__(self, handlers: tuple[Task, ...]) -> None:
        self._handlers = handlers
        self._notified: set[int] = set()
        self._index = {handler.id: index for index, handler in enumerate(handlers)}

    def notify(self, topic: str) -> bool:
        """Marks the handlers that `topic` names or that listen to it.

        Returns False when there is none. Of several handlers with one name
        the last one counts.
        """
        listening = {i for i, handler in enumerate(self._handlers) if topic in handler.listen}
        named = [i for i, handler in enumerate(self._handlers) if handler.name == topic]
        found = listening | set(named[-1:])
        self._notified |= found
        return bool(found)

    def next_after(self, index: int) -> Task | None:
        """Returns the first notified handler defined behind `index`."""
        behind = [i for i in self._notified if i > index]
        return self._handlers[min(behind)] if behind else None

    def index_of(self, handler: Node) -> int:
        """Returns where a handler is defined, -1 when it is none."""
        return self._index.get(handler.id, -1)

    def clear(self, handler: Task) -> None:
        """Takes a handler off the list once it ran."""
        self._notified.discard(self.index_of(handler))
