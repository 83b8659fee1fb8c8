"""Which variables of other devices may change while a play runs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fleetrun.model.playbook import Block, Node, Play, Task
from fleetrun.planning.surroundings import CONNECTION_NAMES

#: Modules that set variables whose names are not known before they run.
_OPEN_MODULES = frozenset({
    "include_tasks", "include_role", "include_vars", "import_role", "set_fact",
})
#: Modules after which nobody knows which facts a device has.
_FACT_MODULES = frozenset({"setup", "gather_facts", "service_facts", "package_facts"})


def tasks_of(nodes: Sequence[Node]) -> Iterator[Task]:
    """Yields the tasks of a part of a play, those in blocks included."""
    for node in nodes:
        if isinstance(node, Block):
            for part in (node.block, node.rescue, node.always):
                yield from tasks_of(part)
        else:
            yield node


def all_tasks(play: Play) -> Iterator[Task]:
    """Yields every task of a play that is known before it runs."""
    for part in (play.pre_tasks, play.tasks, play.post_tasks, play.handlers):
        yield from tasks_of(part)


def may_change(play: Play, name: str) -> bool:
    """True when a task of the play may set the variable `name` of a device."""
    names, is_open, gives_facts = _written(play)
    if name in names or name == "vars":
        return True
    if name in CONNECTION_NAMES and not is_open:
        return False
    is_fact = gives_facts and (name.startswith("ansible_") or name == "facts")
    return is_open or is_fact


#: The last play asked about and the answer: devices of one play ask in turn.
_LATEST: list[tuple[Play, tuple[frozenset[str], bool, bool]]] = []


def _written(play: Play) -> tuple[frozenset[str], bool, bool]:
    """Names that tasks set; whether there may be others; whether there are facts."""
    if not _LATEST or _LATEST[0][0] is not play:
        _LATEST[:] = [(play, _find_written(play))]
    return _LATEST[0][1]


def _find_written(play: Play) -> tuple[frozenset[str], bool, bool]:
    names: set[str] = set()
    is_open = gives_facts = False
    for task in all_tasks(play):
        names.update(filter(None, [task.register]))
        if task.module == "set_fact" and "_raw_params" not in task.args:
            names.update(name for name in task.args if "{" not in name)
            is_open = is_open or any("{" in name for name in task.args)
        elif task.module in _OPEN_MODULES:
            is_open = True
        gives_facts = gives_facts or task.module in _FACT_MODULES
    return frozenset(names), is_open, gives_facts
