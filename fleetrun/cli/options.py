"""Flags that several commands share, with Ansible's letters, and what they mean."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fleetrun.cli.former import limit_text, reason
from fleetrun.errors import UsageError
from fleetrun.model.run import Invocation
from fleetrun.model.values import TemplateText, Value

if TYPE_CHECKING:
    from fleetrun.app import Secrets

F = TypeVar("F", bound=Callable[..., Any])

OUTPUTS = ("text", "json", "ansible", "minimal", "oneline")

INVENTORY_OPTIONS = (
    click.option("-i", "--inventory", "inventories", multiple=True, envvar="FLEETRUN_INVENTORY",
                 show_envvar=True, metavar="PATH",
                 help="Inventory file, folder, script or 'a,b,' list; may be repeated."),
    click.option("-l", "--limit", default="", metavar="PATTERN",
                 help="Only these of the selected devices; @FILE reads a list, @last.failed "
                 "(@RUN.OUTCOME,OUTCOME) takes those of a former run."),
)


def _absolute(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """The path from here: a run is resumed in the folder where it was started."""
    return str(Path(value).expanduser().absolute()) if value else ""


def _connection(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """The transport that one of Ansible's names means."""
    short = value.removeprefix("ansible.builtin.")
    return "ssh" if short in {"smart", "paramiko", "paramiko_ssh", "ssh"} else short


PASSWORD_OPTIONS = (
    click.option("-K", "--ask-become-pass", is_flag=True, help="Ask for the become password."),
    click.option("--become-password-file", "--become-pass-file", default="", metavar="FILE",
                 callback=_absolute, help="Read the become password from a file."),
    click.option("-k", "--ask-pass", is_flag=True, help="Ask for the login password."),
    click.option("--connection-password-file", "--conn-pass-file", default="", metavar="FILE",
                 callback=_absolute, help="Read the login password from a file."),
)

VAULT_OPTIONS = (
    click.option("--vault-id", "vault_ids", multiple=True, metavar="LABEL@SOURCE",
                 help="Vault password: a file, a program or `prompt`; may be repeated."),
    click.option("--vault-password-file", "--vault-pass-file", "vault_password_files",
                 multiple=True, metavar="FILE",
                 help="File that holds the vault password, or program that prints it."),
    click.option("-J", "--ask-vault-pass", "--ask-vault-password", "ask_vault_pass",
                 is_flag=True, help="Ask for the vault password."),
)

RUN_OPTIONS = (
    click.option("-e", "--extra-vars", multiple=True, metavar="K=V|JSON|@FILE",
                 help="Variables that beat all others; may be repeated."),
    click.option("-C", "--check", is_flag=True, help="Change nothing, say what would change."),
    click.option("-D", "--diff", is_flag=True, help="Show what changes in files."),
    click.option("-f", "--forks", default=50, show_default=True, type=click.IntRange(1, 100_000),
                 help="Most devices at the same time."),
    click.option("-u", "--user", "remote_user", default="", help="Log in as this user."),
    click.option("--private-key", "--key-file", "private_keys", multiple=True, metavar="FILE",
                 help="Key to log in with; may be repeated."),
    click.option("-c", "--connection", default="ssh", metavar="ssh|local", callback=_connection,
                 show_default=True, help="How to reach devices."),
    click.option("-T", "--timeout", default=0, metavar="SECONDS", type=click.IntRange(0, 3600),
                 help="Time to wait for a connection (10)."),
    *(
        click.option(f"--{name}-args", f"{name.replace('-', '_')}_args", default="",
                     metavar="ARGS", help=text)
        for name, text in (
            ("ssh-common", "OpenSSH arguments; jump hosts (-J) and keepalive are read."),
            ("ssh-extra", "As --ssh-common-args."),
            ("sftp-extra", "No effect: files travel over the same channel."),
            ("scp-extra", "No effect: files travel over the same channel."),
        )
    ),
    click.option("-M", "--module-path", multiple=True, metavar="FOLDERS",
                 help="Folders of modules of your own, separated by colons."),
    click.option("-b", "--become", is_flag=True, help="Run tasks as another user."),
    click.option("--become-user", default="", help="That user (root)."),
    click.option("--become-method", default="", help="sudo, su or doas (sudo)."),
    *PASSWORD_OPTIONS,
    *VAULT_OPTIONS,
    click.option("--ssh-config", "use_ssh_config", is_flag=True,
                 help="Honour ~/.ssh/config."),
    click.option("--on-busy", default="fail", type=click.Choice(["fail", "wait"]),
                 show_default=True, help="What to do when another run holds a device."),
)

OUTPUT_OPTIONS = (
    click.option("-v", "--verbose", "verbosity", count=True, help="Say more; -vv, -vvv more yet."),
    click.option("--output", default="text", type=click.Choice(OUTPUTS), show_default=True,
                 help="json: one event per line on stdout; ansible, minimal, oneline: as "
                 "Ansible's callbacks of that name."),
    click.option("--ansible-exit-codes", is_flag=True, help="Exit with Ansible's codes."),
)


def add(*groups: tuple[Callable[[F], F], ...]) -> Callable[[F], F]:
    """Returns a decorator that adds groups of options to a command."""

    def decorate(function: F) -> F:
        for group in reversed(groups):
            for option in reversed(group):
                function = option(function)
        return function

    return decorate


def extra_vars(values: tuple[str, ...]) -> dict[str, Value]:
    """Returns the variables of -e, the later ones first in rank (rule 44).

    ``k=v`` gives strings, JSON and @FILE give typed values.
    Raises UsageError and InputError.
    """
    merged: dict[str, Value] = {}
    for text in values:
        merged.update(_one_extra(text.strip()))
    return merged


def _one_extra(text: str) -> Mapping[str, Value]:
    from fleetrun.app.sources import read_yaml  # noqa: PLC0415  # keeps --help quick

    if text.startswith("@"):
        value = read_yaml(Path(text[1:])).value
    elif text.startswith(("{", "[")):
        value = read_yaml(Path("--extra-vars"), text=text).value
    else:
        return _pairs(text)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UsageError(
            f"--extra-vars {text[:60]!r} is no mapping", kind="usage/extra-vars",
            hint="write k=v, a JSON object, or @FILE",
        )
    return value


def _pairs(text: str) -> dict[str, Value]:
    from fleetrun.planning.free_form import split_words, unquote  # noqa: PLC0415

    try:
        words = [word for _, word in split_words(text)]
    except ValueError as error:
        raise UsageError(f"--extra-vars {text!r}: {error}", kind="usage/extra-vars") from error
    pairs: dict[str, Value] = {}
    for word in words:
        name, is_pair, written = word.partition("=")
        if not is_pair or not name.isidentifier():
            raise UsageError(
                f"--extra-vars {word!r} is not NAME=VALUE", kind="usage/extra-vars",
                hint="quote values with spaces: -e 'msg=\"two words\"'",
            )
        value = unquote(written)
        is_template = any(mark in value for mark in ("{{", "{%", "{#"))
        pairs[name] = TemplateText(value) if is_template else value
    return pairs


def split_tags(values: tuple[str, ...]) -> tuple[str, ...]:
    """Returns tags of "a,b" words in one tuple."""
    return tuple(tag.strip() for value in values for tag in value.split(",") if tag.strip())


def become_password(*, ask: bool, file: str) -> str | None:
    """Returns the become password, asked for or read from a file; never from argv."""
    return _password("--become-password-file", file, "BECOME password: " if ask else "")


def secrets(flags: Mapping[str, Any]) -> Secrets:
    """Returns the passwords that a command's flags ask for. Raises UsageError."""
    from fleetrun.app import Secrets  # noqa: PLC0415  # keeps --help quick

    login = _password(
        "--connection-password-file", flags["connection_password_file"],
        "SSH password: " if flags["ask_pass"] else "",
    )
    become = become_password(ask=flags["ask_become_pass"], file=flags["become_password_file"])
    # An empty answer to the second question means the first one's, as in Ansible.
    return Secrets(login=login, become=become or (login if flags["ask_become_pass"] else become))


def _password(flag: str, file: str, question: str) -> str | None:
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{flag} {file}: {reason(error)}", kind="usage/password-file",
                hint="the file holds the password alone, as UTF-8 text",
            ) from error
    return getpass.getpass(question) if question else None


def open_vault(flags: dict[str, Any]) -> tuple[str, ...]:
    """Takes the vault flags out of `flags` and opens the vault; its sources.

    Before any file is read: -e @FILE may be encrypted. Raises UsageError.
    """
    from fleetrun.app import vault  # noqa: PLC0415  # keeps --help quick

    return vault.take_passwords(
        ids=flags.pop("vault_ids", ()), files=flags.pop("vault_password_files", ()),
        ask=flags.pop("ask_vault_pass", False),
    )


def invocation(**flags: Any) -> Invocation:
    """Returns the invocation that a command's flags describe."""
    settings = defaults()
    flags["vault_ids"] = open_vault(flags)
    flags["extra_vars"] = extra_vars(flags.get("extra_vars", ()))
    flags["limit"] = limit_text(flags.get("limit", ""))
    flags["inventories"] = tuple(flags.get("inventories", ())) or default_inventories()
    for name in ("tags", "skip_tags"):
        flags[name] = split_tags(flags.get(name, ()))
    flags["private_keys"] = tuple(str(Path(key).expanduser()) for key in flags["private_keys"])
    flags["connection_vars"] = _connection_vars(flags)
    flags["module_path"] = _folders(flags.get("module_path", ()))
    if "roles_path" in settings:
        flags.setdefault("roles_path", tuple(settings["roles_path"]))
    for name in ("gathering", "any_errors_fatal"):
        if name in settings:
            flags.setdefault(name, settings[name])
    known = {field.name for field in fields(Invocation)}
    return Invocation(**{name: value for name, value in flags.items() if name in known})


def _connection_vars(flags: Mapping[str, Any]) -> dict[str, Value]:
    """What flags and settings say of connections, as the variables that beat it."""
    settings = defaults()
    said: dict[str, Value] = {
        "ansible_timeout": flags.get("timeout") or settings.get("timeout"),
        "ansible_port": settings.get("remote_port"),
        "ansible_ssh_args": settings.get("ssh_args"),
        "ansible_ssh_common_args": flags.get("ssh_common_args") or settings.get("ssh_common_args"),
        "ansible_ssh_extra_args": flags.get("ssh_extra_args") or settings.get("ssh_extra_args"),
    }
    return {name: value for name, value in said.items() if value}


def _folders(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        str(Path(one).expanduser().absolute())
        for value in values for one in value.split(":") if one
    )


def defaults() -> Mapping[str, Any]:
    """Returns what configuration files and environment set, by parameter."""
    context = click.get_current_context(silent=True)
    found = context.find_root().obj if context is not None else None
    return found.defaults() if found is not None else {}


def default_inventories() -> tuple[str, ...]:
    """Returns ./inventories when there is such a folder and nothing was said."""
    return ("inventories",) if Path("inventories").is_dir() else ()


def as_json(value: object) -> str:
    """Returns `value` as one line of JSON."""
    return json.dumps(value, ensure_ascii=False, default=str)
