"""What one run of a playbook did, in a form that two programs can be compared in.

``{"exit": "ok", "recap": {device: counts}, "tasks": {device: [[title, status, said]]}}``:
the tasks of each device in order, with their names as shown; `said` is what a
debug task printed, else null. Lists and mappings are compared as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

#: Exit codes of ansible-playbook and of fleetrun, as words.
ORACLE_EXITS = {0: "ok", 1: "error", 2: "failed", 4: "unreachable"}
EXITS = {0: "ok", 2: "error", 3: "failed", 4: "unreachable", 5: "failed"}
#: Keys of a debug task's result that it did not print.
_ENVELOPE = frozenset({"changed", "failed", "ansible_loop_var"})
#: Keys of results whose values no two runs have alike, or that tell of the machine.
VOLATILE = frozenset({
    "start", "end", "delta", "atime", "ctime", "mtime", "birthtime", "inode", "dev", "nlink",
    "blocks", "block_size", "uid", "gid", "owner", "group", "pw_name", "gr_name", "version",
    "results_file", "ansible_job_id", "attr_flags", "attributes", "device_type", "elapsed",
    "backup_file", "backup",
})
#: Keys that are left out: they are for eyes, or for Ansible's own.
LEFT_OUT = frozenset({
    "exception", "warnings", "deprecations", "diff", "invocation", "md5sum", "remote_md5sum"
})


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


def settled(seen: Mapping[str, Any], folder: str, ignore: Iterable[str] = ()) -> dict[str, Any]:
    """`seen` as any run on any machine has it.

    Args:
        seen: what `from_events` or the oracle's callback gave.
        folder: where the playbook was; it is called CASE instead.
        ignore: more keys of results that are left out.
    """
    left_out = LEFT_OUT | frozenset(ignore)
    whole = json.loads(json.dumps(seen).replace(folder, "CASE"))
    recap = {device: counts for device, counts in whole["recap"].items() if any(counts.values())}
    return {**whole, "recap": recap, "tasks": {
        device: [[name, status, _settled(shown, left_out)] for name, status, shown in rows]
        for device, rows in whole["tasks"].items()
    }}


def _settled(value: Any, left_out: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {
            key: "*" if key in VOLATILE else _settled(one, left_out) for key, one in value.items()
            if key not in left_out and not key.startswith("_ansible") and not _is_scratch(key, one)
        }
    if isinstance(value, list):
        return [_settled(one, left_out) for one in value]
    return value


def _is_scratch(key: str, value: Any) -> bool:
    """True for the place on a device where Ansible puts a file before it is moved."""
    return key == "src" and isinstance(value, str) and bool(re.search(r"/\.ansible/tmp|/r/", value))
