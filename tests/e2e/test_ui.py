"""What the Dagster UI is told, by the servers that ``mesh ui`` starts: asked in GraphQL, as the UI itself asks.

It is started as the background job of a script starts it: with SIGINT ignored.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from mesh_pipelines.commands.demo_data import DOMAINS, land
from mesh_pipelines.declaring.mesh import read_workspace
from mesh_pipelines.governance.load_mesh import load_sound_mesh
from mesh_pipelines.reporting.loaded_code import loaded_versions
from mesh_pipelines.shared import SharedResources
from resources.settings import Settings
from tests.webhook import Webhook, webhook

ROOT = Path(__file__).resolve().parents[2]
LOCATIONS = {location.name for location in read_workspace(ROOT)}
PATIENCE = 200.0
MATERIALIZE = """mutation ($of: ExecutionParams!) { launchPipelineExecution(executionParams: $of) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
CANCEL = "mutation ($id: String!) { terminateRun(runId: $id) { __typename } }"
FOLLOWED = """subscription ($id: ID!) { pipelineRunLogs(runId: $id) {
    ... on PipelineRunLogsSubscriptionSuccess { messages { __typename } } } }"""
MATERIALIZED = """query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
    assetMaterializations(limit: 1) { metadataEntries { label
        ... on IntMetadataEntry { intValue } ... on UrlMetadataEntry { url } ... on MarkdownMetadataEntry { mdStr }
        ... on TableSchemaMetadataEntry { schema { columns { name type } } }
        ... on TableColumnLineageMetadataEntry {
            lineage { columnName columnDeps { assetKey { path } columnName } } } } } } } }"""

ASSETS = """
{ assetNodes {
    assetKey { path } isMaterializable groupName kinds description
    repository { name location { name } }
    owners { __typename ... on UserAssetOwner { email } ... on TeamAssetOwner { team } }
    tags { key value }
    dependencyKeys { path }
    partitionDefinition { name type }
    metadataEntries { __typename label ... on TableSchemaMetadataEntry { schema { columns { name description } } } }
    assetChecksOrError { __typename ... on AssetChecks { checks { name description } } }
} }
"""


class Server:
    """The UI's server: what it was started with, and what it answers.

    Args:
        port: where it listens.
        process: the running `mesh ui`.
        home: its ``MESH_HOME``.
    """

    def __init__(self, port: int, process: subprocess.Popen[bytes], home: Path) -> None:
        self.port, self.process, self.home = port, process, home

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has shown so far."""
        return (self.home / "ui.log").read_text()

    def send(self, *lines: str) -> str:
        """The answer to a request that is written by hand; its first line has the status."""
        with socket.create_connection(("127.0.0.1", self.port), 60) as connection:
            connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
            answer = b""
            while part := connection.recv(65536):
                answer += part
        return answer.decode(errors="replace")

    def processes(self, words: str = "") -> list[int]:
        """Its living processes whose command line has these words."""
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                mine = f"MESH_HOME={self.home}".encode() in (entry / "environ").read_bytes().split(b"\0")
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found += [int(entry.name)] if mine and words in line else []
        return found

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """The answer to a GraphQL query; an error in it fails the test."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]


@pytest.fixture(scope="module")
def hook() -> Iterator[Webhook]:
    """A webhook of this machine, and the notices that it took."""
    with webhook() as listening:
        yield listening


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory, hook: Webhook) -> Iterator[Server]:
    """`mesh ui` on the real workspace, in a home in which nothing has landed."""
    home = tmp_path_factory.mktemp("ui")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MESH_")}
    # Here people launch, not sensors: these look once, while there is nothing, and take a file only when it has rested.
    environment |= {"MESH_HOME": str(home), "MESH_SENSOR_SECONDS": "86400", "MESH_SETTLE_SECONDS": "86400"}
    environment |= {"MESH_NOTIFY": hook.url}
    command = [
        *("sh", "-c", 'trap "" INT; exec "$@"', "sh"),
        *(sys.executable, "-c", "from mesh_pipelines.commands.cli import main; main()"),
        *("ui", "--port", str(port)),
    ]
    with (home / "ui.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    server = Server(port, process, home)
    try:
        until = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None, (home / "ui.log").read_text()
            assert time.monotonic() < until, "the UI did not come up"
            with suppress(OSError):
                server.ask("{ version }")
                break
            time.sleep(0.2)
        yield server
    finally:
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.wait(60)
        took = time.monotonic() - begun
    assert process.returncode == 0, server.log[-4000:]
    assert took < 8, "it ends within five seconds, and Python has to end too"
    assert server.processes() == []


@pytest.fixture(scope="module")
def assets(ui: Server) -> Mapping[str, dict[str, Any]]:
    """Every asset that the mesh makes, by key, as the UI's lineage page gets it."""
    nodes = [node for node in ui.ask(ASSETS)["assetNodes"] if node["isMaterializable"]]
    return {".".join(node["assetKey"]["path"]): node for node in nodes}


def test_every_domain_is_a_code_location_that_loads(ui: Server) -> None:
    """The deployment page shows a code location for each domain, each loaded, none with an error."""
    answer = ui.ask(
        "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus "
        "locationOrLoadError { __typename ... on PythonError { message } } } } } }"
    )
    entries = answer["workspaceOrError"]["locationEntries"]
    assert {entry["name"] for entry in entries} == LOCATIONS
    for entry in entries:
        assert entry["loadStatus"] == "LOADED"
        assert entry["locationOrLoadError"]["__typename"] == "RepositoryLocation", entry


def test_its_code_is_known_to_be_that_of_the_folder(ui: Server) -> None:
    """As `mesh why` and `mesh status` ask it; a changed contract or function would show."""
    loaded = loaded_versions(ui.url)
    assert loaded is not None
    here = {key: node.version_of_code for key, node in load_sound_mesh(ROOT).nodes.items()}
    assert {key: version for key, version in loaded.items() if key in here} == here


def test_an_asset_belongs_to_the_location_of_its_domain(assets: Mapping[str, dict[str, Any]]) -> None:
    """Keys are domain.name, and nobody but the domain's own location makes them."""
    assert {_domain(key) for key in assets} == LOCATIONS
    for key, node in assets.items():
        assert node["repository"]["location"]["name"] == _domain(key)


@pytest.mark.parametrize(
    ("product", "reader"),
    [
        ("operations.departures", "fleet.utilisation"),
        ("weather.visibility_forecast", "operations.departure_features"),
        ("weather.observations", "operations.departure_features"),
        ("fleet.aircraft", "operations.departure_features"),
    ],
)
def test_lineage_crosses_domains(product: str, reader: str, assets: Mapping[str, dict[str, Any]]) -> None:
    """A product that another domain reads is upstream of what that domain makes of it."""
    assert product in _upstream(assets[reader])


def test_lineage_is_one_graph_from_what_lands_to_predictions(assets: Mapping[str, dict[str, Any]]) -> None:
    """All sources of three domains are somewhere upstream of the delay forecast, and nothing is upstream of itself."""

    def ancestors(key: str, below: tuple[str, ...] = ()) -> set[str]:
        assert key not in below, f"a circle: {below}"
        return {key}.union(*(ancestors(above, (*below, key)) for above in _upstream(assets[key])))

    found = ancestors("operations.delay_forecast")
    assert {key for key in assets if key.endswith("_raw") and _domain(key) in DOMAINS} <= found
    stages = {_tags(assets[key])["mesh/stage"] for key in found}
    assert stages == {"source", "product", "features", "model", "champion", "predictions"}


def test_every_asset_says_whose_it_is_and_what_it_is(assets: Mapping[str, dict[str, Any]]) -> None:
    """An asset's page has a team and an address, a group by stage, kinds, a description, and a link to its code."""
    for key, node in assets.items():
        assert {owner["__typename"] for owner in node["owners"]} == {"UserAssetOwner", "TeamAssetOwner"}, key
        stage = _tags(node)["mesh/stage"]
        assert node["groupName"].rpartition("_")[2].startswith(stage), (key, node["groupName"])
        assert node["kinds"], key
        assert len(node["description"]) > 40, key
        assert "Args:" not in node["description"], key
        assert "dagster/code_references" in _metadata(node), key


def test_what_has_a_contract_shows_it(assets: Mapping[str, dict[str, Any]]) -> None:
    """Sources, products and predictions show their promise, columns with their meaning, and checks."""
    promising = [
        key
        for key, node in assets.items()
        if _tags(node)["mesh/stage"] in ("source", "product", "predictions")
    ]
    assert len(promising) >= 10
    for key in promising:
        node = assets[key]
        assert "| promise |" in node["description"], key
        columns = _metadata(node)["dagster/column_schema"]["schema"]["columns"]
        assert columns
        assert all(column["description"] for column in columns), key
        checks = _checks(node)
        assert {"columns_conform", "within_tolerance"} < set(checks), key
        assert all(checks.values()), key


def test_a_champion_shows_the_rules_of_its_gate(assets: Mapping[str, dict[str, Any]]) -> None:
    """What a challenger has to show is on the champion's page, and whether a model can be rebuilt on the model's."""
    champions = [key for key, node in assets.items() if _tags(node)["mesh/stage"] == "champion"]
    assert {_domain(key) for key in champions} >= set(DOMAINS)
    for key in champions:
        rules = {"floors", "beats_baseline", "not_worse_than_champion", "no_slice_left_behind"}
        assert rules <= set(_checks(assets[key]))
        assert "rebuilds_bit_for_bit" in _checks(assets[key.removesuffix("_champion")])


def test_months_are_partitions(assets: Mapping[str, dict[str, Any]]) -> None:
    """Departures and observations are made a month at a time, from what lands to the product."""
    partitioned = {
        key for key, node in assets.items() if node["partitionDefinition"] and _domain(key) in DOMAINS
    }
    assert partitioned == {
        *("operations.departures_raw", "operations.departures"),
        *("weather.observations_raw", "weather.observations"),
    }


def test_a_person_launches_an_asset_from_the_ui(ui: Server, assets: Mapping[str, dict[str, Any]]) -> None:
    """Materialize, clicked on one asset, runs it in its own code location alone; its audit's page opens."""
    land((), ui.home / "landing")
    node = assets["fleet.aircraft_raw"]
    run = _launch(ui, [node])
    events = _followed(ui, run)
    assert events[-1] == "RunSuccessEvent"
    assert "MaterializationEvent" in events, "the live log shows what happens while it happens"
    _succeeds(ui, run)
    entries = _materialized(ui, node)
    assert entries["dagster/row_count"]["intValue"] == 3322
    link = entries["data docs"]["url"]
    assert link.startswith("/docs/fleet/aircraft_raw/audits/"), "right on any host and port"
    with urllib.request.urlopen(ui.url + link, timeout=30) as page:
        text = page.read().decode()
    assert "Published" in text
    assert "each row" in text
    assert "Expectation" in text
    with urllib.request.urlopen(f"{ui.url}/docs/", timeout=30) as page:
        listed = page.read().decode()
    assert "fleet.aircraft_raw" in listed
    assert "<details>" not in listed, "the mesh has each of them"


@pytest.mark.odd_input("web pages", "lost", "leaked")
def test_nothing_of_another_site_gets_in(ui: Server) -> None:
    """As a page that a person has opened meanwhile would try: by name, by origin, by a link, by a form."""
    wipe = quote(
        'mutation{wipeAssets(assetPartitionRanges:[{assetKey:{path:["fleet","aircraft"]}}]){__typename}}'
    )
    here, json_type = f"Host: 127.0.0.1:{ui.port}", "Content-Type: application/json"
    asking = ("Content-Length: 23", "", '{"query": "{version}"}\n')
    attempts = {
        "GET of a mutation": (f"GET /graphql?query={wipe} HTTP/1.1", here),
        "its name by rebinding": (f"GET /graphql?query={wipe} HTTP/1.1", "Host: evil.example"),
        "a page of another port": (
            "POST /graphql HTTP/1.1",
            here,
            "Origin: http://127.0.0.1:8888",
            json_type,
            *asking,
        ),
        "a hidden origin": ("POST /graphql HTTP/1.1", here, "Origin: null", json_type, *asking),
        "a form": ("POST /graphql HTTP/1.1", here, "Content-Type: text/plain; application/json", *asking),
        "a report": ("POST /report_asset_materialization/fleet/aircraft HTTP/1.1", here, "Content-Length: 0"),
        "a report by GET": ("GET /report_asset_materialization/fleet/aircraft HTTP/1.1", here),
        "a question": ("OPTIONS /graphql HTTP/1.1", here, "Access-Control-Request-Method: POST"),
        "two names": ("GET / HTTP/1.1", here, "Host: evil.example"),
        "no name": ("GET / HTTP/1.0",),
        "the page of a proxy": (
            *("POST /graphql HTTP/1.1", here, f"Origin: https://127.0.0.1:{ui.port}", json_type),
            *asking,
        ),
        "a body that is too large": ("POST /graphql HTTP/1.1", here, json_type, "Content-Length: 10000001"),
        "two lengths": (
            *("POST /graphql HTTP/1.1", here, json_type, "Transfer-Encoding: chunked", "Content-Length: 5"),
            *("", "0", ""),
        ),
        "a trace": ("TRACE / HTTP/1.1", here),
        "a proxy's target": (f"GET http://evil.example/graphql?query={wipe} HTTP/1.1", here),
        "the master key": ("GET /docs/..%2f..%2fkeys%2fmaster.key HTTP/1.1", here),
        "another file": ("GET /docs/../keys/master.key HTTP/1.1", here),
        "the keys as a log": ("GET /logs/..%2f..%2f..%2fkeys%2fmaster/key HTTP/1.1", here),
        "a WebSocket": (
            *("GET /graphql HTTP/1.1", here, "Origin: http://evil.example", "Upgrade: websocket"),
            *(
                "Connection: Upgrade",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            ),
        ),
    }
    for name, lines in attempts.items():
        answer = ui.send(*lines)
        assert int(answer.split()[1]) in (400, 403, 405, 413, 415, 431), (name, answer[:300])
        assert "access-control-allow" not in answer.lower(), name
        assert "__typename" not in answer, name
        assert "Traceback" not in answer, name
    assert "200 OK" in ui.send("GET /mesh HTTP/1.1", here), "a person's own browser is let in"
    assert "404 Not Found" in ui.send("GET /mesh/x HTTP/1.1", here)


@pytest.mark.odd_input("web pages", "lost")
def test_a_message_that_is_too_large_ends_its_connection(ui: Server) -> None:
    """Of a WebSocket; the server answers others as before."""
    with connect(
        f"ws://127.0.0.1:{ui.port}/graphql", origin=Origin(ui.url), subprotocols=[Subprotocol("graphql-ws")]
    ) as live:
        live.send(json.dumps({"type": "connection_init", "payload": {"size": "x" * 1_000_000}}))
        assert json.loads(live.recv(timeout=60))["type"] == "connection_ack"
        with suppress(ConnectionClosed):  # it may be refused before all of it is sent
            live.send(json.dumps({"type": "connection_init", "payload": {"size": "x" * 10_000_000}}))
        with pytest.raises(ConnectionClosed):
            live.recv(timeout=60)
    assert "version" in ui.ask("{ version }")


@pytest.mark.odd_input("after a kill, and odd homes", "held up")
def test_a_web_process_that_is_killed_comes_back(ui: Server) -> None:
    """The port is held meanwhile: who asks is answered as soon as it is there again."""
    [web] = ui.processes("web.serve")
    os.kill(web, signal.SIGKILL)
    assert "version" in ui.ask("{ version }")
    assert web not in ui.processes("web.serve")
    assert "The web application was killed by signal 9 and is started again." in ui.log


BACKFILL = """mutation ($of: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $of) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
BACKFILLED = """query ($id: String!) { partitionBackfillOrError(backfillId: $id) { __typename
    ... on PartitionBackfill { status error { message } runs { runId status tags { key value } } } } }"""
ASKED = """mutation ($of: ScheduleSelector!, $at: Float!) { scheduleDryRun(selectorData: $of, timestamp: $at) {
    __typename ... on DryRunInstigationTick { evaluationResult {
        skipReason error { message } runRequests { runKey tags { key value } } } } } }"""


def test_schedules_run_at_the_promised_hour_of_the_domain(ui: Server) -> None:
    """Each domain's own, running, in its time zone; asked in its code server, it says in plain words what is late."""
    answer = ui.ask(
        "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { ... on RepositoryLocation"
        " { repositories { name schedules { name cronSchedule executionTimezone defaultStatus } } } } } } } }"
    )
    found = {
        schedule["name"]: (schedule["cronSchedule"], schedule["executionTimezone"], schedule["defaultStatus"])
        for entry in answer["workspaceOrError"]["locationEntries"]
        if entry["name"] in DOMAINS
        for schedule in entry["locationOrLoadError"]["repositories"][0]["schedules"]
    }
    monthly = ("0 6 2 * *", "America/New_York", "RUNNING")
    assert found == {
        "weather_monthly": monthly,
        "operations_monthly": monthly,
        "fleet_monthly": monthly,
        "fleet_yearly": ("0 6 2 1 *", "America/New_York", "RUNNING"),
    }
    of = {
        "repositoryLocationName": "operations",
        "repositoryName": "__repository__",
        "scheduleName": "operations_monthly",
    }
    tick = ui.ask(ASKED, of=of, at=time.time())["scheduleDryRun"]
    assert tick["__typename"] == "DryRunInstigationTick", tick
    result = tick["evaluationResult"]
    assert result["error"] is None, result["error"]
    assert result["runRequests"] in ([], None)
    assert "nothing of operations.departures_raw has come since" in result["skipReason"]


def test_a_range_of_months_is_backfilled_from_the_ui_in_one_run(
    ui: Server, assets: Mapping[str, dict[str, Any]], months: Path
) -> None:
    """Chosen on the partitions page, source and product of a range are made by a single run, and then are there."""
    keys = [assets[key]["assetKey"] for key in ("operations.departures_raw", "operations.departures")]
    landing = ui.home / "landing" / "operations"
    landing.mkdir(parents=True, exist_ok=True)
    for file in (months / "operations").iterdir():
        (landing / file.name).write_bytes(file.read_bytes())
    [run] = _backfill(ui, keys, ["2013-01", "2013-02"])
    tags = _tags(run)
    assert (tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]) == (
        "2013-01",
        "2013-02",
    )
    lake = SharedResources(Settings(home=ui.home)).lake
    assert lake.partitions("operations.departures") == ("2013-01", "2013-02")


def test_a_model_its_champion_and_its_predictions_are_launched_from_the_ui(
    ui: Server, assets: Mapping[str, dict[str, Any]], tmp_path: Path
) -> None:
    """Of months that were backfilled, one run trains, judges and predicts; the pages show what came of it."""
    months = [f"2013-0{month}" for month in range(1, 10)]
    land(months, tmp_path)
    (tmp_path / "weather").rename(ui.home / "landing" / "weather")
    keys = [assets[key]["assetKey"] for key in ("weather.observations_raw", "weather.observations")]
    _backfill(ui, keys, months)
    features, model, champion, forecast = (
        assets[f"weather.{name}"]
        for name in (
            "visibility_features",
            "low_visibility",
            "low_visibility_champion",
            "visibility_forecast",
        )
    )
    _succeeds(ui, _launch(ui, [features, model, champion, forecast]))
    entries = _materialized(ui, model)
    for name in ("importance", "calibration"):
        assert entries[name]["mdStr"].startswith(f"![{name}](data:image/svg+xml;base64,")
    assert "| origin | JFK |" in entries["slices"]["mdStr"]
    entries = _materialized(ui, features)
    columns = {one["name"]: one["type"] for one in entries["dagster/column_schema"]["schema"]["columns"]}
    assert columns["issued_at"] == "timestamp (UTC)"
    assert columns["low_visibility"] == "Boolean"
    lineage = {
        one["columnName"]: {
            ".".join([*dep["assetKey"]["path"], dep["columnName"]]) for dep in one["columnDeps"]
        }
        for one in entries["dagster/column_lineage"]["lineage"]
    }
    assert set(lineage) == set(columns)
    assert lineage["issued_at"] == {"weather.observations.available_at"}
    assert _materialized(ui, champion)["gate"]["mdStr"].startswith("**low_visibility@1 was promoted**")
    assert _materialized(ui, forecast)["dagster/row_count"]["intValue"] > 5_000


def test_a_run_is_cancelled_from_the_ui(ui: Server, assets: Mapping[str, dict[str, Any]]) -> None:
    """Terminate interrupts its process, and the run says so."""
    names = ("visibility_features", "low_visibility", "low_visibility_champion", "visibility_forecast")
    run = _launch(ui, [assets[f"weather.{name}"] for name in names])
    until = time.monotonic() + PATIENCE
    while (status := _status(ui, run)) != "STARTED":
        assert time.monotonic() < until, status
        time.sleep(0.1)
    asked = ui.ask(CANCEL, id=run)["terminateRun"]
    assert asked["__typename"] == "TerminateRunSuccess", asked
    while (status := _status(ui, run)) not in ("SUCCESS", "FAILURE", "CANCELED"):
        assert time.monotonic() < until, status
        time.sleep(0.1)
    assert status == "CANCELED"


def test_a_failure_is_told_to_the_domain_with_the_way_to_its_run(
    ui: Server, assets: Mapping[str, dict[str, Any]], hook: Webhook
) -> None:
    """A month that never landed is launched: the daemon's sensor tells the webhook of it, once."""
    path = f"/runs/{_launch(ui, [assets['weather.observations_raw']], partition='2013-12')}"

    def of_it() -> list[dict[str, Any]]:
        return [
            notice for notice in hook.told if path in notice["message"]
        ]  # other domains live, and tell too

    until = time.monotonic() + PATIENCE
    while not of_it():
        assert time.monotonic() < until, (ui.home / "ui.log").read_text()[-4000:]
        time.sleep(1)
    [notice] = of_it()
    assert f"{ui.url}{path}" in notice["message"], "the link leads to the port on which the UI runs"
    assert notice["title"] == "[mesh] weather.observations_raw: landing error"
    assert "land a file there" in notice["message"]
    terminal = (ui.home / "ui.log").read_text()
    assert "weather.observations_raw failed: " in terminal
    assert terminal.count(path) == 1, "how it ended, with the way to its page"
    for noise in (" - DEBUG - ", "Traceback", "Stack Trace"):
        assert noise not in terminal


def _domain(key: str) -> str:
    return key.partition(".")[0]


def _launch(ui: Server, nodes: Sequence[Mapping[str, Any]], partition: str = "") -> str:
    """The id of a run of these assets of one domain with all their checks, as Materialize starts it."""
    launched = ui.ask(
        MATERIALIZE,
        of={
            "selector": {
                "repositoryLocationName": nodes[0]["repository"]["location"]["name"],
                "repositoryName": nodes[0]["repository"]["name"],
                "pipelineName": "__ASSET_JOB",
                "assetSelection": [node["assetKey"] for node in nodes],
                "assetCheckSelection": [
                    {"assetKey": node["assetKey"], "name": name} for node in nodes for name in _checks(node)
                ],
            },
            "mode": "default",
            "executionMetadata": {
                "tags": [{"key": "dagster/partition", "value": partition}] if partition else []
            },
        },
    )["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return launched["run"]["runId"]


def _status(ui: Server, run: str) -> str:
    return ui.ask(STATUS, id=run)["runOrError"]["status"]


def _followed(ui: Server, run: str) -> list[str]:
    """Kinds of a run's events, as its page gets them while it runs."""
    found: list[str] = []
    start = {"id": "1", "type": "start", "payload": {"query": FOLLOWED, "variables": {"id": run}}}
    with connect(
        f"ws://127.0.0.1:{ui.port}/graphql", origin=Origin(ui.url), subprotocols=[Subprotocol("graphql-ws")]
    ) as live:
        live.send(json.dumps({"type": "connection_init", "payload": {}}))
        live.send(json.dumps(start))
        while not {"RunSuccessEvent", "RunFailureEvent"} & set(found):
            answer = json.loads(live.recv(timeout=PATIENCE))
            if answer["type"] == "data":
                found += [
                    one["__typename"] for one in answer["payload"]["data"]["pipelineRunLogs"]["messages"]
                ]
    return [kind for kind in found if kind != "EngineEvent"]


def _succeeds(ui: Server, run: str) -> None:
    """Wait for a run to end, and well."""
    until = time.monotonic() + PATIENCE
    status = ""
    while status not in ("SUCCESS", "FAILURE", "CANCELED"):
        assert time.monotonic() < until, status
        time.sleep(0.5)
        status = _status(ui, run)
    assert status == "SUCCESS", (ui.home / "ui.log").read_text()[-4000:]


def _backfill(ui: Server, keys: Sequence[Any], partitions: Sequence[str]) -> list[dict[str, Any]]:
    """The runs of a backfill, once it has ended well."""
    launched = ui.ask(BACKFILL, of={"assetSelection": keys, "partitionNames": partitions})
    assert launched["launchPartitionBackfill"]["__typename"] == "LaunchBackfillSuccess", launched
    until = time.monotonic() + PATIENCE
    while True:
        done = ui.ask(BACKFILLED, id=launched["launchPartitionBackfill"]["backfillId"])[
            "partitionBackfillOrError"
        ]
        if done["status"] not in ("REQUESTED", "COMPLETING"):
            break
        assert time.monotonic() < until, done
        time.sleep(1)
    assert done["status"] in ("COMPLETED", "COMPLETED_SUCCESS"), (
        done,
        (ui.home / "ui.log").read_text()[-4000:],
    )
    return done["runs"]


def _materialized(ui: Server, node: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the page of an asset shows of the last time that it was made, by label."""
    shown = ui.ask(MATERIALIZED, key=node["assetKey"])["assetNodeOrError"]["assetMaterializations"]
    return _metadata(shown[0])


def _upstream(node: Mapping[str, Any]) -> set[str]:
    return {".".join(key["path"]) for key in node["dependencyKeys"]}


def _tags(node: Mapping[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in node["tags"]}


def _metadata(node: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["label"]: entry for entry in node["metadataEntries"]}


def _checks(node: Mapping[str, Any]) -> dict[str, str]:
    found = node["assetChecksOrError"]
    assert found["__typename"] == "AssetChecks", found
    return {check["name"]: check["description"] for check in found["checks"]}
