"""``--output ansible`` beside what ansible-core 2.19.14 printed for the same playbooks.

The .out files are Ansible's own, written by ``oracle/record.py``. Compared byte
for byte but for what differs from run to run: the order of devices below a
header, and times. What differs on purpose is in docs/explanation/differences-from-ansible.md.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ORACLE = Path(__file__).with_name("oracle")
CASES = sorted(path.stem for path in ORACLE.glob("*.out"))
#: Keys that say when and how long, and what only a module written in Python knows.
VOLATILE = frozenset({"delta", "start", "end", "cmd"})
_UNIT = re.compile(
    r"(ok|changed|skipping|fatal|failed|included|FAILED - RETRYING|\[ERROR\])[: ]|--- before"
)
_RUN_ALL = """
import contextlib, io, sys
from pathlib import Path
from fleetrun.cli.main import main
for name in sys.argv[1:]:
    with open(f"{name}.said", "w", encoding="utf-8") as out, contextlib.redirect_stdout(out):
        main(["playbook", "-i", "hosts", f"{name}.yml"])
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What fleetrun says of every playbook, all in one process."""
    folder = tmp_path_factory.mktemp("oracle") / "here"
    shutil.copytree(ORACLE, folder)
    subprocess.run(
        [sys.executable, "-c", _RUN_ALL, *CASES], cwd=folder, check=False, timeout=300,
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "FLEETRUN_STATE": str(folder / "st")},
    )
    return folder


def normal(text: str) -> list[str]:
    """The lines, with the units below each header sorted and volatile keys gone."""
    lines: list[str] = []
    units: list[list[str]] = []

    def flush() -> None:
        lines.extend(line for unit in sorted(units) for line in unit)
        units.clear()

    for line in text.splitlines():
        if re.match(r"(PLAY|TASK|RUNNING HANDLER|NO MORE) ?", line):
            flush()
            lines.append(line)
        elif _UNIT.match(line) and not (units and units[-1][0].startswith("---")
                                        and line.startswith("changed")):
            units.append([_steady(line)])
        elif units:
            units[-1].append(line)
        else:
            lines.append(line)
    flush()
    return [line for line in lines if line]


def _steady(line: str) -> str:
    start, arrow, rest = line.partition(" => {")
    if not arrow or not rest.endswith("}"):
        return line
    values = json.loads("{" + rest)
    kept = {
        name: value for name, value in values.items()
        # A command that worked has an empty `msg` in Ansible alone.
        if name not in VOLATILE and (name, value) != ("msg", "")
    }
    return f"{start} => {json.dumps(kept, sort_keys=True, ensure_ascii=False)}"


def test_there_are_enough_cases() -> None:
    """What people use most: each has a playbook and Ansible's output."""
    assert len(CASES) >= 25
    assert all((ORACLE / f"{name}.yml").exists() for name in CASES)


@pytest.mark.parametrize("name", CASES)
def test_the_output_is_ansibles(said: Path, name: str) -> None:
    """The same lines below the same headers."""
    ours = (said / f"{name}.said").read_text(encoding="utf-8").replace(str(said), "HERE")
    theirs = (ORACLE / f"{name}.out").read_text(encoding="utf-8")
    assert normal(ours) == normal(theirs)
    assert ours.count("\n\nTASK [") == theirs.count("\n\nTASK [")
