"""Devices that wait for each other: whole runs, killed at every point, and resumed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetrun.errors import ConnectError, JournalError
from fleetrun.model.events import DeviceFinished, LeaderChosen, TaskFinished
from fleetrun.model.result import Outcome
from fleetrun.model.rollout import RolloutSpec, Size
from fleetrun.planning.toolbox import ProgramOptions
from fleetrun.testing.devices import Answer
from tests.support.programs import block, play, task, template, when
from tests.support.runs import FAILS, World

NAMES = ("d1", "d2", "d3")


def run(world):
    return asyncio.run(world.run())


def told(world):
    """What each device's tasks gave, by device, in order; and how it ended."""
    seen = {name: [] for name in world.names}
    for event in world.of(TaskFinished):
        values = dict(event.result.values)
        seen[event.device].append((event.name, event.result.status.value, values.get("msg")))
    ends = {
        event.device: (event.outcome.value, replace(event.recap))
        for event in world.of(DeviceFinished)
    }
    return seen, ends


def says(name, text, **fields):
    return task("debug", {"msg": template(text)}, name=name, **fields)


def test_one_device_runs_it_and_all_know_the_result():
    """run_once: the first of the batch; registers and facts are copied."""
    world = World([play(
        task(name="once", run_once=True, register="r"), says("see", "{{ r.stdout }}"),
    )], NAMES)
    world.answer = None
    run(world)
    assert {"d1": ["once"], "d2": [], "d3": []} == world.ran
    seen, _ = told(world)
    assert all(("see", "ok", "") == row or row[0] in {"once", "see"} for row in seen["d2"])
    assert 1 == len(world.of(LeaderChosen))


@pytest.mark.parametrize("forks", [1, 2, 50])
def test_a_batch_larger_than_the_forks_does_not_deadlock(forks):
    """A device that waits gives its place to another."""
    names = tuple(f"d{number}" for number in range(7))
    world = World(
        [play(task(name="a", any_errors_fatal=True), task(name="b", run_once=True))], names,
        forks=forks,
    )
    event = run(world)
    assert 0 == event.exit_code
    assert ["b"] == [name for ran in world.ran.values() for name in ran if name == "b"]


def test_a_fatal_failure_stops_everybody_after_the_task():
    """any_errors_fatal: the task ends on all devices, and nothing follows."""
    world = World([play(
        task(name="a", any_errors_fatal=True), task(name="b"),
    )], NAMES)
    world.devices["d2"].answer = lambda call: FAILS
    run(world)
    assert {"d1": ["a"], "d2": ["a"], "d3": ["a"]} == world.ran
    assert {Outcome.FAILED} == {world.finished(name).outcome for name in NAMES}
    assert "task/others-failed" == world.finished("d1").error_kind


def test_a_device_reads_another_as_it_was_at_that_task():
    """hostvars: neither too early nor too late, however fast the other is."""
    world = World([play(
        task("set_fact", {"n": 1}, name="one"),
        says("see", "{{ hostvars['d3'].n }} {{ hostvars['d3'].m | default('no') }}"),
        task("set_fact", {"n": 2, "m": "yes"}, name="two"),
        says("again", "{{ hostvars['d3'].n }} {{ hostvars['d3'].m | default('no') }}"),
    )], NAMES, forks=1)
    run(world)
    seen, _ = told(world)
    assert {"1 no", "2 yes"} == {
        row[2] for rows in seen.values() for row in rows if row[0] in {"see", "again"}
    }


# -- barriers elided, barriers everywhere, and deaths --------------------------------


@st.composite
def plays(draw):
    """Plays in which devices can observe each other."""
    handlers = (task(name="hand", id="0.handlers.0"),)
    count = draw(st.integers(1, 6))
    nodes = []
    for number in range(count):
        kind = draw(st.sampled_from(
            ["plain", "once", "fatal", "read", "block", "fact", "live", "notify", "some", "away"]
        ))
        name, ident = f"t{number}", f"0.tasks.{number}"
        if kind == "read":
            nodes.append(says(name, "{{ hostvars['d2'].r.rc | default('none') }}", id=ident))
        elif kind == "live":
            nodes.append(says(name, "{{ ansible_play_hosts }}", id=ident))
        elif kind == "fact":
            value = template("{{ inventory_hostname }}" + str(number))
            nodes.append(task("set_fact", {"r": {"rc": value}}, name=name, id=ident))
        elif kind == "some":
            nodes.append(task(
                name=name, id=ident, register="r",
                when=when(f"inventory_hostname == 'd{draw(st.integers(1, 3))}'"),
            ))
        elif kind == "block":
            nodes.append(block(
                task(name=name, id=ident, any_errors_fatal=draw(st.booleans())),
                rescue=(task(name=f"{name}r", id=f"{ident}.r", register="r"),),
                always=(task(name=f"{name}a", id=f"{ident}.a"),),
            ))
        else:
            nodes.append(task(
                name=name, id=ident, register="r", run_once=kind == "once",
                any_errors_fatal=kind == "fatal", ignore_errors=draw(st.booleans()),
                notify=("hand",) if kind == "notify" else (),
                delegate_to="d3" if kind == "away" else None,
            ))
    serial = draw(st.sampled_from([(), (Size(value=2),), (Size(value=1),)]))
    return play(*nodes, handlers=handlers, rollout=RolloutSpec(serial=serial))


FAILURES = st.frozensets(st.tuples(
    st.sampled_from(NAMES), st.sampled_from([f"t{number}" for number in range(6)])
), max_size=3)
BRIEF = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def world_of(wanted, failures, **options):
    world = World([wanted], NAMES, **options)
    for name, device in world.devices.items():
        device.answer = (
            lambda call, name=name: FAILS if (name, call.name) in failures else Answer()
        )
    return world


@BRIEF
@given(plays(), FAILURES, st.integers(1, 4))
def test_devices_that_flow_see_what_devices_in_step_see(wanted, failures, forks):
    """Waiting only where it can be observed changes no result, recap or order."""
    free = world_of(wanted, failures, forks=forks)
    in_step = world_of(wanted, failures, options=ProgramOptions(lockstep=True))
    run(free)
    run(in_step)
    assert told(in_step) == told(free)
    assert {name: sorted(ran) for name, ran in in_step.ran.items()} == {
        name: sorted(ran) for name, ran in free.ran.items()
    }


@BRIEF
@given(plays(), FAILURES, st.integers(0, 40))
def test_a_run_that_dies_anywhere_ends_as_if_it_had_not(wanted, failures, deaths):
    """Resume: who led, what was copied and who failed follow from the journal."""
    whole = world_of(wanted, failures)
    run(whole)
    world = world_of(wanted, failures)
    total = len(whole.events)
    die_after(world, 1 + deaths % total)
    try:
        run(world)
    except JournalError:
        asyncio.run(world.resume())
    assert {name: sorted(ran) for name, ran in whole.ran.items()} == {
        name: sorted(ran) for name, ran in world.ran.items()
    }
    assert ends_of(whole) == ends_of(world)
    assert last_of(whole) == last_of(world)


def die_after(world, count):
    """The engine keeps nothing more once `count` events were published."""
    journal = world.journal
    keep, seen = journal.append, []

    def append(lease, event):
        seen.append(event)
        if len(seen) > count:
            journal.broken = JournalError("the engine is dead", kind="journal/write")
        keep(lease, event)

    journal.append = append


def ends_of(world):
    return {event.device: event.outcome for event in world.of(DeviceFinished)}


def last_of(world):
    """The last word on every task of every device."""
    return {
        (event.device, event.task, event.name): (
            event.result.status, event.result.values.get("msg")
        )
        for event in world.of(TaskFinished)
    }



# -- what plays change for all ----------------------------------------------------------


def test_stats_are_gathered_and_told_at_the_end():
    """set_stats: over all devices, also those that a former engine ran."""
    wanted = play(
        task("set_stats", {"data": {"n": 1}}, name="count"), task(name="a"),
    )
    world = World([wanted], NAMES)
    die_after(world, 9)
    with pytest.raises(JournalError):
        run(world)
    event = asyncio.run(world.resume())
    assert {"run": {"n": 3}} == event.stats


def test_an_unreachable_task_may_be_ignored():
    """ignore_unreachable: the device goes on, and the next task connects again."""
    world = World([play(
        task(name="a", ignore_unreachable=True, register="r"),
        says("see", "{{ r.unreachable }}"), task(name="b"),
    )], ("d1",))
    gone = ConnectError("nobody answers", kind="connect/timeout")
    world.device.connect_errors.extend([gone] * 3)
    run(world)
    seen, _ = told(world)
    assert ("see", "ok", True) in seen["d1"]
    assert ["b"] == world.device.ran


def test_no_more_devices_run_a_throttled_task_at_once():
    """throttle: however many devices are in flight."""
    now, most = set(), []

    def answer(name):
        now.add(name)
        most.append(len(now))
        return Answer(then=lambda: now.discard(name))

    world = World([play(task(name="a", throttle=1))], NAMES)
    for name, device in world.devices.items():
        device.answer = lambda call, name=name: answer(name)
    run(world)
    assert 1 == max(most)


def test_the_operator_stops_devices_that_wait():
    """A barrier is a safe point: whoever waits there is cancelled, and goes on at resume."""
    world = World([play(task(name="a"), task(name="b", run_once=True), task(name="c"))], NAMES)

    def stop(call):
        world.controller.stop()
        return Answer()

    world.devices["d3"].answer = stop
    run(world)
    assert {Outcome.CANCELLED} == {world.finished(name).outcome for name in NAMES}
    world.devices["d3"].answer = lambda call: Answer()
    event = asyncio.run(world.resume())
    assert 0 == event.exit_code
    assert {"d1": ["a", "b", "c"], "d2": ["a", "c"], "d3": ["a", "c"]} == world.ran


def test_a_delegated_task_runs_on_the_delegate_with_receipts_of_its_own():
    """delegate_to: many devices, one connection, the result is the delegating device's."""
    names = tuple(f"d{number}" for number in range(1, 9))
    world = World([play(
        task(name="a", delegate_to="d8", register="r"), says("see", "{{ r.rc }}"),
    )], names)
    run(world)
    assert 8 == world.ran["d8"].count("a")
    assert 8 == sum(len(ran) for ran in world.ran.values())
    assert 2 >= len(world.devices["d8"].targets)
    assert {0} == {world.finished(name).recap.failed for name in names}


def test_a_dead_delegate_makes_the_delegating_device_unreachable():
    """The delegate itself is not even in the play."""
    world = World(
        [play(task(name="a", delegate_to="d3"))], NAMES,
        hosts=lambda play, name: name != "d3",
    )
    world.devices["d3"].is_online = False
    event = run(world)
    assert 4 == event.exit_code
    assert Outcome.UNREACHABLE == world.finished("d1").outcome


@pytest.mark.parametrize("deaths", range(1, 24, 2))
def test_delegated_tasks_run_once_each_whenever_the_engine_dies(deaths):
    """The delegate is asked for the receipts of each delegating device."""
    world = World([play(
        task(name="a", delegate_to="d3", register="r"), task(name="b"),
    )], NAMES)
    die_after(world, deaths)
    try:
        run(world)
    except JournalError:
        asyncio.run(world.resume())
    assert ["a"] * 3 == [name for name in world.ran["d3"] if name == "a"]
    assert {Outcome.CHANGED} == {world.finished(name).outcome for name in NAMES}
