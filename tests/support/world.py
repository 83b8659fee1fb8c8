"""A machine with users of its own: what SSH servers of become tests run in.

A mount namespace in which /etc, /root and /home are folders of the test. So
users, passwords, sudoers and doas.conf are made without touching this
machine's, and are gone with the server. Needs root, as sudo itself does.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

IS_ROOT = os.geteuid() == 0

#: May become anybody with the password.
OPERATOR = "fr-operator"
#: May become anybody without one.
TRUSTED = "fr-trusted"
#: May become nobody.
GUEST = "fr-guest"
#: Whom others become, besides root.
SERVICE = "fr-service"
_USERS = {OPERATOR: 61001, TRUSTED: 61002, GUEST: 61003, SERVICE: 61004}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The folders of such a machine; all its users have the same password."""

    folder: Path
    password: str

    @property
    def inside(self) -> tuple[str, ...]:
        """Words that run a command in this world."""
        mounts = " && ".join(
            f"mount --bind {shlex.quote(str(self.folder / name))} /{name}"
            for name in ("etc", "root", "home")
        )
        return ("unshare", "-m", "sh", "-c", f'{mounts} && exec "$@"', "sh")

    def home(self, user: str) -> Path:
        """The home of a user as this machine sees it."""
        return self.folder / ("root" if user == "root" else f"home/{user}")


@contextmanager
def world(password: str, authorized: Sequence[str]) -> Iterator[World]:
    """Makes a world whose users log in with the keys `authorized`."""
    # Not in pytest's folder: its users could not enter that.
    with tempfile.TemporaryDirectory(prefix="fleetrun-world-") as name:
        made = World(folder=Path(name), password=password)
        made.folder.chmod(0o755)
        shutil.copytree("/etc", made.folder / "etc", symlinks=True)
        _add_users(made, authorized)
        _allow(made)
        yield made


def _add_users(made: World, authorized: Sequence[str]) -> None:
    etc = made.folder / "etc"
    secret = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=made.password, capture_output=True,
        text=True, check=True,
    ).stdout.strip()
    lines = {"passwd": [], "shadow": [], "group": []}
    for name in lines:
        old = (etc / name).read_text(encoding="utf-8").splitlines()
        lines[name] = [line for line in old if not line.startswith("root:")]
    for user, uid in {"root": 0, **_USERS}.items():
        home = "/root" if user == "root" else f"/home/{user}"
        lines["passwd"].append(f"{user}:x:{uid}:{uid}::{home}:/bin/sh")
        lines["shadow"].append(f"{user}:{secret}:20000:0:99999:7:::")
        lines["group"].append(f"{user}:x:{uid}:")
        _make_home(made.home(user), uid, authorized)
    for name, content in lines.items():
        (etc / name).write_text("\n".join(content) + "\n", encoding="utf-8")


def _make_home(home: Path, uid: int, authorized: Sequence[str]) -> None:
    (home / ".ssh").mkdir(parents=True)
    keys = home / ".ssh/authorized_keys"
    keys.write_text("".join(f"{line}\n" for line in authorized), encoding="ascii")
    for path, mode in ((home, 0o750), (home / ".ssh", 0o700), (keys, 0o600)):
        path.chmod(mode)
        os.chown(path, uid, uid)


def _allow(made: World) -> None:
    etc = made.folder / "etc"
    for name in ("sudoers.d", "pam.d"):
        for path in (etc / name).iterdir():
            if name == "sudoers.d":
                path.unlink()
            else:
                # A wrong password must not cost two seconds, nor a limit of this machine count.
                kept = [
                    line for line in path.read_text(encoding="utf-8").splitlines()
                    if "pam_limits" not in line and "pam_faildelay" not in line
                ]
                text = "\n".join(kept).replace("pam_unix.so nullok", "pam_unix.so nullok nodelay")
                path.write_text(text + "\n", encoding="utf-8")
    (etc / "sudoers").chmod(0o600)
    (etc / "sudoers").write_text(
        "Defaults timestamp_timeout=0\nroot ALL=(ALL) NOPASSWD: ALL\n"
        f"{OPERATOR} ALL=(ALL) ALL\n{TRUSTED} ALL=(ALL) NOPASSWD: ALL\n", encoding="ascii",
    )
    (etc / "sudoers").chmod(0o440)
    (etc / "doas.conf").write_text(
        f"permit nopass root\npermit {OPERATOR}\npermit nopass {TRUSTED}\n", encoding="ascii",
    )
    (etc / "doas.conf").chmod(0o400)
