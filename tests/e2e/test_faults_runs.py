"""Two engines at once, an inventory that changes, a disk that fills up: runs stay whole."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fakes import FakeFleet, fake_fleet
from tests.support.inventories import (
    assert_whole,
    events_of,
    finished,
    outcomes_of,
    read_journal,
    write_inventory,
)

NAMES = ("dev-1", "dev-2", "dev-3")
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - {name: one, shell: "echo x >>~/one; sleep 1"}
    - {name: wait, command: "true", register: r}
    - {name: two, shell: "echo {{ r.rc }} >>~/two"}
"""


@pytest.fixture
def fakes(tmp_path: Path) -> Iterator[FakeFleet]:
    with fake_fleet(tmp_path) as made:
        yield made


@pytest.fixture
def devices(fakes: FakeFleet) -> dict[str, dict]:
    return {name: fakes.device(name) for name in NAMES}


def counted(fakes: FakeFleet) -> dict[str, tuple[str, ...]]:
    """What the devices have counted."""
    return {
        name: tuple(
            path.read_text() if (path := fakes.home(name) / file).exists() else ""
            for file in ("one", "two")
        ) for name in NAMES
    }


def killed(fleetrun, inventory: str, point: str = "device.answered=kill@2") -> str:
    """A run whose engine is killed; returns its id."""
    fleetrun.play("play.yml", PLAY)
    done = fleetrun("run", "play.yml", "-i", inventory, "--output", "json",
                    FLEETRUN_FAILPOINTS=point)
    assert done.returncode == -9, done.stderr
    return next(event["run"] for event in events_of(done) if event["type"] == "run_started")


def test_of_two_resumes_at_once_one_wins(fakes, devices, fleetrun, tmp_path):
    """The other exits 8 at once and names process, host and time; nothing runs twice."""
    inventory = write_inventory(tmp_path, devices)
    run = killed(fleetrun, inventory, "device.intended=kill@2")
    both = [fleetrun.start("resume", run, "--output", "json") for _ in range(2)]
    ended = {process.pid: (*process.communicate(timeout=60), process.returncode)
             for process in both}
    codes = {pid: code for pid, (_, _, code) in ended.items()}
    assert sorted(codes.values()) == [0, 8], ended
    (winner,) = [pid for pid, code in codes.items() if code == 0]
    ((shown, loser),) = [(out, said) for out, said, code in ended.values() if code == 8]
    assert "device_started" not in shown
    assert f"the run {run} is held by process {winner} on {socket.gethostname()} since" in loser
    assert f"fleetrun resume {run}" in loser
    assert counted(fakes) == dict.fromkeys(NAMES, ("x\n", "0\n"))
    assert set(read_journal(tmp_path / "state", run).final.values()) == {"changed"}


def test_a_run_waits_for_no_device_that_another_run_holds(fakes, devices, fleetrun, tmp_path):
    """Exit 8 before any device is touched, also those that are free; later it works."""
    both = write_inventory(tmp_path, devices)
    one = write_inventory(tmp_path, {"dev-1": devices["dev-1"]}, "one.yml")
    until_told = "n=0; while [ ! -e ~/go ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n + 1)); done"
    fleetrun.play("play.yml", PLAY.replace("sleep 1", until_told))
    first = fleetrun.start("run", "play.yml", "-i", one, "--output", "json")
    wait_for(fakes.home("dev-1") / "one")
    second = fleetrun("run", "play.yml", "-i", both)
    assert first.poll() is None, "the second run waited for the first one"
    (fakes.home("dev-1") / "go").touch()
    out, _ = first.communicate(timeout=60)
    run = json.loads(out.splitlines()[-1])["run"]
    assert (0, 8) == (first.returncode, second.returncode)
    assert f"dev-1 is locked by run {run}" in second.stderr
    assert "--on-busy wait" in second.stderr
    assert counted(fakes) == {
        "dev-1": ("x\n", "0\n"), "dev-2": ("", ""), "dev-3": ("", ""),
    }
    for name in NAMES:
        (fakes.home(name) / "go").touch()
    assert fleetrun("run", "play.yml", "-i", both).returncode == 0


def wait_for(path: Path) -> None:
    """Returns once the file is there."""
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("point", ["device.answered=kill@2", "run.started=kill"])
def test_a_device_that_left_the_inventory_stays_in_the_run(
    fakes, devices, fleetrun, tmp_path, point
):
    """Unknown, listed, not contacted; a new one takes no part; put back it is settled."""
    inventory = write_inventory(tmp_path, devices)
    run = killed(fleetrun, inventory, point)
    new = fakes.device("new")
    write_inventory(tmp_path, {"dev-1": devices["dev-1"], "new": new, "dev-2": devices["dev-2"]})
    time.sleep(1.2)  # what was started on a device before the kill goes on to its end
    before = counted(fakes)["dev-3"]
    refused = fleetrun("resume", run, "--output", "json")
    assert refused.returncode == 2
    assert "devices gone from the inventory: dev-3" in refused.stderr
    without = fleetrun("resume", run, "--output", "json", "--accept-changed", "inventory")
    expected = {"dev-1": "changed", "dev-2": "changed", "dev-3": "unknown"}
    assert_whole(without, 7, expected, tmp_path / "state")
    assert "left the inventory" in finished(without, "dev-3")["reason"]
    assert before == counted(fakes)["dev-3"]
    assert not (fakes.home("new") / "one").exists()
    write_inventory(tmp_path, devices)
    back = fleetrun("resume", run, "--output", "json")
    assert_whole(back, 0, dict.fromkeys(NAMES, "changed"), tmp_path / "state")
    assert counted(fakes) == dict.fromkeys(NAMES, ("x\n", "0\n"))


def test_a_device_that_left_after_its_end_keeps_its_outcome(devices, fleetrun, tmp_path):
    """Only what is open becomes unknown."""
    inventory = write_inventory(tmp_path, devices)
    run = killed(fleetrun, inventory, "run.finished=kill")
    write_inventory(tmp_path, {"dev-1": devices["dev-1"]})
    done = fleetrun("resume", run, "--output", "json", "--accept-changed", inventory)
    assert dict.fromkeys(NAMES, "changed") == outcomes_of(done)
    assert done.returncode == 0


DISK = """
mkdir -p "$FLEETRUN_STATE" && mount -t tmpfs -o size=400k none "$FLEETRUN_STATE" || exit 99
"$@" run full.yml -i fleet.yml --output json >first.json 2>first.err
echo "$?"
mount -o remount,size=20m "$FLEETRUN_STATE"
"$@" resume last --output json >second.json 2>second.err
echo "$?"
"""


def test_a_full_disk_stops_the_run_and_resume_ends_it(fakes, devices, fleetrun, tmp_path):
    """No intent without the journal: exit 9 with the reason and the way on; then nothing twice."""
    write_inventory(tmp_path, devices)
    fleetrun.play("full.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n" + "".join(
        f"    - {{name: t{number}, shell: \"echo {number} >>~/count; head -c 60000 /dev/zero"
        f" | tr '\\\\0' x\", register: r{number}, changed_when: \"r{number}.rc == 0\"}}\n"
        for number in range(12)
    ))
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", DISK, "sh", sys.executable, "-m", "fleetrun.cli.main"],
        cwd=tmp_path, env=fleetrun.environment(), capture_output=True, text=True, timeout=90,
        stdin=subprocess.DEVNULL, check=False,
    )
    errors = (tmp_path / "first.err").read_text()
    assert "9\n0\n" == done.stdout, done.stderr + errors + (tmp_path / "second.err").read_text()
    assert "error[journal/disk-full]" in errors
    assert "fleetrun resume" in errors
    assert "Traceback" not in errors
    last = json.loads((tmp_path / "second.json").read_text().splitlines()[-1])
    assert dict.fromkeys(NAMES, "changed") == last["outcomes"]
    whole = "".join(f"{number}\n" for number in range(12))
    assert [whole] * 3 == [(fakes.home(name) / "count").read_text() for name in NAMES]
    assert os.path.ismount(tmp_path / "state") is False
