"""Which tasks of a play run under --tags, --skip-tags and --start-at-task."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from fleetrun.model.playbook import Block, Node, Play, Task


def is_tagged_in(task_tags: frozenset[str], tags: Iterable[str], skip_tags: Iterable[str]) -> bool:
    """True when a task with `task_tags` runs; the rules are Ansible's (rule 17).

    ``always`` runs unless skipped by name, ``never`` only when asked for;
    ``tagged``, ``untagged`` and ``all`` are understood on both sides.
    """
    wanted, unwanted = set(tags) or {"all"}, set(skip_tags)
    own = task_tags or frozenset({"untagged"})
    return _is_wanted(own, wanted) and not _is_skipped(own, unwanted)


def _is_wanted(own: frozenset[str], wanted: set[str]) -> bool:
    if "always" in own or wanted & own:
        return True
    if "all" in wanted and "never" not in own:
        return True
    return "tagged" in wanted and own != {"untagged"} and "never" not in own


def _is_skipped(own: frozenset[str], unwanted: set[str]) -> bool:
    if "all" in unwanted:
        return "always" not in own or "always" in unwanted
    if unwanted & own:
        return True
    return "tagged" in unwanted and own != {"untagged"}


def filter_play(
    play: Play, tags: Iterable[str], skip_tags: Iterable[str], start_at: str = ""
) -> Play:
    """Returns the play with only the tasks that are to run; handlers stay."""
    tags, skip_tags = tuple(tags), tuple(skip_tags)
    state = _StartAt(start_at)

    def keep(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        kept: list[Node] = []
        for node in nodes:
            if isinstance(node, Block):
                block = replace(
                    node, block=keep(node.block), rescue=keep(node.rescue), always=keep(node.always)
                )
                if block.block or block.always:
                    kept.append(block)
            elif node.is_implicit or (
                state.has_begun(node) and is_tagged_in(node.tags, tags, skip_tags)
            ):
                kept.append(node)
        return tuple(kept)

    return replace(
        play,
        pre_tasks=keep(play.pre_tasks),
        tasks=keep(play.tasks),
        post_tasks=keep(play.post_tasks),
    )


def filter_nodes(
    nodes: tuple[Node, ...], tags: Iterable[str], skip_tags: Iterable[str]
) -> tuple[Node, ...]:
    """Returns the nodes of an included file that are to run."""
    kept: list[Node] = []
    for node in nodes:
        if isinstance(node, Block):
            parts = {
                part: filter_nodes(getattr(node, part), tags, skip_tags)
                for part in ("block", "rescue", "always")
            }
            if parts["block"] or parts["always"]:
                kept.append(replace(node, **parts))  # type: ignore[arg-type]  # same field types
        elif node.is_implicit or is_tagged_in(node.tags, tags, skip_tags):
            kept.append(node)
    return tuple(kept)


def has_task_named(play: Play, pattern: str) -> bool:
    """True when a task of the play matches a --start-at-task pattern."""

    def search(nodes: tuple[Node, ...]) -> bool:
        return any(
            search(node.block) if isinstance(node, Block) else _matches(node, pattern)
            for node in nodes
        )

    return any(search(nodes) for nodes in (play.pre_tasks, play.tasks, play.post_tasks))


def _matches(task: Task, pattern: str) -> bool:
    names = [task.name]
    if task.role is not None:
        names.append(f"{task.role.name} : {task.name}")
    return any(name == pattern or fnmatchcase(name, pattern) for name in names)


class _StartAt:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._begun = not pattern

    def has_begun(self, task: Task) -> bool:
        if not self._begun and _matches(task, self._pattern):
            self._begun = True
        return self._begun
