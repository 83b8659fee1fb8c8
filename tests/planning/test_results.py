"""A device's reply as Ansible's result dictionary."""

from __future__ import annotations

from fleetrun.errors import Mark
from fleetrun.model.module import ModuleSpec
from fleetrun.model.playbook import Task
from fleetrun.model.steps import OnFailure, Reply, ReplyKind, Step
from fleetrun.planning.results import from_reply


def step(module: str) -> Step:
    """A step of a module that needs no arguments."""
    return Step(
        task=Task(id="0.tasks.0", module=module, mark=Mark(file="play.yml", line=1)),
        spec=ModuleSpec(name=module, family="packages", summary="Test"),
        key="0.tasks.0", seq=0, args={}, on_failure=OnFailure.GO,
    )


def test_what_a_module_put_as_output_has_lines_too() -> None:
    """stdout and stderr of any module come with their lines, as with Ansible."""
    reply = Reply(
        seq=0, kind=ReplyKind.FINISHED, exit_status=0,
        values={"changed": True, "stdout": "a\nb\n", "stderr": ""},
    )
    values = from_reply(step("apt"), reply).values
    assert (["a", "b"], []) == (values["stdout_lines"], values["stderr_lines"])


def test_a_module_without_output_has_no_lines() -> None:
    """Nothing is made up where a module says nothing."""
    reply = Reply(seq=0, kind=ReplyKind.FINISHED, exit_status=0, values={"changed": False})
    assert {"changed": False} == dict(from_reply(step("apt"), reply).values)
