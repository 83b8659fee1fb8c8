"""What one run of a playbook did, in a form that two programs can be compared in.

``{"exit": "ok", "recap": {device: counts}, "tasks": {device: [[title, status, said]]}}``:
the tasks of each device in order, with their names as shown; `said` is what a
debug task printed, else null. Lists and mappings are compared as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

#: Exit codes of ansible-playbook and of fleetrun, as words.
ORACLE_EXITS = {0: "ok", 1: "error", 2: "failed", 4: "unreachable"}
EXITS = {0: "ok", 2: "error", 3: "failed", 4: "unreachable", 5: "failed"}
#: Keys of a debug task's result that it did not print.
_ENVELOPE = frozenset({"changed", "failed", "ansible_loop_var"})


def from_events(lines: Iterable[str], exit_code: int) -> dict[str, Any]:
    """What fleetrun's ``--output json`` tells of a run."""
    tasks: dict[str, list[list[Any]]] = {}
    recap: dict[str, dict[str, int]] = {}
    for line in lines:
        event = json.loads(line)
        if event["type"] == "task_finished":
            result = event["result"]
            row = [
                title(event["name"] or event["module"]),
                "ignored" if result["ignored"] else result["status"],
                said(event["module"], result["values"]),
            ]
            tasks.setdefault(event["device"], []).append(row)
        elif event["type"] == "device_finished" and any(event["recap"].values()):
            recap[event["device"]] = add(recap.get(event["device"], {}), event["recap"])
    return {"exit": EXITS.get(exit_code, str(exit_code)), "recap": recap, "tasks": tasks}


def add(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """The sum of two recaps: those of two plays."""
    return {name: one.get(name, 0) + count for name, count in other.items()}


def title(name: str) -> str:
    """A task's name without the prefix of Ansible's own collection."""
    return name.replace("ansible.builtin.", "")


def said(module: str, values: Mapping[str, Any]) -> Any:
    """What a debug task printed; None for other tasks, skipped and failed ones."""
    if title(module) != "debug" or values.get("skipped") or values.get("failed"):
        return None
    if "results" in values and isinstance(values["results"], list):
        return [said(module, one) for one in values["results"]]
    shown = {
        key: value for key, value in values.items()
        if key not in _ENVELOPE and not key.startswith("_ansible") and key != "item"
    }
    return shown.get("msg", shown)
