"""fetch: copies a file from the device to the controller."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from pathlib import Path
from typing import Final

from fleetrun.contracts import DeviceLink
from fleetrun.errors import FleetrunError
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.steps import Step
from fleetrun.planning import results

#: Largest file that is fetched, bytes; a device must not fill the controller's disk.
MAX_BYTES: Final = 256 * 1024 * 1024


#: Ansible's words for what is not fetched, by error kind.
_MESSAGES: Final = {
    "file/missing": "the remote file does not exist, not transferring, ignored",
    "file/directory": "remote file is a directory, fetch cannot work on directories",
}


class Fetch:
    """fetch with a folder to which relative destinations belong."""

    def __init__(self, base_dir: str) -> None:
        self._base_dir = base_dir

    async def __call__(
        self, step: Step, link: DeviceLink, *, intended_boot_id: str
    ) -> TaskResult:
        """Returns changed when the local copy was missing or different."""
        del intended_boot_id
        source = str(step.args["src"])
        try:
            content = await link.fetch(source, MAX_BYTES, step)
        except FleetrunError as error:
            if not error.kind.startswith("file/"):
                raise
            message = _MESSAGES.get(error.kind, error.message)
            if step.args.get("fail_on_missing") is False:
                return TaskResult(
                    status=TaskStatus.OK,
                    values={"changed": False, "msg": message, "file": source},
                )
            return results.failed(message, error.kind, file=source)
        try:
            # A large file on a slow disk must not stall the other devices.
            return await asyncio.to_thread(self._store, step, link.device, source, content)
        except OSError as error:
            return results.failed(
                f"cannot keep {source} on this machine: {error.strerror}: {error.filename}",
                "file/local",
            )

    def _store(self, step: Step, device: str, source: str, content: bytes) -> TaskResult:
        target = self._target(step, device, source)
        # sha1 is what stat and Ansible's fetch give; the link checked the content itself.
        digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        changed = not target.is_file() or target.read_bytes() != content
        if changed and not step.check:
            _write(target, content)
        return TaskResult(
            status=TaskStatus.CHANGED if changed else TaskStatus.OK,
            values={
                "changed": changed, "dest": str(target), "checksum": digest,
                **({"remote_checksum": digest} if changed else {"file": source}),
            },
        )

    def _target(self, step: Step, device: str, source: str) -> Path:
        """Ansible's layout: dest/<device>/<path>, or dest itself when flat."""
        dest = str(step.args["dest"])
        base = Path(self._base_dir) / dest
        if step.args.get("flat") is True:
            return base / Path(source).name if dest.endswith("/") else base
        parts = [part for part in source.split("/") if part not in {"", ".", ".."}]
        return base.joinpath(device, *parts)


def _write(target: Path, content: bytes) -> None:
    """Writes a file whole or not at all; several devices may write the same one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with partial.open("xb") as file:
            file.write(content)
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
