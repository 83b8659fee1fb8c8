"""Factories for plays and a driver that plays the device for a DeviceProgram."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from fleetrun.actions.registry import CONTROLLER_ACTIONS
from fleetrun.errors import Mark
from fleetrun.model.module import CheckMode, ModuleKind, ModuleSpec
from fleetrun.model.playbook import Block, Loop, Node, Play, Task
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.steps import (
    DialogueStep,
    Done,
    Meet,
    OnFailure,
    RemoteBatch,
    Report,
    Step,
    Wait,
)
from fleetrun.model.values import Expression, TemplateText, Value
from fleetrun.planning.device_program import DeviceProgram
from fleetrun.planning.device_state import DeviceState
from fleetrun.planning.meeting import alone
from fleetrun.planning.templates import Templater
from fleetrun.planning.toolbox import DeviceVars, ProgramOptions, Toolbox

MARK = Mark(file="play.yml", line=1)
SPECS = {
    "command": ModuleSpec(
        name="command", family="commands", summary="", idempotent=False, check_mode=CheckMode.SKIP
    ),
    "setup": ModuleSpec(name="setup", family="system", summary="", check_mode=CheckMode.READ_ONLY),
    "file": ModuleSpec(name="file", family="files", summary=""),
    "reboot": ModuleSpec(name="reboot", family="system", summary="", kind=ModuleKind.DIALOGUE),
    "include_tasks": ModuleSpec(
        name="include_tasks", family="control", summary="", kind=ModuleKind.INCLUDE
    ),
    **{
        name: ModuleSpec(name=name, family="control", summary="", kind=ModuleKind.CONTROLLER)
        for name in (
            "debug", "set_fact", "assert", "fail", "meta", "add_host", "group_by", "set_stats",
        )
    },
}
_numbers = count(1)


def template(text: str) -> TemplateText:
    """Text of the operator that holds a template."""
    return TemplateText(text)


def when(*expressions: str) -> tuple[Value, ...]:
    """Conditions of the operator."""
    return tuple(Expression(text) for text in expressions)


def task(module: str = "command", args: Mapping[str, Value] | None = None, **fields: Any) -> Task:
    """A task with an id of its own; `command` runs its own name when nothing is said."""
    number = next(_numbers)
    name = fields.pop("name", f"task {number}")
    given = {"argv": [name]} if args is None and module == "command" else dict(args or {})
    fields.setdefault("id", f"0.tasks.{number}")
    return Task(module=module, args=given, name=name, mark=MARK, **fields)


def looped(items: Any, **fields: Any) -> Task:
    """A command for each item."""
    return task(args={"argv": [template("{{ item }}")]}, loop=Loop(items=items), **fields)


def block(*nodes: Node, rescue: tuple[Node, ...] = (), always: tuple[Node, ...] = ()) -> Block:
    """A block."""
    return Block(id=f"b{next(_numbers)}", mark=MARK, block=nodes, rescue=rescue, always=always)


def play(*nodes: Node, **fields: Any) -> Play:
    """A play with `nodes` as its tasks."""
    return Play(index=0, name="play", hosts="all", mark=MARK, tasks=nodes, **fields)


def toolbox(load_tasks: Callable[[str, Task], tuple[Node, ...]] | None = None) -> Toolbox:
    """A toolbox with a few module specs and the real controller actions."""
    return Toolbox(
        templater=Templater(), module=SPECS.get, coerce=lambda spec, args: args,
        actions=CONTROLLER_ACTIONS, load_tasks=load_tasks,
    )


def changed(**values: Value) -> TaskResult:
    """What a device answers when all went well."""
    return TaskResult(
        status=TaskStatus.CHANGED, values={"changed": True, "rc": 0, "stdout": "out", **values}
    )


def failure(**values: Value) -> TaskResult:
    """What a device answers when a module failed."""
    return TaskResult(
        status=TaskStatus.FAILED,
        values={"changed": False, "failed": True, "rc": 1, "msg": "no", **values},
        error_kind="task/failed",
    )


@dataclass
class Trace:
    """What happened, in order."""

    program: DeviceProgram
    batches: list[list[str]] = field(default_factory=list)
    #: First word of every command that ran on the device.
    ran: list[str] = field(default_factory=list)
    reports: list[tuple[str, str]] = field(default_factory=list)
    results: dict[str, TaskResult] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    #: Answers in the order in which they were fed: the journal of the device.
    log: list[tuple[str, TaskResult]] = field(default_factory=list)
    done: Done | None = None


Answer = Callable[[Step], TaskResult]


def word(step: Step) -> str:
    """The first word of a command step, else the module's name."""
    argv = step.args.get("argv")
    return str(argv[0]) if isinstance(argv, list | tuple) and argv else step.spec.name


def drive(
    wanted: Play, answer: Answer | None = None, *, known: Mapping[str, TaskResult] | None = None,
    load_tasks: Callable[[str, Task], tuple[Node, ...]] | None = None,
    state: DeviceState | None = None,
    **options: Any,
) -> Trace:
    """Runs a program to its end, as a device that obeys the stop rules would."""
    base = options.pop("base", {})
    program = DeviceProgram(
        wanted, toolbox=toolbox(load_tasks), options=ProgramOptions(**options),
        device_vars=DeviceVars(base=base, play=wanted.vars), state=state or DeviceState(),
    )
    trace = Trace(program)
    for _ in range(10_000):
        work = program.next()
        match work:
            case Done():
                trace.done = work
                return trace
            case Report():
                trace.reports.append((work.task.name, work.result.status.value))
                trace.results[work.task.name] = work.result
            case Wait():
                trace.waits.append(work.seconds)
            case Meet():
                program.join(alone(work))
            case RemoteBatch() | DialogueStep():
                steps = work.steps if isinstance(work, RemoteBatch) else (work.step,)
                _run(trace, steps, answer or (lambda step: changed()), known or {})
    raise AssertionError("the program does not end")


def _run(
    trace: Trace, steps: tuple[Step, ...], answer: Answer, known: Mapping[str, TaskResult]
) -> None:
    trace.batches.append([word(step) for step in steps])
    stopped_group: int | None = None
    for step in steps:
        if stopped_group is not None and step.group != stopped_group:
            break
        if step.key in known:
            result = known[step.key]
        else:
            trace.ran.append(word(step))
            result = answer(step)
        trace.log.append((step.key, result))
        trace.program.feed(step.seq, result)
        if result.is_failed and step.on_failure is OnFailure.STOP:
            break
        if result.is_failed and step.on_failure is OnFailure.DEFER:
            stopped_group = step.group
    if trace.program.outstanding:
        trace.program.drop_unanswered()
