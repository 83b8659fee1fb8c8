"""The fleet of a lab: names, types, sites, addresses; its inventory file. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fleetrun.lab.faults import Fault, FaultPlan

SITES = ("berlin", "hamburg", "lyon", "porto", "turku")

#: Types that make a device a gateway; the others are sensors.
GATEWAY_TYPES = frozenset({"x86-gw", "gw"})

#: OS version that a new device has.
OS_VERSION = "1.4.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabDevice:
    """One simulated device."""

    name: str
    type: str
    site: str
    group: str
    address: str
    port: int
    faults: frozenset[Fault] = frozenset()
    #: Version of the app that fails on this device, or "".
    bad_version: str = ""


def make_fleet(
    count: int, types: Sequence[str], faults: FaultPlan, *, octet: int, port: int,
    bad_version: str = "2.0.0",
) -> tuple[LabDevice, ...]:
    """Returns `count` devices; one in five is a gateway when a gateway type is given."""
    gateways = [kind for kind in types if kind in GATEWAY_TYPES]
    sensors = [kind for kind in types if kind not in GATEWAY_TYPES] or gateways
    devices: list[LabDevice] = []
    for index in range(count):
        is_gateway = bool(gateways) and (index % 5 == 0 or not set(sensors) - set(gateways))
        kinds = gateways if is_gateway else sensors
        group = "gateways" if is_gateway else "sensors"
        kind = kinds[(index // 5 if is_gateway else index) % len(kinds)]
        number = sum(device.group == group for device in devices) + 1
        name = f"{'gw' if is_gateway else 'sensor'}-{number:03d}"
        devices.append(
            LabDevice(
                name=name, type=kind, group=group, site=SITES[index // 5 % len(SITES)],
                address=f"127.{octet}.{index // 250}.{index % 250 + 1}", port=port,
                faults=faults.of(name),
                bad_version=bad_version if kind in faults.bad_update_types else "",
            )
        )
    return tuple(devices)


def inventory_text(
    devices: Sequence[LabDevice], host_keys: Mapping[str, str], private_key: str
) -> str:
    """Returns the fleet as an Ansible YAML inventory (JSON flow style is YAML)."""
    groups: dict[str, dict[str, object]] = {}
    for device in devices:
        hosts = {
            "ansible_host": device.address, "ansible_port": device.port,
            "fleetrun_host_key": host_keys[device.name], "device_type": device.type,
            "site": device.site,
        }
        for group in (device.group, "site_" + device.site, "type_" + device.type.replace("-", "_")):
            members = groups.setdefault(group, {})
            members[device.name] = hosts if group == device.group else None
    lines = [
        "# A simulated fleet, written by `fleetrun lab up`.", "all:", "  vars:",
        "    ansible_user: root", f"    ansible_ssh_private_key_file: {json.dumps(private_key)}",
        "  children:",
    ]
    for group in sorted(groups):
        lines += [f"    {group}:", "      hosts:"]
        for name, values in groups[group].items():
            body = "" if values is None else " " + json.dumps(values)
            lines.append(f"        {name}:{body}")
    return "\n".join(lines) + "\n"
