"""Values of encrypted files and encrypted values of plain files, as secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from fleetrun.loading.vault.keyring import Vault, VaultError, current_vault, seal
from fleetrun.model.redact import MASK
from fleetrun.model.values import SecretText, TemplateText, Value

#: YAML tags of a single encrypted value.
VAULT_TAGS: Final = ("!vault", "!vault-encrypted")
#: The same in JSON: an object with this one key.
SEALED_KEY: Final = "__ansible_vault"
#: In Ansible's JSON: text that is never a template.
UNSAFE_KEY: Final = "__ansible_unsafe"
_SEALED_TEMPLATE: Final = "__fleetrun_sealed_template"
_TEMPLATE_PART: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def opened(text: str) -> SecretText:
    """Returns what an encrypted value holds, hidden from every sink. Raises VaultError."""
    vault = current_vault()
    try:
        plain = vault.open(text).decode("utf-8")
    except UnicodeDecodeError as exc:
        raise VaultError(
            "it does not hold UTF-8 text", kind="input/encoding",
            hint="encrypt binary content as a file of its own, and copy that",
        ) from exc
    vault.hide(plain)
    vault.texts[plain] = text.strip() + "\n"
    return SecretText(plain)


def covered(value: SecretText) -> Value:
    """Returns a secret as JSON may show it: encrypted, as it was in its file if it stood alone."""
    vault = current_vault()
    text = vault.texts.get(value)
    password = vault.find("")
    if text is None and password is not None:
        text = seal(value.encode(), password, label=password.label)
    return MASK if text is None else {SEALED_KEY: text}


def hidden(text: str) -> str:
    """Returns a text of an encrypted file as a secret; a template stays one.

    Of a template its fixed parts are hidden.
    """
    vault = current_vault()
    if not isinstance(text, TemplateText):
        vault.hide(text)
        return SecretText(text)
    for part in _TEMPLATE_PART.split(text):
        vault.hide(part)
    return text


def secret(value: Value) -> Value:
    """Returns a value of an encrypted file with every text in it hidden."""
    if isinstance(value, str):
        return hidden(value)
    if isinstance(value, Mapping):
        return {name: secret(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [secret(item) for item in value]
    if type(value) in {int, float}:
        hidden(str(value))
    return value


def sealed(value: Value, vault: Vault) -> Value:
    """Returns `value` with every secret in it encrypted, as a journal may keep it.

    `unsealed` gives the value back. Without a password secrets stay as they are.
    """
    password = vault.find("")
    if isinstance(value, SecretText):
        return value if password is None else {SEALED_KEY: seal(value.encode(), password)}
    if isinstance(value, TemplateText) and password and vault.known.hides(value):
        return {_SEALED_TEMPLATE: seal(value.encode(), password)}
    if isinstance(value, Mapping):
        return {name: sealed(item, vault) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [sealed(item, vault) for item in value]
    return value


def unsealed(value: Value) -> Value:
    """Returns the value that `sealed` was given. Raises VaultError."""
    if isinstance(value, Mapping):
        text = value.get(SEALED_KEY)
        if len(value) == 1 and isinstance(text, str):
            return opened(text)
        if isinstance(text := value.get(_SEALED_TEMPLATE), str):
            return hidden(TemplateText(opened(text)))
        return {name: unsealed(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [unsealed(item) for item in value]
    return value
