"""The door of the web application: refuses what a page of another site could make a browser send.

A browser lets any page send requests to 127.0.0.1, with whatever it may reach there. So a request must name this server
(`Host`: no other name leads here by DNS rebinding), come from its own pages (`Origin`, `Sec-Fetch-Site`), and change
something only by POST with JSON, which no page of another site can send unasked. No answer ever allows another origin.
A body is read here, as far as it may go, before anything inside sees it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL = frozenset({"127.0.0.1", "localhost", "[::1]"})
"""Names under which this machine reaches its own server."""
ONLY_POST = re.compile(r"/(graphql|report_asset_\w+)(/.*)?")
"""Paths that execute what they are given; Dagster's UI calls them by POST alone."""
HEADERS = {
    b"x-frame-options": b"SAMEORIGIN",
    b"x-content-type-options": b"nosniff",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"referrer-policy": b"same-origin",
    b"content-security-policy": b"frame-ancestors 'self'",
}
"""Of every answer that does not have its own."""

HEADER_BYTES = 65_536
"""That the headers of one request may have; a browser's have some thousands."""
SECONDS = 60.0
"""Longest that a body may take to arrive."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?")
_ORIGIN = re.compile(r"(https?)://(.+)")
_PORTS = {"http": "80", "https": "443"}
_ODD = re.compile(r"[\x00-\x1f\x7f\\]")
_SINGLE = (b"host", b"origin", b"content-type", b"content-length", b"sec-fetch-site")

Address = tuple[str, str, str]
"""Scheme, host and port of an origin."""


@dataclass(frozen=True)
class Refusal:
    """The answer to a request that is not let in; ``why`` is for the person who sent it."""

    status: int
    why: str


class Door:
    """ASGI middleware around the whole application.

    Args:
        names: host names that it answers for, besides LOCAL: lower case, without port, IPv6 in brackets.
        origin: where its pages are for a browser, if a proxy stands before it: ``https://mesh.example.com``.
        largest: bytes that the body of a request may have.
        seconds: longest that it may take to arrive.
    """

    def __init__(
        self,
        app: ASGIApp,
        names: Iterable[str] = (),
        origin: str = "",
        *,
        largest: int = 10_000_000,
        seconds: float = SECONDS,
    ) -> None:
        self._app, self._names, self._origin = app, LOCAL | frozenset(names), _address_of(origin)
        self._largest, self._seconds = largest, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = refusal_of(scope, self._names, self._origin)
        if refusal is None and scope["type"] == "http":
            body = await _body(scope, receive, self._largest, self._seconds)
            refusal, receive = (body, receive) if isinstance(body, Refusal) else (None, body)
        if refusal is None:
            await self._app(scope, receive, _guarded(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refusal.why})  # answered with 403
        else:
            await _answer(refusal, _guarded(send))


def refusal_of(
    scope: Mapping[str, Any], names: frozenset[str], origin: Address | None = None
) -> Refusal | None:
    """The refusal of a request or WebSocket handshake; None where it is let in."""
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_BYTES:
        return Refusal(431, "the headers are too large")
    headers: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        if name in headers and name in _SINGLE:
            return Refusal(400, f"two headers {name.decode('latin-1')}")
        headers[name] = value.decode("latin-1").strip()
    if {b"transfer-encoding", b"content-length"} <= headers.keys():
        return Refusal(400, "two lengths of one body")  # a proxy may take the other
    return (
        _of_path(scope["path"])
        or _of_host(headers.get(b"host", ""), names, scope)
        or _of_origin(headers, origin, scope)
        or _of_site(headers, scope)
        or _of_method(headers, scope)
    )


def _of_path(path: str) -> Refusal | None:
    # An absolute target, as proxies are sent, names a host of its own.
    if not path.startswith("/") or _ODD.search(path) or {".", ".."} & set(path.split("/")):
        return Refusal(400, "the path is not a plain one")
    return None


def _of_host(host: str, names: frozenset[str], scope: Mapping[str, Any]) -> Refusal | None:
    match = _HOST.fullmatch(host.lower())
    # A connection's own address, which no name leads to, is right where the server listens on all of them.
    if match and (match[1] in names or match[1] == _own_number(scope.get("server"))):
        return None
    return Refusal(403, "this server has another name; MESH_UI_HOSTS adds names to it")


def _own_number(server: Any) -> str:
    try:
        address = ipaddress.ip_address(server[0])
    except (TypeError, ValueError, IndexError):
        return ""
    return f"[{address}]" if address.version == 6 else str(address)


def _of_origin(headers: Mapping[bytes, str], own: Address | None, scope: Mapping[str, Any]) -> Refusal | None:
    if b"origin" not in headers:
        return None
    scheme = "https" if scope["scheme"] in ("https", "wss") else "http"
    there, here = _address_of(headers[b"origin"]), _address_of(f"{scheme}://{headers[b'host']}")
    if there is None or here is None:
        return Refusal(403, "a page of another site asks")
    # A name that a proxy answers for has pages of its own under the proxy's scheme alone.
    proxied = own is not None and own[1] == here[1] and here[2] in (own[2], _PORTS[scheme])
    if there == own or (there == here and not proxied):
        return None
    if there[1] == here[1] and own is None:
        return Refusal(403, "a page of another scheme or port asks; a proxy's address is set as MESH_UI_URL")
    return Refusal(403, "a page of another site asks")


def _address_of(origin: str) -> Address | None:
    parts = _ORIGIN.fullmatch(origin.lower())
    place = _HOST.fullmatch(parts[2]) if parts else None
    if parts is None or place is None:
        return None
    scheme = str(parts[1])
    return scheme, str(place[1]), place[2] or _PORTS[scheme]


def _of_site(headers: Mapping[bytes, str], scope: Mapping[str, Any]) -> Refusal | None:
    if headers.get(b"sec-fetch-site", "none").lower() in ("same-origin", "none"):
        return None
    opened = headers.get(b"sec-fetch-mode") == "navigate" and headers.get(b"sec-fetch-dest") == "document"
    if opened and scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
        return None  # a person follows a link that leads here
    return Refusal(403, "a page of another site asks")


def _of_method(headers: Mapping[bytes, str], scope: Mapping[str, Any]) -> Refusal | None:
    if scope["type"] == "websocket":
        return None
    if scope["method"] not in ("GET", "HEAD", "POST"):
        return Refusal(405, "only GET, HEAD and POST are answered")
    if scope["method"] != "POST":
        only_post = ONLY_POST.fullmatch(scope["path"].lower())
        return Refusal(405, "this is answered to POST alone") if only_post else None
    if headers.get(b"content-type", "").partition(";")[0].strip().lower() != "application/json":
        return Refusal(415, "a POST must have the content type application/json")
    return None


async def _body(scope: Scope, receive: Receive, largest: int, seconds: float) -> Receive | Refusal:
    """The body of a request, read as a whole; a refusal where it is too large, or does not come."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    if not {b"content-length", b"transfer-encoding"} & headers.keys():
        return receive
    too_large = Refusal(413, f"a body may have {largest:,} bytes; MESH_UI_BYTES is the limit")
    length = headers.get(b"content-length", b"0")
    if not length.isdigit():
        return Refusal(400, "the length of the body is no number")
    if len(length) > 18 or int(length) > largest:
        return too_large
    body, more = bytearray(), True
    try:
        async with asyncio.timeout(seconds):
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    return Refusal(400, "the body ended before its length")
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > largest:
                    return too_large
    except TimeoutError:
        return Refusal(408, f"the body did not come within {seconds:g} s")
    if scope["method"] == "POST" and not _is_json_object(body):
        return Refusal(400, "the body is no JSON object")
    whole: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

    async def read() -> Message:
        return whole.pop() if whole else await receive()

    return read


def _is_json_object(body: bytes | bytearray) -> bool:
    """True for what Dagster can read: of anything else it makes an error of its own, with a trace in its log."""
    try:
        return isinstance(json.loads(body.decode()), dict)
    except (ValueError, RecursionError):
        return False


def _guarded(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": _guarded_headers(message)}
        await send(message)

    return guarded


def _guarded_headers(message: MutableMapping[str, Any]) -> list[tuple[bytes, bytes]]:
    kept = [
        (name, value)
        for name, value in message.get("headers", ())
        if not name.lower().startswith(b"access-control-")
    ]
    given = {name.lower() for name, _ in kept}
    return [*kept, *((name, value) for name, value in HEADERS.items() if name not in given)]


async def _answer(refusal: Refusal, send: Send) -> None:
    body = f"Refused: {refusal.why}.\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        # A body that was not read must not be taken for the next request.
        (b"connection", b"close"),
        *([(b"allow", b"GET, HEAD, POST")] if refusal.status == 405 else []),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
