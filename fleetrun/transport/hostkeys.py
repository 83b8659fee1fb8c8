"""Which host key a device must show: pinned to its id, looked up, worded."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncssh

from fleetrun.contracts import Target
from fleetrun.errors import ConnectError
from fleetrun.transport.attempt import Attempt, printable

_CERT_SUFFIX = "-cert-v01@openssh.com"
_INVENTORY = "the inventory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The keys one SSH server may show."""

    #: The name the keys were found under; a host certificate must name it.
    name: str
    host_keys: tuple[asyncssh.SSHKey, ...] = ()
    ca_keys: tuple[asyncssh.SSHKey, ...] = ()
    revoked: tuple[asyncssh.SSHKey, ...] = ()
    #: Where the keys stand: "FILE:LINE" or "the inventory".
    sources: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        """True when there is a key or a CA to check against."""
        return bool(self.host_keys or self.ca_keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A known_hosts file; lines are kept as text until they are needed."""

    path: str
    version: tuple[int, int]
    #: Line numbers and lines by plain host name.
    plain: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    #: Hashed names and wildcards, which every lookup must try.
    patterns: list[tuple[int, asyncssh.SSHKnownHosts]] = field(default_factory=list)


class HostKeys:
    """Looks host keys up; each known_hosts file is read once per change."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self._lock = asyncio.Lock()

    async def find(self, target: Target) -> Trust:
        """Returns the keys of `target`: inventory, then its id, then its address.

        The address only counts when no line names the id: an address may
        belong to another device tomorrow. Raises ConnectError for a pinned key
        that cannot be parsed.
        """
        files = [file for path in target.known_hosts if (file := await self._file(path))]
        by_id = _lookup(files, target.device, target.port)
        by_address = _lookup(files, target.address, target.port)
        revoked = by_id.revoked + by_address.revoked
        if target.host_keys:
            keys = tuple(_parse_pinned(line, target) for line in target.host_keys)
            return Trust(name=target.device, host_keys=keys, revoked=revoked,
                         sources=(_INVENTORY,))
        found = by_address if by_address.is_known and not by_id.is_known else by_id
        return replace(found, revoked=revoked)

    async def _file(self, path: str) -> _File | None:
        file, version = _stat(path)
        if version is None:
            return None
        async with self._lock:
            known = self._files.get(path)
            if known is None or known.version != version:
                try:
                    known = await asyncio.to_thread(_read_file, file, version)
                except OSError as exc:
                    raise ConnectError(
                        f"cannot read the known_hosts file {file}: {exc.strerror}",
                        kind="connect/host-key", hint="make it readable for this user",
                    ) from exc
                self._files[path] = known
            return known


def _stat(path: str) -> tuple[Path, tuple[int, int] | None]:
    file = Path(path).expanduser()
    try:
        stat = file.stat()
    except OSError:
        return file, None  # as ssh does: a file that is missing names no host
    return file, (stat.st_mtime_ns, stat.st_size)


def _read_file(file: Path, version: tuple[int, int]) -> _File:
    known = _File(path=str(file), version=version)
    for number, line in enumerate(
        file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
    ):
        words = line.split(None, 2)
        if len(words) < 3 or words[0].startswith("#"):
            continue
        names = words[1] if words[0].startswith("@") else words[0]
        if any(char in names for char in "*?|/!"):
            parsed = _parse_line(line)
            if parsed is not None:
                known.patterns.append((number, parsed))
            continue
        for name in names.split(","):
            known.plain[name].append((number, line))
    return known


def _parse_line(line: str) -> asyncssh.SSHKnownHosts | None:
    try:
        return asyncssh.SSHKnownHosts(line)
    except ValueError:
        return None  # as ssh does: a broken line is no line


def _lookup(files: list[_File], name: str, port: int) -> Trust:
    """Returns what the files say of `name`: ``[name]:port`` first, then plain."""
    with_port = _lookup_exact(files, name, None if port == 22 else port)
    if port == 22 or not name:
        return with_port
    plain = _lookup_exact(files, name, None)
    found = with_port if with_port.is_known else plain
    return replace(found, revoked=with_port.revoked + plain.revoked)


def _lookup_exact(files: list[_File], name: str, port: int | None) -> Trust:
    wanted = name if port is None else f"[{name}]:{port}"
    found: tuple[list[asyncssh.SSHKey], ...] = ([], [], [])
    sources: list[str] = []
    for file in files:
        lines = [(number, _parse_line(line)) for number, line in file.plain.get(wanted, ())]
        for number, parsed in (*lines, *file.patterns):
            if parsed is None:
                continue
            matched = parsed.match(wanted, "", None)[:3]
            for keys, more in zip(found, matched, strict=True):
                keys.extend(more)
            if any(matched):
                sources.append(f"{file.path}:{number}")
    return Trust(name=name, host_keys=tuple(found[0]), ca_keys=tuple(found[1]),
                 revoked=tuple(found[2]), sources=tuple(sources))


def _parse_pinned(line: str, target: Target) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_public_key(line)
    except asyncssh.KeyImportError as exc:
        raise ConnectError(
            f"the host key pinned for {target.device} is not an OpenSSH public key: {exc}",
            kind="connect/host-key",
            hint='write it as "ssh-ed25519 AAAA..."',
        ) from exc


def refusal(trust: Trust, attempt: Attempt, reason: str) -> ConnectError:
    """Returns the error for a server that showed a key we do not trust."""
    device = attempt.target.device
    line, seen = _describe_seen(attempt.seen_host_key)
    who = f"{device} ({attempt.place})"
    prefix = f"{attempt.hop}: " if attempt.hop else ""
    steps = _how_to_pin(attempt, line)
    if "revoked" in reason.lower():
        message = f"the host key of {who} is revoked: {seen}; no command was sent"
        hint = f"see the @revoked lines in {', '.join(attempt.target.known_hosts)}"
    elif not trust.is_known:
        message = f"the host key of {who} is unknown: {seen}; no command was sent"
        hint = f"compare the fingerprint with the one on the device, then {steps}"
    else:
        expected = ", ".join(_fingerprint(key.public_data, key.get_algorithm())
                             for key in trust.host_keys)
        if trust.ca_keys:
            cas = ", ".join(_fingerprint(key.public_data, key.get_algorithm())
                            for key in trust.ca_keys)
            expected = f"{expected + ' or ' if expected else ''}a certificate of CA {cas}"
        message = (
            f"the host key of {who} is not the one pinned in {', '.join(trust.sources)}: "
            f"expected {expected}, got {seen}; no command was sent"
        )
        hint = (
            "another device may answer at that address, or the key was changed; if the change is "
            f"meant, compare the fingerprint with the one on the device, remove the old key from "
            f"{', '.join(trust.sources)}, and {steps}"
        )
    if _CERT_SUFFIX in seen:
        message += f" ({printable(reason)})"
    return ConnectError(prefix + message, kind="connect/host-key", hint=hint)


def _how_to_pin(attempt: Attempt, line: str) -> str:
    target = attempt.target
    steps = []
    if not attempt.hop:
        steps.append(f'set fleetrun_host_key: "{line}" for {target.device} in the inventory')
    if target.known_hosts or attempt.hop:
        file = target.known_hosts[0] if target.known_hosts else "a known_hosts file"
        steps.append(f"add this line to {file}: {target.device} {line}")
    return ", or ".join(steps)


def _describe_seen(wire: bytes) -> tuple[str, str]:
    """Returns the key a server showed as an OpenSSH line, and its fingerprint."""
    length = int.from_bytes(wire[:4], "big")
    algorithm = printable(wire[4 : 4 + min(length, 64)].decode("ascii", "replace"), 64)
    line = f"{algorithm} {base64.b64encode(wire).decode()}"
    if algorithm.endswith(_CERT_SUFFIX):
        try:
            key = asyncssh.import_certificate(line).key
        except asyncssh.KeyImportError:
            return line, f"{algorithm} that cannot be parsed"
        shown = f"{_fingerprint(key.public_data, algorithm)}"
        return key.export_public_key().decode().strip(), shown
    return line, _fingerprint(wire, algorithm)


def _fingerprint(wire: bytes, algorithm: str) -> str:
    digest = base64.b64encode(hashlib.sha256(wire).digest()).decode().rstrip("=")
    return f"SHA256:{digest} ({algorithm})"
