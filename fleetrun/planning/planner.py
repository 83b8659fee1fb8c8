"""From a play and its selection to the plan of its rollout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fleetrun.errors import InputError, Problem
from fleetrun.model.inventory import Inventory
from fleetrun.model.playbook import Play
from fleetrun.model.rollout import GraphEdge, RolloutPlan, RolloutSpec, StagePlan
from fleetrun.planning.gates import gate_texts
from fleetrun.planning.graph import ValueOf, build_waves, no_value
from fleetrun.planning.limits import plan_limits
from fleetrun.planning.stages import order_devices, plan_stages


def make_plan(
    play: Play,
    inventory: Inventory,
    selection: Sequence[str],
    *,
    forks: int,
    seed: str,
    group_edges: Sequence[GraphEdge] = (),
    value_of: ValueOf = no_value,
) -> RolloutPlan:
    """Returns the plan for `selection`; the same arguments give the same plan.

    Args:
        play: gives the rollout, its graph and `any_errors_fatal`.
        inventory: for the members of the graph's groups; a selected device
            that it does not hold (any more) is in no group.
        selection: devices of the play in inventory order; duplicates count once.
        forks: concurrency when the play does not say.
        seed: decides `stable` and `shuffle`; keep it for `resume`.
        group_edges: more edges, see `group_edges.collect_group_edges`.
        value_of: values of the devices' variables, for scopes of the graph.

    Raises:
        InputError: as `order_devices`, `build_waves` and `plan_stages`;
            ``input/bad-concurrency``.
    """
    spec = play.rollout
    edges = (*play.graph, *group_edges)
    ordered = order_devices(
        tuple(dict.fromkeys(selection)), spec.order, seed=seed, mark=spec.mark
    )
    waves = build_waves(edges, members_of(inventory, edges, ordered), ordered, value_of)
    return RolloutPlan(
        stages=plan_stages(spec, ordered, waves, value_of),
        concurrency=_concurrency(spec, forks),
        wave_names=waves.names,
        waits_for=waves.waits_for,
        upstream=waves.upstream,
        need_pct=waves.need_pct,
        member_of=waves.member_of,
        any_errors_fatal=play.any_errors_fatal,
        max_fail_pct=spec.max_fail_pct,
        limits=plan_limits(spec.limits, ordered, value_of),
        rate=spec.rate,
    )


def _concurrency(spec: RolloutSpec, forks: int) -> int:
    concurrency = forks if spec.concurrency is None else spec.concurrency
    if concurrency < 1:
        problem = Problem(
            kind="input/bad-concurrency",
            message=f"the concurrency is {concurrency}, so no device could ever start",
            mark=spec.mark,
            hint="Give at least 1 in `rollout: concurrency` or --forks.",
        )
        raise InputError([problem])
    return concurrency


def members_of(
    inventory: Inventory, edges: Sequence[GraphEdge], selection: Sequence[str]
) -> Mapping[str, Sequence[str]]:
    """Returns every group of the inventory; filled only for the groups of the graph."""
    members: dict[str, list[str]] = {name: [] for name in inventory.groups}
    wanted = {name for edge in edges for name in (edge.group, *edge.after)} & members.keys()
    if not wanted:
        return members
    for name in selection:
        device = inventory.devices.get(name)
        for group in device.groups if device is not None else ():
            if group in wanted:
                members[group].append(name)
    for special in wanted & {"all", "ungrouped"}:
        members[special] = [
            name
            for name in selection
            if name in inventory.devices
            and (special == "all" or not {*inventory.devices[name].groups} - {"ungrouped"})
        ]
    return members


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveSummary:
    """One wave of a stage, for people; has at least one device."""

    name: str
    device_count: int
    #: The first devices that start, at most `EXAMPLES`.
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSummary:
    """One stage or batch, for people."""

    name: str
    device_count: int
    #: Devices of this stage and all before it.
    cumulative_count: int
    waves: tuple[WaveSummary, ...]
    #: Conditions of the gate, one phrase each; () = nothing stops the next stage.
    gate: tuple[str, ...]
    #: The rarest fault that the devices up to this stage show with 95 %
    #: certainty: share (0..100) of devices it must hit; None without devices.
    detectable_pct: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary:
    """A plan for people: what `fleetrun plan` prints."""

    device_count: int
    concurrency: int
    stages: tuple[StageSummary, ...]
    wave_names: tuple[str, ...]
    any_errors_fatal: bool
    max_fail_pct: float | None


#: Devices that a `WaveSummary` names.
EXAMPLES = 5


def plan_summary(plan: RolloutPlan) -> PlanSummary:
    """Returns the counts of `plan` by stage and wave."""
    return PlanSummary(
        device_count=sum(len(wave) for stage in plan.stages for wave in stage.waves),
        concurrency=plan.concurrency,
        stages=tuple(_stage_summaries(plan)),
        wave_names=plan.wave_names,
        any_errors_fatal=plan.any_errors_fatal,
        max_fail_pct=plan.max_fail_pct,
    )


def _stage_summaries(plan: RolloutPlan) -> Iterator[StageSummary]:
    cumulative = 0
    for stage in plan.stages:
        count = sum(map(len, stage.waves))
        cumulative += count
        yield StageSummary(
            name=stage.name,
            device_count=count,
            cumulative_count=cumulative,
            waves=_wave_summaries(stage, plan.wave_names),
            gate=gate_texts(stage.gate),
            detectable_pct=detectable_pct(cumulative) if cumulative else None,
        )


def _wave_summaries(stage: StagePlan, names: Sequence[str]) -> tuple[WaveSummary, ...]:
    return tuple(
        WaveSummary(name=name, device_count=len(wave), examples=wave[:EXAMPLES])
        for name, wave in zip(names, stage.waves, strict=True)
        if wave
    )


def detectable_pct(count: int) -> float:
    """Share of devices that a fault must hit so that `count` devices show it.

    With 95 % certainty, at least once: 1 - (1 - p)^n = 0.95. 29 devices find
    a fault of 10 %, 59 one of 5 %, 299 one of 1 %.
    """
    return float(100 * (1 - 0.05 ** (1 / count)))
