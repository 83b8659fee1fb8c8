"""One case run by fleetrun in this process, and by ansible-playbook."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from fleetrun.cli.main import cli
from fleetrun.errors import FleetrunError
from tests.conformance.case import HERE, Case
from tests.conformance.observed import ORACLE_EXITS, from_events, settled


def by_fleetrun(case: Case, scratch: Path) -> dict[str, Any]:
    """What fleetrun does with the case; `stderr` is there when nothing ran."""
    folder = scratch / "case"
    case.write(folder)
    command = ["run", "playbook.yml", "-i", "inventory", "--output", "json", *case.args]
    with contextlib.chdir(folder):
        done = CliRunner(env={"FLEETRUN_STATE": str(scratch / "state")}).invoke(
            cli, command, standalone_mode=False
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    wrong = done.exception
    if wrong is not None and not isinstance(wrong, FleetrunError):
        raise wrong
    code = int(wrong.exit_code) if wrong is not None else int(done.return_value)
    seen = settled(from_events(lines, code), str(folder), case.ignore)
    return seen if lines else {**seen, "stderr": f"{done.stderr}{wrong or ''}"}


def by_ansible(oracle: str, case: Case) -> dict[str, Any]:
    """What ansible-playbook at `oracle` does with the case; `stderr` when it ended in an error."""
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copy(HERE / "oracle_callback.py", scratch)
        record = Path(scratch) / "record.json"
        folder = Path(scratch) / "case"
        case.write(folder)
        done = subprocess.run(
            [oracle, "playbook.yml", "-i", "inventory", *case.args], cwd=folder, check=False,
            env=environment(scratch, str(record)), capture_output=True, text=True,
        )
        has_run = record.exists()
        seen = json.loads(record.read_text("utf-8")) if has_run else {"recap": {}, "tasks": {}}
    # Its 4 is an unreachable device or a file that could not be read; then nothing ran.
    known = ORACLE_EXITS.get(done.returncode, str(done.returncode))
    code = known if has_run else "error"
    seen = settled({"exit": code, **seen}, str(folder), case.ignore)
    return {**seen, "stderr": done.stderr} if code == "error" else seen


def environment(plugins: str, record: str) -> dict[str, str]:
    """Variables under which the oracle runs: nothing of the person's own settings."""
    (Path(plugins) / "empty.cfg").write_text("", encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept, "LC_ALL": "C.UTF-8", "ANSIBLE_CALLBACK_PLUGINS": plugins,
        "ANSIBLE_CALLBACKS_ENABLED": "oracle_callback", "FLEETRUN_RECORD": record,
        "ANSIBLE_RETRY_FILES_ENABLED": "0", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": plugins,
        "ANSIBLE_CONFIG": f"{plugins}/empty.cfg", "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }
