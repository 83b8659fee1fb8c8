"""One value for each setting: environment, fleetrun.toml, ansible.cfg, default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fleetrun.config.files import (
    ansible_file,
    read_ansible,
    read_toml,
    relative_to,
    setting_of,
    toml_files,
)
from fleetrun.config.table import CALLBACKS, SETTINGS, Kind, Setting
from fleetrun.errors import InputError, Problem

_TRUE: Final = frozenset({"1", "true", "yes", "on", "y", "t"})
_FALSE: Final = frozenset({"0", "false", "no", "off", "n", "f", ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A value and where it came from."""

    value: object
    #: "FLEETRUN_FORKS", "/etc/fleetrun/config.toml", "ansible.cfg [defaults] forks".
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What files and environment say; flags beat it."""

    #: By the setting's name; only what somebody set.
    found: Mapping[str, Found] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    #: The ansible.cfg that was read, or "".
    ansible_cfg: str = ""
    #: The output that ANSIBLE_STDOUT_CALLBACK or stdout_callback stands for, or "".
    callback: Found | None = None

    def defaults(self) -> dict[str, object]:
        """Returns parameter of the command line -> value."""
        return {
            setting.param: self.found[setting.name].value
            for setting in SETTINGS if setting.name in self.found
        }


def read_config(environ: Mapping[str, str], *, cwd: Path, home: Path) -> Config:
    """Returns the settings. Raises InputError when a file or a value is wrong."""
    warnings: list[str] = []
    found: dict[str, Found] = {}
    path = ansible_file(environ, cwd, home, warnings)
    keys = read_ansible(path, warnings) if path else {}
    for key, text in keys.items():
        setting = setting_of(key)
        if setting is not None and path is not None:
            section, _, name = key.partition(".")
            value = relative_to(setting, parse(setting, text, f"{path}: {name}"), path.parent)
            found[setting.name] = Found(value=value, origin=f"{path} [{section}] {name}")
    _take_toml(environ, cwd, home, found)
    for setting in SETTINGS:
        for variable in setting.variables:
            if environ.get(variable):
                value = parse(setting, environ[variable], variable)
                found[setting.name] = Found(value=value, origin=variable)
                break
    callback = _callback(environ, keys, str(path or ""), warnings)
    _refuse(environ, keys, str(path or ""), warnings)
    return Config(
        found=found, warnings=tuple(warnings), ansible_cfg=str(path or ""), callback=callback,
    )


def _take_toml(
    environ: Mapping[str, str], cwd: Path, home: Path, found: dict[str, Found]
) -> None:
    by_name = {setting.name: setting for setting in SETTINGS}
    for path in reversed(list(toml_files(environ, cwd, home))):
        for name, raw in read_toml(path).items():
            setting = by_name[name]
            value = relative_to(setting, parse(setting, raw, f"{path}: {name}"), path.parent)
            found[name] = Found(value=value, origin=str(path))


def parse(setting: Setting, raw: object, where: str) -> object:
    """Returns a value in the setting's type; raises InputError."""
    text = str(raw).strip()
    match setting.kind:
        case Kind.FLAG:
            if text.lower() in _TRUE | _FALSE:
                return text.lower() in _TRUE
        case Kind.NUMBER:
            if text.isdigit():
                return int(text)
        case Kind.WORDS | Kind.PATHS | Kind.FOLDERS:
            return _listed(setting, raw)
        case Kind.TEXT | Kind.PATH:
            if isinstance(raw, (str, int, float)):
                return text
    raise InputError([Problem(
        kind="input/bad-config", message=f"{where} needs {setting.kind.value}, not {text!r}",
        hint="`fleetrun config show --origin` says where each value comes from",
    )])


def _listed(setting: Setting, raw: object) -> list[str]:
    if isinstance(raw, list):
        return [str(one) for one in raw]
    text = str(raw).strip()
    # A comma at the end makes it a list of devices, which is one inventory.
    if setting.name == "inventory" and text.endswith(","):
        return [text]
    mark = ":" if setting.kind is Kind.FOLDERS else ","
    return [word.strip() for word in text.split(mark) if word.strip()]


def _callback(
    environ: Mapping[str, str], keys: Mapping[str, str], path: str, warnings: list[str]
) -> Found | None:
    name = environ.get("ANSIBLE_STDOUT_CALLBACK") or keys.get("defaults.stdout_callback", "")
    if not name:
        return None
    origin = "ANSIBLE_STDOUT_CALLBACK" if environ.get("ANSIBLE_STDOUT_CALLBACK") else (
        f"{path} [defaults] stdout_callback"
    )
    nearest = CALLBACKS.get(name.rsplit(".", 1)[-1])
    if nearest is None:
        known = ", ".join(sorted(CALLBACKS))
        warnings.append(f"{origin}: there is no callback {name!r} here; known are {known}")
        return None
    return Found(value=nearest, origin=origin)


def _refuse(
    environ: Mapping[str, str], keys: Mapping[str, str], path: str, warnings: list[str]
) -> None:
    """Says what is not done, and why."""
    checking = {
        "ANSIBLE_HOST_KEY_CHECKING": environ.get("ANSIBLE_HOST_KEY_CHECKING"),
        f"{path} [defaults] host_key_checking": keys.get("defaults.host_key_checking"),
        f"{path} [ssh_connection] host_key_checking": keys.get("ssh_connection.host_key_checking"),
    }
    for origin, text in checking.items():
        if text is not None and text.strip().lower() in _FALSE:
            warnings.append(
                f"{origin} is refused: host keys are always checked, for whoever answers in a "
                "device's place gets its secrets; record the keys (docs/howto/ssh.md)"
            )
    merging = environ.get("ANSIBLE_HASH_BEHAVIOUR") or keys.get("defaults.hash_behaviour", "")
    if merging.lower() == "merge":
        warnings.append(
            "hash_behaviour = merge has no effect: a mapping replaces the one below it; "
            "use the filter `combine(recursive=true)`"
        )
    for name in ("display_skipped_hosts", "display_ok_hosts"):
        shown = environ.get(f"ANSIBLE_{name.upper()}") or keys.get(f"defaults.{name}", "yes")
        if shown.strip().lower() in _FALSE:
            warnings.append(
                f"{name} = {shown.strip()} has no effect: `--output ansible` shows every result; "
                "`fleetrun run` tells only what changed or failed"
            )
    if keys.get("defaults.gathering", "").lower() == "smart":
        warnings.append("gathering = smart: facts are kept within a run, not between runs")
    enabled = keys.get("defaults.callbacks_enabled") or keys.get("defaults.callback_whitelist")
    if enabled:
        warnings.append(
            f"callbacks_enabled = {enabled}: no such plugins here; the journal has times and "
            "results of every task (`fleetrun runs show last --output json`)"
        )
