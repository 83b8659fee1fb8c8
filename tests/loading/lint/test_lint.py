"""Lint: what will not run, and what will bite; nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fleetrun.errors import InputError
from fleetrun.loading.lint import lint_paths

ROOT = Path(__file__).parents[3]


def rules_of(folder: Path, text: str, name: str = "site.yml") -> list[str]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    report = lint_paths([str(path)])
    assert not report.errors, report.errors
    return [problem.kind.removeprefix("lint/") for problem in report.warnings]


def tasks(*lines: str, play: str = "") -> str:
    body = "".join(f"    - {line}\n" for line in lines)
    return f"- hosts: all\n{play}  tasks:\n{body}"


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("copy: {src: a, dest: /b, mode: 0644}", "unquoted-mode"),
        ("copy: 'src={{ a }} dest=/b'", "free-form-template"),
        ("command: apt-get install -y foo", "command-for-module"),
        ("shell: /bin/systemctl restart foo", "command-for-module"),
        ("shell: 'echo {{ db_password }} | login'", "no-log"),
        ("{debug: {msg: x}, when: '{{ foo }}'}", "braces-in-condition"),
        ("{debug: {msg: x}, when: [a, '{{ foo }}']}", "braces-in-condition"),
        ("{debug: {msg: x}, with_items: packages}", "bare-variable"),
        ("{command: id, ignore_errors: yes}", "ignore-errors"),
        ("{command: id, become_user: bob}", "become-user"),
        ("{command: id, vars: {country: NO}}", "yaml-word"),
        ("{command: id, vars: {port: 22:22}}", "unquoted-port"),
        ("{command: id, vars: {ansible_ssh_common_args: '-o StrictHostKeyChecking=no'}}",
         "host-keys"),
        ("{block: [{command: id, ignore_errors: true}], when: a}", "ignore-errors"),
    ],
)
def test_what_bites_is_found(tmp_path: Path, line: str, rule: str) -> None:
    """Each rule finds what it is there for, and only that."""
    assert rules_of(tmp_path, tasks(line)) == [rule]


@pytest.mark.parametrize(
    "line",
    [
        "copy: {src: a, dest: /b, mode: '0644'}", "copy: src=a dest=/b",
        "command: systemctl is-active foo", "shell: curl x | sh", "command: sed -n p /etc/x",
        "{command: useradd x, args: {creates: /home/x}}",
        "{shell: 'echo {{ db_password }}', no_log: true}",
        "{user: {name: a, password: '{{ the_password }}'}}",
        "{debug: {msg: x}, when: foo}", "{debug: {msg: x}, with_items: '{{ packages }}'}",
        "{command: id, ignore_errors: yes, register: r}",
        "{command: id, become: true, become_user: bob}",
        "{command: id, vars: {enabled: yes, port: '22:22'}}",
        "{package: {name: x, state: latest}}",
    ],
)
def test_what_is_fine_is_left_alone(tmp_path: Path, line: str) -> None:
    """A linter that cries wolf is switched off."""
    assert rules_of(tmp_path, tasks(line)) == []


def test_staged_plays_are_held_to_more(tmp_path: Path) -> None:
    """`latest` and a canary that is too small matter only there."""
    play = "  rollout: {stages: [{name: c, pick: 5}, {name: r, pick: 100%}]}\n"
    text = tasks("package: {name: x, state: latest}", play=play)
    assert rules_of(tmp_path, text) == ["small-canary", "latest-in-stages"]
    enough = play.replace("pick: 5", "pick: 59")
    assert rules_of(tmp_path, tasks("package: {name: x, state: present}", play=enough)) == []


def test_a_handler_that_nothing_can_notify(tmp_path: Path) -> None:
    """With a name or a topic it is fine."""
    text = tasks("ping:") + "  handlers:\n    - ping:\n    - {ping: , listen: x}\n"
    assert rules_of(tmp_path, text) == ["unnamed-handler"]


def test_what_will_not_run_is_counted(tmp_path: Path) -> None:
    """Errors stand at their places, and each unsupported name with its number."""
    path = tmp_path / "site.yml"
    path.write_text(tasks("win_copy: {}", "win_copy: {}", "{ping: , debugger: always}"))
    report = lint_paths([str(path)])
    assert report.unsupported == {"win_copy": 2, "debugger": 1}
    assert [error.mark and error.mark.line for error in report.errors] == [3, 4, 5]


def test_a_folder_gives_its_playbooks_and_roles(tmp_path: Path) -> None:
    """Variables, templates and files of a folder are no playbooks."""
    for name, text in {
        "site.yml": tasks("ping:"), "group_vars/all.yml": "a: 1\n", "other.yml": "a: 1\n",
        "roles/web/tasks/main.yml": "- {command: id, ignore_errors: yes}\n",
        "roles/web/handlers/main.yml": "- ping:\n", "roles/web/vars/main.yml": "b: NO\n",
        "roles/web/tasks/bad.yml": "- win_copy: {}\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    report = lint_paths([str(tmp_path)])
    assert [Path(file).name for file in report.files] == [
        "main.yml", "bad.yml", "main.yml", "site.yml",
    ]
    assert [problem.kind for problem in report.warnings] == [
        "lint/unnamed-handler", "lint/ignore-errors",
    ]
    assert report.unsupported == {"win_copy": 1}


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A typo must not read as "nothing to complain about"."""
    with pytest.raises(InputError, match="there is no file"):
        lint_paths([str(tmp_path / "nowhere")])


def test_our_own_playbooks_are_clean() -> None:
    """What we show to people follows what we tell them."""
    report = lint_paths([str(ROOT / "playbooks")])
    assert report.errors == ()
    assert [one for one in report.warnings if one.kind != "lint/small-canary"] == []


@pytest.mark.parametrize(
    ("text", "flags", "code"),
    [
        (tasks("ping:"), (), 0), (tasks("{command: id, ignore_errors: yes}"), (), 0),
        (tasks("{command: id, ignore_errors: yes}"), ("--strict",), 3),
        (tasks("win_copy: {}"), (), 2),
    ],
)
def test_exit_codes_and_json(
    tmp_path: Path, text: str, flags: tuple[str, ...], code: int
) -> None:
    """2 means that it will not run; the JSON has every problem with its place."""
    (tmp_path / "p.yml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "fleetrun.cli.main", "lint", "p.yml", "--output", "json", *flags],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )
    assert done.returncode == code, done.stderr
    report = json.loads(done.stdout)
    assert report["version"] == 1
    assert all(problem["line"] > 0 for problem in report["problems"])


def test_a_users_module_in_place_of_a_built_in_one_is_told(tmp_path: Path) -> None:
    """It wins, as in Ansible, but nobody should find that out by accident."""
    library = tmp_path / "library"
    library.mkdir()
    for name in ("ping", "motd"):
        (library / f"{name}.yml").write_text(f"name: {name}\nsummary: Mine\n")
        (library / f"{name}.sh").write_text("fr_put mine yes\n")
    assert rules_of(tmp_path, tasks("ping:", "motd:", "stat: {path: /}")) == ["hidden-module"]
