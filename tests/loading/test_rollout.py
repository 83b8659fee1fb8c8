"""Rollout, serial and graph of a play."""

from __future__ import annotations

import pytest

from fleetrun.model.rollout import (
    AbortRule,
    Approval,
    FailureClass,
    Gate,
    GraphEdge,
    OnTimeout,
    RateSpec,
    RolloutSpec,
    Sample,
    Size,
    SizeUnit,
)


def percent(value: float) -> Size:
    return Size(value=value, unit=SizeUnit.PERCENT)


def count(value: int) -> Size:
    return Size(value=value)


def play_of(workshop, keywords: str):
    lines = ["- hosts: all", *("  " + line for line in keywords.splitlines())]
    return workshop.load("\n".join(lines) + "\n").plays[0]


def test_a_play_without_rollout_has_the_defaults(workshop) -> None:
    """One stage with everything, in inventory order."""
    assert play_of(workshop, "tasks: []").rollout == RolloutSpec()


def test_a_whole_rollout_reaches_the_model(workshop) -> None:
    """Stages, gates, rules, concurrency and order."""
    rollout = play_of(workshop, """\
rollout:
  order: stable
  concurrency: 200
  gate:
    success: 95%
    abort_on:
      - {class: failed, over: 5%, min_sample: 20}
      - {class: any, count: 2}
      - over: 0.5%
    unreachable_budget: 30%
  stages:
    - {name: lab, pick: 5, gate: {success: "100%"}}
    - {pick: 59}
    - {name: rest, pick: 100%}
""").rollout

    rules = [(r.failure_class, r.over_pct, r.count, r.min_sample) for r in rollout.gate.abort_on]
    assert rules == [
        (FailureClass.FAILED, 5.0, None, 20), (FailureClass.ANY, None, 2, 1),
        (FailureClass.FAILED, 0.5, None, 1),
    ]
    assert isinstance(rollout.gate.abort_on[0], AbortRule)
    assert (rollout.gate.success_pct, rollout.gate.unreachable_budget_pct) == (95.0, 30.0)
    assert [(stage.name, stage.size) for stage in rollout.stages] == [
        ("lab", count(5)), ("stage 2", count(59)), ("rest", percent(100)),
    ]
    assert [stage.gate for stage in rollout.stages] == [Gate(success_pct=100.0), None, None]
    assert (rollout.order, rollout.concurrency, rollout.mark.line) == ("stable", 200, 2)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("5", (count(5),)),
        ('"5"', (count(5),)),
        ("30%", (percent(30),)),
        ("[1, 30%, 100%]", (count(1), percent(30), percent(100))),
        ("0", ()),
    ],
)
def test_serial_is_a_list_of_sizes(workshop, written: str, expected: tuple) -> None:
    """Batches one by one, not cumulative; 0 means no batches."""
    rollout = play_of(workshop, f"serial: {written}").rollout

    assert (rollout.serial, rollout.stages) == (expected, ())


@pytest.mark.parametrize(("written", "expected"), [("30", 30.0), ("30%", 30.0), ("0", 0.0)])
def test_max_fail_percentage_may_have_a_sign(workshop, written: str, expected: float) -> None:
    """Ansible takes both."""
    rollout = play_of(workshop, f"max_fail_percentage: {written}").rollout

    assert rollout.max_fail_pct == expected


def test_graph_edges(workshop) -> None:
    """Groups wait for one or several others, in a long and a short form."""
    graph = play_of(workshop, """\
graph:
  sensors: {after: gateways}
  cameras: [gateways, sensors]
  lamps: sensors
""").graph

    assert [(edge.group, edge.after, edge.mark.line) for edge in graph] == [
        ("sensors", ("gateways",), 3), ("cameras", ("gateways", "sensors"), 4),
        ("lamps", ("sensors",), 5),
    ]
    assert isinstance(graph[0], GraphEdge)


def test_stages_that_end_early_are_a_warning(workshop) -> None:
    """Devices beyond the last stage are not touched; that is said."""
    playbook = workshop.load("- {hosts: all, rollout: {stages: [{name: canary, pick: 5}]}}\n")

    assert "stay untouched" in playbook.warnings[0]


@pytest.mark.parametrize(
    ("text", "kind", "part"),
    [
        ("rollout: fast", "input/type", "`rollout` must be a mapping"),
        ("rollout: {stage: []}", "input/unknown-keyword", "`stage`"),
        ("rollout: {limits: {per: site}}", "input/type", "`limits` must be a list"),
        ("rollout: {limits: [{per: site}]}", "input/missing-keyword", "no `max`"),
        ("rollout: {limits: [{per: a b, max: 1}]}", "input/variable-name", "`a b`"),
        ("rollout: {limits: [{per: site, max: 0}]}", "input/range", "at least 1"),
        ("rollout: {rate: {growth: 2}}", "input/missing-keyword", "no `per_minute`"),
        ("rollout: {rate: {per_minute: 0}}", "input/range", "at least 0.01"),
        ("rollout: {rate: {per_minute: 5, growth: 2}}", "input/missing-keyword", "`grow_after`"),
        ("rollout: {rate: {per_minute: 5, max_per_minute: 2}}", "input/range", "is below"),
        ("rollout: {rate: {per_minute: 5, growth: 2, grow_after: 9}}", "input/type", "successes"),
        ("rollout: {order: random}", "input/unknown-value", "`random`"),
        ("rollout: {concurrency: 0}", "input/range", "at least 1"),
        ("rollout: {concurrency: 2.5}", "input/type", "whole number"),
        ("rollout: {concurrency: '{{ x }}'}", "input/template-not-allowed", "`concurrency`"),
        ("rollout: {stages: 5}", "input/type", "`stages` must be a list"),
        ("rollout: {stages: [{name: a}]}", "input/missing-keyword", "stage 1 has no `pick`"),
        ("rollout: {stages: [{pick: 0}]}", "input/range", "at least 1"),
        ("rollout: {stages: [{pick: 110%}]}", "input/range", "at most 100%"),
        ("rollout: {stages: [{pick: 1.5}]}", "input/type", "number of devices"),
        ("rollout: {stages: [{pick: yes}]}", "input/type", "number of devices"),
        ("rollout: {stages: [{pick: tag_lab}]}", "input/unsupported-keyword", "nothing else yet"),
        ("rollout: {stages: [{pick: {count: 1}}]}", "input/missing-keyword", "no `per`"),
        ("rollout: {stages: [{pick: 5, soak: 3}, {pick: 100%}]}", "input/type", "a span of time"),
        ("rollout: {stages: [{pick: 5, soak: 3w}, {pick: 100%}]}", "input/type", "not '3w'"),
        ("rollout: {stages: [{name: ask, pause: {}}]}", "input/missing-keyword", "no `approval`"),
        ("rollout: {stages: [{pause: {approval: ops}}]}", "input/missing-keyword", "no `name`"),
        ("rollout: {stages: [{name: a, pause: {approval: o}, pick: 3}]}", "input/conflict",
         "either `pause` or `pick`"),
        ("rollout: {stages: [{name: a, pause: {approval: o, on_timeout: wait}}]}",
         "input/unknown-value", "`wait`"),
        ("rollout: {stages: [{pick: 10%}, {pick: 5%}]}", "input/range", "adds no device"),
        ("rollout: {stages: [{name: a, pick: 1}, {name: a, pick: 2}]}", "input/duplicate-name",
         "called `a`"),
        ("rollout: {gate: {success: 95}}", "input/type", "a share in percent"),
        ("rollout: {gate: {success: 101%}}", "input/range", "between 0% and 100%"),
        ("rollout: {gate: {external: {every: 3s}}}", "input/missing-keyword", "`cmd` or `url`"),
        ("rollout: {gate: {external: {cmd: a, url: b}}}", "input/missing-keyword", "either"),
        ("rollout: {gate: {external: {url: 'file:///etc/passwd'}}}", "input/type", "no URL"),
        ("rollout: {gate: {external: {cmd: 'a (\"'}}}", "input/type", "split into words"),
        ("rollout: {gate: {checks: [memory]}}", "input/unsupported-keyword", "`checks`"),
        ("rollout: {gate: {abort_on: {class: any}}}", "input/type", "a list of rules"),
        ("rollout: {gate: {abort_on: [{class: any}]}}", "input/missing-keyword", "`over` or"),
        ("rollout: {gate: {abort_on: [{class: lost, count: 1}]}}", "input/unsupported-keyword",
         "`lost`"),
        ("rollout: {gate: {abort_on: [{class: faild, count: 1}]}}", "input/unknown-value",
         "`faild`"),
        ("serial: many", "input/type", "number of devices"),
        ("serial: [1, 0]", "input/range", "at least 1"),
        ("serial: '{{ x }}'", "input/template-not-allowed", "`serial`"),
        ("serial: 1\n  rollout: {stages: [{pick: 100%}]}", "input/conflict", "both `serial`"),
        ("order: sorted\n  rollout: {order: stable}", "input/conflict", "both `order`"),
        ("order: up", "input/unknown-value", "`up`"),
        ("max_fail_percentage: half", "input/type", "a share in percent"),
        ("max_fail_percentage: 200", "input/range", "between 0% and 100%"),
        ("graph: [a]", "input/type", "`graph` must be a mapping"),
        ("graph: {a: a}", "input/graph-cycle", "waits for itself"),
        ("graph: {a: {after: b, need: most}}", "input/type", "`need` takes all, any or a share"),
        ("graph: {a: {after: b, need: 101%}}", "input/type", "`need` takes all, any or a share"),
        ("graph: {a: {after: b, scope: a b}}", "input/variable-name", "`a b`"),
        ("graph: {a: {need: all}}", "input/missing-keyword", "no `after`"),
        ("graph: {a: {before: b}}", "input/unknown-keyword", "`before`"),
    ],
)
def test_mistakes_in_rollouts_are_clear_errors(workshop, text: str, kind: str, part: str) -> None:
    """Each mistake is one problem with its kind."""
    problem = workshop.play_problem("- hosts: all\n  " + text)

    assert problem.kind == kind
    assert part in problem.message


def test_limits_rate_soak_and_approval_reach_the_model(workshop) -> None:
    """Spans of time are seconds, shares are percent."""
    rollout = play_of(workshop, """\
rollout:
  limits: [{per: site, max: 2}, {per: device_type, max: 20%}]
  rate: {per_minute: 50, growth: 2.0, grow_after: {succeeded: 1000}, max_per_minute: 5000}
  stages:
    - {name: canary, pick: 5, soak: 1h30m}
    - {name: ask, pause: {approval: ops, timeout: 3d, on_timeout: continue}}
    - {name: rest, pick: 100%}
""").rollout

    assert [(limit.per, limit.size) for limit in rollout.limits] == [
        ("site", count(2)), ("device_type", percent(20)),
    ]
    assert rollout.rate == RateSpec(
        per_minute=50, growth=2, grow_after=1000, max_per_minute=5000
    )
    canary, ask, rest = rollout.stages
    assert (canary.soak_s, ask.size, rest.soak_s) == (5400, None, 0)
    assert ask.approval == Approval(
        who="ops", timeout_s=259200, on_timeout=OnTimeout.CONTINUE
    )


def test_a_group_waits_within_a_scope_for_a_share(workshop) -> None:
    """`need` is a share, all or any; the scope fleet is none."""
    graph = play_of(workshop, """\
graph:
  sensors: {after: gateways, scope: site, need: 95%}
  cameras: {after: [gateways, sensors], scope: fleet, need: all}
  lamps: {after: gateways, need: any}
""").graph

    assert [("sensors", "site", 95.0), ("cameras", "", 100.0), ("lamps", "", None)] == [
        (edge.group, edge.scope, edge.need_pct) for edge in graph
    ]


def test_a_stage_may_be_a_sample(workshop) -> None:
    """So many devices of each combination of values."""
    [types, _] = play_of(workshop, """\
rollout: {stages: [{pick: {per: [device_type, os_version], count: 2}}, {pick: 100%}]}
""").rollout.stages

    assert types.sample == Sample(per=("device_type", "os_version"), count=2)
    assert types.size is None
