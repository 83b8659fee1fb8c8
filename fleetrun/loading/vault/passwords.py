"""Where vault passwords come from: files, programs and the terminal.

A source is written ``label@where`` or ``where``; `where` is ``prompt``, a file
whose text is the password, or an executable that prints it. An executable whose
name ends in ``-client`` is told the label by ``--vault-id LABEL``.
"""

from __future__ import annotations

import getpass
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from fleetrun.errors import UsageError
from fleetrun.loading.program import ProgramError, run_program
from fleetrun.loading.vault.envelope import is_sealed
from fleetrun.loading.vault.keyring import Vault, VaultError, VaultSecret

DEFAULT_LABEL: Final = "default"
#: Ansible's second word asks as --ask-vault-pass does, without the label.
PROMPT, ASK = "prompt", "prompt_ask_vault_pass"
_MAX_PASSWORD_BYTES: Final = 64 << 10

Ask = Callable[[str], str]


def vault_sources(
    *, ids: Sequence[str] = (), files: Sequence[str] = (), ask: bool = False,
    environ: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Returns the sources that flags and environment name, each as ``label@where``.

    The environment's come first: ANSIBLE_VAULT_IDENTITY_LIST, and where no flag
    names a password ANSIBLE_VAULT_PASSWORD_FILE. Paths become absolute, so that
    a run can be resumed from another folder.
    """
    environ = os.environ if environ is None else environ
    listed = [each.strip() for each in environ.get("ANSIBLE_VAULT_IDENTITY_LIST", "").split(",")]
    if not (files or ask) and (beside := environ.get("ANSIBLE_VAULT_PASSWORD_FILE")):
        files = (beside,)
    default = environ.get("ANSIBLE_VAULT_IDENTITY", DEFAULT_LABEL)
    named = [*filter(None, listed), *ids, *(f"{default}@{file}" for file in files)]
    if ask:
        named.append(f"{default}@{ASK}")
    return tuple(dict.fromkeys(_full(each, default) for each in named))


def _full(source: str, default: str) -> str:
    label, where = split_source(source, default)
    if where not in {PROMPT, ASK}:
        where = str(Path(where).expanduser().absolute())
    return f"{label}@{where}"


def split_source(source: str, default: str = DEFAULT_LABEL) -> tuple[str, str]:
    """Returns label and place of a source."""
    label, sign, where = source.partition("@")
    return (label or default, where) if sign else (default, source)


def open_vault(sources: Sequence[str], *, ask: Ask | None = None, confirm: bool = False) -> Vault:
    """Returns a vault with the password of every source, in order.

    `confirm` asks twice, as is right for a new password. Runs programs. Raises
    UsageError.
    """
    secrets: list[VaultSecret] = []
    for source in sources:
        label, where = split_source(source)
        if where in {PROMPT, ASK}:
            shown = "" if where == ASK else f" ({label})"
            password = _prompted(shown, ask or ask_terminal, confirm=confirm)
        else:
            password = _read(Path(where), label, secrets)
        secrets.append(VaultSecret(label, password))
    must_match = os.environ.get("ANSIBLE_VAULT_ID_MATCH", "").lower() in {"1", "true", "yes"}
    return Vault(secrets, must_match_label=must_match, sources=sources)


def _prompted(shown: str, ask: Ask, *, confirm: bool) -> bytes:
    what = f"{'New vault' if confirm else 'Vault'} password{shown}: "
    password = ask(what)
    if not password:
        raise _bad("the vault password is empty")
    if confirm and ask(f"Confirm {what[0].lower()}{what[1:]}") != password:
        raise _bad("the two vault passwords differ")
    return password.encode()


def ask_terminal(prompt: str) -> str:
    """Returns what a person types unseen, or the next line of stdin."""
    with warnings.catch_warnings():
        # Of getpass, when there is no terminal; then nothing can be seen anyway.
        warnings.simplefilter("ignore")
        try:
            return getpass.getpass(prompt, stream=None if sys.stdin.isatty() else sys.stderr)
        except EOFError:
            return ""


def _read(path: Path, label: str, secrets: Sequence[VaultSecret]) -> bytes:
    try:
        is_program = path.is_file() and os.access(path, os.X_OK)
        if not is_program:
            with path.open("rb") as file:
                content = file.read(_MAX_PASSWORD_BYTES)
    except OSError as exc:
        raise _bad(f"the vault password file {path}: {exc.strerror}") from exc
    if is_program:
        content = _run(path, label).strip(b"\r\n")
    elif is_sealed(content):
        content = _unsealed(path, content, secrets).strip()
    else:
        content = content.strip()
    if not content:
        raise _bad(f"the vault password file {path} gives no password")
    return content


def _unsealed(path: Path, content: bytes, secrets: Sequence[VaultSecret]) -> bytes:
    try:
        return Vault(secrets).open(content)
    except VaultError as exc:
        raise _bad(f"the vault password file {path} is encrypted: {exc.message}") from exc


def _run(path: Path, label: str) -> bytes:
    words = ["--vault-id", label] if path.stem.endswith("-client") else []
    try:
        return run_program([str(path.absolute()), *words])
    except ProgramError as exc:
        raise UsageError(
            f"the vault password program {path}: {exc}", kind="usage/vault-password",
            hint="a file that is no program must not be executable: `chmod -x`"
            if "cannot start" in str(exc) else "run it by hand; it must print the password alone",
        ) from exc


def _bad(message: str) -> UsageError:
    return UsageError(
        message, kind="usage/vault-password",
        hint="name a file that holds the password alone, or an executable that prints it",
    )
