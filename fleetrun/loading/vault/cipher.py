"""AES256 as Ansible Vault uses it: PBKDF2, AES-CTR, PKCS7 and an HMAC over it all."""

from __future__ import annotations

import hashlib
import hmac
import os
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

#: Source: ansible-core 2.19, VaultAES256.
_ITERATIONS: Final = 10_000
_KEY_BYTES: Final = 32
_BLOCK_BYTES: Final = 16
SALT_BYTES: Final = 32


class BadMacError(ValueError):
    """The password is wrong, or the text was changed."""


@lru_cache(maxsize=4096)
def _keys(password: bytes, salt: bytes) -> tuple[bytes, bytes, bytes]:
    """Cipher key, HMAC key and counter; kept, as ten thousand rounds take milliseconds."""
    derived = hashlib.pbkdf2_hmac(
        "sha256", password, salt, _ITERATIONS, 2 * _KEY_BYTES + _BLOCK_BYTES
    )
    return derived[:_KEY_BYTES], derived[_KEY_BYTES: 2 * _KEY_BYTES], derived[2 * _KEY_BYTES:]


def encrypt(plain: bytes, password: bytes, salt: bytes | None = None) -> tuple[bytes, bytes, bytes]:
    """Returns salt, HMAC and cipher text."""
    salt = os.urandom(SALT_BYTES) if salt is None else salt
    key, mac_key, counter = _keys(password, salt)
    fill = _BLOCK_BYTES - len(plain) % _BLOCK_BYTES
    encryptor = Cipher(AES(key), CTR(counter)).encryptor()
    ciphertext = encryptor.update(plain + bytes([fill]) * fill) + encryptor.finalize()
    return salt, hmac.digest(mac_key, ciphertext, "sha256"), ciphertext


def decrypt(salt: bytes, mac: bytes, ciphertext: bytes, password: bytes) -> bytes:
    """Returns the plain bytes; raises BadMacError before anything is decrypted."""
    key, mac_key, counter = _keys(password, salt)
    if not hmac.compare_digest(hmac.digest(mac_key, ciphertext, "sha256"), mac):
        raise BadMacError
    decryptor = Cipher(AES(key), CTR(counter)).decryptor()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    fill = padded[-1] if padded else 0
    if not 0 < fill <= _BLOCK_BYTES or padded[-fill:] != bytes([fill]) * fill:
        raise BadMacError
    return padded[:-fill]
