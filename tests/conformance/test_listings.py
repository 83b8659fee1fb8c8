"""The listing options print what ansible-playbook was seen to print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fleetrun.cli.main import cli
from tests.conformance.record import LISTINGS

COLLECTIONS = Path(__file__).parent / "collections"


@pytest.mark.parametrize("flags", LISTINGS)
@pytest.mark.parametrize("name", sorted(one.parent.name for one in COLLECTIONS.glob("*/site.yml")))
def test_a_collection_is_listed_as_by_ansible(
    name: str, flags: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same plays, devices, tasks and tags in the same order and form."""
    monkeypatch.chdir(COLLECTIONS / name)
    monkeypatch.setenv("FLEETRUN_STATE", str(tmp_path))
    expected = json.loads(Path("listings.json").read_text("utf-8"))[flags]

    done = CliRunner().invoke(cli, ["run", "site.yml", "-i", "inventory", *LISTINGS[flags]])

    assert (done.exit_code, done.stderr) == (0, "")
    assert in_one_order(done.stdout.splitlines()) == in_one_order(expected)


def in_one_order(lines: list[str]) -> list[str]:
    """`lines` with devices and a play's tags sorted: Ansible lists both by chance."""
    ordered: list[str] = []
    devices: list[str] = []
    is_device = False
    for line in lines:
        if is_device and line.startswith("      ") and "\t" not in line and "TAGS" not in line:
            devices.append(line)
            continue
        ordered += sorted(devices)
        devices = []
        is_device = line.startswith("    hosts (")
        head, marker, tags = line.partition("\tTAGS: [")
        if line.startswith("  play #") and marker:
            line = f"{head}{marker}{','.join(sorted(tags.rstrip(']').split(',')))}]"  # noqa: PLW2901  # the same line, in order
        ordered.append(line)
    return ordered + sorted(devices)
