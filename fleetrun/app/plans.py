"""Which devices each play selects, and how it rolls out over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fleetrun.app.loaded import Loaded
from fleetrun.engine.past import Past
from fleetrun.engine.setup import PlayPlan
from fleetrun.errors import InputError, Problem, TemplateError, UsageError
from fleetrun.model.inventory import Inventory
from fleetrun.model.playbook import Play
from fleetrun.model.values import Value
from fleetrun.planning.attributes import Attributes
from fleetrun.planning.facts import with_facts
from fleetrun.planning.graph_view import GraphView, make_view
from fleetrun.planning.group_edges import collect_group_edges
from fleetrun.planning.planner import make_plan, members_of
from fleetrun.planning.reading import all_tasks
from fleetrun.planning.scope import Scope
from fleetrun.planning.select import explain_unmatched, select
from fleetrun.planning.step_builder import truth
from fleetrun.planning.tags import filter_play, has_task_named

#: So many names that match nothing are named.
MAX_UNMATCHED = 5
#: Modules that add devices and groups while a run goes on.
_GROWING = frozenset({"add_host", "group_by"})


def plan_plays(loaded: Loaded, run: str, past: Past | None = None) -> tuple[PlayPlan, ...]:
    """Selects devices, filters tasks and plans the rollout of every play.

    With `past` the devices are those that the run began with, whatever became
    of the inventory. Raises InputError when a pattern or --limit selects
    nothing at all.
    """
    edges = collect_group_edges(loaded.inventory)
    plays = loaded.playbook.plays
    if loaded.invocation.any_errors_fatal:
        plays = tuple(replace(play, any_errors_fatal=True) for play in plays)
    selections = [_select(loaded, play) for play in plays]
    gone: frozenset[str] = frozenset()
    if past is not None and past.started is not None:
        gone = frozenset(past.started.devices).difference(*selections)
        selections = _as_started(plays, selections, gone, past, past.started.devices)
    plans = []
    value_of = Attributes(loaded.inventory, loaded.templater)
    for play, selection in zip(plays, selections, strict=True):
        plan = make_plan(
            play, loaded.inventory, selection, forks=loaded.invocation.forks,
            seed=loaded.invocation.seed or run, group_edges=edges, value_of=value_of,
        )
        plans.append(
            PlayPlan(
                play=_prepared(loaded, play), selection=selection, rollout=plan,
                gone=gone.intersection(selection),
            )
        )
    if not any(plan.selection for plan in plans):
        raise InputError(_nothing_selected(loaded))
    _check_start_at(loaded)
    return tuple(plans)


def plan_again(loaded: Loaded, run: str, plan: PlayPlan, inventory: Inventory) -> PlayPlan:
    """Returns a play's plan for an inventory that plays before it have changed.

    Devices that are gone since the run began stay in it. Raises InputError.
    """
    now = replace(loaded, inventory=inventory)
    written = next(play for play in loaded.playbook.plays if play.index == plan.play.index)
    chosen = _select(now, written)
    selection = (*chosen, *sorted(plan.gone.difference(chosen)))
    rollout = make_plan(
        plan.play, inventory, selection, forks=loaded.invocation.forks,
        seed=loaded.invocation.seed or run, group_edges=collect_group_edges(inventory),
        value_of=Attributes(inventory, loaded.templater),
    )
    return replace(plan, selection=selection, rollout=rollout)


def graph_views(loaded: Loaded, plans: Sequence[PlayPlan]) -> list[GraphView]:
    """Returns the graph of groups of every play, to be drawn."""
    edges = collect_group_edges(loaded.inventory)
    views = []
    for plan in plans:
        own = (*plan.play.graph, *edges)
        members = members_of(loaded.inventory, own, plan.selection)
        title = f"play {plan.play.index + 1}: {plan.play.name}"
        views.append(make_view(title, own, members, plan.selection))
    return views


def _as_started(
    plays: Sequence[Play], selections: Sequence[tuple[str, ...]], gone: frozenset[str],
    past: Past, devices: Sequence[str],
) -> list[tuple[str, ...]]:
    """Returns the selections as they were when the run began with `devices`.

    Devices that came since take no part. Those that are gone stay in every
    play that they may have been in: stages keep their members, and what is
    open ends as unknown.
    """
    kept = []
    for play, selection in zip(plays, selections, strict=True):
        stays = {device for device in gone if past.may_have_run(play.index, device)}
        stays.update(selection)
        kept.append(tuple(device for device in devices if device in stays))
    return kept


def _prepared(loaded: Loaded, play: Play) -> Play:
    scope = Scope([loaded.invocation.extra_vars, play.vars])
    gathers: Value = play.gather_facts
    if gathers is None:
        gathers = loaded.invocation.gathering != "explicit"
    if truth(loaded.templater.render(gathers, scope)):
        play = with_facts(play)
    invocation = loaded.invocation
    return filter_play(
        replace(play, name=_play_name(loaded, play, scope)), invocation.tags, invocation.skip_tags,
        invocation.start_at_task,
    )


def _play_name(loaded: Loaded, play: Play, scope: Scope) -> str:
    """The name as a person reads it; as written where it needs a device's variables."""
    try:
        return str(loaded.templater.render(play.name, scope))
    except TemplateError:
        return play.name


def patterns_of(loaded: Loaded, play: Play) -> tuple[str, ...]:
    """Returns the patterns of a play's `hosts`, rendered; raises TemplateError."""
    scope = Scope([loaded.invocation.extra_vars, play.vars])
    hosts = loaded.templater.render(play.hosts, scope)
    return tuple(map(str, hosts)) if isinstance(hosts, list | tuple) else (str(hosts),)


def _pattern(loaded: Loaded, play: Play) -> str:
    return ",".join(patterns_of(loaded, play))


def _select(loaded: Loaded, play: Play) -> tuple[str, ...]:
    return select(loaded.inventory, _pattern(loaded, play), limit=loaded.invocation.limit)


def unmatched_warnings(loaded: Loaded) -> tuple[str, ...]:
    """Returns a warning for each part of a pattern that names nothing, as Ansible gives.

    At most `MAX_UNMATCHED` per pattern; the last one says how many there are.
    None for plays behind an add_host or group_by: these may make what is named.
    """
    found: dict[str, None] = {}
    for play in loaded.playbook.plays:
        if play.index and any(map(_may_grow, loaded.playbook.plays[:play.index])):
            break
        place = f"{play.mark}: " if loaded.invocation.playbook else ""
        found.update(dict.fromkeys(_unmatched(loaded, place, _pattern(loaded, play))))
    if loaded.invocation.limit:
        found.update(dict.fromkeys(_unmatched(loaded, "--limit: ", loaded.invocation.limit)))
    return tuple(found)


def _may_grow(play: Play) -> bool:
    return any(task.module in _GROWING for task in all_tasks(play))


def _unmatched(loaded: Loaded, place: str, pattern: str) -> list[str]:
    problems = [
        problem for problem in explain_unmatched(loaded.inventory, pattern)
        if problem.kind == "input/unknown-device"
    ]
    warnings = [
        f"{place}{problem.message}; it is ignored"
        for problem in problems[:MAX_UNMATCHED]
    ]
    if len(problems) > MAX_UNMATCHED:
        warnings.append(f"{place}{len(problems) - MAX_UNMATCHED} more names match nothing")
    return warnings


def _nothing_selected(loaded: Loaded) -> list[Problem]:
    invocation = loaded.invocation
    problems: list[Problem] = []
    for play in loaded.playbook.plays:
        # An ad-hoc pattern stands in no file.
        mark = play.mark if invocation.playbook else None
        problems += [
            replace(problem, mark=problem.mark or mark)
            for problem in explain_unmatched(loaded.inventory, _pattern(loaded, play))
        ]
    if invocation.limit and not problems:
        problems += [
            replace(problem, message=f"--limit: {problem.message}")
            for problem in explain_unmatched(loaded.inventory, invocation.limit)
        ]
    if not problems:
        limit = f" with --limit {invocation.limit}" if invocation.limit else ""
        problems.append(
            Problem(
                kind="input/empty-selection", message=f"no device is selected{limit}",
                hint="see `fleetrun inventory list` for what there is",
            )
        )
    return problems


def _check_start_at(loaded: Loaded) -> None:
    wanted = loaded.invocation.start_at_task
    if wanted and not any(has_task_named(play, wanted) for play in loaded.playbook.plays):
        raise UsageError(
            f"no task matches --start-at-task {wanted!r}", kind="usage/no-such-task",
            hint="see the names with --list-tasks",
        )
