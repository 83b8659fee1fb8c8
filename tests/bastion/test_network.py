"""A site behind NAT: its devices have no inbound route, and still run commands."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.bastion import RunningBastion, running, running_bastion
from tests.support.sshd import KeyFile, SshServer

Keys = Mapping[str, KeyFile]


class Site:
    """A network namespace whose only way out is through this machine, source-NATed.

    Its devices have addresses that nobody outside can route to; the way in is
    dropped by the gateway in between, which is a namespace too.
    """

    def __init__(self, tag: str, subnet: int) -> None:
        self.inside = f"fr{tag}i"
        self.gateway = f"fr{tag}g"
        #: This machine as the site sees it, and the site as this machine sees it.
        self.outside_address = f"10.{subnet}.0.1"
        self.nat_address = f"10.{subnet}.0.2"
        self.device_address = f"192.168.{subnet}.2"
        self._veth = f"fr{tag}o"

    def __enter__(self) -> Site:
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _make(self) -> None:
        tag, ip = self._veth[:-1], run_ip
        ip("netns", "add", self.inside)
        ip("netns", "add", self.gateway)
        ip("link", "add", self._veth, "type", "veth", "peer", "name", f"{tag}p", "netns",
           self.gateway)
        ip("addr", "add", f"{self.outside_address}/24", "dev", self._veth)
        ip("link", "set", self._veth, "up")
        ip("-n", self.gateway, "addr", "add", f"{self.nat_address}/24", "dev", f"{tag}p")
        ip("-n", self.gateway, "link", "set", f"{tag}p", "up")
        ip("-n", self.gateway, "link", "add", "lan", "type", "veth", "peer", "name", "eth0",
           "netns", self.inside)
        network = self.device_address.removesuffix(".2")
        ip("-n", self.gateway, "addr", "add", f"{network}.1/24", "dev", "lan")
        ip("-n", self.gateway, "link", "set", "lan", "up")
        ip("-n", self.inside, "addr", "add", f"{self.device_address}/24", "dev", "eth0")
        ip("-n", self.inside, "link", "set", "eth0", "up")
        ip("-n", self.inside, "link", "set", "lo", "up")
        ip("-n", self.inside, "route", "add", "default", "via", f"{network}.1")
        # Whoever knows the way in still meets the gateway's filter.
        ip("route", "add", f"{network}.0/24", "via", self.nat_address)
        self._in_gateway("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        self._in_gateway("nft", f"""
            add table ip nat
            add chain ip nat post {{ type nat hook postrouting priority 100; }}
            add rule ip nat post oifname "{tag}p" masquerade
            add table ip filter
            add chain ip filter way {{ type filter hook forward priority 0; policy drop; }}
            add rule ip filter way iifname "lan" accept
            add rule ip filter way ct state established,related accept""")

    def __exit__(self, *_: object) -> None:
        for name in (self.inside, self.gateway):
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "link", "del", self._veth], check=False, stderr=subprocess.DEVNULL)

    def cut(self) -> None:
        """Drops everything silently, in both directions, as a NAT that forgot."""
        self._in_gateway("nft", "flush chain ip filter way")

    def words(self) -> tuple[str, ...]:
        """Words that run a command inside."""
        return ("ip", "netns", "exec", self.inside)

    def _in_gateway(self, *words: str) -> None:
        subprocess.run(["ip", "netns", "exec", self.gateway, *words], check=True)


def run_ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@pytest.fixture
def site() -> Iterator[Site]:
    assert os.geteuid() == 0, "network namespaces need root"
    with Site(f"{os.getpid() % 100000:x}", 100 + os.getpid() % 100) as made:
        yield made


@contextmanager
def inner_sshd(site: Site, like: SshServer) -> Iterator[None]:
    """The same server once more, on the site's own loopback."""
    config = like.log_path.with_name("sshd_config")
    command = [*site.words(), tool("setpriv"), "--pdeathsig", "KILL", tool("sshd"), "-D", "-f",
               str(config), "-o", "PidFile=none"]
    with running(command):
        deadline = time.monotonic() + 10
        probe = [*site.words(), "nc", "-z", "127.0.0.1", str(like.port)]
        while subprocess.run(probe, check=False).returncode:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield


def tool(name: str) -> str:
    found = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin")
    assert found, f"{name} is not installed"
    return found


@contextmanager
def device(
    site: Site, bastion: RunningBastion, key: KeyFile, client: str, sshd_port: int
) -> Iterator[subprocess.Popen[bytes]]:
    """A device's client inside the site, dialling the bastion's outside address."""
    forward = ("-R", f"22:127.0.0.1:{sshd_port}")
    command = bastion.ssh(key, "-NT", *forward) if client == "ssh" else bastion.dbclient(
        key, *forward)
    with running([*site.words(), tool("setpriv"), "--pdeathsig", "KILL",
                  *command]) as process:
        yield process


def test_t_13_devices_behind_nat_run_commands_and_a_black_hole_evicts_them(
    tmp_path: Path, bastion_keys: Keys, site: Site, device_sshd: SshServer
) -> None:
    """Two devices behind one address; nobody reaches them directly; a cut link is noticed."""
    with running_bastion(
        tmp_path / "b", devices={name: bastion_keys[name].public for name in ("dev-a", "dev-b")},
        operators={"ops": (bastion_keys["ops"].public, "dev-*")},
        settings="keepalive_s = 0.5\nkeepalive_count = 2", listen=f"{site.outside_address}:0",
    ) as bastion, ExitStack() as stack:
        bastion.address = site.outside_address
        stack.enter_context(inner_sshd(site, device_sshd))
        for name, client in (("dev-a", "ssh"), ("dev-b", "dbclient")):
            stack.enter_context(device(site, bastion, bastion_keys[name], client,
                                       device_sshd.port))
        bastion.wait_for(lambda: len(bastion.registry) == 2)
        assert {site.nat_address} == {tunnel.address for tunnel in bastion.registry}
        ops, key = bastion_keys["ops"], device_sshd.host_key_line
        said = [
            bastion.run_through(ops, name, ops, device_sshd.user, key, "ip addr show eth0").stdout
            for name in ("dev-a", "dev-b")
        ]
        assert [True, True] == [site.device_address in text for text in said]
        with pytest.raises(TimeoutError), \
                socket.create_connection((site.device_address, device_sshd.port), timeout=0.5):
            pass
        site.cut()
        cut_at = time.monotonic()
        bastion.wait_for(lambda: len(bastion.registry) == 0)
        assert time.monotonic() - cut_at < 0.5 * 3 + 2
