"""Simulated fleets: devices with zero hardware for the demo, tests, CI and bench.

Each device is an SSH server on a loopback address of its own, whose programs
run in Linux namespaces: the host's userland is visible read-only, /etc /var
/run /home /tmp /root /opt /usr/local are the device's own folders. What a
playbook does to a device stays in the lab's folder.
"""
