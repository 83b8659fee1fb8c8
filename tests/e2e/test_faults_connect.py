"""Devices that cannot be used at all: each says why, in time, and nobody else suffers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from subprocess import CompletedProcess

import pytest

from tests.e2e.conftest import CommandLine
from tests.support.fakes import (
    FakeFleet,
    Fault,
    endless_banner,
    fake_fleet,
    no_ssh,
    say_nothing,
)
from tests.support.inventories import assert_whole, finished, write_inventory
from tests.support.sshd import free_port

GOOD = ("good-1", "good-2")
TIMEOUTS = {"ansible_timeout": 2, "fleetrun_login_timeout": 2}
#: device -> error kind, words of the reason.
UNREACHABLE = {
    "mute": ("connect/banner", "banner"),
    "babbler": ("connect/banner", "64 KiB before the SSH banner"),
    "web": ("connect/banner", ""),
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
        "mute": fakes.raw("mute", say_nothing, **TIMEOUTS),
        "babbler": fakes.raw("babbler", endless_banner, **TIMEOUTS),
        "web": fakes.raw("web", no_ssh, **TIMEOUTS),
        "closer": fakes.device("closer", Fault(closes_after_login=True), **TIMEOUTS),
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
    # Three attempts of 2 s each and their pauses; the slowest is all that counts.
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


def test_retry_takes_the_unreachable_alone(fakes, fleetrun, done):
    """The command that the run ended with does what it says."""
    command = done.stdout.splitlines()[-1].split('"next_commands":["')[1].split('"')[0]
    words = command.split()[1:]
    fleetrun.play("play.yml", (fleetrun.folder / "play.yml").read_text())
    again = fleetrun(*words, "--output", "json")
    assert_whole(again, 4, dict.fromkeys(UNREACHABLE, "unreachable"), fleetrun.folder / "state")
    assert (fakes.home("good-1") / "mark").read_text() == "x\n"
