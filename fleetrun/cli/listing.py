"""--list-hosts, --list-tasks and --syntax-check, in Ansible's form."""

from __future__ import annotations

from collections.abc import Iterator

import click

from fleetrun.app import Loaded, plan_plays
from fleetrun.errors import ExitCode
from fleetrun.model.playbook import Block, Node, Play, Task
from fleetrun.planning.tags import filter_play


def show(loaded: Loaded, *, list_hosts: bool, list_tasks: bool, list_tags: bool,
         syntax_check: bool) -> int:
    """Prints what was asked for; contacts nothing."""
    del syntax_check
    click.echo(f"\nplaybook: {loaded.invocation.playbook}")
    if not (list_hosts or list_tasks or list_tags):
        return int(ExitCode.OK)
    plans = plan_plays(loaded, "list")
    for plan in plans:
        play = loaded.playbook.plays[plan.play.index]
        title = f"play #{play.index + 1} ({play.hosts!s}): {play.name}"
        click.echo(f"\n  {title}\tTAGS: [{_tags(play)}]")
        if list_hosts:
            click.echo(f"    pattern: {play.hosts!s}\n    hosts ({len(plan.selection)}):")
            for device in plan.selection:
                click.echo(f"      {device}")
        if list_tasks:
            _tasks(loaded, play)
        if list_tags:
            nodes = (*play.pre_tasks, *play.tasks, *play.post_tasks)
            tags = sorted({tag for task in flatten(nodes) for tag in task.tags})
            click.echo(f"      TASK TAGS: [{', '.join(tags)}]")
    return int(ExitCode.OK)


def _tasks(loaded: Loaded, play: Play) -> None:
    invocation = loaded.invocation
    play = filter_play(
        play, invocation.tags, invocation.skip_tags, invocation.start_at_task
    )
    click.echo("    tasks:")
    for nodes in (play.pre_tasks, play.tasks, play.post_tasks):
        for task in flatten(nodes):
            tags = ", ".join(sorted(task.tags))
            click.echo(f"      {task.name or task.module}\tTAGS: [{tags}]")


def flatten(nodes: tuple[Node, ...]) -> Iterator[Task]:
    """Yields the tasks of a tree in order, with those of rescue and always."""
    for node in nodes:
        if isinstance(node, Block):
            for part in (node.block, node.rescue, node.always):
                yield from flatten(part)
        else:
            yield node


def _tags(play: Play) -> str:
    return ", ".join(sorted(play.tags))
