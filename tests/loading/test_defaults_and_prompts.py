"""module_defaults, vars_prompt and vars_files of plays."""

from __future__ import annotations

import pytest


def test_module_defaults_fill_what_a_task_does_not_say(workshop) -> None:
    """An inner mapping of a module replaces the outer one; arguments of the task win."""
    (play,) = workshop.load("""\
- hosts: all
  module_defaults:
    ansible.builtin.copy: {owner: root, mode: "0600"}
    setup: {}
  tasks:
    - copy: {content: a, dest: /a, mode: "0644"}
    - block:
        - copy: {content: a, dest: /a}
      module_defaults: {copy: {owner: app}}
""").plays
    first, block = play.tasks

    assert first.args == {"owner": "root", "mode": "0644", "content": "a", "dest": "/a"}
    assert block.block[0].args == {"owner": "app", "content": "a", "dest": "/a"}


def test_a_default_steps_back_for_another_name_of_the_argument(workshop) -> None:
    """`dest` is `path`: the default must not contradict the task."""
    (play,) = workshop.load("""\
- hosts: all
  module_defaults: {file: {path: /default, state: directory}}
  tasks: [{file: {dest: /own}}]
""").plays

    assert play.tasks[0].args == {"state": "directory", "dest": "/own"}


@pytest.mark.parametrize(
    ("text", "kind", "part"),
    [
        ("module_defaults: {group/aws: {region: x}}", "input/unsupported-keyword", "group/aws"),
        ("module_defaults: {servise: {name: x}}", "input/unknown-module", "servise"),
        ("module_defaults: {copy: [x]}", "input/type", "mapping"),
        ("vars_prompt: {name: x}", "input/type", "list"),
        ("vars_prompt: [{prompt: x}]", "input/missing-keyword", "name"),
        ("vars_prompt: [{name: x, privat: no}]", "input/unknown-keyword", "privat"),
        ("vars_prompt: [{name: x, encrypt: rot13}]", "input/unknown-value", "rot13"),
        ("debugger: on_failed", "input/unsupported-keyword", "debugger"),
    ],
)
def test_mistakes_are_errors_at_their_place(workshop, text: str, kind: str, part: str) -> None:
    """Each is found while the playbook loads."""
    problem = workshop.play_problem(
        f"- hosts: all\n  {text}\n  tasks: [{{copy: {{content: a, dest: /a}}}}]\n"
    )

    assert (problem.kind, problem.mark.line) == (kind, 2)
    assert part in problem.message


def test_questions_keep_their_order_and_are_private_unless_said(workshop) -> None:
    """The text is the variable's name when there is none."""
    (play,) = workshop.load("""\
- hosts: all
  vars_prompt:
    - name: secret
    - {name: size, prompt: How many?, default: 3, private: no}
""").plays

    said = [(one.name, one.prompt, one.default, one.private) for one in play.prompts]
    assert said == [("secret", "secret", None, True), ("size", "How many?", "3", False)]


def test_files_whose_names_differ_by_device_are_left_to_the_run(workshop) -> None:
    """All entries are, as later ones win over earlier ones."""
    workshop.write("a.yml", "x: 1\n")

    (play,) = workshop.load("- {hosts: all, vars_files: [a.yml, [\"{{ k }}.yml\", b.yml]]}\n").plays

    assert (play.file_vars, play.vars_files) == ({}, (("a.yml",), ("{{ k }}.yml", "b.yml")))
