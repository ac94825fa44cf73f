"""Write, audit, publish, on a real lake: rows that keep the contract are published, others quarantined or refused."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mesh_pipelines.declaring.node import PARTITION, FeatureSetNode, Node, SourceNode
from mesh_pipelines.errors import (
    AuditRefused,
    LandingError,
    RuleTooCostly,
    SourceUnavailable,
    TransformError,
)
from mesh_pipelines.publishing.audit_report import AuditReport, names_in, read_report
from mesh_pipelines.publishing.candidate import Candidate, Published
from mesh_pipelines.publishing.publish import publish
from mesh_pipelines.publishing.quarantine import QUARANTINE
from mesh_pipelines.publishing.record import Origin, PublishRecord, Scoring
from mesh_pipelines.shared import SharedResources
from mesh_pipelines.testing import mesh_home
from quality.outcome import Outcome
from resources.settings import get_settings
from tests.mesh_pipelines.costly_rules import ENDLESS, HUNGRY, MANY, children, nurseries, with_rule
from tests.mesh_pipelines.small_domains import product, promise, read_promise

COLUMNS: dict[str, Any] = {
    "id": "integer",
    "amount": {"logicalType": "number", "logicalTypeOptions": {"minimum": 0}},
    "city": {"logicalType": "string", "classification": "confidential"},
}
GOOD = {"id": [1, 2, 3], "amount": [1.0, 2.0, 3.0], "city": ["Rome", "Oslo", "Bonn"]}
BAD = {"id": [1, 2, 3], "amount": [1.0, -2.0, 3.0], "city": ["Rome", "Oslo", "Bonn"]}


@dataclass
class Shop:
    """A lake and one product of it."""

    shared: SharedResources
    node: Node

    @property
    def quarantine(self) -> str:
        return self.node.key + QUARANTINE

    def publish(self, rows: dict[str, Any] | pl.LazyFrame, *partitions: str, **info: Any) -> Published:
        frame = rows if isinstance(rows, pl.LazyFrame) else pl.LazyFrame(rows)
        candidate = Candidate(frame, partitions=partitions or None, **info)
        return publish(self.shared, self.node, candidate, {}, "run")

    def rows(self, key: str = "") -> pl.DataFrame:
        return self.shared.lake.scan(key or self.node.key).collect()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedResources]:
    """One lake for all: every test has a product of its own in it."""
    with mesh_home(tmp_path_factory.mktemp("home")):
        yield SharedResources(get_settings())


@pytest.fixture
def shop(shared: SharedResources, tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    """A product that tolerates half of its rows to be refused."""
    return offer(shared, tmp_path, request, tolerance=50)


def offer(shared: SharedResources, folder: Path, request: pytest.FixtureRequest, **terms: Any) -> Shop:
    """A product with these terms, named after the test."""
    name = "p" + str(abs(hash(request.node.nodeid)) % 10**9)
    columns = {**COLUMNS, "month": "string"} if "partitions" in terms else COLUMNS
    return Shop(shared, product(read_promise(folder, promise("shop", name, columns, **terms))))


@pytest.fixture
def monthly(shared: SharedResources, tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    """The same, cut by month."""
    return offer(shared, tmp_path, request, tolerance=50, partitions="2013-01")


def month(name: str, *ids: int, amount: float = 1.0) -> dict[str, Any]:
    """Rows of a month."""
    many = len(ids)
    return {"id": list(ids), "amount": [amount] * many, "city": ["Rome"] * many, "month": [name] * many}


def test_sound_rows_are_published_with_a_record(shop: Shop) -> None:
    """Every row, in the contract's columns and types; the record says what they were made by and held against."""
    done = shop.publish(GOOD, scoring=Scoring(3, ("delay@3",)))
    assert shop.rows().rows() == list(zip(*GOOD.values(), strict=True))
    assert (done.rows, done.version, done.unchanged) == (3, 0, False)
    assert done.outcome is not None
    assert done.outcome.verdict == "passed"
    record = shop.shared.lake.record(shop.node.key)
    assert record.data_version == done.data_version
    made = PublishRecord.of(record)
    assert (made.contract_version, made.code_version) == ("1.0.0", shop.node.version_of_code)
    assert (made.run_id, made.scoring) == ("run", Scoring(3, ("delay@3",)))
    assert made.audit is not None
    assert made.audit.rows == 3
    assert {count.rule for count in made.audit.rules} >= {
        "columns_conform",
        "within_tolerance",
        "has_rows",
    }
    assert not shop.shared.lake.exists(shop.quarantine)
    assert set(done.seconds) == {"read", "audit", "write", "commit"}


def test_refused_rows_go_to_quarantine_with_rule_and_place(shop: Shop) -> None:
    """A row that breaks a rule is kept as it came, beside the file and row that it came from and the rules it broke."""
    place = {"_file": ["a.csv", "a.csv", "b.csv"], "_row": [1, 2, 1]}
    done = shop.publish({**BAD, **place})
    assert shop.rows()["id"].to_list() == [1, 3]
    assert shop.rows().columns == ["id", "amount", "city"]
    [row] = shop.rows(shop.quarantine).to_dicts()
    assert (row["id"], row["amount"], row["city"], row["_file"], row["_row"]) == (
        "2",
        "-2.0",
        "Oslo",
        "a.csv",
        2,
    )
    [rule] = row["_rules"]
    assert rule in {check.rule for check in (done.outcome.results if done.outcome else ())}
    assert rule.startswith("amount")
    assert done.outcome is not None
    assert (done.outcome.rows, done.outcome.quarantined, done.rows) == (3, 1, 2)


def test_refused_rows_without_a_place_are_kept_all_the_same(shop: Shop) -> None:
    """A transformation that drops where rows came from leaves these fields empty."""
    shop.publish(BAD)
    [row] = shop.rows(shop.quarantine).to_dicts()
    assert (row["_file"], row["_row"], row["id"]) == (None, None, "2")


def test_nothing_in_quarantine_is_public(shop: Shop) -> None:
    """A refused value may be anything: what is public in the product is at least internal in its quarantine."""
    shop.publish(BAD)
    kinds = shop.shared.lake.record(shop.quarantine).classification
    assert (kinds["id"], kinds["amount"], kinds["city"]) == ("internal", "internal", "confidential")


def test_beyond_the_tolerance_nothing_is_published(shop: Shop) -> None:
    """The candidate is refused whole, its audit comes with the error, and the last good version stays readable."""
    before = shop.publish(GOOD)
    with pytest.raises(AuditRefused) as raised:
        shop.publish({**BAD, "amount": [-1.0, -2.0, 3.0]})
    assert isinstance(raised.value.outcome, Outcome)
    assert raised.value.outcome.quarantined == 2
    assert "66.67%" in raised.value.what
    assert "the last good version stays readable" in raised.value.remedy
    assert shop.rows().rows() == list(zip(*GOOD.values(), strict=True))
    assert shop.shared.lake.version(shop.node.key) == before.version
    assert not shop.shared.lake.exists(shop.quarantine)


def test_a_refusal_leaves_no_files_behind(shop: Shop) -> None:
    """What was staged for a candidate that was refused is gone again."""
    shop.publish(GOOD)
    root = Path(shop.shared.lake.root(shop.node.key))
    before = sorted(path.name for path in root.rglob("*") if path.is_file())
    with pytest.raises(AuditRefused):
        shop.publish({**BAD, "amount": [-1.0, -2.0, 3.0]})
    assert sorted(path.name for path in root.rglob("*") if path.is_file()) == before


@pytest.mark.parametrize(
    ("rows", "words", "recorded"),
    [
        ({k: v for k, v in GOOD.items() if k != "city"}, "city", "`city`"),
        # A name that its function made may be a value, and its contract has classified columns.
        ({**GOOD, "mood": ["good"] * 3}, "mood", "1 column is not in the contract"),
        ({**GOOD, "id": [1.5, 2.5, 3.5]}, "id", "`id`"),
    ],
    ids=["missing", "extra", "retyped"],
)
def test_other_columns_than_promised_are_refused(
    shop: Shop, rows: dict[str, Any], words: str, recorded: str
) -> None:
    """A missing, extra or retyped column refuses the candidate, whatever the tolerance; the contract's are named."""
    shop.publish(GOOD)
    with pytest.raises(AuditRefused, match=words) as raised:
        shop.publish(rows)
    assert shop.rows().height == 3
    outcome = raised.value.outcome
    assert isinstance(outcome, Outcome)
    [check] = outcome.results
    assert (check.rule, check.passed) == ("columns_conform", False)
    assert recorded in check.detail
    assert "mood" not in check.detail


def test_no_rows_at_all_are_refused(shop: Shop) -> None:
    """An empty candidate breaks the promise that there are rows; what was published stays."""
    shop.publish(GOOD)
    with pytest.raises(AuditRefused, match="has_rows"):
        shop.publish(pl.LazyFrame(GOOD).filter(pl.lit(value=False)))
    assert shop.rows().height == 3


def test_repeated_keys_go_to_quarantine_where_that_is_tolerated(shop: Shop) -> None:
    """Of rows that share a key the first stays; the others are refused with the rule that they broke."""
    done = shop.publish({**GOOD, "id": [1, 2, 2], "city": ["Rome", "first", "second"]})
    assert shop.rows()["city"].to_list() == ["Rome", "first"]
    [row] = shop.rows(shop.quarantine).to_dicts()
    assert (row["id"], row["city"]) == ("2", "second")
    assert done.outcome is not None
    [rule] = [r for r in done.outcome.results if r.rule in row["_rules"]]
    assert (rule.passed, rule.failed, rule.checked) == (True, 1, 3)


def reports(shop: Shop) -> list[AuditReport]:
    """Reports of a product's audits in the data docs, the newest first."""
    folder = shop.shared.settings.docs / shop.node.key.replace(".", "/")
    found = [read_report(folder, name) for name in names_in(folder)]
    return [report for report in found if report is not None]


def pages(shop: Shop) -> list[str]:
    """Pages of Great Expectations about a product."""
    folder = shop.shared.settings.docs / shop.node.key.replace(".", "/")
    return [page.relative_to(folder).as_posix() for page in folder.glob("site/validations/**/audit.html")]


def test_the_data_docs_have_one_page_for_each_publish(shop: Shop) -> None:
    """With the version and the counts of all rules; also where its rows were audited twice, for keys that repeat."""
    rows = {"id": [1, 2, 1, 4], "amount": [1.0, -2.0, 3.0, 4.0], "city": ["Rome"] * 4}
    done = shop.publish(rows)
    [report] = reports(shop)
    assert pages(shop) == [report.page]
    assert (report.verdict, report.version, report.run_id) == ("published", done.version, "run")
    assert (report.rows, report.quarantined, report.contract_version) == (4, 2, "1.0.0")
    assert shop.node.contract is not None
    assert report.contract_id == shop.node.contract.id
    counts = {rule.rule: (rule.failed, rule.checked) for rule in report.rules}
    assert counts["amount_minimum"] == counts["key_unique"] == (1, 4)
    assert done.outcome is not None
    assert done.outcome.docs == f"{shop.node.key.replace('.', '/')}/audits/{report.name}"
    shop.publish(rows)
    assert [kept.unchanged for kept in reports(shop)] == [True, False]


@pytest.mark.odd_input("messages carry data", "leaked")
def test_the_data_docs_show_a_refusal_without_values(shop: Shop) -> None:
    """By row rules, whose rows Great Expectations never sees; nothing of a classified column is in it."""
    with pytest.raises(AuditRefused):
        shop.publish({**BAD, "amount": [-1.0, -2.0, 3.0], "city": ["Atlantis"] * 3}, remarks={})
    [report] = reports(shop)
    assert (report.verdict, report.version, report.quarantined) == ("refused", None, 2)
    assert "66.67%" in report.reasons[0]
    [broken] = [rule for rule in report.rules if rule.rule == "amount_minimum"]
    assert (broken.passed, broken.failed, broken.scope) == (False, 2, "row")
    with pytest.raises(AuditRefused):
        shop.publish({k: v for k, v in GOOD.items() if k != "city"})
    assert [rule.rule for rule in reports(shop)[0].rules] == ["columns_conform"]
    written = [file for file in shop.shared.settings.docs.rglob("*") if file.suffix in (".json", ".html")]
    assert not [file for file in written if "Atlantis" in file.read_text()]


def test_the_data_docs_show_an_audit_that_no_publish_followed(shop: Shop) -> None:
    """Its run was ended, or its input changed meanwhile."""

    def verify() -> None:
        raise SourceUnavailable("a.csv changed", where="landing/shop", remedy="the next look reads it again")

    with pytest.raises(SourceUnavailable):
        shop.publish(GOOD, verify=verify)
    [report] = reports(shop)
    assert (report.verdict, report.version) == ("not published", None)


def test_a_refusal_that_is_tried_again_in_parts_is_not_shown(shop: Shop) -> None:
    """The audits of the parts are."""
    candidate = Candidate(pl.LazyFrame({**BAD, "amount": [-1.0, -2.0, 3.0]}))
    with pytest.raises(AuditRefused):
        publish(shop.shared, shop.node, candidate, {}, "run", keep_refusal=False)
    assert (reports(shop), pages(shop)) == ([], [])


@pytest.mark.odd_input("after a kill, and odd homes", "lost")
def test_data_docs_that_cannot_be_written_hold_up_no_publish(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    """A full disk, say; it is said on the terminal."""
    folder = shop.shared.settings.docs / shop.node.key.replace(".", "/")
    folder.mkdir(parents=True)
    (folder / "audits").write_text("a file")
    assert shop.publish(GOOD).rows == 3
    assert "A page of the data docs was not written: " in capfd.readouterr().err


def test_repeated_keys_are_refused_where_nothing_is_tolerated(
    shared: SharedResources, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A product without tolerance is not published with a key that does not identify."""
    strict = offer(shared, tmp_path, request)
    with pytest.raises(AuditRefused, match="id"):
        strict.publish({**GOOD, "id": [1, 2, 2]})
    assert not strict.shared.lake.exists(strict.node.key)


def test_a_partition_replaces_itself_alone(monthly: Shop) -> None:
    """A month is published beside the others; its correction leaves them as they are, and what was known of them."""
    monthly.publish(month("2013-01", 1, 2), "2013-01", origins={"2013-01": Origin("1")})
    monthly.publish(month("2013-02", 3), "2013-02", origins={"2013-02": Origin("1")})
    monthly.publish(month("2013-01", 1), "2013-01", origins={"2013-01": Origin("2")})
    assert sorted(monthly.rows().select("id", "month").rows()) == [(1, "2013-01"), (3, "2013-02")]
    record = PublishRecord.of(monthly.shared.lake.record(monthly.node.key))
    assert record.origins == {"2013-01": Origin("2"), "2013-02": Origin("1")}


def test_rows_outside_of_their_partition_are_refused(monthly: Shop) -> None:
    """A row of March in February's candidate would overwrite March with what it does not have."""
    monthly.publish(month("2013-03", 7, 8), "2013-03")
    february, stray = pl.DataFrame(month("2013-02", 1, 2)), pl.DataFrame(month("2013-03", 3))
    done = monthly.publish(pl.concat([february, stray]).lazy(), "2013-02")
    assert sorted(monthly.rows().select("id", "month").rows()) == [
        (1, "2013-02"), (2, "2013-02"), (7, "2013-03"), (8, "2013-03"),
    ]  # fmt: skip
    [row] = monthly.rows(monthly.quarantine).to_dicts()
    assert (row["id"], row["_rules"]) == ("3", ["outside_of_its_partition"])
    assert done.outcome is not None
    assert done.outcome.quarantined == 1


def test_the_same_content_again_makes_no_new_version(shop: Shop) -> None:
    """The data version is that of the content, not of the run: published again, it wakes nobody."""
    first = shop.publish(BAD)
    again = shop.publish(BAD)
    assert again.unchanged
    assert (again.version, again.data_version) == (first.version, first.data_version)
    assert len(shop.shared.lake.history(shop.node.key)) == 1
    assert len(shop.shared.lake.history(shop.quarantine)) == 1
    other = shop.publish(GOOD)
    assert other.data_version != first.data_version
    assert shop.publish(BAD).data_version == first.data_version


def test_the_same_content_by_other_code_is_remembered(shop: Shop) -> None:
    """Same rows by other code: the content keeps its version, and the record the code, so nothing is made twice."""
    first = shop.publish(GOOD)
    shop.node = changed(shop.node, code_version="other")
    again = shop.publish(GOOD)
    assert again.data_version == first.data_version
    made = PublishRecord.of(shop.shared.lake.record(shop.node.key))
    assert made.code_version == shop.node.version_of_code


def test_a_correction_empties_the_quarantine(shop: Shop) -> None:
    """Once the rows have been put right, the quarantine of now holds none; its past version can still be read."""
    shop.publish(BAD)
    then = shop.shared.lake.version(shop.quarantine)
    shop.publish(GOOD)
    assert shop.rows(shop.quarantine).height == 0
    assert shop.rows().height == 3
    assert shop.shared.lake.scan(shop.quarantine, version=then).collect().height == 1


def test_a_correction_of_a_month_heals_that_month_alone(monthly: Shop) -> None:
    """Refused rows of other months stay in quarantine."""
    for name in ("2013-01", "2013-02"):
        bad, good = pl.DataFrame(month(name, 1, amount=-1.0)), pl.DataFrame(month(name, 2, 3))
        monthly.publish(pl.concat([bad, good]).lazy(), name)
    assert sorted(monthly.rows(monthly.quarantine)["month"]) == ["2013-01", "2013-02"]
    monthly.publish(month("2013-01", 1, 2, 3), "2013-01")
    assert monthly.rows(monthly.quarantine)["month"].to_list() == ["2013-02"]


@pytest.mark.parametrize(
    "fails",
    [
        pl.LazyFrame(GOOD).with_columns(id=pl.col("nonsense")),
        pl.LazyFrame(GOOD).with_columns(city=pl.lit("x").str.to_date("%Y").cast(pl.String)),
    ],
    ids=["when it is planned", "when its rows are computed"],
)
def test_a_frame_that_fails_lazily_is_its_functions_fault(shop: Shop, fails: pl.LazyFrame) -> None:
    """An error that polars finds only when rows are computed is told as the domain's, by the asset's key."""
    shop.publish(GOOD)
    with pytest.raises(TransformError) as raised:
        shop.publish(fails)
    assert raised.value.where == shop.node.key
    assert "mend the domain's function" in raised.value.remedy
    assert shop.rows().height == 3


def test_a_function_of_python_that_fails_in_the_middle_is_told_the_same(shop: Shop) -> None:
    """So is an error in a Python function that polars calls row by row."""

    def fall(_: int) -> float:
        raise ZeroDivisionError("by nought")

    rows = pl.LazyFrame(GOOD).with_columns(amount=pl.col("id").map_elements(fall, return_dtype=pl.Float64))
    with pytest.raises(TransformError, match="by nought"):
        shop.publish(rows)


def test_rules_hold_across_batches(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A product larger than one batch is audited whole: keys that repeat in another batch, counts, order."""
    monkeypatch.setattr("mesh_pipelines.publishing.writer.BATCH", 7)
    ids = [*range(40), 3, 39]
    rows = {"id": ids, "amount": [float(i) - 1 for i in range(42)], "city": [str(i) for i in range(42)]}
    done = shop.publish(rows)
    assert done.outcome is not None
    assert (done.outcome.rows, done.outcome.quarantined) == (42, 3)
    assert shop.rows()["id"].to_list() == list(range(1, 40))
    assert sorted(shop.rows(shop.quarantine)["city"]) == ["0", "40", "41"]


def test_a_feature_set_is_published_without_a_contract(shared: SharedResources) -> None:
    """Rows come sorted, cut by month; nothing is audited, so there is no outcome."""
    node = FeatureSetNode("shop", "features_of_mine", code_version="code")
    rows = pl.LazyFrame({"id": [3, 1, 2], PARTITION: ["2013-02", "2013-01", "2013-01"]})
    done = publish(shared, node, Candidate(rows, order=(PARTITION, "id")), {}, "run")
    assert done.outcome is None
    assert shared.lake.scan(node.key).collect()["id"].to_list() == [1, 2, 3]
    assert shared.lake.partitions(node.key) == ("2013-01", "2013-02")


def test_a_source_keeps_where_its_rows_came_from(shared: SharedResources, tmp_path: Path) -> None:
    """Raw rows are kept with file and row, typed as the contract says; what cannot be read as such is quarantined."""
    contract = read_promise(tmp_path, promise("shop", "landed_raw", COLUMNS, tolerance=50), "source")
    node = SourceNode("shop", "landed_raw", contract=contract)
    text = {
        "id": ["1", "two"],
        "amount": ["1.5", "2"],
        "city": ["Rome", None],
        "_file": ["a.csv"] * 2,
        "_row": [1, 2],
    }
    publish(shared, node, Candidate(pl.LazyFrame(text)), {}, "run")
    assert shared.lake.scan(node.key).collect().rows() == [(1, 1.5, "Rome", "a.csv", 1)]
    [refused] = shared.lake.scan(node.key + QUARANTINE).collect().to_dicts()
    assert (refused["id"], refused["_file"], refused["_row"]) == ("two", "a.csv", 2)


def test_rows_that_the_reader_loses_or_adds_are_noticed(shop: Shop) -> None:
    """What was counted beforehand and what was read differ: nothing is published, nothing is left behind."""
    rows = {"id": [1, 2], "amount": [1.0, 2.0], "city": ["Rome", "Oslo"]}
    for records in (1, 3):
        with pytest.raises(LandingError, match=rf"2 rows were read of {records} records"):
            shop.publish(rows, records=records)
    assert not shop.shared.lake.exists(shop.node.key)
    assert shop.publish(rows, records=2).rows == 2


def test_rows_of_an_input_that_changed_while_it_was_read_are_not_published(shop: Shop) -> None:
    """It is asked when all rows were read and staged, so that nothing can change unseen between the two."""
    rows = {"id": [1, 2], "amount": [1.0, 2.0], "city": ["Rome", "Oslo"]}

    def verify() -> None:
        raise SourceUnavailable("a.csv changed", where="landing/shop", remedy="the next look reads it again")

    with pytest.raises(SourceUnavailable):
        shop.publish(rows, verify=verify)
    assert not shop.shared.lake.exists(shop.node.key)


@pytest.mark.parametrize(
    ("rule", "words"),
    [(ENDLESS, "longer than 1 s.*MESH_RULE_SECONDS"), (HUNGRY, "more memory than 300MB.*MESH_MEMORY_LIMIT")],
)
def test_a_rule_that_costs_too_much_publishes_nothing_and_leaves_nothing(
    shared: SharedResources, shop: Shop, tmp_path: Path, rule: str, words: str
) -> None:
    """The error names product, rule and remedy; the version before stays, no file and no process does."""
    terms = with_rule(promise("shop", rule, COLUMNS), rule, "amount")
    limits = shared.settings.model_copy(update={"rule_seconds": 1.0, "memory_limit": "300MB"})
    costly = Shop(SharedResources(limits), product(read_promise(tmp_path, terms)))
    costly.publish(GOOD)
    folder = Path(shared.lake.store.uri(shared.lake.root(costly.node.key)))
    before = sorted(folder.rglob("*"))
    ids = range(MANY)
    many = {"id": ids, "amount": [float(i) for i in ids], "city": ["Rome"] * MANY}
    with pytest.raises(RuleTooCostly, match=rf"(?s)shop\.{rule}, rule {rule}: .*{words}"):
        costly.publish(many)
    assert costly.rows().rows() == list(zip(*GOOD.values(), strict=True))
    assert sorted(folder.rglob("*")) == before
    assert [file for file in shared.settings.scratch.rglob("*") if file.is_file()] == []
    assert _none_is_left(nurseries([os.getpid()]))
    assert shop.publish(GOOD).rows == 3, "another product is published as before"


def _none_is_left(parents: list[int]) -> bool:
    assert parents, "rules are judged by children of a nursery"
    deadline = time.monotonic() + 20
    while any(map(children, parents)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(children, parents))
