"""Flags that several commands share."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from fleetrun.app.terminal import wants_colour
from fleetrun.cli.former import limit_text
from fleetrun.cli.options import (
    become_password,
    default_inventories,
    extra_vars,
    invocation,
    split_tags,
)
from fleetrun.errors import InputError, UsageError
from fleetrun.model.values import TemplateText

FLAGS = {"private_keys": (), "become_password_file": "", "verbosity": 0, "output": "text"}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("a=1",), {"a": "1"}),
        (("a=1 b=two",), {"a": "1", "b": "two"}),
        (("msg='two words' x=",), {"msg": "two words", "x": ""}),
        (("url=http://h/?a=b",), {"url": "http://h/?a=b"}),
        (('{"a": 1, "b": [true, null]}',), {"a": 1, "b": [True, None]}),
        (("{a: 1, b: yes}",), {"a": 1, "b": True}),
        (("a={{ x | default('y z') }} b=1",), {"a": "{{ x | default('y z') }}", "b": "1"}),
        (("a='one\\ntwo'",), {"a": "one\ntwo"}),
        (("{}",), {}),
        (("",), {}),
        (("a=1", "{a: 2}", "b=3"), {"a": 2, "b": "3"}),
        (("{a: 2}", "a=1"), {"a": "1"}),
    ],
)
def test_extra_vars_take_pairs_and_json(texts: tuple[str, ...], expected: object) -> None:
    """Pairs are text, JSON has types, and later ones win."""
    assert extra_vars(texts) == expected


def test_extra_vars_of_a_file_are_typed(tmp_path: Path) -> None:
    """@FILE reads YAML or JSON."""
    path = tmp_path / "vars.yml"
    path.write_text("a: 1\nb: {c: [x]}\n")
    assert extra_vars((f"@{path}",)) == {"a": 1, "b": {"c": ["x"]}}


def test_an_empty_file_of_extra_vars_sets_nothing(tmp_path: Path) -> None:
    """It is not an error, as with Ansible."""
    path = tmp_path / "vars.yml"
    path.write_text("# nothing\n")
    assert extra_vars((f"@{path}",)) == {}


@pytest.mark.parametrize("text", ["a={{ b }}", '{"a": "{{ b }}"}'])
def test_templates_in_extra_vars_are_templates(text: str) -> None:
    """The operator types them, so they may be rendered."""
    assert type(extra_vars((text,)).get("a")) is TemplateText


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("novalue", "NAME=VALUE"),
        ("1a=b", "NAME=VALUE"),
        ("a-b=c", "NAME=VALUE"),
        ("a='open", "quote"),
        ("[1, 2]", "no mapping"),
    ],
)
def test_wrong_extra_vars_are_a_usage_error(text: str, part: str) -> None:
    """The message quotes what was typed."""
    with pytest.raises(UsageError, match=part) as caught:
        extra_vars((text,))
    assert caught.value.kind == "usage/extra-vars"


@pytest.mark.parametrize(
    ("text", "kind"), [("{a: [}", "input/yaml-syntax"), ("@/nowhere/x.yml", "input/missing-file")]
)
def test_unreadable_extra_vars_are_an_input_error(text: str, kind: str) -> None:
    """JSON that is cut off, a file that is not there."""
    with pytest.raises(InputError) as caught:
        extra_vars((text,))
    assert caught.value.kind == kind


def test_a_limit_is_a_pattern_as_it_stands() -> None:
    """Only @FILE is special."""
    assert limit_text("gateways:!gw-1") == "gateways:!gw-1"


def test_a_limit_file_is_a_list_of_devices(tmp_path: Path) -> None:
    """Blank lines and comments do not count."""
    path = tmp_path / "limit"
    path.write_text("gw-1\n\n# not this one\ngw-2\n")
    assert limit_text(f"@{path}") == "gw-1,gw-2"


@pytest.mark.parametrize(
    ("content", "kind", "part"),
    [
        (None, "input/missing-file", "No such file"),
        (b"gw-\xff\n", "input/unreadable-file", "0xff"),
    ],
)
def test_a_limit_file_that_cannot_be_read_says_why(
    tmp_path: Path, content: bytes | None, kind: str, part: str
) -> None:
    """A missing one, and one that is no text."""
    path = tmp_path / "limit"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=part) as caught:
        limit_text(f"@{path}")
    assert caught.value.kind == kind


def test_a_limit_file_without_names_is_refused(tmp_path: Path) -> None:
    """An empty limit would otherwise mean the whole fleet."""
    path = tmp_path / "limit"
    path.write_text("# nobody\n")
    with pytest.raises(UsageError) as caught:
        limit_text(f"@{path}")
    assert caught.value.kind == "usage/empty-limit"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), ()),
        (("a,b", "c"), ("a", "b", "c")),
        ((" a , ,b ",), ("a", "b")),
    ],
)
def test_tags_may_be_listed_or_repeated(
    values: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    """Both forms mix."""
    assert split_tags(values) == expected


def test_the_password_of_a_file_is_its_text_without_the_line_end(tmp_path: Path) -> None:
    """Spaces belong to the password."""
    path = tmp_path / "password"
    path.write_text(" pass word \r\n")
    assert become_password(ask=False, file=str(path)) == " pass word "


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_password_file_that_cannot_be_read_is_a_usage_error(
    tmp_path: Path, content: bytes | None
) -> None:
    """The password itself is never part of the message."""
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        become_password(ask=False, file=str(path))
    assert caught.value.kind == "usage/password-file"


def test_no_password_is_none() -> None:
    """Nothing was asked for."""
    assert become_password(ask=False, file="") is None


def test_an_invocation_keeps_no_output_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    """What decides a run stays; how it is shown, and secrets, do not."""
    monkeypatch.setenv("HOME", "/home/op")
    made = invocation(
        **{**FLAGS, "private_keys": ("~/key",)}, playbook="a.yml", inventories=("i",),
        extra_vars=("a=1",), tags=("x,y",),
    )
    assert made.private_keys == ("/home/op/key",)
    assert made.extra_vars == {"a": "1"}
    assert made.tags == ("x", "y")
    assert made.inventories == ("i",)


def test_the_folder_inventories_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only when it is there."""
    monkeypatch.chdir(tmp_path)
    assert default_inventories() == ()
    (tmp_path / "inventories").mkdir()
    assert default_inventories() == ("inventories",)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"CLICOLOR_FORCE": "1"}, True),
        ({"CLICOLOR_FORCE": "0"}, False),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_of_what_is_no_terminal(
    environ: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors follow the same variables as everything else."""
    for name in ("NO_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert wants_colour(io.StringIO()) is expected
