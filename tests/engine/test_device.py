"""One device through one play: order, lost links, dialogues, stopping, resume."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fleetrun.engine.wishes import Wishes
from fleetrun.errors import ConnectError, JournalError
from fleetrun.model.events import (
    DeviceFinished,
    DeviceStarted,
    StepAcknowledged,
    StepAnswered,
    TasksIntended,
)
from fleetrun.model.playbook import Become, Loop, LoopControl
from fleetrun.model.result import Outcome, TaskResult, TaskStatus
from fleetrun.model.run import Decision
from fleetrun.testing.devices import Answer
from tests.support.programs import SPECS, block, play, task, template, toolbox, when
from tests.support.runs import FAILS, World, by_name

LONG = replace(SPECS["file"], name="package", long=True)
TOOLS = replace(toolbox(), module={**SPECS, "package": LONG}.get)

#: Two commands, the second needs the first one's result: two batches.
TWO = play(task(name="a", register="r"), task(name="b", when=when("r.rc == 0")))


def run(world):
    """Runs a world; returns the first device's outcome and reason."""
    asyncio.run(world.run())
    ended = world.finished()
    return ended.outcome, ended.error_kind


def once(first, then=None):
    """Answers the first call of each name in one way, later ones in another."""
    seen = set()

    def answer(call):
        is_first = call.name not in seen
        seen.add(call.name)
        return (first if is_first else then or {}).get(call.name, Answer())

    return answer


def sent(world):
    """The trace from the first intent on: intents, barriers, what ran, answers."""
    words = [w for w in world.trace if w.startswith("run ") or w in {
        "tasks_intended", "barrier", "step_answered"}]
    return words[words.index("tasks_intended"):]


# -- the order that everything leans on ---------------------------------------


def test_intent_is_durable_before_anything_is_sent():
    """Intent, barrier, device, answer; and the answer before the next intent."""
    world = World([TWO])
    run(world)
    assert sent(world)[:8] == [
        "tasks_intended", "barrier", "run a", "step_answered",
        "tasks_intended", "barrier", "run b", "step_answered",
    ]


def test_a_device_is_not_contacted_when_the_intent_cannot_be_kept():
    """A broken journal ends everything before the device hears of it."""
    world = World([TWO])

    def breaks(_):
        world.journal.broken = JournalError("full", kind="journal/write")

    world.on_controller = breaks
    with pytest.raises(JournalError):
        asyncio.run(world.run())
    assert ([], []) == (world.device.targets, world.device.ran)


def test_independent_tasks_are_one_intent_and_one_write():
    """The keys of a batch are intended together, in order."""
    world = World([play(task(name="a", id="x"), task(name="b", id="y"))])
    run(world)
    (intended,) = world.of(TasksIntended)
    assert (("x#1", "y#1"), ("a", "b")) == (intended.keys, intended.names)


def test_steps_behind_a_failure_leave_nothing_in_doubt():
    """They certainly did not run: a device that stops then is cancelled, not unknown."""
    def answer(call):
        return replace(FAILS, then=world.controller.stop)

    world = World([play(
        block(task(name="a"), task(name="b"), rescue=(task(name="r"),)),
    )], answer=answer)
    assert (Outcome.CANCELLED, "") == run(world)
    assert ["a"] == world.device.ran


# -- unreachable and unknown ----------------------------------------------------


def test_a_device_that_was_never_reached_is_unreachable():
    """Nothing was sent, so nothing is in doubt."""
    world = World([TWO])
    world.device.is_online = False
    assert (Outcome.UNREACHABLE, "connect/timeout") == run(world)
    assert "nobody answers (is it on?)" == world.finished().reason


def test_a_device_that_goes_while_a_step_is_out_is_unknown():
    """Something was sent, and nobody can be asked."""
    def answer(call):
        world.device.is_online = False
        return Answer(cut="after")

    world = World([TWO], answer=answer)
    assert (Outcome.UNKNOWN, "connect/timeout") == run(world)
    assert "a step was sent, and the device cannot be asked" in world.finished().reason
    assert [] == world.of(StepAnswered)


def test_a_device_that_goes_between_batches_is_unreachable():
    """All that was sent was answered; the next batch was not sent."""
    def answer(call):
        def go():
            world.device.is_online = False
            world.device.cut_links()

        return Answer(then=go)

    world = World([TWO], answer=answer)
    outcome, _ = run(world)
    assert (Outcome.UNKNOWN, ["a"]) == (outcome, world.device.ran)
    # b was intended and written to a link that may have carried it.
    assert 2 == len(world.of(TasksIntended))


def test_a_wrong_become_password_is_unreachable_also_in_the_middle():
    """No shell came to be, so nothing of the batch is in doubt."""
    root = Become(enabled=True)
    world = World([play(task(name="a"), task(name="b", become=root))], password="wrong")
    world.device.sudo_password = "secret"
    assert (Outcome.UNREACHABLE, "connect/become") == run(world)
    assert ["a"] == world.device.ran


# -- lost links -----------------------------------------------------------------


@pytest.mark.parametrize("module", ["command", "file", "package"])
@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_lost_link_costs_nothing(module, cut):
    """Detached steps are settled by their receipt, others are safe to repeat."""
    args = {"argv": ["x"]} if module == "command" else {}
    name = "x" if module == "command" else module
    world = World([play(task(module, args, name="x"), task(name="next"))], tools=TOOLS,
                  answer=once({name: Answer(cut=cut)}))
    assert (Outcome.CHANGED, "") == run(world)
    is_repeated = module == "file" and cut == "after"
    assert [name] * (2 if is_repeated else 1) + ["next"] == world.device.ran
    assert 2 == len(world.of(StepAnswered))


def test_a_result_that_was_out_is_taken_from_its_receipt():
    """rc and output of a command survive the link that should have brought them."""
    world = World([TWO], answer=once({"a": Answer(cut="after", values={"rc": 0}, stdout=b"hi")}))
    run(world)
    first = world.of(StepAnswered)[0]
    assert ("hi", TaskStatus.OK) == (first.result.values["stdout"], first.result.status)


def test_an_interrupted_command_is_unknown_and_never_repeated():
    """The power went in the middle of it: whoever knows, it is not us."""
    world = World([TWO], answer=once({"a": Answer(cut="power-cut")}))
    assert (Outcome.UNKNOWN, "module/interrupted") == run(world)
    assert ["a"] == world.device.ran
    assert "must not be repeated" in world.finished().reason


@pytest.mark.parametrize(
    ("decision", "ran"), [(Decision.RERUN, ["a", "a", "b"]), (Decision.DONE, ["a", "b"])]
)
def test_the_operators_word_settles_an_interrupted_command(decision, ran):
    """By its name, at resume; who said so is in the journal before anything is done."""
    world = World([TWO], answer=once({"a": Answer(cut="power-cut")}))
    run(world)
    world.wishes = Wishes(decisions={"a": decision}, by="ops@jump")
    asyncio.run(world.resume())
    assert ran == world.device.ran
    assert Outcome.CHANGED is world.finished().outcome
    (word,) = world.of(StepAcknowledged)
    assert (word.decision, word.rerun_acknowledged_by) == (decision, "ops@jump")
    rest = world.events[world.events.index(word) + 1 :]
    assert any(isinstance(event, StepAnswered) and event.key == word.key for event in rest)


def test_a_word_for_another_step_settles_nothing():
    """And one word is for one interruption: the second one asks again."""
    world = World([TWO], answer=once({"a": Answer(cut="power-cut")}))
    run(world)
    world.wishes = Wishes(decisions={"b": Decision.RERUN})
    asyncio.run(world.resume())
    assert (["a"], Outcome.UNKNOWN) == (world.device.ran, world.finished().outcome)
    again = World([TWO], answer=lambda call: Answer(cut="power-cut"))
    run(again)
    again.wishes = Wishes(decisions={"a": Decision.RERUN})
    asyncio.run(again.resume())
    assert (["a", "a"], Outcome.UNKNOWN) == (again.device.ran, again.finished().outcome)


def test_an_interrupted_long_step_that_is_idempotent_runs_again():
    """Its old receipt is removed first, or it would be in its own way."""
    world = World([play(task("package", {}, name="p"), task(name="next"))], tools=TOOLS,
                  answer=once({"package": Answer(cut="power-cut")}))
    assert (Outcome.CHANGED, "") == run(world)
    assert ["package", "package", "next"] == world.device.ran


def test_a_link_that_is_lost_while_asking_is_asked_again():
    """That the answer about a receipt is lost proves nothing about the step."""
    world = World([TWO], answer=once({"a": Answer(cut="after")}))
    opened = world.transport.connect
    cuts = iter([False, True, True])

    async def flaky(target):
        link = await opened(target)
        if next(cuts, False):
            asyncio.get_running_loop().call_soon(link.cut)
        return link

    world.transport.connect = flaky
    assert (Outcome.CHANGED, "") == run(world)
    assert ["a", "b"] == world.device.ran


def test_a_link_that_is_always_lost_is_given_up():
    """Five times without an answer in between; nothing was ever repeated."""
    world = World([TWO], answer=lambda call: Answer(cut="before"))
    assert (Outcome.UNKNOWN, "lost/crash-loop") == run(world)
    assert 6 == len(world.device.targets)


def test_answers_in_between_make_a_link_worth_another_try():
    """A bad link that loses every answer still brings a long play to its end."""
    names = [f"t{number}" for number in range(8)]
    needs = [(), *(when(f"r{number}.rc == 0") for number in range(7))]
    tasks = [
        task(name=name, register=f"r{number}", when=needs[number])
        for number, name in enumerate(names)
    ]
    world = World([play(*tasks)], answer=once({name: Answer(cut="after") for name in names}))
    assert (Outcome.CHANGED, "") == run(world)
    assert names == world.device.ran


def test_no_connection_is_left_open():
    """However the device ended."""
    for answer in (None, by_name({"a": FAILS}), once({"a": Answer(cut="power-cut")})):
        world = World([TWO], answer=answer)
        run(world)
        assert 0 == world.transport.open_links


@pytest.mark.parametrize(("answers", "goodbyes"), [
    ({}, [True]), ({"b": FAILS}, [True]), ({"a": Answer(cut="power-cut")}, [False]),
])
def test_receipts_go_when_everything_is_known_and_durable(answers, goodbyes):
    """Unknown steps leave theirs for the resume that asks for them."""
    world = World([TWO], answer=once(answers))
    run(world)
    assert goodbyes == world.device.goodbyes
    if goodbyes == [True]:
        assert world.trace.index("device_finished") > world.trace.index("barrier")
        last_answer = len(world.trace) - 1 - world.trace[::-1].index("step_answered")
        assert "barrier" in world.trace[last_answer : world.trace.index("device_finished")]


# -- dialogues ------------------------------------------------------------------

REBOOT = play(task("reboot", {"reboot_timeout": 60}, name="reboot"), task(name="after"))


def reboots(world_of):
    """The device reboots a moment after it said that it would."""
    return lambda call: (
        Answer(then=world_of().device.reboot) if call.name == "reboot" else Answer()
    )


def test_a_reboot_is_proved_by_a_new_boot_id():
    """And the play goes on behind it."""
    world = World([REBOOT], answer=reboots(lambda: world))
    assert (Outcome.CHANGED, "") == run(world)
    assert ["reboot", "after"] == world.device.ran


def test_a_reboot_of_a_container_is_proved_by_a_command():
    """It keeps its host's boot_id; what boot_time_command prints has changed."""
    boots = []

    def answer(call):
        if call.name == "fleetrun_5f_boot_5f_time":
            return Answer(stdout=f"boot {len(boots)}\n".encode())
        if call.name == "reboot":
            boots.append(1)
            return Answer(then=lambda: world.device.reboot(world.device.boot_id))
        return Answer()

    args = {"reboot_timeout": 60, "boot_time_command": "stat -c %Y /proc/1"}
    world = World([play(task("reboot", args, name="reboot"), task(name="after"))], answer=answer)
    assert (Outcome.CHANGED, "") == run(world)
    asked = "fleetrun_5f_boot_5f_time"
    assert [asked, "reboot", asked, "after"] == world.device.ran


def test_a_boot_time_command_that_says_nothing_reboots_nothing():
    """It could never prove the reboot."""
    args = {"reboot_timeout": 60, "boot_time_command": "true"}
    world = World([play(task("reboot", args, name="reboot"))])
    assert Outcome.FAILED == run(world)[0]
    assert ["fleetrun_5f_boot_5f_time"] == world.device.ran


def test_the_boot_id_is_durable_before_a_reboot_is_asked_for():
    """A resume tells by it whether the device has rebooted already."""
    world = World([REBOOT], answer=reboots(lambda: world))
    run(world)
    connected = world.trace.index("device_connected")
    assert "barrier" in world.trace[connected : world.trace.index("run reboot")]


def test_an_offline_device_is_unreachable_also_for_a_dialogue():
    """That its first task is a reboot makes no failure of it."""
    world = World([REBOOT])
    world.device.is_online = False
    assert (Outcome.UNREACHABLE, "connect/timeout") == run(world)


def test_a_resumed_reboot_is_not_done_twice():
    """The device has another boot_id than the intent: it is done."""
    world = World([REBOOT])

    def reboot_and_die(call):
        world.device.reboot()
        return die(world)

    crash(world, reboot_and_die)
    event = asyncio.run(world.resume())
    assert {"d1": Outcome.CHANGED} == event.outcomes
    assert ["after"] == world.device.ran


def test_a_resumed_reboot_waits_for_a_device_that_is_still_away():
    """It does not answer, because it is rebooting: that is no failure yet."""
    world = World([REBOOT])
    crash(world, lambda call: die(world))
    world.device.boot_id = "boot-2"
    away = [ConnectError("away", kind="connect/timeout")] * 4
    world.device.connect_errors.extend(away)
    event = asyncio.run(world.resume())
    assert {"d1": Outcome.CHANGED} == event.outcomes
    assert ["after"] == world.device.ran


def test_a_fetch_that_loses_its_link_is_begun_anew():
    """It changes nothing on the device."""
    world = World([play(task("fetch", {"src": "/f", "dest": "/x"}))])
    tries = []

    async def fetch(step, link, *, intended_boot_id):
        tries.append(1)
        if len(tries) < 3:
            await link.reconnect()
            world.device.cut_links()
        await link.fetch("/f", 10, step)
        return TaskResult(status=TaskStatus.OK)

    world.device.files["/f"] = b"content"
    world.tools = replace(toolbox(), module={
        **SPECS, "fetch": replace(SPECS["reboot"], name="fetch")}.get)
    world.dialogues = {"fetch": fetch}
    assert (Outcome.OK, "") == run(world)
    assert 3 == len(tries)


# -- stopping -------------------------------------------------------------------


def stop_at(world, name):
    """The operator asks to stop while a step runs."""
    def answer(call):
        if call.name == name:
            world().controller.stop()
        return Answer()

    return answer


def test_a_wish_to_stop_is_met_at_the_border_of_a_batch():
    """What was sent is finished and journalled; nothing more is sent."""
    world = World([TWO], answer=stop_at(lambda: world, "a"))
    assert (Outcome.CANCELLED, "") == run(world)
    assert (["a"], 1) == (world.device.ran, len(world.of(StepAnswered)))


def test_a_wait_does_not_outlast_the_wish_to_stop():
    """`until` with a delay of an hour is a safe point, too."""
    until = task(name="a", register="r", until=when("r.rc == 7"), delay=3600)
    world = World([play(until)], answer=stop_at(lambda: world, "a"))
    assert (Outcome.CANCELLED, "") == run(world)
    assert world.clock.monotonic() < 3600


def test_a_pause_ends_with_the_wish_to_stop_and_is_not_done():
    """Resume pauses again: it was not the operator's to skip."""
    tools = replace(toolbox(), module={
        **SPECS, "pause": replace(SPECS["reboot"], name="pause")}.get)
    world = World([play(task("pause", {"seconds": 3600}), task(name="b"))], tools=tools)

    async def main():
        running = asyncio.create_task(world.run())
        while not world.of(TasksIntended) if world.store.runs else True:
            await asyncio.sleep(0)
        world.controller.stop()
        await running

    asyncio.run(main())
    assert (Outcome.CANCELLED, []) == (world.finished().outcome, world.of(StepAnswered))
    assert world.clock.monotonic() < 3600


# -- resume -----------------------------------------------------------------------


def die(world, cut="before"):
    """From here on the engine can keep nothing; the answer does not arrive either."""
    world.journal.broken = JournalError("the engine is dead", kind="journal/write")
    return Answer(cut=cut)


def crash(world, answer):
    """Runs a world in which the engine dies; the next one finds the device well."""
    world.device.answer = answer
    with pytest.raises(JournalError, match="the engine is dead"):
        asyncio.run(world.run())
    world.device.answer = lambda call: Answer()


def dies_at(world, name, cut="before"):
    """The engine dies when a step is sent: before or after the device runs it."""
    return lambda call: die(world, cut) if call.name == name else Answer()


@pytest.mark.parametrize("cut", ["before", "after"])
@pytest.mark.parametrize("name", ["a", "b", "file"])
def test_resume_runs_what_is_left_and_nothing_twice(name, cut):
    """Answers come from the journal, ends from receipts; idempotent steps may repeat."""
    wanted = play(
        task(name="a", register="r"), task("file", {}, name="f", when=when("r.rc == 0")),
        task(name="b"),
    )
    world = World([wanted])
    crash(world, dies_at(world, name, cut))
    event = asyncio.run(world.resume())
    assert {"d1": Outcome.CHANGED} == event.outcomes
    ran = [each for each in world.device.ran if each != "file"]
    assert ["a", "b"] == ran
    keys = [answered.key for answered in world.of(StepAnswered)]
    assert len(keys) == len(set(keys)) == 3


def test_resume_does_not_contact_a_device_that_has_all_its_answers():
    """The engine died between the last answer and the outcome."""
    world = World([TWO])
    asyncio.run(world.run())
    run_ = world.store.runs["run-1"]
    last = max(i for i, e in enumerate(run_.events) if isinstance(e, StepAnswered))
    del run_.events[last + 1 :]
    run_.durable = len(run_.events)
    contacts = len(world.device.targets)
    event = asyncio.run(world.resume())
    assert ({"d1": Outcome.CHANGED}, contacts) == (event.outcomes, len(world.device.targets))


def test_resume_waits_for_nothing_that_is_past():
    """Pauses between items whose answers are known are not waited for again."""
    pauses = Loop(items=["1", "2", "3"], control=LoopControl(pause_s=100))
    looped = task(args={"argv": [template("{{ item }}")]}, loop=pauses, name="l")
    world = World([play(looped, task(name="end"))])
    crash(world, dies_at(world, "end"))
    assert [100, 100] == [s for s in world.clock.slept if s == 100]
    asyncio.run(world.resume())
    assert [] == [s for s in world.clock.slept if s == 100]
    assert ["1", "2", "3", "end"] == world.device.ran


def test_a_resume_that_cannot_reach_the_device_leaves_it_unknown():
    """Something was sent in the life before, whatever happens now."""
    world = World([TWO])
    crash(world, dies_at(world, "a", "after"))
    world.device.is_online = False
    event = asyncio.run(world.resume())
    assert ({"d1": Outcome.UNKNOWN}, 7) == (event.outcomes, event.exit_code)


def test_a_device_that_is_stopped_before_it_was_asked_is_unknown():
    """Cancelled would say that nothing is in doubt."""
    world = World([TWO])
    crash(world, dies_at(world, "a", "after"))

    def stop_at_its_start(controller):
        append = world.journal.append

        def appending(lease, event):
            append(lease, event)
            if isinstance(event, DeviceStarted):
                controller.stop()

        world.journal.append = appending

    world.on_controller = stop_at_its_start
    event = asyncio.run(world.resume())
    assert ({"d1": Outcome.UNKNOWN}, 130) == (event.outcomes, event.exit_code)


def test_a_no_log_answer_says_that_it_is_gone_when_it_is_needed():
    """After a resume its status is known, its output is not."""
    wanted = play(
        task(name="a", register="r", no_log=True),
        task(name="b", when=when("r is changed"), register="s"),
        task(args={"argv": [template("{{ r.stdout }}")]}, name="c", when=when("s.rc == 0")),
    )
    world = World([wanted])
    crash(world, dies_at(world, "b"))
    asyncio.run(world.resume())
    ended = world.finished()
    assert (Outcome.FAILED, "template/hidden") == (ended.outcome, ended.error_kind)
    assert "no_log" in ended.reason
    assert ["a", "b"] == world.device.ran


def test_an_outcome_says_what_failed():
    """The reason and kind of the task that ended the device."""
    world = World([TWO], answer=by_name({"a": FAILS}))
    run(world)
    ended = world.of(DeviceFinished)[-1]
    assert (Outcome.FAILED, "a: no", "task/failed") == (
        ended.outcome, ended.reason, ended.error_kind
    )
    assert (1, 0) == (ended.recap.failed, ended.recap.ok)


def test_a_transient_refusal_on_a_live_link_is_no_verdict():
    """The server had no room for another channel: connect again, nothing was sent."""
    root = Become(enabled=True)
    world = World([play(task(name="a"), task(name="b", become=root))])
    opened = world.transport.connect

    async def connect(target):
        link = await opened(target)
        if len(world.device.targets) == 1:
            first = link.open

            async def refuse(command, *, pty=False):
                if "sudo" in command:
                    raise ConnectError("no room", kind="connect/resources")
                return await first(command, pty=pty)

            link.open = refuse
        return link

    world.transport.connect = connect
    assert (Outcome.CHANGED, "") == run(world)
    assert ["a", "b"] == world.device.ran
