"""What may be the name of a device or a group."""

from __future__ import annotations

import pytest

from fleetrun.loading.inventory.names import MAX_NAME_CHARS, device_name_fault, group_name_fault


@pytest.mark.parametrize(
    "name",
    [
        "gw-001", "a", "0", "_x", "web01.example.com", "user@box", "aa:bb:cc:dd:ee:ff", "fe80::1",
        "::1", "x" * MAX_NAME_CHARS, "m\u00fcnchen-1", "\u043c\u043e\u0441\u043a\u0432\u0430-7",
        "\u6771\u4eac\u30bf\u30ef\u30fc", "\uc11c\uc6b8-1", "\u03b1\u03b8\u03ae\u03bd\u03b1",
    ],
)
def test_harmless_names_may_be_devices(name: str) -> None:
    """ASCII ids, addresses and words of one script are names."""
    assert device_name_fault(name) == ""


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "it is empty"),
        ("../etc", "it holds `..`"),
        ("a..b", "it holds `..`"),
        ("a/b", "it holds `/`"),
        ("-rf", "it starts with `-`"),
        (".hidden", "it starts with `.`"),
        ("@file", "it starts with `@`"),
        (":x", "it starts with `:`"),
        ("a b", "it holds ` `"),
        ("a\nb", "it holds the invisible character U+000A"),
        ("a\x00", "it holds the invisible character U+0000"),
        ("a\x1b[31m", "it holds the invisible character U+001B"),
        ("a\u200bb", "it holds the invisible character U+200B"),
        ("a\u202eb", "it holds the invisible character U+202E"),
        ("a\ud800", "it holds the invisible character U+D800"),
        ("x" * (MAX_NAME_CHARS + 1), "it has more than 253 characters"),
        ("{{ x }}", "it holds `{`"),
        ("a$b", "it holds `$`"),
        ("g\u0430teway", "it mixes letters of CYRILLIC and LATIN"),
        ("\u0430\u0441\u0435", "it is written in CYRILLIC letters that look like Latin ones"),
        ("\uff47\uff57-1", "it is not in Unicode form NFKC"),
        ("u\u0308", "it is not in Unicode form NFKC"),
        ("\u0131d", "it holds U+0131, which looks like a plain letter"),
        ("gw\u2010a", "it holds U+2010, which is no letter"),
        ("gw\u0661", "it holds U+0661, which is no letter"),
    ],
)
def test_dangerous_names_are_refused(name: str, fault: str) -> None:
    """Names that act as paths, options or terminal text, or look like another name."""
    assert device_name_fault(name).startswith(fault)


@pytest.mark.parametrize("name", ["web", "us-east-1", "tag:x", "two words", "10-berlin"])
def test_odd_group_names_are_allowed(name: str) -> None:
    """Existing inventories have them, so they are only warned of."""
    assert group_name_fault(name) == ""


@pytest.mark.parametrize("name", ["", " web", "a/b", "..", "a\x07", "x" * 254])
def test_dangerous_group_names_are_refused(name: str) -> None:
    """A group's name is a file name of group_vars/ too."""
    assert group_name_fault(name)
