"""The one place where asyncssh's and the system's errors become fleetrun's."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Callable
from typing import Any

import asyncssh

from fleetrun.errors import ConnectError, LinkLostError
from fleetrun.transport.attempt import Attempt, Phase, printable

_RESOURCE_ERRNOS = frozenset({
    errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN,
})
_CLOSED_ERRNOS = frozenset({
    errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN, errno.ESHUTDOWN,
})
#: asyncio joins the errors of several addresses into one text without errno.
_ERRNO_TEXT = re.compile(r"\[Errno (\d+)\]")

_PHASE_CLOSED = {
    Phase.TCP: "closed the connection",
    Phase.BANNER: "closed the connection before its SSH banner",
    Phase.KEX: "closed the connection during the key exchange",
    Phase.AUTH: "closed the connection during authentication",
    Phase.READY: "closed the connection right after authentication",
}
_CLOSED_HINTS = {
    Phase.BANNER: "an overloaded or blocking server does this "
    "(MaxStartups, PerSourcePenalties, a ban list)",
    Phase.AUTH: "look at the SSH server's log on the device",
    Phase.READY: "look at the login shell, the disk and the account's limits on the device",
}

#: What an SSH server answers a forwarding request with, in its own words.
_FORWARD_REASONS = (
    ("refused", "connect/refused"),
    ("timed out", "connect/timeout"),
    ("no route", "connect/no-route"),
    ("unreachable", "connect/no-route"),
    ("not known", "connect/dns"),
    ("resolve", "connect/dns"),
    ("prohibited", "connect/refused"),
)


def _connect_error(kind: str, text: str, attempt: Attempt, hint: str = "") -> ConnectError:
    message = f"{text} ({attempt.place})"
    if attempt.hop:
        message = f"{attempt.hop}: {message}"
    return ConnectError(message, kind=f"connect/{kind}", hint=hint)


def connect_timeout(attempt: Attempt) -> ConnectError:
    """Returns the error for "nobody answered the TCP connection"."""
    seconds = attempt.target.connect_timeout_s
    return _connect_error(
        "timeout", f"connect timed out after {seconds:g} s", attempt,
        "is the device on, and do the firewalls on the way let the port through?",
    )


def open_timeout(attempt: Attempt) -> ConnectError | LinkLostError:
    """Returns the error for a session that the server does not open.

    A lost link when something ran over the connection before.
    """
    seconds = attempt.target.login_timeout_s
    if attempt.is_used:
        return LinkLostError(f"{attempt.place} opened no session within {seconds:g} s",
                             kind="lost/timeout", hint="the device hangs or is overloaded")
    return _connect_error(
        "login-timeout", f"logged in, but no session was opened within {seconds:g} s", attempt,
        "the device is overloaded, or its login shell hangs",
    )


def dropped_error(attempt: Attempt) -> ConnectError:
    """Returns the error for a channel that closed before its command started."""
    return _connect_error("closed", "closed the channel before it started the command", attempt,
                          "nothing ran; opening it again may work")


def dial_error(exc: BaseException, attempt: Attempt) -> ConnectError:
    """Returns why no TCP connection (or forwarded channel) could be made."""
    match exc:
        case asyncssh.ChannelOpenError():
            return _forward_error(exc, attempt)
        case socket.gaierror() | UnicodeError():
            return _connect_error(
                "dns", f"cannot resolve the name {printable(attempt.target.address)}", attempt,
                "check the address in the inventory and the resolver of this machine",
            )
        case OSError():
            return _os_error(exc, attempt)
        case _:
            return _connect_error("protocol", f"cannot connect: {printable(str(exc))}", attempt)


def _os_error(exc: OSError, attempt: Attempt) -> ConnectError:
    found = _ERRNO_TEXT.search(str(exc))
    number = exc.errno or (int(found.group(1)) if found else 0)
    text = errno.errorcode.get(number, type(exc).__name__)
    if isinstance(exc, TimeoutError) or number == errno.ETIMEDOUT:
        return connect_timeout(attempt)
    if number == errno.ECONNREFUSED:
        return _connect_error(
            "refused", "connection refused", attempt,
            "nothing listens there: is the SSH server running, and is the port right?",
        )
    if number in _RESOURCE_ERRNOS:
        return _connect_error(
            "resources", f"this machine has no room for another connection ({text})", attempt,
            "raise the open-files limit (ulimit -n) or the local port range, or lower the "
            "concurrency",
        )
    if number in _CLOSED_ERRNOS:
        return _closed(attempt)
    return _connect_error("no-route", f"no route to the device ({exc.strerror or text})", attempt,
                          "check the address, this machine's routes and its firewall")


#: The first word of a bastion's refusal: kind, text, hint.
_BASTION_WORDS = {
    "no-tunnel": ("connect/no-tunnel", "has no tunnel",
                  "is the device on, and does its client dial out?"),
    "tunnel-down": ("connect/tunnel-down", "has a tunnel that does not answer",
                    "its link broke; the device dials again when its client notices"),
    "device": ("connect/refused", "has a tunnel, but its SSH server does not answer",
               "look at sshd on the device, and where its client's -R leads"),
    "policy": ("connect/auth", "is not in the policy of this key",
               "the bastion's [operators] say which devices a key reaches"),
}


def _forward_error(exc: asyncssh.ChannelOpenError, attempt: Attempt) -> ConnectError:
    reason = printable(exc.reason)
    word, _, rest = reason.partition(": ")
    if attempt.target.bastions and word in _BASTION_WORDS:
        hop = attempt.target.bastions[0]
        kind, text, hint = _BASTION_WORDS[word]
        return ConnectError(
            f"{attempt.target.device} {text} at bastion {hop.host}: {rest}",
            kind=kind, hint=hint,
        )
    lowered = reason.lower()
    kind = next((kind for words, kind in _FORWARD_REASONS if words in lowered), "connect/refused")
    hint = "the jump host must reach the device and allow forwarding (AllowTcpForwarding)"
    return _connect_error(kind.removeprefix("connect/"),
                          f"the jump host could not connect: {reason}", attempt, hint)


def login_error(exc: BaseException, attempt: Attempt) -> ConnectError:
    """Returns why an open connection did not end in a session.

    Host keys have their own wording, see `hostkeys.refusal`.
    """
    if attempt.flood:
        return _connect_error("protocol", f"dropped the connection: {attempt.flood}", attempt)
    word = next(word for kind, word in _LOGIN_ERRORS if isinstance(exc, kind))
    return word(exc, attempt)


def _auth_error(_exc: BaseException, attempt: Attempt) -> ConnectError:
    offered = ", ".join(attempt.offered) or "no key"
    accepts = f"; the server accepts {attempt.server_methods}" if attempt.server_methods else ""
    return _connect_error(
        "auth", f"permission denied for user {attempt.user}: offered {offered}{accepts}", attempt,
        "put the public key into the user's authorized_keys, or name another key or user; "
        "a certificate also needs the device's clock to be right",
    )


def _algorithm_error(exc: asyncssh.KeyExchangeFailed, attempt: Attempt) -> ConnectError:
    return _connect_error(
        "algorithms", f"no common algorithm: {printable(exc.reason, 600)}", attempt,
        "the device's SSH server is too old or too strict: set `ciphers`, or update it",
    )


def _closed(attempt: Attempt, reason: str = "") -> ConnectError:
    text = _PHASE_CLOSED[attempt.phase] + (f": {reason}" if reason else "")
    return _connect_error("closed", text, attempt, _CLOSED_HINTS.get(attempt.phase, ""))


def _lost_login(exc: asyncssh.ConnectionLost, attempt: Attempt) -> ConnectError:
    seconds = attempt.target.login_timeout_s
    if attempt.is_disconnected or "timeout" not in exc.reason.lower():
        return _closed(attempt)
    if attempt.phase <= Phase.BANNER:
        return _connect_error(
            "banner", f"no SSH banner within {seconds:g} s", attempt,
            "something accepts connections there but does not speak SSH, or the device hangs",
        )
    return _connect_error(
        "login-timeout", f"login not done within {seconds:g} s", attempt,
        "the device is slow or overloaded: raise the login timeout",
    )


def _disconnected(exc: asyncssh.DisconnectError, attempt: Attempt) -> ConnectError:
    reason = printable(exc.reason)
    if "too many authentication" in reason.lower():
        return _auth_error(exc, attempt)
    if attempt.phase <= Phase.BANNER:
        return _connect_error("banner", f"not an SSH server: {reason}", attempt,
                              "check the port: something else listens there")
    if attempt.is_disconnected:
        return _closed(attempt, reason)
    return _connect_error("protocol", f"broke the SSH protocol: {reason}", attempt)


def _session_error(exc: asyncssh.ChannelOpenError, attempt: Attempt) -> ConnectError:
    reason = printable(exc.reason)
    if reason == "SSH connection closed":
        return _closed(attempt)
    kind = "resources" if exc.code == asyncssh.OPEN_RESOURCE_SHORTAGE else "protocol"
    return _connect_error(
        kind, f"the device refused to start a session: {reason}", attempt,
        "sshd limits sessions per connection by MaxSessions; a forced command or a "
        "forwarding-only account refuses them all",
    )


def _nonsense(exc: BaseException, attempt: Attempt) -> ConnectError:
    if attempt.phase <= Phase.BANNER:
        return _connect_error("banner", f"not an SSH server: {printable(str(exc))}", attempt,
                              "check the port: something else listens there")
    return _connect_error("protocol", f"the SSH handshake failed: {printable(str(exc))}", attempt)


#: The first kind that fits words the error; subclasses stand before their base.
_LOGIN_ERRORS: tuple[tuple[type[BaseException], Callable[[Any, Attempt], ConnectError]], ...] = (
    (asyncssh.PermissionDenied, _auth_error),
    (asyncssh.KeyExchangeFailed, _algorithm_error),
    (asyncssh.ConnectionLost, _lost_login),
    (asyncssh.DisconnectError, _disconnected),
    (asyncssh.ChannelOpenError, _session_error),
    (OSError, _os_error),
    (BaseException, _nonsense),
)


def lost_error(exc: Exception | None, attempt: Attempt) -> LinkLostError:
    """Returns why a session that was made went away."""
    kind, text, hint = _describe_loss(exc, attempt)
    return LinkLostError(f"{attempt.place} {text}", kind=f"lost/{kind}", hint=hint)


def _describe_loss(exc: Exception | None, attempt: Attempt) -> tuple[str, str, str]:
    if attempt.is_bastion_gone is not None and attempt.is_bastion_gone():
        return ("bastion", f"lost its bastion, {attempt.target.bastions[0].host}",
                "this concerns every device behind it")
    found = ("garbage", f"broke the SSH protocol: {printable(str(exc))}", "")
    if attempt.flood:
        found = ("garbage", f"was dropped: {attempt.flood}", "")
    elif isinstance(exc, asyncssh.ConnectionLost) and "keepalive" in exc.reason:
        within = attempt.target.keepalive_interval_s * (attempt.target.keepalive_count + 1)
        found = ("keepalive", f"answered no keepalive for {within:g} s",
                 "the device lost its network or power; its receipts will tell what ran")
    elif exc is None or isinstance(exc, asyncssh.ConnectionLost):
        found = ("closed", "closed the connection", "")
    elif attempt.is_disconnected and isinstance(exc, asyncssh.DisconnectError):
        found = ("closed", f"closed the connection: {printable(exc.reason)}", "")
    elif isinstance(exc, OSError) and exc.errno == errno.ETIMEDOUT:
        found = ("timeout", "stopped answering", "")
    elif isinstance(exc, OSError):
        found = ("reset", f"cut the link: {exc.strerror or type(exc).__name__}", "")
    return found
