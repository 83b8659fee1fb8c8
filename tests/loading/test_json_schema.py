"""The schema for editors: what the loader takes passes, seeded mistakes do not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fleetrun.errors import InputError
from fleetrun.loading.json_schema import (
    inventory_schema,
    meta_schema,
    playbook_schema,
    tasks_schema,
)
from fleetrun.loading.modules import load_library
from fleetrun.loading.playbook import PlaybookLoader
from fleetrun.loading.yamlfile import read_yaml

ROOT = Path(__file__).parents[2]
LIBRARY = load_library()
SCHEMA = playbook_schema(LIBRARY)
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


def playbooks_in_the_repository() -> list[Path]:
    found = [
        path for folder in ("playbooks", "tests", "docs") for path in (ROOT / folder).rglob("*.yml")
        if re.search(r"^- .*?hosts:|^  hosts:", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    good = []
    for path in found:
        try:
            PlaybookLoader(LIBRARY).load(str(path))
        except InputError:
            continue
        good.append(path)
    return good


def errors(text: str) -> list[str]:
    value = read_yaml(Path("p.yml"), text=text).value
    return [error.message for error in VALIDATOR.iter_errors(plain(value))]


def task(text: str) -> str:
    return f"- hosts: all\n  tasks:\n    - {text}\n"


@pytest.mark.parametrize(
    "schema", [SCHEMA, tasks_schema(LIBRARY), inventory_schema(), meta_schema()],
    ids=["playbook", "tasks", "inventory", "meta"],
)
def test_the_schemas_are_valid_schemas(schema: dict[str, Any]) -> None:
    """By draft 7's own schema, and every $ref leads somewhere."""
    jsonschema.Draft7Validator.check_schema(schema)
    for found in re.findall(r'"enum": (\[[^\]]*\])', json.dumps(schema, default=str)):
        values = [(type(value), value) for value in json.loads(found)]
        assert len(set(values)) == len(values), "editors refuse a choice that stands there twice"
    names = re.findall(r'"#/definitions/([^"]+)"', json.dumps(schema, default=str))
    assert set(names) <= set(schema["definitions"])


def test_every_playbook_that_loads_passes() -> None:
    """All in playbooks/, tests/ and docs/ that the loader takes without complaint."""
    paths = playbooks_in_the_repository()
    assert len(paths) >= 3
    found = {
        path.name: [error.message[:200] for error in VALIDATOR.iter_errors(plain(value))]
        for path in paths if (value := read_yaml(path).value) is not None
    }
    assert {name: said for name, said in found.items() if said} == {}


def test_every_example_of_a_module_passes() -> None:
    """The examples in the modules' documentation are tasks as the schema has them."""
    validator = jsonschema.Draft7Validator(tasks_schema(LIBRARY))
    found = {}
    for name in LIBRARY.names():
        spec = LIBRARY.get(name)
        if spec is None or not spec.examples:
            continue
        value = plain(read_yaml(Path(name), text=spec.examples).value)
        said = [error.message[:200] for error in validator.iter_errors(value)]
        if said:
            found[name] = said
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        task("command: uptime"), task("ansible.builtin.command: uptime"),
        task("{copy: 'src=a dest=b'}"), task("{copy: {src: a}, args: {dest: /b}}"),
        task("{service: {name: x, state: '{{ wanted }}'}}"),
        task("{set_fact: {any_name: 1}}"), task("{action: command uptime}"),
        task("{command: id, become: 'yes', ignore_errors: 'Off'}"),
        task("{block: [{ping: }], rescue: [{fail: {msg: no}}]}"),
        task("{file: {path: /a, mode: 0644, state: touch}, when: [a, b]}"),
        "- import_playbook: other.yml\n",
        "- hosts: [a, b]\n  serial: [1, 30%]\n  roles: [common, {role: web, port: 80}]\n",
        "- hosts: all\n  rollout: {stages: [{name: lab, pick: 5}, {name: rest, pick: 100%}]}\n",
    ],
)
def test_good_forms_pass(text: str) -> None:
    """Each way in which Ansible lets one write the same."""
    assert errors(text) == []


@pytest.mark.parametrize(
    "text",
    [
        task("{command: uptime, whenn: x}"), task("comand: uptime"), task("{name: nothing}"),
        task("{copy: {src: a, dest: /b, ownr: me}}"), task("{copy: {src: a}}"),
        task("{file: {path: /a, state: gone}}"), task("{command: uptime, retries: many}"),
        task("{command: uptime, become: perhaps}"), task("{block: {ping: }}"),
        task("{block: [{ping: }], resque: []}"), "- hosts: all\n  taks: []\n", "- tasks: []\n",
        "- hosts: all\n  rollout: {stagez: []}\n", "- hosts: all\n  graph: {a: {aftr: b}}\n",
        "- hosts: all\n  rollout: {stages: [{pick: lots}]}\n", "hosts: all\n",
    ],
)
def test_seeded_mistakes_fail(text: str) -> None:
    """Unknown keywords, modules, arguments and choices, wrong types, what is missing."""
    assert errors(text) != []


def test_inventory_and_meta() -> None:
    """A group has hosts, children and vars, and nothing else."""
    inventory = jsonschema.Draft7Validator(inventory_schema())
    assert inventory.is_valid({"all": {"hosts": {"a": None}, "children": {"b": {"vars": {}}}}})
    assert not inventory.is_valid({"all": {"host": {"a": None}}})
    meta = jsonschema.Draft7Validator(meta_schema())
    assert meta.is_valid({"dependencies": ["common", {"role": "x", "port": 1}]})
    assert not meta.is_valid({"dependencies": [{"port": 1}]})
