"""Files that must be on a device before a step runs.

Content that is too large for the program text goes on a channel of its own to
a place that is named after its sha256. It is not sent when the device has it
already: where the step wants it, or left over from a cut-off run. The copy is
removed once the step was answered.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Final

from fleetrun.engine.shell import Shell
from fleetrun.errors import ConnectError, FleetrunError, LinkLostError
from fleetrun.model.module import ArgSpec, ModuleSpec
from fleetrun.model.playbook import Task
from fleetrun.model.steps import OnFailure, RemoteBatch, Reply, ReplyKind, Step, Upload
from fleetrun.model.values import Vars

#: Says where the file is already: at its place, or where we would put it. A link
#: is never taken for its file: the module may be told to replace it.
_PROBE: Final = """\
fr_probe() {
  [ -f "$1" ] && [ -r "$1" ] && [ ! -L "$1" ] || return 1
  fr_v=$(fr_sha256 "$1") && [ "$fr_v" = "$a_sha256" ]
}
if [ -n "$a_dest" ]; then
  fr_path "$a_dest"
  [ ! -d "$fr_v" ] || fr_v=$fr_v/$a_name
  if fr_probe "$fr_v"; then fr_put where dest; exit 0; fi
fi
if fr_probe "$a_path"; then fr_put where path; fi
"""

#: Removes the copy, and what runs that were cut off left there a week ago.
_SWEEP: Final = """\
rm -f -- "$a_path" "$a_path".*.part
find "${a_path%/*}" -type f -mtime +7 -exec rm -f {} + 2>/dev/null || :
"""


def _spec(name: str, program: str, *args: str) -> ModuleSpec:
    return ModuleSpec(
        name=name, family="fleetrun", summary="", program=program,
        args={arg: ArgSpec(name=arg) for arg in args},
    )


_PROBE_SPEC: Final = _spec("fleetrun_probe", _PROBE, "dest", "name", "path", "sha256")
_SWEEP_SPEC: Final = _spec("fleetrun_sweep", _SWEEP, "path")
#: sha1 in hex: a checksum that the module can only compare with the content.
_SHA1_LENGTH: Final = 40


class Delivery:
    """Brings one step's file to the device and takes the copy away again."""

    def __init__(self, shell: Shell, step: Step) -> None:
        self._shell = shell
        self._step = step
        self._path = ""

    async def send(self) -> Reply | None:
        """Puts the file on the device; returns the failure when that cannot be done.

        Raises ConnectError, LinkLostError.
        """
        step = self._step
        if step.upload is None or (step.check and not step.diff):
            # Without a diff, --check compares checksums only and must touch nothing.
            return None
        path = str(step.args["_src_path"])
        found = await _ask(self._shell, step, _PROBE_SPEC, {
            "dest": _destination(step), "name": step.args.get("_basename", ""),
            "path": path, "sha256": step.upload.sha256,
        })
        if found.get("where") == "dest":
            return None
        self._path = path
        return None if found.get("where") == "path" else await self._put(step.upload, path)

    async def _put(self, content: Upload, path: str) -> Reply | None:
        try:
            await self._shell.put(content.content, path)
        except (ConnectError, LinkLostError):
            raise
        except FleetrunError as error:
            self._path = ""
            return Reply(
                seq=self._step.seq, kind=ReplyKind.FINISHED, exit_status=1,
                values={"msg": f"{error.message} ({error.hint})"}, error_kind=error.kind,
            )
        return None

    async def clean(self) -> None:
        """Removes the copy, once the step was answered."""
        if self._path:
            await _ask(self._shell, self._step, _SWEEP_SPEC, {"path": self._path})


def _destination(step: Step) -> str:
    """Where the step wants the file; "" when it must have the content whatever is there."""
    checksum = str(step.args.get("checksum") or "")
    return "" if len(checksum) == _SHA1_LENGTH else str(step.args.get("dest") or "")


async def _ask(shell: Shell, step: Step, spec: ModuleSpec, args: Vars) -> Vars:
    """Runs a small program of our own; {} when it gave no result."""
    own = Step(
        task=Task(id=step.task.id, module=spec.name, mark=step.task.mark), spec=spec,
        key=f"{step.key}.{spec.name}", seq=step.seq, args=args, on_failure=OnFailure.GO,
        identity=step.identity,
    )
    async with aclosing(shell.run(RemoteBatch(steps=(own,)))) as replies:
        async for reply in replies:
            if reply.kind is ReplyKind.FINISHED:
                return reply.values
    return {}
