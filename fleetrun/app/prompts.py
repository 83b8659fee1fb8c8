"""Asks the questions of ``vars_prompt`` before anything is contacted."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from fleetrun.app.loaded import Loaded
from fleetrun.errors import InputError, Problem
from fleetrun.model.playbook import Play, Prompt
from fleetrun.model.values import SecretText, Value
from fleetrun.planning.filters.encoding import password_hash

#: What a salt may be made of. Source: crypt(5).
_SALT: Final = string.ascii_letters + string.digits + "./"


def answered(
    loaded: Loaded, ask: Callable[[Prompt], str] | None
) -> tuple[Loaded, tuple[str, ...]]:
    """Returns `loaded` with the answers as variables, and those that must not be shown.

    Variables that the command line gives are not asked for. `ask` is None
    where nobody can be asked: then the default counts, and without one it
    raises InputError that names every such variable.
    """
    given = loaded.invocation.extra_vars
    wanted = [
        prompt for play in loaded.playbook.plays for prompt in play.prompts
        if prompt.name not in given
    ]
    if not wanted:
        return loaded, ()
    if ask is None:
        _check_defaults(wanted)
    hidden: list[str] = []

    def with_answers(play: Play) -> Play:
        answers: dict[str, Value] = {}
        for prompt in play.prompts:
            if prompt.name in given:
                continue
            text = ask(prompt) if ask is not None else prompt.default or ""
            kept = _kept(prompt, text)
            if prompt.private:
                hidden.extend(one for one in dict.fromkeys((text, kept)) if one)
            answers[prompt.name] = SecretText(kept) if prompt.private else kept
        return replace(play, vars={**play.vars, **answers}) if answers else play

    plays = tuple(with_answers(play) for play in loaded.playbook.plays)
    return replace(loaded, playbook=replace(loaded.playbook, plays=plays)), tuple(hidden)


def _check_defaults(wanted: list[Prompt]) -> None:
    problems = [
        Problem(
            kind="input/prompt", mark=prompt.mark,
            message=f"`{prompt.name}` has no default, and there is no terminal to ask at",
            hint=f"give it with -e {prompt.name}=VALUE, or -e @FILE for a secret",
        )
        for prompt in wanted if prompt.default is None
    ]
    if problems:
        raise InputError(list(dict.fromkeys(problems)))


def _kept(prompt: Prompt, text: str) -> str:
    """The answer, or its hash."""
    if not prompt.encrypt or not text:
        return text
    salt = prompt.salt or "".join(secrets.choice(_SALT) for _ in range(prompt.salt_size))
    return password_hash(text, prompt.encrypt.removesuffix("_crypt"), salt)
