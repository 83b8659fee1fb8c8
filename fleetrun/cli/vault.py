"""fleetrun vault: Ansible Vault's files and values."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from typing_extensions import override

from fleetrun.cli.options import VAULT_OPTIONS, add
from fleetrun.errors import UsageError


def _epilog(*examples: str) -> str:
    lines = "\n".join(f"  {example}" for example in examples)
    return f"\b\nExamples:\n{lines}\n\b\nExit codes: 0 ok, 2 wrong input or password.\n"


_ENCRYPT_ID = click.option(
    "--encrypt-vault-id", default="", metavar="LABEL",
    help="Encrypt with this vault id; needed when there are several.",
)
_OUTPUT = click.option(
    "--output", default="", metavar="FILE", help="Write there, not in place; - is stdout.",
)


def _open(flags: dict[str, Any], *, confirm: bool = False) -> Any:
    from fleetrun.app import vault  # noqa: PLC0415  # keeps --help quick

    vault.take_passwords(
        ids=flags["vault_ids"], files=flags["vault_password_files"],
        ask=flags["ask_vault_pass"], confirm=confirm,
    )
    return vault


class _WithAlias(click.Group):
    """Knows `encrypt_string` as well, which ansible-vault's users have in their scripts."""

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns a command, None when there is none of that name."""
        return super().get_command(ctx, cmd_name.replace("_", "-"))


@click.group(cls=_WithAlias, epilog=_epilog(
    "fleetrun vault encrypt group_vars/all/vault.yml --vault-password-file ~/.vault",
    "fleetrun vault edit group_vars/all/vault.yml --vault-id prod@prompt",
))
def command() -> None:
    """Encrypt, decrypt, view and edit Ansible Vault files."""


@command.command("encrypt", epilog=_epilog(
    "fleetrun vault encrypt secrets.yml --vault-password-file ~/.vault",
    "fleetrun vault encrypt --vault-id prod@prompt --output secrets.yml < plain.yml",
))
@click.argument("files", nargs=-1)
@add(VAULT_OPTIONS, (_OUTPUT, _ENCRYPT_ID))
def encrypt(files: tuple[str, ...], output: str, encrypt_vault_id: str, **flags: Any) -> int:
    """Encrypt FILES in place; stdin to stdout without any, or for -."""
    vault = _open(flags, confirm=True)
    vault.encrypt(files, output, encrypt_vault_id)
    click.echo("encrypted", err=True)
    return 0


@command.command("decrypt", epilog=_epilog(
    "fleetrun vault decrypt secrets.yml --output - --vault-password-file ~/.vault",
))
@click.argument("files", nargs=-1)
@add(VAULT_OPTIONS, (_OUTPUT,))
def decrypt(files: tuple[str, ...], output: str, **flags: Any) -> int:
    """Decrypt FILES in place; stdin to stdout without any, or for -."""
    vault = _open(flags)
    vault.decrypt(files, output)
    click.echo("decrypted", err=True)
    return 0


@command.command("view", epilog=_epilog(
    "fleetrun vault view group_vars/all/vault.yml --ask-vault-pass",
))
@click.argument("files", nargs=-1, required=True)
@add(VAULT_OPTIONS)
def view(files: tuple[str, ...], **flags: Any) -> int:
    """Show what FILES hold."""
    vault = _open(flags)
    for file in files:
        text = vault.view(file)
        if sys.stdout.isatty():
            click.echo_via_pager(text.decode("utf-8", "replace"))
        else:
            click.echo(text, nl=False)
    return 0


@command.command("edit", epilog=_epilog(
    "fleetrun vault edit group_vars/all/vault.yml --vault-id prod@prompt",
))
@click.argument("files", nargs=-1, required=True)
@add(VAULT_OPTIONS, (_ENCRYPT_ID,))
def edit(files: tuple[str, ...], encrypt_vault_id: str, **flags: Any) -> int:
    """Edit FILES; the plain text is only ever in memory."""
    vault = _open(flags)
    for file in files:
        vault.edit(file, encrypt_vault_id)
    return 0


@command.command("create", epilog=_epilog(
    "fleetrun vault create group_vars/all/vault.yml --vault-id prod@prompt",
))
@click.argument("file")
@click.option("--skip-tty-check", is_flag=True, help="Start the editor also without a terminal.")
@add(VAULT_OPTIONS, (_ENCRYPT_ID,))
def create(file: str, skip_tty_check: bool, encrypt_vault_id: str, **flags: Any) -> int:
    """Write a new encrypted FILE in the editor."""
    if Path(file).exists():
        raise UsageError(
            f"{file} exists already", kind="usage/vault-input", hint=f"fleetrun vault edit {file}"
        )
    if not (skip_tty_check or sys.stdin.isatty()):
        raise UsageError(
            "there is no terminal for the editor", kind="usage/editor",
            hint="use --skip-tty-check, or `fleetrun vault encrypt --output FILE` from stdin",
        )
    _open(flags, confirm=True).create(file, encrypt_vault_id)
    return 0


@command.command("rekey", epilog=_epilog(
    "fleetrun vault rekey secrets.yml --vault-id old@~/.vault --new-vault-id new@prompt",
))
@click.argument("files", nargs=-1, required=True)
@click.option("--new-vault-id", default="", metavar="LABEL@SOURCE", help="The new password.")
@click.option("--new-vault-password-file", default="", metavar="FILE",
              help="File that holds the new password, or program that prints it.")
@add(VAULT_OPTIONS, (_ENCRYPT_ID,))
def rekey(
    files: tuple[str, ...], new_vault_id: str, new_vault_password_file: str,
    encrypt_vault_id: str, **flags: Any,
) -> int:
    """Encrypt FILES anew, with another password."""
    vault = _open(flags)
    vault.rekey(
        files, new_id=new_vault_id, new_file=new_vault_password_file, label=encrypt_vault_id
    )
    click.echo("re-keyed", err=True)
    return 0


@command.command("encrypt-string", epilog=_epilog(
    "fleetrun vault encrypt-string --stdin-name db_password < password.txt",
    "fleetrun vault encrypt-string --prompt --name db_password --vault-id prod@prompt",
))
@click.argument("strings", nargs=-1)
@click.option("-n", "--name", "names", multiple=True, metavar="VARIABLE",
              help="Variable of each string, in their order.")
@click.option("--stdin-name", default="", metavar="VARIABLE", help="Variable of stdin's text.")
@click.option("-p", "--prompt", is_flag=True, help="Ask for the string.")
@click.option("--show-input", is_flag=True, help="Show what is typed.")
@add(VAULT_OPTIONS, (_OUTPUT, _ENCRYPT_ID))
def encrypt_string(
    strings: tuple[str, ...], names: tuple[str, ...], stdin_name: str, prompt: bool,
    show_input: bool, output: str, encrypt_vault_id: str, **flags: Any,
) -> int:
    """Print STRINGS, or stdin, as encrypted values for a YAML file."""
    vault = _open(flags, confirm=True)
    texts = [(name, text) for name, text in _named(strings, names)]
    if prompt:
        texts.append((names[len(strings)] if len(names) > len(strings) else "",
                      _asked(is_shown=show_input)))
    if stdin_name or "-" in strings or not texts:
        left = names[len(texts)] if len(names) > len(texts) else ""
        texts.insert(0, (stdin_name or left, _from_stdin()))
    vault.encrypt_strings(texts, output, encrypt_vault_id)
    click.echo("encrypted", err=True)
    return 0


def _named(strings: tuple[str, ...], names: tuple[str, ...]) -> list[tuple[str, str]]:
    plain = [text for text in strings if text != "-"]
    padded = [*names, *[""] * len(plain)]
    return list(zip(padded, plain, strict=False))


def _asked(*, is_shown: bool) -> str:
    text: str = click.prompt(
        "String to encrypt", hide_input=not is_shown, confirmation_prompt=not is_shown, err=True
    )
    return text


def _from_stdin() -> str:
    if sys.stdin.isatty():
        click.echo("Reading plaintext input from stdin. (ctrl-d to end input)", err=True)
    text = sys.stdin.read()
    if not text:
        raise UsageError(
            "stdin is empty: there is nothing to encrypt", kind="usage/vault-input",
            hint="pass the string on stdin, as an argument, or with --prompt",
        )
    return text

