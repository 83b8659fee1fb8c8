"""The text around what is encrypted: Ansible Vault's formats 1.1 and 1.2.

The header is ``$ANSIBLE_VAULT;1.1;AES256`` or, with a label, ``1.2;AES256;label``.
Below it stand lines of 80 hex digits; they are the hex of three lines, which are
the hex of salt, HMAC and cipher text.

Source: the format as ansible-core 2.19 writes it (its user guide, "Ansible
Vault payload format").
"""

from __future__ import annotations

import re
from binascii import hexlify, unhexlify
from dataclasses import dataclass
from typing import Final

HEADER: Final = "$ANSIBLE_VAULT;"
_HEADER: Final = re.compile(r"\$ANSIBLE_VAULT;([0-9.]+);(\w+)(?:;([^;\n]*))?\Z")
_WIDTH: Final = 80


class EnvelopeError(ValueError):
    """The text is no vault text that can be read; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What a vault text holds; `label` is "" in format 1.1."""

    salt: bytes
    mac: bytes
    ciphertext: bytes
    label: str = ""


def is_sealed(content: str | bytes) -> bool:
    """True for text that begins as a vault text does."""
    if isinstance(content, bytes):
        return content.startswith(HEADER.encode())
    return content.startswith(HEADER)


def parse(text: str | bytes) -> Envelope:
    """Returns the parts of a vault text; raises EnvelopeError."""
    try:
        plain = text.decode("ascii") if isinstance(text, bytes) else text
        lines = plain.split()
        body = unhexlify("".join(lines[1:]))
        label = _label(lines[0] if lines else "")
        salt, mac, ciphertext = (unhexlify(part) for part in body.split(b"\n", 2))
    except UnicodeDecodeError as exc:
        raise EnvelopeError("it holds bytes that are no hex digits") from exc
    except EnvelopeError:
        raise
    except ValueError as exc:  # binascii.Error and too few parts
        raise EnvelopeError("its body is damaged or cut off") from exc
    return Envelope(salt=salt, mac=mac, ciphertext=ciphertext, label=label)


def _label(header: str) -> str:
    found = _HEADER.match(header)
    if found is None:
        raise EnvelopeError("its first line is no vault header")
    version, cipher, label = found.groups()
    if version not in {"1.1", "1.2"}:
        raise EnvelopeError(f"its format is {version}; 1.1 and 1.2 can be read")
    if cipher != "AES256":
        raise EnvelopeError(f"its cipher is {cipher}; AES256 can be read")
    return label or ""


def render(envelope: Envelope) -> str:
    """Returns an envelope as text that ends with a newline."""
    header = f"{HEADER}1.2;AES256;{envelope.label}" if envelope.label else f"{HEADER}1.1;AES256"
    parts = (envelope.salt, envelope.mac, envelope.ciphertext)
    body = hexlify(b"\n".join(hexlify(part) for part in parts)).decode("ascii")
    lines = [body[at: at + _WIDTH] for at in range(0, len(body), _WIDTH)]
    return "\n".join([header, *lines]) + "\n"
