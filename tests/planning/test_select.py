"""Selection: what golden inventories cannot show. See also loading/inventory/test_golden.py."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetrun.errors import UsageError
from fleetrun.model.inventory import Device, Group, Inventory
from fleetrun.planning.select import (
    explain_unmatched,
    implicit_localhost,
    limit_from_lines,
    merge_order,
    select,
)


def make_inventory(**members: str) -> Inventory:
    """Groups with their devices, as words; every group is right below `all`."""
    groups_of: dict[str, list[str]] = {}
    for group, devices in members.items():
        for device in devices.split():
            groups_of.setdefault(device, []).append(group)
    groups = {
        "all": Group(name="all", children=tuple(sorted(members)), child_order=tuple(members),
                     depth=0),
        **{
            name: Group(name=name, parents=("all",), devices=tuple(devices.split()))
            for name, devices in members.items()
        },
    }
    devices_by_name = {
        name: Device(name=name, groups=tuple(sorted(names))) for name, names in groups_of.items()
    }
    return Inventory(devices=devices_by_name, groups=groups)


FLEET = make_inventory(
    gateways="gw-1 gw-2 gw-3", sensors="s-1 s-2 aa:bb:cc:dd:ee:ff", berlin="gw-1 s-1", none=""
)


@pytest.mark.parametrize(
    ("pattern", "selected"),
    [
        ("", ""),
        (" , ", ""),
        ("aa:bb:cc:dd:ee:ff", "aa:bb:cc:dd:ee:ff"),
        ("sensors:!aa:bb:cc:dd:ee:ff", "s-1 s-2"),
        ("~(?:gw|s)-1", "gw-1 s-1"),
        ("~gw-[12],s-2", "gw-1 gw-2 s-2"),
        ("gateways:berlin,s-2", "gw-1 gw-2 gw-3 s-1 s-2"),
        ("gateways[0]:sensors[1]", "gw-1 s-2"),
        ("gateways[-4]", ""),
        ("gateways[99999999999999999999]", ""),
        ("gateways[1:99999999999999999999]", "gw-2 gw-3"),
        ("*[1]", "gw-2"),
        ("g*[3]", ""),
        ("!gateways:!sensors", ""),
        ("&berlin", "gw-1 s-1"),
        ("none", ""),
    ],
)
def test_selects_where_ansible_differs_or_fails(pattern: str, selected: str) -> None:
    """Addresses and expressions stay whole; an index beyond the end selects nothing."""
    assert tuple(selected.split()) == select(FLEET, pattern)


def test_a_list_of_patterns_is_united() -> None:
    """`hosts:` of a play may be a list; its terms count together."""
    assert select(FLEET, ["gateways", "!berlin"]) == ("gw-2", "gw-3")


@pytest.mark.parametrize("pattern", ["~(", "~[", "~*a", "~a{99999999999999}", "!~(", "~(?P<a"])
def test_a_malformed_expression_is_a_usage_error(pattern: str) -> None:
    """It names the pattern; nothing else leaves the function."""
    with pytest.raises(UsageError) as caught:
        select(FLEET, pattern)
    assert caught.value.kind == "usage/pattern"


def test_the_implicit_localhost_needs_its_exact_name() -> None:
    """No group and no glob holds it; it ignores the limit, and it is one device."""
    assert select(FLEET, "localhost") == ("localhost",)
    assert select(FLEET, "127.0.0.1,localhost") == ("127.0.0.1",)
    assert select(FLEET, "localhost:gateways", limit="gw-2") == ("localhost", "gw-2")
    assert select(FLEET, "local*,*host") == ()
    assert implicit_localhost().layers.source == {"ansible_connection": "local"}


def test_an_added_implicit_localhost_behaves_as_one() -> None:
    """A device in no group is not the operator's, so globs and limits pass it by."""
    local = implicit_localhost()
    inventory = Inventory(devices={**FLEET.devices, local.name: local}, groups=FLEET.groups)
    assert "localhost" not in select(inventory, "all")
    assert "localhost" not in select(inventory, "~.*")
    assert select(inventory, "localhost", limit="gateways") == ("localhost",)
    assert merge_order(inventory, "localhost") == ("all",)


def test_a_localhost_of_the_inventory_is_a_device_like_others() -> None:
    """It obeys the limit, and its other names mean it."""
    inventory = make_inventory(g="127.0.0.1 x")
    assert select(inventory, "localhost") == ("127.0.0.1",)
    assert select(inventory, "localhost", limit="x") == ()


def test_limit_of_a_file() -> None:
    """Lines are patterns; comments and blanks do not count; the limit has no size."""
    limit = limit_from_lines(["# retry", "", " gw-1 ", "aa:bb:cc:dd:ee:ff\n", "sensors:&berlin"])
    # An intersection is with what all lines name.
    assert select(FLEET, "all", limit=limit) == ("gw-1", "s-1")
    limit = limit_from_lines(["gw-1", "aa:bb:cc:dd:ee:ff\n", "", "# end"])
    assert select(FLEET, "all", limit=limit) == ("gw-1", "aa:bb:cc:dd:ee:ff")


@pytest.mark.parametrize("lines", [[], ["", "# nobody failed"]])
def test_an_empty_limit_file_is_an_error(lines: list[str]) -> None:
    """It must never mean all devices."""
    with pytest.raises(UsageError) as caught:
        limit_from_lines(lines)
    assert caught.value.kind == "usage/empty-limit"


TERMS = st.tuples(
    st.sampled_from(["", "", "&", "!"]),
    st.sampled_from(
        ["gateways", "sensors", "berlin", "none", "gw-1", "s-?", "*", "~.*1$", "sensors[0]"]
    ),
)


@settings(deadline=None)  # machines may be busy
@given(st.lists(TERMS, min_size=1, max_size=6))
def test_terms_work_as_sets(terms: list[tuple[str, str]]) -> None:
    """Unions, then intersections, then exclusions; in whatever order they stand."""
    pattern = ",".join(sign + text for sign, text in terms)
    united = {
        name for sign, text in terms if not sign for name in select(FLEET, text)
    } or (set() if any(not sign for sign, _ in terms) else set(FLEET.devices))
    for sign, text in terms:
        if sign == "&":
            united &= set(select(FLEET, text))
        elif sign == "!":
            united -= set(select(FLEET, text))
    selected = select(FLEET, pattern)
    assert united == set(selected)
    assert len(selected) == len(set(selected))


@settings(deadline=None)  # machines may be busy
@given(st.lists(TERMS, min_size=1, max_size=4), st.lists(TERMS, min_size=1, max_size=4))
def test_a_limit_only_takes_away(
    terms: list[tuple[str, str]], limit: list[tuple[str, str]]
) -> None:
    """What is left keeps its order and is what both select."""
    pattern, limit_text = (
        ",".join(sign + text for sign, text in some) for some in (terms, limit)
    )
    allowed = set(select(FLEET, limit_text))
    expected = tuple(name for name in select(FLEET, pattern) if name in allowed)
    assert expected == select(FLEET, pattern, limit=limit_text)


def test_merge_order_is_depth_then_priority_then_name() -> None:
    """`all` comes first, the deepest group last."""
    groups = {
        name: Group(name=name, depth=depth, priority=priority)
        for name, depth, priority in [
            ("all", 0, 9), ("z", 1, 1), ("a", 1, 2), ("b", 1, 1), ("deep", 2, 0),
        ]
    }
    device = Device(name="d", groups=("a", "b", "deep", "z"))
    inventory = Inventory(devices={"d": device}, groups=groups)
    assert merge_order(inventory, "d") == ("all", "b", "z", "a", "deep")
    assert merge_order(inventory, device) == merge_order(inventory, "d")


@pytest.mark.parametrize(
    ("pattern", "message", "hint"),
    [
        ("gatways", "`gatways` matches no device or group", "did you mean `gateways`?"),
        ("gw-l", "`gw-l` matches no device or group", "did you mean `gw-"),
        ("GW-1", "`GW-1` matches no device or group", "did you mean `gw-1`?"),
        ("gateways:!gatways", "`gatways` matches no device or group", "did you mean `gateways`?"),
        ("gw-1:22", "`gw-1:22` matches no device or group", "a pattern has no port; write `gw-1`"),
        ("@names", "`@names` matches no device or group", "a file of names is given with"),
        ("zzz", "`zzz` matches no device or group", "see `fleetrun inventory graph`"),
        ("~zzz", "`~zzz` matches no device or group", "see `fleetrun inventory graph`"),
        ("none", "the group `none` has no devices", ""),
        ("gateways[7]", "`gateways[7]`: the group `gateways` has 3 device(s)", ""),
        ("gateways:&none", "the group `none` has no devices", ""),
        ("gateways:&s-1", "`gateways:&s-1` selects no device: each part names devices", ""),
        ("", "`` selects no device", ""),
    ],
)
def test_explains_what_matches_nothing(pattern: str, message: str, hint: str) -> None:
    """Each term that matches nothing is one problem, with what was meant."""
    problems = explain_unmatched(FLEET, pattern)
    assert len(problems) == 1
    assert problems[0].message.startswith(message)
    assert problems[0].hint.startswith(hint)


@pytest.mark.parametrize("pattern", ["all", "gateways:sensors", "gw-*", "localhost"])
def test_nothing_to_explain_when_all_terms_match(pattern: str) -> None:
    """No problem is invented."""
    assert explain_unmatched(FLEET, pattern) == ()


def test_explaining_looks_at_a_bounded_number_of_names() -> None:
    """In a fleet where all names are alike it still answers at once."""
    names = " ".join(f"device-{number:06d}" for number in range(50_000))
    inventory = make_inventory(fleet=names)
    assert explain_unmatched(inventory, "device-00000l")[0].allowed
