"""Takes the pictures of the documents again, of the Dagster UI as it is.

    python docs/screenshots.py          the README's pages, of the mesh home that is in force
    python docs/screenshots.py story    a home of its own: `mesh demo`, then files land, pictures as it happens

Needs Chromium; the first also needs a home on which ``mesh demo`` has run (``MESH_HOME``).
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

IMAGES = Path(__file__).resolve().parent / "images"
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
MESH = [sys.executable, "-c", "from mesh_pipelines.commands.cli import main; main()"]
WIDE, PAGE, LOW = (1900, 1000), (1400, 1000), (1400, 700)


@dataclass(frozen=True)
class Ui:
    """A Dagster UI that is being looked at.

    Args:
        base: its address.
        browser: the program that looks.
    """

    base: str
    browser: str

    def shoot(self, name: str, page: str, size: tuple[int, int]) -> None:
        """Take a picture of a page, as a person with that size of window sees it."""
        picture = IMAGES / f"{name}.png"
        with tempfile.TemporaryDirectory() as profile:
            subprocess.run(
                [
                    *(
                        self.browser,
                        *FLAGS,
                        f"--user-data-dir={profile}",
                        f"--window-size={size[0]},{size[1]}",
                    ),
                    *("--virtual-time-budget=30000", f"--screenshot={picture}", self.base + page),
                ],
                check=True,
                capture_output=True,
            )
        _to_palette(picture)

    def shoot_opened(self, name: str, page: str, size: tuple[int, int], label: str) -> None:
        """Take a picture of a page on which a person has clicked [Show Markdown] beside a label."""
        picture = IMAGES / f"{name}.png"
        with tempfile.TemporaryDirectory() as profile:
            browser = subprocess.Popen(
                [
                    *(self.browser, *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0"),
                    "about:blank",
                ],
                stderr=subprocess.DEVNULL,
            )
            try:
                picture.write_bytes(asyncio.run(_clicked(Path(profile), self.base + page, size, label)))
            finally:
                browser.terminate()
                browser.wait()
        _to_palette(picture)

    def ask(self, query: str) -> Any:
        """Ask Dagster's GraphQL."""
        content = json.dumps({"query": query}).encode()
        request = urllib.request.Request(
            f"{self.base}/graphql", content, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    def lineage(self) -> str:
        """The page of the whole lineage, with all groups unfolded; the UI keeps that in the address."""
        groups = sorted(
            {node["groupName"] for node in self.ask("{ assetNodes { groupName } }")["assetNodes"]}
        )
        unfolded = quote(",".join(f"global@global:{group}" for group in groups), safe="")
        return f"/asset-groups?expanded={unfolded}"

    def runs(self) -> list[Mapping[str, Any]]:
        """All runs, the newest first."""
        query = "{ runsOrError { ... on Runs { results { runId status tags { key value } } } } }"
        return self.ask(query)["runsOrError"]["results"]


def main() -> None:
    """Take the pictures that were asked for."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("Chromium is not installed")
    if sys.argv[1:] == ["story"]:
        with tempfile.TemporaryDirectory(prefix="mesh-story-") as home:
            story(
                browser,
                {**os.environ, "MESH_HOME": home, "MESH_SENSOR_SECONDS": "5", "MESH_SETTLE_SECONDS": "1"},
            )
    else:
        with ui(browser, dict(os.environ)) as shown:
            shown.shoot("lineage", shown.lineage(), WIDE)
            shown.shoot("product", "/assets/operations/departures?view=overview", PAGE)
            shown.shoot("model", "/assets/operations/departure_delay?view=overview", PAGE)
            shown.shoot_opened("plot", "/assets/operations/departure_delay?view=overview", LOW, "calibration")
            shown.shoot("champion", "/assets/operations/departure_delay_champion?view=checks", LOW)


def story(browser: str, environment: Mapping[str, str]) -> None:
    """One month lands and everything follows; another is poisoned and stops at the door; corrected, it is healed."""
    mesh(environment, "demo")
    with ui(browser, environment) as shown:
        wait("the sensors have looked", lambda: _said(shown, "up to date"))
        before = len(shown.runs())
        mesh(environment, "demo", "land", "2013-10")
        wait("runs have begun", lambda: len(_going(shown)) > 0)
        shown.shoot("story-follows", shown.lineage(), WIDE)
        wait("operations has followed", lambda: _settled(shown, before))
        shown.shoot("story-runs", "/runs", PAGE)
        landing = Path(environment["MESH_HOME"]) / "landing" / "operations"
        mesh({**environment, "MESH_LANDING": environment["MESH_HOME"] + "/aside"}, "demo", "land", "2013-11")
        good = (
            Path(environment["MESH_HOME"]) / "aside" / "operations" / "departures-2013-11.csv"
        ).read_bytes()
        before = len(shown.runs())
        (landing / "departures-2013-11.csv").write_bytes(good.replace(b",EWR,", b",???,"))
        wait("the poisoned month is refused", lambda: _settled(shown, before))
        shown.shoot(
            "story-refused", "/assets/operations/departures_raw?view=checks&checkDetail=within_tolerance", LOW
        )
        sys.stdout.write(mesh(environment, "why", "operations.departures"))
        before = len(shown.runs())
        (landing / "departures-2013-11.csv").write_bytes(good)
        wait("the corrected month is followed", lambda: _settled(shown, before))
        shown.shoot("story-healed", shown.lineage(), WIDE)
        sys.stdout.write(mesh(environment, "status"))


@contextmanager
def ui(browser: str, environment: Mapping[str, str]) -> Generator[Ui]:
    """A UI with its daemon, until it has been looked at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([*MESH, "ui", "--port", str(port)], env=dict(environment))
    shown = Ui(f"http://127.0.0.1:{port}", browser)

    def loaded() -> bool:
        with suppress(OSError):
            return bool(shown.ask("{ assetNodes { groupName } }")["assetNodes"])
        return False

    try:
        wait("every code location has loaded", loaded)
        yield shown
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def mesh(environment: Mapping[str, str], *words: str) -> str:
    """Type a ``mesh`` command."""
    return subprocess.run(
        [*MESH, *words], env=dict(environment), check=True, text=True, stdout=subprocess.PIPE
    ).stdout


def wait(what: str, condition: Callable[[], bool], patience: float = 600.0) -> None:
    """Wait until something has come about."""
    until = time.monotonic() + patience
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"not in {patience:.0f} s: {what}")
        time.sleep(1)


async def _clicked(profile: Path, page: str, size: tuple[int, int], label: str) -> bytes:
    """The picture of what [Show Markdown] opens beside a label, by the browser's remote debugging."""
    from websockets import connect

    wait("the browser listens", (profile / "DevToolsActivePort").exists, 60)
    port = (profile / "DevToolsActivePort").read_text().split()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
        [tab] = [tab for tab in json.load(answer) if tab["type"] == "page"]
    async with connect(tab["webSocketDebuggerUrl"], max_size=None) as browser:

        async def do(method: str, **given: Any) -> dict[str, Any]:
            await browser.send(json.dumps({"id": 1, "method": method, "params": given}))
            while "id" not in (said := json.loads(await browser.recv())):
                pass
            return said["result"]

        async def seen(script: str) -> None:
            for _ in range(60):
                if (await do("Runtime.evaluate", expression=script))["result"].get("value"):
                    return
                await asyncio.sleep(1)
            raise TimeoutError(f"not on {page}: {script}")

        window = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
        await do("Emulation.setDeviceMetricsOverride", **window)
        await do("Page.navigate", url=page)
        row = f"[...document.querySelectorAll('tr')].find(row => row.innerText.startsWith('{label}'))"
        inside = f"[...({row})?.querySelectorAll('*') ?? []]"
        button = f"{inside}.find(one => one.innerText == '[Show Markdown]' && !one.children.length)"
        await seen(f"!!{button}")
        await do("Runtime.evaluate", expression=f"{button}.click()")
        await seen("[...document.images].some(i => i.src.startsWith('data:image/svg') && i.complete)")
        await asyncio.sleep(1)  # the window slides in
        return base64.b64decode((await do("Page.captureScreenshot"))["data"])


def _going(shown: Ui) -> list[Mapping[str, Any]]:
    return [run for run in shown.runs() if run["status"] in ("STARTED", "STARTING", "QUEUED", "NOT_STARTED")]


def _settled(shown: Ui, before: int, quiet: float = 20.0) -> bool:
    """Whether there are new runs, all of them have ended, and none comes for a while."""
    until = time.monotonic() + quiet
    while time.monotonic() < until:
        if len(shown.runs()) <= before or _going(shown):
            return False
        time.sleep(2)
    return True


def _said(shown: Ui, words: str) -> bool:
    """Whether the sensor of operations has said these words at its last tick."""
    place = '{repositoryName: "__repository__", repositoryLocationName: "operations"}'
    found = shown.ask(
        f"{{ sensorsOrError(repositorySelector: {place}) {{ ... on Sensors {{ results {{ "
        "sensorState { ticks(limit: 1) { skipReason } } } } } }"
    )
    sensors = found["sensorsOrError"]["results"]
    return any(words in (tick["skipReason"] or "") for s in sensors for tick in s["sensorState"]["ticks"])


def _to_palette(picture: Path) -> None:
    """256 colours are enough for a page, and a quarter of the bytes."""
    from PIL import Image

    with Image.open(picture) as image:
        small = image.convert("RGB").quantize(256)
    small.save(picture, optimize=True)


if __name__ == "__main__":
    main()
