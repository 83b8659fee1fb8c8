"""A callback of ansible-playbook that writes what `observed` describes.

It runs inside of the oracle's Python, so it imports nothing of fleetrun's. The
file that it writes is named by FLEETRUN_RECORD.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from ansible.plugins.callback import CallbackBase

ENVELOPE = {"changed", "failed", "ansible_loop_var", "item"}


class CallbackModule(CallbackBase):
    """Notes every result."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "fleetrun_record"

    def __init__(self) -> None:
        super().__init__()
        self.tasks: dict[str, list[list[object]]] = {}
        self.last: dict[str, str] = {}

    def _note(self, host: str, task: object, status: str, said: object = None) -> None:
        name = task.get_name().strip().replace("ansible.builtin.", "")
        row = [name, status, said]
        rows = self.tasks.setdefault(host, [])
        # An include is told of as a task and for each file; once is enough.
        is_include = str(task.action).rpartition(".")[2] in {"include_tasks", "include_role"}
        uuid = str(task._uuid)
        if not (is_include and self.last.get(host) == uuid):
            rows.append(row)
        elif status in {"failed", "ignored"}:
            # It was ok to include, until the file was looked for.
            rows[-1] = row
        self.last[host] = uuid

    @staticmethod
    def _said(action: str, values: dict) -> object:
        if action.replace("ansible.builtin.", "") != "debug" or values.get("skipped"):
            return None
        if isinstance(values.get("results"), list):
            return [CallbackModule._said(action, one) for one in values["results"]]
        shown = {
            key: value for key, value in values.items()
            if key not in ENVELOPE and not key.startswith("_ansible")
        }
        return shown.get("msg", shown)

    def v2_runner_on_ok(self, result):
        values = result._result
        status = "changed" if values.get("changed") else "ok"
        said = self._said(str(result._task.action), values)
        self._note(result._host.get_name(), result._task, status, said)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        status = "ignored" if ignore_errors else "failed"
        self._note(result._host.get_name(), result._task, status)

    def v2_runner_on_skipped(self, result):
        self._note(result._host.get_name(), result._task, "skipped")

    def v2_runner_on_unreachable(self, result):
        self._note(result._host.get_name(), result._task, "unreachable")

    def v2_playbook_on_include(self, included_file):
        for host in included_file._hosts:
            self._note(host.get_name(), included_file._task, "ok")

    def v2_playbook_on_stats(self, stats):
        recap = {}
        for host in sorted(stats.processed):
            counts = stats.summarize(host)
            counts["failed"] = counts.pop("failures")
            counts["unreachable"] = counts.pop("unreachable")
            recap[host] = counts
        text = json.dumps({"recap": recap, "tasks": self.tasks}, default=str)
        Path(os.environ["FLEETRUN_RECORD"]).write_text(text, encoding="utf-8")
