"""The bastion: one process, one event loop, no bound port but its own."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import time
from collections.abc import Callable
from typing import Any

import asyncssh

from fleetrun.bastion.admission import Admission
from fleetrun.bastion.audit import AuditLog
from fleetrun.bastion.config import BastionConfig
from fleetrun.bastion.connection import WINDOW_BYTES, BastionConnection, Client
from fleetrun.bastion.keys import Identity, KeyBook, read_keys, stamp
from fleetrun.bastion.metrics import Figures, serve_figures
from fleetrun.bastion.policy import Operator, Role
from fleetrun.bastion.registry import Registry, Tunnel
from fleetrun.bastion.relay import Relay, open_forward, wait_for_forward
from fleetrun.errors import InputError, PreflightError

#: curve25519 first: dropbear guesses the first of its own list and breaks when a
#: hybrid that it does not know leads ours.
_KEX = "^curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256"
_CIPHERS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes256-ctr"
#: Seconds between looks at the key files; a removed key is out within twice that.
_WATCH_S = 1.0
#: How long a dial waits for a device that logged in but has not asked to forward yet.
_FORWARD_WAIT_S = 3.0
_BACKLOG = 4096
#: How long clients get to hear that the bastion stops.
_STOP_S = 2.0


class Bastion:
    """Accepts devices and operators; `async with` starts and drains it."""

    def __init__(self, config: BastionConfig) -> None:
        """Reads keys; raises InputError, and PreflightError for the audit log."""
        self.config = config
        self.registry = Registry()
        self.admission = Admission(config.limits, time.monotonic())
        self.figures = Figures()
        self.connections: set[BastionConnection] = set()
        self._seen = stamp(config)
        self._keys = read_keys(config)
        self._options = _options(config)
        self._audit = AuditLog(config.audit)
        self._servers: list[asyncio.Server] = []
        self._figures_server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._dials = 0
        #: Set whenever a connection or a dial has ended.
        self._ended = asyncio.Event()
        self.is_draining = False

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports it listens on, in the order of the configuration."""
        return tuple(int(server.sockets[0].getsockname()[1]) for server in self._servers)

    async def start(self) -> None:
        """Listens; raises PreflightError when an address is taken."""
        loop = asyncio.get_running_loop()
        for host, port in self.config.listen:
            try:
                self._servers.append(await loop.create_server(
                    lambda: BastionConnection(loop, self._options, self), host or None, port,
                    backlog=_BACKLOG,
                ))
            except OSError as error:
                await self.stop()
                raise PreflightError(
                    f"cannot listen on {host}:{port}: {error.strerror}",
                    kind="bastion/address-in-use", hint="see `listen` in the configuration",
                ) from error
        self._options.protocol_factory = lambda: Client(self)
        self._watch_figures()
        if self.config.metrics:
            await self._serve_figures(*self.config.metrics)
        self._tasks.append(asyncio.create_task(self._watch_keys()))
        self._audit.write("started", pid=os.getpid())

    async def _serve_figures(self, host: str, port: int) -> None:
        try:
            self._figures_server = await serve_figures(self.figures, host, port)
        except OSError as error:
            await self.stop()
            raise PreflightError(
                f"cannot listen on {host}:{port}: {error.strerror}",
                kind="bastion/address-in-use", hint="see `metrics` in the configuration",
            ) from error

    def _watch_figures(self) -> None:
        for name, read in (
            ("tunnels", lambda: len(self.registry)),
            ("operators", lambda: sum(
                1 for each in self.connections
                if each.identity and each.identity.role is Role.OPERATOR)),
            ("channels", lambda: self._dials),
            ("pending", lambda: self.admission.pending),
            ("audit_events", lambda: self._audit.count),
        ):
            self.figures.gauge(name, read)

    # -- coming and going -------------------------------------------------------

    def admit(self, address: str) -> str:
        """Returns why a connection from `address` is closed at once, "" to let it in."""
        reason = self.admission.accept(address, time.monotonic())
        if reason:
            self.figures.count("refused_total", reason)
        else:
            self.figures.count("accepted_total")
        return reason

    def identify(self, key_data: bytes, address: str, *, is_signed: bool) -> Identity | None:
        """Returns who a key stands for, None to refuse it.

        Only tries that cost something count: a signature, or a key that is not
        known. They count against the key alone.
        """
        found = self._keys.identify(key_data)
        if found is not None and not is_signed:
            return found
        name = found.fingerprint if found else _digest(key_data)
        is_operator = found is not None and found.role is Role.OPERATOR
        if not self.admission.login(name, time.monotonic(), is_operator=is_operator):
            self.figures.count("login_failures_total", "key-rate")
            return None
        if found is None:
            self.figures.count("login_failures_total", "unknown-key")
            self._audit.write("login-refused", address=address, key=name)
        return found

    def came(self, link: BastionConnection, identity: Identity) -> Tunnel | None:
        """Notes a login; a device gets its tunnel, and the older one ends."""
        self.figures.count("logins_total", identity.role.value)
        self._audit.write("login", role=identity.role.value, name=identity.name,
                          address=link.peer_address, key=identity.fingerprint)
        interval = (self.config.keepalive_of(identity.name)
                    if identity.role is Role.DEVICE else self.config.keepalive_s)
        link.time_out_kernel(interval, self.config.keepalive_count)
        if identity.role is not Role.DEVICE:
            return None
        if self.is_draining or len(self.registry) >= self.config.limits.tunnels:
            self.evict(link, "draining" if self.is_draining else "full")
            return None
        tunnel, old = self.registry.claim(
            identity.name, link, address=link.peer_address, since=time.time()
        )
        if old is not None:
            self.figures.count("replaced_total")
            self._audit.write("replaced", device=identity.name, old_address=old.address,
                              address=link.peer_address, generation=tunnel.generation)
            old.link.drop("a newer session of this device took over")
        return tunnel

    def left(
        self, link: BastionConnection, tunnel: Tunnel | None, exc: Exception | None
    ) -> None:
        """Notes that a connection ended."""
        self.connections.discard(link)
        self._ended.set()
        if tunnel is not None:
            self.registry.release(tunnel)
        if link.identity is not None:
            self._audit.write("left", role=link.identity.role.value, name=link.identity.name,
                              address=link.peer_address, reason=_reason(exc))

    def refused(self, link: BastionConnection, what: str, why: str) -> None:
        """Notes something that a client may not do."""
        name = link.identity.name if link.identity else ""
        self._audit.write("refused", what=what, name=name, address=link.peer_address, why=why)

    def evict(self, link: BastionConnection, reason: str) -> None:
        """Ends a connection for a reason of ours."""
        self.figures.count("evicted_total", reason)
        name = link.identity.name if link.identity else ""
        self._audit.write("evicted", name=name, address=link.peer_address, reason=reason)
        link.drop(reason)

    # -- dialling ---------------------------------------------------------------

    async def dial(
        self, operator: Operator, device: str, port: int, link: BastionConnection,
        hung_up: Callable[[], None],
    ) -> Relay:
        """Returns the operator's end of a connection to `port` of `device`.

        `hung_up` is called once when it ends. Raises ChannelOpenError whose
        reason starts with a word: policy, no-tunnel, tunnel-down, device.
        """
        try:
            tunnel = await self._find(operator, device, port)
            far = await self._open(tunnel, port, link.peer_address)
        except asyncssh.ChannelOpenError as exc:
            word = exc.reason.partition(":")[0]
            self.figures.count("dials_total", word)
            self._audit.write("dial", operator=operator.name, device=device[:253], port=port,
                              address=link.peer_address, result=word)
            raise
        self.figures.count("dials_total", "ok")
        self._audit.write("dial", operator=operator.name, device=tunnel.device, port=port,
                          address=link.peer_address, result="ok", generation=tunnel.generation)
        tunnel.channels += 1
        self._dials += 1

        def ended() -> None:
            tunnel.channels -= 1
            self._dials -= 1
            self._ended.set()
            hung_up()

        far.on_close = ended
        return Relay(far)

    async def _find(self, operator: Operator, device: str, port: int) -> Tunnel:
        """The tunnel, once it forwards; the policy is asked first and tells nothing."""
        tunnel = self.registry.find(device)
        name = tunnel.device if tunnel else device
        if not operator.may_dial(name, port):
            raise _refusal("policy", f"{operator.name} may not reach port {port} of it",
                           asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED)
        if tunnel is not None and not tunnel.forwards:
            await wait_for_forward(tunnel, _FORWARD_WAIT_S)
            tunnel = self.registry.find(name)
        if tunnel is None:
            raise _refusal("no-tunnel", "the device is not connected to this bastion")
        if tunnel.forward_for(port) is None:
            raise _refusal("no-tunnel", f"the device does not forward its port {port}")
        if tunnel.channels >= self.config.limits.channels_per_device:
            raise _refusal("device", "too many connections to it are open",
                           asyncssh.OPEN_RESOURCE_SHORTAGE)
        return tunnel

    async def _open(self, tunnel: Tunnel, port: int, origin: str) -> Relay:
        forward = tunnel.forward_for(port)
        if forward is None:
            raise _refusal("no-tunnel", f"the device does not forward its port {port}")
        try:
            return await open_forward(
                tunnel.link, forward, window=WINDOW_BYTES,
                timeout_s=self.config.open_timeout_s, origin=origin,
            )
        except asyncssh.ChannelOpenError as exc:
            if exc.reason.startswith("tunnel-down"):
                raise
            word = "tunnel-down" if tunnel.is_closed else "device"
            raise _refusal(word, f"its SSH server does not answer ({exc.reason})") from exc

    # -- keys that change -------------------------------------------------------

    async def _watch_keys(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_S)
            with contextlib.suppress(OSError):  # a full disk must not end the tunnels
                await asyncio.to_thread(self._audit.sync)
            if await asyncio.to_thread(stamp, self.config) != self._seen:
                await self.reload()

    async def reload(self) -> None:
        """Reads the keys again and drops who is no longer in them.

        Files that cannot be read leave everything as it was, and an audit line.
        """
        seen = await asyncio.to_thread(stamp, self.config)
        try:
            book = await asyncio.to_thread(read_keys, self.config)
        except InputError as error:
            self._seen = seen
            self._audit.write("reload-failed", why=str(error)[:500])
            return
        self._seen = seen
        self.use_keys(book)

    def use_keys(self, book: KeyBook) -> None:
        """Puts new keys in force, also for who is logged in."""
        self._keys = book
        self._audit.write("reloaded", devices=len(book.devices), operators=len(book.by_name))
        for link in tuple(self.connections):
            if link.identity is None:
                continue
            now = book.identify(link.credential)
            if now is None or (now.role, now.name) != (link.identity.role, link.identity.name):
                self.evict(link, "revoked")

    # -- the end ----------------------------------------------------------------

    async def drain(self) -> None:
        """Takes nobody new, sends idle tunnels away one by one, waits for the busy.

        Devices that all reconnect at once would be the next problem: idle ones
        go at the rate at which a bastion accepts them.
        """
        self.is_draining = True
        for server in self._servers:
            server.close()
        self._audit.write("draining", tunnels=len(self.registry))
        deadline = time.monotonic() + self.config.drain_s
        pause_s = min(1.0 / self.config.limits.accepts_per_s,
                      self.config.drain_s / (2 * len(self.registry) + 1))
        for tunnel in self.registry:
            if not tunnel.channels:
                tunnel.link.drop("this bastion restarts")
                await asyncio.sleep(pause_s)
        await self._until(lambda: not self._dials, deadline - time.monotonic())

    async def stop(self) -> None:
        """Ends everything; safe to call twice."""
        for server in (*self._servers, self._figures_server):
            if server is not None:
                server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Operators first: what they lose is the bastion, not each of its devices.
        for link in sorted(self.connections, key=_is_device):
            link.drop("this bastion stops")
        await self._until(lambda: not self.connections, _STOP_S)
        for link in tuple(self.connections):
            link.abort()
        await asyncio.sleep(0)
        self._audit.write("stopped")
        self._audit.close()

    async def _until(self, is_done: Callable[[], bool], timeout_s: float) -> None:
        """Waits until connections or dials have ended, or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, timeout_s)):
                while not is_done():
                    self._ended.clear()
                    await self._ended.wait()


def _options(config: BastionConfig) -> Any:
    try:
        keys = [asyncssh.read_private_key(str(path)) for path in config.host_keys]
    except (OSError, asyncssh.KeyImportError) as error:
        raise PreflightError(
            f"cannot read a host key: {error}", kind="bastion/host-key",
            hint="make one: ssh-keygen -t ed25519 -N '' -f host_key",
        ) from error
    return asyncssh.SSHServerConnectionOptions(
        config=None, server_host_keys=keys, kex_algs=_KEX, encryption_algs=_CIPHERS,
        compression_algs=None, public_key_auth=True, password_auth=False, kbdint_auth=False,
        host_based_auth=False, gss_host=None, allow_pty=False, agent_forwarding=False,
        x11_forwarding=False, allow_scp=False, sftp_factory=None, line_editor=False,
        login_timeout=config.login_timeout_s, keepalive_interval=config.keepalive_s,
        keepalive_count_max=config.keepalive_count,
        # By bytes alone: a timer would make 10,000 idle tunnels exchange keys together.
        rekey_seconds=10**9,
    )


def _refusal(
    word: str, text: str, code: int = asyncssh.OPEN_CONNECT_FAILED
) -> asyncssh.ChannelOpenError:
    return asyncssh.ChannelOpenError(code, f"{word}: {text}")


def _is_device(link: BastionConnection) -> bool:
    return link.identity is None or link.identity.role is Role.DEVICE


def _reason(exc: Exception | None) -> str:
    if exc is None:
        return "closed"
    reason = getattr(exc, "reason", "") or type(exc).__name__
    return "".join(char if char.isprintable() else "?" for char in str(reason)[:200])


def _digest(key_data: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(key_data).digest()).decode().rstrip("=")
