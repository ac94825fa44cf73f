"""Buckets of a real S3 API, which runs in a process of its own on this machine."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.request import Request, urlopen

import pytest

from resources.store import open_store


@dataclass(frozen=True)
class Bucket:
    """A bucket of an S3 API.

    Args:
        endpoint: of the API.
        name: of the bucket.
    """

    endpoint: str
    name: str

    @property
    def uri(self) -> str:
        return f"s3://{self.name}"

    @property
    def options(self) -> dict[str, str]:
        """What Polars, Delta Lake and the mesh are given."""
        return {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
        }

    def put(self, name: str, content: bytes) -> None:
        """Let an object land."""
        open_store(self.uri, self.options).write(name, content)

    def delete(self, name: str) -> None:
        """Take an object away."""
        open_store(self.uri, self.options).delete(name)


@pytest.fixture(scope="session")
def s3() -> Iterator[Callable[[str], Bucket]]:
    """Makes buckets of an S3 API that runs in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urlopen(f"{endpoint}/moto-api/").close()
                break
            except OSError:
                assert running.poll() is None, "the S3 API did not start"
                time.sleep(0.2)

        def bucket(name: str) -> Bucket:
            urlopen(Request(f"{endpoint}/{name}", method="PUT")).close()
            return Bucket(endpoint, name)

        yield bucket
    finally:
        running.terminate()
        running.wait()
