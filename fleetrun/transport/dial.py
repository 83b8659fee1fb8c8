"""Makes one SSH connection: TCP or a forwarded channel, then the login."""

from __future__ import annotations

import asyncio
import copy
import functools
import getpass
from typing import Any

import asyncssh

from fleetrun.contracts import Clock, Target
from fleetrun.errors import ConnectError
from fleetrun.transport.attempt import Attempt, Phase
from fleetrun.transport.errors import connect_timeout, dial_error, login_error
from fleetrun.transport.hostkeys import HostKeys, Trust, refusal
from fleetrun.transport.keys import KeyRing
from fleetrun.transport.link import Link

#: curve25519 first: stock dropbear breaks when a hybrid it does not know leads,
#: and the hybrids cost a slow device more. "^" keeps asyncssh's others behind.
KEX_ALGORITHMS = "^curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256"

#: CPU per 64-byte packet in asyncssh: AES-GCM 4 us, AES-CTR 3 us plus its MAC,
#: ChaCha20 20 us. ChaCha20 last also keeps Terrapin (CVE-2023-48795) away from
#: servers without strict key exchange.
CIPHERS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes256-ctr"

#: Host key algorithms by preference, when the pinned key does not decide.
HOST_KEY_ALGORITHMS = (
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa",
)
_HOST_CERT_ALGORITHMS = tuple(
    f"{name}-cert-v01@openssh.com" for name in HOST_KEY_ALGORITHMS
)
#: Pause before the next of a name's addresses is tried. Source: RFC 8305, 5.
_NEXT_ADDRESS_S = 0.25


@functools.lru_cache(maxsize=16)
def _base_options(ciphers: tuple[str, ...]) -> Any:
    """Returns options that connections copy: making them anew costs 35 times more."""
    return asyncssh.SSHClientConnectionOptions(
        config=None,
        host="",
        username="",
        client_keys=None,
        agent_path=None,
        known_hosts=((), (), ()),
        x509_trusted_certs=None,
        x509_trusted_cert_paths=(),
        gss_host=None,
        kex_algs=KEX_ALGORITHMS,
        encryption_algs=list(ciphers) if ciphers else CIPHERS,
        compression_algs=None,
        public_key_auth=True,
        kbdint_auth=False,
        host_based_auth=False,
        utf8_decode_errors="replace",
        agent_forwarding=False,
        x11_forwarding=False,
    )


def _options(target: Target, user: str, trust: Trust, algorithms: tuple[str, ...]) -> Any:
    options = copy.copy(_base_options(target.ciphers))
    options.host = options.orig_host = target.address
    options.port = target.port
    options.username = user
    options.host_key_alias = trust.name
    options.known_hosts = (trust.host_keys, trust.ca_keys, trust.revoked)
    options.server_host_key_algs = algorithms
    options.preferred_auth = ("publickey",) + (("password",) if target.password else ())
    options.password_auth = target.password is not None
    options.login_timeout = target.login_timeout_s
    options.keepalive_interval = target.keepalive_interval_s
    options.keepalive_count_max = target.keepalive_count
    return options


def _host_key_algorithms(trust: Trust) -> tuple[str, ...]:
    """Returns the algorithms to ask for: those of the pinned keys first.

    The others follow, so that a server whose key changed its type is seen to
    have another key rather than "no common algorithm".
    """
    pinned = [name.decode() for key in trust.host_keys for name in key.sig_algorithms]
    known = [name for name in pinned if name in HOST_KEY_ALGORITHMS]
    certs = _HOST_CERT_ALGORITHMS if trust.ca_keys else ()
    return tuple(dict.fromkeys((*certs, *known, *HOST_KEY_ALGORITHMS)))


class Dialer:
    """Makes links; holds what they share: keys and known_hosts files."""

    def __init__(self, clock: Clock, keys: KeyRing, host_keys: HostKeys) -> None:
        self._clock = clock
        self._keys = keys
        self._host_keys = host_keys
        #: Forwarded channels that were given up while the jump host still tried.
        self._abandoned: set[asyncio.Task[Any]] = set()

    async def dial(self, target: Target, *, via: Link | None = None, hop: str = "") -> Link:
        """Returns a link that is logged in to `target`; raises ConnectError."""
        attempt = Attempt(target=target, user=target.user or getpass.getuser(), hop=hop)
        trust = await self._host_keys.find(target)
        algorithms = _host_key_algorithms(trust)
        try:
            return await self._dial(attempt, trust, algorithms, via)
        except ConnectError:
            if not _may_lack_its_key(attempt, algorithms):
                raise
        attempt = Attempt(target=target, user=attempt.user, hop=hop)
        return await self._dial(attempt, trust, HOST_KEY_ALGORITHMS, via)

    async def _dial(
        self, attempt: Attempt, trust: Trust, algorithms: tuple[str, ...], via: Link | None
    ) -> Link:
        if via is not None and attempt.target.bastions:
            attempt.is_bastion_gone = via.has_ended
        login = await self._keys.login(attempt.target, attempt)
        options = _checked_options(attempt, trust, algorithms)

        def make_link() -> Link:
            return Link(
                asyncio.get_running_loop(), options, attempt, login, self._clock.monotonic
            )

        if via is None:
            link = await _connect_tcp(make_link, attempt)
        else:
            link = await self._connect_forwarded(make_link, attempt, via)
        await _wait_for_login(link, trust)
        return link

    async def _connect_forwarded(self, make_link: Any, attempt: Attempt, via: Link) -> Link:
        """Opens a channel to the target through `via`.

        asyncssh cannot cancel such an open, so after a timeout it is left to
        end by itself, and a channel that opens late is closed.
        """
        target = attempt.target
        opening: asyncio.Task[Any] = asyncio.create_task(
            via.create_connection(make_link, target.address, target.port)
        )
        self._abandoned.add(opening)
        try:
            await asyncio.wait({opening}, timeout=target.connect_timeout_s)
        finally:
            if not opening.done():
                opening.add_done_callback(_close_late)
            opening.add_done_callback(self._abandoned.discard)
        if not opening.done():
            raise connect_timeout(attempt)
        exc = opening.exception()
        if exc is not None:
            raise dial_error(exc, attempt) from exc
        return opening.result()[1]  # type: ignore[no-any-return]  # what make_link made


def _may_lack_its_key(attempt: Attempt, algorithms: tuple[str, ...]) -> bool:
    """True when the server may have died because we asked for a key it lacks.

    Source: dropbear 2022.83 names rsa-sha2-256 without having an RSA key, and
    aborts ("Failed assertion (rsa.c:164)") when a client chooses it. Its true
    key, shown when asked for in the usual order, tells what is wrong.
    """
    is_early = attempt.phase is Phase.KEX and not attempt.seen_host_key
    return is_early and algorithms[0].startswith("rsa-")


def _checked_options(attempt: Attempt, trust: Trust, algorithms: tuple[str, ...]) -> Any:
    target = attempt.target
    try:
        return _options(target, attempt.user, trust, algorithms)
    except ValueError as exc:
        raise ConnectError(
            f"cannot use the ciphers {', '.join(target.ciphers)}: {exc} ({attempt.place})",
            kind="connect/algorithms", hint="see the ciphers that the manual lists",
        ) from exc


def _close_late(opening: asyncio.Task[Any]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[1].abort()


async def _connect_tcp(make_link: Any, attempt: Attempt) -> Link:
    target = attempt.target
    try:
        async with asyncio.timeout(target.connect_timeout_s):
            _, link = await asyncio.get_running_loop().create_connection(
                make_link, target.address, target.port, happy_eyeballs_delay=_NEXT_ADDRESS_S
            )
    except (OSError, ValueError, OverflowError) as exc:
        raise dial_error(exc, attempt) from exc
    return link  # type: ignore[no-any-return]  # create_connection returns what make_link made


async def _wait_for_login(link: Link, trust: Trust) -> None:
    """Returns when the login is done; closes the link otherwise."""
    waiter = link.login_done
    try:
        await asyncio.wait({waiter})
    finally:
        if not waiter.done() or waiter.exception() is not None:
            link.abort()
    exc = waiter.exception()
    if exc is None:
        return
    await link.wait_closed()
    if isinstance(exc, asyncssh.HostKeyNotVerifiable) and not link.attempt.is_disconnected:
        raise refusal(trust, link.attempt, exc.reason) from exc
    raise login_error(exc, link.attempt) from exc
