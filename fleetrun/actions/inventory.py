"""add_host, group_by, set_stats: what a play tells the run as a whole."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.values import Value
from fleetrun.planning.results import failed
from fleetrun.planning.toolbox import ActionContext

_OWN_ARGS = frozenset({"name", "groups"})
_PORT = re.compile(r"(?P<host>[^:\s]+):(?P<port>\d{1,5})\Z")


def add_host(args: Mapping[str, Value], context: ActionContext) -> TaskResult:
    """Returns the device to add; a port behind its name becomes a variable."""
    del context
    name = str(args["name"]).strip()
    if not name:
        return failed("`name` is empty", "module/bad-arguments")
    variables = {key: value for key, value in args.items() if key not in _OWN_ARGS}
    match = _PORT.match(name)
    if match is not None:
        name = match["host"]
        variables["ansible_ssh_port"] = int(match["port"])
    groups = [str(group).strip() for group in _listed(args.get("groups"))]
    return TaskResult(status=TaskStatus.CHANGED, values={
        "changed": True,
        "add_host": {"host_name": name, "groups": groups, "host_vars": variables},
    })


def group_by(args: Mapping[str, Value], context: ActionContext) -> TaskResult:
    """Returns the group to put the device in."""
    parents = [str(name).replace(" ", "-") for name in _listed(args.get("parents"))]
    key = str(args["key"]).replace(" ", "-")
    known = context.scope.find("group_names")
    is_new = not (isinstance(known, list | tuple) and key in known)
    return TaskResult(status=TaskStatus.CHANGED if is_new else TaskStatus.OK, values={
        "changed": is_new, "add_group": key, "parent_groups": parents or ["all"],
    })


def set_stats(args: Mapping[str, Value], context: ActionContext) -> TaskResult:
    """Returns the values to be shown at the end."""
    del context
    data = args["data"]
    if not isinstance(data, Mapping):
        return failed("`data` needs names and values", "module/bad-arguments")
    stats = {
        "data": data, "per_host": args.get("per_host", False),
        "aggregate": args.get("aggregate", True),
    }
    return TaskResult(status=TaskStatus.OK, values={"changed": False, "ansible_stats": stats})


def _listed(value: Value) -> list[Value]:
    if value is None:
        return []
    if isinstance(value, str):
        return [name for name in value.split(",") if name.strip()]
    return list(value) if isinstance(value, list | tuple) else [value]
