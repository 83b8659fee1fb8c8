"""The end of a run: counts that sum to the selection, why, and what to do next."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Final

from fleetrun.errors import ExitCode
from fleetrun.model.events import RunFinished
from fleetrun.model.result import Outcome, Recap
from fleetrun.model.values import Value
from fleetrun.reporters.escape import clip, escape_line
from fleetrun.reporters.failures import Cluster
from fleetrun.reporters.folding import count_devices, show_names
from fleetrun.reporters.palette import GLYPHS, Palette

#: Clusters shown in full; the rest is counted.
CLUSTERS_SHOWN: Final = 10

_ENDINGS: Final[Mapping[int, str]] = {
    ExitCode.OK: "done",
    ExitCode.INTERNAL: "ended by an internal error",
    ExitCode.FAILED: "finished with failures",
    ExitCode.UNREACHABLE: "finished, some devices unreachable",
    ExitCode.HALTED: "HALTED",
    ExitCode.UNKNOWN: "finished, some outcomes unknown",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "interrupted",
}


def stats_lines(event: RunFinished) -> list[str]:
    """Returns what ``set_stats`` gathered, the whole run's first."""
    per_host = event.stats.get("per_host")
    groups: dict[str, Value] = {"stats": event.stats.get("run")}
    if isinstance(per_host, Mapping):
        groups |= {f"stats of {name}": values for name, values in per_host.items()}
    return [
        f"{escape_line(name)}: {escape_line(json.dumps(values, default=str))}"
        for name, values in groups.items() if values
    ]


def headline(event: RunFinished, palette: Palette) -> str:
    """Returns how the run ended, on one line."""
    ending = _ENDINGS.get(event.exit_code, f"exit code {event.exit_code}")
    colour = "good" if event.exit_code == 0 else "bad"
    words = [f"run {escape_line(event.run)}", palette.paint(ending, colour)]
    if event.reason:
        words.append(escape_line(event.reason))
    words.append(duration(event.elapsed_s))
    return " · ".join(words)


def outcome_counts(outcomes: Iterable[Outcome], palette: Palette) -> str:
    """Returns "50 devices: 10 ok · 1 failed …"; the counts sum to the first."""
    counted = Counter(outcomes)
    parts = [
        palette.paint(f"{counted[outcome]:,} {outcome.value}", outcome.value)
        for outcome in Outcome if counted[outcome]
    ]
    return f"{count_devices(counted.total())}: {' · '.join(parts) or 'nothing selected'}"


def cluster_lines(
    clusters: Sequence[Cluster], run: str, *, width: int, palette: Palette
) -> list[str]:
    """Returns the failure clusters: what, how many, who, and what to type."""
    lines: list[str] = []
    for cluster in clusters[:CLUSTERS_SHOWN]:
        what = f"{cluster.task}: " if cluster.task else f"{cluster.outcome.value}: "
        glyph = palette.paint(GLYPHS[cluster.outcome.value], cluster.outcome.value)
        text = f"{what}{count_devices(len(cluster.devices))} · {cluster.message}"
        lines += [
            f"{glyph} {clip(text, max(width - 2, 40))}",
            f"    {show_names(cluster.devices)}",
            f"  next: {next_command(cluster, run)}",
        ]
    more = clusters[CLUSTERS_SHOWN:]
    if more:
        devices = sum(len(cluster.devices) for cluster in more)
        lines.append(
            f"… and {len(more)} more kinds of failure on {count_devices(devices)}: "
            f"fleetrun runs show {run}"
        )
    return lines


def next_command(cluster: Cluster, run: str) -> str:
    """Returns the command that goes on with the devices of a cluster."""
    if cluster.outcome is Outcome.UNKNOWN:
        return f"fleetrun resume {run}"
    return f"fleetrun retry {run} --only {cluster.outcome.value}"


def recap_lines(
    recaps: Mapping[str, Recap], outcomes: Mapping[str, Outcome], palette: Palette
) -> list[str]:
    """Returns a line per device, as Ansible's PLAY RECAP has it."""
    shown = {device: escape_line(device) for device in outcomes}
    column = max(map(len, shown.values()), default=0)
    lines = []
    for device, outcome in outcomes.items():
        name = palette.paint(f"{shown[device]:<{column}}", outcome.value)
        recap = recaps.get(device, Recap())
        counts = " ".join(
            f"{field.name}={getattr(recap, field.name):<3}" for field in fields(Recap)
        )
        lines.append(f"{name} : {counts} {outcome.value}")
    return lines


def add_recaps(one: Recap, two: Recap) -> Recap:
    """Returns the sum of a device's recaps in two plays."""
    return Recap(**{
        field.name: getattr(one, field.name) + getattr(two, field.name)
        for field in fields(Recap)
    })


def duration(seconds: float) -> str:
    """Returns "0.4 s", "12 s", "3m 05s" or "2h 07m"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m {rest:02}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"
