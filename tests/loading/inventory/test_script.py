"""Executable inventories: real scripts, good and hostile ones."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from fleetrun.errors import InputError, Problem
from fleetrun.loading import program
from fleetrun.loading.inventory import load_inventory
from fleetrun.model.inventory import Inventory
from fleetrun.model.values import TemplateText


def write_script(folder: Path, body: str) -> str:
    """An executable script with `body`."""
    path = folder / "list.sh"
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def load(folder: Path, body: str) -> Inventory:
    return load_inventory([write_script(folder, body)])


def problem_of(folder: Path, body: str) -> Problem:
    with pytest.raises(InputError) as caught:
        load(folder, body)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def test_values_are_data_and_never_templates(tmp_path: Path) -> None:
    """A program's output may come from anywhere; braces in it stay text."""
    inventory = load(
        tmp_path,
        """echo '{"g": {"hosts": ["a"], "vars": {"t": "{{ x }}"}},"""
        """ "_meta": {"hostvars": {"a": {"u": "{{ y }}"}}}}'""",
    )
    values = [
        inventory.groups["g"].layers.source["t"], inventory.devices["a"].layers.source["u"],
    ]
    assert values == ["{{ x }}", "{{ y }}"]
    assert [isinstance(value, TemplateText) for value in values] == [False, False]


def test_says_that_it_ran_once_per_device(tmp_path: Path) -> None:
    """Without `_meta` a large fleet is slow, and the person should know why."""
    body = """case $1 in --list) echo '{"g": ["a", "b"]}';; *) echo "{\\"me\\": \\"$2\\"}";; esac"""
    inventory = load(tmp_path, body)
    assert inventory.devices["b"].layers.source == {"me": "b"}
    assert inventory.warnings[0].endswith("prints no `_meta`, so it ran once per device (2 times)")


def test_warns_of_variables_of_devices_in_no_group(tmp_path: Path) -> None:
    """Ansible ignores them without a word."""
    inventory = load(tmp_path, """echo '{"_meta": {"hostvars": {"lost": {}}}}'""")
    assert inventory.devices == {}
    assert "such as `lost`" in inventory.warnings[0]


def test_empty_groups_are_groups(tmp_path: Path) -> None:
    """Scripts print `{}` and `[]` for groups without devices."""
    inventory = load(tmp_path, """echo '{"a": {}, "b": [], "_meta": {}}'""")
    assert list(inventory.groups) == ["all", "ungrouped", "a", "b"]
    assert inventory.devices == {}


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("", "--list did not print JSON"),
        ("[1]", "--list must print a JSON object"),
        ('{"g": 1}', "the group `g` must be a list of devices"),
        ('{"g": {"foo": 1}}', "the group `g` must be a list of devices"),
        ('{"g": {"hosts": "a"}, "_meta": {}}', "`hosts` of the group `g` must be a list of names"),
        ('{"g": {"hosts": [1]}, "_meta": {}}', "`hosts` of the group `g` must be a list of names"),
        ('{"g": {"vars": [1]}, "_meta": {}}', "`vars` of the group `g` must be an object"),
        ('{"g": ["a"], "_meta": {"hostvars": {"a": 1}}}', "the variables of `a` must be an object"),
        ('{"_meta": 1}', "`_meta` must be an object"),
        ('{"_meta": {"hostvars": [1]}}', "`_meta.hostvars` must be an object"),
        ('{"g": {"hosts": [], "vars": {"x": "\\ud800"}}}', "--list did not print JSON"),
        ("[" * 100_000, "--list did not print JSON"),
    ],
)
def test_wrong_output_is_an_error(tmp_path: Path, output: str, message: str) -> None:
    """Whatever a script prints, the error says what is wrong with it."""
    (tmp_path / "out").write_text(output)
    problem = problem_of(tmp_path, f"cat '{tmp_path}/out'")
    assert problem.kind == "input/script-output"
    assert message in problem.message


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    """JSON is UTF-8."""
    problem = problem_of(tmp_path, r"""printf '{"g\377": []}'""")
    assert problem.kind == "input/script-output"


def test_bad_names_are_refused_once(tmp_path: Path) -> None:
    """A name from a program is checked like any other; ranges are not expanded."""
    problem = problem_of(
        tmp_path, """echo '{"g": ["a[1:2]"], "_meta": {"hostvars": {"a[1:2]": {"x": 1}}}}'"""
    )
    assert problem.kind == "input/device-name"


def test_a_failing_script_is_an_error_without_its_secrets(tmp_path: Path) -> None:
    """Exit status and the end of stderr are shown, passwords and colours are not."""
    problem = problem_of(
        tmp_path,
        r"""printf 'start\npassword=hunter2 \033[31mlogin https://me:s3cret@db.example failed\n' >&2
        echo 'Authorization: Bearer abc.def' >&2
        echo 'key AKIAIOSFODNN7EXAMPLE1' >&2
        echo '{}'; exit 3""",
    )
    assert problem.kind == "input/script-failed"
    assert "ended with exit status 3: " in problem.message
    assert "https://***@db.example failed" in problem.message
    for secret in ("hunter2", "s3cret", "abc.def", "AKIA", "\x1b", "\n"):
        assert secret not in problem.message


def test_a_killed_script_is_an_error(tmp_path: Path) -> None:
    """Half an answer of a script that died is no answer."""
    assert "signal 9" in problem_of(tmp_path, "echo '{}'; kill -9 $$").message


def test_a_script_that_hangs_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that a script started is left behind."""
    monkeypatch.setattr(program, "TIMEOUT_S", 2.0)
    problem = problem_of(tmp_path, f"sleep 60 & echo $! >'{tmp_path}/pid'; wait")
    assert problem.kind == "input/script-timeout"
    child = int((tmp_path / "pid").read_text())
    wait_until_gone(child)


def wait_until_gone(pid: int) -> None:
    """Fails when the process still runs after five seconds."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.02)
    pytest.fail(f"process {pid} still runs")


def test_a_script_that_floods_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Endless output ends at the cap, not at the end of memory."""
    monkeypatch.setattr(program, "MAX_OUTPUT_BYTES", 100_000)
    problem = problem_of(tmp_path, "exec yes")
    assert problem.kind == "input/script-output"


def test_much_stderr_does_not_block_a_script(tmp_path: Path) -> None:
    """Both pipes are read, so neither fills up."""
    inventory = load(
        tmp_path, "yes warning | head -c 300000 >&2; echo '{\"g\": [\"a\"], \"_meta\": {}}'"
    )
    assert list(inventory.devices) == ["a"]


def test_a_child_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    """A script may leave a process that keeps its output open; waiting would time out."""
    body = f"sleep 300 & echo $! >'{tmp_path}/pid'; echo '{{\"g\": [\"a\"], \"_meta\": {{}}}}'"
    try:
        assert list(load(tmp_path, body).devices) == ["a"]
    finally:
        os.kill(int((tmp_path / "pid").read_text()), 9)


def test_output_before_the_end_is_never_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late the reader comes, it takes all that is in the pipe."""
    monkeypatch.setattr(program, "_DRAIN_S", -1.0)
    names = [f"device-{number}" for number in range(3000)]
    (tmp_path / "out").write_text(json.dumps({"g": names, "_meta": {}}))
    inventory = load(tmp_path, f"sleep 300 & echo $! >'{tmp_path}/pid'; cat '{tmp_path}/out'")
    os.kill(int((tmp_path / "pid").read_text()), 9)
    assert names == list(inventory.devices)


def test_a_script_without_the_bit_says_what_to_do(tmp_path: Path) -> None:
    """A forgotten chmod must not be read as an INI file."""
    path = write_script(tmp_path, "echo '{}'")
    Path(path).chmod(0o644)
    with pytest.raises(InputError) as caught:
        load_inventory([path])
    assert ("input/not-executable", f"run `chmod +x {path}`") == (
        caught.value.kind, caught.value.hint
    )


def test_a_script_without_its_interpreter_is_an_error(tmp_path: Path) -> None:
    """It cannot start, and the error says so."""
    path = tmp_path / "list"
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)
    with pytest.raises(InputError) as caught:
        load_inventory([str(path)])
    assert caught.value.kind == "input/script-failed"


def test_data_files_with_the_bit_are_data(tmp_path: Path) -> None:
    """On some file systems every file is executable."""
    path = tmp_path / "hosts.ini"
    path.write_text("h1\n")
    path.chmod(0o755)
    assert list(load_inventory([str(path)]).devices) == ["h1"]
