"""fleetrun doctor: is this machine fit to run fleets?"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from fleetrun.errors import ExitCode, FleetrunError


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report."""

    #: ok | warn | fail
    status: str
    title: str
    detail: str
    fix: str = ""


@click.command(epilog="""\b
Examples:
  fleetrun doctor
\b
Exit codes: 0 fit, 9 something must be mended first.
""")
def command() -> int:
    """Check Python, libraries, the state folder, the journal, limits and SSH keys."""
    findings = [check() for check in CHECKS]
    marks = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}
    for finding in findings:
        click.echo(f"{marks[finding.status]}  {finding.title}: {finding.detail}")
        if finding.fix and finding.status != "ok":
            click.echo(f"      fix: {finding.fix}")
    bad = any(finding.status == "fail" for finding in findings)
    return int(ExitCode.PREFLIGHT if bad else ExitCode.OK)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    return Finding(
        status="ok" if good else "fail", title="python", detail=version,
        fix="install Python 3.11 or newer",
    )


def _modules() -> Finding:
    from fleetrun.app.sources import load_library  # noqa: PLC0415  # keeps --help quick

    library = load_library()
    names = library.names()
    broken = []
    for name in names:
        try:
            library.get(name)
        except FleetrunError as error:
            broken.append(f"{name}: {error.message}")
    return Finding(
        status="fail" if broken or not names else "ok", title="modules",
        detail="; ".join(broken) or f"{len(names)} modules load",
        fix="install fleetrun again",
    )


def _files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Finding(
        status="ok" if hard >= 4096 else "warn", title="open files",
        detail=f"limit {soft}, may be raised to {hard} (one per connected device)",
        fix="raise `nofile` in /etc/security/limits.conf for runs with more devices",
    )


def _state() -> Finding:
    from fleetrun.app.places import state_folder  # noqa: PLC0415  # keeps --help quick

    folder = state_folder()
    probe = folder if folder.exists() else _existing_parent(folder)
    good = os.access(probe, os.W_OK | os.X_OK)
    return Finding(
        status="ok" if good else "fail", title="state folder",
        detail=f"{folder} is {'writable' if good else 'not writable'}",
        fix="set FLEETRUN_STATE to a folder of yours on a local disk",
    )


def _existing_parent(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _journal() -> Finding:
    from fleetrun.app.places import journal_path  # noqa: PLC0415
    from fleetrun.app.running import open_journal  # noqa: PLC0415  # keeps --help quick

    if not journal_path().exists():
        return Finding(status="ok", title="journal", detail="none yet")

    async def check() -> str:
        async with open_journal() as journal:
            return await journal.integrity()

    try:
        problem = asyncio.run(check())
    except FleetrunError as error:
        problem = error.message
    return Finding(
        status="fail" if problem else "ok", title="journal",
        detail=problem or f"{journal_path()} is sound",
        fix="keep a copy of the file, then move it away: a new one is made",
    )


def _keys() -> Finding:
    folder = Path.home() / ".ssh"
    keys = [key.name for key in folder.glob("id_*") if key.suffix != ".pub"]
    agent = bool(os.environ.get("SSH_AUTH_SOCK"))
    found = [*sorted(keys), *(["an agent"] if agent else [])]
    return Finding(
        status="ok" if found else "warn", title="ssh keys",
        detail=", ".join(found) or "no key in ~/.ssh and no agent",
        fix="make one with `ssh-keygen -t ed25519`, or name one with --private-key",
    )


def _lab() -> Finding:
    from fleetrun.lab.control import check_namespaces  # noqa: PLC0415  # keeps --help quick

    try:
        check_namespaces()
    except FleetrunError as error:
        return Finding(status="warn", title="lab", detail=error.message, fix=error.hint)
    return Finding(status="ok", title="lab", detail="user namespaces work")


def _shell_tools() -> Finding:
    missing = [tool for tool in ("ssh", "ssh-keygen") if shutil.which(tool) is None]
    return Finding(
        status="warn" if missing else "ok", title="ssh tools",
        detail=f"missing: {', '.join(missing)}" if missing else "ssh and ssh-keygen are there",
        fix="install openssh-client (fleetrun itself does not need it)",
    )


CHECKS: tuple[Callable[[], Finding], ...] = (
    _python, _modules, _files, _state, _journal, _keys, _shell_tools, _lab,
)
