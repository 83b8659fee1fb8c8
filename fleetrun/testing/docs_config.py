"""docs/reference/config.md: what the environment and files of the machine decide."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import fleetrun
from fleetrun.config import SETTINGS

_INTRO: Final = """# Configuration

<!-- Made by `python -m fleetrun.testing.docs`; do not edit. -->

What a run does stands in its playbook, its inventory and its command line, which the journal
keeps for `resume`. Defaults of flags may stand in files. The first of these counts:

1. the flag,
2. the environment: `FLEETRUN_NAME`, then `ANSIBLE_NAME`,
3. `./fleetrun.toml`, `~/.config/fleetrun/config.toml`, `/etc/fleetrun/config.toml`
   (`forks = 200`; refused when others may write to it, or a name is not known),
4. the first `ansible.cfg` that there is: `ANSIBLE_CONFIG`, `./ansible.cfg` (not in a folder that
   everybody may write to), `~/.ansible.cfg`, `/etc/ansible/ansible.cfg`.

`fleetrun config show --origin` prints each value and where it comes from. A key of ansible.cfg
that is not known leaves a warning. `host_key_checking = False` is refused: see
[SSH](../howto/ssh.md). `stdout_callback` chooses the nearest `--output`.

## Settings

SETTINGS

## Environment variables

| variable | meaning |
|---|---|
"""

_FILES: Final = """
Templates read any variable of this machine on purpose: `lookup('env', 'NAME')`.

## Files

| path | meaning |
|---|---|
| `journal.db` in the state folder | All runs and their events; made 0600. |
| `labs/` in the state folder | Simulated devices of `fleetrun lab` and `fleetrun demo`. |
| `./inventories/` | The inventory, when neither `-i` nor `FLEETRUN_INVENTORY` says another. |
| `library/` beside the playbook | Modules of your own; they win over fleetrun's. |
| `~/.ssh/id_ed25519`, `id_ecdsa`, `id_rsa` | Keys to log in with when none is named, after the \
agent's. |
| `~/.ssh/known_hosts`, `/etc/ssh/ssh_known_hosts` | Host keys, looked up by a device's name, then \
its address. |
| `~/.ssh/config` | Read only with `--ssh-config`. |
"""

#: Environment variable -> what it does.
VARIABLES: Final[Mapping[str, str]] = {
    "ANSIBLE_CONFIG": "The ansible.cfg to read, or its folder.",
    "ANSIBLE_HASH_BEHAVIOUR": "`merge` has no effect and leaves a warning.",
    "ANSIBLE_HOST_KEY_CHECKING": "`False` is refused: host keys are always checked.",
    "ANSIBLE_STDOUT_CALLBACK": "Ansible's callback whose output is wanted; the nearest is taken.",
    "ANSIBLE_VAULT_ENCRYPT_IDENTITY": "Vault id to encrypt with when there are several.",
    "ANSIBLE_VAULT_IDENTITY": "Label of a vault password that is given without one (`default`).",
    "ANSIBLE_VAULT_IDENTITY_LIST": "Vault passwords as `LABEL@SOURCE`, separated by commas.",
    "ANSIBLE_VAULT_ID_MATCH": "`true`: a vault password opens only what has its label.",
    "ANSIBLE_VAULT_PASSWORD_FILE": "Vault password file or program, without a flag that names one.",
    "CLICOLOR_FORCE": "Anything but `0`: colour also when the output is no terminal.",
    "EDITOR": "The editor of `vault edit` and `vault create` (`vi`).",
    "FLEETRUN_ANSIBLE_EXIT_CODES": "As `--ansible-exit-codes`.",
    "FLEETRUN_FAILPOINTS": "For crash tests: `NAME=kill@N` kills fleetrun at a named point.",
    "FLEETRUN_INVENTORY": "Inventories to use without `-i`, separated by spaces.",
    "FLEETRUN_STATE": "The state folder.",
    "HOME": "Without FLEETRUN_STATE and XDG_STATE_HOME the state folder is "
    "`$HOME/.local/state/fleetrun`.",
    "NOTIFY_SOCKET": "Set by systemd: where the bastion says that it is ready.",
    "NO_COLOR": "Anything: no colour.",
    "SSH_AUTH_SOCK": "The SSH agent whose keys are offered when none is named.",
    "TERM": "`dumb`: no colour.",
    "VISUAL": "The editor when EDITOR names none.",
    "WATCHDOG_PID": "Set by systemd: the process that WATCHDOG_USEC is for.",
    "WATCHDOG_USEC": "Set by systemd: how often the bastion has to say that it lives.",
    "XDG_CONFIG_HOME": "Its `fleetrun/config.toml` is read in place of the one below ~/.config.",
    "XDG_CACHE_HOME": "Compiled inventories are in `$XDG_CACHE_HOME/fleetrun/inventory` "
    "(`~/.cache/fleetrun/inventory`).",
    "XDG_RUNTIME_DIR": "Folder in memory that `vault edit` keeps its text in, before `/dev/shm`.",
    "XDG_STATE_HOME": "Without FLEETRUN_STATE the state folder is `$XDG_STATE_HOME/fleetrun`.",
}

#: Names that stand for the environment where it is read.
_ENVIRONMENTS: Final = frozenset({"environ", "env"})


def config_reference() -> str:
    """Returns the whole page as Markdown, with a newline at its end."""
    rows = (f"| `{name}` | {text} |\n" for name, text in sorted(VARIABLES.items()))
    return _INTRO.replace("SETTINGS", _settings()) + "".join(rows) + _FILES


def _settings() -> str:
    """The table of settings."""
    rows = [
        f"| `{one.name}` | {one.kind.value} | {', '.join(f'`{v}`' for v in one.variables)} | "
        f"{f'`{one.ansible}`' if one.ansible else ''} | {one.doc} |"
        for one in SETTINGS
    ]
    head = "| fleetrun.toml | takes | variables | ansible.cfg | meaning |\n|---|---|---|---|---|\n"
    return head + "\n".join(rows)


def variables_in_source() -> frozenset[str]:
    """Returns the names of all environment variables that the source reads."""
    package = Path(fleetrun.__file__).parent
    return frozenset(
        name
        for path in package.rglob("*.py") if "testing" not in path.parts
        for name in _read_in(ast.parse(path.read_text(encoding="utf-8")))
    )


def _read_in(tree: ast.Module) -> Iterator[str]:
    constants = {
        target.id: node.value
        for node in tree.body if isinstance(node, ast.Assign)
        for target in node.targets if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        found = _name_of(node)
        if isinstance(found, ast.Name):
            found = constants.get(found.id)
        if isinstance(found, ast.Constant) and isinstance(found.value, str):
            yield found.value


def _name_of(node: ast.AST) -> ast.expr | None:
    """The expression that names a variable: ``environ.get(X)``, ``env[X]``, ``envvar=X``."""
    match node:
        case ast.Call(func=ast.Attribute(value=source, attr="get"), args=[name, *_]):
            return name if _is_environment(source) else None
        case ast.Call(func=ast.Attribute(attr="getenv"), args=[name, *_]):
            return name
        case ast.Subscript(value=source, slice=name, ctx=ast.Load()):
            return name if _is_environment(source) else None
        case ast.keyword(arg="envvar", value=name):
            return name
    return None


def _is_environment(source: ast.expr) -> bool:
    name = source.attr if isinstance(source, ast.Attribute) else getattr(source, "id", "")
    return name in _ENVIRONMENTS
