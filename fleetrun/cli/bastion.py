"""fleetrun bastion: devices behind NAT dial out, operators dial devices."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from fleetrun.errors import ExitCode


def _epilog(*examples: str, codes: str = "0 ok, 2 wrong input, 9 cannot listen") -> str:
    lines = "\n".join(f"  {example}" for example in examples)
    return f"\b\nExamples:\n{lines}\n\b\nExit codes: {codes}.\n"


_CONFIG = click.option(
    "--config", "config", required=True, type=click.Path(path_type=Path), metavar="FILE",
    help="Settings, in TOML.",
)


@click.group(epilog=_epilog(
    "fleetrun bastion serve --config /etc/fleetrun/bastion.toml",
    "ssh -J ops@bastion:443 berlin-7",
))
def command() -> None:
    """A reverse-tunnel bastion for devices that nobody can connect to.

    Devices dial out with stock ssh or dbclient; no port is bound for them.
    """


@command.command("serve", epilog=_epilog("fleetrun bastion serve --config bastion.toml"))
@_CONFIG
def serve(config: Path) -> int:
    """Run the bastion in the foreground; SIGTERM drains, SIGHUP reads keys again."""
    from fleetrun.app import bastion  # noqa: PLC0415  # keeps --help quick

    def started(ports: tuple[int, ...]) -> None:
        click.echo(f"listening on {', '.join(map(str, ports))}", err=True)

    bastion.serve(bastion.read_config(config), started)
    return 0


@command.command("unit", epilog=_epilog(
    "fleetrun bastion unit > /etc/systemd/system/fleetrun-bastion.service", codes="0 ok",
))
@click.option("--config", default="/etc/fleetrun/bastion.toml", show_default=True,
              metavar="FILE", help="Settings that the unit names.")
def unit(config: str) -> int:
    """Print a systemd unit with a sandbox and a watchdog."""
    from fleetrun.app import bastion  # noqa: PLC0415  # keeps --help quick

    program = shutil.which("fleetrun") or str(Path(sys.argv[0]).resolve())
    click.echo(bastion.unit_text(program, config), nl=False)
    return 0


@command.group("audit", epilog=_epilog("fleetrun bastion audit verify audit.jsonl"))
def audit() -> None:
    """Check the audit log."""


@audit.command("verify", epilog=_epilog(
    "fleetrun bastion audit verify /var/lib/fleetrun-bastion/audit.jsonl",
    "fleetrun bastion audit verify audit.jsonl --head 9f2c…",
    codes="0 the chain holds, 2 wrong input, 3 it is broken",
))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--head", default="", metavar="HASH",
              help="A head that was printed before; it must be in the chain.")
def verify(file: Path, head: str) -> int:
    """Check that no line of FILE was changed, removed or put in between."""
    from fleetrun.app import bastion  # noqa: PLC0415  # keeps --help quick

    verdict = bastion.audit_verdict(file, head)
    if verdict.problem:
        click.echo(f"error[bastion/audit]: {file}: {verdict.problem}", err=True)
        click.echo(f"  help: the {verdict.count} lines before it hold", err=True)
        return int(ExitCode.FAILED)
    click.echo(f"{verdict.count} lines, head {verdict.head}")
    return 0
