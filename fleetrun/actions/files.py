"""copy, template and script: what the controller adds to their arguments.

Small contents travel inside the program text, so these tasks are pipelined
like any other; larger ones are uploaded beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from fleetrun.actions.contents import Content, Contents, content_of
from fleetrun.errors import TemplateError
from fleetrun.model.values import Value
from fleetrun.planning.toolbox import ActionContext, Prepared


class CopyPreparer:
    """copy: reads `src` on the controller, or takes `content`."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    def __call__(self, args: Mapping[str, Value], context: ActionContext) -> Prepared:
        """Returns the arguments with the content; raises InputError."""
        content = args.get("content")
        if content is None:
            if args.get("remote_src") is True:
                return Prepared(args=args)
            path = self._contents.find(str(args.get("src")), "files", context.task.search_dirs)
            return _carrying(_destination(args, path), self._contents.content(path))
        text = content if isinstance(content, str) else _as_json(content)
        return with_content(args, _bytes_of(text))


class TemplatePreparer:
    """template: renders an operator's file against the device's variables."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    def __call__(self, args: Mapping[str, Value], context: ActionContext) -> Prepared:
        """Returns the arguments with the rendered text; raises InputError, TemplateError."""
        path = self._contents.find(str(args.get("src")), "templates", context.task.search_dirs)
        template = self._contents.template(path)
        try:
            text = context.templater.render_text(template, context.scope)
        except TemplateError as error:
            if error.mark is not None and error.mark.file == path:
                raise
            raise TemplateError(
                f"{path}: {error.message}", kind=error.kind, hint=error.hint, mark=error.mark
            ) from error
        return with_content(_destination(args, path.removesuffix(".j2")), _bytes_of(text))


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
