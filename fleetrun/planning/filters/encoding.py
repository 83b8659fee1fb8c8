"""Filters that encode, decode and hash. YAML comes from outside."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fleetrun.planning.filters.sha_crypt import sha_crypt

#: Ansible's own namespace: `to_uuid` gives the same ids as a playbook's last run.
_UUID_NAMESPACE = "361E6D51-FAEC-444A-9079-341386DA8E2E"


def to_json(value: Any, **options: Any) -> str:
    """Returns `value` as JSON; `options` are those of json.dumps."""
    options.pop("vault_to_text", None)
    options.pop("preprocess_unsafe", None)
    return json.dumps(value, default=_plain, **options)


def to_nice_json(value: Any, indent: int = 4, sort_keys: bool = True, **options: Any) -> str:
    """Returns `value` as JSON for people."""
    return to_json(
        value, indent=indent, sort_keys=sort_keys, separators=(",", ": "), **options
    )


def from_json(value: Any) -> Any:
    """Returns what a JSON text says."""
    if not isinstance(value, (str, bytes)):
        raise TypeError(f"from_json needs a text, got a {type(value).__name__}")
    return json.loads(value)


def b64encode(value: Any, encoding: str = "utf-8") -> str:
    """Returns the base64 of a text."""
    content = value if isinstance(value, bytes) else str(value).encode(encoding)
    return base64.b64encode(content).decode("ascii")


def b64decode(value: Any, encoding: str = "utf-8") -> str:
    """Returns the text in a base64 text; bytes that are no text are kept escaped."""
    return base64.b64decode(value).decode(encoding, "surrogateescape")


def hash_text(value: Any, hashtype: str = "sha1") -> str:
    """Returns the hex digest of a text."""
    if hashtype not in hashlib.algorithms_available:
        raise ValueError(f"unsupported hash type {hashtype!r}")
    return hashlib.new(hashtype, str(value).encode()).hexdigest()


def checksum(value: Any) -> str:
    """Returns the SHA-1 of a text, as Ansible's `checksum`."""
    return hash_text(value, "sha1")


def md5(value: Any) -> str:
    """Returns the MD5 of a text."""
    return hash_text(value, "md5")


def to_uuid(value: Any, namespace: str = _UUID_NAMESPACE) -> str:
    """Returns the UUID (version 5) of a text."""
    return str(uuid.uuid5(uuid.UUID(namespace), str(value)))


def password_hash(
    value: Any, hashtype: str = "sha512", salt: str = "", rounds: int | None = None,
    **_ignored: Any,
) -> str:
    """Returns the crypt(3) hash of a password, sha512 or sha256.

    The salt must be given: a random one would change the device on every run.
    """
    if not salt:
        raise ValueError(
            "password_hash needs a salt, or the hash differs on every run: "
            "password | password_hash('sha512', 'SALT')"
        )
    return sha_crypt(str(value), hashtype=hashtype, salt=salt, rounds=rounds)


def _plain(value: Any) -> Any:
    """What json cannot write by itself, as data it can."""
    if isinstance(value, Mapping):
        return {key: value[key] for key in value}
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "surrogateescape")
    if isinstance(value, (Sequence, set, frozenset, type({}.keys()), type({}.values()))):
        return list(value)
    if type(value).__module__ == "datetime":
        return value.isoformat() if hasattr(value, "isoformat") else str(value)
    return str(value)  # an undefined value raises its own error here


FILTERS: Mapping[str, Callable[..., Any]] = {
    "b64decode": b64decode,
    "b64encode": b64encode,
    "checksum": checksum,
    "from_json": from_json,
    "hash": hash_text,
    "md5": md5,
    "password_hash": password_hash,
    "sha1": checksum,
    "to_json": to_json,
    "to_nice_json": to_nice_json,
    "to_uuid": to_uuid,
}
