"""What a device is given in a play: variables, login, secrets."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fleetrun.model.events import Notice, StepAnswered
from fleetrun.model.redact import MASK
from fleetrun.model.result import Outcome
from fleetrun.planning.toolbox import ProgramOptions
from fleetrun.testing.devices import Answer
from tests.support.programs import play, task, template
from tests.support.runs import World


def run(world):
    asyncio.run(world.run())
    return world.finished()


def echo(text):
    """A command whose first word is rendered for the device."""
    return task(args={"argv": [template(text)]}, name="echo")


def test_a_device_is_reached_as_its_variables_and_the_play_say():
    """Play variables count as in Ansible; templates in them see the device's name."""
    wanted = play(task(name="a"), vars={
        "ansible_host": template("{{ inventory_hostname }}.example"), "ansible_port": 2200,
    })
    world = World([wanted], variables={"d1": {"ansible_user": "pi", "ansible_port": 2222}})
    run(world)
    (target,) = world.device.targets
    assert ("d1.example", 2200, "pi") == (target.address, target.port, target.user)


def test_the_variables_login_beats_the_plays():
    """Rule 41: variables beat keywords."""
    world = World(
        [play(task(name="a"), remote_user="play")], ["d1", "d2"],
        variables={"d1": {"ansible_user": "own"}},
    )
    run(world)
    assert ["own", "play"] == [world.devices[n].targets[0].user for n in ("d1", "d2")]


@pytest.mark.parametrize(("name", "value", "words"), [
    ("ansible_port", "many", "ansible_port must be a port number"),
    ("ansible_connection", "pigeon", "no connection named 'pigeon'"),
])
def test_a_wrong_variable_fails_its_device_only(name, value, words):
    """It is the operator's mistake, said in his words, and no bug."""
    world = World([play(task(name="a"))], ["d1", "d2"], variables={"d1": {name: value}})
    ended = run(world)
    assert (Outcome.FAILED, "input/bad-variable") == (ended.outcome, ended.error_kind)
    assert words in ended.reason
    assert Outcome.CHANGED is world.finished("d2").outcome


def test_an_undefined_variable_in_a_login_is_told_too():
    """Templates of connection variables can fail like any other."""
    world = World([play(task(name="a"))], variables={
        "d1": {"ansible_host": template("{{ nowhere }}")}})
    ended = run(world)
    assert (Outcome.FAILED, "template/undefined") == (ended.outcome, ended.error_kind)


def test_a_password_of_the_inventory_is_used_and_never_shown():
    """ansible_become_password of one device beats the operator's, in no sink."""
    world = World(
        [play(echo("say {{ ansible_become_password }}"))], password="wrong",
        variables={"d1": {"ansible_become_password": "hunter2", "ansible_become": True}},
        answer=lambda call: Answer(stdout=call.name.encode()),
    )
    world.device.sudo_password = "hunter2"
    assert Outcome.CHANGED is run(world).outcome
    assert "say hunter2" == world.device.calls[0].name
    (answered,) = world.of(StepAnswered)
    assert f"say {MASK}" == answered.result.values["stdout"]
    assert not any("hunter2" in repr(event) for event in world.events)


def test_hostvars_see_what_other_devices_have_learned():
    """Facts and registered values of devices that went before (rule 32)."""
    world = World(
        [play(task(name="a", register="mine")),
         play(echo("{{ hostvars['d1'].mine.stdout }} of {{ hostvars['d1'].colour }}"))],
        ["d1", "d2"], variables={"d1": {"colour": "blue"}},
        answer=lambda call: Answer(stdout=b"word"),
    )
    run(world)
    assert ["a", "word of blue"] == world.devices["d2"].ran


def test_settings_without_effect_are_told_once():
    """Not once for each of a thousand devices."""
    names = ["d1", "d2", "d3"]
    odd = {"ansible_ssh_common_args": "-o StrictHostKeyChecking=no"}
    world = World([play(task(name="a"))], names, variables=dict.fromkeys(names, odd))
    run(world)
    assert 1 == len(world.of(Notice))


def test_check_mode_reaches_the_device():
    """Modules are told, and commands are not run at all."""
    world = World([play(task("file", {}), task(name="a"))], options=ProgramOptions(check=True))
    run(world)
    assert ["file"] == world.device.ran


def test_the_devices_of_the_play_are_those_that_still_take_part():
    """ansible_play_hosts loses those that failed in an earlier play (rule 10)."""
    world = World(
        [play(task(name="a")), play(echo("{{ ansible_play_hosts | join(' ') }}"))],
        ["d1", "d2", "d3"],
    )
    world.devices["d2"].answer = lambda call: Answer(status=1)
    run(world)
    assert ["a", "d1 d3"] == world.device.ran


def test_a_device_keeps_its_session_only_as_long_as_its_login():
    """The same login is the same session; every one is closed at the end."""
    same = play(task(name="a"), remote_user="x")
    world = World([same, replace(same, tasks=(task(name="b"),)), play(task(name="c"))])
    run(world)
    assert ["x", ""] == [target.user for target in world.device.targets]
    assert 0 == world.transport.open_links
