"""Ad-hoc commands in stages, on simulated devices over real SSH."""

from __future__ import annotations


def test_a_command_goes_out_in_stages(fleet, fleetrun):
    """One device, then 60 %, then all; each device once."""
    events = fleetrun.events("exec", "all", "-i", fleet.inventory, "--canary", "1",
                             "--then", "60%,100%", "--soak", "1s",
                             "-m", "command", "-a", "hostname")
    assert events[-1]["exit_code"] == 0
    begun = [(e["name"], e["device_count"]) for e in events if e["type"] == "stage_started"]
    assert begun == [("1", 1), ("60%", 2), ("100%", 2)]
    assert [e["name"] for e in events if e["type"] == "stage_soaking"] == ["1", "60%"]
    assert sum(event["type"] == "device_started" for event in events) == 5


def test_a_canary_that_fails_is_the_only_one_touched(fleet, fleetrun):
    """Exit 5, four devices cancelled; resume decides the same."""
    events = fleetrun.events("exec", "all", "-i", fleet.inventory, "--canary", "1",
                             "-m", "command", "-a", "false")
    assert events[-1]["exit_code"] == 5
    assert sorted(events[-1]["outcomes"].values()) == [*["cancelled"] * 4, "failed"]
    assert fleetrun("resume", "last").returncode == 5
    replayed = fleetrun("replay", "last")
    assert replayed.returncode == 0, replayed.stdout


def test_wrong_sizes_are_errors_before_anything_is_contacted(fleet, fleetrun):
    """Stages are cumulative, and --then needs a canary."""
    for words, said in (
        (["--canary", "x"], "a number of devices or a percentage"),
        (["--canary", "5", "--then", "3"], "adds no device"),
        (["--then", "50%"], "go with --canary"),
        (["--canary", "1", "--soak", "soon"], "a span of time"),
    ):
        done = fleetrun("exec", "all", "-i", fleet.inventory, *words, "--", "true")
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
