"""The filters ``vault`` and ``unvault`` and the lookup ``unvault``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from fleetrun.errors import InputError, Problem
from fleetrun.loading.vault.envelope import is_sealed
from fleetrun.loading.vault.keyring import (
    Vault,
    VaultSecret,
    current_vault,
    open_text,
    seal,
)
from fleetrun.model.values import SecretText

#: Label that Ansible's filter writes when none is given.
_FILTER_LABEL: Final = "filter_default"


def vault(
    plain: str, secret: str, salt: str | None = None, vault_id: str = _FILTER_LABEL,
    wrap_object: bool = False,
) -> str:
    """Returns `plain` encrypted with the password `secret`, as text.

    Raises ValueError for what is no text. `wrap_object` changes nothing: text
    stays text here.
    """
    del wrap_object
    if is_sealed(plain):
        return plain
    return seal(
        plain.encode(), VaultSecret(vault_id, secret.encode()), label=vault_id,
        salt=salt.encode() if salt else None,
    )


def unvault(text: Any, secret: str, vault_id: str = _FILTER_LABEL) -> Any:
    """Returns what `text` holds; a text that is not encrypted stays as it is.

    Raises ValueError for a wrong password.
    """
    if not isinstance(text, str) or not is_sealed(text):
        return text
    plain = Vault([VaultSecret(vault_id, secret.encode())]).open(text).decode("utf-8")
    current_vault().hide(plain)
    return SecretText(plain)



def _unvault_files(*names: str, **_options: Any) -> list[Any]:
    return [_unvault_file(name) for name in names]


def _unvault_file(name: str) -> str:
    try:
        content = Path(name).read_bytes()
    except OSError as exc:
        raise InputError([Problem(
            kind="input/missing-file", message=f"lookup('unvault'): cannot read {name}: "
            f"{exc.strerror}", hint="the path counts from the folder that fleetrun runs in",
        )]) from exc
    if not is_sealed(content):
        return content.decode("utf-8", "replace")
    plain = open_text(content, name).decode("utf-8", "replace")
    current_vault().hide(plain)
    return SecretText(plain)


VAULT_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {"vault": vault, "unvault": unvault}
VAULT_LOOKUPS: Final[Mapping[str, Callable[..., list[Any]]]] = {"unvault": _unvault_files}

__all__ = ["VAULT_FILTERS", "VAULT_LOOKUPS"]
