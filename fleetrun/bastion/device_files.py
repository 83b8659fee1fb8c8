"""What a device needs to dial out: a loop in POSIX sh, and who starts it.

No agent: the client that the device has. The loop never gives up, looks names up
each time (it is a new client), and waits a random time, so that a fleet does not
come back in step when a bastion restarts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

#: Where everything is on the device.
FOLDER = "/etc/fleetrun"
#: Longest pause between two attempts; the shortest is 1 s.
_PAUSE_S = 30


class Client(Enum):
    """The SSH client on the device."""

    SSH = "ssh"
    DBCLIENT = "dbclient"


class Init(Enum):
    """What starts services on the device."""

    SYSTEMD = "systemd"
    OPENRC = "openrc"
    PROCD = "procd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What the device has, and how often its client shows that it lives."""

    client: Client = Client.SSH
    init: Init = Init.SYSTEMD
    keepalive_s: int = 60


def device_files(
    bastions: Sequence[tuple[str, int]], host_keys: Sequence[str], style: Style,
    folder: str = FOLDER,
) -> Mapping[str, tuple[str, int]]:
    """Returns path below `/` -> (text, mode) of all files but the key.

    `host_keys` are those of the bastions, each of which may show any of them.
    """
    known = "".join(
        f"{name if port == 22 else f'[{name}]:{port}'} {key}\n"
        for name, port in bastions for key in host_keys
    )
    # dbclient knows no ports in known_hosts, and has no option to name the file.
    plain = "".join(f"{name} {key}\n" for name, _ in bastions for key in host_keys)
    hosts = ("known_hosts", known) if style.client is Client.SSH else (".ssh/known_hosts", plain)
    path, text, mode = _SERVICES[style.init]
    return {
        f"{folder}/tunnel": (_loop(bastions, style, folder), 0o755),
        f"{folder}/{hosts[0]}": (hosts[1], 0o644),
        path: (text.format(folder=folder), mode),
    }


def _loop(
    bastions: Sequence[tuple[str, int]], style: Style, folder: str
) -> str:
    places = " ".join(f"{name}:{port}" for name, port in bastions)
    command = _COMMANDS[style.client].format(keepalive=style.keepalive_s)
    return _LOOP.format(places=places, command=command, pause=_PAUSE_S, folder=folder)


_COMMANDS = {
    Client.SSH: (
        "ssh -F none -NT -p \"${{at##*:}}\" -o BatchMode=yes -o ExitOnForwardFailure=yes \\\n"
        "            -o ConnectTimeout=30 -o ServerAliveInterval={keepalive} "
        "-o ServerAliveCountMax=3 \\\n"
        "            -o StrictHostKeyChecking=yes -o UserKnownHostsFile=known_hosts \\\n"
        "            -o IdentitiesOnly=yes -i key -R 22:127.0.0.1:22 \"tunnel@${{at%:*}}\""
    ),
    Client.DBCLIENT: (
        "dbclient -NT -K {keepalive} -I 0 -o ExitOnForwardFailure=yes -i key \\\n"
        "            -R 22:127.0.0.1:22 -p \"${{at##*:}}\" \"tunnel@${{at%:*}}\""
    ),
}

_LOOP = """\
#!/bin/sh
# Keeps a tunnel to one of the bastions up, for ever. Written by `fleetrun enroll`.
set -u
cd {folder} || exit 1
HOME={folder}
export HOME
client=
trap 'kill "$client" 2>/dev/null; exit 0' TERM INT
while :; do
    for at in {places}; do
        {command} </dev/null &
        client=$!
        wait "$client"
        # 1 to {pause} s by chance: devices must not come back in step
        read -r chance </proc/sys/kernel/random/uuid
        chance=${{chance#*-}}
        sleep $((1 + 0x${{chance%%-*}} % {pause}))
    done
done
"""

_SERVICES = {
    Init.SYSTEMD: ("/etc/systemd/system/fleetrun-tunnel.service", """\
[Unit]
Description=fleetrun tunnel
After=network.target
StartLimitIntervalSec=0

[Service]
ExecStart={folder}/tunnel
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
""", 0o644),
    Init.OPENRC: ("/etc/init.d/fleetrun-tunnel", """\
#!/sbin/openrc-run
description="fleetrun tunnel"
supervisor=supervise-daemon
command={folder}/tunnel
respawn_delay=5
respawn_max=0

depend() {{
    after net
}}
""", 0o755),
    Init.PROCD: ("/etc/init.d/fleetrun-tunnel", """\
#!/bin/sh /etc/rc.common
START=95
USE_PROCD=1

start_service() {{
    procd_open_instance
    procd_set_param command {folder}/tunnel
    procd_set_param respawn 3600 5 0
    procd_close_instance
}}
""", 0o755),
}
