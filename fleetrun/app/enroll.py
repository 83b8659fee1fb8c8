"""Enrols a device: its key, the files it dials out with, its inventory record."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from fleetrun.bastion.device_files import FOLDER, Client, Init, Style, device_files
from fleetrun.bastion.keys import make_key_pair, public_line
from fleetrun.errors import UsageError

__all__ = ["Client", "Init", "Style", "enroll", "public_key"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}\Z")
_BASTION = re.compile(r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::(?P<port>\d{1,5}))?")


def enroll(
    device: str, folder: Path, *, bastions: Sequence[str], host_keys: Sequence[str],
    style: Style, own_key: str = "",
) -> str:
    """Writes the device's files below `folder`; returns its public key's line.

    `folder`/root is what belongs on the device, `folder`/ID.pub is for the
    bastion. A key pair is made unless `own_key` is given. Raises UsageError,
    before anything is written, and when `folder` holds a key already.
    """
    if not _ID.match(device):
        raise _usage(f"{device!r} cannot be a device id", "letters, digits, dot, dash, underscore")
    places = [_place(text) for text in bastions]
    keys = [public_key(line) for line in host_keys]
    line = public_key(own_key) if own_key else ""
    if style.client is Client.DBCLIENT and not line:
        raise _usage("dbclient needs a key in dropbear's own form",
                     "make it on the device (dropbearkey -t ed25519 -f /etc/fleetrun/key) and "
                     "give its public line with --public-key")
    root, key_path = folder / "root", folder / "root" / FOLDER[1:] / "key"
    if key_path.exists() or (folder / f"{device}.pub").exists():
        raise _usage(f"{folder} holds an enrolment already", "name another --output, or move it")
    files = device_files(places, keys, style)
    for path, (text, mode) in files.items():
        file = root / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
    if not line:
        private, line = make_key_pair()
        key_path.touch(mode=0o600)
        key_path.write_bytes(private)
    (folder / f"{device}.pub").write_text(f"{line}\n", encoding="ascii")
    return line


def public_key(text: str) -> str:
    """Returns "TYPE BASE64" of a public key's line; raises UsageError when it is none."""
    line = public_line(text)
    if not line:
        raise _usage(f"{text!r:.60} is no public key",
                     'write "ssh-ed25519 AAAA…", as in a .pub file')
    return line


def _place(text: str) -> tuple[str, int]:
    found = _BASTION.fullmatch(text)
    port = int(found["port"] or 22) if found else 0
    if found is None or not 0 < port < 65536:
        raise _usage(f"{text!r} is no bastion", "write NAME or NAME:PORT")
    return found["name"], port


def _usage(message: str, hint: str) -> UsageError:
    return UsageError(message, kind="usage/enroll", hint=hint)
