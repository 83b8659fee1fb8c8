"""fleetrun diagnose: are these devices well?"""

from __future__ import annotations

import re
import shlex
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import click

from fleetrun.cli.options import (
    INVENTORY_OPTIONS,
    OUTPUT_OPTIONS,
    RUN_OPTIONS,
    add,
    invocation,
    secrets,
)
from fleetrun.errors import UsageError

if TYPE_CHECKING:
    from fleetrun.model.module import ModuleSpec

#: The controller's time, taken anew for each device when its task is sent.
_EPOCH: Final = "{{ now().timestamp() }}"

#: Flag -> argument of the module, for flags that may be repeated or hold commas.
_LISTS: Final = {
    "checks": "checks", "mounts": "mounts", "critical": "critical_units",
    "containers": "containers", "marks": "rollback_marks", "pings": "ping", "names": "dns",
}


@click.command(
    epilog="""\b
Examples:
  fleetrun diagnose all -i fleet.yml
  fleetrun diagnose gateways -i fleet.yml --checks disk,inodes,containers -b
  fleetrun diagnose all -i fleet.yml --threshold disk_warn=25 --fail-on warn
\b
Identical results are folded: `498 devices: ok / 2 devices: disk fail 4 % free on /data`.
Exit codes: as `fleetrun run`; 3 when a device is not well.
""",
)
@click.argument("pattern")
@click.option("--checks", multiple=True, metavar="A,B",
              help="Checks to run; `fleetrun doc diagnostics` lists them.")
@click.option("--threshold", "thresholds", multiple=True, metavar="NAME=NUMBER",
              help="Another limit, such as disk_warn=25; may be repeated.")
@click.option("--fail-on", default="fail", show_default=True,
              type=click.Choice(["fail", "warn", "never"]), help="What makes a device unhealthy.")
@click.option("--check-timeout", default=10, show_default=True, metavar="SECONDS",
              type=click.IntRange(1, 600), help="Time that each check may take.")
@click.option("--mounts", multiple=True, metavar="PATHS",
              help="Mount points that must be there, writable and have room.")
@click.option("--critical-units", "critical", multiple=True, metavar="UNITS",
              help="systemd units whose failure is no mere warning.")
@click.option("--containers", multiple=True, metavar="NAMES", help="Containers that must run.")
@click.option("--rollback-marks", "marks", multiple=True, metavar="PATHS",
              help="Files that an updater leaves when it has rolled back.")
@click.option("--ping", "pings", multiple=True, metavar="ADDRESSES",
              help="Addresses that each device is to ping.")
@click.option("--dns", "names", multiple=True, metavar="NAMES",
              help="Names that each device must resolve.")
@click.option("--sample", default=0, metavar="SECONDS", type=click.IntRange(0, 500),
              help="Watch writes for so long, instead of the average since boot.")
@add(INVENTORY_OPTIONS, RUN_OPTIONS, OUTPUT_OPTIONS)
def command(**flags: Any) -> int:
    """Look whether the devices that PATTERN names are well, in one round trip each."""
    from fleetrun.app import load  # noqa: PLC0415  # keeps --help quick
    from fleetrun.app.sources import load_library  # noqa: PLC0415
    from fleetrun.cli import execute  # noqa: PLC0415

    spec = load_library().get("diagnostics")
    if spec is None:
        raise UsageError("the module diagnostics is missing", kind="usage/check")
    flags["module"], flags["module_args"] = "diagnostics", _arguments(spec, flags)
    loaded = load(invocation(**flags))
    show = execute.Show.of(flags, folds=True)
    return execute.start(loaded, show, secrets(flags), title=f"diagnose {flags['pattern']}")


def _arguments(spec: ModuleSpec, flags: dict[str, Any]) -> str:
    """Takes the module's arguments out of `flags`, as words of `exec -a`."""
    lists = {name: _split(flags.pop(flag)) for flag, name in _LISTS.items()}
    for check in lists["checks"]:
        _known(check, [str(choice) for choice in spec.args["checks"].choices], "check")
    if flags["sample"] >= flags["check_timeout"]:
        raise UsageError(
            "--sample must be less than --check-timeout", kind="usage/check",
            hint=f"add --check-timeout {flags['sample'] + 10}",
        )
    words = {
        "fail_on": flags.pop("fail_on"), "timeout": str(flags.pop("check_timeout")),
        "sample": str(flags.pop("sample")),
        "thresholds": ",".join(_thresholds(spec, _split(flags.pop("thresholds")))),
        **{name: ",".join(values) for name, values in lists.items()},
    }
    given = [shlex.quote(f"{name}={value}") for name, value in words.items() if value]
    return " ".join([*given, f'epoch="{_EPOCH}"'])


def _split(values: tuple[str, ...]) -> list[str]:
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def _thresholds(spec: ModuleSpec, pairs: list[str]) -> list[str]:
    names = [str(choice) for choice in spec.args["thresholds"].choices]
    for pair in pairs:
        name, _, number = pair.partition("=")
        _known(name, names, "threshold")
        if not re.fullmatch(r"-?(0|[1-9]\d{0,8})", number):
            raise UsageError(
                f"--threshold {pair!r} needs a whole number", kind="usage/check",
                hint=f"write it as {name}=20",
            )
    return pairs


def _known(name: str, names: list[str], what: str) -> None:
    if name in names:
        return
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(names))}"
    raise UsageError(f"unknown {what} {name!r}", kind="usage/check", hint=hint)
