"""What is out of date, and why: facts in, a plan out; no lake, no registry, no Dagster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as changed
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
from mesh_pipelines.declaring.node import KINDS, PARTITION, Node
from mesh_pipelines.landing.changes import known_inputs
from mesh_pipelines.landing.files import FileLanding
from mesh_pipelines.planning.facts import Facts, ModelFacts, RetrainPolicy
from mesh_pipelines.planning.judge import judge
from mesh_pipelines.planning.judgement import Changes
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


ALL = ["raw", "orders", "sales", "features", "model", "champion", "forecast"]


def steps(found: Plan) -> list[str]:
    """Names of what is to be made, in order."""
    return [step.node.name for step in found.steps]


@pytest.fixture
def fresh(made: Made) -> Made:
    """The small mesh with three months, all of it up to date."""
    for month in ("2013-01", "2013-02", "2013-03"):
        made.land(month, f"rows of {month}")
    made.make()
    return made


def test_before_anything_lands_everything_waits(made: Made) -> None:
    """Nothing can be made; the source says what it waits for, and nothing downstream is named on top of it."""
    found = made.plan()
    assert found.steps == ()
    assert [(w.node.name, w.reason) for w in found.waiting] == [("raw", "nothing has landed for it yet")]


def test_the_first_landing_makes_everything_upstream_first(made: Made) -> None:
    """All that hangs on what landed is made, in the order of the lineage, each with its reason."""
    made.land("2013-01", "a")
    made.land("2013-02", "b")
    found = made.plan()
    assert steps(found) == ALL
    by_name = {step.node.name: step for step in found.steps}
    assert by_name["raw"].partitions == ("2013-01", "2013-02")
    assert by_name["raw"].reasons == ("raw-2013-01.csv landed", "raw-2013-02.csv landed")
    assert by_name["orders"].partitions == ("2013-01", "2013-02")
    assert by_name["orders"].reasons == ("shop.raw is made first",)
    assert by_name["sales"].partitions is None
    assert not by_name["raw"].follows
    assert by_name["sales"].follows


def test_what_is_up_to_date_is_left_alone(fresh: Made) -> None:
    """Where nothing has changed, the plan is empty."""
    assert fresh.plan() == Plan()


def test_a_new_month_costs_a_month(fresh: Made) -> None:
    """Partitioned assets make the new month only; what follows is made if that turns out to be new content."""
    fresh.land("2013-04", "rows")
    found = fresh.plan()
    assert steps(found) == ALL
    assert {s.node.name: s.partitions for s in found.steps if s.partitions} == {
        "raw": ("2013-04",), "orders": ("2013-04",),
    }  # fmt: skip
    assert [s.node.name for s in found.steps if not s.follows] == ["raw"]


def test_a_corrected_old_month_is_made_again(fresh: Made) -> None:
    """A correction of January touches January, not February and March."""
    fresh.land("2013-01", "corrected")
    found = fresh.plan()
    assert found.steps[0].reasons == ("raw-2013-01.csv has changed",)
    assert {s.node.name: s.partitions for s in found.steps if s.partitions} == {
        "raw": ("2013-01",), "orders": ("2013-01",),
    }  # fmt: skip


def test_an_interrupted_run_is_taken_up_where_it_stopped(fresh: Made) -> None:
    """After a new month reached the source and no further, the rest of the way is planned, and the source is not."""
    fresh.land("2013-04", "rows")
    fresh.make(["raw"])
    found = fresh.plan()
    assert steps(found) == ALL[1:]
    assert found.steps[0].partitions == ("2013-04",)
    assert found.steps[0].reasons == ("partitions that were never made",)


def test_a_month_whose_content_changed_upstream_is_made_again(fresh: Made) -> None:
    """A partitioned product remembers the content of each month that it was made from."""
    fresh.land("2013-02", "corrected")
    fresh.make(["raw"])
    found = fresh.plan()
    assert (found.steps[0].partitions, found.steps[0].reasons) == (("2013-02",), ("new content of shop.raw",))


def test_changed_code_makes_an_asset_and_what_follows_again(fresh: Made) -> None:
    """All months of a product whose code changed, and nothing upstream of it."""
    node = fresh.nodes["shop.orders"]
    fresh.nodes["shop.orders"] = changed(node, code_version="other code")
    found = fresh.plan()
    assert steps(found) == ALL[1:]
    assert found.steps[0].partitions == ("2013-01", "2013-02", "2013-03")
    assert found.steps[0].reasons == ("its code or contract has changed",)


@pytest.mark.parametrize(
    ("name", "follow"),
    [("raw", ALL), ("sales", ALL[2:]), ("features", ALL[3:]), ("forecast", ["forecast"])],
)
def test_changed_code_counts_at_every_stage(fresh: Made, name: str, follow: list[str]) -> None:
    """Sources, products, feature sets and predictions are made anew when their code changes."""
    fresh.nodes[f"shop.{name}"] = changed(fresh.nodes[f"shop.{name}"], code_version="other code")
    found = fresh.plan()
    assert steps(found) == follow
    assert found.steps[0].reasons == ("its code or contract has changed",)


def test_a_changed_contract_is_a_changed_promise(fresh: Made, tmp_path: Path) -> None:
    """Another contract makes a product anew, as other code does."""
    other = read_promise(tmp_path, promise("shop", "sales", COLUMNS, tolerance=3))
    fresh.nodes["shop.sales"] = changed(fresh.nodes["shop.sales"], contract=other)
    assert fresh.plan().steps[0].reasons == ("its code or contract has changed",)


def test_new_features_train_a_model(fresh: Made) -> None:
    """A model is trained on content that it has not seen, and not because of a run."""
    fresh.publish("features", {"": "more rows"}, inputs=fresh.read("features"))
    found = fresh.plan()
    assert steps(found) == ["model", "champion", "forecast"]
    assert found.steps[0].reasons == ("new content of shop.features",)


def test_another_declaration_trains_a_model(fresh: Made) -> None:
    """Other parameters, the same features: trained again."""
    fresh.spec = "other parameters"
    found = fresh.plan()
    assert steps(found) == ["model", "champion", "forecast"]
    assert found.steps[0].reasons == ("its declaration has changed",)


def test_a_version_that_was_not_judged_awaits_the_gate(fresh: Made) -> None:
    """A training that was interrupted before the gate is judged by the next run."""
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], latest=2)
    found = fresh.plan()
    assert steps(found) == ["champion", "forecast"]
    assert found.steps[0].reasons == ("version 2 awaits the gate",)


def test_another_champion_makes_new_predictions(fresh: Made) -> None:
    """When the champion changed, by the gate or by a person, its scores are published anew."""
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], latest=2, decided=2, champion=2)
    found = fresh.plan()
    assert steps(found) == ["forecast"]
    assert found.steps[0].reasons == ("version 2 is champion now",)


def test_a_challenger_that_was_refused_changes_nothing(fresh: Made) -> None:
    """A newer version that the gate turned down leaves the predictions as they are."""
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], latest=2, decided=2)
    assert fresh.plan() == Plan()


def test_predictions_wait_for_a_first_champion(fresh: Made) -> None:
    """Where no version ever passed the gate, predictions say what they wait for."""
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], champion=0)
    found = fresh.plan()
    assert steps(found) == []
    assert [(w.node.name, w.reason) for w in found.waiting] == [
        ("forecast", "shop.champion is not published yet")
    ]


def test_what_failed_is_left_out_with_all_that_needs_it(fresh: Made) -> None:
    """After a failure, what is downstream of it is not tried; the rest is."""
    fresh.land("2013-04", "rows")
    assert steps(fresh.plan(without={"shop.sales"})) == ["raw", "orders"]
    assert steps(fresh.plan(without={"shop.raw"})) == []
    found = fresh.plan(without={"shop.model"})
    assert steps(found) == ["raw", "orders", "sales", "features"]


def test_what_is_forced_is_made_anew(fresh: Made) -> None:
    """Asked for by name, an asset is made though it is up to date, and so is what follows from it."""
    found = fresh.plan(force={"shop.orders"})
    assert steps(found) == ALL[1:]
    assert (found.steps[0].reasons, found.steps[0].partitions) == (
        ("asked for",), ("2013-01", "2013-02", "2013-03"),
    )  # fmt: skip


def test_what_is_forced_stays_asked_for_behind_another(fresh: Made) -> None:
    """An asset that was asked for is made at all costs, also where something ahead of it is made first."""
    found = fresh.plan(force={"shop.orders", "shop.sales"})
    by_name = {step.node.name: step for step in found.steps}
    assert "asked for" in by_name["sales"].reasons
    assert not by_name["sales"].follows


def test_a_selection_leaves_the_rest_alone(fresh: Made) -> None:
    """Only what was selected is planned."""
    fresh.land("2013-04", "rows")
    chosen = [fresh.nodes["shop.raw"], fresh.nodes["shop.orders"]]
    assert steps(plan(chosen, fresh.facts())) == ["raw", "orders"]


def test_a_month_that_is_taken_away_stays_published(fresh: Made) -> None:
    """A file that is gone takes nothing out of the lake."""
    (fresh.landing / "shop" / "raw-2013-02.csv").unlink()
    assert fresh.plan() == Plan()


def test_facts_are_looked_up_once_a_plan(fresh: Made) -> None:
    """However many assets read a table, its record is read once."""
    asked: list[str] = []
    facts = fresh.facts()
    facts.record = lambda key: asked.append(key) or fresh.records.get(key)
    plan(fresh.nodes.values(), facts)
    assert len(asked) == len(set(asked))


def test_too_few_new_rows_train_no_model(fresh: Made) -> None:
    """New content is a reason only with as many rows more as the model's policy asks for."""
    known = fresh.models["shop.model"]
    fresh.publish("features", {"": "other"}, inputs=fresh.read("features"))
    rows = fresh.records["shop.features"].rows
    fresh.models["shop.model"] = changed(known, rows=rows - 9)
    fresh.min_new_rows = 10
    assert "shop.model" not in {step.key for step in fresh.plan().steps}
    fresh.min_new_rows = 9
    assert "shop.model" in {step.key for step in fresh.plan().steps}


def test_drift_makes_few_new_rows_worth_a_training_once(fresh: Made) -> None:
    """What was found on the newest content is a reason; older findings, and content trained on, are none."""
    fresh.min_new_rows = 10
    before = fresh.records["shop.features"].data_version
    fresh.publish("features", {"": "other"}, inputs=fresh.read("features"))
    content = fresh.records["shop.features"].data_version
    fresh.drifted = {before: "inputs drifted: an old finding"}
    assert model_step(fresh) is None
    fresh.drifted = {content: "inputs drifted: temperature (PSI 0.40 > 0.25)"}
    found = model_step(fresh)
    assert found is not None
    assert found.reasons == ("inputs drifted: temperature (PSI 0.40 > 0.25)",)
    fresh.on_drift = False
    assert model_step(fresh) is None, "its policy is not to act on drift"
    fresh.on_drift = True
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], latest=2, features=content)
    assert model_step(fresh) is None, "trained on it: promoted or refused, it is not trained on it again"


def test_too_little_that_is_new_is_said(fresh: Made) -> None:
    """In words for a person: how many rows there are, and how many it takes."""
    node = fresh.nodes["shop.model"]
    assert judge(node, fresh.facts()).held == ()
    fresh.publish("features", {"": "other"}, inputs=fresh.read("features"))
    fresh.min_new_rows = 1000
    assert judge(node, fresh.facts()).held == (
        "shop.model: 1 rows more than version 1 knew, and 1,000 make a training",
    )
    assert judge(fresh.nodes["shop.orders"], fresh.facts()).held == ()


def test_changed_parameters_train_again(fresh: Made) -> None:
    """Another declaration is a reason by itself, however few rows are new."""
    fresh.min_new_rows, fresh.spec = 1000, "another"
    found = model_step(fresh)
    assert found is not None
    assert found.reasons == ("its declaration has changed",)


def test_the_versions_that_caused_a_step_are_named(fresh: Made) -> None:
    """Files of a source; of what reads, each input with the version read before and the one there now."""
    fresh.land("2013-02", "id\n77\n")
    (named,) = judge(fresh.nodes["shop.raw"], fresh.facts()).versions
    assert named.startswith("raw-2013-02.csv@")
    record = fresh.records["shop.sales"]
    read = {"shop.orders": TableVersion("shop.orders", 9, "older")}
    made = changed(PublishRecord.of(record), inputs=read)
    fresh.records["shop.sales"] = changed(record, info=made.to_json())
    fresh.records["shop.orders"] = changed(fresh.records["shop.orders"], version=10)
    assert judge(fresh.nodes["shop.sales"], fresh.facts()).versions == ("shop.orders@9 -> @10",)
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], features_version=3, decided=0)
    features = changed(fresh.records["shop.features"], version=4, data_version="other")
    fresh.records["shop.features"] = features
    assert judge(fresh.nodes["shop.model"], fresh.facts()).versions == ("shop.features@3 -> @4",)
    champion = judge(fresh.nodes["shop.champion"], fresh.facts())
    assert champion.versions == ("shop.model@1", "shop.features@4")


def test_a_judgement_says_what_predictions_are_made_anew_for(fresh: Made) -> None:
    """Code, champion and partitions of the features: the step compares nothing itself."""
    node = fresh.nodes["shop.forecast"]

    def publish_features(parts: Mapping[str, str]) -> None:
        fresh.publish("features", parts, inputs=fresh.read("features"))
        made = fresh.records["shop.features"]
        fresh.records["shop.features"] = changed(made, partition_by=PARTITION)

    publish_features({"2013-01": "a", "2013-02": "b"})
    scored = {part: digest.hex for part, digest in fresh.records["shop.features"].partitions.items()}
    fresh.publish(
        "forecast", {"": "scores"}, inputs=fresh.read("forecast"), scoring=Scoring(1, (), {}, scored)
    )
    assert judge(node, fresh.facts()).changes == Changes()
    publish_features({"2013-01": "a", "2013-02": "c", "2013-03": "d"})
    assert judge(node, fresh.facts()).changes == Changes(partitions=("2013-02", "2013-03"))
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], latest=2, decided=2, champion=2)
    fresh.nodes["shop.forecast"] = node = changed(node, code_version="another")
    found = judge(node, fresh.facts()).changes
    assert found == Changes(code=True, champion=True, partitions=("2013-02", "2013-03"))
    del fresh.records["shop.forecast"]
    found = judge(node, fresh.facts()).changes
    assert not found.code, "what was never made has no code to compare with"


def test_a_judgement_says_what_a_champion_is_asked_for(fresh: Made) -> None:
    """A version awaits the gate, or one in shadow has not been scored on what the features hold now."""
    node, known = fresh.nodes["shop.champion"], fresh.models["shop.model"]
    content = fresh.records["shop.features"].data_version
    assert judge(node, fresh.facts()).changes == Changes()
    fresh.models["shop.model"] = changed(known, latest=2)
    assert judge(node, fresh.facts()).changes == Changes(awaits_gate=True)
    fresh.models["shop.model"] = changed(known, latest=2, decided=2, shadow=2, shadow_seen="before")
    assert judge(node, fresh.facts()).changes == Changes(shadow=True)
    fresh.models["shop.model"] = changed(known, latest=2, decided=2, shadow=2, shadow_seen=content)
    assert judge(node, fresh.facts()).changes == Changes()


def test_ages_are_counted_to_the_moment_of_the_facts(fresh: Made) -> None:
    """The same facts give the same judgement, whenever it is asked for."""
    fresh.max_age = timedelta(days=30)
    trained = datetime(2013, 1, 1, tzinfo=UTC)
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], trained_at=trained.isoformat())
    node, facts = fresh.nodes["shop.model"], fresh.facts()
    assert not judge(node, changed(facts, now=trained + timedelta(days=30), judgements={})).reasons
    assert judge(node, changed(facts, now=trained + timedelta(days=31), judgements={})).reasons == (
        "version 1 is 31 days old, and 30 days are allowed",
    )


def model_step(made: Made) -> Step | None:
    """The model's step in the plan of now, if it has one."""
    return next((step for step in made.plan().steps if step.node.name == "model"), None)


def test_an_old_model_is_trained_again(fresh: Made) -> None:
    """Older than its policy allows is a reason, whatever has changed; younger is none."""
    trained = datetime.now(UTC) - timedelta(days=40)
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], trained_at=trained.isoformat())
    assert fresh.plan().steps == ()
    fresh.max_age = timedelta(days=41)
    assert fresh.plan().steps == ()
    fresh.max_age = timedelta(days=30)
    reasons = {step.key: step.reasons for step in fresh.plan().steps}
    assert reasons["shop.model"] == ("version 1 is 40 days old, and 30 days are allowed",)
