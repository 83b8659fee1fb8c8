"""Whose key is it: enrolled devices, operators, certificates, revocations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from fleetrun.bastion.config import BastionConfig
from fleetrun.bastion.policy import Operator, Role
from fleetrun.errors import InputError, Mark, Problem

_DEVICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}\Z")
_USER_CERTIFICATE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a key or certificate stands for."""

    role: Role
    name: str
    key: asyncssh.SSHKey
    fingerprint: str
    operator: Operator | None = None


@dataclass(slots=True, kw_only=True)
class KeyBook:
    """All keys by their wire form: finding one costs a dictionary look-up.

    A fleet of 500,000 devices must not cost a parsed key each, so keys are
    kept as bytes and parsed when one logs in.
    """

    devices: dict[bytes, str] = field(default_factory=dict)
    operators: dict[bytes, Operator] = field(default_factory=dict)
    by_name: dict[str, Operator] = field(default_factory=dict)
    device_cas: frozenset[bytes] = frozenset()
    operator_cas: frozenset[bytes] = frozenset()
    revoked: frozenset[str] = frozenset()

    def identify(self, key_data: bytes) -> Identity | None:
        """Returns whose key or certificate it is, None when nobody's.

        `key_data` is the wire form. A certificate must be valid now, signed by
        the CA of its role, and name exactly one principal: the id.
        """
        name, operator = self.devices.get(key_data), self.operators.get(key_data)
        try:
            if name is None and operator is None:
                return self._certified(key_data)
            key = asyncssh.public_key.decode_ssh_public_key(key_data)
        except (asyncssh.KeyImportError, ValueError):
            return None
        role = Role.OPERATOR if operator else Role.DEVICE
        found = Identity(role=role, name=operator.name if operator else name or "", key=key,
                         fingerprint=key.get_fingerprint(), operator=operator)
        return None if self._is_revoked(found) else found

    def _certified(self, key_data: bytes) -> Identity | None:
        if not (self.device_cas or self.operator_cas):
            return None
        cert = asyncssh.public_key.decode_ssh_certificate(key_data)
        if not isinstance(cert, asyncssh.public_key.SSHOpenSSHCertificate):
            return None
        principals = tuple(cert.principals)
        # A critical option that we do not enforce (source-address, force-command)
        # must refuse, as its meaning is to narrow.
        narrowed = {"source-address", "force-command"} & set(cert.options)
        if len(principals) != 1 or narrowed:
            return None
        signer = cert.signing_key.public_data
        cert.validate(_USER_CERTIFICATE, principals[0])
        return self._signed(str(principals[0]), signer, cert.key)

    def _signed(self, name: str, signer: bytes, key: asyncssh.SSHKey) -> Identity | None:
        operator = self.by_name.get(name) if signer in self.operator_cas else None
        if operator is None and (signer not in self.device_cas or not _DEVICE_ID.match(name)):
            return None
        found = Identity(
            role=Role.OPERATOR if operator else Role.DEVICE, name=name, key=key,
            fingerprint=key.get_fingerprint(), operator=operator,
        )
        return None if self._is_revoked(found) else found

    def _is_revoked(self, found: Identity) -> bool:
        is_device = found.role is Role.DEVICE
        return found.fingerprint in self.revoked or (is_device and found.name in self.revoked)


def stamp(config: BastionConfig) -> tuple[object, ...]:
    """Returns what changes when a key file does; blocking, call it off the loop."""
    paths = [config.device_keys, config.device_ca, config.operator_ca, config.revoked]
    found: list[object] = []
    for path in filter(None, paths):
        for each in (path, *sorted(path.glob("*.pub"))) if path.is_dir() else (path,):
            try:
                status = each.stat()
            except OSError:
                continue
            found.append((each.name, status.st_ino, status.st_mtime_ns, status.st_size))
    return tuple(found)


def read_keys(config: BastionConfig) -> KeyBook:
    """Returns all keys that `config` names; blocking.

    Raises InputError with every line that is wrong: a key that two devices
    share, or a device and an operator, is one.
    """
    problems: list[Problem] = []
    book = KeyBook(by_name={each.name: each for each in config.operators})
    for operator in config.operators:
        for line in operator.keys:
            data = _parse(line, None, problems)
            if data:
                book.operators[data] = operator
    seen: dict[str, str] = {}
    for device, line, mark in _device_lines(config.device_keys, problems):
        data = _parse(line, mark, problems)
        if data is None:
            continue
        other = book.devices.get(data) or (book.operators[data].name if data in book.operators
                                           else "")
        twin = seen.setdefault(device.casefold(), device)
        if other and other != device:
            problems.append(_problem(f"the key of {device} is also {other}'s", mark))
        if twin != device:
            problems.append(_problem(f"{device} and {twin} differ in case alone", mark))
        book.devices[data] = device
    book.device_cas = _ca_keys(config.device_ca, problems)
    book.operator_cas = _ca_keys(config.operator_ca, problems)
    book.revoked = frozenset(_revocations(config.revoked, problems))
    if problems:
        raise InputError(problems)
    return book


def _device_lines(path: Path | None, problems: list[Problem]) -> Iterator[tuple[str, str, Mark]]:
    if path is None:
        return
    if path.is_dir():
        for file in sorted(path.glob("*.pub")):
            for number, line in _lines(file, problems):
                yield from _device(file.stem, line, Mark(file=str(file), line=number), problems)
        return
    for number, line in _lines(path, problems):
        device, _, rest = line.partition(" ")
        yield from _device(device, rest, Mark(file=str(path), line=number), problems)


def _device(
    device: str, line: str, mark: Mark, problems: list[Problem]
) -> Iterator[tuple[str, str, Mark]]:
    if _DEVICE_ID.match(device):
        yield device, line, mark
    else:
        problems.append(_problem(f"{device!r:.80} cannot be a device id", mark))


def _lines(path: Path, problems: list[Problem]) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        if path.suffix == ".pub" and path.parent.is_dir():
            return  # removed while the folder was read: revoked, then
        problems.append(_problem(f"there is no file {path}", None))
        return
    except OSError as error:
        problems.append(_problem(f"cannot read {path}: {error.strerror}", None))
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip()


def _parse(line: str, mark: Mark | None, problems: list[Problem]) -> bytes | None:
    try:
        return asyncssh.import_public_key(line).public_data
    except (asyncssh.KeyImportError, ValueError):
        problems.append(_problem(f"{line!r:.60} is no OpenSSH public key", mark))
        return None


def public_line(text: str) -> str:
    """Returns "TYPE BASE64" of a public key's line, "" when it is none."""
    try:
        key = asyncssh.import_public_key(text)
    except (asyncssh.KeyImportError, ValueError):
        return ""
    return " ".join(key.export_public_key().decode("ascii").split()[:2])


def make_key_pair() -> tuple[bytes, str]:
    """Returns a new private key in OpenSSH's form, and its public line."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    return key.export_private_key(), public_line(key.export_public_key().decode("ascii"))


def _ca_keys(path: Path | None, problems: list[Problem]) -> frozenset[bytes]:
    if path is None:
        return frozenset()
    found = [_parse(line, Mark(file=str(path), line=number), problems)
             for number, line in _lines(path, problems)]
    return frozenset(data for data in found if data)


def _revocations(path: Path | None, problems: list[Problem]) -> Iterator[str]:
    if path is None or not path.exists():
        return
    for _, line in _lines(path, problems):
        try:
            yield asyncssh.import_public_key(line).get_fingerprint()
        except (asyncssh.KeyImportError, ValueError):
            yield line


def _problem(message: str, mark: Mark | None) -> Problem:
    return Problem(kind="input/bad-key", message=message, mark=mark,
                   hint='write "ssh-ed25519 AAAA…", as in an id_ed25519.pub')
