"""A whole run: plays, stages, halting, stopping, resume, the lease."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fleetrun.errors import JournalError, LockedError
from fleetrun.model.events import (
    DeviceFinished,
    DeviceStarted,
    Notice,
    PlayFinished,
    PlayStarted,
    RunFinished,
    RunHalted,
    RunResumed,
    RunStarted,
    StageFinished,
    StageStarted,
)
from fleetrun.model.result import Outcome
from fleetrun.model.rollout import AbortRule, FailureClass, Gate, RolloutSpec
from fleetrun.testing.devices import Answer
from fleetrun.testing.fakes import RecordingReporter
from tests.support.programs import block, play, task, template, when
from tests.support.runs import FAILS, RUN, World, by_name, stages

OK, CHANGED, FAILED = Outcome.OK, Outcome.CHANGED, Outcome.FAILED
CANCELLED, UNKNOWN, UNREACHABLE = Outcome.CANCELLED, Outcome.UNKNOWN, Outcome.UNREACHABLE
NAMES = ("d1", "d2", "d3", "d4", "d5")
#: Halts at the first failed device.
STRICT = Gate(abort_on=(AbortRule(failure_class=FailureClass.ANY, count=1),))


def one(name, **fields):
    """A play with one command."""
    return play(task(name=name), **fields)


def failing_on(*devices):
    """Devices whose commands fail."""
    def of(world):
        for name in devices:
            world.devices[name].answer = lambda call: FAILS
        return world

    return of


def run(world):
    return asyncio.run(world.run())


def die(world, cut="before"):
    """From here on the engine can keep nothing."""
    world.journal.broken = JournalError("the engine is dead", kind="journal/write")
    return Answer(cut=cut)


def crash(world):
    """Runs a world in which the engine dies."""
    with pytest.raises(JournalError, match="the engine is dead"):
        run(world)


# -- the frame --------------------------------------------------------------------


def test_a_run_is_told_from_its_first_event_to_its_last():
    """The frame of events around the devices' own."""
    world = World([one("a")])
    event = run(world)
    frame = (RunStarted, PlayStarted, StageStarted, DeviceStarted, DeviceFinished, StageFinished,
             PlayFinished, RunFinished)
    assert list(frame) == [type(each) for each in world.events if type(each) in frame]
    assert (event, 0, ()) == (world.events[-1], event.exit_code, event.next_commands)


def test_the_start_is_durable_before_any_device_is_contacted():
    """A run that the journal does not have never happened."""
    world = World([one("a")])
    world.journal.broken = None
    run(world)
    assert ["run_started", "barrier"] == world.trace[:2]


def test_the_end_is_durable_when_the_run_returns():
    """The last thing is a barrier behind the last event."""
    world = World([one("a")])
    run(world)
    assert ["run_finished", "barrier"] == world.trace[-2:]


def test_warnings_of_the_files_and_of_templates_are_told_once_each():
    """A person sees them, whichever part found them."""
    odd = play(task(name="a", when=when("1")), task(name="b", when=when("1")))
    variables = {
        name: {"ansible_ssh_common_args": "-o StrictHostKeyChecking=no"} for name in NAMES
    }
    world = World([odd], NAMES, variables=variables, warnings=("from a file",))
    world.tools.templater.warnings.clear()
    run(world)
    told = [notice.message for notice in world.of(Notice)]
    assert 3 == len(told)
    assert "from a file" == told[0]
    assert any("StrictHostKeyChecking" in message for message in told)
    assert any("the condition '1' gives a int" in message for message in told)


# -- plays ------------------------------------------------------------------------


def test_plays_run_one_after_the_other():
    """No device is in the second play before the first one ended for all."""
    world = World([one("a"), one("b")], NAMES)
    run(world)
    first_end = world.trace.index("play_finished")
    assert {"run a"} == {word for word in world.trace[:first_end] if word.startswith("run ")}
    assert {name: ["a", "b"] for name in NAMES} == world.ran


def test_a_failed_device_takes_no_part_in_later_plays():
    """Rule 10: it is out for the rest of the playbook."""
    world = failing_on("d2")(World([one("a"), one("b")], NAMES[:3]))
    event = run(world)
    assert {"d1": ["a", "b"], "d2": ["a"], "d3": ["a", "b"]} == world.ran
    assert {"d1": CHANGED, "d2": FAILED, "d3": CHANGED} == event.outcomes
    assert 3 == event.exit_code


def test_when_all_devices_failed_the_playbook_stops():
    """Rule 11: later plays do not run, not even on other devices."""
    world = failing_on("d1", "d2")(World(
        [one("a"), one("b")], NAMES[:3],
        hosts=lambda play, name: play.index == 1 or name != "d3",
    ))
    event = run(world)
    assert {"d1": ["a"], "d2": ["a"], "d3": []} == world.ran
    assert {"d1": FAILED, "d2": FAILED, "d3": CANCELLED} == event.outcomes


def test_the_worst_outcome_of_several_plays_counts():
    """Changed in one play and ok in the next is changed."""
    same = Answer(values={"changed": False})
    world = World([one("a"), one("b"), one("c")], answer=by_name({"a": same, "c": same}))
    assert {"d1": CHANGED} == run(world).outcomes


def test_a_connection_is_kept_for_the_next_play():
    """One connection per device and run, when there are not too many."""
    world = World([one("a"), one("b")], NAMES[:2])
    run(world)
    assert ([1, 1], 0) == (
        [len(device.targets) for device in world.devices.values()], world.transport.open_links
    )


def test_many_devices_give_their_connections_back_between_plays():
    """No more are open than may be in flight."""
    world = World([one("a"), one("b")], NAMES, forks=2)
    most = []
    for device in world.devices.values():
        device.answer = lambda call: most.append(world.transport.open_links) or Answer()
    run(world)
    assert max(most) <= 2
    assert 0 == world.transport.open_links


def test_another_login_in_a_later_play_is_another_connection():
    """remote_user of a play counts, and both connections are closed in the end."""
    world = World([one("a"), one("b", remote_user="admin"), one("c")])
    run(world)
    assert ["", "admin"] == [target.user for target in world.device.targets]
    assert 0 == world.transport.open_links


# -- stages and gates ---------------------------------------------------------------


def test_a_gate_is_durable_before_the_next_stage_starts():
    """No device of stage two hears of it before."""
    world = World([one("a", rollout=stages(1, 5))], NAMES)
    run(world)
    closed = world.trace.index("stage_finished")
    assert "barrier" == world.trace[closed + 1]
    assert 1 == world.trace[:closed].count("run a")
    assert [1, 4] == [stage.device_count for stage in world.of(StageStarted)]


def test_a_closed_gate_halts_the_run():
    """The others are cancelled, later plays do not run, the exit code says halted."""
    world = failing_on(*NAMES)(World([one("a", rollout=stages(1, 5, gate=STRICT)), one("b")],
                                     NAMES))
    event = run(world)
    assert 1 == sum(len(ran) for ran in world.ran.values())
    assert [FAILED, *[CANCELLED] * 4] == sorted(event.outcomes.values(), reverse=True)
    assert 5 == event.exit_code
    assert [("gate", event.reason)] == [(h.cause, h.reason) for h in world.of(RunHalted)]
    assert (f"fleetrun runs show {RUN}", f"fleetrun retry {RUN} --only failed,cancelled") == (
        event.next_commands
    )


def test_devices_that_a_halted_run_did_not_come_to_are_cancelled():
    """Also those that the first play changed: the second one never ran on them."""
    rollout = RolloutSpec(gate=STRICT)
    world = failing_on("d2")(World([one("a", rollout=rollout), one("b")], NAMES[:2]))
    event = run(world)
    assert {"d1": CANCELLED, "d2": FAILED} == event.outcomes


def test_no_more_devices_run_at_once_than_asked_for():
    """--forks bounds them at every instant."""
    world, running, most = World([one("a")], NAMES, forks=2), [0], []

    class Busy(asyncio.Event):
        async def wait(self):
            running[0] += 1
            most.append(running[0])
            await asyncio.sleep(0.001)
            running[0] -= 1

    for device in world.devices.values():
        device.answer = lambda call: Answer(hold=Busy())
    run(world)
    assert (2, 5) == (max(most), len(most))


@pytest.mark.parametrize(("changes", "code"), [
    ({}, 0), ({"d1": "offline"}, 4), ({"d1": "fails"}, 3), ({"d1": "fails", "d2": "offline"}, 3),
    ({"d1": "unknown", "d2": "fails"}, 7),
])
def test_the_exit_code_says_the_worst_that_happened(changes, code):
    """Precedence 7, 3, 4; every end but a good one names the next command."""
    world = World([one("a")], NAMES[:3])
    for name, what in changes.items():
        device = world.devices[name]
        if what == "offline":
            device.is_online = False
        elif what == "fails":
            device.answer = lambda call: FAILS
        else:
            device.answer = lambda call: Answer(cut="power-cut")
    event = run(world)
    assert code == event.exit_code
    assert bool(event.next_commands) is (code != 0)


def test_outcomes_have_every_selected_device_once():
    """In the order of the inventory, whatever became of them."""
    world = failing_on("d3")(World([one("a"), one("b")], NAMES))
    world.devices["d1"].is_online = False
    event = run(world)
    assert list(NAMES) == list(event.outcomes)
    assert {"changed": 3, "failed": 1, "unreachable": 1} == world.of(PlayFinished)[0].counts


# -- stopping -------------------------------------------------------------------------


def stopping(world, name, verb="stop"):
    """The operator steers the run while a command runs on a device."""
    def answer(call):
        if call.name == name:
            getattr(world.controller, verb)()
        return Answer()

    for device in world.devices.values():
        device.answer = answer
    return world


def test_a_stopped_run_starts_nothing_more_and_can_be_resumed():
    """What runs ends at its safe point; resume does the rest."""
    two = play(task(name="a", register="r"), task(name="b", when=when("r.rc == 0")))
    world = stopping(World([two, one("c")], NAMES[:3], forks=1), "a")
    event = run(world)
    assert (130, dict.fromkeys(NAMES[:3], CANCELLED)) == (event.exit_code, event.outcomes)
    assert 1 == sum(len(ran) for ran in world.ran.values())
    assert f"fleetrun resume {RUN}" == event.next_commands[0]
    for device in world.devices.values():
        device.answer = lambda call: Answer()
    event = asyncio.run(world.resume())
    assert (0, dict.fromkeys(NAMES[:3], CHANGED)) == (event.exit_code, event.outcomes)
    assert {name: ["a", "b", "c"] for name in NAMES[:3]} == world.ran


def test_a_wish_to_stop_that_comes_too_late_changes_nothing():
    """Everything was done: the exit code does not lie about it."""
    world = stopping(World([one("a")]), "a")
    event = run(world)
    assert (0, {"d1": CHANGED}) == (event.exit_code, event.outcomes)


def test_stop_says_how_many_devices_are_in_flight():
    """For the line that a person reads after Ctrl-C."""
    world, counts = World([one("a")], NAMES), []
    world.device.answer = lambda call: counts.append(world.controller.stop()) or Answer()
    world.on_controller = lambda controller: counts.append(controller.stop())
    run(world)
    assert [0] == counts
    world = World([one("a")], NAMES, forks=3)
    world.device.answer = lambda call: counts.append(world.controller.stop()) or Answer()
    run(world)
    assert [0, 3] == counts


def test_abandoned_devices_are_unknown_until_resume_asks_them():
    """The command went on without us: its receipt tells how it ended."""
    world = World([one("a")])

    async def main():
        hold = asyncio.Event()
        world.device.answer = lambda call: Answer(hold=hold)
        running = asyncio.create_task(world.run())
        while not world.device.ran:
            await asyncio.sleep(0)
        world.controller.abandon()
        event = await running
        # The device ends its work, and nobody listens.
        (receipt,) = world.device.receipts.values()
        receipt.answer = Answer(values={"rc": 0})
        return event

    event = asyncio.run(main())
    assert (130, {"d1": UNKNOWN}, 0) == (
        event.exit_code, event.outcomes, world.transport.open_links
    )
    event = asyncio.run(world.resume())
    assert ({"d1": OK}, ["a"]) == (event.outcomes, world.device.ran)


# -- the lease --------------------------------------------------------------------------


@pytest.mark.parametrize("error", [
    LockedError("taken over by somebody else", kind="lease/held"),
    JournalError("the disk is gone", kind="journal/write"),
])
def test_a_lost_lease_ends_the_run_at_once(error):
    """No device is touched any more, and the error itself comes out."""
    world = World([one("a")], NAMES, forks=2)

    async def main():
        hold = asyncio.Event()
        for device in world.devices.values():
            device.answer = lambda call: Answer(hold=hold)
        running = asyncio.create_task(world.run())
        while sum(map(len, world.ran.values())) < 2:
            await asyncio.sleep(0)
        world.journal.broken = error
        with pytest.raises(type(error), match=str(error)):
            await running

    asyncio.run(asyncio.wait_for(main(), 10))
    assert (2, 0) == (sum(map(len, world.ran.values())), world.transport.open_links)
    assert [] == world.of(DeviceFinished)


def test_the_lease_is_renewed_while_devices_are_silent():
    """A long command must not cost the run its lease."""
    pausing = play(task(name="a", register="r", until=when("r.rc == 9"), retries=1, delay=60))
    world = World([pausing])
    run(world)
    assert world.journal.renewals >= 15


# -- resume -----------------------------------------------------------------------------


def test_resume_skips_settled_devices_and_derives_stages_again():
    """Stage by stage as the first time; only what is left is run."""
    world = World([one("a", rollout=stages(2, 5))], NAMES, forks=1)
    order = []

    def answer(call):
        order.append(call.name)
        return die(world) if len(order) == 4 else Answer()

    for device in world.devices.values():
        device.answer = answer
    crash(world)
    for device in world.devices.values():
        device.answer = lambda call: Answer()
    event = asyncio.run(world.resume())
    assert (0, dict.fromkeys(NAMES, CHANGED)) == (event.exit_code, event.outcomes)
    assert {name: ["a"] for name in NAMES} == world.ran
    (resumed,) = world.of(RunResumed)
    assert (RUN, 2) == (resumed.run, resumed.epoch)
    settled = [event.device for event in world.of(DeviceFinished)]
    assert sorted(NAMES) == sorted(settled)


def test_resume_is_quiet_about_plays_that_are_over():
    """Nobody hears of them twice, but what devices learned there is known."""
    uses = task(args={"argv": [template("{{ r.stdout }}")]}, name="b")
    world = World([play(task(name="a", register="r")), play(uses)])
    world.device.answer = lambda call: (
        Answer(stdout=b"from a") if call.name == "a" else die(world)
    )
    crash(world)
    world.device.answer = lambda call: Answer()
    shown = RecordingReporter()
    world.reporters = (shown,)
    event = asyncio.run(world.resume())
    assert ({"d1": CHANGED}, ["a", "from a"]) == (event.outcomes, world.device.ran)
    assert [1] == [each.play for each in shown.events if isinstance(each, PlayStarted)]


def test_what_a_rescued_device_learned_is_known_after_a_resume():
    """The journal's answers are fed past the steps that a failure left behind."""
    rescued = play(block(
        task(name="a"), task(name="never"), rescue=(task(name="r", register="saved"),),
    ))
    uses = task(args={"argv": [template("{{ saved.stdout }}")]}, name="b")
    world = World([rescued, play(uses)])
    world.device.answer = lambda call: {
        "a": FAILS, "r": Answer(stdout=b"saved")}.get(call.name) or die(world)
    crash(world)
    world.device.answer = lambda call: Answer()
    event = asyncio.run(world.resume())
    assert ({"d1": CHANGED}, ["a", "r", "saved"]) == (event.outcomes, world.device.ran)


def test_hostvars_of_settled_devices_are_known_after_a_resume():
    """Another device's registered values do not depend on who ran them."""
    uses = task(
        args={"argv": [template("{{ hostvars['d1'].mine.stdout }}")]}, name="u",
        when=when("inventory_hostname == 'd2'"),
    )
    first = play(task(name="a", register="mine"))
    world = World([first, play(task(name="x", register="x")), play(uses)], NAMES[:2])
    world.device.answer = lambda call: Answer(stdout=b"d1 said")
    world.devices["d2"].answer = lambda call: die(world) if call.name == "d1 said" else Answer()
    crash(world)
    world.devices["d2"].answer = lambda call: Answer()
    asyncio.run(world.resume())
    assert ["a", "x", "d1 said"] == world.devices["d2"].ran


def test_an_unknown_device_that_turns_out_bad_does_not_undo_what_others_did():
    """The gate closes now; devices of the next stage that ran keep their outcomes."""
    gate = Gate(abort_on=(AbortRule(failure_class=FailureClass.FAILED, count=1),))
    world = World([one("a", rollout=stages(1, 5, gate=gate))], NAMES, forks=1)
    order = []

    def answer(call):
        order.append(call)
        if len(order) == 1:
            return Answer(cut="power-cut")
        return die(world) if len(order) == 3 else Answer()

    for device in world.devices.values():
        device.answer = answer
    crash(world)
    (unknown,) = [name for name, device in world.devices.items() if device.boot_id == "boot-1+"]
    changed = [e.device for e in world.of(DeviceFinished) if e.outcome is CHANGED]
    world.devices[unknown].receipts.clear()
    world.devices[unknown].boot_id = "boot-1"
    for device in world.devices.values():
        device.answer = lambda call: FAILS
    event = asyncio.run(world.resume())
    assert (FAILED, [CHANGED], 5) == (
        event.outcomes[unknown], [event.outcomes[name] for name in changed], event.exit_code
    )
    assert 3 == list(event.outcomes.values()).count(CANCELLED)


def test_a_device_that_left_the_inventory_ends_as_unknown():
    """It cannot be asked; the others are finished."""
    world = World([one("a")], NAMES[:2])
    world.devices["d1"].answer = lambda call: die(world, "after")
    world.devices["d2"].answer = lambda call: die(world)
    crash(world)
    for device in world.devices.values():
        device.answer = lambda call: Answer()
    setup = world.setup

    def without_d1():
        made = setup()
        plans = tuple(replace(plan, gone=frozenset({"d1"})) for plan in made.plans)
        return replace(made, plans=plans)

    world.setup = without_d1
    event = asyncio.run(world.resume())
    assert {"d1": UNKNOWN, "d2": CHANGED} == event.outcomes
    assert "usage/device-gone" == world.finished("d1").error_kind


def test_resuming_a_run_that_is_done_does_nothing():
    """No device is contacted again, and the outcomes are the same."""
    world = failing_on("d2")(World([one("a"), one("b")], NAMES[:3]))
    first = run(world)
    contacts = [len(device.targets) for device in world.devices.values()]
    again = asyncio.run(world.resume())
    assert (first.outcomes, first.exit_code) == (again.outcomes, again.exit_code)
    assert contacts == [len(device.targets) for device in world.devices.values()]


def test_ten_thousand_answers_are_not_kept_by_a_run_that_is_no_resume():
    """What the journal holds need not stand in memory, too."""
    world = World([one("a")], NAMES)
    run(world)
    factory = world.controller._factory
    assert {} == factory._past.histories
    assert {} == factory._sessions


def test_unreachable_devices_do_not_stop_the_others():
    """Offline is not failed, and the run goes on without them."""
    world = World([one("a"), one("b")], NAMES[:2])
    world.device.is_online = False
    event = run(world)
    assert ({"d1": UNREACHABLE, "d2": CHANGED}, 4) == (event.outcomes, event.exit_code)


def test_a_reporter_that_fails_does_not_hold_the_run():
    """Best effort means that it cannot."""
    world = World([one("a")], reporters=(RecordingReporter(fails_on=RunStarted),))
    assert 0 == run(world).exit_code
