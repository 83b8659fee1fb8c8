"""Algorithms: cheap and safe ones first, old servers still reached."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fleetrun.contracts import Target
from fleetrun.errors import ConnectError
from tests.support.ssh_targets import target_of, transport
from tests.support.sshd import KeyFile, SshServer, openssh_server


def negotiated(target: Target) -> tuple[str, str, str]:
    """Cipher, compression and key exchange of a connection to `target`."""
    async def main() -> tuple[str, str, str]:
        async with transport() as ssh:
            connection = await ssh.connect(target)
            link = connection._link
            found = (link.get_extra_info("send_cipher"), link.get_extra_info("send_compression"))
            await connection.close()
            return *found, link._kex_algs[0].decode()

    return asyncio.run(main())


def refusal(target: Target) -> ConnectError:
    async def main() -> ConnectError:
        async with transport() as ssh:
            with pytest.raises(ConnectError) as caught:
                await ssh.connect(target)
            return caught.value

    return asyncio.run(main())


def test_prefers_the_cheapest_cipher_and_no_compression(
    openssh: SshServer, ed25519: KeyFile
) -> None:
    """AES-GCM costs a fifth of ChaCha20 here; compression is never offered."""
    assert negotiated(target_of(openssh, ed25519)) == (
        "aes128-gcm@openssh.com", "none", "curve25519-sha256",
    )


def test_avoids_what_terrapin_attacks_on_stock_dropbear(
    dropbear: SshServer, ed25519: KeyFile
) -> None:
    """Without strict key exchange ChaCha20 would be open to it (CVE-2023-48795)."""
    assert negotiated(target_of(dropbear, ed25519))[0] == "aes128-ctr"


def test_ciphers_of_the_target_win(server: SshServer, ed25519: KeyFile) -> None:
    """A fleet of devices without AES instructions may prefer ChaCha20."""
    target = target_of(server, ed25519, ciphers=("chacha20-poly1305@openssh.com",))
    assert negotiated(target)[0] == "chacha20-poly1305@openssh.com"


def test_unknown_cipher_is_told_before_anything_is_contacted(ed25519: KeyFile) -> None:
    """A typo is not a network problem."""
    error = refusal(Target(device="d", address="127.0.0.1", port=1, ciphers=("aes999",)))
    assert error.kind == "connect/algorithms"
    assert "aes999" in error.message


@pytest.mark.filterwarnings("ignore:Diffie-Hellman over finite fields")
@pytest.mark.parametrize("option", [
    "KexAlgorithms diffie-hellman-group14-sha1",
    "KexAlgorithms diffie-hellman-group14-sha256",
    "KexAlgorithms ecdh-sha2-nistp521",
    "Ciphers aes256-ctr\nMACs hmac-sha1",
    "Ciphers chacha20-poly1305@openssh.com",
])
def test_reaches_servers_with_few_algorithms(
    tmp_path: Path, ed25519: KeyFile, option: str
) -> None:
    """Preferences are no requirements."""
    with openssh_server(tmp_path, options=(option,), authorized=(ed25519.public,)) as server:
        assert negotiated(target_of(server, ed25519))[1] == "none"


def test_server_with_nothing_in_common_is_told(tmp_path: Path, ed25519: KeyFile) -> None:
    """The message shows what each side has."""
    options = ("Ciphers aes128-cbc",)
    with openssh_server(tmp_path, options=options, authorized=(ed25519.public,)) as server:
        for _ in range(10):
            error = refusal(target_of(server, ed25519))
            # A server that goes at once may reset the connection before we read what it said.
            if error.kind != "connect/closed":
                break
    assert error.kind == "connect/algorithms"
    assert not error.is_transient
    assert "received aes128-cbc" in error.message
    assert "ciphers" in error.hint
