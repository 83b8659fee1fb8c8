"""What a person reads, as whole screens kept beside this file.

After a wanted change: ``FLEETRUN_WRITE_GOLDEN=1 pytest tests/reporters/test_text.py``
writes them anew; read the difference before you keep it.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from fleetrun.model.events import (
    AnyEvent,
    DeviceFinished,
    DeviceStarted,
    Notice,
    PlayFinished,
    PlayStarted,
    RunFinished,
    RunHalted,
    RunStarted,
    StageFinished,
    StageStarted,
    TaskFinished,
)
from fleetrun.model.result import Outcome, Recap, TaskResult, TaskStatus
from fleetrun.reporters.text import TextReporter
from fleetrun.testing.factories import failed, make_event

GOLDEN = Path(__file__).with_name("golden")
COUNTS = re.compile(r"out (\d+) devices: ((?:\d+ [a-z]+(?: · )?)+)")
RUN = "20261123-0912-k7qd"


def show(
    events: Iterable[AnyEvent], *, verbosity: int = 0, colour: bool = False, is_adhoc: bool = False
) -> str:
    """Both streams, each line marked with the one it went to."""
    screen: list[str] = []

    class Stream(io.StringIO):
        def __init__(self, mark: str) -> None:
            super().__init__()
            self.mark = mark

        def write(self, text: str, /) -> int:
            screen.extend(f"{self.mark} {line}".rstrip() + "\n" for line in text.splitlines())
            return len(text)

    reporter = TextReporter(
        stdout=Stream("out"), stderr=Stream("err"), width=100, colour=colour,
        verbosity=verbosity, is_adhoc=is_adhoc,
    )

    async def main() -> None:
        for event in events:
            await reporter.handle(event)
        await reporter.close()

    asyncio.run(main())
    return "".join(screen)


def task(device: str, name: str, result: TaskResult, **changes: object) -> TaskFinished:
    return make_event(
        TaskFinished, device=device, task=f"p1.{name}", name=name, result=result,
        is_handler=False, **changes,
    )


def ok(status: TaskStatus = TaskStatus.OK, **values: object) -> TaskResult:
    return TaskResult(status=status, values=values)  # type: ignore[arg-type]


def end(device: str, outcome: Outcome, **changes: object) -> DeviceFinished:
    fields = {"reason": "", "error_kind": "", "recap": Recap(ok=2)} | changes
    return make_event(DeviceFinished, device=device, outcome=outcome, **fields)


def finish(outcomes: dict[str, Outcome], code: int, **changes: object) -> RunFinished:
    fields: dict[str, object] = {"reason": "", "next_commands": (), "elapsed_s": 125.0} | changes
    return make_event(RunFinished, run=RUN, exit_code=code, outcomes=outcomes, **fields)


def begin(devices: tuple[str, ...], stages: tuple[str, ...] = ()) -> list[AnyEvent]:
    return [
        make_event(RunStarted, run=RUN, title="update.yml", devices=devices, check=False),
        make_event(PlayStarted, name="app 1.5", device_count=len(devices), stages=stages),
    ]


def canary_halt() -> list[AnyEvent]:
    names = tuple(f"gw-{number:02}" for number in range(1, 31))
    outcomes = dict.fromkeys(names, Outcome.CANCELLED)
    events = begin(names, ("canary", "rest"))
    events.append(make_event(StageStarted, name="canary", device_count=10))
    for number, name in enumerate(names[:10]):
        events.append(make_event(DeviceStarted, device=name))
        if number < 7:
            message = f"No space left on device (/data: {number}.1 MiB free, need 48 MiB)"
            events.append(task(name, "install", failed(message)))
            outcomes[name] = Outcome.FAILED
        else:
            events.append(task(name, "install", ok(TaskStatus.CHANGED)))
            outcomes[name] = Outcome.CHANGED
        events.append(end(name, outcomes[name], reason="install failed"))
    reason = "7 of 10 failed, 70% is over the limit of 5%"
    return [
        *events,
        make_event(StageFinished, name="canary", passed=False, reason=reason),
        make_event(RunHalted, reason=f"canary: {reason}", cause="gate"),
        make_event(PlayFinished),
        finish(
            outcomes, 5, reason=f"canary: {reason}",
            next_commands=(f"fleetrun retry {RUN} --only failed", f"fleetrun resume {RUN}"),
        ),
    ]


def all_ok() -> list[AnyEvent]:
    events = begin(("gw-01", "gw-02"), ("canary", "rest"))
    for stage, name in (("canary", "gw-01"), ("rest", "gw-02")):
        diff = {
            "before": "a\nb\n", "after": "a\nc\x1b[2J\n", "before_header": "/etc/app",
            "after_header": "/etc/app",
        }
        events += [
            make_event(StageStarted, name=stage, device_count=1),
            task(name, "kernel", ok(rc=0, stdout="6.1.21", stdout_lines=["6.1.21"])),
            task(name, "config", ok(TaskStatus.CHANGED, diff=diff)),
            task(name, "say", ok(msg="hello\x07 there"), module="debug"),
            task(name, "fragile", TaskResult(
                status=TaskStatus.FAILED, values={"rc": 1, "stderr": "no\nsuch"}, ignored=True
            )),
            end(name, Outcome.CHANGED, recap=Recap(ok=4, changed=1, ignored=1)),
            make_event(StageFinished, name=stage, passed=True, reason="1 of 1 succeeded"),
        ]
    outcomes = {"gw-01": Outcome.CHANGED, "gw-02": Outcome.CHANGED}
    return [*events, make_event(PlayFinished), finish(outcomes, 0, elapsed_s=4.25)]


def unreachable() -> list[AnyEvent]:
    names = tuple(f"gw-{number:02}" for number in range(1, 31))
    outcomes = dict.fromkeys(names, Outcome.OK)
    events = begin(names)
    for name in names[:8]:
        events.append(end(name, Outcome.UNREACHABLE, reason=f"no answer from {name} within 10 s",
                          error_kind="connect/timeout"))
        outcomes[name] = Outcome.UNREACHABLE
    events.append(end("gw-30", Outcome.UNREACHABLE, reason="the host key changed",
                      error_kind="connect/host-key"))
    outcomes["gw-30"] = Outcome.UNREACHABLE
    command = f"fleetrun retry {RUN} --only unreachable"
    return [*events, make_event(PlayFinished), finish(outcomes, 4, next_commands=(command,))]


def unknown() -> list[AnyEvent]:
    names = ("gw-01", "gw-02\x1b[2J")
    lost = TaskResult(
        status=TaskStatus.UNKNOWN, values={"msg": "the link was lost"}, error_kind="lost/reset"
    )
    return [
        *begin(names),
        make_event(Notice, level="warning", message="reporter `html` was detached", device=""),
        task(names[1], "flash", lost),
        end(names[1], Outcome.UNKNOWN, reason="the link was lost in `flash`",
            error_kind="lost/reset"),
        task(names[0], "flash", failed("non-zero return code", rc=3, stderr="a\nbad slot\n")),
        end(names[0], Outcome.FAILED, recap=Recap(ok=1, failed=1)),
        make_event(PlayFinished),
        finish(
            {names[0]: Outcome.FAILED, names[1]: Outcome.UNKNOWN}, 7,
            next_commands=(f"fleetrun resume {RUN}",),
        ),
    ]


def adhoc() -> list[AnyEvent]:
    names = tuple(f"d{number}" for number in range(500))
    outcomes = dict.fromkeys(names, Outcome.OK)
    events: list[AnyEvent] = list(begin(names))
    for number, name in enumerate(names):
        output = "5.10" if number in {7, 31} else "6.1.21"
        result = ok(rc=0, stdout=output, stderr="")
        if number == 40:
            result = failed("non-zero return code", rc=127, stderr="uname: not found")
            outcomes[name] = Outcome.FAILED
        events += [task(name, "uname -r", result), end(name, outcomes[name])]
    command = f"fleetrun retry {RUN} --only failed"
    return [*events, make_event(PlayFinished), finish(outcomes, 3, next_commands=(command,))]


SCREENS = {
    "canary_halt": lambda: show(canary_halt()),
    "all_ok": lambda: show(all_ok()),
    "all_ok_v": lambda: show(all_ok(), verbosity=1),
    "all_ok_vv": lambda: show(all_ok(), verbosity=2),
    "all_ok_colour": lambda: show(all_ok(), colour=True).replace("\x1b", "<ESC>"),
    "unreachable": lambda: show(unreachable()),
    "unknown": lambda: show(unknown()),
    "adhoc": lambda: show(adhoc(), is_adhoc=True),
}


@pytest.mark.parametrize("name", SCREENS)
def test_shows_the_kept_screen(name: str) -> None:
    """Every line, its stream and its order are as kept."""
    path = GOLDEN / f"{name}.txt"
    screen = SCREENS[name]()
    if os.environ.get("FLEETRUN_WRITE_GOLDEN"):
        path.write_text(screen, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == screen


@pytest.mark.parametrize("events", [canary_halt(), all_ok(), unreachable(), unknown(), adhoc()])
def test_counts_sum_to_the_selection(events: list[AnyEvent]) -> None:
    """The summary's counts add up to the number of devices before them."""
    lines = show(events, is_adhoc=False).splitlines()
    found = [COUNTS.fullmatch(line) for line in lines]
    (match,) = [each for each in found if each]
    assert sum(int(part.split()[0]) for part in match[2].split(" · ")) == int(match[1])


@pytest.mark.parametrize("name", SCREENS)
def test_shows_no_control_character(name: str) -> None:
    """Whatever devices are called or print, nothing acts on the terminal."""
    assert all(char.isprintable() or char == "\n" for char in SCREENS[name]())


def test_hides_no_log_at_every_verbosity() -> None:
    """A no_log task shows its status and none of its values."""
    secret = failed("hunter2", stdout="hunter2", diff={"before": "", "after": "hunter2\n"})
    events = [
        *begin(("gw-01",)), task("gw-01", "login", secret, no_log=True),
        end("gw-01", Outcome.FAILED), finish({"gw-01": Outcome.FAILED}, 3),
    ]
    for is_adhoc in (False, True):
        assert "hunter2" not in show(events, verbosity=2, is_adhoc=is_adhoc)


def test_folds_what_debug_says_on_a_large_fleet() -> None:
    """More than twenty devices: each text once, at the end of the play."""
    names = tuple(f"d{number}" for number in range(30))
    says = [task(name, "say", ok(msg="hi"), module="debug") for name in names]
    lines = show([*begin(names), *says, make_event(PlayFinished)]).splitlines()
    assert lines[-2:] == ["out say:", "out 30 devices: hi (d0, d1, d2, d3, d4, … (+25))"]


def test_shows_results_of_a_run_that_broke_off() -> None:
    """Closing without a RunFinished still gives what devices printed."""
    events = [*begin(("a",)), task("a", "uname", ok(stdout="6.1", rc=0))]
    assert show(events, is_adhoc=True) == "out 1 device: 6.1 (a)\n"
