"""uri: the body of the request as bytes, made once on the controller."""

from __future__ import annotations

import json
import mimetypes
import secrets
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlencode

from fleetrun.actions.contents import Contents, content_of
from fleetrun.model.values import Value
from fleetrun.planning.arguments import ArgumentError
from fleetrun.planning.toolbox import ActionContext, Prepared

_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_OWN: Final = frozenset({"body", "body_format", "src"})


class UriPreparer:
    """uri: writes the body in its format, or reads it from a file."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    def __call__(self, args: Mapping[str, Value], context: ActionContext) -> Prepared:
        """Returns the arguments with the body; raises InputError, ArgumentError."""
        if args.get("src") is not None:
            if args.get("remote_src") is True:
                return Prepared(args=args)
            bases = context.task.search_dirs
            raw, kind = self._contents.read(self._find(str(args["src"]), bases)), ""
        elif args.get("body") is None:
            return Prepared(args={key: args[key] for key in args if key not in _OWN})
        else:
            raw, kind = self._body(args, context.task.search_dirs)
        kept = {key: value for key, value in args.items() if key not in _OWN}
        content = content_of(raw)
        return Prepared(
            args={**kept, **content.args, "_content_type": kind}, upload=content.upload
        )

    def _find(self, name: str, bases: tuple[str, ...]) -> str:
        return self._contents.find(name, "files", bases)

    def _body(self, args: Mapping[str, Value], bases: tuple[str, ...]) -> tuple[bytes, str]:
        """The body and its Content-Type."""
        body, style = args["body"], args.get("body_format")
        if style == "json":
            text = body if isinstance(body, str) else json.dumps(body, default=str)
            return _encoded(text), _JSON
        if style == "form-urlencoded":
            return _encoded(body if isinstance(body, str) else _form(body)), _FORM
        if style == "form-multipart":
            return self._multipart(body, bases)
        if isinstance(body, bytes):
            return body, ""
        return _encoded(body if isinstance(body, str) else json.dumps(body, default=str)), ""

    def _multipart(self, body: Value, bases: tuple[str, ...]) -> tuple[bytes, str]:
        if not isinstance(body, Mapping):
            raise ArgumentError("uri: with form-multipart `body` must be a mapping")
        boundary = secrets.token_hex(16)
        parts: list[bytes] = []
        for name, field in body.items():
            head, content = self._part(str(name), field, bases)
            parts.append(_encoded(f"--{boundary}\r\n{head}\r\n\r\n") + content + b"\r\n")
        raw = b"".join(parts) + _encoded(f"--{boundary}--\r\n")
        return raw, f"multipart/form-data; boundary={boundary}"

    def _part(self, name: str, field: Value, bases: tuple[str, ...]) -> tuple[str, bytes]:
        """Headers and content of one field: a text, or a file with its type."""
        head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
        if not isinstance(field, Mapping):
            return head, _encoded(str(field))
        filename, content = field.get("filename"), field.get("content")
        if filename is None and content is None:
            raise ArgumentError(f"uri: the field `{name}` needs filename or content")
        kind = str(field.get("mime_type") or "")
        if filename is not None:
            head += f'; filename="{_quoted(str(filename).rsplit("/", 1)[-1])}"'
            kind = kind or mimetypes.guess_type(str(filename))[0] or "application/octet-stream"
        if kind:
            head += f"\r\nContent-Type: {_quoted(kind)}"
        if content is None:
            return head, self._contents.read(self._find(str(filename), bases))
        return head, _encoded(str(content))


def _form(body: Value) -> str:
    """A mapping, or a list of pairs, as a form's fields; lists give several."""
    if isinstance(body, Mapping):
        return urlencode([(str(key), item) for key, item in body.items()], doseq=True)
    pairs = list(body) if isinstance(body, Iterable) else []
    fields = [(str(pair[0]), pair[1]) for pair in pairs
              if isinstance(pair, list | tuple) and len(pair) == 2]
    if not pairs or len(fields) != len(pairs):
        raise ArgumentError(
            "uri: with form-urlencoded `body` must be a mapping or a list of pairs"
        )
    return urlencode(fields, doseq=True)


def _quoted(text: str) -> str:
    """A name for a header of a part: it cannot end the quotes or the line."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
