"""Vault passwords of an invocation, and what the command line does with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fleetrun.errors import UsageError
from fleetrun.loading.vault import (
    Vault,
    VaultSecret,
    current_vault,
    editor,
    open_vault,
    rewrite,
    seal,
    use_vault,
    vault_sources,
)
from fleetrun.model.redact import Redactor


def take_passwords(
    *, ids: Sequence[str] = (), files: Sequence[str] = (), ask: bool = False,
    confirm: bool = False,
) -> tuple[str, ...]:
    """Opens the vault that flags and environment name; returns its sources.

    Asks, and runs programs, where a source says so. Raises UsageError.
    """
    sources = vault_sources(ids=ids, files=files, ask=ask)
    use_vault(open_vault(sources, confirm=confirm))
    return sources


def without_secrets(text: str) -> str:
    """Returns an error text without what the vault held."""
    return Redactor((), current_vault().known).text(text)


def encrypt(files: tuple[str, ...], output: str, label: str) -> None:
    """Encrypts files in place, or one to `output`. Raises UsageError, InputError."""
    secret = rewrite.choose_secret(_vault_or_ask(confirm=True), label)
    rewrite.convert(files, output, lambda name, text: rewrite.encrypted(name, text, secret))


def decrypt(files: tuple[str, ...], output: str) -> None:
    """Decrypts files in place, or one to `output`. Raises UsageError, InputError."""
    vault = _vault_or_ask()
    rewrite.convert(files, output, lambda name, text: rewrite.decrypted(name, text, vault))


def view(file: str) -> bytes:
    """Returns what a file holds. Raises InputError."""
    return rewrite.decrypted(file, rewrite.read(file), _vault_or_ask())


def edit(file: str, label: str) -> None:
    """Lets the operator edit a file; written only when it was changed."""
    vault = _vault_or_ask()
    plain, secret = rewrite.opened(file, rewrite.read(file), vault)
    edited = editor.edit(plain, suffix=Path(file).suffix)
    if label:
        secret = rewrite.choose_secret(vault, label)
    if edited != plain or label:
        rewrite.write(file, seal(edited, secret, label=secret.label).encode())


def create(file: str, label: str) -> None:
    """Lets the operator write a new encrypted file."""
    secret = rewrite.choose_secret(_vault_or_ask(confirm=True), label)
    text = editor.edit(b"", suffix=Path(file).suffix)
    rewrite.write(file, seal(text, secret, label=secret.label).encode())


def rekey(files: tuple[str, ...], *, new_id: str, new_file: str, label: str) -> None:
    """Encrypts files with another password. Raises UsageError, InputError."""
    vault = _vault_or_ask()
    if new_id and new_file:
        raise UsageError(
            "--new-vault-id and --new-vault-password-file exclude each other",
            kind="usage/vault-id", hint="name one new password",
        )
    ids, paths = (new_id,) if new_id else (), (new_file,) if new_file else ()
    sources = vault_sources(ids=ids, files=paths, ask=not (ids or paths), environ={})
    new = rewrite.choose_secret(open_vault(sources, confirm=True), label)
    rewrite.convert(files, "", lambda name, text: _rekeyed(name, text, vault, new))


def _rekeyed(name: str, text: bytes, vault: Vault, new: VaultSecret) -> bytes:
    return seal(rewrite.decrypted(name, text, vault), new, label=new.label).encode()


def encrypt_strings(texts: Sequence[tuple[str, str]], output: str, label: str) -> None:
    """Writes pairs of variable ("" for none) and text as YAML, to stdout or `output`."""
    secret = rewrite.choose_secret(_vault_or_ask(confirm=True), label)
    lines = [_yaml(name, seal(text.encode(), secret, label=secret.label)) for name, text in texts]
    rewrite.write(output or rewrite.STDIN, "".join(lines).encode())


def _yaml(name: str, sealed: str) -> str:
    start = f"{name}: !vault |\n" if name else "!vault |\n"
    return start + "".join(f"          {line}\n" for line in sealed.splitlines())


def _vault_or_ask(*, confirm: bool = False) -> Vault:
    """The vault in use; where nobody named a password, a person is asked for it."""
    if not current_vault().secrets:
        use_vault(open_vault(vault_sources(ask=True, environ={}), confirm=confirm))
    return current_vault()
