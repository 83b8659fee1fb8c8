"""Inventories for real SSH servers, and what a run said of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from fleetrun.app import final_outcomes
from fleetrun.journal.sqlite import SqliteJournal
from fleetrun.model.events import RunStarted
from fleetrun.model.result import Outcome
from tests.support.sshd import KeyFile, SshServer


def reach(server: SshServer, key: KeyFile | None, **more: object) -> dict[str, object]:
    """The variables of a device behind `server`; its host key is pinned."""
    found: dict[str, object] = {
        "ansible_host": server.address, "ansible_port": server.port, "ansible_user": server.user,
        "fleetrun_host_key": server.host_key_line, **more,
    }
    if key is not None:
        found["ansible_ssh_private_key_file"] = str(key.path)
    return {name: value for name, value in found.items() if value is not None}


def write_inventory(
    folder: Path, devices: Mapping[str, Mapping[str, object]], name: str = "fleet.yml"
) -> str:
    """Writes an inventory (JSON is YAML); returns its path."""
    path = folder / name
    path.write_text(json.dumps({"all": {"hosts": dict(devices)}}), encoding="utf-8")
    return str(path)


def events_of(done: CompletedProcess[str]) -> list[dict[str, Any]]:
    """The events of a run with ``--output json``; the first line is the version."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def outcomes_of(done: CompletedProcess[str]) -> dict[str, str]:
    """Device -> outcome, from the run's last event."""
    last = events_of(done)[-1]
    assert last["type"] == "run_finished", done.stdout + done.stderr
    return dict(last["outcomes"])


def results_of(done: CompletedProcess[str], device: str) -> dict[str, dict[str, Any]]:
    """Task name -> result of one device."""
    return {
        event["name"]: event["result"] for event in events_of(done)
        if event["type"] == "task_finished" and event["device"] == device
    }


def finished(done: CompletedProcess[str], device: str) -> dict[str, Any]:
    """The last ``device_finished`` event of a device."""
    found = [
        event for event in events_of(done)
        if event["type"] == "device_finished" and event["device"] == device
    ]
    assert found, f"{device} has no outcome:\n{done.stdout}{done.stderr}"
    return found[-1]


def assert_whole(
    done: CompletedProcess[str], code: int, expected: Mapping[str, str], state: Path
) -> None:
    """What must hold after every run, whatever the devices did.

    The exit code is the expected one, every selected device has exactly its
    outcome, the journal says the same and is sound, and an end that is not
    good names the next command.
    """
    said = done.stdout + done.stderr
    events = events_of(done)
    assert events, said
    last = events[-1]
    assert dict(expected) == outcomes_of(done), said
    assert (code, code) == (done.returncode, last["exit_code"]), said
    assert "Traceback" not in said
    assert "internal/bug" not in {event.get("error_kind") for event in events}, said
    if code:
        assert last["next_commands"], said
        assert all(command.startswith("fleetrun ") for command in last["next_commands"])
    journal = read_journal(state, last["run"])
    assert journal.damage == ""
    assert last["outcomes"] == {name: str(it) for name, it in journal.final.items()}
    assert sorted(expected) == sorted(journal.started.devices)


@dataclass(frozen=True, kw_only=True)
class Journalled:
    """What the journal's file says of a run."""

    started: RunStarted
    final: Mapping[str, Outcome]
    damage: str


def read_journal(state: Path, run: str) -> Journalled:
    """Reads a run's journal as another process would."""

    async def main() -> Journalled:
        async with SqliteJournal(state / "journal.db") as journal:
            events = [event async for event in journal.events(run)]
            return Journalled(
                started=next(event for event in events if isinstance(event, RunStarted)),
                final=await final_outcomes(journal, run), damage=await journal.integrity(),
            )

    return asyncio.run(main())
