"""Takes the pictures of the README again, of the Dagster UI as it is: ``python docs/screenshots.py``.

Needs Chromium and a mesh home on which ``mesh demo`` has run (``MESH_HOME``).
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

IMAGES = Path(__file__).resolve().parent / "images"
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def main() -> None:
    """Start ``mesh ui``, take each picture, stop it."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("Chromium is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    mesh = [sys.executable, "-c", "from mesh_pipelines.cli import main; main()"]
    ui = subprocess.Popen([*mesh, "ui", "--port", str(port)])
    try:
        groups = _groups(base)
        # The UI keeps which groups are unfolded in the address.
        unfolded = quote(",".join(f"global@global:{group}" for group in groups), safe="")
        pages = {
            "lineage": (f"/asset-groups?expanded={unfolded}", (1900, 1000)),
            "product": ("/assets/operations/departures?view=overview", (1400, 1000)),
            "model": ("/assets/operations/departure_delay?view=overview", (1400, 1000)),
            "champion": ("/assets/operations/departure_delay_champion?view=checks", (1400, 700)),
        }
        for name, (page, (width, height)) in pages.items():
            with tempfile.TemporaryDirectory() as profile:
                picture = IMAGES / f"{name}.png"
                subprocess.run(
                    [
                        *(browser, *FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"),
                        *("--virtual-time-budget=30000", f"--screenshot={picture}", base + page),
                    ],
                    check=True,
                    capture_output=True,
                )
                _to_palette(picture)
    finally:
        ui.send_signal(signal.SIGINT)
        ui.wait()


def _groups(base: str, patience: float = 180.0) -> list[str]:
    """Names of all groups, as soon as every code location has loaded."""
    query = json.dumps({"query": "{ assetNodes { groupName } }"}).encode()
    request = urllib.request.Request(f"{base}/graphql", query, {"content-type": "application/json"})
    until = time.monotonic() + patience
    while time.monotonic() < until:
        with suppress(OSError), urllib.request.urlopen(request, timeout=30) as answer:
            nodes = json.load(answer)["data"]["assetNodes"]
            if nodes:
                return sorted({node["groupName"] for node in nodes})
        time.sleep(1)
    raise TimeoutError("the UI shows no assets")


def _to_palette(picture: Path) -> None:
    """256 colours are enough for a page, and a quarter of the bytes."""
    from PIL import Image

    with Image.open(picture) as image:
        small = image.convert("RGB").quantize(256)
    small.save(picture, optimize=True)


if __name__ == "__main__":
    main()
