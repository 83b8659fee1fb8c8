"""Commands that start a program as somebody on a device. Pure.

A command is constant text for an identity: it holds no argument, no path and
no password. Programs get what they need on stdin.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from fleetrun.errors import ConnectError
from fleetrun.model.steps import Identity
from fleetrun.remote.bundle import quote

__all__ = ["FETCH", "MARK", "PUT", "SHELL", "SUDO_PROMPT", "Launch", "become_error", "launch"]

#: Printed by the program's first words when escalation asked for a password.
MARK: Final = "fleetrun:shell"
SUDO_PROMPT: Final = "fleetrun:password:"

#: The persistent shell. With a terminal its stdout must be none, or sh would
#: become interactive; then it runs as `SHELL 2>&1 | cat`.
SHELL: Final = "sh"

_HOME: Final = 'cd "${HOME:-/}" 2>/dev/null || cd /; '
_PUT: Final = (
    _HOME + "IFS= read -r p; IFS= read -r m; IFS= read -r n; IFS= read -r s; umask 077; "
    'no() { rm -f -- "$p.$$.part"; printf "fr:no %s\\n" "$1"; exit 1; }; '
    'case $p in */*) mkdir -p -- "${p%/*}";; esac; rm -f -- "$p.$$.part"; set -C; '
    '{ if [ "$n" = 0 ]; then printf ""; else head -c "$n"; fi >"$p.$$.part"; } '
    '|| no "cannot write"; '
    "set +C; if command -v sha256sum >/dev/null 2>&1; "
    'then h=$(sha256sum <"$p.$$.part"); h=${h%% *}; '
    "elif command -v openssl >/dev/null 2>&1; "
    'then h=$(openssl dgst -sha256 <"$p.$$.part"); h=${h##* }; '
    "else h=$s; fi; "
    '[ "$h" = "$s" ] || no "the content was damaged on its way"; '
    'chmod "$m" "$p.$$.part" && mv -f -- "$p.$$.part" "$p" || no "cannot rename"; printf "fr:ok\\n"'
)
PUT: Final = f"sh -c {quote(_PUT)}"
_FETCH: Final = (
    _HOME + "IFS= read -r p; IFS= read -r n; IFS= read -r k; "
    'if [ -d "$p" ]; then printf "fr:no directory\\n"; '
    'elif [ -e "$p" ]; then if [ -r "$p" ]; then printf "fr:ok\\n"; head -c "$n" <"$p"; '
    'printf "\\nfr:end %s %s\\n" "$k" "$?"; else printf "fr:no unreadable\\n"; fi; '
    'else printf "fr:no missing\\n"; fi'
)
FETCH: Final = f"sh -c {quote(_FETCH)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to start a program on a channel."""

    command: str
    pty: bool = False
    #: True when a password may be asked for before `MARK` is printed.
    asks: bool = False
    #: What the question ends in, when we can choose it.
    prompt: str = ""


def launch(identity: Identity, program: str, *, has_password: bool) -> Launch:
    """Returns how `program` is started as `identity`.

    Raises ConnectError connect/become for an unknown method or an odd user name.
    """
    if not identity.user:
        return Launch(command=f"exec {program}")
    _check(identity)
    user = quote(identity.user)
    tool = " ".join(map(quote, (identity.exe or identity.method, *identity.flags)))
    if not has_password:
        inner = quote(f"exec {program}")
        how = {
            "sudo": f"{tool} -H -n -u {user} -- sh -c {inner}",
            "su": f"{tool} {user} -s /bin/sh -c {inner}",
            "doas": f"{tool} -n -u {user} sh -c {inner}",
        }[identity.method]
        return Launch(command=_in_sh(f"exec {how} 2>&1"))
    if identity.method == "sudo":
        inner = quote(f"echo {MARK}; exec {program}")
        how = f"exec {tool} -H -S -p {quote(SUDO_PROMPT)} -u {user} -- sh -c {inner} 2>&1"
        return Launch(command=_in_sh(how), asks=True, prompt=SUDO_PROMPT)
    inner = quote(f"echo {MARK}; {program} 2>&1 | cat")
    how = {
        "su": f"{tool} {user} -s /bin/sh -c {inner}",
        "doas": f"{tool} -u {user} sh -c {inner}",
    }[identity.method]
    # Raw and without echo before anything is sent: a terminal in its usual
    # mode would echo the program and cut its long lines.
    raw = "stty raw -echo || { echo missing: stty; exit 1; }"
    return Launch(command=_in_sh(f"{raw}; exec {how}"), pty=True, asks=True)


def _check(identity: Identity) -> None:
    if identity.method not in {"sudo", "su", "doas"}:
        raise ConnectError(
            f"unknown method to become another user: {identity.method}",
            kind="connect/become", hint="use sudo, su or doas",
        )
    if identity.user.startswith("-") or not identity.user.isprintable():
        raise ConnectError(
            f"not a user name: {identity.user!r}", kind="connect/become",
            hint="check become_user",
        )


def _in_sh(text: str) -> str:
    """`text` run by sh, whatever shell the login user has."""
    return f"exec sh -c {quote(text)}"


_WRONG: Final = "the password is wrong"
#: What sudo, su and doas (and the shell that lacks them) say -> why, what to do.
_REASONS: Final = (
    (
        r"sorry, try again|incorrect password|authentication fail|authorization failed"
        r"|incorrect authentication|conversation error",
        _WRONG,
        "give the right one with -K, or allow it without",
    ),
    (
        r"password is required|a terminal is required|no tty present|a tty is required"
        r"|must be run from a terminal|no askpass|authentication required",
        "a password is needed",
        "ask for it with -K (--ask-become-pass)",
    ),
    (
        r"not in the sudoers|not allowed|may not run|operation not permitted|permission denied",
        "the login user is not permitted to",
        "allow it in the device's sudoers, doas.conf or PAM, or use another method",
    ),
    (
        r"unknown user|does not exist|no passwd entry|unknown id",
        "there is no such user",
        "check become_user",
    ),
    (
        r"not found|no such file|missing: stty",
        "the tool is missing",
        "install it, or choose another become_method",
    ),
)


def become_error(
    identity: Identity, said: bytes, *, timed_out: bool = False, was_given: bool = True
) -> ConnectError:
    """Returns the error for an identity whose shell never spoke.

    `said` is what came instead; the message shows its last line, escaped.
    `was_given` is False when there was no password to give.
    """
    text = said.decode("utf-8", "backslashreplace").strip()
    last = text.splitlines()[-1][:200] if text else ""
    shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in last)
    why = "no answer in time" if timed_out else "it ended without a word"
    if not identity.user:
        return ConnectError(
            f"the device's shell did not answer: {shown or why}", kind="connect/protocol",
            hint="the login user needs a POSIX sh; try `ssh DEVICE sh`",
        )
    hint = f"try `{identity.method}` on the device by hand"
    for pattern, reason, remedy in _REASONS:
        if re.search(pattern, text, re.IGNORECASE):
            why, hint = reason, remedy
            break
    if why == _WRONG and not was_given:
        # su asks even when our program is what it reads.
        why, hint = _REASONS[1][1:]
    detail = f" ({shown})" if shown else ""
    return ConnectError(
        f"cannot become {identity.user} by {identity.method}: {why}{detail}",
        kind="connect/become", hint=hint,
    )
