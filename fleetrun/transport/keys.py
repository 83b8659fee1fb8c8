"""Private keys, certificates and the agent: read once, shared by all devices."""

from __future__ import annotations

import asyncio
import copy
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from fleetrun.contracts import Clock, Target
from fleetrun.errors import ConnectError
from fleetrun.transport.attempt import Attempt

AskPassphrase = Callable[[str], Awaitable[str | None]]

#: Looked for when the inventory names no key, as ssh does.
DEFAULT_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
#: The agent is asked again after this time, so that added keys are found.
AGENT_REFRESH_S = 30.0
_PASSPHRASE_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedKey:
    """A key that may be tried, with the name people know it by."""

    keypair: asyncssh.SSHKeyPair
    name: str
    #: False for keys of an agent, where a signature may ask a person.
    is_ours: bool = True


class KeyRing:
    """Loads keys once per transport; asks for each passphrase at most once."""

    def __init__(
        self, clock: Clock, *, ask_passphrase: AskPassphrase | None, use_agent: bool
    ) -> None:
        self._clock = clock
        self._ask_passphrase = ask_passphrase
        self._use_agent = use_agent
        self._loading: dict[str, asyncio.Task[tuple[OfferedKey, ...]]] = {}
        self._default_paths: tuple[str, ...] | None = None
        self._agent: asyncssh.SSHAgentClient | None = None
        self._agent_lock = asyncio.Lock()
        self._agent_keys: tuple[OfferedKey, ...] = ()
        self._agent_asked_at = float("-inf")
        #: Wire form of the key that worked last, by the list it came from.
        self._accepted: dict[tuple[str, ...], bytes] = {}

    async def login(self, target: Target, attempt: Attempt) -> Login:
        """Returns what to log in to `target` with.

        Passphrases are asked for here, before the login timeout runs. Raises
        ConnectError (connect/auth) when no named key can be used.
        """
        if target.private_keys:
            keys = await self._named_keys(target.private_keys)
        else:
            keys = [*await self.agent_keys(), *await self._default_keys()]
        accepted = self._accepted.get(target.private_keys)
        keys.sort(key=lambda key: key.keypair.public_data != accepted)
        return Login(self, target, attempt, tuple(keys))

    def note_accepted(self, target: Target, key: OfferedKey) -> None:
        """Remembers the key that worked, to try it first on the next device."""
        self._accepted[target.private_keys] = key.keypair.public_data

    def is_known_good(self, target: Target, key: OfferedKey) -> bool:
        """True when `key` let us in before with the same list of keys."""
        return self._accepted.get(target.private_keys) == key.keypair.public_data

    async def load(self, path: str) -> tuple[OfferedKey, ...]:
        """Returns the key at `path`, its certificate first if there is one.

        Concurrent callers share one load. Raises ConnectError (connect/auth).
        """
        task = self._loading.get(path)
        if task is None:
            task = self._loading[path] = asyncio.create_task(self._load(path))
            task.add_done_callback(_mark_retrieved)
        return await asyncio.shield(task)

    async def agent_keys(self) -> tuple[OfferedKey, ...]:
        """Returns the agent's keys; none when there is no agent."""
        path = os.environ.get("SSH_AUTH_SOCK", "") if self._use_agent else ""
        if not path:
            return ()
        async with self._agent_lock:
            if self._clock.monotonic() - self._agent_asked_at < AGENT_REFRESH_S:
                return self._agent_keys
            if self._agent is None:
                self._agent = asyncssh.SSHAgentClient(path)
            try:
                keypairs = await self._agent.get_keys()
            except ValueError:  # asyncssh's word for an agent that is gone or locked
                keypairs = ()
            self._agent_keys = tuple(
                OfferedKey(keypair=keypair, name=_agent_key_name(keypair), is_ours=False)
                for keypair in keypairs
            )
            self._agent_asked_at = self._clock.monotonic()
            return self._agent_keys

    async def close(self) -> None:
        """Closes the agent; ends a load that still waits for a passphrase."""
        loads = [task for task in self._loading.values() if not task.done()]
        for task in loads:
            task.cancel()
        if loads:
            await asyncio.wait(loads)
        self._loading.clear()
        if self._agent is not None:
            self._agent.close()
            await self._agent.wait_closed()
            self._agent = None

    async def _named_keys(self, paths: tuple[str, ...]) -> list[OfferedKey]:
        keys: list[OfferedKey] = []
        errors: list[ConnectError] = []
        for path in paths:
            try:
                keys += await self.load(path)
            except ConnectError as exc:
                errors.append(exc)
        if not keys:
            raise errors[0]
        return keys

    async def _default_keys(self) -> list[OfferedKey]:
        if self._default_paths is None:
            self._default_paths = await asyncio.to_thread(_find_default_keys)
        return [key for path in self._default_paths for key in await self.load(path)]

    async def _load(self, path: str) -> tuple[OfferedKey, ...]:
        file = _expand(path)
        try:
            content = await asyncio.to_thread(file.read_bytes)
        except OSError as exc:
            held = await self._held_by_agent(file)
            if held is None:
                raise _key_error(
                    path, f"cannot be read: {exc.strerror}", "check the path of the private key"
                ) from exc
            return (held,)
        key = await self._decode(path, file, content)
        return key if isinstance(key, tuple) else await asyncio.to_thread(_with_certs, file, key)

    async def _decode(
        self, path: str, file: Path, content: bytes
    ) -> asyncssh.SSHKey | tuple[OfferedKey, ...]:
        try:
            return await asyncio.to_thread(asyncssh.import_private_key, content)
        except asyncssh.KeyImportError as exc:
            if "assphrase" not in str(exc):
                raise _key_error(path, f"is not a private key: {exc}", "") from exc
        held = await self._held_by_agent(file)
        return (held,) if held is not None else await self._decrypt(path, content)

    async def _decrypt(self, path: str, content: bytes) -> asyncssh.SSHKey:
        previous: str | None = None
        for _ in range(_PASSPHRASE_TRIES):
            passphrase = await self._ask_passphrase(path) if self._ask_passphrase else None
            if passphrase is None or passphrase == previous:
                break
            previous = passphrase
            try:
                return await asyncio.to_thread(asyncssh.import_private_key, content, passphrase)
            except (asyncssh.KeyEncryptionError, asyncssh.KeyImportError) as exc:
                if "bcrypt" in str(exc):
                    raise _key_error(path, "is encrypted, and Python's bcrypt is missing",
                                     "pip install bcrypt, or add the key to an agent") from exc
        text = "is encrypted, and the passphrase was wrong" if previous is not None else (
            "is encrypted, and no passphrase was given"
        )
        raise _key_error(path, text, "add it to an agent with ssh-add, or run where it can ask")

    async def _held_by_agent(self, file: Path) -> OfferedKey | None:
        public = await asyncio.to_thread(_read_public, file)
        for key in await self.agent_keys():
            if public is not None and key.keypair.public_data == public:
                return key
        return None


class Login:
    """The keys and password for one login; see `link.Credentials`."""

    __slots__ = (
        "_attempt", "_has_asked_agent", "_keys", "_last", "_password", "_ring", "_target",
        "is_sure", "methods",
    )

    def __init__(
        self, ring: KeyRing, target: Target, attempt: Attempt, keys: tuple[OfferedKey, ...]
    ) -> None:
        self._ring = ring
        self._target = target
        self._attempt = attempt
        self._keys = list(keys)
        self._has_asked_agent = not target.private_keys
        self._password = target.password
        self._last: OfferedKey | None = None
        methods = ["publickey"] if keys else []
        if target.password is not None:
            methods.append("password")
        #: Empty when there is nothing to offer: then the server is asked.
        self.methods = tuple(methods)
        self.is_sure = bool(keys) and (keys[0].is_ours or ring.is_known_good(target, keys[0]))

    async def next_key(self) -> asyncssh.SSHKeyPair | None:
        """Returns the next key to try: named ones, then those of the agent."""
        if not self._keys and not self._has_asked_agent:
            self._has_asked_agent = True
            named = set(self._attempt.offered)
            self._keys = [key for key in await self._ring.agent_keys() if key.name not in named]
        if not self._keys:
            return None
        self._last = self._keys.pop(0)
        self._attempt.offered.append(self._last.name)
        # asyncssh sets the signature algorithm on the key: never share that
        return copy.copy(self._last.keypair)

    def take_password(self) -> str | None:
        """Returns the password the first time, then None."""
        password, self._password = self._password, None
        if password is not None:
            self._last = None
            self._attempt.offered.append("password")
        return password

    def succeeded(self) -> None:
        """Remembers the key that worked."""
        if self._last is not None:
            self._ring.note_accepted(self._target, self._last)


def _mark_retrieved(task: asyncio.Task[tuple[OfferedKey, ...]]) -> None:
    if not task.cancelled():
        task.exception()  # whoever waited may be gone by now


def _agent_key_name(keypair: asyncssh.SSHKeyPair) -> str:
    return f"agent key {keypair.get_comment() or keypair.get_algorithm()}"


def _expand(path: str) -> Path:
    return Path(path).expanduser()


def _find_default_keys() -> tuple[str, ...]:
    """Returns ssh's usual key files that can be used without a passphrase."""
    return tuple(path for name in DEFAULT_KEYS if _is_readable_key(path := str(_expand(name))))


def _is_readable_key(path: str) -> bool:
    try:
        asyncssh.read_private_key(path)
    except (OSError, asyncssh.KeyImportError):
        return False
    return True


def _read_public(file: Path) -> bytes | None:
    for candidate in (file.with_name(file.name + ".pub"), file):
        try:
            return asyncssh.read_public_key(candidate).public_data
        except (OSError, asyncssh.KeyImportError):
            continue
    return None


def _with_certs(file: Path, key: asyncssh.SSHKey) -> tuple[OfferedKey, ...]:
    cert_file = file.with_name(file.name + "-cert.pub")
    try:
        certs = asyncssh.load_certificates(str(cert_file))
    except FileNotFoundError:
        certs = ()
    except (OSError, asyncssh.KeyImportError) as exc:
        raise _key_error(str(cert_file), f"is not a certificate: {exc}", "") from exc
    with_certs = [
        OfferedKey(keypair=asyncssh.load_keypairs([(key, cert)])[0], name=cert_file.name)
        for cert in certs
    ]
    plain = OfferedKey(keypair=asyncssh.load_keypairs([key])[0], name=file.name)
    return (*with_certs, plain)


def _key_error(path: str, text: str, hint: str) -> ConnectError:
    return ConnectError(f"private key {path} {text}", kind="connect/auth", hint=hint)
