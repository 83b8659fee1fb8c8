"""Figures of loading and selecting from very large inventories.

Run by hand: ``python tests/bench/bench_inventory.py [DEVICES]``. Each source is
loaded in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fleetrun.loading.inventory import load_inventory
from fleetrun.planning.select import explain_unmatched, merge_order, select

DEVICES = 500_000
SITES = 1_000
TYPES = ("rpi4", "rpi3", "x86-gw", "imx8")


def write_csv(path: Path, count: int) -> None:
    """One row per device: address, type, version, site, serial and three groups."""
    with path.open("w", encoding="utf-8") as file:
        file.write("name,ansible_host,device_type,os_version,site,serial,groups\n")
        for number in range(count):
            site = f"site_{number % SITES:04d}"
            kind = "gateways" if number % 10 == 0 else "sensors"
            file.write(
                f"dev-{number:06d},10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255},"
                f"{TYPES[number % len(TYPES)]},1.{number % 7}.0,{site},SN{number:010d},"
                f"{kind};{site};tag_{number % 20}\n"
            )


def write_ini(path: Path, count: int) -> None:
    """The same fleet as host lines in a section per site."""
    per_site = max(1, count // SITES)
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            if number % per_site == 0:
                file.write(f"[site_{number // per_site:04d}]\n")
            file.write(
                f"dev-{number:06d} ansible_host=10.{number >> 16 & 255}.{number >> 8 & 255}."
                f"{number & 255} device_type={TYPES[number % len(TYPES)]} serial=SN{number:010d}\n"
            )


def write_ranges(path: Path, count: int) -> None:
    """The same names as one range."""
    last = count - 1
    path.write_text(f"[fleet]\ndev-[{'0' * len(str(last))}:{last}]\n", encoding="utf-8")


def write_json_script(path: Path, count: int) -> None:
    """The same fleet as a script's output."""
    hosts = [f"dev-{number:06d}" for number in range(count)]
    host_vars = {host: {"serial": f"SN{host}", "site": host[-2:]} for host in hosts}
    listing = {"fleet": {"hosts": hosts}, "_meta": {"hostvars": host_vars}}
    data = path.with_suffix(".data")
    data.write_text(json.dumps(listing), encoding="utf-8")
    path.write_text(f"#!/bin/sh\ncat '{data}'\n", encoding="utf-8")
    path.chmod(0o755)


PATTERNS = (
    "all", "gateways", "site_0007:&sensors", "sensors:!site_0*", "dev-0001*", "~dev-00.*7$",
    "all[100:200]", "dev-000001,dev-000002,dev-009999",
)


def measure(source: str) -> None:
    """Loads `source` in this process and prints the figures."""
    before = peak_mib()
    started = time.perf_counter()
    inventory = load_inventory([source])
    print(
        f"  load {time.perf_counter() - started:6.2f} s, {len(inventory.devices)} devices, "
        f"{len(inventory.groups)} groups, peak {peak_mib():.0f} MiB "
        f"({peak_mib() - before:.0f} for the inventory)"
    )
    for pattern in PATTERNS:
        started = time.perf_counter()
        count = len(select(inventory, pattern))
        print(f"  select {time.perf_counter() - started:6.2f} s  {pattern}: {count}")
    started = time.perf_counter()
    explain_unmatched(inventory, "dev-00000l")
    print(f"  explain {time.perf_counter() - started:5.2f} s")
    started = time.perf_counter()
    for name in inventory.devices:
        merge_order(inventory, name)
    print(f"  merge_order of all {time.perf_counter() - started:.2f} s")


def peak_mib() -> float:
    """Peak resident memory of this program; unlike rusage it forgets the parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main(arguments: list[str]) -> None:
    """Measures every kind of source, each in a new process."""
    if arguments[:1] == ["--measure"]:
        measure(arguments[1])
        return
    count = int(arguments[0]) if arguments else DEVICES
    writers: dict[str, Callable[[Path, int], None]] = {
        "fleet.csv": write_csv, "fleet.ini": write_ini, "ranges.ini": write_ranges,
        "fleet.sh": write_json_script,
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, write in writers.items():
            path = Path(folder) / name
            write(path, count)
            print(f"{name}: {path.stat().st_size >> 10} KiB", flush=True)
            environ = {**os.environ, "XDG_CACHE_HOME": f"{folder}/cache"}
            for state in ("cold", "compiled") if path.suffix in {".csv", ".ini"} else ("cold",):
                print(f" {state}:", flush=True)
                subprocess.run(
                    [sys.executable, __file__, "--measure", str(path)], check=True, env=environ
                )


if __name__ == "__main__":
    main(sys.argv[1:])
