"""A webhook of this machine, for tests that wait for a notice."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Webhook:
    """A webhook that listens.

    Args:
        url: as Apprise names it.
        told: the notices that it took, the newest last.
    """

    url: str
    told: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def webhook() -> Generator[Webhook]:
    """Listen on a free port for a while."""

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            listening.told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        listening = Webhook(f"json://127.0.0.1:{server.server_port}/mesh")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield listening
        server.shutdown()
