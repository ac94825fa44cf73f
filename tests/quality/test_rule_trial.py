"""Rules of a contract are tried without data: what no engine can compute is named, what may work is let be."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from quality.contract import load_contract
from quality.rule_trial import RuleFault
from quality.try_rules import try_rules
from tests.quality.conftest import FLIGHTS, Rewrite

pytestmark = pytest.mark.odd_input("declarations that cannot run", "held up")


def sql(query: str, **operator: Any) -> dict[str, Any]:
    """A rule by SQL."""
    return {"type": "sql", "query": query, **(operator or {"mustBe": 0})}


def gx(kind: str, **kwargs: Any) -> dict[str, Any]:
    """A rule by an expectation."""
    return {
        "type": "custom",
        "engine": "greatExpectations",
        "implementation": {"type": kind, "kwargs": kwargs},
    }


FAULTY: dict[str, tuple[dict[str, Any], str]] = {
    "unknown column": (sql("SELECT max(delya) FROM ${table}"), "did you mean `delay`?"),
    "misspelt function": (sql("SELECT coutn(*) FROM ${table}"), "did you mean `count`?"),
    "two statements": (sql("SELECT count(*) FROM ${table}; SELECT 1"), "2 statements"),
    "union all": (sql("SELECT count(*) FROM ${table} UNION ALL SELECT 1"), "several rows"),
    "every value": (sql("SELECT flight FROM ${table}"), "several rows"),
    "groups": (sql("SELECT count(*) FROM ${table} GROUP BY flight"), "several rows"),
    "two columns": (sql("SELECT count(*), 1 FROM ${table}"), "gives 2 columns"),
    "text": (sql("SELECT max(carrier) FROM ${table}"), "compared with the number 0"),
    "a day with a number": (sql("SELECT max(day) FROM ${table}"), "INTEGER -> DATE"),
    "a day with a text": (sql("SELECT max(day) FROM ${table}", mustBe="abc"), "invalid date"),
    "another table": (
        sql("SELECT count(*) FROM ${table} JOIN airlines USING (carrier)"),
        "its own product alone",
    ),
    "a file": (sql("SELECT count(*) FROM ${table}, read_csv('/etc/passwd')"), "Permission Error"),
    "types that are not compared": (sql("SELECT count(*) FROM ${table} WHERE day > 5"), "compare"),
    "a mean of text": (sql("SELECT avg(carrier) FROM ${table}"), "avg"),
    "no SQL": (sql("SELECT FROM WHERE ${table}"), "syntax error"),
    "an open bracket": (sql("SELECT count( FROM ${table}"), "syntax error"),
    "an aggregate where there is none": (sql("SELECT count(*) FROM ${table} WHERE max(flight) > 1"), "WHERE"),
    "a semicolon before a comment": (sql("SELECT count(*) FROM ${table}; -- all"), "syntax error"),
    "GX: mean of text": (
        gx("expect_column_mean_to_be_between", column="carrier", min_value=0),
        "cannot compute",
    ),
    "GX: length of a number": (
        gx("expect_column_value_lengths_to_be_between", column="flight", min_value=1),
        "length",
    ),
    "GX: between of the wrong type": (
        gx("expect_column_values_to_be_between", column="day", min_value=1, max_value=5),
        "cannot compute",
    ),
    "GX: bad condition": (
        gx(
            "expect_column_values_to_not_be_null",
            column="flight",
            row_condition="flight >",
            condition_parser="great_expectations",
        ),
        "unable to parse",
    ),
    "GX: condition on no column": (
        gx(
            "expect_column_values_to_not_be_null",
            column="flight",
            row_condition='col("nope") > 5',
            condition_parser="great_expectations",
        ),
        "nope",
    ),
    "GX: a text for a number": (
        gx("expect_column_mean_to_be_between", column="delay", min_value="low"),
        "refuses",
    ),
    "GX: a sum of text": (
        gx("expect_multicolumn_sum_to_equal", column_list=["carrier", "flight"], sum_total=1),
        "cannot compute",
    ),
    "GX: a deviation of days": (
        gx("expect_column_stdev_to_be_between", column="day", min_value=1),
        "cannot compute",
    ),
    "GX: a longest list": (
        gx("expect_column_values_to_be_in_set", column="flight", value_set=[["a"]]),
        "cannot compute",
    ),
    "GX: no column": (gx("expect_column_mean_to_be_between", min_value=1), "column"),
}
SOUND: dict[str, dict[str, Any]] = {
    "a comment at the end": sql("SELECT count(*) FROM ${table} WHERE flight < 0 -- none"),
    "a comment in the midst": sql("SELECT count(*) -- all\nFROM ${table} WHERE '--' = carrier;"),
    "a share": sql(
        "SELECT avg(CASE WHEN cancelled THEN 1.0 ELSE 0 END) FROM ${table}", mustBeBetween=[0, 0.5]
    ),
    "a day": sql("SELECT max(day) FROM ${table}", mustNotBe="1999-01-01"),
    "a boolean": sql("SELECT bool_and(flight > 0) FROM ${table}", mustBe=True),
    "by the product's name": sql(
        "SELECT count(*) FROM flights JOIN ${table} USING (flight)", mustBeGreaterThan=-1
    ),
    "with": sql("WITH few AS (SELECT * FROM ${table} LIMIT 1) SELECT count(*) FROM few", mustBeLessThan=2),
    "GX: values": gx(
        "expect_column_values_to_be_between", column="flight", min_value=1, max_value=5, mostly=0.1
    ),
    "GX: condition": gx(
        "expect_column_values_to_not_be_null",
        column="flight",
        row_condition='col("day").notNull()',
        condition_parser="great_expectations",
    ),
    "GX: quantiles": gx(
        "expect_column_quantile_values_to_be_between",
        column="delay",
        quantile_ranges={"quantiles": [0.1, 0.5], "value_ranges": [[0, 1], [0, 9]]},
    ),
    "GX: a sum": gx("expect_multicolumn_sum_to_equal", column_list=["flight", "delay"], sum_total=7),
    "GX: a pair": gx("expect_column_pair_values_a_to_be_greater_than_b", column_A="flight", column_B="delay"),
    "GX: outliers": gx(
        "expect_column_value_z_scores_to_be_less_than",
        column="delay",
        threshold=3,
        mostly=0.9,
        double_sided=True,
    ),
    "GX: deviation": gx("expect_column_stdev_to_be_between", column="delay", min_value=0),
    "GX: most common": gx("expect_column_most_common_value_to_be_in_set", column="carrier", value_set=["UA"]),
    "GX: keys": gx("expect_compound_columns_to_be_unique", column_list=["flight", "carrier"]),
}
UNSURE: dict[str, dict[str, Any]] = {
    "text that may be a number": sql("SELECT sum(passenger::INTEGER) FROM ${table}"),
    "no row where no row fits": sql("SELECT count(*) FROM ${table} WHERE flight < 0 GROUP BY flight"),
}


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RuleFault]:
    """Faults of one contract with all of these rules, by name: one child tries them all."""
    document = yaml.safe_load(FLIGHTS.read_text().replace("value: 2030-12-31", 'value: "2030-12-31"'))
    rules = {**{name: rule for name, (rule, _) in FAULTY.items()}, **SOUND, **UNSURE}
    document["schema"][0]["quality"] += [{"name": name, **rule} for name, rule in rules.items()]
    path = tmp_path_factory.mktemp("trials") / "flights.odcs.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    contract = load_contract(path)
    [faults] = try_rules([contract]).values()
    at = {q.place: q.name for q in contract.quality}
    return {at[fault.place]: fault for fault in faults}


@pytest.mark.parametrize("name", FAULTY)
def test_a_rule_that_cannot_run_is_named_with_its_reason(tried: dict[str, RuleFault], name: str) -> None:
    """As the audit would meet it, before there is anything to audit; the fix comes with it."""
    fault = tried[name]
    assert fault.certain, fault
    assert FAULTY[name][1] in f"{fault.problem} {fault.fix}", fault
    assert fault.fix


@pytest.mark.parametrize("name", SOUND)
def test_a_rule_that_can_run_has_no_fault(tried: dict[str, RuleFault], name: str) -> None:
    """Whatever the made-up rows say of it."""
    assert name not in tried


@pytest.mark.parametrize("name", UNSURE)
def test_a_rule_that_depends_on_the_rows_is_unsure(tried: dict[str, RuleFault], name: str) -> None:
    """It fails on made-up rows, and may work on others."""
    assert not tried[name].certain


def test_a_product_is_seen_by_its_name_by_its_own_rules_alone(rewrite: Rewrite) -> None:
    """Two domains have a product of one name: each rule sees the rows of its own, and no column of the other."""
    contracts = []
    for name in ("extra", "other"):

        def change(document: dict[str, Any], name: str = name) -> None:
            [table] = document["schema"]
            rule = sql("SELECT count(flights.extra) FROM flights JOIN ${table} USING (flight)")
            table["quality"].append({"name": "named", **rule})
            column = {
                "name": name,
                "logicalType": "integer",
                "physicalType": "INT",
                "classification": "public",
            }
            table["properties"].append({**column, "description": "Made for the test."})

        path = rewrite(change)
        contracts.append(load_contract(path.rename(path.with_name(f"{name}.odcs.yaml"))))
    found = try_rules(contracts)
    assert found[contracts[0].path] == ()
    [fault] = found[contracts[1].path]
    assert (fault.rule, fault.certain) == ("named", True)
    assert "extra" in fault.problem


def test_one_expectation_at_fault_hides_no_other(tried: dict[str, RuleFault]) -> None:
    """Great Expectations asks several in one query, which fails for all: each is tried alone then."""
    expected = {name for name in FAULTY if name.startswith("GX: ")}
    assert {name for name in tried if name.startswith("GX: ")} == expected
