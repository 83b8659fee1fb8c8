"""Ansible Vault: files and values that only a password opens.

`Vault` holds the passwords of one invocation. Files are read in many places,
so the vault in use is found by `current_vault`, not passed through all of them.
"""

from __future__ import annotations

from fleetrun.loading.vault.envelope import HEADER, EnvelopeError, is_sealed
from fleetrun.loading.vault.keyring import (
    Vault,
    VaultError,
    VaultSecret,
    current_vault,
    open_text,
    seal,
    use_vault,
)
from fleetrun.loading.vault.passwords import open_vault, vault_sources

__all__ = [
    "HEADER", "EnvelopeError", "Vault", "VaultError", "VaultSecret", "current_vault",
    "is_sealed", "open_text", "open_vault", "seal", "use_vault", "vault_sources",
]
