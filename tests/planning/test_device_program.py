"""The device's machine: order, look-ahead, failures, blocks, loops and handlers."""

from __future__ import annotations

from fleetrun.model.playbook import Loop, LoopControl
from fleetrun.model.result import Outcome, TaskStatus
from fleetrun.planning.results import unknown
from tests.support.programs import (
    block,
    changed,
    drive,
    failure,
    looped,
    play,
    task,
    template,
    when,
    word,
)


def fails(*names):
    """A device on which the named commands fail."""
    return lambda step: failure() if word(step) in names else changed()


def test_independent_tasks_travel_in_one_batch():
    """Tasks that need no answer go in one write, controller tasks among them."""
    trace = drive(play(task(name="a"), task("debug", {"msg": "x"}), task(name="b"), task(name="c")))
    assert trace.batches == [["a", "b", "c"]]
    assert [name for name, _ in trace.reports if name in "abc"] == ["a", "b", "c"]


def test_a_registered_value_ends_the_batch():
    """A task that reads what an earlier one registers waits for it."""
    trace = drive(
        play(
            task(name="a", register="r"), task(name="b"),
            task(name="c", when=when("r.rc == 0")), task(name="d"),
        )
    )
    assert trace.batches == [["a", "b"], ["c", "d"]]


def test_a_pending_value_behind_a_variable_ends_the_batch():
    """Laziness does not hide a dependency: a variable may hold a template of it."""
    trace = drive(
        play(
            task(name="a", register="r"),
            task(name="b", args={"argv": ["b", template("{{ via }}")]}),
            vars={"via": template("{{ r.stdout }}")},
        )
    )
    assert trace.batches == [["a"], ["b"]]


def test_default_does_not_hide_a_pending_value():
    """`default()` on a name that is still out must wait, not take the default."""
    trace = drive(
        play(
            task(name="a", register="r"),
            task(args={"argv": [template("{{ r.stdout | default('none') }}")]}, name="b"),
        )
    )
    assert trace.ran == ["a", "out"]


def test_set_fact_is_visible_in_the_same_batch():
    """set_fact costs no round trip: tasks behind it use the value at once."""
    trace = drive(
        play(
            task(name="a"), task("set_fact", {"x": template("{{ 1 + 1 }}")}),
            task(args={"argv": [template("{{ x }}")]}, name="b"),
        )
    )
    assert trace.batches == [["a", "2"]]


def test_facts_end_the_batch_only_for_tasks_that_use_them():
    """Gathering facts is pipelined with tasks that read none."""

    def answer(step):
        facts = {"ansible_facts": {"ansible_kernel": "6.1"}} if word(step) == "setup" else {}
        return changed(**facts)

    trace = drive(
        play(
            task("setup"), task(name="a"),
            task(args={"argv": [template("{{ ansible_facts.kernel }}")]}, name="b"),
        ),
        answer,
    )
    assert trace.batches == [["setup", "a"], ["6.1"]]


def test_a_failure_stops_the_device_and_nothing_behind_it_runs():
    """The first failure ends the play for the device."""
    trace = drive(play(task(name="a"), task(name="b"), task(name="c")), fails("b"))
    assert trace.ran == ["a", "b"]
    assert trace.done.outcome is Outcome.FAILED
    assert trace.reports == [("a", "changed"), ("b", "failed")]


def test_ignore_errors_goes_on_in_the_same_batch():
    """An ignored failure costs no round trip and counts as ok and ignored."""
    trace = drive(play(task(name="a", ignore_errors=True), task(name="b")), fails("a"))
    assert trace.batches == [["a", "b"]]
    recap = trace.program.recap
    assert (recap.ok, recap.ignored, recap.failed) == (2, 1, 0)


def test_rescue_runs_after_a_failure_and_always_after_both():
    """A rescued failure is no failure of the device (rule 16)."""
    trace = drive(
        play(
            block(
                task(name="a"), task(name="b"), rescue=(task(name="r"),), always=(task(name="z"),)
            ),
            task(name="after"),
        ),
        fails("a"),
    )
    assert trace.ran == ["a", "r", "z", "after"]
    assert trace.done.outcome is Outcome.CHANGED
    assert trace.program.recap.rescued == 1


def test_always_runs_and_the_failure_goes_on():
    """Without a rescue the failure continues after `always`."""
    wanted = play(block(task(name="a"), always=(task(name="z"),)), task(name="no"))
    trace = drive(wanted, fails("a"))
    assert trace.ran == ["a", "z"]
    assert trace.done.outcome is Outcome.FAILED


def test_an_inner_failure_reaches_the_outer_rescue():
    """Blocks nest: the nearest rescue up the tree takes the failure."""
    trace = drive(
        play(block(block(task(name="a"), always=(task(name="z"),)), rescue=(task(name="r"),))),
        fails("a"),
    )
    assert trace.ran == ["a", "z", "r"]
    assert trace.done.outcome is Outcome.CHANGED


def test_a_failing_rescue_fails_the_device():
    """A rescue that fails is a failure, after its always."""
    trace = drive(
        play(block(task(name="a"), rescue=(task(name="r"),), always=(task(name="z"),))),
        fails("a", "r"),
    )
    assert trace.ran == ["a", "r", "z"]
    assert trace.done.outcome is Outcome.FAILED


def test_rescue_sees_the_failed_task():
    """ansible_failed_task and ansible_failed_result are there (rule 16)."""
    trace = drive(
        play(
            block(
                task(name="a"),
                rescue=(
                    task(args={"argv": [template("{{ ansible_failed_task.name }}")]}, name="r"),
                ),
            )
        ),
        fails("a"),
    )
    assert trace.batches[-1] == ["a"]


def test_handlers_run_once_in_definition_order():
    """Two notifications, one run; order of definition, not of notification (rule 13)."""
    handlers = (task(name="h1"), task(name="h2"))
    trace = drive(
        play(
            task(name="a", notify=("h2",)), task(name="b", notify=("h1", "h2")), handlers=handlers
        )
    )
    assert trace.ran == ["a", "b", "h1", "h2"]


def test_handlers_of_unchanged_tasks_do_not_run():
    """Only a changed task notifies."""
    from fleetrun.model.result import TaskResult

    same = TaskResult(status=TaskStatus.OK, values={"changed": False})
    trace = drive(play(task(name="a", notify=("h",)), handlers=(task(name="h"),)), lambda s: same)
    assert trace.ran == ["a"]


def test_handlers_of_pre_tasks_run_before_tasks():
    """Every section flushes its handlers at its end."""
    trace = drive(
        play(task(name="b"), pre_tasks=(task(name="a", notify=("h",)),), handlers=(task(name="h"),))
    )
    assert trace.ran == ["a", "h", "b"]


def test_flush_handlers_runs_them_now():
    """meta: flush_handlers does not wait for the end of the section."""
    trace = drive(
        play(
            task(name="a", notify=("topic",)), task("meta", {"_raw_params": "flush_handlers"}),
            task(name="b"), handlers=(task(name="h", listen=("topic",)),),
        )
    )
    assert trace.ran == ["a", "h", "b"]


def test_pending_handlers_are_dropped_on_failure_unless_forced():
    """A failed device's handlers are dropped; --force-handlers runs them."""
    wanted = play(task(name="a", notify=("h",)), task(name="b"), handlers=(task(name="h"),))
    assert drive(wanted, fails("b")).ran == ["a", "b"]
    forced = drive(wanted, fails("b"), force_handlers=True)
    assert forced.ran == ["a", "b", "h"]
    assert forced.done.outcome is Outcome.FAILED


def test_notify_of_a_missing_handler_is_an_error():
    """A misspelt handler name is not silently ignored."""
    trace = drive(play(task(name="a", notify=("nobody",))))
    assert trace.done.outcome is Outcome.FAILED
    assert "nobody" in trace.done.reason


def test_loop_registers_results_with_items():
    """register of a loop has results with item and counts (rule 3)."""
    trace = drive(play(looped([1, 2], name="l", register="r")))
    values = trace.results["l"].values
    assert [result["item"] for result in values["results"]] == [1, 2]
    assert values["changed"] is True


def test_when_is_evaluated_per_item():
    """Items whose condition is false are skipped one by one (rule 1)."""
    trace = drive(play(looped([1, 2, 3], name="l", when=when("item != 2"))))
    assert trace.ran == ["1", "3"]
    assert trace.results["l"].values["results"][1]["skipped"] is True


def test_a_failed_item_does_not_stop_the_others():
    """All items of a loop run, then the task fails."""
    trace = drive(play(looped([1, 2, 3], name="l"), task(name="no")), fails("2"))
    assert trace.ran == ["1", "2", "3"]
    assert trace.done.outcome is Outcome.FAILED


def test_an_empty_loop_is_skipped():
    """An empty list gives a skipped task with empty results (rule 5)."""
    trace = drive(play(looped([], name="l")))
    assert trace.results["l"].values["results"] == []
    assert trace.results["l"].status is TaskStatus.SKIPPED


def test_an_undefined_loop_is_skipped_when_the_condition_is_false():
    """The loop's error counts only if the task would run (rule 1)."""
    wanted = task(
        args={"argv": ["x"]}, loop=Loop(items=template("{{ nowhere }}")), name="l",
        when=when("false"),
    )
    assert drive(play(wanted)).results["l"].status is TaskStatus.SKIPPED


def test_loop_control_names_and_index():
    """loop_var, index_var and extended are there (rule 49)."""
    wanted = task(
        args={"argv": [template("{{ one }}-{{ i }}-{{ ansible_loop.last }}")]},
        loop=Loop(
            items=["a", "b"],
            control=LoopControl(loop_var="one", index_var="i", extended=True),
        ),
    )
    assert drive(play(wanted)).ran == ["a-0-False", "b-1-True"]


def test_until_tries_again_and_gives_up():
    """until with retries: 2 gives three attempts, then a failure (rule 6)."""
    wanted = task(name="a", register="r", until=when("r.rc == 7"), retries=2, delay=4)
    trace = drive(play(wanted))
    assert trace.ran == ["a", "a", "a"]
    assert trace.waits == [4.0, 4.0]
    assert trace.done.outcome is Outcome.FAILED
    assert trace.results["a"].values["attempts"] == 2


def test_until_stops_when_it_is_met():
    """The attempt that meets the condition is the last."""
    tries = iter([failure(), changed(rc=7)])
    wanted = task(name="a", register="r", until=when("r.rc == 7"), delay=0)
    trace = drive(play(wanted), lambda step: next(tries))
    assert trace.ran == ["a", "a"]
    assert trace.done.outcome is Outcome.CHANGED


def test_failed_when_overrides_the_module():
    """failed_when: a false one makes a failure ok, a true one fails (rule 8)."""
    good = drive(play(task(name="a", failed_when=when("false")), task(name="b")), fails("a"))
    assert good.ran == ["a", "b"]
    bad = drive(play(task(name="a", register="r", failed_when=when("'out' in r.stdout"))))
    assert bad.done.outcome is Outcome.FAILED


def test_changed_when_decides_about_handlers():
    """changed_when: false means no notification."""
    trace = drive(
        play(task(name="a", changed_when=(False,), notify=("h",)), handlers=(task(name="h"),))
    )
    assert trace.ran == ["a"]
    assert trace.done.outcome is Outcome.OK


def test_a_skipped_task_registers_too():
    """register of a skipped task is set (rule 4)."""
    trace = drive(
        play(
            task(name="a", when=when("false"), register="r"),
            task(name="b", when=when("r is skipped")),
        )
    )
    assert trace.ran == ["b"]


def test_what_went_well_registers_that_it_did_not_fail():
    """`result.failed` is there after success, too, and in each item of a loop."""
    trace = drive(
        play(
            task(name="a", register="r"),
            task(name="b", when=when("not r.failed")),
            task("debug", {"msg": "x"}, name="c", register="r"),
            task(name="d", when=when("r.failed")),
        )
    )
    assert trace.ran == ["a", "b"]


def test_an_undefined_variable_fails_the_task_and_is_rescued():
    """A template error is a failure of its task, not of the engine."""
    trace = drive(
        play(block(task(args={"argv": [template("{{ nowhere }}")]}), rescue=(task(name="r"),)))
    )
    assert trace.ran == ["r"]


def test_a_template_error_behind_other_tasks_waits_for_them():
    """Looking ahead must not fail a task before the ones in front of it are done."""
    trace = drive(play(task(name="a"), task(args={"argv": [template("{{ nowhere }}")]}, name="b")))
    assert trace.reports == [("a", "changed"), ("b", "failed")]


def test_include_splices_tasks_and_its_loop_gives_them_the_item():
    """include_tasks in a loop runs the file once per item with the item in scope."""

    def load(path, include):
        return (task(args={"argv": [template("{{ item }}-" + path)]}, id=f"{include.id}/0"),)

    include = task("include_tasks", {"file": "more.yml"}, loop=Loop(items=["x", "y"]), name="inc")
    trace = drive(play(include, task(name="after")), load_tasks=load)
    assert trace.ran == ["x-more.yml", "y-more.yml", "after"]


def test_unknown_ends_the_device_without_rescue():
    """A step whose end is not known is never guessed, nor rescued."""
    trace = drive(
        play(block(task(name="a"), rescue=(task(name="r"),))),
        lambda step: unknown("lost/closed"),
    )
    assert trace.ran == ["a"]
    assert trace.done.outcome is Outcome.UNKNOWN


def test_check_mode_skips_commands():
    """Under --check a command is skipped, and says so (rule 39)."""
    trace = drive(play(task(name="a"), task("file", {"path": "/x"}, name="f")), check=True)
    assert trace.ran == ["file"]
    assert trace.results["a"].status is TaskStatus.SKIPPED


def test_identities_do_not_share_a_batch():
    """One shell has one identity: another one ends the batch."""
    from fleetrun.model.playbook import Become

    root = Become(enabled=True)
    trace = drive(play(task(name="a"), task(name="b", become=root), task(name="c", become=root)))
    assert trace.batches == [["a"], ["b", "c"]]


def test_same_task_twice_has_two_keys():
    """A handler that runs in two flushes has two receipts."""
    wanted = play(
        task(name="b", notify=("h",)), pre_tasks=(task(name="a", notify=("h",)),),
        handlers=(task(name="h"),),
    )
    trace = drive(wanted)
    keys = [key for key, _ in trace.log]
    assert len(keys) == len(set(keys)) == 4


def test_the_reason_of_a_failure_says_nothing_that_no_log_hides() -> None:
    """The device's reason goes to every sink, without the task's own flag."""
    trace = drive(
        play(task(name="secret", no_log=True)), answer=lambda step: failure(msg="pw is s3cret")
    )
    assert trace.done is not None
    assert "secret: failed (no_log hides why)" == trace.done.reason
