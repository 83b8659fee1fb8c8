"""INI inventories: what golden cases cannot show, above all errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fleetrun.errors import InputError, Problem
from fleetrun.loading.inventory import load_inventory
from fleetrun.model.inventory import Inventory
from fleetrun.model.values import TemplateText

Load = Callable[[str, str], Inventory]
Problems = Callable[[str, str], tuple[Problem, ...]]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[w]\nh k\n", 2, "expected name=value after the device, not `k`"),
        ("[w]\nh =v\n", 2, "expected name=value after the device, not `=v`"),
        ("[w]\n---\n", 2, "`---` is no device; is this a YAML file?"),
        ("[w]\nh 'open\n", 2, "cannot split this line: no closing quotation"),
        ("[w]\nh:\n", 2, "`h:` is no device; is this a YAML file?"),
        ("[w]\nh: k=1\n", 2, "`h:` names no device: it ends in `:`, but no port follows"),
        ("[w]\nh:99999\n", 2, "`h:99999` names no device: 99999 is no port (1 to 65535)"),
        ("[w]\na[3:1]\n", 2, "`a[3:1]` names no device: the range [3:1] ends before it begins"),
        ("[w]\na[1:3\n", 2, "`a[1:3` names no device: a bracket is not closed"),
        ("[g h]\nx\n", 1, "`[g h]` is not a section"),
        ("[]\nx\n", 1, "`[]` is not a section"),
        ("[g:hots]\nx\n", 1, "unknown kind of section `hots`"),
        ("[g:vars]\n", 1, "the group `g` is named in a :vars section, but no source defines it"),
        ("[g]\n[g:vars]\nnovalue\n", 3, "expected name=value, not `novalue`"),
        ("[g:children]\ntwo words\n", 2, "expected the name of one group, not `two words`"),
        ("\n\n  [w]\n  -rf\n", 4, "`-rf` cannot be the name of a device: it starts with `-`"),
        ("[w]\n[w:vars]\nansible_group_priority=high\n", 3,
         "ansible_group_priority must be a whole number, not 'high'"),
    ],
)
def test_tells_what_is_wrong_and_where(
    text: str, line: int, message: str, problems_of: Problems
) -> None:
    """A bad line gives one problem with its line."""
    problems = problems_of("hosts.ini", text)
    assert [(line, message)] == [(p.mark.line if p.mark else 0, p.message) for p in problems]


def test_collects_all_problems(problems_of: Problems) -> None:
    """One run of the loader finds every mistake of a file."""
    problems = problems_of("hosts.ini", "[a]\nx y\n/etc\n[b:what]\nignored y\n[c:children]\nnone\n")
    assert [p.mark.line for p in problems if p.mark] == [2, 3, 4, 7]


def test_suggests_the_group_that_was_meant(problems_of: Problems) -> None:
    """An undefined child group comes with the nearest defined one."""
    problem = problems_of("hosts.ini", "[gateways]\ng1\n[all_gw:children]\ngatways\n")[0]
    assert (problem.kind, problem.label) == ("input/unknown-group", "did you mean `gateways`?")


def test_a_later_source_may_define_a_child_group(tmp_path: Path) -> None:
    """A child group counts as defined when any of the sources defines it."""
    (tmp_path / "a.ini").write_text("[parent:children]\nchild\n")
    (tmp_path / "b.ini").write_text("[child]\nh1\n")
    inventory = load_inventory([f"{tmp_path}/a.ini", f"{tmp_path}/b.ini"])
    assert inventory.devices["h1"].groups == ("child", "parent")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("[a:children]\nb\n[b:children]\nc\n[c:children]\na\n", "`a` -> `b` -> `c` -> `a`"),
        ("[a:children]\na\n", "`a` -> `a`"),
        ("[top]\n[top:children]\nall\n", "`all` -> `top` -> `all`"),
        ("[ok:children]\nx\n[y:children]\nx\n[x:children]\ny\n", "`x` -> `y` -> `x`"),
    ],
)
def test_names_the_groups_of_a_circle(text: str, path: str, problems_of: Problems) -> None:
    """Groups that contain each other are an error that shows the way round."""
    problem = problems_of("hosts.ini", text)[0]
    assert problem.kind == "input/group-cycle"
    assert problem.message.endswith(path)
    assert problem.mark is not None


def test_values_with_braces_are_templates_with_a_place(load: Load) -> None:
    """A value with braces is rendered later, also inside a list."""
    inventory = load("hosts.ini", "h url='http://{{ x }}' l=\"['{{ y }}', 'z']\" p={nothing}\n")
    source = inventory.devices["h"].layers.source
    url, inner, plain = source["url"], source["l"], source["p"]
    assert isinstance(url, TemplateText)
    assert url.mark is not None
    assert url.mark.line == 1
    assert isinstance(inner, list)
    assert [isinstance(item, TemplateText) for item in inner] == [True, False]
    assert not isinstance(plain, TemplateText)


def test_devices_of_a_range_share_their_variables(load: Load) -> None:
    """A large range costs one set of variables, not one per device."""
    inventory = load("hosts.ini", "[f]\nd[1:3] a=1\n")
    layers = {id(device.layers) for device in inventory.devices.values()}
    assert len(layers) == 1


def test_reads_windows_files(load: Load) -> None:
    """A byte order mark and CRLF line ends change nothing."""
    inventory = load("hosts.ini", "\ufeff[w]\r\nh1 a=1\r\n\r\n[w:vars]\r\nb=two\r\n")
    assert inventory.devices["h1"].layers.source == {"a": 1}
    assert inventory.groups["w"].layers.source == {"b": "two"}


def test_warns_of_a_group_and_a_device_of_one_name(load: Load) -> None:
    """It is allowed, but a pattern can mean only one of them."""
    inventory = load("hosts.ini", "[web]\nweb\nh1\n[us-east]\nh2\n")
    assert list(inventory.warnings) == [
        "group names that are no plain identifiers: `us-east`; a pattern may read their signs "
        "as its own",
        "`web` is a group and a device; a pattern that says `web` means the device",
    ]


def test_device_keeps_the_place_where_it_was_first_named(load: Load) -> None:
    """Marks point at the line of the device."""
    inventory = load("hosts.ini", "[a]\n  h1 x=1\n[b]\nh1\n")
    mark = inventory.devices["h1"].mark
    assert mark is not None
    assert (mark.line, mark.column, mark.length) == (2, 3, 2)


def test_a_list_of_devices_is_a_source() -> None:
    """Names, ranges and ports may stand in a list that holds a comma."""
    inventory = load_inventory(["gw[1:2],::1,x:2222,"])
    assert list(inventory.devices) == ["gw1", "gw2", "::1", "x"]
    assert inventory.devices["x"].layers.source == {"ansible_port": 2222}
    assert inventory.devices["x"].groups == ("ungrouped",)


def test_a_long_list_of_devices_is_a_source() -> None:
    """A list that is longer than any path can be is still a list."""
    names = [f"device-{number}" for number in range(2000)]
    assert names == list(load_inventory([",".join(names)]).devices)


def test_refuses_a_bad_name_in_a_list() -> None:
    """The problem names the word and its column."""
    with pytest.raises(InputError) as caught:
        load_inventory(["a,../b,"])
    mark = caught.value.problems[0].mark
    assert mark is not None
    assert mark.column == 3


def test_a_file_that_is_no_utf8_is_an_error_with_a_place(tmp_path: Path) -> None:
    """The first bad byte is shown with line and column."""
    (tmp_path / "hosts.ini").write_bytes(b"[w]\nh1 a=\xff\n")
    with pytest.raises(InputError) as caught:
        load_inventory([f"{tmp_path}/hosts.ini"])
    mark = caught.value.problems[0].mark
    assert mark is not None
    assert (caught.value.kind, mark.line, mark.column) == ("input/encoding", 2, 6)
