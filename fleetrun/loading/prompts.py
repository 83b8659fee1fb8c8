"""``vars_prompt``: the questions of a play."""

from __future__ import annotations

from typing import Final

from fleetrun.loading.fields import (
    Field,
    keywords,
    read_count,
    read_static_flag,
    read_text,
    read_variable_name,
    read_word,
    type_name,
)
from fleetrun.loading.schema import Level
from fleetrun.model.playbook import Prompt

#: Hashes that an answer can be kept as.
HASHES: Final = ("sha512_crypt", "sha256_crypt")


def read_prompts(field: Field) -> tuple[Prompt, ...]:
    """The questions at `field`, in order."""
    if not isinstance(field.value, list):
        field.complain(
            "input/type", f"`vars_prompt` must be a list of questions, "
            f"not {type_name(field.value)}", hint="begin each with `- name: VARIABLE`",
        )
        return ()
    prompts = [_prompt(child) for child in field.children()]
    return tuple(prompt for prompt in prompts if prompt is not None)


def _prompt(field: Field) -> Prompt | None:
    keys = keywords(field, Level.VARS_PROMPT, "this question")
    if "name" not in keys:
        if isinstance(field.value, dict):
            field.complain(
                "input/missing-keyword", "this question has no `name`",
                hint="name the variable: `- name: VARIABLE`",
            )
        return None
    name = read_variable_name(keys["name"])

    def flag(key: str, *, default: bool) -> bool:
        return read_static_flag(keys[key]) if key in keys else default

    def text(key: str) -> str:
        return read_text(keys[key]) if key in keys else ""

    return Prompt(
        name=name, prompt=text("prompt") or name,
        default=text("default") if "default" in keys else None,
        private=flag("private", default=True), confirm=flag("confirm", default=False),
        encrypt=read_word(keys["encrypt"], HASHES) if "encrypt" in keys else "",
        salt=text("salt"),
        salt_size=read_count(keys["salt_size"]) or 16 if "salt_size" in keys else 16,
        mark=field.mark,
    )
