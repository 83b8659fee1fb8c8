"""A graph with a scope on simulated devices: each site waits for itself alone."""

from __future__ import annotations

SITES = """
all:
  hosts:
    gw-001: {site: a}
    sensor-001: {site: b}
    sensor-002: {site: a}
    sensor-003: {site: b}
    sensor-004: {site: a}
  children:
    front: {hosts: {gw-001: {}, sensor-001: {}}}
    back: {hosts: {sensor-002: {}, sensor-003: {}, sensor-004: {}}}
"""
PLAY = """
- hosts: front:back
  gather_facts: false
  graph: {back: {after: front, scope: site}}
  tasks:
    - {name: work, shell: "sleep {{ 2 if inventory_hostname == 'sensor-001' else 0 }}"}
    - {name: bad, command: "{{ 'false' if inventory_hostname in bad else 'true' }}"}
"""


def run(fleet, fleetrun, bad: str) -> list[dict]:
    (fleetrun.folder / "sites.yml").write_text(SITES)
    fleetrun.play("play.yml", PLAY)
    return fleetrun.events(
        "run", "play.yml", "-i", fleet.inventory, "-i", "sites.yml", "-e", f"bad={bad}",
    )


def test_a_site_does_not_wait_for_the_slow_gateway_of_another(fleet, fleetrun):
    """Site a is through before site b's gateway is; b's sensor starts after it."""
    events = run(fleet, fleetrun, "nobody")
    order = [
        (event["type"], event["device"]) for event in events
        if event["type"] in {"device_started", "device_finished"}
    ]
    slow = order.index(("device_finished", "sensor-001"))
    assert order.index(("device_finished", "sensor-004")) < slow
    assert order.index(("device_finished", "sensor-002")) < slow
    assert order.index(("device_started", "sensor-003")) > slow
    assert events[-1]["exit_code"] == 0


def test_a_failed_gateway_skips_its_own_site_and_says_why(fleet, fleetrun):
    """The other site goes on."""
    events = run(fleet, fleetrun, "sensor-001")
    assert events[-1]["exit_code"] == 3
    outcomes = events[-1]["outcomes"]
    assert (outcomes["sensor-002"], outcomes["sensor-003"]) == ("changed", "skipped")
    [reason] = [
        event["reason"] for event in events
        if event["type"] == "device_finished" and event["device"] == "sensor-003"
    ]
    assert reason == "upstream front of site b failed: none of 1 devices succeeded"
