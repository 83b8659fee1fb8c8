"""Variables of devices: precedence, sharing, hostvars, magic names, connections."""

from __future__ import annotations

from typing import Any

import pytest

from fleetrun.errors import InputError, TemplateError
from fleetrun.model.inventory import Device, Group, Inventory, VarLayers
from fleetrun.model.run import Invocation
from fleetrun.model.values import SecretText, TemplateText
from fleetrun.planning.scope import Scope
from fleetrun.planning.templates import OMIT, Templater
from fleetrun.planning.variables import (
    BaseVars,
    ConnectionVars,
    HostVars,
    Jump,
    LayeredVars,
    connection_settings,
    groups_of,
    magic_variables,
)


def layers(name: str, *places: str) -> VarLayers:
    """Layers in which each place says "<name>.<place>" under its own and all stronger keys."""
    return VarLayers(**{place: {"who": f"{name}.{place}"} for place in places})


EVERYWHERE = ("source", "beside_inventory", "beside_playbook")


def inventory(**given: Any) -> Inventory:
    """all > web > web_berlin, and db beside; gw-1 is in web_berlin and db, gw-2 in db."""
    groups = {
        "all": Group(name="all", depth=0, children=("db", "ungrouped", "web")),
        "ungrouped": Group(name="ungrouped", devices=("lone",)),
        "web": Group(name="web", children=("web_berlin",)),
        "web_berlin": Group(name="web_berlin", parents=("web",), devices=("gw-1",), depth=2),
        "db": Group(name="db", devices=("gw-2", "gw-1")),
    }
    devices = {
        "gw-2": Device(name="gw-2", groups=("db",)),
        "gw-1": Device(name="gw-1", groups=("db", "web", "web_berlin")),
        "lone": Device(name="lone"),
    }
    groups |= given.pop("groups", {})
    devices |= given.pop("devices", {})
    return Inventory(devices=devices, groups=groups, sources=("/inv/hosts.yml",))


# -- precedence -----------------------------------------------------------------

#: Weak to strong, as in rules 24 and 25 of the language.
ORDER = [
    ("all", "source"), ("db", "source"), ("web", "source"), ("web_berlin", "source"),
    ("all", "beside_inventory"), ("all", "beside_playbook"),
    ("db", "beside_inventory"), ("web", "beside_inventory"), ("web_berlin", "beside_inventory"),
    ("db", "beside_playbook"), ("web", "beside_playbook"), ("web_berlin", "beside_playbook"),
    ("gw-1", "source"), ("gw-1", "beside_inventory"), ("gw-1", "beside_playbook"),
]


@pytest.mark.parametrize("count", range(1, len(ORDER) + 1))
def test_the_strongest_place_wins(count: int) -> None:
    """Levels 3 to 10 stand in Ansible's order, whatever else is said."""
    said: dict[str, dict[str, Any]] = {}
    for name, place in ORDER[:count]:
        said.setdefault(name, {})[place] = {"who": f"{name}.{place}"}
    base = inventory()
    groups = {
        name: Group(
            name=name, depth=group.depth, devices=group.devices,
            layers=VarLayers(**said.get(name, {})),
        )
        for name, group in base.groups.items()
    }
    device = Device(
        name="gw-1", groups=base.devices["gw-1"].groups,
        layers=VarLayers(**said.get("gw-1", {})),
    )
    found = BaseVars(inventory(groups=groups, devices={"gw-1": device})).of("gw-1")
    assert ".".join(ORDER[count - 1]) == found["who"]


def test_a_higher_priority_wins_among_groups_of_one_depth() -> None:
    """ansible_group_priority beats the name, depth beats the priority."""
    groups = {
        "db": Group(name="db", priority=10, layers=layers("db", "source")),
        "web": Group(name="web", layers=layers("web", "source")),
        "web_berlin": Group(name="web_berlin", depth=2),
    }
    assert BaseVars(inventory(groups=groups)).of("gw-1")["who"] == "db.source"
    deep = Group(name="web_berlin", depth=2, layers=layers("web_berlin", "source"))
    assert BaseVars(
        inventory(groups={**groups, "web_berlin": deep})
    ).of("gw-1")["who"] == "web_berlin.source"


def test_mappings_are_replaced_not_merged() -> None:
    """hash_behaviour=replace (rule 26)."""
    groups = {"db": Group(name="db", layers=VarLayers(source={"d": {"a": 1}}))}
    devices = {"gw-2": Device(name="gw-2", groups=("db",), layers=VarLayers(source={"d": {}}))}
    assert dict(BaseVars(inventory(groups=groups, devices=devices)).of("gw-2")) == {"d": {}}


def test_devices_in_the_same_groups_share_their_variables() -> None:
    """Half a million devices do not hold half a million copies."""
    devices = {
        f"d{number}": Device(name=f"d{number}", groups=("db",)) for number in range(100)
    }
    own = Device(name="own", groups=("db",), layers=VarLayers(source={"x": 1}))
    groups = {"db": Group(name="db", layers=VarLayers(source={"big": "v"}))}
    base = BaseVars(inventory(groups=groups, devices={**devices, "own": own}))
    assert len({id(base.of(name)) for name in devices}) == 1
    found = base.of("own")
    assert isinstance(found, LayeredVars)
    assert dict(found) == {"x": 1, "big": "v"}


def test_a_devices_own_variables_cover_the_shared_ones() -> None:
    """The layered mapping behaves as one."""
    found = LayeredVars({"a": 1, "b": 2}, {"b": 3, "c": 4})
    assert dict(found) == {"a": 1, "b": 2, "c": 4}
    assert (len(found), "a" in found, "c" in found, "d" in found) == (3, True, True, False)
    assert (found["b"], found["c"]) == (2, 4)
    with pytest.raises(KeyError):
        found["d"]


def test_an_unknown_device_is_a_key_error() -> None:
    """Names are checked before."""
    with pytest.raises(KeyError):
        BaseVars(inventory()).of("nope")


# -- magic ------------------------------------------------------------------------


def magic_of(device: str, **given: Any) -> dict[str, Any]:
    """Magic variables of one device, as a dict."""
    return dict(magic_variables(inventory(), device, **given))


def test_magic_variables_say_who_and_where_a_template_is() -> None:
    """The names that playbooks use most."""
    magic = magic_of(
        "gw-1", playbook_dir="/p", check=True, diff=True, tags=("a",), skip_tags=("b",),
        play_name="Update", play_devices=("gw-1", "gw-2"), run="r1",
    )
    expected = {
        "inventory_hostname": "gw-1", "inventory_hostname_short": "gw-1",
        "group_names": ["db", "web", "web_berlin"], "playbook_dir": "/p",
        "inventory_dir": "/inv", "inventory_file": "/inv/hosts.yml",
        "ansible_check_mode": True, "ansible_diff_mode": True, "ansible_run_tags": ("a",),
        "ansible_skip_tags": ("b",), "ansible_play_name": "Update",
        "ansible_play_hosts": ("gw-1", "gw-2"), "ansible_play_hosts_all": ("gw-1", "gw-2"),
        "play_hosts": ("gw-1", "gw-2"), "ansible_play_batch": ("gw-1", "gw-2"),
        "fleetrun_run": "r1", "omit": OMIT,
    }
    assert expected == {name: magic[name] for name in expected}


def test_failed_devices_leave_the_play_but_not_all_its_hosts() -> None:
    """ansible_play_hosts shrinks, ansible_play_hosts_all does not (rule 10)."""
    magic = magic_of("gw-1", play_devices=("a", "b", "c"), live_devices=("a", "b"), batch=("a",))
    assert (
        magic["ansible_play_hosts_all"], magic["ansible_play_hosts"], magic["play_hosts"],
        magic["ansible_play_batch"],
    ) == (("a", "b", "c"), ("a", "b"), ("a", "b"), ("a",))


def test_play_devices_are_kept_not_copied() -> None:
    """One tuple serves all devices."""
    names = tuple(f"d{number}" for number in range(1000))
    assert names is magic_of("gw-1", play_devices=names)["ansible_play_hosts_all"]


def test_a_device_without_groups_is_ungrouped() -> None:
    """group_names never is empty, and never has `all` (rule 33)."""
    assert magic_of("lone")["group_names"] == ["ungrouped"]


def test_groups_list_their_devices_and_those_of_their_children() -> None:
    """A group's own devices come first, each device once, in inventory order."""
    scope = Scope([magic_of("gw-1")])
    texts = ["{{ groups.db }}", "{{ groups['web'] }}", "{{ groups.all }}",
             "{{ groups | list | sort }}", "{{ groups.nope | default([]) }}",
             "{{ 'web' in groups and 'x' not in groups and groups | length == 5 }}"]
    assert [Templater().render(TemplateText(text), scope) for text in texts] == [
        ["gw-2", "gw-1"], ["gw-1"], ["gw-2", "gw-1", "lone"],
        ["all", "db", "ungrouped", "web", "web_berlin"], [], True,
    ]


def test_groups_all_lists_devices_as_the_pattern_all_does() -> None:
    """Group by group, whatever the order in which a file names the devices (as in Ansible)."""
    names = ("h1", "h2", "h3", "h4")
    known = Inventory(
        devices={name: Device(name=name, groups=("odd",)) for name in names},
        groups={
            "all": Group(name="all", children=("ungrouped", "odd", "even")),
            "ungrouped": Group(name="ungrouped"),
            "odd": Group(name="odd", devices=("h3", "h1")),
            "even": Group(name="even", devices=("h2", "h4")),
        },
    )
    assert groups_of(known)["all"] == ["h3", "h1", "h2", "h4"]


def test_the_devices_of_an_inventory_share_its_groups() -> None:
    """The lists of groups are made once, not once per device."""
    one = inventory()
    same = [magic_variables(one, name)["groups"] for name in one.devices]
    other = magic_variables(inventory(), "gw-1")["groups"]
    assert (len({id(groups) for groups in same}), other is same[0]) == (1, False)


def test_a_template_cannot_change_the_groups() -> None:
    """What append works on is a copy."""
    one = inventory()
    scope = Scope([magic_variables(one, "gw-1")])
    render = Templater().render
    assert render(TemplateText("{{ groups.db }}"), scope) == ["gw-2", "gw-1"]
    render(TemplateText("{% set _ = groups.db.append('evil') %}"), scope)
    render(TemplateText("{% set _ = groups['db'].append('evil') %}"), scope)
    assert render(TemplateText("{{ groups.db }}"), scope) == ["gw-2", "gw-1"]


def test_hostvars_are_magic_when_given() -> None:
    """The caller that can make scopes hands hostvars in."""
    one = inventory()
    hostvars = HostVars(one, lambda name: Scope([{}]), Templater().render)
    assert magic_variables(one, "gw-1", hostvars=hostvars)["hostvars"] is hostvars
    assert "hostvars" not in magic_variables(one, "gw-1")


# -- hostvars -----------------------------------------------------------------------


def hostvars_scope() -> tuple[Templater, Scope]:
    """gw-1 looks at gw-2, each with its own `name`."""
    one, templater = inventory(), Templater()
    own = {
        "gw-1": {"name": "first", "url": TemplateText("http://{{ name }}"), "back": TemplateText(
            "{{ hostvars['gw-2'].back }}")},
        "gw-2": {"name": "second", "url": TemplateText("http://{{ name }}"), "back": TemplateText(
            "{{ hostvars['gw-1'].back }}"), "fact": "{{ evil }}"},
        "lone": {},
    }

    def scope_of(device: str) -> Scope:
        return Scope([own[device], {"hostvars": hostvars}])

    hostvars = HostVars(one, scope_of, templater.render)
    return templater, scope_of("gw-1").push({"play_var": 1})


@pytest.mark.parametrize(("template", "expected"), [
    ("{{ hostvars['gw-2'].url }}", "http://second"),
    ("{{ hostvars['gw-2']['url'] }}", "http://second"),
    ("{{ hostvars[inventory_name | default('gw-2')].name }}", "second"),
    ("{{ hostvars['gw-2'].fact }}", "{{ evil }}"),
    ("{{ hostvars['gw-2'].play_var is defined }}", False),
    ("{{ hostvars['gw-2'].nope.x | default('d') }}", "d"),
    ("{{ hostvars['nope'].x | default('d') }}", "d"),
    ("{{ hostvars | length }}", 3),
    ("{{ 'gw-2' in hostvars }}", True),
    ("{{ ['gw-1', 'gw-2'] | map('extract', hostvars, 'url') | list }}",
     ["http://first", "http://second"]),
    ("{{ ['gw-2'] | map('extract', hostvars) | map(attribute='name') | list }}", ["second"]),
    ("{{ hostvars | dict2items | map(attribute='key') | sort }}", ["gw-1", "gw-2", "lone"]),
    ("{{ (hostvars['lone'] | combine({'z': 1})).z }}", 1),
    ("{% for h in hostvars %}{{ hostvars[h].name | default('-') }} {% endfor %}",
     "second first - "),
])
def test_hostvars_are_rendered_with_the_other_devices_variables(
    template: str, expected: Any
) -> None:
    """hostvars is lazy, and facts in it are no templates (rule 32)."""
    templater, scope = hostvars_scope()
    assert expected == templater.render(TemplateText(template), scope)


def test_hostvars_that_chase_each_other_end_in_an_error() -> None:
    """Two devices that need each other's variable do not hang a run."""
    templater, scope = hostvars_scope()
    with pytest.raises(TemplateError, match="variables need one another") as caught:
        templater.render(TemplateText("{{ back }}"), scope)
    assert caught.value.kind == "template/loop"


# -- connections -------------------------------------------------------------------------


def settings(invocation: Invocation | None = None, **variables: Any) -> ConnectionVars:
    """Connection settings of the device gw-1."""
    return connection_settings(
        Scope([{"inventory_hostname": "gw-1", **variables}]), Templater(),
        invocation=invocation or Invocation(), device="gw-1",
    )


def test_a_device_without_variables_is_reached_by_its_name() -> None:
    """Defaults: port 22, the command line's user and key."""
    invocation = Invocation(remote_user="cli", private_keys=("~/.ssh/k",), use_ssh_config=True)
    assert ConnectionVars(
        device="gw-1", host="gw-1", user="cli", private_keys=("~/.ssh/k",), use_ssh_config=True,
    ) == settings(invocation)


def test_variables_beat_the_keyword_and_the_command_line() -> None:
    """Rule 41, and a template may give a value."""
    found = settings(
        Invocation(remote_user="cli", private_keys=("cli",), connection="local"),
        ansible_host=TemplateText("{{ inventory_hostname }}.example"), ansible_port="2222",
        ansible_user="var", ansible_connection="ansible.builtin.paramiko",
        ansible_ssh_private_key_file="/k", ansible_password="pw", ansible_timeout="7",
        ansible_ssh_host_key="ssh-ed25519 AAAA\nssh-rsa BBBB\n",
        fleetrun_known_hosts=["/a", "/b"], ansible_become="yes", ansible_become_user="root",
        ansible_become_method="ansible.builtin.doas", ansible_become_pass="bp",
    )
    assert ConnectionVars(
        device="gw-1", host="gw-1.example", port=2222, user="var", connection="ssh",
        private_keys=("/k",), password=SecretText("pw"), connect_timeout_s=7.0,
        host_keys=("ssh-ed25519 AAAA", "ssh-rsa BBBB"), known_hosts=("/a", "/b"),
        become=True, become_user="root", become_method="doas",
        become_password=SecretText("bp"),
    ) == found
    assert SecretText is type(found.password)
    assert "pw" not in repr(found)


def test_the_keyword_beats_the_command_line() -> None:
    """remote_user of the play stands between variables and -u."""
    invocation = Invocation(remote_user="cli")
    users = [
        connection_settings(
            Scope([layer]), Templater(), invocation=invocation, device="d", remote_user=keyword
        ).user
        for layer, keyword in (({}, "play"), ({"ansible_user": "var"}, "play"), ({}, ""))
    ]
    assert users == ["play", "var", "cli"]


@pytest.mark.parametrize(("value", "expected"), [
    ("ops@b1:443", (Jump(host="b1", port=443, user="ops"),)),
    (["b1:443", "b2"], (Jump(host="b1", port=443), Jump(host="b2"))),
    ("none", ()),
])
def test_bastions_are_named_as_jump_hosts_are(value: Any, expected: tuple[Jump, ...]) -> None:
    """A text or a list; `none` in host_vars takes a device out of its group's."""
    settings = connection_settings(
        Scope([{"fleetrun_bastion": value, "fleetrun_bastion_host_key": "ssh-ed25519 A\n"}]),
        Templater(), invocation=Invocation(), device="d",
    )
    assert (expected, ("ssh-ed25519 A",)) == (settings.bastions, settings.bastion_host_keys)


@pytest.mark.parametrize(("variables", "expected"), [
    ({"fleetrun_jump": "ops@jump:2200,second"},
     (Jump(host="jump", port=2200, user="ops"), Jump(host="second"))),
    ({"fleetrun_jump": ["[fd00::1]:22", "b"]}, (Jump(host="fd00::1"), Jump(host="b"))),
    ({"ansible_ssh_common_args": "-J ops@jump"}, (Jump(host="jump", user="ops"),)),
    ({"ansible_ssh_common_args": "-o ProxyJump=jump:22"}, (Jump(host="jump"),)),
    ({"ansible_ssh_common_args": "'-oProxyJump jump'"}, (Jump(host="jump"),)),
    ({"ansible_ssh_common_args": "-o ProxyJump=none"}, ()),
    ({"ansible_ssh_extra_args": "-J extra", "fleetrun_jump": "own"}, (Jump(host="own"),)),
])
def test_jump_hosts_come_from_variables_and_ssh_arguments(
    variables: dict[str, Any], expected: tuple[Jump, ...]
) -> None:
    """fleetrun_jump beats what OpenSSH arguments say."""
    found = settings(**variables)
    assert (expected, ()) == (found.jumps, found.warnings)


@pytest.mark.parametrize(("variables", "expected"), [
    ({}, (15.0, 4)),
    ({"fleetrun_keepalive_interval": "0.5", "fleetrun_keepalive_count": 2}, (0.5, 2)),
    ({"ansible_ssh_common_args": "-o ServerAliveInterval=5 -oServerAliveCountMax=2 -J jump",
      "ansible_ssh_extra_args": "-o serveraliveinterval=9"}, (5.0, 2)),
    ({"ansible_ssh_args": "-o ServerAliveInterval=5", "fleetrun_keepalive_interval": 3}, (3.0, 4)),
    ({"ansible_ssh_args": "-o ServerAliveInterval=0"}, (15.0, 4)),
])
def test_keepalive_comes_from_variables_and_ssh_arguments(
    variables: dict[str, Any], expected: tuple[float, int]
) -> None:
    """The first ServerAlive option counts; it cannot be switched off."""
    found = settings(**variables)
    assert expected == (found.keepalive_interval_s, found.keepalive_count)
    assert () == found.warnings


def test_ssh_arguments_without_effect_leave_a_warning() -> None:
    """Nobody believes that host keys are off, or that a cipher was set."""
    found = settings(
        ansible_ssh_common_args="-o StrictHostKeyChecking=no -o Ciphers=aes128-ctr -q "
        "-o ControlMaster=auto -o ControlPersist=60s -C",
    )
    assert found.warnings == (
        "ansible_ssh_common_args: -oStrictHostKeyChecking=no has no effect; "
        "host keys are always checked",
        "ansible_ssh_common_args: -oCiphers=aes128-ctr has no effect; "
        "only jump hosts (-J) are read",
    )


@pytest.mark.parametrize(("variables", "part"), [
    ({"ansible_port": "ssh"}, "gw-1: the variable ansible_port must be a port number, not 'ssh'"),
    ({"ansible_port": 70000}, "a port number, not 70000"),
    ({"ansible_host": ["a"]}, "ansible_host must be a text"),
    ({"ansible_timeout": "soon"}, "a number of seconds above 0"),
    ({"ansible_timeout": 0}, "a number of seconds above 0"),
    ({"ansible_ssh_private_key_file": {"a": 1}}, "a text or a list of texts"),
    ({"fleetrun_keepalive_count": 0}, "fleetrun_keepalive_count must be a count from 1, not 0"),
    ({"fleetrun_jump": "a b"}, "[user@]host[:port]"),
    ({"ansible_ssh_common_args": "-o 'x"}, "closed quotes"),
    ({"ansible_password": ["s3cret"]}, "ansible_password must be a text, not what it is"),
])
def test_a_variable_of_the_wrong_form_is_an_input_error(
    variables: dict[str, Any], part: str
) -> None:
    """The error names the device, the variable and what it must be; no secret."""
    with pytest.raises(InputError) as caught:
        settings(**variables)
    assert part in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_empty_variables_count_as_not_set() -> None:
    """`ansible_user:` without a value leaves the next in line."""
    found = settings(Invocation(remote_user="cli"), ansible_user="", ansible_host=None)
    assert (found.user, found.host, found.become) == ("cli", "gw-1", None)
