"""--list-hosts, --list-tasks, --list-tags and --syntax-check, in Ansible's form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from fleetrun.app import Loaded, patterns_of, plan_plays
from fleetrun.errors import ExitCode
from fleetrun.model.playbook import Block, Node, Play, Task
from fleetrun.planning.tags import filter_play


def show(
    loaded: Loaded, *, list_hosts: bool, list_tasks: bool, list_tags: bool, syntax_check: bool
) -> int:
    """Prints what was asked for; contacts nothing."""
    del syntax_check
    click.echo(f"\nplaybook: {loaded.invocation.playbook}")
    if not (list_hosts or list_tasks or list_tags):
        return int(ExitCode.OK)
    for plan in plan_plays(loaded, "list"):
        play = loaded.playbook.plays[plan.play.index]
        patterns = patterns_of(loaded, play)
        click.echo(
            f"\n  play #{play.index + 1} ({','.join(patterns)}): {plan.play.name}"
            f"\tTAGS: [{','.join(sorted(play.tags))}]"
        )
        if list_hosts:
            _hosts(patterns, plan.selection)
        tasks = _tasks(loaded, play, with_never=list_tags)
        if list_tasks:
            click.echo("    tasks:")
            for task in tasks:
                click.echo(f"      {_title(task)}\tTAGS: [{', '.join(sorted(task.tags))}]")
        if list_tags:
            tags = sorted(play.tags.union(*(task.tags for task in tasks)))
            click.echo(f"      TASK TAGS: [{', '.join(tags)}]")
    return int(ExitCode.OK)


def _hosts(patterns: Sequence[str], devices: Sequence[str]) -> None:
    click.echo(f"    pattern: {list(patterns)}\n    hosts ({len(devices)}):")
    for device in devices:
        click.echo(f"      {device}")


def _tasks(loaded: Loaded, play: Play, *, with_never: bool) -> list[Task]:
    """The tasks of a play that would run, without those of rescue and always.

    `with_never` adds those that run only when asked for: all tags are listed.
    """
    invocation = loaded.invocation
    tags = invocation.tags or (("all", "never") if with_never else ())
    play = filter_play(play, tags, invocation.skip_tags, invocation.start_at_task)
    return list(flatten((*play.pre_tasks, *play.tasks, *play.post_tasks)))


def flatten(nodes: tuple[Node, ...]) -> Iterator[Task]:
    """Yields the tasks of a tree in order, as far as nothing fails."""
    for node in nodes:
        if isinstance(node, Block):
            yield from flatten(node.block)
        elif not node.is_implicit:
            yield node


def _title(task: Task) -> str:
    """A task as Ansible lists it: its name with its role, or the module as written."""
    if not task.name:
        return task.action or task.module
    return f"{task.role.name} : {task.name}" if task.role is not None else task.name
