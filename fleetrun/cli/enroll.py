"""fleetrun enroll: what a device needs to dial out to a bastion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

EXAMPLES = """\b
Examples:
  fleetrun enroll berlin-7 --bastion b1.example.com:443 --bastion b2.example.com:443 \\
      --bastion-host-key "$(cat host_key.pub)" --output enrolled/berlin-7
  fleetrun enroll ap-3 --client dbclient --init procd --public-key "ssh-ed25519 AAAA…" \\
      --bastion b1.example.com:443 --bastion-host-key "$(cat host_key.pub)" --output enrolled/ap-3
\b
Exit codes: 0 ok, 2 wrong input.
"""


@click.command(epilog=EXAMPLES)
@click.argument("device")
@click.option("--bastion", "bastions", multiple=True, required=True, metavar="NAME:PORT",
              help="Where it dials; several are tried in turn.")
@click.option("--bastion-host-key", "host_keys", multiple=True, required=True, metavar="KEY",
              help='The bastions\' host key, "ssh-ed25519 AAAA…".')
@click.option("--client", default="ssh", show_default=True, type=click.Choice(["ssh", "dbclient"]),
              help="The SSH client on the device.")
@click.option("--init", default="systemd", show_default=True,
              type=click.Choice(["systemd", "openrc", "procd"]), help="What starts its services.")
@click.option("--keepalive", "keepalive_s", default=60, show_default=True,
              type=click.IntRange(5, 3600), help="Seconds between signs of life.")
@click.option("--public-key", default="", metavar="KEY",
              help="A key that was made on the device; no pair is made then.")
@click.option("--host-key", default="", metavar="KEY",
              help="The device's own host key, to be pinned: /etc/ssh/ssh_host_ed25519_key.pub.")
@click.option("--output", required=True, type=click.Path(path_type=Path), metavar="FOLDER",
              help="Where to write: root/… for the device, ID.pub for the bastion.")
def command(device: str, output: Path, **flags: Any) -> int:
    """Make the key of DEVICE and the files it dials out with.

    Nothing is contacted. Prints the device's inventory record.
    """
    from fleetrun.app import enroll  # noqa: PLC0415  # keeps --help quick

    pinned = enroll.public_key(flags["host_key"]) if flags["host_key"] else ""
    enroll.enroll(
        device, output, bastions=flags["bastions"], host_keys=flags["host_keys"],
        style=enroll.Style(
            client=enroll.Client(flags["client"]), init=enroll.Init(flags["init"]),
            keepalive_s=flags["keepalive_s"],
        ), own_key=flags["public_key"],
    )
    click.echo(f"copy {output}/root/ to / of the device and start fleetrun-tunnel; "
               f"copy {output}/{device}.pub into the bastion's device_keys", err=True)
    listed = ", ".join(flags["bastions"])
    key = flags["host_keys"][0] if len(flags["host_keys"]) == 1 else ""
    click.echo(f"{device}:\n  fleetrun_bastion: [{listed}]")
    if key:
        click.echo(f'  fleetrun_bastion_host_key: "{" ".join(key.split()[:2])}"')
    if pinned:
        click.echo(f'  fleetrun_host_key: "{pinned}"')
    else:
        click.echo("its host key is not pinned yet: give --host-key, or add fleetrun_host_key",
                   err=True)
    return 0
