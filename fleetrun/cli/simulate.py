"""fleetrun simulate: how a rollout would go."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from fleetrun.cli.options import INVENTORY_OPTIONS, RUN_OPTIONS, add, as_json, invocation
from fleetrun.cli.run import PLAYBOOK_OPTIONS
from fleetrun.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from fleetrun.planning.simulation import SimulationReport


@click.command(epilog="""\b
Examples:
  fleetrun simulate site.yml -i fleet.yml
  fleetrun simulate site.yml -i fleet.yml --fail device_type=rpi3:6% --offline 2%
  fleetrun simulate site.yml -i fleet.yml --devices 500000 --seed 1 --fail 0.5%
\b
Exit codes: 0 it would go through, 2 wrong input, 5 a gate would halt it.
""")
@click.argument("playbook")
@click.option("--devices", default=None, metavar="N", type=click.IntRange(1),
              help="Pretend that the inventory has so many devices, by repeating those it has.")
@click.option("--fail", "fails", multiple=True, metavar="[VAR=VALUE:]N%",
              help="Share of devices on which the play fails.")
@click.option("--offline", multiple=True, metavar="[VAR=VALUE:]N%",
              help="Share of devices that do not answer.")
@click.option("--duration", default="60s", show_default=True, metavar="SPAN",
              help="Time that the play takes on a device; each takes 0.5 to 1.5 of it.")
@click.option("--output", default="text", type=click.Choice(["text", "json"]), show_default=True,
              help="json: one object per play on stdout.")
@add(INVENTORY_OPTIONS, PLAYBOOK_OPTIONS, RUN_OPTIONS)
def command(  # one parameter for each option of its own
    devices: int | None, fails: tuple[str, ...], offline: tuple[str, ...], duration: str,
    output: str, **flags: Any,
) -> int:
    """Play the rollouts of PLAYBOOK in virtual time; contacts nothing.

    The same machine that rolls out decides here. Devices pretend: which of
    them fail, and how long they take, is decided by --seed. Approvals are
    given at once.
    """
    from fleetrun.app import load  # noqa: PLC0415  # keeps --help quick
    from fleetrun.app.simulate import Pretence, parse_share, simulate  # noqa: PLC0415
    from fleetrun.planning.times import parse_duration  # noqa: PLC0415

    seconds = parse_duration(duration)
    if seconds is None:
        raise UsageError(f"--duration: `{duration}` is no span of time",
                         kind="usage/simulated-share", hint="write 90s, 30m or 1h30m")
    flags["seed"] = flags["seed"] or "simulation"
    pretence = Pretence(
        seed=flags["seed"], duration_s=seconds,
        fail=tuple(parse_share(text, "--fail") for text in fails),
        offline=tuple(parse_share(text, "--offline") for text in offline),
    )
    found = simulate(load(invocation(**flags)), pretence, devices)
    for plan, report in found:
        if output == "json":
            document = {"play": plan.play.name, **asdict(report), "touched": report.touched}
            click.echo(as_json(document))
        else:
            _show(f"play {plan.play.index + 1}: {plan.play.name}", report)
    return int(ExitCode.HALTED if any(report.halt for _, report in found) else ExitCode.OK)


def _show(title: str, report: SimulationReport) -> None:
    from fleetrun.planning.times import duration_text  # noqa: PLC0415  # keeps --help quick

    click.echo(f"{title} - {report.device_count} devices")
    for stage in report.stages:
        sign = "✓" if stage.passed else "✗"
        soak = f" (soak {duration_text(stage.soak_s)})" if stage.soak_s else ""
        asked = f" · asks {stage.asked}" if stage.asked else ""
        took = duration_text(stage.ended_s - stage.began_s)
        click.echo(
            f"  {sign} stage {stage.name}: {stage.device_count} devices · "
            f"from {duration_text(stage.began_s)} · took {took}{soak}{asked} · {stage.reason}"
        )
    counts = ", ".join(f"{count} {name}" for name, count in report.counts.items())
    if report.halt:
        click.echo(f"  would halt: {report.halt}")
    share = 100 * report.touched / report.device_count if report.device_count else 0.0
    click.echo(
        f"  {counts or 'no devices'} · touched {report.touched} of {report.device_count} "
        f"({share:.3g} %) · at most {report.peak} at once · {duration_text(report.elapsed_s)}"
    )
