"""The bastion under systemd: what it tells the manager, and its unit."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> None:
    """Tells the service manager `state` ("READY=1"); without one it does nothing.

    Source: sd_notify(3), a datagram to $NOTIFY_SOCKET.
    """
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        try:
            sender.sendto(state.encode(), address)
        except OSError:
            return  # a manager that went away is no reason to fail


def watchdog_interval_s() -> float:
    """Returns how often the manager wants a sign of life, 0.0 for never.

    Half of what it allows, as sd_watchdog_enabled(3) recommends.
    """
    owner = os.environ.get("WATCHDOG_PID", "")
    if owner and owner != str(os.getpid()):
        return 0.0
    text = os.environ.get("WATCHDOG_USEC", "")
    return int(text) / 2_000_000 if text.isdecimal() else 0.0


def unit_text(command: str, config: str) -> str:
    """Returns a systemd unit that runs the bastion in a sandbox."""
    return _UNIT.format(command=command, config=config)


_UNIT = """\
[Unit]
Description=fleetrun bastion
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={command} bastion serve --config {config}
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=2
WatchdogSec=30
TimeoutStopSec=90
LimitNOFILE=262144

DynamicUser=yes
StateDirectory=fleetrun-bastion
LoadCredential=host_key:/etc/fleetrun/bastion/host_key
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
UMask=0077

[Install]
WantedBy=multi-user.target
"""
