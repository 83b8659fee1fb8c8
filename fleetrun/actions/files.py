"""copy, template and script: what the controller adds to their arguments.

Small contents travel inside the program text, so these tasks are pipelined
like any other; larger ones are uploaded beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from fleetrun.contracts import FileReader
from fleetrun.errors import TemplateError
from fleetrun.model.steps import Upload
from fleetrun.model.values import TemplateText, Value
from fleetrun.planning.toolbox import ActionContext, Prepared

#: Largest content that travels in the program text, bytes. Above it a second
#: channel costs two round trips and saves the shell from quoting it.
INLINE_BYTES: Final = 48 * 1024


class CopyPreparer:
    """copy: reads `src` on the controller, or takes `content`."""

    def __init__(self, files: FileReader) -> None:
        self._files = files

    def __call__(self, args: Mapping[str, Value], context: ActionContext) -> Prepared:
        """Returns the arguments with the content; raises InputError."""
        content = args.get("content")
        if content is None:
            if args.get("remote_src") is True:
                return Prepared(args=args)
            path = self._files.find(str(args.get("src")), "files", context.task.base_dir)
            raw = self._files.read(path)
            return with_content(_destination(args, path), raw)
        text = content if isinstance(content, str) else _as_json(content)
        return with_content(args, text.encode("utf-8", "surrogateescape"))


class TemplatePreparer:
    """template: renders an operator's file against the device's variables."""

    def __init__(self, files: FileReader) -> None:
        self._files = files

    def __call__(self, args: Mapping[str, Value], context: ActionContext) -> Prepared:
        """Returns the arguments with the rendered text; raises InputError, TemplateError."""
        path = self._files.find(str(args.get("src")), "templates", context.task.base_dir)
        try:
            source = self._files.read(path).decode("utf-8")
        except UnicodeDecodeError as error:
            raise TemplateError(
                f"template {path} is not UTF-8 (byte {error.start})", kind="template/value"
            ) from error
        text = context.templater.render_text(TemplateText(source), context.scope)
        base = path.removesuffix(".j2")
        return with_content(_destination(args, base), text.encode("utf-8", "surrogateescape"))


class ScriptPreparer:
    """script: sends an operator's script with its arguments."""

    def __init__(self, files: FileReader) -> None:
        self._files = files

    def __call__(self, args: Mapping[str, Value], context: ActionContext) -> Prepared:
        """Returns the arguments with the script's text; raises InputError."""
        line = str(args.get("cmd") or args.get("_raw_params") or "")
        name, _, rest = line.partition(" ")
        path = self._files.find(name, "files", context.task.base_dir)
        content = self._files.read(path)
        kept = {key: value for key, value in args.items() if key not in {"cmd", "_raw_params"}}
        text = content.decode("utf-8", "surrogateescape")
        return Prepared(args={**kept, "_script_text": text, "_script_args": rest.strip()})


def with_content(args: Mapping[str, Value], raw: bytes) -> Prepared:
    """Returns arguments that carry `raw`, inside the text or as an upload."""
    digest = hashlib.sha256(raw).hexdigest()
    kept = {key: value for key, value in args.items() if key not in {"src", "content"}}
    kept["_sha256"] = digest
    if len(raw) > INLINE_BYTES:
        kept["_src_path"] = f".fleetrun/f/{digest}"
        return Prepared(args=kept, upload=Upload(content=raw, sha256=digest))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if "\0" in text or (raw and not text):
        return Prepared(args={**kept, "_content_b": printf_escapes(raw)})
    return Prepared(args={**kept, "content": text})


def printf_escapes(raw: bytes) -> str:
    """Returns `raw` for printf %b: plain where it can be, octal elsewhere."""
    parts = [
        chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\0{byte:03o}" for byte in raw
    ]
    return "".join(parts)


def _destination(args: Mapping[str, Value], path: str) -> Mapping[str, Value]:
    """A dest that is a folder on the device keeps the file's name; the device knows."""
    return {**args, "_basename": path.rsplit("/", 1)[-1]}


def _as_json(content: Value) -> str:
    return json.dumps(content, ensure_ascii=False, default=str)
