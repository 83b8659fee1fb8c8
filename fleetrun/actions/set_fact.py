"""set_fact: sets variables of the device for the rest of the run."""

from __future__ import annotations

from collections.abc import Mapping

from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.values import TemplateText, Value
from fleetrun.planning.results import failed
from fleetrun.planning.toolbox import ActionContext


def set_fact(args: Mapping[str, Value], context: ActionContext) -> TaskResult:
    """Returns the facts to set; each key was rendered on its own (rule 31)."""
    facts = {
        _name(name, context): value for name, value in args.items() if name != "cacheable"
    }
    if not facts:
        return failed("no key/value pairs were given to set", "module/bad-arguments")
    for name in facts:
        if not name.isidentifier():
            return failed(
                f"{name!r} is no variable name: letters, digits and underscores only",
                "module/bad-arguments",
            )
    return TaskResult(
        status=TaskStatus.OK, values={"changed": False, "ansible_facts": facts}
    )


def _name(name: str, context: ActionContext) -> str:
    """A name as rendered, where the playbook wrote it as a template."""
    if "{{" not in name or name not in context.task.args:
        return name
    return str(context.templater.render(TemplateText(name, context.task.mark), context.scope))
