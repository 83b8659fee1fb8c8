"""The operator's own filters, tests and lookups, in Ansible's form and in the plain one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from fleetrun.app import make_templater
from fleetrun.errors import InputError, Problem, TemplateError
from fleetrun.loading.modules import load_library
from fleetrun.loading.playbook import PlaybookLoader
from fleetrun.loading.plugins import load_plugins
from fleetrun.model.run import Invocation
from fleetrun.model.values import TemplateText
from fleetrun.planning.scope import PendingValueError, Scope
from fleetrun.planning.templates import Templater

FILES = {
    "filter_plugins/classes.py": (
        "from ansible.errors import AnsibleFilterError\n"
        "from ansible.module_utils.common.text.converters import to_native\n"
        "\n"
        "def shout(text, times=1):\n"
        "    from ansible.module_utils.six import string_types\n"
        "    if not isinstance(text, string_types):\n"
        "        raise AnsibleFilterError('no text: ' + to_native(text))\n"
        "    return text.upper() + '!' * times\n"
        "\n"
        "class FilterModule(object):\n"
        "    def filters(self):\n"
        "        return {'shout': shout}\n"
    ),
    "filter_plugins/plain.py": (
        "from os.path import join\n"
        "def vlan(number):\n    return f'vlan{number:03d}'\n"
        "def _hidden(x):\n    return x\n"
    ),
    "filter_plugins/_ignored.py": "this is no Python",
    "test_plugins/plain.py": "def tiny(number):\n    return number < 3\n",
    "test_plugins/classes.py": (
        "class TestModule:\n    def tests(self):\n        return {'odd': lambda n: 'own'}\n"
    ),
    "lookup_plugins/backwards.py": (
        "from ansible.plugins.lookup import LookupBase\n"
        "from ansible.utils.display import Display\n"
        "display = Display()\n"
        "class LookupModule(LookupBase):\n"
        "    def run(self, terms, variables=None, **kwargs):\n"
        "        self.set_options(var_options=variables, direct=kwargs)\n"
        "        display.vvv('looking')\n"
        "        end = self.get_option('end') or variables['end']\n"
        "        return [term[::-1] + end for term in terms]\n"
    ),
    "lookup_plugins/twice.py": "def twice(*terms, by=2):\n    return [t * by for t in terms]\n",
    "lookup_plugins/raw.py": "def run(term):\n    return '{{ ' + term + ' }}'\n",
    "roles/r/filter_plugins/of_role.py": "def plus(number):\n    return number + 1\n",
    "roles/r/tasks/main.yml": "- debug: {msg: '{{ 1 | plus }}'}\n",
    "play.yml": (
        "- hosts: all\n  roles: [r]\n  tasks:\n"
        "    - debug: {msg: '{{ item }}'}\n      with_twice: [a]\n"
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A playbook's folder with plugins."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def templater(folder: Path) -> Templater:
    """What templates are rendered with once the playbook is loaded."""
    made = make_templater(Invocation(), str(folder))
    PlaybookLoader(load_library(), templater=made).load(str(folder / "play.yml"))
    return made


def render(templater: Templater, text: str, **variables: Any) -> Any:
    """What an operator's template gives."""
    return templater.render(TemplateText(text), Scope([variables]))


@pytest.mark.parametrize(("text", "expected"), [
    ("{{ 'a' | shout(2) }}", "A!!"),
    ("{{ 7 | vlan }}", "vlan007"),
    ("{{ 2 is tiny }}", True),
    ("{{ 2 is odd }}", "own"),
    ("{{ lookup('backwards', 'abc', end='.') }}", "cba."),
    ("{{ query('backwards', 'abc', 'de') }}", ["cba-", "ed-"]),
    ("{{ lookup('twice', 'a', by=3) }}", "aaa"),
    ("{{ lookup('raw', '1 + 1') }}", "{{ 1 + 1 }}"),
    ("{{ 1 | plus }}", 2),
    ("{{ nope | shout | default('d') }}", "d"),
])
def test_plugins_are_part_of_the_language(
    templater: Templater, text: str, expected: object
) -> None:
    """In both forms, of playbook and role; what a lookup gives is data."""
    assert render(templater, text, end="-") == expected


def test_the_names_of_ansible_are_gone_after_a_call(templater: Templater) -> None:
    """Other code of the process must not find the stand-ins."""
    render(templater, "{{ 'a' | shout }}")
    assert [name for name in sys.modules if name.split(".")[0] == "ansible"] == []


def test_what_a_plugin_raises_is_the_templates_error(
    templater: Templater, folder: Path
) -> None:
    """It names the plugin's line, and is caught like any other."""
    with pytest.raises(TemplateError) as caught:
        render(templater, "{{ 5 | shout }}")
    place = f"{folder}/filter_plugins/classes.py:7"
    assert f"'shout' failed: AnsibleFilterError: no text: 5 ({place})" in caught.value.message
    assert render(templater, "{{ lookup('backwards', 5, end='', errors='ignore') }}") is None


def test_pending_values_pass_through_plugins(templater: Templater) -> None:
    """A lookup that reads a variable that is still out waits for it."""
    scope = Scope([{}], pending={"end"}.__contains__)
    with pytest.raises(PendingValueError):
        templater.render(TemplateText("{{ lookup('backwards', 'a') }}"), scope)


def test_plugins_are_among_the_files_of_a_run(folder: Path) -> None:
    """`resume` sees when one changed."""
    made = make_templater(Invocation(), str(folder))
    playbook = PlaybookLoader(load_library(), templater=made).load(str(folder / "play.yml"))
    assert {Path(path).name for path in playbook.file_hashes if path.endswith(".py")} == {
        "classes.py", "plain.py", "backwards.py", "twice.py", "raw.py", "of_role.py",
    }


@pytest.mark.parametrize(("name", "text", "line", "part"), [
    ("filter_plugins/x.py", "def f(:\n", 1, "SyntaxError"),
    ("filter_plugins/x.py", "def f(x):\n    return x\n\nimport no_such_package\n", 4,
     "no_such_package"),
    ("filter_plugins/x.py", "X = 1\n", 1, "neither a class FilterModule nor a function"),
    ("lookup_plugins/x.py", "def other():\n    pass\n", 1, "neither a class LookupModule"),
    ("test_plugins/x.py", "import ansible.cli\n", 1, "ansible.cli"),
    ("test_plugins/x.py", "class TestModule:\n    def tests(self):\n        return 1 / 0\n", 3,
     "division by zero"),
])
def test_a_plugin_that_does_not_load_is_an_error_with_its_line(
    tmp_path: Path, name: str, text: str, line: int, part: str
) -> None:
    """Before anything is contacted."""
    path = tmp_path / name
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    problems: list[Problem] = []
    load_plugins(str(tmp_path), problems)
    mark = problems[0].mark
    assert mark is not None
    assert ("input/bad-plugin", f"{path}:{line}:1") == (problems[0].kind, str(mark))
    assert part in problems[0].message


def test_a_loop_over_an_unknown_lookup_is_an_unknown_keyword(folder: Path) -> None:
    """`with_X` exists for lookups only."""
    (folder / "play.yml").write_text(
        "- hosts: all\n  tasks: [{debug: , with_twise: [a]}]\n", encoding="utf-8"
    )
    made = make_templater(Invocation(), str(folder))
    with pytest.raises(InputError) as caught:
        PlaybookLoader(load_library(), templater=made).load(str(folder / "play.yml"))
    assert [problem.kind for problem in caught.value.problems] == ["input/unknown-keyword"]
