"""What must hold for every module's spec and program."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fleetrun.loading.modules import load_library, modules_folder
from fleetrun.loading.yamlfile import read_yaml
from fleetrun.model.module import ModuleKind, ModuleSpec

LIBRARY = load_library()
ON_DEVICE = {ModuleKind.DEVICE, ModuleKind.PREPARED}
SPECS = {name: LIBRARY.get(name) for name in LIBRARY.names()}
PROGRAMS = {
    name: spec for name, spec in SPECS.items() if spec is not None and spec.program
}


@pytest.fixture(params=sorted(SPECS))
def spec(request: pytest.FixtureRequest) -> ModuleSpec:
    """Each module's spec."""
    found = SPECS[request.param]
    assert found is not None
    return found


def test_says_what_it_is_and_what_its_arguments_are(spec: ModuleSpec) -> None:
    """The spec is the documentation: a summary, examples, and a sentence per argument."""
    assert spec.summary
    assert spec.examples
    assert not spec.summary.endswith(".")
    assert [] == [name for name, arg in spec.args.items() if not arg.description]


def test_examples_are_yaml_that_names_the_module(spec: ModuleSpec) -> None:
    """Examples can be pasted into a playbook."""
    tasks = read_yaml(Path("examples.yml"), trusted=False, text=spec.examples).value
    assert any(spec.name in task for task in tasks)


def test_has_a_program_when_it_runs_on_the_device(spec: ModuleSpec) -> None:
    """Kinds device and prepared have a program; of the others only reboot has one."""
    assert bool(spec.program) == (spec.kind in ON_DEVICE or spec.name == "reboot")


def test_has_at_least_five_cases(spec: ModuleSpec) -> None:
    """Every program on the device is tested as data."""
    if not spec.program:
        return
    cases = read_yaml(Path(__file__).parent / "cases" / f"{spec.name}.yml", trusted=False).value
    assert 5 <= len(cases)
    assert len(cases) == len({case["name"] for case in cases})


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_program_reads_declared_arguments_only(name: str) -> None:
    """A program that reads an argument nobody declared would stop under set -u."""
    spec = PROGRAMS[name]
    declared = {key.replace("-", "_") for key in spec.args} | {"verb", "_raw_params"}
    # A program that stands in for another sets what that one reads.
    declared |= set(re.findall(r"(?m)(?:^| )a_(\w+)=", spec.program))
    guarded = set(re.findall(r"fr_has (\w+)", spec.program))
    guarded |= set(re.findall(r"\$\{a_(\w+):-", spec.program))
    text = re.sub(r"(?m)^\s*#.*$", "", spec.program)
    read = set(re.findall(r"\$\{?a_(\w+)", text))
    known = declared | guarded
    unknown = {key for key in read if key not in known and re.sub(r"_n?$", "", key) not in known}
    assert set() == unknown


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_shellcheck_finds_nothing(name: str) -> None:
    """Programs are POSIX sh; variables come from the runtime, so those codes are off."""
    shellcheck = shutil.which("shellcheck")
    assert shellcheck is not None, "shellcheck is not installed"
    program = PROGRAMS[name].program
    done = subprocess.run(
        [shellcheck, "-s", "sh", "-e", "SC2154,SC2034,SC2016,SC2317", "-f", "gcc", "-"],
        input=f"fr_m_{name}() {{\n{program}\n}}\n", capture_output=True, text=True, check=False,
    )
    assert "" == done.stdout


def test_shellcheck_finds_nothing_in_the_paths_library() -> None:
    """What the file modules share is as clean as they are."""
    shellcheck = shutil.which("shellcheck")
    assert shellcheck is not None, "shellcheck is not installed"
    done = subprocess.run(
        [shellcheck, "-s", "sh", "-e", "SC2154,SC2034", "-f", "gcc",
         str(modules_folder() / "lib" / "25-paths.sh")],
        capture_output=True, text=True, check=False,
    )
    assert "" == done.stdout
