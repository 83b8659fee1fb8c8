"""password: a password that is made once and kept in a file of the operator."""

from __future__ import annotations

import fcntl
import os
import random
import secrets
import string
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fleetrun.actions.crypt import hash_password, new_salt
from fleetrun.actions.lookups.places import Places, options_in
from fleetrun.model.values import SecretText
from fleetrun.planning.lookup_call import LookupCall

_OPTIONS = {"length": "20", "chars": None, "encrypt": None, "ident": None, "seed": None}
_DEFAULT_CHARS = ("ascii_letters", "digits", ".,:-_")
_SCHEMES = {
    "sha512_crypt": "sha512", "sha256_crypt": "sha256", "md5_crypt": "md5", "bcrypt": "blowfish",
}


class PasswordLookup:
    """The lookup that makes and remembers passwords."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def password(self, call: LookupCall) -> list[str]:
        """Returns the password in each file, which is made when there is none."""
        return [self._one(call, str(term)) for term in call.terms]

    def _one(self, call: LookupCall, term: str) -> str:
        name, said = options_in(term, _OPTIONS)
        if not name:
            raise ValueError("it needs a file name; /dev/null keeps nothing")
        wanted = {**_OPTIONS, **call.options, **said}
        scheme = str(wanted["encrypt"] or "")
        path = Path(self._places.base_dir) / Path(name).expanduser()
        if str(path) == os.devnull:
            return _shown(_new(wanted), new_salt(_kind(scheme)) if scheme else "", scheme, wanted)
        with _locked(path):
            plain, salt = _read(path)
            is_new = not plain
            plain = plain or _new(wanted)
            if scheme and not salt:
                salt, is_new = new_salt(_kind(scheme)), True
            if is_new:
                _write(path, plain, salt)
        return _shown(plain, salt, scheme, wanted)


def _new(wanted: Mapping[str, Any]) -> str:
    chars = _characters(wanted["chars"])
    if wanted["seed"] is not None:
        # Ansible's own choice: the same seed gives the same password there.
        source: random.Random = random.Random(wanted["seed"])  # noqa: S311  # asked for
    else:
        source = secrets.SystemRandom()
    return "".join(source.choice(chars) for _ in range(int(wanted["length"])))


def _characters(chars: Any) -> str:
    """The characters that a list of names (``digits``) and texts stands for."""
    if chars is None:
        names = list(_DEFAULT_CHARS)
    elif isinstance(chars, str):
        has_comma = ",," in chars
        names = [part for part in chars.replace(",,", ",").split(",") if part]
        names += [","] if has_comma else []
    else:
        names = [str(part) for part in chars]
    known = {name: getattr(string, name) for name in (
        "ascii_letters", "ascii_lowercase", "ascii_uppercase", "digits", "hexdigits",
        "octdigits", "punctuation", "printable", "whitespace",
    )}
    found = "".join(known.get(name, name) for name in names).replace('"', "").replace("'", "")
    if not found:
        raise ValueError("`chars` leaves no character to choose from")
    return found


def _kind(scheme: str) -> str:
    if scheme not in _SCHEMES:
        raise ValueError(f"`encrypt` is one of {', '.join(_SCHEMES)}, not {scheme!r}")
    return _SCHEMES[scheme]


def _shown(plain: str, salt: str, scheme: str, wanted: Mapping[str, Any]) -> str:
    if not scheme:
        return SecretText(plain)
    return hash_password(plain, _kind(scheme), salt, ident=wanted["ident"])


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Two runs must not make two passwords for one file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(path.parent / f".{path.name}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise ValueError(f"cannot keep a password in {path}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _read(path: Path) -> tuple[str, str]:
    """The password and the salt in a file; "" for what is not there."""
    try:
        text = path.read_text(encoding="utf-8").rstrip("\n")
    except FileNotFoundError:
        return "", ""
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read {path}: {error}") from error
    text = text.rpartition(" ident=")[0] or text
    plain, sign, salt = text.rpartition(" salt=")
    return (plain, salt) if sign else (text, "")


def _write(path: Path, plain: str, salt: str) -> None:
    """Writes the file whole, readable for its owner only, or not at all."""
    part = path.with_name(f".{path.name}.part")
    content = plain + (f" salt={salt}" if salt else "") + "\n"
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}") from error
