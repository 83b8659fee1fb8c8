"""The filters ``vault`` and ``unvault`` and the lookup ``unvault``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from fleetrun.contracts import FileReader
from fleetrun.loading.vault.envelope import is_sealed
from fleetrun.loading.vault.keyring import (
    Vault,
    VaultSecret,
    current_vault,
    open_text,
    seal,
)
from fleetrun.model.values import SecretText
from fleetrun.planning.lookup_call import Lookup, LookupCall

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


def vault_lookups(files: FileReader, base_dir: str) -> Mapping[str, Lookup]:
    """Returns the lookup ``unvault``; files are found as the lookup ``file`` finds them."""

    def unvault_files(call: LookupCall) -> list[str]:
        task = call.scope.task
        bases = task.search_dirs if task else (base_dir,)
        return [_opened(files, files.find(str(name), "files", bases)) for name in call.terms]

    return {"unvault": unvault_files}


def _opened(files: FileReader, path: str) -> str:
    content = files.read(path)
    if not is_sealed(content):
        return content.decode("utf-8", "replace")
    plain = open_text(content, path).decode("utf-8", "replace")
    current_vault().hide(plain)
    return SecretText(plain)


VAULT_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {"vault": vault, "unvault": unvault}

__all__ = ["VAULT_FILTERS", "vault_lookups"]
