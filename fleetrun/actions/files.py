"""copy, template and script: what the controller adds to their arguments.

Small contents travel inside the program text, so these tasks are pipelined
like any other; larger ones are uploaded beside it.
"""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from fleetrun.actions.contents import Content, Contents, content_of
from fleetrun.errors import TemplateError
from fleetrun.model.values import Value
from fleetrun.planning.arguments import ArgumentError
from fleetrun.planning.toolbox import ActionContext, Prepared


class CopyPreparer:
    """copy: reads `src` on the controller, or takes `content`."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    def __call__(self, args: Mapping[str, Value], context: ActionContext) -> Prepared:
        """Returns the arguments with the content; raises InputError, ArgumentError."""
        content = args.get("content")
        if content is None:
            if args.get("remote_src") is True:
                return Prepared(args=args)
            return self._from_file(args, context.task.search_dirs)
        if args.get("mode") == "preserve":
            raise ArgumentError("copy: `mode: preserve` goes with `src`, not with `content`")
        text = content if isinstance(content, str) else _as_json(content)
        return with_content(args, _bytes_of(text))

    def _from_file(self, args: Mapping[str, Value], bases: tuple[str, ...]) -> Prepared:
        name = str(args.get("src"))
        path = self._contents.find(name, "files", bases)
        decrypt = args.get("decrypt") is not False
        if Path(path).is_dir():
            follow = args.get("local_follow") is not False
            content = self._contents.tree(path, decrypt=decrypt, follow=follow)
            # Like rsync: with a slash only what the folder holds.
            kept = "" if name.endswith("/") else Path(path).resolve().name
            return _carrying({**args, "_tree": True, "_basename": kept}, content)
        if args.get("mode") == "preserve":
            args = {**args, "mode": f"{Path(path).stat().st_mode & 0o7777:04o}"}
        return _carrying(_destination(args, path), self._contents.content(path, decrypt=decrypt))


class TemplatePreparer:
    """template: renders an operator's file against the device's variables."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    def __call__(self, args: Mapping[str, Value], context: ActionContext) -> Prepared:
        """Returns the arguments with the rendered text; raises InputError, TemplateError."""
        path = self._contents.find(str(args.get("src")), "templates", context.task.search_dirs)
        template = self._contents.template(path)
        scope = context.scope
        if "template_" in template:
            scope = scope.push(_facts_of(path, args))
        try:
            text = context.templater.render_text(template, scope, **_options(args))
        except TemplateError as error:
            if error.mark is not None and error.mark.file == path:
                raise
            raise TemplateError(
                f"{path}: {error.message}", kind=error.kind, hint=error.hint, mark=error.mark
            ) from error
        if args.get("mode") == "preserve":
            args = {**args, "mode": f"{Path(path).stat().st_mode & 0o7777:04o}"}
        kept = {key: value for key, value in args.items() if key not in _JINJA}
        return with_content(
            _destination(kept, path), _encoded(text, args)
        )


#: Arguments of template that are Jinja's own.
_JINJA = frozenset({
    "trim_blocks", "lstrip_blocks", "block_start_string", "block_end_string",
    "variable_start_string", "variable_end_string", "comment_start_string",
    "comment_end_string", "newline_sequence",
})
_NEWLINES = {"\\n": "\n", "\\r": "\r", "\\r\\n": "\r\n"}


def _options(args: Mapping[str, Value]) -> Mapping[str, Value]:
    """The template's options for Jinja."""
    options = {name: args[name] for name in _JINJA if name in args}
    newline = str(options.get("newline_sequence", "\n"))
    return {**options, "newline_sequence": _NEWLINES.get(newline, newline)}


def _encoded(text: str, args: Mapping[str, Value]) -> bytes:
    encoding = str(args.get("output_encoding") or "utf-8")
    try:
        errors = "surrogateescape" if encoding.lower() in {"utf-8", "utf8"} else "strict"
        return text.encode(encoding, errors)
    except (LookupError, UnicodeEncodeError) as error:
        raise ArgumentError(f"template: cannot write it in `output_encoding`: {error}") from error


def _facts_of(path: str, args: Mapping[str, Value]) -> Mapping[str, Value]:
    """What a template may know of itself: template_path and such."""
    status = Path(path).stat()
    try:
        owner = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        owner = str(status.st_uid)
    changed = datetime.fromtimestamp(status.st_mtime, UTC).astimezone()
    return {
        "template_host": os.uname().nodename, "template_path": str(args.get("src")),
        "template_fullpath": str(Path(path).resolve()), "template_uid": owner,
        "template_mtime": changed.isoformat(sep=" "),
        "template_run_date": datetime.now(UTC).astimezone().isoformat(sep=" "),
        "template_destpath": str(args.get("dest")),
    }


class UnarchivePreparer:
    """unarchive: reads an archive of the controller."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    def __call__(self, args: Mapping[str, Value], context: ActionContext) -> Prepared:
        """Returns the arguments with the archive; raises InputError."""
        name = str(args["src"])
        if args.get("remote_src") is True or args.get("copy") is False:
            return Prepared(args=args)
        if "://" in name:
            raise ArgumentError("unarchive: a URL as `src` needs `remote_src: true`")
        path = self._contents.find(name, "files", context.task.search_dirs)
        content = self._contents.content(path, decrypt=args.get("decrypt") is not False)
        found = _carrying(_destination(args, path), content)
        return Prepared(args={**found.args, "src": name}, upload=found.upload)


class ScriptPreparer:
    """script: sends an operator's script with its arguments."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    def __call__(self, args: Mapping[str, Value], context: ActionContext) -> Prepared:
        """Returns the arguments with the script's text; raises InputError."""
        line = str(args.get("cmd") or args.get("_raw_params") or "")
        name, _, rest = line.partition(" ")
        path = self._contents.find(name, "files", context.task.search_dirs)
        text = self._contents.read(path).decode("utf-8", "surrogateescape")
        kept = {key: value for key, value in args.items() if key not in {"cmd", "_raw_params"}}
        return Prepared(args={**kept, "_script_text": text, "_script_args": rest.strip()})


def with_content(args: Mapping[str, Value], raw: bytes) -> Prepared:
    """Returns arguments that carry `raw`, inside the text or as an upload."""
    return _carrying(args, content_of(raw))


def _carrying(args: Mapping[str, Value], content: Content) -> Prepared:
    kept = {key: value for key, value in args.items() if key not in {"src", "content"}}
    return Prepared(args={**kept, **content.args}, upload=content.upload)


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _destination(args: Mapping[str, Value], path: str) -> Mapping[str, Value]:
    """A dest that is a folder on the device keeps the file's name; the device knows."""
    return {**args, "_basename": path.rsplit("/", 1)[-1]}


def _as_json(content: Value) -> str:
    return json.dumps(content, ensure_ascii=False, default=str)
