"""`fleetrun diagnose` on simulated devices: full disks and read-only ones are seen and told."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from fleetrun.lab import control
from tests.e2e.conftest import CommandLine, Fleet, start_lab


@pytest.fixture(scope="module")
def sick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Six devices, some with full disks, some read-only, at least one with neither."""
    started = start_lab(
        tmp_path_factory.mktemp("labs"), 6, faults="disk-full=50%,read-only=35%"
    )
    yield started
    control.down(started.lab)


def diagnoses(done: str) -> dict[str, dict[str, str]]:
    """Device -> check -> status."""
    events = [json.loads(line) for line in done.splitlines()]
    return {
        event["device"]: {
            check["id"]: check["status"] for check in event["result"]["values"]["checks"]
        }
        for event in events if event["type"] == "task_finished"
    }


def test_full_disks_and_read_only_folders_are_found(sick: Fleet, fleetrun: CommandLine):
    """Each device's fault is what its checks say, in one round trip; exit code 3."""
    full = {path.parent.name for path in (sick.lab.folder / "devices").glob("*/disk-full")}
    frozen = {path.parent.name for path in (sick.lab.folder / "devices").glob("*/read-only")}
    assert full
    assert frozen
    words = ("diagnose", "all", "-i", sick.inventory, "--checks", "disk,ro_remount,memory")
    # A tmpfs of 64 KiB is never full by itself: what fills it is written here.
    for name in full:
        fleetrun("exec", name, "-i", sick.inventory, "-m", "shell", "-a",
                 "head -c 70000 /dev/zero >/tmp/fill; head -c 70000 /dev/zero >/var/fill; true")
    done = fleetrun(*words, "--threshold", "memory_fail=0", "--output", "json")
    assert done.returncode == 3, done.stderr
    found = diagnoses(done.stdout)
    assert len(found) == 6
    assert {name for name, said in found.items() if said["disk"] == "fail"} == full
    assert {name for name, said in found.items() if said["ro_remount"] == "fail"} == frozen


def test_devices_that_are_well_are_folded(sick: Fleet, fleetrun: CommandLine):
    """One line for all that are alike; a check that all pass ends with 0."""
    done = fleetrun("diagnose", "all", "-i", sick.inventory, "--checks", "oom,fd",
                    "--threshold", "oom_warn=999999")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("6 devices: ok")
    assert done.stdout.count("\n") == 1


def test_what_is_wrong_is_named_with_its_devices(sick: Fleet, fleetrun: CommandLine):
    """`2 devices: ro_remount fail /var is read-only … (gw-001, …)`."""
    done = fleetrun("diagnose", "all", "-i", sick.inventory, "--checks", "ro_remount")
    assert done.returncode == 3, done.stderr
    assert "ro_remount fail" in done.stdout
    assert "/var is read-only" in done.stdout
    assert ": ok" in done.stdout


def test_the_clock_is_held_against_the_controllers(sick: Fleet, fleetrun: CommandLine):
    """The devices share this machine's clock, so the offset is small, and it was measured."""
    done = fleetrun("diagnose", "all", "-i", sick.inventory, "--checks", "time",
                    "--fail-on", "never", "--output", "json")
    assert done.returncode == 0, done.stderr
    checks = [
        check for line in done.stdout.splitlines()
        for event in [json.loads(line)] if event["type"] == "task_finished"
        for check in event["result"]["values"]["checks"]
    ]
    assert len(checks) == 6
    assert all(check["unit"] == "s" and 0 <= check["value"] <= 30 for check in checks)
