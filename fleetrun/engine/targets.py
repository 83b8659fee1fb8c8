"""From a device's connection variables to the transport's target. Pure."""

from __future__ import annotations

from fleetrun.contracts import Hop, Target
from fleetrun.planning.variables import ConnectionVars


def target_of(device: str, settings: ConnectionVars, known_hosts: tuple[str, ...]) -> Target:
    """Returns where and how to reach `device`."""
    return Target(
        device=device, address=settings.host, port=settings.port, user=settings.user,
        private_keys=settings.private_keys, host_keys=settings.host_keys,
        known_hosts=(*settings.known_hosts, *known_hosts),
        jumps=tuple(Hop(host=j.host, port=j.port, user=j.user) for j in settings.jumps),
        bastions=tuple(
            Hop(host=b.host, port=b.port, user=b.user, host_keys=settings.bastion_host_keys,
                is_bastion=True)
            for b in settings.bastions
        ),
        use_ssh_config=settings.use_ssh_config, password=settings.password,
        connect_timeout_s=settings.connect_timeout_s, login_timeout_s=settings.login_timeout_s,
        keepalive_interval_s=settings.keepalive_interval_s,
        keepalive_count=settings.keepalive_count,
    )
