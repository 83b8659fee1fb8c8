"""``rollout``, ``graph`` and ``serial`` of a play."""

from __future__ import annotations

from collections.abc import Mapping

from fleetrun.loading.fields import (
    Field,
    keywords,
    read_count,
    read_names,
    read_percent,
    read_text,
    read_variable_name,
    read_word,
    type_name,
)
from fleetrun.loading.rollout_limits import (
    read_approval,
    read_duration,
    read_external,
    read_limits,
    read_rate,
    read_size,
)
from fleetrun.loading.schema import Level
from fleetrun.model.rollout import (
    AbortRule,
    FailureClass,
    Gate,
    GraphEdge,
    RolloutSpec,
    Sample,
    Size,
    SizeUnit,
    StageSpec,
)
from fleetrun.model.values import TemplateText
from fleetrun.planning.group_edges import FLEET, parse_need

ORDERS = ("stable", "inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle")
#: Classes of failure that are planned, beside those of `FailureClass`.
_LATER_CLASSES = frozenset({"lost", "rolled_back"})


def read_rollout(keys: Mapping[str, Field], warnings: list[str]) -> RolloutSpec:
    """The rollout of a play with these keywords."""
    own: dict[str, Field] = {}
    if "rollout" in keys:
        own = keywords(keys["rollout"], Level.ROLLOUT, "`rollout`")
    _complain_twice(keys, own)
    order = own.get("order") or keys.get("order")
    percent = keys.get("max_fail_percentage")
    return RolloutSpec(
        stages=_read_stages(own["stages"], warnings) if "stages" in own else (),
        concurrency=read_count(own["concurrency"]) if "concurrency" in own else None,
        gate=_read_gate(own["gate"]) if "gate" in own else Gate(),
        limits=read_limits(own["limits"]) if "limits" in own else (),
        rate=read_rate(own["rate"]) if "rate" in own else None,
        order=(order and read_word(order, ORDERS)) or "inventory",
        serial=_read_serial(keys["serial"]) if "serial" in keys else (),
        max_fail_pct=read_percent(percent, is_sign_needed=False) if percent else None,
        mark=keys["rollout"].key_mark if "rollout" in keys else None,
    )


def _complain_twice(keys: Mapping[str, Field], own: Mapping[str, Field]) -> None:
    for outside, inside in (("order", "order"), ("serial", "stages")):
        if outside in keys and inside in own:
            keys[outside].complain(
                "input/conflict", f"the play has both `{outside}` and `rollout: {inside}`",
                mark=keys[outside].key_mark, hint="keep the one under `rollout`",
            )


def read_graph(field: Field) -> tuple[GraphEdge, ...]:
    """The edges of ``graph``, one for each group that waits."""
    if not isinstance(field.value, dict):
        field.complain(
            "input/type", f"`graph` must be a mapping of groups, not {type_name(field.value)}",
            hint="write GROUP: {after: OTHER_GROUP}",
        )
        return ()
    edges = [_read_edge(child) for child in field.children() if child.value is not None]
    return tuple(edge for edge in edges if edge is not None)


def _read_edge(field: Field) -> GraphEdge | None:
    group, scope = str(field.pointer[-1]), ""
    need: float | None = None
    if isinstance(field.value, dict):
        keys = keywords(field, Level.GRAPH_GROUP, f"group `{group}` of `graph`")
        if "after" not in keys:
            if not field.value.keys() - {"scope", "need"}:
                field.complain(
                    "input/missing-keyword", f"group `{group}` of `graph` has no `after`",
                    hint="name the groups that must be done first: `after: gateways`",
                )
            return None
        scope = read_variable_name(keys["scope"]) if "scope" in keys else ""
        need = _read_need(keys["need"]) if "need" in keys else None
        field = keys["after"]
    after = read_names(field, is_static=True)
    if group in after:
        field.complain(
            "input/graph-cycle", f"the group `{group}` waits for itself",
            hint="name another group after `after:`",
        )
        return None
    return GraphEdge(
        group=group, after=after, need_pct=need, scope="" if scope == FLEET else scope,
        mark=field.mark,
    )


def _read_need(field: Field) -> float | None:
    need = parse_need(field.value)
    if isinstance(need, float) or need is None:
        return need
    field.complain(
        "input/type", "`need` takes all, any or a share in percent", hint='write "95%"',
    )
    return None


def _read_stages(field: Field, warnings: list[str]) -> tuple[StageSpec, ...]:
    if not isinstance(field.value, list):
        field.complain("input/type", f"`stages` must be a list, not {type_name(field.value)}")
        return ()
    stages = [_read_stage(child, number) for number, child in enumerate(field.children(), 1)]
    found = [stage for stage in stages if stage is not None]
    if len(found) == len(stages):
        _check_stages(field, found)
        sized = [stage for stage in found if stage.size is not None]
        if sized and sized[-1].size != Size(value=100.0, unit=SizeUnit.PERCENT):
            warnings.append(
                f"{sized[-1].mark}: the last stage ends before 100%; "
                "devices beyond it stay untouched"
            )
    return tuple(found)


def _read_stage(field: Field, number: int) -> StageSpec | None:
    keys = keywords(field, Level.STAGE, f"stage {number}")
    name = read_text(keys["name"], is_static=True) if "name" in keys else ""
    if "pause" in keys:
        return _read_pause(field, keys, name)
    if "pick" not in keys:
        if isinstance(field.value, dict) and not field.value.keys() & {"pick", "pause"}:
            field.complain(
                "input/missing-keyword", f"stage {number} has no `pick`",
                hint='say how many devices: `pick: 5` or `pick: "10%"`',
            )
        return None
    is_sample = isinstance(keys["pick"].value, dict)
    size = None if is_sample else read_size(keys["pick"])
    sample = _read_sample(keys["pick"]) if is_sample else None
    soak = read_duration(keys["soak"]) if "soak" in keys else None
    if size is None and sample is None:
        return None
    return StageSpec(
        name=name or f"stage {number}", size=size, sample=sample, mark=field.mark,
        gate=_read_gate(keys["gate"]) if "gate" in keys else None, soak_s=soak or 0.0,
    )


def _read_sample(field: Field) -> Sample | None:
    """So many devices of each combination of values."""
    keys = keywords(field, Level.SAMPLE, "`pick`")
    per = read_names(keys["per"], is_static=True) if "per" in keys else ()
    if not per:
        field.complain(
            "input/missing-keyword", "`pick` has no `per`",
            hint="write `pick: {per: [device_type, os_version], count: 1}`",
        )
        return None
    return Sample(per=per, count=(read_count(keys["count"]) if "count" in keys else None) or 1)


def _read_pause(field: Field, keys: Mapping[str, Field], name: str) -> StageSpec | None:
    """A stage without devices that waits for an approval."""
    for other in ("pick", "gate", "soak"):
        if other in keys:
            keys[other].complain(
                "input/conflict", f"a stage has either `pause` or `{other}`",
                mark=keys[other].key_mark, hint="make two stages of it",
            )
    approval = read_approval(keys["pause"])
    if not name:
        field.complain(
            "input/missing-keyword", "a stage with `pause` has no `name`",
            hint="name it: `fleetrun approve RUN --stage NAME` needs that",
        )
    if approval is None or not name:
        return None
    return StageSpec(name=name, size=None, approval=approval, mark=field.mark)


def _check_stages(field: Field, stages: list[StageSpec]) -> None:
    names: set[str] = set()
    before: Size | None = None
    for index, stage in enumerate(stages):
        if stage.name in names:
            field.child(index).complain(
                "input/duplicate-name", f"two stages are called `{stage.name}`",
                hint="give each stage a name of its own",
            )
        names.add(stage.name)
        if stage.size is None:
            continue
        if before and before.unit is stage.size.unit and before.value >= stage.size.value:
            field.child(index).child("pick").complain(
                "input/range", f"stage `{stage.name}` adds no device to the one before",
                label="sizes are cumulative", hint="each stage must be larger than the one before",
            )
        before = stage.size


def _read_serial(field: Field) -> tuple[Size, ...]:
    """Batch sizes as written; 0 alone means no batches, as in Ansible."""
    if field.value in (0, "0") and not isinstance(field.value, bool):
        return ()
    fields = field.children() if isinstance(field.value, list) else [field]
    for one in fields:
        if isinstance(one.value, TemplateText):
            one.complain(
                "input/template-not-allowed", "`serial` cannot hold a template yet",
                hint="write the number itself",
            )
            return ()
    sizes = [read_size(one) for one in fields]
    return tuple(size for size in sizes if size is not None)


def _read_gate(field: Field) -> Gate:
    keys = keywords(field, Level.GATE, "`gate`")
    budget = read_percent(keys["unreachable_budget"]) if "unreachable_budget" in keys else None
    return Gate(
        success_pct=read_percent(keys["success"]) if "success" in keys else None,
        abort_on=_read_rules(keys["abort_on"]) if "abort_on" in keys else (),
        unreachable_budget_pct=100.0 if budget is None else budget,
        external=read_external(keys["external"]) if "external" in keys else None,
    )


def _read_rules(field: Field) -> tuple[AbortRule, ...]:
    if not isinstance(field.value, list):
        field.complain(
            "input/type", f"`abort_on` must be a list of rules, not {type_name(field.value)}",
            hint="write `- {class: failed, over: 5%}`",
        )
        return ()
    rules = [_read_rule(child) for child in field.children()]
    return tuple(rule for rule in rules if rule is not None)


def _read_rule(field: Field) -> AbortRule | None:
    keys = keywords(field, Level.ABORT_RULE, "a rule of `abort_on`")
    name = _read_class(keys["class"]) if "class" in keys else FailureClass.FAILED
    if isinstance(field.value, dict) and not field.value.keys() & {"over", "count"}:
        field.complain(
            "input/missing-keyword", "a rule of `abort_on` needs `over` or `count`",
            hint="write `over: 5%` or `count: 2`",
        )
        return None
    if name is None:
        return None
    sample = read_count(keys["min_sample"]) if "min_sample" in keys else None
    return AbortRule(
        failure_class=name,
        over_pct=read_percent(keys["over"]) if "over" in keys else None,
        count=read_count(keys["count"]) if "count" in keys else None,
        min_sample=sample or 1,
        mark=field.mark,
    )


def _read_class(field: Field) -> FailureClass | None:
    if field.value in _LATER_CLASSES:
        field.complain(
            "input/unsupported-keyword", f"the class `{field.value}` is not supported yet",
            hint="use `any`, which counts failed and unknown devices",
        )
        return None
    word = read_word(field, [str(one) for one in FailureClass])
    return FailureClass(word) if word else None
