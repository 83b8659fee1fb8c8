"""The configuration files: fleetrun.toml and ansible.cfg."""

from __future__ import annotations

import configparser
import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from fleetrun.config.table import OTHER_SECTIONS, SETTINGS, WITHOUT_EFFECT, Kind, Setting
from fleetrun.errors import InputError, Mark, Problem

_BY_NAME: Final = {setting.name: setting for setting in SETTINGS}
_BY_KEY: Final = {setting.ansible: setting for setting in SETTINGS if setting.ansible}


def toml_files(environ: Mapping[str, str], cwd: Path, home: Path) -> Iterator[Path]:
    """Yields the places of fleetrun's own files, the strongest first."""
    yield cwd / "fleetrun.toml"
    yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "fleetrun" / "config.toml"
    yield Path("/etc/fleetrun/config.toml")


def read_toml(path: Path) -> dict[str, object]:
    """Returns the settings of a file by name; {} when there is none.

    Raises InputError: others may write to it, it is no TOML, a name is unknown.
    """
    text = _read(path)
    if text is None:
        return {}
    _check_owner(path)
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError([Problem(
            kind="input/bad-config", message=f"{path} is no TOML: {error}",
            hint="write NAME = VALUE lines; `fleetrun config show` lists the names",
        )]) from error
    unknown = [name for name in found if name not in _BY_NAME]
    if unknown:
        raise InputError([_unknown(path, text, name) for name in unknown])
    return found


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError([Problem(
            kind="input/unreadable-file", message=f"{path}: {error}",
            hint="it must be a file with UTF-8 text",
        )]) from error


def _check_owner(path: Path) -> None:
    """A file that somebody else may write decides whom we log in as: refused."""
    status = path.stat()
    is_ours = status.st_uid in {os.geteuid(), 0}
    if is_ours and not status.st_mode & stat.S_IWOTH:
        return
    why = "everybody may write to it" if is_ours else f"it belongs to user {status.st_uid}"
    raise InputError([Problem(
        kind="input/unsafe-config", message=f"{path} is not trusted: {why}",
        hint=f"chmod o-w {path}, or make it yours",
    )])


def _unknown(path: Path, text: str, name: str) -> Problem:
    close = get_close_matches(name, _BY_NAME, 1)
    line = next(
        (n for n, row in enumerate(text.splitlines(), 1) if row.split("=")[0].strip() == name), 1
    )
    return Problem(
        kind="input/unknown-setting", message=f"there is no setting `{name}`",
        mark=Mark(file=str(path), line=line, length=len(name)),
        label=f"did you mean `{close[0]}`?" if close else "", allowed=tuple(_BY_NAME),
        hint="`fleetrun config show` lists the settings",
    )


# -- ansible.cfg ------------------------------------------------------------------


def ansible_file(
    environ: Mapping[str, str], cwd: Path, home: Path, warnings: list[str]
) -> Path | None:
    """Returns the ansible.cfg that counts, in Ansible's order, or None."""
    named = environ.get("ANSIBLE_CONFIG")
    if named:
        path = Path(named).expanduser()
        path = path / "ansible.cfg" if path.is_dir() else path
        if path.is_file():
            return path
    here = cwd / "ansible.cfg"
    if here.is_file():
        if not cwd.stat().st_mode & stat.S_IWOTH:
            return here
        warnings.append(
            f"{here} is not read: everybody may write to its folder (chmod o-w {cwd}, or name "
            "it in ANSIBLE_CONFIG)"
        )
    for path in (home / ".ansible.cfg", Path("/etc/ansible/ansible.cfg")):
        if path.is_file():
            return path
    return None


def read_ansible(path: Path, warnings: list[str]) -> dict[str, str]:
    """Returns "section.key" -> text of an ansible.cfg; unknown keys leave a warning."""
    parser = configparser.ConfigParser(
        interpolation=None, inline_comment_prefixes=(";",), strict=False
    )
    try:
        parser.read_string(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise InputError([Problem(
            kind="input/bad-config", message=f"{path} cannot be read: {error}",
            hint="mend it, or name another one in ANSIBLE_CONFIG",
        )]) from error
    found: dict[str, str] = {}
    for section in parser.sections():
        if section in OTHER_SECTIONS or section.startswith("callback_"):
            continue
        for key, text in parser.items(section):
            name = f"{section}.{key}"
            found[name] = text
            if name not in _BY_KEY and name not in WITHOUT_EFFECT:
                warnings.append(_unknown_key(path, section, key))
            elif why := WITHOUT_EFFECT.get(name):
                warnings.append(f"{path}: [{section}] {key} has no effect: {why}")
    return found


def _unknown_key(path: Path, section: str, key: str) -> str:
    known = [name.partition(".")[2] for name in (*_BY_KEY, *WITHOUT_EFFECT)
             if name.startswith(f"{section}.")]
    close = get_close_matches(key, known, 1)
    hint = f"; did you mean `{close[0]}`?" if close else ""
    return f"{path}: [{section}] {key} is not known and has no effect{hint}"


def setting_of(key: str) -> Setting | None:
    """Returns the setting that a "section.key" of ansible.cfg sets."""
    return _BY_KEY.get(key)


def relative_to(setting: Setting, value: object, folder: Path) -> object:
    """Returns a value whose paths are relative to `folder` where they are relative."""
    if setting.kind is Kind.PATH and isinstance(value, str):
        return _full(value, folder)
    if setting.kind in {Kind.PATHS, Kind.FOLDERS} and isinstance(value, (list, tuple)):
        return [_full(str(one), folder) for one in value]
    return value


def _full(path: str, folder: Path) -> str:
    path = path.replace("{{CWD}}", str(Path.cwd()))
    if not path or path.endswith(",") or "@" in path.partition("/")[0]:
        return path
    return str(folder / Path(os.path.expandvars(path)).expanduser())
