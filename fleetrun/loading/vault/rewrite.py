"""Encrypts, decrypts and re-keys whole files; a file is the old one or the new one, never half."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from fleetrun.errors import InputError, Mark, Problem, UsageError
from fleetrun.loading.vault.envelope import is_sealed, parse
from fleetrun.loading.vault.keyring import Vault, VaultError, VaultSecret, seal

STDIN: Final = "-"
_NEW_MODE: Final = 0o600


def choose_secret(vault: Vault, label: str = "") -> VaultSecret:
    """Returns the secret to encrypt with: the one of `label`, or the only one.

    Raises UsageError when there is none, or more than one to choose from.
    """
    labels = list(dict.fromkeys(secret.label for secret in vault.secrets))
    wanted = label or os.environ.get("ANSIBLE_VAULT_ENCRYPT_IDENTITY", "")
    if not labels:
        raise UsageError(
            "no vault password was given", kind="usage/vault-password",
            hint="give one with --vault-password-file FILE, --vault-id or --ask-vault-pass",
        )
    if not wanted and len(labels) > 1:
        raise UsageError(
            f"there are several vault ids to encrypt with: {', '.join(labels)}",
            kind="usage/vault-id", hint=f"choose one: --encrypt-vault-id {labels[0]}",
        )
    found = vault.find(wanted)
    if found is None:
        raise UsageError(
            f"there is no vault id `{wanted}` to encrypt with", kind="usage/vault-id",
            hint=f"known are: {', '.join(labels)}",
        )
    return found


def read(name: str) -> bytes:
    """Returns the bytes of a file, or of stdin for ``-``. Raises InputError."""
    if name == STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as exc:
        kind = "missing-file" if isinstance(exc, FileNotFoundError) else "unreadable-file"
        raise InputError([Problem(
            kind=f"input/{kind}", message=f"cannot read {name}: {exc.strerror}",
        )]) from exc


def encrypted(name: str, content: bytes, secret: VaultSecret) -> bytes:
    """Returns `content` encrypted. Raises InputError when it is so already."""
    if is_sealed(content):
        raise InputError([Problem(
            kind="input/vault-format", message="this is encrypted already",
            mark=Mark(file=name, line=1, length=14), hint="another password: fleetrun vault rekey",
        )])
    return seal(content, secret, label=secret.label).encode()


def decrypted(name: str, content: bytes, vault: Vault) -> bytes:
    """Returns what `content` holds. Raises InputError."""
    return opened(name, content, vault)[0]


def opened(name: str, content: bytes, vault: Vault) -> tuple[bytes, VaultSecret]:
    """Returns what `content` holds and the secret that seals it again. Raises InputError."""
    mark = Mark(file=name, line=1)
    if not is_sealed(content):
        raise InputError([Problem(
            kind="input/vault-format", message="this is not encrypted with Ansible Vault",
            mark=mark, hint="a vault file begins with $ANSIBLE_VAULT;",
        )])
    try:
        plain, secret = vault.open_with(content)
    except VaultError as exc:
        raise InputError([exc.problem("this file", mark)]) from exc
    return plain, VaultSecret(parse(content).label or "default", secret.password)


def convert(
    names: tuple[str, ...], output: str, change: Callable[[str, bytes], bytes]
) -> None:
    """Writes what `change` makes of each file, in place or to `output`.

    Nothing is written before every file was read and changed. Raises UsageError
    for several files and one output, InputError.
    """
    names = names or (STDIN,)
    if output and len(names) > 1:
        raise UsageError(
            "--output takes one file, but several are named", kind="usage/vault-output",
            hint="leave --output out to change each file in place",
        )
    changed = [(output or name, change(name, read(name))) for name in names]
    for name, content in changed:
        write(name, content)


def write(name: str, content: bytes) -> None:
    """Writes a file at once, for its owner alone; ``-`` is stdout. Raises UsageError."""
    if name == STDIN:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    target = Path(name).resolve()
    if not target.exists() or target.is_file():
        _replace(target, content)
    else:  # a pipe or a device keeps nothing
        with _told(name):
            target.write_bytes(content)


def _replace(target: Path, content: bytes) -> None:
    with _told(str(target)):
        handle, part = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            _keep_owner(Path(part), target)
            Path(part).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(part).unlink()
            raise


def _keep_owner(part: Path, target: Path) -> None:
    part.chmod(_NEW_MODE)
    with suppress(OSError):
        before = target.stat()
        os.chown(part, before.st_uid, before.st_gid)
        part.chmod(before.st_mode & 0o700)


class _told:  # noqa: N801  # reads as a statement
    """Turns an OSError inside into one that names the file."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise UsageError(
                f"cannot write {self._name}: {error.strerror}", kind="usage/vault-output",
                hint="name a file in a folder that exists and is yours",
            ) from error
