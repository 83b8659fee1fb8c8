"""Questions are asked before anything is contacted, and answers stay hidden."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetrun.app import Loaded, answered
from fleetrun.errors import InputError, Mark
from fleetrun.loading.modules import load_library
from fleetrun.loading.playbook import PlaybookLoader
from fleetrun.model.inventory import Inventory
from fleetrun.model.playbook import Play, Playbook, Prompt
from fleetrun.model.run import Invocation
from fleetrun.model.values import SecretText
from fleetrun.planning.templates import Templater

MARK = Mark(file="site.yml", line=3)


def loaded(*prompts: Prompt, **extra_vars: str) -> Loaded:
    """A play with questions, and what the command line said."""
    library = load_library()
    play = Play(index=0, name="p", hosts="all", mark=MARK, vars={"own": 1}, prompts=prompts)
    return Loaded(
        invocation=Invocation(extra_vars=extra_vars), inventory=Inventory(devices={}, groups={}),
        playbook=Playbook(path="site.yml", plays=(play,)), library=library,
        loader=PlaybookLoader(library), templater=Templater(),
    )


def prompt(name: str, **fields) -> Prompt:
    return Prompt(name=name, prompt=f"{name}?", mark=MARK, **fields)


def test_answers_become_variables_of_the_play() -> None:
    """Private ones are secrets; others are not."""
    given, hidden = answered(
        loaded(prompt("a"), prompt("b", private=False)), lambda one: f"{one.name}-answer"
    )

    variables = given.playbook.plays[0].vars
    assert variables == {"own": 1, "a": "a-answer", "b": "b-answer"}
    assert isinstance(variables["a"], SecretText)
    assert hidden == ("a-answer",)


def test_what_the_command_line_gives_is_not_asked_for() -> None:
    """The question would be in vain: -e wins."""
    asked: list[str] = []

    answered(loaded(prompt("a"), prompt("b"), a="x"), lambda one: asked.append(one.name) or "")

    assert asked == ["b"]


def test_without_a_terminal_defaults_count_and_the_others_are_errors() -> None:
    """All of them at once, each with its place."""
    given, _ = answered(loaded(prompt("a", default="d", private=False)), None)
    assert given.playbook.plays[0].vars["a"] == "d"

    with pytest.raises(InputError) as caught:
        answered(loaded(prompt("a"), prompt("b", default="d"), prompt("c")), None)
    problems = caught.value.problems
    assert [(one.kind, one.mark) for one in problems] == [("input/prompt", MARK)] * 2
    assert "-e a=VALUE" in problems[0].hint


def test_an_answer_can_be_kept_as_a_hash() -> None:
    """Neither the answer nor its hash may be shown."""
    given, hidden = answered(
        loaded(prompt("a", encrypt="sha512_crypt", salt="saltstring")), lambda _: "Hello world!"
    )

    # Source: the test vectors of the specification of SHA-crypt.
    assert given.playbook.plays[0].vars["a"].startswith("$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQ")
    assert hidden[0] == "Hello world!"
    assert hidden[1].startswith("$6$")


def test_a_salt_is_as_long_as_asked_for() -> None:
    """Two answers get two salts."""
    one = loaded(prompt("a", encrypt="sha256_crypt", salt_size=5))
    hashes = [answered(one, lambda _: "x")[0].playbook.plays[0].vars["a"] for _ in range(2)]

    assert [len(str(text).split("$")[2]) for text in hashes] == [5, 5]
    assert hashes[0] != hashes[1]


def test_questions_without_need_change_nothing() -> None:
    """A playbook without questions comes back as it is."""
    plain = loaded()

    assert answered(plain, None) == (plain, ())
    assert replace(plain) == plain
