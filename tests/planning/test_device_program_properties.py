"""Properties of the device's machine over random plays and random devices."""

from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetrun.model.playbook import Loop, Play
from fleetrun.model.result import Outcome, TaskResult, TaskStatus
from tests.support.programs import (
    MARK,
    block,
    changed,
    drive,
    failure,
    task,
    template,
    when,
    word,
)

NAMES = st.sampled_from(["a", "b", "c", "d"])


@st.composite
def tasks(draw):
    """One task: plain, conditional, looped, registered, notifying, retried …"""
    name = draw(NAMES)
    fields = {"name": name}
    if draw(st.booleans()):
        fields["register"] = draw(st.sampled_from(["r1", "r2"]))
    kind = draw(st.sampled_from(["plain", "when", "loop", "ignore", "failed_when", "until", "fact",
                                 "notify", "uses", "undefined"]))
    if kind == "fact":
        return task("set_fact", {"f": template("{{ (f | default(0)) + 1 }}")}, **fields)
    if kind == "when":
        condition = draw(st.sampled_from(
            ["r1 is defined", "r2 is changed", "f is defined and f > 1", "false", "r1.rc == 0"]
        ))
        fields["when"] = when(condition)
    if kind == "loop":
        items = draw(st.lists(st.integers(0, 3), max_size=3))
        return task(args={"argv": [name, template("{{ item }}")]}, loop=Loop(items=items), **fields)
    if kind == "ignore":
        fields["ignore_errors"] = True
    if kind == "failed_when":
        fields |= {"register": "r1", "failed_when": when("r1.rc == 1")}
    if kind == "until":
        fields |= {"register": "r2", "until": when("r2.rc == 0"), "retries": 1, "delay": 0}
    if kind == "notify":
        fields["notify"] = (draw(st.sampled_from(["h1", "h2"])),)
    if kind == "uses":
        return task(args={"argv": [name, template("{{ r1.stdout | default(f) }}")]}, **fields)
    if kind == "undefined":
        return task(args={"argv": [name, template("{{ nowhere }}")]}, **fields)
    return task(**fields)


NODES = st.recursive(
    tasks(),
    lambda children: st.builds(
        lambda main, rescue, always: block(*main, rescue=tuple(rescue), always=tuple(always)),
        st.lists(children, min_size=1, max_size=3), st.lists(children, max_size=2),
        st.lists(children, max_size=2),
    ),
    max_leaves=10,
)


@st.composite
def plays(draw):
    """A play of sections with two handlers."""
    sections = [tuple(draw(st.lists(NODES, max_size=4))) for _ in range(3)]
    return Play(
        index=0, name="p", hosts="all", mark=MARK, pre_tasks=sections[0], tasks=sections[1],
        post_tasks=sections[2], handlers=(task(name="h1"), task(name="h2")),
        force_handlers=draw(st.booleans()),
    )


def device(seed):
    """A device whose answers depend on the step's key only."""

    def answer(step):
        digest = hashlib.sha256(f"{seed}/{step.key}/{word(step)}".encode()).digest()
        if digest[0] < 64:
            return failure()
        if digest[0] < 128:
            values = {"changed": False, "rc": 0, "stdout": "s"}
            return TaskResult(status=TaskStatus.OK, values=values)
        return changed()

    return answer


def essence(trace):
    """What a person would see of a trace."""
    return (trace.reports, trace.done, trace.program.recap)


@settings(max_examples=150, deadline=None)
@given(plays(), st.integers(0, 50))
def test_looking_ahead_changes_nothing_but_the_round_trips(wanted, seed):
    """With and without pipelining the same steps run, in the same order, to the same end."""
    ahead = drive(wanted, device(seed))
    stepwise = drive(wanted, device(seed), max_batch=1)
    assert ahead.log == stepwise.log
    assert essence(ahead) == essence(stepwise)
    assert len(ahead.batches) <= len(stepwise.batches)


@settings(max_examples=60, deadline=None)
@given(plays(), st.integers(0, 50))
def test_replaying_any_part_of_the_log_gives_the_same_run(wanted, seed):
    """replay(log[:k]) plus the rest equals the uninterrupted run, for every k."""
    whole = drive(wanted, device(seed))
    for k in range(len(whole.log) + 1):
        again = drive(wanted, device(seed), known=dict(whole.log[:k]))
        assert again.log == whole.log
        assert essence(again) == essence(whole)
        assert len(again.ran) == len(whole.log) - k


@settings(max_examples=150, deadline=None)
@given(plays(), st.integers(0, 50))
def test_no_execution_has_the_name_of_another(wanted, seed):
    """Keys name receipts: two executions must never share one."""
    keys = [key for key, _ in drive(wanted, device(seed)).log]
    assert len(keys) == len(set(keys))


@settings(max_examples=150, deadline=None)
@given(plays(), st.integers(0, 50))
def test_the_recap_and_the_outcome_agree_with_the_reports(wanted, seed):
    """A failed device reported a failure that nobody ignored or rescued, and only it did."""
    trace = drive(wanted, device(seed))
    assert (trace.done.outcome is Outcome.FAILED) == (trace.program.recap.failed > 0)
    statuses = [status for _, status in trace.reports]
    recap = trace.program.recap
    assert recap.ok + recap.skipped + recap.failed + recap.rescued == len(statuses)
    assert recap.skipped == statuses.count("skipped")
