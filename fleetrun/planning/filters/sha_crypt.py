"""The password hashes $5$ and $6$ of crypt(3), for /etc/shadow.

Source: U. Drepper, "Unix crypt using SHA-256 and SHA-512", version 0.6.
Python's own crypt module went away in 3.13.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SALT = re.compile(r"[./0-9A-Za-z]{1,16}")

#: What the C library takes when nothing is said; it is then not written out.
_DEFAULT_ROUNDS = 5000
_MIN_ROUNDS = 1000
#: crypt(3) allows more, but a hash is made on the controller's only thread:
#: 1,000,000 rounds take seconds.
_MAX_ROUNDS = 1_000_000

_IDS = {"sha256": "5", "sha512": "6"}


@lru_cache(maxsize=64)
def sha_crypt(password: str, *, hashtype: str, salt: str, rounds: int | None = None) -> str:
    """Returns the crypt(3) text, e.g. ``$6$salt$...``.

    Takes about 10 ms for 5000 rounds; the last 64 results are kept, because a
    fleet often shares a password and a salt. Raises ValueError.
    """
    if hashtype not in _IDS:
        raise ValueError(f"password_hash knows sha512 and sha256, not {hashtype!r}")
    if not _SALT.fullmatch(salt):
        raise ValueError("password_hash: a salt is 1 to 16 of the characters . / 0-9 A-Z a-z")
    count = _DEFAULT_ROUNDS if rounds is None else rounds
    if not _MIN_ROUNDS <= count <= _MAX_ROUNDS:
        raise ValueError(f"password_hash: rounds is from {_MIN_ROUNDS} to {_MAX_ROUNDS}")
    digest = _digest(password.encode(), salt.encode(), hashtype, count)
    said = "" if count == _DEFAULT_ROUNDS else f"rounds={count}$"
    return f"${_IDS[hashtype]}${said}{salt}${_encode(digest)}"


def _digest(key: bytes, salt: bytes, hashtype: str, rounds: int) -> bytes:
    def digest(content: bytes) -> bytes:
        return hashlib.new(hashtype, content).digest()

    result = _first_digest(key, salt, hashtype)
    p = _stretch(digest(key * len(key)), len(key))
    s = _stretch(digest(salt * (16 + result[0])), len(salt))
    for number in range(rounds):
        content = p if number % 2 else result
        if number % 3:
            content += s
        if number % 7:
            content += p
        result = digest(content + (result if number % 2 else p))
    return result


def _first_digest(key: bytes, salt: bytes, hashtype: str) -> bytes:
    inner = hashlib.new(hashtype, key + salt + key).digest()
    content = key + salt + _stretch(inner, len(key))
    length = len(key)
    while length:
        content += inner if length & 1 else key
        length >>= 1
    return hashlib.new(hashtype, content).digest()


def _stretch(block: bytes, length: int) -> bytes:
    return (block * (length // len(block) + 1))[:length]


def _encode(digest: bytes) -> str:
    """Base 64 of crypt(3): groups of three bytes, in the document's order."""
    third = len(digest) // 3
    # sha512 turns each group one way, sha256 the other.
    turn = 1 if len(digest) == 64 else 2
    text = ""
    for number in range(third):
        at = [number + part * third for part in range(3)]
        turned = [at[(part + number * turn) % 3] for part in range(3)]
        text += _group(digest[turned[0]] << 16 | digest[turned[1]] << 8 | digest[turned[2]], 4)
    if len(digest) == 64:
        return text + _group(digest[63], 2)
    return text + _group(digest[31] << 8 | digest[30], 3)


def _group(number: int, length: int) -> str:
    text = ""
    for _ in range(length):
        text += _ALPHABET[number & 63]
        number >>= 6
    return text
