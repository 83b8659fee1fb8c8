"""Links that go away in the middle of a command: nothing twice, nothing guessed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.e2e.conftest import CommandLine
from tests.support.fakes import FakeFleet, fake_fleet
from tests.support.inventories import (
    assert_whole,
    finished,
    reach,
    results_of,
    write_inventory,
)
from tests.support.real_fleet import empty_home, folder, key  # noqa: F401  # fixtures
from tests.support.sshd import openssh_server

GOOD = ("good-1", "good-2", "good-3", "good-4")
CUTS = ("reset", "disconnect", "channel")
#: Counts itself, tells the device that it runs, and takes its time.
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - {name: before, shell: "echo x >>~/before", register: before}
    - {name: once, shell: "echo x >>~/once; sleep 1; echo done", register: once}
    - {name: after, copy: {content: "{{ once.stdout }} {{ before.rc }}", dest: ~/after}}
"""


@pytest.fixture(scope="module")
def fakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeFleet]:
    with fake_fleet(tmp_path_factory.mktemp("fakes")) as made:
        yield made


@pytest.fixture(scope="module")
def line(fakes: FakeFleet) -> CommandLine:
    return CommandLine(fakes.folder)


@pytest.fixture(scope="module")
def done(fakes: FakeFleet, line: CommandLine) -> CompletedProcess[str]:
    """One run over devices that lose their link in every way, and good ones."""
    devices = {name: fakes.device(name) for name in GOOD}
    for how in CUTS:
        fault = {"cut_when": str(fakes.home(how) / "once"), "cut_how": how}
        devices[how] = fakes.device(how, fault)
    fault = {"cut_when": str(fakes.home("gone") / "once"), "comes_back": False}
    devices["gone"] = fakes.device("gone", fault, ansible_timeout=2)
    devices["slow"] = fakes.device("slow", {"start_delay_s": 3})
    inventory = write_inventory(fakes.folder, devices)
    line.play("play.yml", PLAY)
    return line("run", "play.yml", "-i", inventory, "-f", "9", "--output", "json")


def test_exit_7_and_every_device_is_counted(line, done):
    """What came back is settled; what did not is unknown, never guessed."""
    expected = dict.fromkeys((*GOOD, *CUTS, "slow"), "changed")
    assert_whole(done, 7, {**expected, "gone": "unknown"}, line.folder / "state")


@pytest.mark.parametrize("device", [*GOOD, *CUTS, "slow"])
def test_every_command_ran_once_and_its_result_arrived(fakes, done, device):
    """Also where the link was lost: the receipt has the result."""
    home = fakes.home(device)
    assert ["x\n", "x\n", "done 0"] == [
        (home / name).read_text() for name in ("before", "once", "after")
    ]
    assert "done" == results_of(done, device)["once"]["values"]["stdout"]


def test_a_device_that_does_not_come_back_is_unknown_and_says_why(done):
    """The task that was out is named, and the way on is resume."""
    event = finished(done, "gone")
    assert "a step was sent, and the device cannot be asked" in event["reason"]
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["next_commands"][0] == f"fleetrun resume {last['run']}"


def test_a_slow_device_holds_nobody_up(done):
    """The good ones are done long before it."""
    times = {name: finished(done, name)["at"] for name in (*GOOD, "slow")}
    slow = times.pop("slow")
    assert max(times.values()) < slow - 1


def test_a_frozen_server_is_noticed_by_keepalive_and_settled_later(
    key, fleetrun, tmp_path, empty_home
):
    """No FIN, no RST: unknown within the keepalive time; resume takes the receipt."""
    place = tmp_path / "place"
    place.mkdir()
    options = (f"SetEnv SHLVL=9 HOME={place}",)
    alive = {"fleetrun_keepalive_interval": 0.5, "fleetrun_keepalive_count": 2,
             "fleetrun_login_timeout": 1, "ansible_timeout": 1}
    with (
        openssh_server(tmp_path, authorized=(key.public,), options=options) as frozen,
        openssh_server(tmp_path, authorized=(key.public,), options=options) as good,
    ):
        inventory = write_inventory(tmp_path, {
            "frozen": reach(frozen, key, **alive), "good": reach(good, key, **alive),
        })
        fleetrun.play("play.yml", """
- hosts: all
  gather_facts: false
  tasks:
    - {name: once, shell: "echo x >>~/{{ inventory_hostname }}; sleep 1; echo done", register: r}
    - {name: after, copy: {content: "{{ r.stdout }}", dest: "~/{{ inventory_hostname }}-after"}}
""")
        run = fleetrun.start("run", "play.yml", "-i", inventory, "--output", "json")
        wait_for(place / "frozen")
        frozen.freeze()
        at = time.time()
        out, err = run.communicate(timeout=60)
        first = CompletedProcess(run.args, run.returncode, out, err)
        assert_whole(first, 7, {"frozen": "unknown", "good": "changed"}, tmp_path / "state")
        # 0.5 s x (2 + 1) to notice; three attempts of 1 s and their pauses to be sure.
        assert finished(first, "frozen")["at"] - at < 15
        thaw(frozen)
        second = fleetrun("resume", "last", "--output", "json")
        assert_whole(second, 0, {"frozen": "changed", "good": "changed"}, tmp_path / "state")
    assert ["x\n", "done"] == [(place / name).read_text() for name in ("frozen", "frozen-after")]
    assert "done" == results_of(second, "frozen")["once"]["values"]["stdout"]


def wait_for(path: Path) -> None:
    """Returns once the file is there."""
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def thaw(server) -> None:
    """Lets a frozen server go on."""
    import os
    import signal

    for pid in (server.pid, *server.session_pids()):
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize(("drops_after_s", "seconds", "outcome"), [
    (0.8, 2, "changed"), (0.3, 15, "unknown"),
])
def test_a_link_that_is_lost_again_and_again(fakes, line, drops_after_s, seconds, outcome):
    """A command that outlives a few links still gives its result; one that outlives six is
    left alone, and unknown. Either has run once."""
    name = f"flaky-{seconds}"
    inventory = write_inventory(fakes.folder, {
        name: fakes.device(name, {"drops_after_s": drops_after_s}),
        f"good-{name}": fakes.device(f"good-{name}"),
    }, f"{name}.yml")
    line.play("flaky.yml", f"""
- hosts: all
  gather_facts: false
  tasks:
    - name: once
      shell: "echo x >>~/once; [ {name} != '{{{{ inventory_hostname }}}}' ] || sleep {seconds}"
    - {{name: after, copy: {{content: end, dest: ~/after}}}}
""")
    done = line("run", "flaky.yml", "-i", inventory, "--output", "json")
    code = 0 if outcome == "changed" else 7
    assert_whole(done, code, {name: outcome, f"good-{name}": "changed"}, line.folder / "state")
    assert (fakes.home(name) / "once").read_text() == "x\n"
    assert (outcome == "changed") == (fakes.home(name) / "after").exists()
    if outcome == "unknown":
        assert "the link was lost 6 times" in finished(done, name)["reason"]
