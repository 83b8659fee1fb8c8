"""The audit log's chain."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetrun.bastion.audit import AuditLog, verify
from fleetrun.errors import PreflightError


def write(path: Path, count: int = 4) -> str:
    """Writes `count` events; returns the head."""
    log = AuditLog(path)
    for number in range(count):
        log.write("login", name=f"dev-{number}")
    log.close()
    return log.head


def test_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    """A second process starts where the first ended."""
    path = tmp_path / "audit"
    write(path)
    head = write(path)
    assert (8, head, "") == ((v := verify(path)).count, v.head, v.problem)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_no_byte_before_the_last_line_can_change(tmp_path: Path, at: int, byte: int) -> None:
    """Whatever byte is changed, either the chain breaks or the head is another."""
    path = tmp_path / "audit"
    path.unlink(missing_ok=True)
    head = write(path)
    content = bytearray(path.read_bytes())
    place = at % len(content)
    if content[place] == byte:
        return
    content[place] = byte
    path.write_bytes(content)
    verdict = verify(path, head)
    assert verdict.problem


def test_removed_line_is_found_at_its_place(tmp_path: Path) -> None:
    """The line after the gap does not follow the one before it."""
    path = tmp_path / "audit"
    write(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:1] + lines[2:]))
    assert "line 2: does not follow the line before it" == verify(path).problem


def test_end_that_was_cut_off_needs_the_head(tmp_path: Path) -> None:
    """The chain alone holds; with the head that was kept it does not."""
    path = tmp_path / "audit"
    head = write(path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert ("", True) == (verify(path).problem, "cut off" in verify(path, head).problem)


def test_line_that_a_crash_tore_is_dropped_and_said(tmp_path: Path) -> None:
    """The next process goes on with a whole chain that tells of it."""
    path = tmp_path / "audit"
    write(path, 2)
    with path.open("ab") as file:
        file.write(b'{"at":1,"ev')
    assert "has no end" in verify(path).problem or "JSON" in verify(path).problem
    write(path, 1)
    assert (4, "") == ((v := verify(path)).count, v.problem)
    assert b'"dropped_bytes":11' in path.read_bytes()


def test_folder_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    """A bastion that cannot log does not run."""
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(PreflightError, match="cannot write the audit log"):
        AuditLog(tmp_path / "file" / "audit")
