"""The names that a template can see: layers of raw variables, highest first.

A scope holds variables as the operator wrote them. A `TemplateText` among them
is rendered when it is used, against the scope that it is used from, so
``a: "{{ b }}"`` sees the ``b`` of this task and this device. What was rendered
is kept for the life of the scope; `push` makes a new scope that keeps nothing
of it, because a loop item or a task variable may change what a template gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from typing_extensions import override

from fleetrun.model.playbook import Task
from fleetrun.model.values import Value


class PendingValueError(Exception):
    """A name was looked up whose value is not known yet.

    Not a FleetrunError, and no subclass of what templates catch: it travels
    out of any template unchanged, also through ``is defined`` and ``default``.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class ElsewhereError(PendingValueError):
    """A name was looked up that depends on where other devices are.

    `devices` are those to wait for; empty means all of the batch.
    """

    def __init__(self, name: str, devices: frozenset[str] = frozenset()) -> None:
        super().__init__(name)
        self.devices = devices


class _Absent:
    """Stands for "no such name", which None cannot: None is a value."""

    @override
    def __repr__(self) -> str:
        return "ABSENT"


#: What `Scope.find` gives for a name that no layer has.
ABSENT: Final = _Absent()


class Scope:
    """Layers of raw variables. Values must not be changed once they are in."""

    __slots__ = ("active", "layers", "pending", "rendered", "task")

    def __init__(
        self,
        layers: Sequence[Mapping[str, Value]],
        *,
        pending: Callable[[str], bool] | None = None,
        task: Task | None = None,
    ) -> None:
        """Makes a scope of `layers`, highest precedence first.

        `pending` says whether a name's value is still to come. It is asked
        before any layer, and with "vars" when all names are listed. `task` is
        what renders here: lookups search for files beside it.
        """
        self.layers = tuple(layers)
        self.pending = pending
        self.task = task
        #: id of a template or container -> (that object, its rendered value).
        #: Holding the object keeps its id from being given to another.
        self.rendered: dict[int, tuple[object, object]] = {}
        #: Templates being rendered now, id -> the variable's name: the chain
        #: that a loop error names.
        self.active: dict[int, str] = {}

    def push(self, *layers: Mapping[str, Value]) -> Scope:
        """Returns a new scope with `layers` on top, the first highest."""
        return Scope((*layers, *self.layers), pending=self.pending, task=self.task)

    def find(self, name: str) -> Value | _Absent:
        """Returns the raw value of the highest layer that has `name`, or ABSENT."""
        for layer in self.layers:
            if name in layer:
                return layer[name]
        return ABSENT

    def is_pending(self, name: str) -> bool:
        """True when the value of `name` is not known yet."""
        return self.pending is not None and self.pending(name)

    def names(self) -> list[str]:
        """Returns all names, sorted. Raises PendingValueError when more may come."""
        if self.is_pending("vars"):
            raise PendingValueError("vars")
        return self.known_names()

    def known_names(self) -> list[str]:
        """Returns the names that are known now, sorted; for messages."""
        return sorted(set().union(*self.layers))


#: Asked of `Scope.is_pending` by whatever reads this machine's files or programs: a task
#: that is still out may be writing here. No variable can have this name.
CONTROLLER: Final = "lookup()"


class LiveMapping(Mapping[str, Value]):
    """A mapping whose values are made when they are read: never copied or searched."""

    __slots__ = ()


class ScopeView(LiveMapping):
    """A scope as a read-only mapping of rendered values: ``vars``, ``hostvars[x]``."""

    __slots__ = ("_render", "_scope")

    def __init__(self, scope: Scope, render: Callable[[Value, Scope], Value]) -> None:
        self._scope = scope
        self._render = render

    @override
    def __getitem__(self, name: str) -> Value:
        if self._scope.is_pending(name):
            raise PendingValueError(name)
        raw = self._scope.find(name)
        if isinstance(raw, _Absent):
            raise KeyError(name)
        return self._render(raw, self._scope)

    @override
    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        if self._scope.is_pending(name):
            raise PendingValueError(name)
        return self._scope.find(name) is not ABSENT

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._scope.names())

    @override
    def __len__(self) -> int:
        return len(self._scope.names())


def scope_of(view: ScopeView) -> Scope:
    """Returns the scope behind `view`; templates look names up in it lazily."""
    return view._scope  # noqa: SLF001  # hidden from templates, not from this file
