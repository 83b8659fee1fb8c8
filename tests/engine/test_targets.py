"""From variables to where and how a device is reached."""

from __future__ import annotations

from fleetrun.contracts import Hop, Target
from fleetrun.engine.targets import target_of
from fleetrun.planning.connection_vars import ConnectionVars, Jump


def test_everything_that_variables_say_reaches_the_transport():
    """Nothing is lost on the way; the device's own known_hosts come first."""
    settings = ConnectionVars(
        device="d1", host="192.0.2.7", port=2222, user="root", private_keys=("k",),
        password=None, host_keys=("ssh-ed25519 A",), known_hosts=("own",),
        jumps=(Jump(host="j", port=23, user="u"),), use_ssh_config=True, connect_timeout_s=3.0,
        bastions=(Jump(host="b", port=443, user="o"),), bastion_host_keys=("ssh-ed25519 B",),
        login_timeout_s=4.0, keepalive_interval_s=5.0, keepalive_count=6,
    )
    assert target_of("d1", settings, ("/etc/known",)) == Target(
        device="d1", address="192.0.2.7", port=2222, user="root", private_keys=("k",),
        host_keys=("ssh-ed25519 A",), known_hosts=("own", "/etc/known"),
        jumps=(Hop(host="j", port=23, user="u"),), use_ssh_config=True, connect_timeout_s=3.0,
        bastions=(Hop(host="b", port=443, user="o", host_keys=("ssh-ed25519 B",),
                      is_bastion=True),),
        login_timeout_s=4.0, keepalive_interval_s=5.0, keepalive_count=6,
    )
