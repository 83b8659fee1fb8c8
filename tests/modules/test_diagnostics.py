"""Checks that hang: they are ended with all that they started, and hold up nobody."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

#: Tells its own process and its child's, and ends by itself only after minutes.
HANGS = """#!/bin/sh
trap '' TERM HUP
sleep 300 &
echo $$ $! >>"$HOME/pids"
wait
"""
MOUNTS = "/dev/root / ext4 rw 0 0\n"


def is_alive(pid: str) -> bool:
    """True for a process that runs; one that only waits to be reaped is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("shell", ["dash", "busybox", "bash"])
def test_a_check_that_hangs_is_ended_with_its_children(shell: str, make_device) -> None:
    """Both hang at the same time: one time limit, two errors, the third check answers."""
    device = make_device(shell)
    (device.root / "proc").mkdir()
    (device.root / "proc/mounts").write_text(MOUNTS)
    (device.root / "proc/loadavg").write_text("0.10 0.10 0.10 1/10 9\n")
    (device.root / "bin").mkdir(exist_ok=True)
    (device.root / "bin/df").write_text(HANGS)
    (device.root / "bin/df").chmod(0o755)
    device.env["FLEETRUN_ROOT"] = str(device.root)
    began = time.monotonic()
    reply = device.module(
        "diagnostics", checks=["disk", "inodes", "load"], timeout=1, fail_on="never"
    )
    assert time.monotonic() - began < 20
    statuses = {one["id"]: one["status"] for one in reply.values["checks"]}
    assert statuses == {"disk": "error", "inodes": "error", "load": "ok"}
    assert reply.values["healthy"] is False
    pids = (device.root / "pids").read_text().split()
    assert len(pids) == 4
    assert [] == [pid for pid in pids if is_alive(pid)]


@pytest.mark.parametrize("shell", ["dash", "busybox", "bash"])
def test_all_checks_answer_within_64_kib(shell: str, make_device) -> None:
    """Every check that runs by default has one line, whatever this machine is."""
    reply = make_device(shell).module("diagnostics", fail_on="never")
    checks = reply.values["checks"]
    assert len(checks) == 27
    assert "ended without an answer" not in {one["detail"] for one in checks}
    assert sum(reply.values["summary"].values()) == 27
    assert len(str(reply.values)) < 65536


@pytest.mark.parametrize("shell", ["dash", "busybox", "bash"])
def test_the_kernels_own_files_are_read_whole(shell: str, make_device) -> None:
    """Files of /proc/sys have an end after the first byte for shells that read byte by byte."""
    reply = make_device(shell).module("diagnostics", checks=["fd"], fail_on="never")
    open_files = int(reply.values["checks"][0]["detail"].split()[0])
    assert open_files > 9
