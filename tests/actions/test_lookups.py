"""Lookups that touch the world: what the recordings of Ansible cannot show."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetrun.actions.lookups.programs import ProgramLookups
from fleetrun.app import make_templater
from fleetrun.errors import Mark, TemplateError
from fleetrun.model.playbook import Task
from fleetrun.model.run import Invocation
from fleetrun.model.values import SecretText, TemplateText
from fleetrun.planning.lookup_call import LookupCall
from fleetrun.planning.scope import Scope

TASK = Task(id="0.tasks.0", module="template", mark=Mark(file="p.yml", line=1))


def render(folder: Path, text: str, task: Task | None = None, **variables: Any) -> Any:
    """What an operator's template gives beside a playbook in `folder`."""
    templater = make_templater(Invocation(forks=7), str(folder))
    return templater.render(TemplateText(text), Scope([variables], task=task))


# -- password -------------------------------------------------------------------------


def test_a_password_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    """The file has mode 0600, folders 0700; the next run reads it. No sink shows it."""
    text = "{{ lookup('password', 'creds/db length=12 chars=digits') }}"
    first = render(tmp_path, text)
    assert (12, True, first) == (len(first), first.isdigit(), render(tmp_path, text))
    assert isinstance(first, SecretText)
    assert (tmp_path / "creds" / "db").read_text(encoding="utf-8") == f"{first}\n"
    assert stat.S_IMODE((tmp_path / "creds" / "db").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "creds").stat().st_mode) == 0o700


def test_an_encrypted_password_keeps_its_salt(tmp_path: Path) -> None:
    """The hash is the same on every run, in Ansible's file format."""
    text = "{{ lookup('password', 'db encrypt=sha512_crypt') }}"
    first = render(tmp_path, text)
    assert first.startswith("$6$rounds=656000$")
    assert render(tmp_path, text) == first
    plain, _, salt = (tmp_path / "db").read_text(encoding="utf-8").strip().rpartition(" salt=")
    assert (20, f"$6$rounds=656000${salt}$") == (len(plain), first[:len(salt) + 18])


def test_two_runs_at_once_make_one_password(tmp_path: Path) -> None:
    """The file is locked while it is made."""
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(
            lambda _: str(render(tmp_path, "{{ lookup('password', 'shared') }}")), range(16)
        ))
    assert len(made) == 1


# -- programs ---------------------------------------------------------------------------


def test_programs_run_beside_the_playbook_and_read_nothing(tmp_path: Path) -> None:
    """Their folder is the playbook's; standard input is empty."""
    assert render(tmp_path, "{{ lookup('pipe', 'pwd; cat') }}") == str(tmp_path)


def test_a_program_that_hangs_is_ended() -> None:
    """Rendering waits for it, and the fleet for rendering."""
    programs = ProgramLookups("/", timeout_s=0.2)
    call = LookupCall(
        name="pipe", terms=("sleep 60",), scope=Scope([]), templater=make_templater(
            Invocation(), "/"
        ),
    )
    with pytest.raises(ValueError, match=r"more than 0\.2 s"):
        programs.pipe(call)


# -- files ------------------------------------------------------------------------------


def test_files_are_searched_where_the_task_searches(tmp_path: Path) -> None:
    """The role's folder comes first; `first_found` looks among templates for a template task."""
    role = tmp_path / "roles" / "r"
    for path, text in (
        (role / "files" / "x", "role"), (tmp_path / "files" / "x", "play"),
        (role / "templates" / "t", "{{ 1 + 1 }}"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    task = replace(TASK, search_dirs=(str(role),))
    assert render(tmp_path, "{{ lookup('file', 'x') }}", task) == "role"
    assert render(tmp_path, "{{ lookup('file', 'x') }}") == "play"
    assert render(tmp_path, "{{ lookup('template', 't') }}", task) == "2"
    assert render(tmp_path, "{{ lookup('first_found', ['nope', 't']) }}", task) == str(
        role / "templates" / "t"
    )


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    """The error lists the places."""
    with pytest.raises(TemplateError) as caught:
        render(tmp_path, "{{ lookup('file', 'nope') }}")
    assert f"{tmp_path}/files/nope" in caught.value.message


# -- the web ------------------------------------------------------------------------------


class Pages(BaseHTTPRequestHandler):
    """Says what it was asked."""

    def do_GET(self) -> None:
        """One page of two lines, or a refusal."""
        is_there = self.path == "/page"
        self.send_response(200 if is_there else 404)
        self.end_headers()
        if is_there:
            asked = f"{self.headers['X-Asked']}\n{self.headers['Authorization']}\n"
            self.wfile.write(asked.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
        """Prints nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    """A web server on loopback."""
    server = HTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_pages_are_fetched_as_lines_or_whole(tmp_path: Path, site: str) -> None:
    """Headers and a user go with the request."""
    options = "headers={'X-Asked': 'yes'}, username='u', password='p'"
    ask = f"'url', '{site}/page', {options}"
    assert render(tmp_path, f"{{{{ query({ask}) }}}}") == ["yes", "Basic dTpw"]
    whole = render(tmp_path, f"{{{{ lookup({ask}, split_lines=false) }}}}")
    assert whole == "yes\nBasic dTpw\n"
    with pytest.raises(TemplateError, match="answered 404"):
        render(tmp_path, f"{{{{ lookup('url', '{site}/nope') }}}}")
    with pytest.raises(TemplateError, match="no http, https or ftp address"):
        render(tmp_path, "{{ lookup('url', 'file:///etc/passwd') }}")


# -- names ----------------------------------------------------------------------------------


def test_patterns_select_among_the_groups(tmp_path: Path) -> None:
    """`inventory_hostnames` knows the signs of patterns."""
    groups = {"all": ["a1", "a2", "b1"], "web": ["a1", "a2"], "lab": ["a2", "b1"]}
    text = "{{ query('inventory_hostnames', 'web:!lab', 'b*', 'nope') }}"
    assert render(tmp_path, text, groups=groups) == ["a1", "b1"]


def test_settings_go_by_ansibles_names(tmp_path: Path) -> None:
    """Unknown ones are an error, unless they may be missing."""
    assert render(tmp_path, "{{ lookup('config', 'DEFAULT_FORKS') }}") == 7
    assert render(tmp_path, "{{ query('config', 'NOPE', on_missing='skip') }}") == []
    with pytest.raises(TemplateError, match="no setting 'NOPE'"):
        render(tmp_path, "{{ lookup('config', 'NOPE') }}")


# -- what lookups are given and give is data ---------------------------------------------------

HOSTILE = st.text(st.sampled_from("{}%#ab'\" \n")).map(
    lambda text: f"{{{{ lookup('pipe', 'touch HIT') }}}}{text}{{% include 'HIT' %}}"
)
SAFE = st.sampled_from([
    "{{ lookup('items', x) }}", "{{ query('list', x) | first }}",
    "{{ query('dict', {x: 1}) | map(attribute='key') | first }}",
    "{{ lookup('env', 'NOPE', default=x) }}", "{{ query('nested', [x], [1]) | first | first }}",
    "{{ query('indexed_items', [x]) | map('last') | first }}", "{{ lookup('vars', 'x') }}",
    "{{ lookup('vars', 'nope', default=x) }}", "{{ lookup('random_choice', x) }}",
    "{{ lookup('csvfile', 'nope', file='t.csv', default=x) }}",
    "{{ lookup('ini', 'nope', file='t.ini', section='s', default=x) }}",
    "{{ lookup('template', 't.j2') }}", "{{ query('together', [x], [1]) | first | first }}",
    "{{ {x: 1} | dict2items | map(attribute='key') | first }}",
    "{% for k in {x: 1} %}{{ k }}{% endfor %}", "{{ hostvars[x].name }}", "{{ via }}",
    "{{ [x] | map('regex_replace', '^', '') | first }}", "{{ x | to_json | from_json }}",
])


@given(text=HOSTILE, template=SAFE)
def test_what_devices_say_is_never_rendered(
    tmp_path_factory: pytest.TempPathFactory, text: str, template: str
) -> None:
    """As argument, key, default, list member, host name, or in a template file."""
    folder = tmp_path_factory.getbasetemp() / "hostile"
    folder.mkdir(exist_ok=True)
    (folder / "t.csv").write_text("a\tb\n", encoding="utf-8")
    (folder / "t.ini").write_text("[s]\na = b\n", encoding="utf-8")
    (folder / "t.j2").write_text("{{ x }}", encoding="utf-8")
    given_world = {"x": text, "hostvars": {text: {"name": text}}, "via": TemplateText("{{ x }}")}
    assert render(folder, template, **given_world) == text
    assert not (folder / "HIT").exists()
