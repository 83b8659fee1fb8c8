"""Limits, rate, soak, approval and the operator's wishes, on simulated devices over real SSH."""

from __future__ import annotations

import itertools
import json
import sqlite3
import time
from contextlib import closing

from tests.e2e.conftest import interrupt

SITES = """
all:
  hosts:
    gw-001: {site: a}
    sensor-001: {site: a}
    sensor-002: {site: a}
    sensor-003: {site: b}
    sensor-004: {site: b}
"""
TASKS = """
  gather_facts: false
  tasks: [{name: work, shell: "sleep 0.3; echo x >> /root/stages"}]
"""


def play(fleetrun, rollout: str) -> str:
    (fleetrun.folder / "sites.yml").write_text(SITES)
    return fleetrun.play("play.yml", f"- hosts: all\n  rollout: {rollout}{TASKS}")


def spans(events: list[dict]) -> dict[str, tuple[float, float]]:
    """device -> when it started and finished, as the journal says it."""
    started = {e["device"]: e["at"] for e in events if e["type"] == "device_started"}
    return {
        e["device"]: (started[e["device"]], e["at"])
        for e in events if e["type"] == "device_finished" and e["device"] in started
    }


def most_at_once(some: list[tuple[float, float]]) -> int:
    return max(sum(a <= start < b for a, b in some) for start, _ in some)


def wait_for(process, kind: str) -> list[dict]:
    """Reads the NDJSON of a run until an event of this type comes."""
    seen: list[dict] = []
    for line in process.stdout:
        seen.append(json.loads(line))
        if seen[-1]["type"] == kind:
            return seen
    raise AssertionError(f"the run ended without {kind}: {seen[-1:]} {process.stderr.read()}")


def start(fleet, fleetrun):
    return fleetrun.start("run", "play.yml", "-i", fleet.inventory, "-i", "sites.yml",
                          "--output", "json")


def replays(fleetrun) -> None:
    """Every decision of the last run follows from its journal."""
    done = fleetrun("replay", "last")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "follow from the journal" in done.stdout


def rest_of(process) -> list[dict]:
    lines = process.stdout.read().splitlines()
    process.communicate(timeout=60)
    return [json.loads(line) for line in lines]


def test_limits_and_rate_hold_at_every_instant(fleet, fleetrun):
    """One device per site at a time, and starts at least half a second apart."""
    play(fleetrun, "{limits: [{per: site, max: 1}], rate: {per_minute: 120}}")
    events = fleetrun.events("run", "play.yml", "-i", fleet.inventory, "-i", "sites.yml")
    assert events[-1]["exit_code"] == 0
    found = spans(events)
    assert len(found) == 5
    for site in ({"gw-001", "sensor-001", "sensor-002"}, {"sensor-003", "sensor-004"}):
        assert most_at_once([found[name] for name in site]) == 1
    starts = sorted(begin for begin, _ in found.values())
    assert all(b - a > 0.45 for a, b in itertools.pairwise(starts))
    replays(fleetrun)


def test_a_share_of_a_site_is_a_limit(fleet, fleetrun):
    """50 % of 3 and of 2 devices are one each; without the limit all run at once."""
    play(fleetrun, "{limits: [{per: site, max: 50%}]}")
    events = fleetrun.events("run", "play.yml", "-i", fleet.inventory, "-i", "sites.yml")
    found = spans(events)
    assert most_at_once([found[n] for n in ("gw-001", "sensor-001", "sensor-002")]) == 1
    assert most_at_once(list(found.values())) == 2
    replays(fleetrun)


def test_a_stage_soaks_before_the_next_one_starts(fleet, fleetrun):
    """The soak counts from the last success, and is told."""
    play(fleetrun, "{stages: [{name: canary, pick: 1, soak: 2s}, {name: rest, pick: 100%}]}")
    events = fleetrun.events("run", "play.yml", "-i", fleet.inventory)
    found = spans(events)
    first_end = found.pop("gw-001")[1]
    [soak] = [event for event in events if event["type"] == "stage_soaking"]
    assert soak["name"] == "canary"
    assert abs(soak["until"] - first_end - 2) < 0.2
    assert all(begin >= soak["until"] for begin, _ in found.values())
    assert events[-1]["exit_code"] == 0
    replays(fleetrun)


def test_a_soak_survives_a_kill_and_is_not_begun_anew(fleet, fleetrun):
    """kill -9 in the soak; resume waits for what is left of it."""
    play(fleetrun, "{stages: [{name: canary, pick: 1, soak: 5s}, {name: rest, pick: 100%}]}")
    process = start(fleet, fleetrun)
    [*_, soak] = wait_for(process, "stage_soaking")
    # The event is shown a moment before it is durable.
    time.sleep(0.5)
    process.kill()
    process.communicate()
    time.sleep(1)
    done = fleetrun("resume", "last", "--output", "json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    again = [event["until"] for event in events if event["type"] == "stage_soaking"]
    assert again == [soak["until"]]
    found = spans(events)
    assert "gw-001" not in found
    assert all(begin >= soak["until"] for begin, _ in found.values())
    replays(fleetrun)


def test_a_stage_waits_for_approval_from_another_shell(fleet, fleetrun):
    """Nothing starts before `approve`; who approved is in the journal."""
    play(fleetrun, "{stages: [{name: canary, pick: 1}, {name: ask, pause: {approval: ops}},"
                   " {name: rest, pick: 100%}]}")
    process = start(fleet, fleetrun)
    seen = wait_for(process, "stage_waiting")
    assert (seen[-1]["name"], seen[-1]["who"]) == ("ask", "ops")
    time.sleep(0.5)
    said = fleetrun("approve", "last", "--stage", "ask")
    assert said.returncode == 0, said.stderr
    events = rest_of(process)
    assert process.returncode == 0
    assert events[0]["type"] == "stage_released"
    assert events[0]["reason"].startswith("approved by ")
    assert len(spans(events)) == 4
    replays(fleetrun)


def test_an_approval_that_does_not_come_halts(fleet, fleetrun):
    """on_timeout: abort closes the gate; the rest is cancelled."""
    play(fleetrun, "{stages: [{name: canary, pick: 1},"
                   " {name: ask, pause: {approval: ops, timeout: 1s}}, {name: rest, pick: 100%}]}")
    events = fleetrun.events("run", "play.yml", "-i", fleet.inventory)
    assert events[-1]["exit_code"] == 5
    assert "ops did not approve within 1s" in events[-1]["reason"]
    assert list(events[-1]["outcomes"].values()).count("cancelled") == 4
    replays(fleetrun)


def test_a_stop_in_a_wait_is_resumed_there(fleet, fleetrun):
    """Ctrl-C while it waits for approval: exit 130; resume waits again, then goes on."""
    play(fleetrun, "{stages: [{name: canary, pick: 1}, {name: ask, pause: {approval: ops}},"
                   " {name: rest, pick: 100%}]}")
    process = start(fleet, fleetrun)
    wait_for(process, "stage_waiting")
    interrupt(process)
    process.communicate(timeout=30)
    assert process.returncode == 130
    # Left while nobody drives the run: taken up by resume.
    assert "resume" in fleetrun("approve", "last", "--stage", "ask").stderr
    done = fleetrun("resume", "last", "--output", "json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(spans(events)) == 4
    assert any(event["type"] == "stage_released" for event in events)
    replays(fleetrun)


def test_pause_and_promote_from_another_shell(fleet, fleetrun):
    """A paused run starts nothing until it is promoted."""
    # Two seconds between starts, so that another process comes in time on a busy machine.
    play(fleetrun, "{rate: {per_minute: 30}, stages: [{name: all, pick: 100%}]}")
    process = start(fleet, fleetrun)
    wait_for(process, "device_started")
    assert fleetrun("pause", "last").returncode == 0
    seen = wait_for(process, "rollout_paused")
    assert seen[-1]["by"]
    time.sleep(1.5)
    before = time.time()
    assert fleetrun("promote", "last").returncode == 0
    events = rest_of(process)
    assert process.returncode == 0
    starts = [event["at"] for event in events if event["type"] == "device_started"]
    assert starts
    assert all(at > before for at in starts)
    replays(fleetrun)


def test_abort_is_for_good(fleet, fleetrun):
    """What runs ends, the rest is cancelled; resume does not go on with it."""
    play(fleetrun, "{concurrency: 1, stages: [{name: canary, pick: 1, soak: 1h},"
                   " {name: rest, pick: 100%}]}")
    process = start(fleet, fleetrun)
    wait_for(process, "stage_soaking")
    assert fleetrun("abort", "last").returncode == 0
    events = rest_of(process)
    assert process.returncode == 5
    assert events[-1]["reason"].startswith("aborted by ")
    assert list(events[-1]["outcomes"].values()).count("cancelled") == 4
    done = fleetrun("resume", "last", "--output", "json")
    assert done.returncode == 5, done.stderr
    assert '"device_started"' not in done.stdout
    late = fleetrun("abort", "last")
    assert late.returncode == 2
    assert "is over" in late.stderr
    replays(fleetrun)


def with_check(fleetrun, script: str, more: str = "") -> None:
    (fleetrun.folder / "kpi.sh").write_text("#!/bin/sh\n" + script)
    (fleetrun.folder / "kpi.sh").chmod(0o755)
    play(fleetrun, "{stages: [{name: canary, pick: 1, gate: {external: {cmd: ./kpi.sh, every: 1s"
                   + more + "}}}, {name: rest, pick: 100%}]}")


def test_an_external_check_lets_the_next_stage_start(fleet, fleetrun):
    """Two checks that pass, told with what they printed; then all others."""
    with_check(fleetrun, "echo x >> seen; echo errors: 0 in $FLEETRUN_STAGE", ", count: 2")
    events = fleetrun.events("run", "play.yml", "-i", fleet.inventory)
    said = [event for event in events if event["type"] == "stage_checked"]
    assert [(one["verdict"], one["text"]) for one in said] == [("ok", "errors: 0 in canary")] * 2
    assert (fleetrun.folder / "seen").read_text() == "x\nx\n"
    found = spans(events)
    assert all(found[name][0] >= said[-1]["at"] for name in set(found) - {"gw-001"})
    assert events[-1]["exit_code"] == 0
    replays(fleetrun)


def test_an_external_check_that_fails_halts(fleet, fleetrun):
    """Only the canary was touched."""
    with_check(fleetrun, "echo errors: 7 %; exit 1")
    events = fleetrun.events("run", "play.yml", "-i", fleet.inventory)
    assert events[-1]["exit_code"] == 5
    assert events[-1]["reason"] == "canary: the external check failed once: errors: 7 %"
    assert list(spans(events)) == ["gw-001"]
    replays(fleetrun)


def test_an_inconclusive_check_waits_for_a_person(fleet, fleetrun):
    """`promote` from another shell decides."""
    with_check(fleetrun, "echo no data; exit 75")
    process = start(fleet, fleetrun)
    seen = wait_for(process, "stage_waiting")
    assert "no data" in seen[-1]["who"]
    assert fleetrun("promote", "last").returncode == 0
    events = rest_of(process)
    assert process.returncode == 0
    assert len(spans(events)) == 4
    replays(fleetrun)


def test_a_journal_that_was_tampered_with_does_not_replay(fleet, fleetrun):
    """An outcome that is not what the gate judged by is found."""
    play(fleetrun, "{stages: [{name: canary, pick: 1}, {name: rest, pick: 100%}]}")
    assert fleetrun("run", "play.yml", "-i", fleet.inventory).returncode == 0
    [path] = (fleetrun.folder / "state").rglob("*.db")
    with closing(sqlite3.connect(path)) as journal:
        changed = journal.execute(
            "UPDATE events SET body = replace(body, '\"outcome\":\"changed\"',"
            " '\"outcome\":\"failed\"') WHERE body LIKE '%device_finished%'"
            " AND body LIKE '%gw-001%'"
        ).rowcount
        journal.commit()
    assert changed == 1
    done = fleetrun("replay", "last")
    assert done.returncode == 1
    assert "canary" in done.stdout
