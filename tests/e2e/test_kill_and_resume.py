"""kill -9 of the engine at many points, then resume: nothing twice, nothing lost."""

from __future__ import annotations

import json

import pytest

PLAY = """
- hosts: all
  gather_facts: false
  rollout: {concurrency: 3, stages: [{name: canary, pick: 2}, {name: rest, pick: 100%}]}
  tasks:
    - {name: first, shell: "echo x >> /root/first"}
    - {name: folder, file: {path: /opt/a, state: directory}}
    - {name: second, shell: "echo x >> /root/second", register: second}
    - {name: uses it, copy: {content: "{{ second.rc }}", dest: /opt/a/rc}}
    - {name: third, command: "sh -c 'echo x >> /root/third'"}
"""
DEVICES = ["gw-001", "sensor-001", "sensor-002", "sensor-003", "sensor-004"]

POINTS = [
    "run.started=kill", "run.finished=kill", "stage.closed=kill@1", "stage.closed=kill@2",
    *(f"device.intended=kill@{n}" for n in (1, 2, 3, 4, 6, 8, 10)),
    *(f"device.answered=kill@{n}" for n in (1, 2, 3, 5, 8, 11, 15, 20, 25)),
    *(f"journal.before_commit=kill@{n}" for n in (3, 5, 8)),
    *(f"journal.after_commit=kill@{n}" for n in (2, 4, 7)),
]


def clear(fleet):
    """Devices as if nothing had run."""
    for device in DEVICES:
        for name in ("first", "second", "third"):
            fleet.path(device, f"/root/{name}").unlink(missing_ok=True)
        (fleet.path(device, "/opt/a/rc")).unlink(missing_ok=True)


def state_of(fleet):
    """What the devices count, by device."""
    return {
        device: [fleet.read(device, f"/root/{name}") for name in ("first", "second", "third")]
        + [fleet.read(device, "/opt/a/rc")]
        for device in DEVICES
    }


@pytest.mark.parametrize("point", POINTS)
def test_resume_ends_in_the_undisturbed_state(fleet, fleetrun, point):
    """After a kill at `point` and resume, every command ran exactly once."""
    clear(fleet)
    fleetrun.play("play.yml", PLAY)
    killed = fleetrun("run", "play.yml", "-i", fleet.inventory, FLEETRUN_FAILPOINTS=point)
    assert killed.returncode == -9, killed.stdout + killed.stderr
    done = fleetrun("resume", "last", "--output", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert state_of(fleet) == {device: ["x\n", "x\n", "x\n", "0"] for device in DEVICES}
    last = json.loads(done.stdout.splitlines()[-1])
    assert sorted(last["outcomes"]) == DEVICES
    assert set(last["outcomes"].values()) == {"changed"}


def test_killing_again_and_again_still_ends_right(fleet, fleetrun):
    """A crash at the n-th answer of every resume: progress is never lost."""
    clear(fleet)
    fleetrun.play("play.yml", PLAY)
    point = {"FLEETRUN_FAILPOINTS": "device.answered=kill@3"}
    done = fleetrun("run", "play.yml", "-i", fleet.inventory, **point)
    rounds = 0
    while done.returncode == -9:
        rounds += 1
        assert rounds < 30
        done = fleetrun("resume", "last", **point)
    assert done.returncode == 0, done.stdout + done.stderr
    assert rounds >= 3
    assert state_of(fleet) == {device: ["x\n", "x\n", "x\n", "0"] for device in DEVICES}


def test_an_edited_playbook_is_refused(fleet, fleetrun):
    """Resume never runs other tasks than those that the run began with."""
    clear(fleet)
    fleetrun.play("play.yml", PLAY)
    fleetrun("run", "play.yml", "-i", fleet.inventory, FLEETRUN_FAILPOINTS="device.answered=kill@2")
    fleetrun.play("play.yml", PLAY + "    - {name: more, command: touch /root/more}\n")
    refused = fleetrun("resume", "last")
    assert refused.returncode == 2
    assert "play.yml" in refused.stderr
    assert not fleet.path("gw-001", "/root/more").exists()
