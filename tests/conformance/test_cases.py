"""Small playbooks do what ansible-playbook was seen to do with them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fleetrun.cli.main import cli
from fleetrun.errors import FleetrunError
from tests.conformance.observed import from_events

CASES = Path(__file__).parent / "cases"


def run_case(folder: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What fleetrun does with a copy of the case."""
    copy = scratch / "case"
    shutil.copytree(folder, copy)
    monkeypatch.chdir(copy)
    monkeypatch.setenv("FLEETRUN_STATE", str(scratch / "state"))
    args = folder / "args.json"
    more = json.loads(args.read_text("utf-8")) if args.exists() else []
    done = CliRunner().invoke(
        cli, ["run", "playbook.yml", "-i", "inventory", "--output", "json", *more],
        standalone_mode=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    wrong = done.exception
    if wrong is not None and not isinstance(wrong, FleetrunError):
        raise wrong
    code = int(wrong.exit_code) if wrong is not None else int(done.return_value)
    seen = from_events(lines, code)
    if not lines:
        seen["stderr"] = done.stderr
    return json.loads(json.dumps(seen).replace(str(copy), "CASE"))


@pytest.mark.parametrize("name", sorted(path.parent.name for path in CASES.glob("*/playbook.yml")))
def test_a_playbook_does_what_ansible_does(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same tasks in the same order with the same results, and the same recap."""
    expected = json.loads((CASES / name / "expected.json").read_text("utf-8"))

    seen = run_case(CASES / name, tmp_path, monkeypatch)

    assert seen.pop("stderr", "") == "" or expected["exit"] == "error"
    assert seen == expected
