"""A small mesh as facts: what landed, what was published and trained of it; no lake, no registry, no Dagster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mesh_pipelines.declaring.declarations import (
    Declaration,
    Input,
    PredictionsDeclaration,
    SourceDeclaration,
)
from mesh_pipelines.declaring.node import KINDS, Node
from mesh_pipelines.landing.changes import known_inputs
from mesh_pipelines.landing.files import FileLanding
from mesh_pipelines.planning.facts import Facts, ModelFacts, RetrainPolicy
from mesh_pipelines.planning.plan import plan
from mesh_pipelines.planning.step import Plan, Step
from mesh_pipelines.publishing.record import Origin, PublishRecord, Scoring
from quality.contract import Contract
from resources.lake.digest import ContentDigest
from resources.lake.publication import Publication
from resources.lake.table_version import TableVersion
from resources.store import FolderStore
from tests.mesh_pipelines.small_domains import promise, read_promise

COLUMNS = {"id": "integer", "month": "string"}


def content(word: str) -> ContentDigest:
    """The digest of some content; the same word is the same content."""
    return ContentDigest.from_hex(word.encode().hex().ljust(64, "0"), 1)


@dataclass
class Made:
    """A small mesh, and what was published of it, as facts.

    ``raw`` and ``orders`` are cut by month; ``prices`` and ``sales`` are whole; ``features`` -> ``model`` ->
    ``champion`` -> ``forecast`` hang on ``sales``.
    """

    landing: Path
    nodes: dict[str, Node]
    records: dict[str, Publication] = field(default_factory=dict)
    models: dict[str, ModelFacts] = field(default_factory=dict)
    spec: str = "spec"
    min_new_rows: int = 0
    max_age: timedelta | None = None
    on_drift: bool = True
    drifted: dict[str, str] = field(default_factory=dict)
    """Why the model has drifted, by the content of the features that was looked at."""

    def plan(self, **options: Any) -> Plan:
        return plan(self.nodes.values(), self.facts(), **options)

    def facts(self) -> Facts:
        return Facts(
            self.records.get,
            self.nodes,
            lambda key: self.models.get(key, ModelFacts()),
            lambda _: self.place(),
            lambda _: RetrainPolicy(self.spec, self.min_new_rows, self.max_age, self.on_drift),
            drift=lambda _, content: self.drifted.get(content),
            now=datetime.now(UTC),
        )

    def place(self) -> FileLanding:
        return FileLanding(FolderStore(str(self.landing)), "shop", "raw-{month}.csv")

    def land(self, month: str, text: str) -> None:
        (self.landing / "shop").mkdir(parents=True, exist_ok=True)
        (self.landing / "shop" / f"raw-{month}.csv").write_text(text)

    def publish(self, name: str, parts: Mapping[str, str], **record: Any) -> None:
        """Let a table hold this content, a word for each partition; the key of a whole table is ''."""
        node = self.nodes[f"shop.{name}"]
        self.records[node.key] = Publication(
            key=node.key,
            version=0,
            data_version="+".join(f"{part}={word}" for part, word in sorted(parts.items())),
            rows=1,
            published_at=datetime(2026, 1, 1, tzinfo=UTC),
            schema={},
            classification={},
            partition_by=node.partition_column if node.partitioned else None,
            gathered=False,
            partitions={part: content(word) for part, word in parts.items()},
            layouts={},
            publish_id="",
            token="",
            info=PublishRecord(code_version=node.version_of_code, **record).to_json(),
        )

    def make(self, only: Iterable[str] = ()) -> None:
        """Publish everything from what has landed, as the platform would; then a plan is empty."""
        wanted = set(only) or {node.name for node in self.nodes.values()}
        source = self.nodes["shop.raw"]
        found = self.place().look({})
        landed = {one.partition: one.fingerprint[:16] for one in found.inputs}
        code = source.version_of_code
        if "raw" in wanted:
            made = {month: Origin(code) for month in landed}
            self.publish("raw", landed, landed=known_inputs(found.inputs), origins=made)
        if "orders" in wanted:
            raw = self.records["shop.raw"].partitions
            orders = self.nodes["shop.orders"].version_of_code
            made = {month: Origin(orders, {"shop.raw": raw[month].hex}) for month in landed}
            self.publish("orders", landed, origins=made)
        for name in ("sales", "features"):
            if name in wanted:
                self.publish(name, {"": "".join(landed.values())[:20]}, inputs=self.read(name))
        if "forecast" in wanted:
            features = self.records["shop.features"].data_version
            self.models["shop.model"] = ModelFacts(1, features, self.spec, 1, 1)
            self.publish("forecast", {"": "scores"}, inputs=self.read("forecast"), scoring=Scoring(1))

    def read(self, name: str) -> dict[str, Any]:
        keys = [i.key for i in self.nodes[f"shop.{name}"].inputs]
        return {k: TableVersion(k, 0, self.records[k].data_version) for k in keys if k in self.records}


ALL = ["raw", "orders", "sales", "features", "model", "champion", "forecast"]


def steps(found: Plan) -> list[str]:
    """Names of what is to be made, in order."""
    return [step.node.name for step in found.steps]


def model_step(made: Made) -> Step | None:
    """The model's step in the plan of now, if it has one."""
    return next((step for step in made.plan().steps if step.node.name == "model"), None)


@pytest.fixture(scope="module")
def promises(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Contract]:
    """Contracts of the small mesh: two are cut by month."""
    folder = tmp_path_factory.mktemp("contracts")
    return {
        "raw": read_promise(folder, promise("shop", "raw", COLUMNS, partitions="2013-01"), "source"),
        "orders": read_promise(folder, promise("shop", "orders", COLUMNS, partitions="2013-01")),
        "sales": read_promise(folder, promise("shop", "sales", COLUMNS)),
        "forecast": read_promise(folder, promise("shop", "forecast", COLUMNS)),
    }


@pytest.fixture
def made(tmp_path: Path, promises: dict[str, Contract]) -> Made:
    """The small mesh, before anything has landed."""

    def node(name: str, stage: Any, *reads: str, declaration: Declaration | None = None) -> Node:
        inputs = tuple(Input(key, f"shop.{key}") for key in reads)
        return KINDS[stage]("shop", name, inputs, declaration, promises.get(name), f"code of {name}")

    source = SourceDeclaration(pattern="raw-{month}.csv")
    nodes = (
        node("raw", "source", declaration=source),
        node("orders", "product", "raw"),
        node("sales", "product", "orders"),
        node("features", "features", "sales"),
        node("model", "model", "features"),
        node("champion", "champion", "model", "features"),
        node(
            "forecast",
            "predictions",
            "champion",
            "features",
            declaration=PredictionsDeclaration(model="model"),
        ),
    )
    return Made(tmp_path / "landing", {n.key: n for n in nodes})


@pytest.fixture
def fresh(made: Made) -> Made:
    """The small mesh with three months, all of it up to date."""
    for month in ("2013-01", "2013-02", "2013-03"):
        made.land(month, f"rows of {month}")
    made.make()
    return made
