"""Password hashes of crypt(3), by the C library where it is, as fast as it can.

Ansible's default rounds (656,000) take a second in Python and a third of one in C.
"""

from __future__ import annotations

import ctypes
import secrets
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from fleetrun.planning.filters.sha_crypt import sha_crypt

_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#: What is the same hash under another name.
_KINDS = {"bcrypt": "blowfish", "sha512_crypt": "sha512", "sha256_crypt": "sha256",
          "md5_crypt": "md5"}
_IDS = {"md5": "1", "sha256": "5", "sha512": "6", "blowfish": "2b"}
#: Source: what ansible-core 2.19 with passlib 1.7 writes when nothing is said.
_ROUNDS = {"sha256": 535_000, "sha512": 656_000, "blowfish": 12}
#: More takes seconds of the controller's only thread.
_MAX_ROUNDS = {"md5": 1_000_000, "sha256": 1_000_000, "sha512": 1_000_000, "blowfish": 14}
_SALT_CHARS = {"md5": 8, "blowfish": 22}
#: crypt(3)'s own number, which it does not write out.
_UNWRITTEN = 5000


def new_salt(kind: str, size: int | None = None) -> str:
    """Returns a salt by chance, as long as the hash takes it or `size` characters."""
    length = size or _SALT_CHARS.get(_KINDS.get(kind, kind), 16)
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def password_hash(  # Ansible's arguments
    value: Any, hashtype: str = "sha512", salt: str | None = None, salt_size: int | None = None,
    rounds: int | None = None, ident: str | None = None,
) -> str:
    """Returns the crypt(3) hash of a password; without `salt` another one every time."""
    if not isinstance(value, str):
        raise TypeError(f"password_hash needs a text, got a {type(value).__name__}")
    chosen = new_salt(hashtype, salt_size) if salt is None else str(salt)
    return hash_password(value, hashtype, chosen, rounds=rounds, ident=ident)


def hash_password(
    plain: str, kind: str, salt: str, *, rounds: int | None = None, ident: str | None = None
) -> str:
    """Returns the crypt(3) text. Raises ValueError for what the hash does not take."""
    known = _KINDS.get(kind, kind)
    if known not in _IDS:
        raise ValueError(f"password_hash knows {', '.join(_IDS)} and bcrypt, not {kind!r}")
    if not salt or set(salt) - set(_ALPHABET):
        raise ValueError("password_hash: a salt is of the characters . / 0-9 A-Z a-z")
    count = _ROUNDS.get(known, 0) if rounds is None else int(rounds)
    if count > _MAX_ROUNDS.get(known, 0):
        raise ValueError(f"password_hash: {known} takes at most {_MAX_ROUNDS[known]} rounds here")
    return _hashed(plain, known, salt, count, ident or _IDS[known])


@lru_cache(maxsize=256)
def _hashed(plain: str, kind: str, salt: str, rounds: int, ident: str) -> str:
    call = _crypt()
    if call is None:
        if kind not in {"sha256", "sha512"}:
            raise ValueError(f"password_hash: {kind} needs libcrypt on the controller")
        return sha_crypt(plain, hashtype=kind, salt=salt, rounds=rounds)
    if kind == "blowfish":
        setting = f"${ident}${rounds:02d}${salt}"
    elif kind == "md5" or rounds == _UNWRITTEN:
        setting = f"${ident}${salt}$"
    else:
        setting = f"${ident}$rounds={rounds}${salt}$"
    done = call(plain.encode(), setting.encode())
    if not done or done.startswith(b"*"):
        raise ValueError(
            f"password_hash: {kind} does not take this salt ({len(salt)} characters) "
            f"or {rounds} rounds"
        )
    return str(done.decode("ascii"))


@cache
def _crypt() -> Callable[[bytes, bytes], bytes | None] | None:
    """The C library's crypt(3); None where there is none."""
    for name in ("libcrypt.so.1", "libcrypt.so.2"):
        try:
            call = ctypes.CDLL(name).crypt
        except (OSError, AttributeError):
            continue
        call.restype = ctypes.c_char_p
        call.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
        found: Callable[[bytes, bytes], bytes | None] = call
        return found
    return None
