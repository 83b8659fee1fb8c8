"""One simulated device: its folder, its namespaces, its slots, its reboots."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import uuid
from pathlib import Path
from typing import Final

from fleetrun.errors import PreflightError
from fleetrun.lab.faults import Fault
from fleetrun.lab.fleet import OS_VERSION, LabDevice

_HERE = Path(__file__).parent
_PRIVATE = ("etc", "var", "run", "home", "tmp", "root", "opt", "usr/local")
#: Host files that programs in the device need to resolve names and libraries.
_ETC_FROM_HOST = ("ld.so.cache", "ld.so.conf", "nsswitch.conf", "localtime", "alternatives")
_START_TIMEOUT_S: Final = 20.0

ENVIRONMENT: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/sh", "LANG": "C.UTF-8",
}


class DeviceBox:
    """The namespaces of a device; started when first used."""

    def __init__(self, device: LabDevice, folder: Path) -> None:
        self.device = device
        self.folder = folder
        self._unshare: asyncio.subprocess.Process | None = None
        self._init_pid = 0
        self._lock = asyncio.Lock()

    def make_folder(self) -> None:
        """Lays out the device's private folders; keeps what is there."""
        for name in _PRIVATE:
            (self.folder / "fs" / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "mnt").mkdir(exist_ok=True)
        self._write_etc()
        self._write_shims()
        self._write_slots()
        control = self.folder / "fs/run/lab-control"
        if not control.exists():
            os.mkfifo(control, 0o600)
        for fault in (Fault.DISK_FULL, Fault.READ_ONLY):
            if fault in self.device.faults:
                (self.folder / str(fault)).touch()
        self._new_boot_id()

    def _write_etc(self) -> None:
        etc = self.folder / "fs/etc"
        for name in _ETC_FROM_HOST:
            source, target = Path("/etc") / name, etc / name
            if target.exists() or not source.exists():
                continue
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True)
            else:
                shutil.copy(source, target)
        files = {
            "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/sh\n",
            "group": "root:x:0:\nnogroup:x:65534:\n",
            "hostname": f"{self.device.name}\n",
            "hosts": f"127.0.0.1 localhost {self.device.name}\n",
            "os-release": (
                f'NAME="FleetOS"\nID=fleetos\nID_LIKE=debian\nVERSION_ID="{OS_VERSION}"\n'
                f'PRETTY_NAME="FleetOS {OS_VERSION}"\nVARIANT="{self.device.type}"\n'
            ),
            "device-type": f"{self.device.type}\n",
        }
        for name, content in files.items():
            if not (etc / name).exists():
                (etc / name).write_text(content)
        (etc / "lab").mkdir(exist_ok=True)
        (etc / "lab/bad-update").write_text(self.device.bad_version)

    def _write_shims(self) -> None:
        target = self.folder / "fs/usr/local/sbin"
        target.mkdir(parents=True, exist_ok=True)
        (self.folder / "fs/usr/local/bin").mkdir(exist_ok=True)
        for shim in sorted((_HERE / "shims").iterdir()):
            shutil.copy(shim, target / shim.name)
            (target / shim.name).chmod(0o755)

    def _write_slots(self) -> None:
        slots = self.folder / "fs/var/lib/slots"
        if slots.exists():
            return
        slots.mkdir(parents=True)
        for name, content in {"booted": "a", "a": OS_VERSION, "b": "", "state": "good"}.items():
            (slots / name).write_text(content + "\n")

    def _new_boot_id(self) -> None:
        (self.folder / "boot_id").write_text(f"{uuid.uuid4()}\n")

    async def command(self, text: str) -> list[str]:
        """Returns the argv that runs `text` inside the device."""
        pid = await self._start()
        return [
            "nsenter", "-t", str(pid), "-U", "-m", "-u", "-p", "-r", "-w",
            "--preserve-credentials", "/bin/sh", "-c", text,
        ]

    async def _start(self) -> int:
        async with self._lock:
            if self._init_pid and _is_alive(self._init_pid):
                return self._init_pid
            up = self.folder / "fs/run/lab-up"
            up.unlink(missing_ok=True)
            self._unshare = await asyncio.create_subprocess_exec(
                "unshare", "--user", "--map-root-user", "--mount", "--uts", "--pid", "--fork",
                "--kill-child", "/bin/sh", str(_HERE / "init.sh"), str(self.folder),
                self.device.name, stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
            try:
                await self._wait_up(up)
                self._init_pid = _child_of(self._unshare.pid)
            except BaseException:
                # The link that asked for it went away: half a device is none.
                _kill(self._unshare.pid)
                raise
            return self._init_pid

    async def _wait_up(self, up: Path) -> None:
        process = self._unshare
        if process is None:
            raise RuntimeError("not started")
        for _ in range(int(_START_TIMEOUT_S / 0.01)):
            if up.exists():  # noqa: ASYNC240  # microseconds on a local disk
                return
            if process.returncode is not None:
                said = await process.stderr.read() if process.stderr else b""
                raise PreflightError(
                    f"device {self.device.name} could not start: "
                    + said.decode(errors="replace").strip(),
                    kind="lab/namespaces", hint=NAMESPACES_HINT,
                )
            await asyncio.sleep(0.01)
        raise PreflightError(
            f"device {self.device.name} did not start within {_START_TIMEOUT_S:g} s",
            kind="lab/slow-start", hint="the machine is busy; use fewer devices",
        )

    async def stop(self) -> None:
        """Ends every program of the device at once (a power cut)."""
        async with self._lock:
            pid, self._init_pid = self._init_pid, 0
            process, self._unshare = self._unshare, None
            if pid:
                _kill(pid)
            if process is not None:
                if process.returncode is None:
                    _kill(process.pid)
                await process.wait()

    async def reboot(self) -> None:
        """Stops the device and lets it come up anew, maybe from its other slot."""
        await self.stop()
        self._switch_slot()
        self._new_boot_id()

    def _switch_slot(self) -> None:
        """A/B: a fresh slot boots once for testing; not marked good, it is left again."""
        slots = self.folder / "fs/var/lib/slots"
        state, booted = _read(slots / "state"), _read(slots / "booted")
        wanted = _read(slots / "next")
        other = "b" if booted == "a" else "a"
        if wanted and wanted != booted:
            (slots / "next").unlink()
            self._boot(slots, wanted, "testing")
        elif state == "testing":
            self._boot(slots, other, "rolled-back")

    def _boot(self, slots: Path, slot: str, state: str) -> None:
        version = _read(slots / slot)
        (slots / "booted").write_text(slot + "\n")
        (slots / "state").write_text(state + "\n")
        release = self.folder / "fs/etc/os-release"
        lines = [
            f'VERSION_ID="{version}"' if line.startswith("VERSION_ID=") else line
            for line in release.read_text().splitlines()
        ]
        release.write_text("\n".join(lines) + "\n")


NAMESPACES_HINT = (
    "the lab needs unprivileged user namespaces: `sysctl kernel.unprivileged_userns_clone=1` "
    "(Debian), `sysctl kernel.apparmor_restrict_unprivileged_userns=0` (Ubuntu 24.04), "
    "or run it as root; in a container allow them with `--security-opt seccomp=unconfined`"
)


def _read(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    if not children:
        raise PreflightError("the device's first process is gone", kind="lab/namespaces")
    return int(children[0])


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
