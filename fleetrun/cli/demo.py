"""fleetrun demo: a rollout over a simulated fleet, with a bad update in it."""

from __future__ import annotations

from pathlib import Path

import click

from fleetrun.errors import ExitCode, PreflightError

#: The device type on which the new version crashes.
BAD_TYPE = "rpi3"


@click.command(epilog="""\b
Examples:
  fleetrun demo
  fleetrun demo --devices 200 --keep
\b
Exit codes: 0 the rollout halted at its canary as it should; 1 it did not;
9 this machine cannot run simulated devices.
""")
@click.option("--devices", default=50, show_default=True, type=click.IntRange(15, 1000),
              help="How many.")
@click.option("--keep", is_flag=True, help="Leave the devices up afterwards.")
def command(devices: int, keep: bool) -> int:
    """Roll an app update over simulated devices; one type gets a bad update."""
    from fleetrun.cli.lab import lab_root  # noqa: PLC0415  # keeps --help quick
    from fleetrun.lab import control  # noqa: PLC0415
    from fleetrun.lab.faults import parse_faults  # noqa: PLC0415

    existing = control.read(lab_root() / "demo")
    if existing is not None:
        control.down(existing)
    click.echo(f"starting {devices} simulated devices (types rpi4, rpi3, x86-gw) ...", err=True)
    lab = control.up(
        lab_root(), name="demo", count=devices, types=("rpi4", "rpi3", "x86-gw"),
        faults=parse_faults(f"offline=4%,slow=2%,bad-update={BAD_TYPE}", "demo"),
    )
    try:
        code = _roll_out(lab.inventory)
    finally:
        if not keep:
            control.down(lab)
    if keep:
        click.echo(f"\nthe devices stay up: fleetrun exec all -i {lab.inventory} -- hostname")
        click.echo("stop them with: fleetrun lab down demo")
    return code


def _roll_out(inventory: Path) -> int:
    from fleetrun.app import Secrets, load  # noqa: PLC0415  # keeps --help quick
    from fleetrun.app.terminal import Look  # noqa: PLC0415
    from fleetrun.cli import execute  # noqa: PLC0415
    from fleetrun.model.run import Invocation  # noqa: PLC0415

    playbook = find_playbook("app-update.yml")
    click.echo(
        f"\n$ fleetrun run {_short(playbook)} -i {inventory}\n"
        f"  version 2.0.0 crashes on {BAD_TYPE}; watch where the rollout stops\n", err=True,
    )
    loaded = load(Invocation(playbook=str(playbook), inventories=(str(inventory),), seed="demo"))
    code = execute.start(loaded, execute.Show(), Secrets())
    click.echo("\n$ fleetrun exec all -- fleet-app version", err=True)
    again = Invocation(
        pattern="all", inventories=(str(inventory),), module_args="fleet-app version",
    )
    execute.start(
        load(again, command=("fleet-app", "version")), execute.Show(look=Look(folds=True)),
        Secrets(),
        title="exec all: fleet-app version",
    )
    if code != ExitCode.HALTED:
        click.echo(f"\nthe demo should have halted at a gate, but ended with {code}", err=True)
        return int(ExitCode.INTERNAL)
    click.echo(
        f"\nThe canary met {BAD_TYPE}, the gate closed, and the devices behind it still run "
        "what they ran before.\nYour own fleet: docs/quickstart.md", err=True,
    )
    return int(ExitCode.OK)


def find_playbook(name: str) -> Path:
    """Returns a playbook of the demo: the checkout's, or the packaged copy."""
    here = Path(__file__).resolve()
    for folder in (here.parents[2] / "playbooks", here.parents[1] / "_playbooks"):
        if (folder / name).is_file():
            return folder / name
    raise PreflightError(
        f"playbook {name} is missing", kind="demo/no-playbook", hint="install fleetrun again"
    )


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
