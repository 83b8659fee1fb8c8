"""Which handlers of a play were notified on one device (rules 13 to 15)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fleetrun.model.playbook import Node, Task
from fleetrun.model.values import TemplateText


class Notifications:
    """Notified handlers, run in the order in which they are defined."""

    def __init__(self, handlers: tuple[Task, ...]) -> None:
        self._handlers: list[Task] = []
        self._notified: set[int] = set()
        self._index: dict[str, int] = {}
        #: topic -> how names are rendered for it, and what it found.
        self._asked: dict[str, tuple[Callable[[str, Task], str] | None, set[int]]] = {}
        self.add(handlers)

    def add(self, handlers: Iterable[Task]) -> None:
        """Defines more handlers, behind the others; those known already stay as they are.

        What was notified and has not run is looked for again: it is when handlers
        run that Ansible finds the one that a name means.
        """
        known = len(self._handlers)
        for handler in handlers:
            if handler.id not in self._index:
                self._index[handler.id] = len(self._handlers)
                self._handlers.append(handler)
        if known and known < len(self._handlers):
            self._look_again()

    def _look_again(self) -> None:
        for topic, (render, before) in self._asked.items():
            if before & self._notified:
                found = self._find(topic, render)
                self._notified = self._notified - (before - found) | (found - before)
                self._asked[topic] = (render, found)

    def notify(self, topic: str, render: Callable[[str, Task], str] | None = None) -> bool:
        """Marks the handlers that `topic` names or that listen to it.

        A handler of a role is found as ``role : name``, too. `render` gives the
        text of names and topics that are templates. Returns False when there
        is none. Of several handlers with one name the first one counts in each
        list of handlers, and of several lists the last: the play's own comes
        behind those of its roles.
        """
        found = self._find(topic, render)
        self._notified |= found
        if found:
            self._asked[topic] = (render, found)
        return bool(found)

    def _find(self, topic: str, render: Callable[[str, Task], str] | None) -> set[int]:
        named, listening = _Chosen(), _Chosen()
        for index, handler in enumerate(self._handlers):
            names = titles(handler, render)
            if topic in names:
                named.offer("", handler, index)
            if topic in _texts(handler.listen, handler, render):
                listening.offer(names[0] if names else handler.id, handler, index)
        return {*named.indexes(), *listening.indexes()}

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


class _Chosen:
    """Of the handlers with one name the first of the last list that has any."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[str, int]] = {}

    def offer(self, name: str, handler: Task, index: int) -> None:
        """Takes a handler into account; they come in the order of their definition."""
        place = handler.id.rpartition("handlers.")[0]
        if name not in self._of or self._of[name][0] != place:
            self._of[name] = (place, index)

    def indexes(self) -> list[int]:
        """Returns where those that count are defined."""
        return [index for _, index in self._of.values()]


def titles(
    handler: Task, render: Callable[[str, Task], str] | None = None
) -> tuple[str, ...]:
    """Returns the names that a handler is notified by, apart from what it listens to."""
    (name,) = _texts((handler.name,), handler, render)
    if not name:
        return ()
    role = handler.role
    if role is None:
        return (name,)
    return (name, f"{role.name} : {name}", f"{role.short_name} : {name}")


def _texts(
    texts: tuple[str, ...], handler: Task, render: Callable[[str, Task], str] | None
) -> tuple[str, ...]:
    if render is None or not any(isinstance(text, TemplateText) for text in texts):
        return texts
    return tuple(
        render(text, handler) if isinstance(text, TemplateText) else text for text in texts
    )
