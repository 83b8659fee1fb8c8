"""``--output ansible`` from events: verbosity, colours, ends, and nothing that moves a cursor."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from fleetrun.model.events import (
    AnyEvent,
    DeviceFinished,
    Notice,
    PlayStarted,
    RunFinished,
    RunHalted,
    StageStarted,
    TaskFinished,
    TasksIntended,
)
from fleetrun.model.result import Outcome, Recap, TaskResult, TaskStatus
from fleetrun.reporters.ansible import AnsibleReporter
from fleetrun.reporters.ansible_adhoc import AnsibleAdhocReporter
from fleetrun.reporters.tree import TreeReporter
from fleetrun.testing.factories import make_event


def show(events: Iterable[AnyEvent], **options: Any) -> tuple[str, str]:
    """What goes to stdout and to stderr."""
    out, err = io.StringIO(), io.StringIO()
    cls = options.pop("cls", AnsibleReporter)
    reporter = cls(stdout=out, stderr=err, **options)

    async def feed() -> None:
        for event in events:
            await reporter.handle(event)
        await reporter.close()

    asyncio.run(feed())
    return out.getvalue(), err.getvalue()


def begin(count: int = 1) -> list[AnyEvent]:
    return [
        make_event(PlayStarted, name="web", device_count=count),
        make_event(StageStarted, name="all", device_count=count),
    ]


def done(status: TaskStatus = TaskStatus.OK, device: str = "a", **values: Any) -> TaskFinished:
    changed = status is TaskStatus.CHANGED
    result = TaskResult(status=status, values={"changed": changed, **values})
    return TaskFinished(
        at=0.0, play=0, device=device, task="0.tasks.0", name="say", module="command",
        result=result, path="/nowhere/site.yml:4:7",
    )


def test_results_are_shown_from_the_first_v_on() -> None:
    """Then the place of the task, then JSON over several lines."""
    events = [*begin(), done(rc=0)]
    assert "ok: [a]\n" in show(events)[0]
    assert 'ok: [a] => {"changed": false, "rc": 0}\n' in show(events, verbosity=1)[0]
    assert "\ntask path: /nowhere/site.yml:4\n" in show(events, verbosity=2)[0]
    assert '=> {\n    "changed": false,\n    "rc": 0\n}\n' in show(events, verbosity=3)[0]


def test_the_configuration_file_is_named_first() -> None:
    """Only when there is something to say."""
    text = show([*begin(), done()], verbosity=1, intro=("No config file found",))[0]
    assert text.startswith("No config file found\n\nPLAY [web] ***")


@pytest.mark.parametrize(
    ("status", "code"),
    [(TaskStatus.OK, "0;32"), (TaskStatus.CHANGED, "0;33"), (TaskStatus.SKIPPED, "0;36"),
     (TaskStatus.FAILED, "0;31")],
)
def test_colours_are_ansibles(status: TaskStatus, code: str) -> None:
    """Each line by itself, so that a pager that cuts lines keeps them."""
    assert f"\x1b[{code}m" in show([*begin(), done(status)], colour=True)[0]
    assert "\x1b" not in show([*begin(), done(status)])[0]


def test_the_header_is_there_while_the_task_runs() -> None:
    """Before the first answer, once all devices are at it."""
    intended = TasksIntended(
        at=0.0, play=0, device="a", keys=("0.tasks.0#1",), names=("say",),
    )
    assert "TASK [say] ***" in show([*begin(), intended])[0]
    assert "TASK [say]" not in show([*begin(2), intended])[0]


def test_an_unreachable_device_stands_below_the_task_that_did_not_reach_it() -> None:
    """And in the recap, where it counts as unreachable once."""
    intended = TasksIntended(
        at=0.0, play=0, device="a", keys=("0.tasks.0#1",), names=("say",),
    )
    gone = make_event(
        DeviceFinished, device="a", outcome=Outcome.UNREACHABLE, reason="refused", recap=Recap()
    )
    end = make_event(RunFinished, outcomes={"a": Outcome.UNREACHABLE})
    text, err = show([*begin(), intended, gone, end])
    assert (
        'fatal: [a]: UNREACHABLE! => {"changed": false, "msg": "refused", "unreachable": true}'
        in text
    )
    assert "ok=0    changed=0    unreachable=1    failed=0 " in text
    assert err == "next: fleetrun retry last --only failed\n"


def test_a_halt_and_warnings_do_not_mix_with_results() -> None:
    """stdout stays Ansible's; what is ours goes to stderr."""
    halt = make_event(RunHalted, reason="max_fail_percentage is 10 %", cause="gate")
    text, err = show([*begin(), done(), halt, make_event(Notice, message="careful", device="")])
    assert "NO MORE HOSTS LEFT ***" in text
    assert "careful" not in text
    assert "[WARNING]: careful" in err


def test_what_a_device_says_moves_no_cursor() -> None:
    """Its name, its output and its messages are escaped."""
    evil = "\x1b[2J\u202e"
    text, _ = show([*begin(), done(TaskStatus.FAILED, device=f"a{evil}", msg=evil, stdout=evil)])
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_an_ad_hoc_result_is_one_line_or_many() -> None:
    """As Ansible's minimal and oneline print it."""
    event = done(TaskStatus.CHANGED, rc=0, stdout="x\ny", stderr="")
    assert show([event], cls=AnsibleAdhocReporter)[0] == "a | CHANGED | rc=0 >>\nx\ny\n"
    flat = show([event], cls=AnsibleAdhocReporter, is_oneline=True)[0]
    assert flat == "a | CHANGED | rc=0 | (stdout) x\\ny\n"


def test_a_tree_has_a_file_for_each_device_and_none_elsewhere(tmp_path: Any) -> None:
    """A device may be called anything: its name never leaves the folder."""
    reporter = TreeReporter(tmp_path / "tree")
    asyncio.run(reporter.handle(done(rc=0)))
    asyncio.run(reporter.handle(done(device="../../evil", rc=0)))
    names = sorted(path.name for path in (tmp_path / "tree").iterdir())
    assert names == ["_.._evil", "a"]
    assert (tmp_path / "tree/a").read_text() == '{"changed": false, "rc": 0}'


def test_an_unreachable_device_that_is_ignored_says_why() -> None:
    """As Ansible does: the reason, then "...ignoring"; the recap counts it as ignored."""
    event = done(TaskStatus.UNREACHABLE, msg="refused", unreachable=True)
    event = replace(event, result=replace(event.result, ignored=True))
    text = show([*begin(), event])[0]
    assert (
        'fatal: [a]: UNREACHABLE! => {"changed": false, "msg": "refused", "unreachable": true}\n'
        "...ignoring\n"
    ) in text
