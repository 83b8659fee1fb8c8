"""url: contents of web pages, fetched by the controller."""

from __future__ import annotations

import base64
import ssl
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from fleetrun.actions.lookups.places import as_bool
from fleetrun.planning.lookup_call import LookupCall

_TIMEOUT_S = 10.0
_MAX_BYTES = 16 << 20


def url(call: LookupCall) -> list[str]:
    """Returns the lines of the pages, or each page whole when `split_lines` is false."""
    found: list[str] = []
    for term in call.terms:
        text = _fetch(str(term), call)
        found += text.splitlines() if as_bool(call.option("split_lines", True)) else [text]
    return found


def _fetch(address: str, call: LookupCall) -> str:
    scheme = urlsplit(address).scheme
    if scheme not in {"http", "https", "ftp"}:
        raise ValueError(f"{address} is no http, https or ftp address")
    opener = build_opener(*_handlers(call))
    request = Request(address, headers=_headers(call))  # noqa: S310  # the scheme is checked
    timeout_s = float(call.option("timeout", _TIMEOUT_S))
    try:
        with opener.open(request, timeout=timeout_s) as answer:
            content: bytes = answer.read(_MAX_BYTES + 1)
    except HTTPError as error:
        raise ValueError(f"{address} answered {error.code} {error.reason}") from error
    except (URLError, OSError, HTTPException) as error:
        raise ValueError(f"cannot fetch {address}: {getattr(error, 'reason', error)}") from error
    if len(content) > _MAX_BYTES:
        raise ValueError(f"{address} is larger than {_MAX_BYTES >> 20} MiB")
    return content.decode("utf-8", "surrogateescape")


def _headers(call: LookupCall) -> dict[str, str]:
    headers = {str(name): str(text) for name, text in dict(call.option("headers", {})).items()}
    headers.setdefault("User-Agent", str(call.option("http_agent", "fleetrun")))
    user = call.option("username")
    if user is not None:
        pair = f"{user}:{call.option('password', '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
    return headers


def _handlers(call: LookupCall) -> list[Any]:
    handlers: list[Any] = []
    if not as_bool(call.option("use_proxy", True)):
        handlers.append(ProxyHandler({}))
    context = ssl.create_default_context(cafile=call.option("ca_path"))
    if not as_bool(call.option("validate_certs", True)):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    handlers.append(HTTPSHandler(context=context))
    return handlers
