"""Program texts, read back by a real sh."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fleetrun.model.steps import Identity
from fleetrun.remote.bundle import Bundler, quote, receipt_name
from tests.support.wire import SHELLS, builtin, module, sh, step

SH_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
#: Commands of `sh` for each shell.
ARGV = {"dash": ["dash"], "ash": ["busybox", "ash"], "bash": ["bash", "--posix"]}


def output(shell: str, text: bytes | str) -> bytes:
    """What a shell prints for a text."""
    raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    ran = subprocess.run(ARGV[shell], input=raw, capture_output=True, check=False)
    assert b"" == ran.stderr
    return ran.stdout


@settings(max_examples=60, deadline=None)
@example(text="'").via("found by hand")
@example(text="a'b\n`$(x)\\\"").via("found by hand")
@given(text=SH_TEXT)
def test_quoted_text_reaches_sh_unchanged(text: str) -> None:
    """Any text is one word, and no part of it is run."""
    for shell in SHELLS:
        assert text.encode() == output(shell, f"printf %s {quote(text)}")


def test_quote_leaves_plain_words_alone() -> None:
    """Plain words stay readable and cost no bytes."""
    assert ("/etc/x-1.conf", "''", "'a b'", "'~'") == (
        quote("/etc/x-1.conf"), quote(""), quote("a b"), quote("~")
    )


def test_quote_rejects_nul() -> None:
    """sh has no NUL."""
    with pytest.raises(ValueError, match="NUL"):
        quote("a\0b")


def body(text: bytes) -> str:
    """The function that a batch with one step defines, without its module's call."""
    inner = text.decode("utf-8", "surrogateescape")
    inner = inner[inner.index("fr_call() {\n") + 12 : inner.rindex("\n}\n{ ! fr__go")]
    return inner[: inner.rindex("fr_m_")]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("str", "a b", "a b|0"),
        ("str", None, "|0"),
        ("bool", True, "true|0"),
        ("bool", False, "false|0"),
        ("int", 7, "7|0"),
        ("float", 7.0, "7|0"),
        ("float", 0.5, "0.5|0"),
        ("str", b"\xff", "\udcff|0"),
        ("raw", {"a": [1, "x"]}, '{"a":[1,"x"]}|1'),
        ("raw", "plain", "plain|0"),
    ],
)
def test_scalars(shell: str, type_: str, value: Any, expected: str) -> None:
    """Scalars stand in a_<name>; what is omitted is empty."""
    bundler = Bundler("", "n")
    probe = module(":", args=[f"x:{type_}"])
    text = body(bundler.batch([step(probe, args={} if value is None else {"x": value})]))
    printed = output(shell, text + 'printf "%s|%s" "$a_x" "${a_x_n:-0}"')
    assert expected.encode("utf-8", "surrogateescape") == printed


@pytest.mark.parametrize("shell", SHELLS)
def test_lists_mappings_and_what_was_given(shell: str) -> None:
    """Items and pairs are numbered from 1; fr_given names what is not None."""
    probe = module(":", args=["l:list", "d:dict", "none:list", "s"])
    args = {"l": ["a 'b'", 2, None], "d": {"k 1": "v", "k2": True}, "_raw_params": "free"}
    text = body(Bundler("", "n").batch([step(probe, args=args, check=True, diff=True)]))
    shown = (
        'printf "%s;" "$a_l_n" "$a_l_1" "$a_l_2" "$a_l_3" "$a_d_n" "$a_d_k1" "$a_d_v1" "$a_d_v2"'
        ' "$a_none_n" "$a_s" "$a__raw_params" "$fr_given" "$fr_check" "$fr_diffmode"'
    )
    assert b"3;a 'b';2;;2;k 1;v;true;0;;free; l d _raw_params ;true;true;" == output(
        shell, text + shown
    )


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"argv": ["a b", 1]}, ["a b", "1"]),
        ({"cmd": "echo 'a b' c"}, ["echo", "a b", "c"]),
        ({"_raw_params": 'x "y z"'}, ["x", "y z"]),
        ({}, []),
    ],
)
def test_words_of_a_command(args: dict[str, Any], words: list[str]) -> None:
    """argv as it is, free text split as sh would."""
    text = body(_attached(Bundler("", "n"), builtin("command", args)))
    printed = output("dash", text + 'for w; do printf "%s\\n" "$w"; done')
    assert words == printed.decode().splitlines()


def _attached(bundler: Bundler, command: Any) -> bytes:
    """The batch of a detached step, as if it were not."""
    inner = bundler.batch([command]).decode()
    source = shlex.split(inner[inner.index("fr_src=") : inner.rindex("{ ! fr__go")])[0]
    return f"fr_call() {{\n{source.removeprefix('fr_src=')}\n}}\n{{ ! fr__go".encode()


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"args": {"x": "a\0b"}}, "NUL"),
        ({"args": {"bad name": "v"}}, "not a name for an argument: bad name"),
        ({"environment": {"A-B": "v"}}, "not a name for an environment variable: A-B"),
        ({"environment": {"fr_v": "v"}}, "not a name for an environment variable: fr_v"),
    ],
)
def test_impossible_steps_fail_on_their_own(fields: dict[str, Any], part: str) -> None:
    """A value that sh cannot hold fails its step and leaves the batch whole."""
    text = Bundler("", "n").batch([step(module(":", args=["x"]), **fields)]).decode()
    assert part in text
    assert "fr_fail" in text


def test_unbalanced_quotes_fail_the_step() -> None:
    """A command that cannot be split says so."""
    text = Bundler("", "n").batch([builtin("command", {"_raw_params": "echo 'a"})]).decode()
    assert "cannot split the command into words" in text


def test_a_module_is_sent_once() -> None:
    """Its text is in the first batch only, also when other steps use it."""
    bundler = Bundler("", "n")
    probe = module("printf 'the program'", args=["x"])
    first = bundler.batch([step(probe, 0), step(probe, 1)])
    second = bundler.batch([step(probe, 2), step(probe, 3, timeout_s=3.5)])
    assert (1, 0) == (first.count(b"the program"), second.count(b"the program"))
    assert (1, 0) == (first.count(b"fr__define"), second.count(b"fr__define"))


def test_a_detached_module_is_defined_when_it_first_runs_in_the_shell() -> None:
    """The text that a worker was given serves the shell itself, too."""
    bundler = Bundler("", "n")
    probe = module(":")
    first = bundler.batch([step(probe, 0, timeout_s=2)])
    second = bundler.batch([step(probe, 1)])
    assert (0, 1) == (first.count(b"fr__define"), second.count(b"fr__define"))


def test_timeouts_and_policies_are_in_the_call() -> None:
    """Whole seconds stay whole: not every sleep takes fractions."""
    bundler = Bundler("", "n")
    texts = bundler.batch([sh("x", 1, timeout_s=30.0), sh("x", 2, timeout_s=0.25, group=9)])
    assert b"fr__detach 1 stop g0 k-0.tasks.1+23+1 30 shell;" in texts
    assert b"fr__detach 2 stop g9 k-0.tasks.2+23+1 0.25 shell;" in texts


@settings(max_examples=200)
@given(one=st.text(max_size=40), other=st.text(max_size=40))
def test_receipt_names_are_safe_and_unique(one: str, other: str) -> None:
    """Different keys have different files, which no shell or folder misreads."""
    name = receipt_name(one)
    assert (one == other) == (name == receipt_name(other))
    assert name.isascii()
    assert not set(name) & set(" /'\"$`\\*?[]#~\n")


def test_long_keys_fit_in_a_file_name() -> None:
    """A deep include does not make a name that the device refuses."""
    assert len(receipt_name("0.tasks.1/" * 60)) < 200


def test_opening_depends_on_run_device_and_identity() -> None:
    """Devices that share a home, and identities, do not share what they must not."""
    texts = {
        Bundler("", "n").opening(*where)
        for where in (("r1", "d1"), ("r2", "d1"), ("r1", "d2"), ("r1", "d1", Identity(user="x")))
    }
    assert 4 == len(texts)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_text_cut_anywhere_runs_nothing_of_the_cut_step(shell: str, tmp_path: Any) -> None:
    """A lost link in the middle of a program never runs half a line."""
    victim, done = tmp_path / "victim", tmp_path / "done"
    text = Bundler("", "n").batch([
        step(module("rm -rf -- \"$a_path\"; : >\"$a_flag\"", args=["path", "flag"]),
             args={"path": f"{victim}/a/b c/d", "flag": str(done)}),
    ])
    stubs = (
        b"fr__go() { return 0; }; fr__define() { eval \"fr_m_$1() { $fr_t_probe\n}\"; };"
        b" fr__step() { fr_call; }\n"
    )
    assert text.endswith(b"}\n")
    (victim / "a").mkdir(parents=True)
    for cut in range(0, len(text) - 1, 3):
        part = stubs + text[:cut]
        subprocess.run(ARGV[shell], input=part, capture_output=True, check=False)
        assert (True, False) == ((victim / "a").exists(), done.exists())
    subprocess.run(ARGV[shell], input=stubs + text, capture_output=True, check=True)
    assert done.exists()


def test_settling_forgetting_and_closing_name_receipts() -> None:
    """The orders about receipts hold numbers and safe names only."""
    bundler = Bundler("", "n")
    assert b"{ fr__settle 4 k-0.tasks.4+23+1; }\n" == bundler.settle([sh("x", 4)])
    assert b"{ fr__forget k-a k-b+20+c; }\n" == bundler.forget(["a", "b c"])
    assert b"{ fr__close 0; }\n{ fr__close 1; }\n" == (
        bundler.closing() + bundler.closing(whole_run=True)
    )


def test_a_free_name_argument_is_no_argument_of_its_own() -> None:
    """"*" in a spec stands for other names."""
    probe = module(":", args=["*", "x"])
    text = body(Bundler("", "n").batch([step(probe, args={"x": "1", "y": "2"})]))
    assert b"1 2" == output("dash", text + 'printf "%s" "$a_x $a_y"')


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ({"b": b"\xc3\xa4"}, '{"b":"\u00e4"}'),
        ({"t": (1, 2)}, '{"t":[1,2]}'),
        ({"m": MappingProxyType({"a": range(2)})}, '{"m":{"a":[0,1]}}'),
        ({"o": PurePath("x")}, '{"o":"x"}'),
        ([], "[]"),
    ],
)
def test_nested_values_are_json(value: Any, printed: str) -> None:
    """What sh has no form for stands as JSON."""
    probe = module(":", args=["x:raw"])
    text = body(Bundler("", "n").batch([step(probe, args={"x": value})]))
    assert printed.encode() == output("dash", text + 'printf %s "$a_x"')


def test_environment_is_exported_as_operands() -> None:
    """Names and values reach programs; LC_ALL is given back to commands, too."""
    fields = {"environment": {"A": "it's", "LC_ALL": "C.UTF-8"}}
    text = body(Bundler("", "n").batch([step(module(":"), **fields)]))
    shown = output("dash", text + 'env | grep -E "^(A|LC_ALL)="; echo "$fr__lc_set $fr__lc"')
    assert {"A=it's", "LC_ALL=C.UTF-8", "1 C.UTF-8"} == set(shown.decode().splitlines())
