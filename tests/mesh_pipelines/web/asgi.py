"""Requests to an ASGI application, without a server: what it answers, and what it let through."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

HOST = "127.0.0.1:3000"


@dataclass
class Answer:
    """What an application answered; of a WebSocket, ``status`` 101 means that it was accepted, 403 that it was not."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    text: str = ""


def ask(
    app: Any,
    path: str = "/",
    method: str = "GET",
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    *,
    body: bytes | Sequence[bytes] = b"",
    ends: bool = True,
    kind: str = "http",
    scheme: str = "",
    server: tuple[str, int] = ("127.0.0.1", 3000),
) -> Answer:
    """The answer to one request; it has the header ``Host: 127.0.0.1:3000`` unless it is given another.

    Args:
        body: as a whole, or in the pieces in which it arrives.
        ends: false for a body whose last piece never comes.
    """
    given = list(headers.items() if isinstance(headers, Mapping) else headers)
    if "host" not in [name.lower() for name, _ in given]:
        given.insert(0, ("host", HOST))
    target, _, query = path.partition("?")
    scope = {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme or {"http": "http", "websocket": "ws"}[kind],
        "path": unquote(target),
        "raw_path": target.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in given],
        "server": server,
        "client": ("127.0.0.1", 50000),
        "subprotocols": [],
    }
    pieces = [body] if isinstance(body, bytes) else [*body]
    return asyncio.run(_ask(app, scope, pieces, ends=ends))


async def _ask(app: Any, scope: dict[str, Any], pieces: Sequence[bytes], *, ends: bool) -> Answer:
    answer = Answer()
    incoming: list[dict[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": not ends or number < len(pieces)}
        for number, piece in enumerate(pieces, 1)
    ]
    if scope["type"] == "websocket":
        incoming = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]

    async def receive() -> dict[str, Any]:
        return incoming.pop(0) if incoming else await asyncio.Future()

    async def send(message: dict[str, Any]) -> None:
        match message["type"]:
            case "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            case "http.response.body":
                answer.text += message.get("body", b"").decode(errors="replace")
            case "websocket.accept":
                answer.status = 101
            case "websocket.close" if not answer.status:
                answer.status = 403
            case _:
                pass

    await app(scope, receive, send)
    return answer
