"""The bastion's settings: a TOML file, checked whole before anything listens."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from fleetrun.bastion.admission import Limits
from fleetrun.bastion.policy import SSH_PORT, Operator, Site
from fleetrun.errors import InputError, Mark, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class BastionConfig:
    """What `bastion serve` needs to know. Times are in seconds."""

    listen: tuple[tuple[str, int], ...]
    host_keys: tuple[Path, ...]
    #: A folder of ID.pub files, or a file of "ID ssh-ed25519 AAAA…" lines.
    device_keys: Path | None = None
    #: CAs whose certificates name one device id as their only principal.
    device_ca: Path | None = None
    operator_ca: Path | None = None
    #: Fingerprints, keys and device ids that are refused, one a line.
    revoked: Path | None = None
    #: Virtual ports that devices may offer.
    device_ports: tuple[int, ...] = (SSH_PORT,)
    operators: tuple[Operator, ...] = ()
    sites: tuple[Site, ...] = ()
    limits: Limits = field(default_factory=Limits)
    keepalive_s: float = 60.0
    keepalive_count: int = 3
    login_timeout_s: float = 20.0
    #: How long a device's client may take to open the inner connection.
    open_timeout_s: float = 10.0
    drain_s: float = 30.0
    audit: Path | None = None
    metrics: tuple[str, int] | None = None

    def keepalive_of(self, device: str) -> float:
        """Returns the keepalive interval of `device`: its first site's, or the usual one."""
        return next((site.keepalive_s for site in self.sites if site.has(device)),
                    self.keepalive_s)


class _WrongError(Exception):
    """What a value should have been."""


class _Reader:
    """Reads one file; what is wrong goes to `problems` with its line."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.folder = path.parent
        self._lines = text.splitlines()
        self.problems: list[Problem] = []

    def table(
        self, found: Any, kinds: Mapping[str, Callable[[Any], Any]], where: str = ""
    ) -> dict[str, Any]:
        """Returns the values of one table by name, each as its kind wants it."""
        values: dict[str, Any] = {}
        if not isinstance(found, dict):
            self.complain(where, f"{where} must be a table, [{where}]")
            return values
        for name, value in found.items():
            if name not in kinds:
                close = get_close_matches(name, kinds, 1)
                self.complain(
                    name, f"there is no setting `{name}`{f' in [{where}]' if where else ''}",
                    label=f"did you mean `{close[0]}`?" if close else "", allowed=tuple(kinds),
                )
                continue
            try:
                values[name] = kinds[name](value)
            except _WrongError as wrong:
                self.complain(name, f"`{name}` must be {wrong}, not {value!r:.80}")
        return values

    def complain(
        self, name: str, message: str, *, label: str = "", allowed: tuple[str, ...] = ()
    ) -> None:
        """Notes a problem at the first line that names `name`."""
        line = next((number for number, row in enumerate(self._lines, start=1)
                     if row.split("=")[0].strip().strip("[]").rpartition(".")[2] == name), 1)
        self.problems.append(Problem(
            kind="input/bad-config", message=message, label=label, allowed=allowed,
            mark=Mark(file=str(self.path), line=line, length=max(1, len(name))),
            hint="docs/howto/bastion.md has an example with every setting",
        ))

    def file(self, value: Any) -> Path:
        """A path; relative ones start at the folder of the configuration.

        ${CREDENTIALS_DIRECTORY} is where systemd puts a key that only root reads.
        """
        return self.folder / Path(os.path.expandvars(_text(value))).expanduser()

    def files(self, value: Any) -> tuple[Path, ...]:
        """One path or a list of them."""
        return tuple(self.file(each) for each in _texts(value))


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _WrongError("a text")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(each, str) and each for each in found):
        raise _WrongError("a text or a list of texts")
    return tuple(found)


def _places(value: Any) -> tuple[tuple[str, int], ...]:
    return tuple(_place(each) for each in _texts(value))


def _place(value: Any) -> tuple[str, int]:
    host, _, port = _text(value).rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise _WrongError('"ADDRESS:PORT"')
    return host.strip("[]"), int(port)


def _loopback(value: Any) -> tuple[str, int]:
    place = _place(value)
    if place[0] not in {"127.0.0.1", "::1", "localhost"}:
        raise _WrongError("a loopback address with a port: the figures name every site")
    return place


def _ports(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(
        isinstance(each, int) and 0 < each < 65536 for each in value
    ):
        raise _WrongError("a list of port numbers")
    return tuple(value)


def _positive(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise _WrongError("a number above 0")
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _WrongError("a count from 1")
    return value


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _WrongError("a table")
    return value


_LIMITS: Final = {
    each.name: _count if isinstance(each.default, int) else _positive for each in fields(Limits)
}
_OPERATOR: Final = {"keys": _texts, "reach": _texts, "ports": _ports}
_SITE: Final = {"devices": _texts, "keepalive_s": _positive}


def read_config(path: Path) -> BastionConfig:
    """Returns the settings in `path`; raises InputError with all that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError([Problem(
            kind="input/bad-config", message=f"{path}: {error}",
            hint="docs/howto/bastion.md has an example with every setting",
        )]) from error
    reader = _Reader(path, text)
    values = reader.table(found, {
        "listen": _places, "host_keys": reader.files, "device_keys": reader.file,
        "device_ca": reader.file, "operator_ca": reader.file, "revoked": reader.file,
        "device_ports": _ports, "keepalive_s": _positive, "keepalive_count": _count,
        "login_timeout_s": _positive, "open_timeout_s": _positive, "drain_s": _positive,
        "audit": reader.file, "metrics": _loopback, "operators": _mapping, "sites": _mapping,
        "limits": _mapping,
    })
    for name in ("listen", "host_keys"):
        if not values.get(name) and name not in found:
            reader.complain(name, f"`{name}` is missing")
    values["limits"] = Limits(**reader.table(values.get("limits", {}), _LIMITS, "limits"))
    values["operators"] = tuple(
        Operator(name=name, **reader.table(each, _OPERATOR, f"operators.{name}"))
        for name, each in values.get("operators", {}).items()
    )
    values["sites"] = tuple(
        Site(**{"name": name, "devices": (), "keepalive_s": 60.0,
                **reader.table(each, _SITE, f"sites.{name}")})
        for name, each in values.get("sites", {}).items()
    )
    if reader.problems:
        raise InputError(reader.problems)
    return BastionConfig(**values)
