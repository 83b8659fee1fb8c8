"""Host keys are pinned to the device id; a wrong device gets no command."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from fleetrun.contracts import Target
from fleetrun.errors import ConnectError
from tests.support.ssh_targets import known_hosts_line, run_on, target_of, transport
from tests.support.sshd import (
    KeyFile,
    SshServer,
    dropbear_server,
    make_key,
    openssh_server,
    sign_host_key,
)


def fingerprint(public_line: str) -> str:
    """The SHA256 fingerprint as ssh-keygen prints it."""
    shown = subprocess.run(["ssh-keygen", "-lf", "-"], input=public_line, text=True,
                           capture_output=True, check=True).stdout
    return shown.split()[1]


def by_files(server: SshServer, key: KeyFile, *files: Path, **changes: object) -> Target:
    return target_of(server, key, host_keys=(), known_hosts=tuple(map(str, files)), **changes)


def hello(target: Target) -> bytes:
    async def main() -> bytes:
        async with transport() as ssh:
            return (await run_on(ssh, target, "echo hello"))[0]

    return asyncio.run(main())


def refusal(target: Target) -> ConnectError:
    async def main() -> ConnectError:
        async with transport() as ssh:
            with pytest.raises(ConnectError) as caught:
                await ssh.connect(target)
            return caught.value

    error = asyncio.run(main())
    assert error.kind == "connect/host-key"
    assert not error.is_transient
    for advice in ("ssh-keygen -R", "StrictHostKeyChecking", "host_key_checking"):
        assert advice not in error.message + error.hint
    return error


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(lines), encoding="ascii")
    return path


def port_names(server: SshServer, *hosts: str) -> list[str]:
    return [f"[{host}]:{server.port}" for host in hosts]


def test_accepts_the_key_pinned_in_the_inventory(server: SshServer, ed25519: KeyFile) -> None:
    """A pinned key needs no file."""
    assert hello(target_of(server, ed25519)) == b"hello\n"


@pytest.mark.parametrize("names", [["dev-1"], ["other", "dev-1"], ["dev-*", "!dev-2"]])
def test_finds_the_key_under_the_device_id(
    openssh: SshServer, ed25519: KeyFile, tmp_path: Path, names: Sequence[str]
) -> None:
    """Plain names, lists of names and patterns name the id."""
    file = write(tmp_path / "kh", "# a comment\n", "broken line\n",
                 known_hosts_line(names, openssh.host_key_line))
    assert hello(by_files(openssh, ed25519, file)) == b"hello\n"


def test_finds_the_key_under_the_id_with_its_port(
    openssh: SshServer, ed25519: KeyFile, tmp_path: Path
) -> None:
    """[id]:port wins over the plain id."""
    wrong = make_key(tmp_path, "other").public
    file = write(tmp_path / "kh", known_hosts_line(["dev-1"], wrong),
                 known_hosts_line(port_names(openssh, "dev-1"), openssh.host_key_line))
    assert hello(by_files(openssh, ed25519, file)) == b"hello\n"


@pytest.mark.parametrize("name", ["id", "address"])
def test_finds_hashed_names(
    openssh: SshServer, ed25519: KeyFile, tmp_path: Path, name: str
) -> None:
    """Files that ssh-keygen -H hashed work, by id and by [address]:port."""
    names = ["dev-1"] if name == "id" else port_names(openssh, openssh.address)
    file = write(tmp_path / "kh", known_hosts_line(names, openssh.host_key_line))
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
    assert file.read_text(encoding="ascii").startswith("|1|")
    assert hello(by_files(openssh, ed25519, file)) == b"hello\n"


def test_falls_back_to_the_address(openssh: SshServer, ed25519: KeyFile, tmp_path: Path) -> None:
    """Where no line names the id, the address counts as it does for ssh."""
    file = write(tmp_path / "kh",
                 known_hosts_line(port_names(openssh, openssh.address), openssh.host_key_line))
    assert hello(by_files(openssh, ed25519, tmp_path / "missing", file)) == b"hello\n"


def test_the_id_wins_over_the_address(
    openssh: SshServer, ed25519: KeyFile, tmp_path: Path
) -> None:
    """A device that moved to an address another one had is not taken for that one."""
    other = make_key(tmp_path, "other").public
    file = write(tmp_path / "kh", known_hosts_line(["dev-1"], other),
                 known_hosts_line(port_names(openssh, openssh.address), openssh.host_key_line))
    refusal(by_files(openssh, ed25519, file))


def test_reads_a_file_again_when_it_changed(
    openssh: SshServer, ed25519: KeyFile, tmp_path: Path
) -> None:
    """A line that was added while the transport lives is found."""
    file = write(tmp_path / "kh", "")

    async def main() -> bytes:
        target = by_files(openssh, ed25519, file)
        async with transport() as ssh:
            with pytest.raises(ConnectError):
                await ssh.connect(target)
            write(file, known_hosts_line(["dev-1"], openssh.host_key_line))
            return (await run_on(ssh, target, "echo hello"))[0]

    assert asyncio.run(main()) == b"hello\n"


@pytest.mark.parametrize("start", [openssh_server, dropbear_server])
def test_changed_host_key_gets_no_command(
    tmp_path: Path, ed25519: KeyFile, start: object
) -> None:
    """Another device behind the address sees no login and runs nothing."""
    marker = tmp_path / "ran"
    pinned = make_key(tmp_path, "pinned").public
    file = write(tmp_path / "kh", "\n", known_hosts_line(["dev-1"], pinned))
    command = f'command="touch {marker}" {ed25519.public}'
    with start(tmp_path, authorized=(command,)) as wrong_device:
        error = refusal(by_files(wrong_device, ed25519, file))
        log = wrong_device.log()
        place = f"{wrong_device.address}:{wrong_device.port}"
        # the same login does run the command once the key is the pinned one
        hello(target_of(wrong_device, ed25519))
    assert marker.exists()
    marker.unlink()
    assert not re.search(r"Accepted|Postponed|Failed publickey|auth succeeded", log)
    assert fingerprint(pinned) in error.message
    assert fingerprint(wrong_device.host_key_line) in error.message
    assert f"{file}:2" in error.message
    assert f"dev-1 ({place})" in error.message
    assert f"dev-1 {wrong_device.host_key_line}" in error.hint


def test_changed_key_in_the_inventory_is_refused(openssh: SshServer, ed25519: KeyFile,
                                                 tmp_path: Path) -> None:
    """The inventory is named as the place to mend; known_hosts does not overrule it."""
    pinned = make_key(tmp_path, "pinned").public
    file = write(tmp_path / "kh", known_hosts_line(["dev-1"], openssh.host_key_line))
    error = refusal(target_of(openssh, ed25519, host_keys=(pinned,), known_hosts=(str(file),)))
    assert "pinned in the inventory" in error.message
    assert "fleetrun_host_key" in error.hint


def test_key_of_another_type_is_a_changed_key(openssh: SshServer, ed25519: KeyFile,
                                              tmp_path: Path) -> None:
    """Not "no common algorithm": the person sees both fingerprints."""
    pinned = make_key(tmp_path, "pinned", kind="rsa").public
    error = refusal(target_of(openssh, ed25519, host_keys=(pinned,)))
    assert fingerprint(pinned) in error.message
    assert fingerprint(openssh.host_key_line) in error.message


def test_asks_for_the_type_of_the_pinned_key(tmp_path: Path, ed25519: KeyFile) -> None:
    """A server with several host keys shows the one we know."""
    rsa_host = make_key(tmp_path, "host_rsa", kind="rsa")
    options = (f"HostKey {rsa_host.path}",)
    with openssh_server(tmp_path, options=options, authorized=(ed25519.public,)) as server:
        assert hello(target_of(server, ed25519)) == b"hello\n"
        assert hello(target_of(server, ed25519, host_keys=(rsa_host.public,))) == b"hello\n"


def test_unknown_host_key_is_refused(server: SshServer, ed25519: KeyFile, tmp_path: Path) -> None:
    """The message shows the fingerprint, the hint the line to add and where."""
    file = write(tmp_path / "kh", known_hosts_line(["dev-2"], server.host_key_line))
    error = refusal(by_files(server, ed25519, file))
    assert "is unknown" in error.message
    assert fingerprint(server.host_key_line) in error.message
    assert f"to {file}: dev-1 {server.host_key_line}" in error.hint


def test_revoked_host_key_is_refused(
    openssh: SshServer, ed25519: KeyFile, tmp_path: Path
) -> None:
    """@revoked wins, even over a key that the inventory pins."""
    file = write(tmp_path / "kh", known_hosts_line(["*"], openssh.host_key_line, marker="@revoked"))
    error = refusal(target_of(openssh, ed25519, known_hosts=(str(file),)))
    assert "is revoked" in error.message
    assert str(file) in error.hint


@pytest.fixture
def host_ca(tmp_path: Path) -> KeyFile:
    return make_key(tmp_path, "host_ca")


def certified_server(folder: Path, ca: KeyFile, authorized: str, *names: str) -> object:
    host_key = make_key(folder, "host_signed")
    cert = sign_host_key(ca, host_key.path, *names)
    return openssh_server(folder, host_key=host_key, options=(f"HostCertificate {cert}",),
                          authorized=(authorized,))


def test_accepts_a_certificate_for_the_id(
    tmp_path: Path, ed25519: KeyFile, host_ca: KeyFile
) -> None:
    """One @cert-authority line stands for a whole fleet."""
    file = write(tmp_path / "kh", known_hosts_line(["*"], host_ca.public, marker="@cert-authority"))
    with certified_server(tmp_path, host_ca, ed25519.public, "dev-1") as server:
        assert hello(by_files(server, ed25519, file)) == b"hello\n"


def test_refuses_a_certificate_for_another_id(
    tmp_path: Path, ed25519: KeyFile, host_ca: KeyFile
) -> None:
    """A certificate of the right CA for another device is a wrong device."""
    file = write(tmp_path / "kh", known_hosts_line(["*"], host_ca.public, marker="@cert-authority"))
    with certified_server(tmp_path, host_ca, ed25519.public, "dev-2") as server:
        error = refusal(by_files(server, ed25519, file))
        assert "Accepted" not in server.log()
    assert fingerprint(host_ca.public) in error.message
    assert "principal" in error.message.lower()


def test_refuses_a_plain_key_where_a_certificate_is_due(
    openssh: SshServer, ed25519: KeyFile, tmp_path: Path, host_ca: KeyFile
) -> None:
    """A server without a certificate does not pass for one that has it."""
    file = write(tmp_path / "kh", known_hosts_line(["*"], host_ca.public, marker="@cert-authority"))
    error = refusal(by_files(openssh, ed25519, file))
    assert "a certificate of CA" in error.message
    assert fingerprint(openssh.host_key_line) in error.message


def test_pinned_text_that_is_no_key_is_told(openssh: SshServer, ed25519: KeyFile) -> None:
    """A typo in the inventory is not "unknown key"."""
    error = refusal(target_of(openssh, ed25519, host_keys=("ssh-ed25519 AAAAoops",)))
    assert "pinned for dev-1 is not an OpenSSH public key" in error.message


def test_a_server_that_dies_of_the_pinned_key_s_type_still_shows_its_key(
    dropbear: SshServer, ed25519: KeyFile, rsa: KeyFile
) -> None:
    """Dropbear 2022.83 aborts when asked for an RSA key that it has not."""
    error = refusal(target_of(dropbear, ed25519, host_keys=(rsa.public,)))
    assert fingerprint(rsa.public) in error.message
    assert fingerprint(dropbear.host_key_line) in error.message
