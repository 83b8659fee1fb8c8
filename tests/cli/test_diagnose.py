"""`fleetrun diagnose`: what it refuses, and that a healthy machine is told as such."""

from __future__ import annotations

import re

import pytest

from fleetrun.cli.main import main
from fleetrun.loading.modules import load_library

LOCAL = ["diagnose", "localhost", "-i", "localhost,", "-c", "local"]


@pytest.mark.parametrize(("words", "hint"), [
    (["--checks", "memory,dsk"], "did you mean disk?"),
    (["--threshold", "disk_wrn=3"], "did you mean disk_warn?"),
    (["--threshold", "disk_warn=lots"], "write it as disk_warn=20"),
    (["--sample", "20"], "--check-timeout 30"),
])
def test_refuses_what_it_does_not_know(
    words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is contacted, with what was meant."""
    assert main([*LOCAL, *words]) == 2
    assert hint in capsys.readouterr().err


def test_every_check_of_the_program_is_a_choice() -> None:
    """Spec and program name the same checks."""
    spec = load_library().get("diagnostics")
    assert spec is not None
    functions = set(re.findall(r"(?m)^fr_ck_(\w+)\(\)", spec.program))
    assert functions == set(spec.args["checks"].choices)


def test_every_threshold_is_documented_and_used() -> None:
    """No limit hides, and none is left over."""
    spec = load_library().get("diagnostics")
    assert spec is not None
    names = set(re.findall(r"(?m)(?:^|\s)t_(\w+)=-?\d", spec.program))
    used = set(re.findall(r"(?<!\w)t_([a-z_]+)\b(?!=)", spec.program))
    assert names
    assert names == used - {"name"}
    assert names == set(spec.args["thresholds"].choices)
    notes = " ".join(spec.notes)
    # Of a pair the check's name says enough.
    shown = {name.removesuffix("_warn").removesuffix("_fail") for name in names}
    assert set() == {name for name in shown if name not in notes}


def test_tells_of_this_machine(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Real files of /proc; a threshold that no machine meets makes it unhealthy: exit code 3."""
    monkeypatch.setenv("FLEETRUN_STATE", str(tmp_path))
    checks = ["--checks", "memory,fd,write_lat,time", "--threshold", "write_lat_fail=99999"]
    assert main([*LOCAL, *checks, "--threshold", "memory_fail=0", "--fail-on", "fail"]) == 0
    assert main([*LOCAL, *checks, "--threshold", "memory_fail=101"]) == 3
    assert "memory fail" in capsys.readouterr().out
