"""Devices that cannot be used at all: each says why, in time, and nobody else suffers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from subprocess import CompletedProcess

import pytest

from tests.e2e.conftest import CommandLine
from tests.support.fakes import FakeFleet, fake_fleet
from tests.support.inventories import assert_whole, finished, write_inventory
from tests.support.sshd import free_port

GOOD = ("good-1", "good-2")
TIMEOUTS = {"ansible_timeout": 1, "fleetrun_login_timeout": 1}
#: device -> error kind, words of the reason.
UNREACHABLE = {
    "mute": ("connect/banner", "banner"),
    "babbler": ("connect/banner", "not an SSH server"),
    "web": ("connect/closed", "before its SSH banner"),
    "closer": ("connect/closed", "right after authentication"),
    "off": ("connect/refused", "connection refused"),
    "nameless": ("connect/dns", "cannot resolve the name"),
}


@pytest.fixture(scope="module")
def fakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeFleet]:
    with fake_fleet(tmp_path_factory.mktemp("fakes")) as made:
        yield made


@pytest.fixture(scope="module")
def fleetrun(fakes: FakeFleet) -> CommandLine:
    return CommandLine(fakes.folder)


@pytest.fixture(scope="module")
def done(fakes: FakeFleet, fleetrun: CommandLine) -> CompletedProcess[str]:
    """One run over all of them."""
    devices = {
        **{name: fakes.device(name, **TIMEOUTS) for name in GOOD},
        "mute": fakes.raw("say_nothing", **TIMEOUTS),
        "babbler": fakes.raw("endless_banner", **TIMEOUTS),
        "web": fakes.raw("no_ssh", **TIMEOUTS),
        "closer": fakes.device("closer", {"closes_after_login": True}, **TIMEOUTS),
        "off": {"ansible_host": "127.0.2.200", "ansible_port": free_port("127.0.2.200")},
        "nameless": {"ansible_host": "no-such-host.invalid"},
    }
    inventory = write_inventory(fakes.folder, devices)
    fleetrun.play("play.yml", """
- hosts: all
  gather_facts: false
  tasks: [{name: mark, shell: "echo x >>~/mark"}]
""")
    started = time.monotonic()
    ended = fleetrun("run", "play.yml", "-i", inventory, "--output", "json")
    # Three attempts of 1 s each and their pauses; the slowest is all that counts.
    assert time.monotonic() - started < 30
    return ended


def test_the_good_ones_are_done_and_all_are_counted(fakes, fleetrun, done):
    """Exit 4: only unreachable."""
    expected = {**dict.fromkeys(GOOD, "changed"), **dict.fromkeys(UNREACHABLE, "unreachable")}
    assert_whole(done, 4, expected, fleetrun.folder / "state")
    assert ["x\n"] * 2 == [(fakes.home(name) / "mark").read_text() for name in GOOD]


@pytest.mark.parametrize("device", UNREACHABLE)
def test_the_reason_says_what_is_wrong(done, device):
    """A kind for machines and words for people; not the same for everything."""
    kind, words = UNREACHABLE[device]
    event = finished(done, device)
    assert kind == event["error_kind"], event
    assert words in event["reason"]


def test_good_devices_do_not_wait_for_bad_ones(done):
    """Their outcome is there while the others are still tried."""
    times = {name: finished(done, name)["at"] for name in (*GOOD, "mute")}
    assert max(times[name] for name in GOOD) < times["mute"] - 1
