"""Functions are planned without rows: what must fail in a run is named by ``mesh check``, what may work is let be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mesh_pipelines.governance.rules.functions import FUNCTION_RULES
from mesh_pipelines.orchestration.check import Checked, examine_mesh
from tests.mesh_pipelines.small_domains import PROFILE, World, promise

READINGS = {"machine": "string", "day": "date", "heat": "number", "parts": "integer", "broke": "boolean"}
SOUND: dict[str, str] = {
    "sources": 'readings_raw = source("readings.csv")\n',
    "products": """
        @data_product
        def readings(readings_raw: pl.LazyFrame) -> pl.LazyFrame:
            return readings_raw.select("machine", "day", "heat", "parts", "broke")
        """,
    "features": """
        @feature_set(key=("machine", "day"), time="day")
        def wear(readings: pl.LazyFrame) -> pl.LazyFrame:
            return readings.with_columns(warm=pl.col("heat") > 3)
        """,
    "models": """
        breaks = model(features="wear", target="broke", objective="binary:logistic", metric="auc", rounds=5,
                       baseline=("machine",), params={"max_depth": 2})

        @predictions(model="breaks")
        def forecast(scores: pl.LazyFrame) -> pl.LazyFrame:
            return scores.select("machine", "day", chance="score", version="model_version")
        """,
}
FORECAST = {"machine": "string", "day": "date", "chance": "number", "version": "string"}


def examine(world: World, module: str = "", old: str = "", new: str = "") -> Checked:
    """The check of the sound domain with one text in a module replaced."""
    modules = dict(SOUND)
    if module:
        assert old in modules[module]
        modules[module] = modules[module].replace(old, new)
    promises: list[dict[str, Any]] = [
        promise("plant", name, READINGS) for name in ("readings_raw", "readings")
    ]
    promises.append(promise("plant", "forecast", FORECAST, key=("machine", "day")))
    world.write("plant", *promises, profile=PROFILE, package="", **modules)
    return examine_mesh(world.root, definitions=False)


def test_a_sound_domain_has_no_fault_and_no_note(world: World) -> None:
    """Product, feature set, model and predictions are all planned."""
    assert examine(world) == Checked(())


SELECT = 'readings_raw.select("machine", "day", "heat", "parts", "broke")'
DERIVED = 'readings.with_columns(warm=pl.col("heat") > 3)'
SIBLING = """hot = model(features="wear", target="parts", objective="reg:squarederror", metric="rmse", rounds=5,
                    baseline=("machine",), ignore=("broke",))
        breaks = model"""
FAULTS = {
    "unknown column": (
        "products",
        '"heat"',
        '"heet"',
        (
            "products.py",
            ": readings",
            "ColumnNotFoundError",
            "heet",
            "did you mean heat?",
            "[FunctionsCanBePlanned]",
        ),
    ),
    "unknown column that is used later": (
        "features",
        DERIVED,
        'readings.with_columns(warm=pl.col("h"))',
        (": wear", "plant.readings has machine, day"),
    ),
    "wrong type": (
        "features",
        DERIVED,
        'readings.with_columns(hour=pl.col("machine").dt.hour())',
        (": wear", "InvalidOperation"),
    ),
    "it raises": ("products", f"return {SELECT}", "raise KeyError(3)", (": readings", "KeyError: 3")),
    "it exits": (
        "products",
        f"return {SELECT}",
        "raise SystemExit('enough')",
        (": readings", "SystemExit: enough"),
    ),
    "no rows": ("products", f"return {SELECT}", "return 7", (": readings", "returned int", "pl.LazyFrame")),
    "nothing": ("products", f"return {SELECT}", "pass", (": readings", "returned NoneType")),
    "a promised column is missing": (
        "products",
        '"parts", ',
        "",
        (
            ": readings",
            "`parts` is missing",
            "readings.odcs.yaml and its version",
            "[FunctionsKeepTheirContracts]",
        ),
    ),
    "a column is not promised": (
        "products",
        SELECT,
        f"{SELECT}.with_columns(x=pl.lit(1))",
        (": readings", "`x` is not in the contract"),
    ),
    "another type": (
        "products",
        SELECT,
        SELECT + '.with_columns(pl.col("parts").cast(pl.String))',
        (": readings", "`parts` is String, expected integer (Int64)"),
    ),
    "decimal for a number": (
        "products",
        '"heat"',
        'pl.col("heat").cast(pl.Decimal(9, 2))',
        (": readings", "`heat` is Decimal", "expected number"),
    ),
    "rows are read eagerly": (
        "products",
        SELECT,
        'readings_raw.collect().lazy().select("machine", "heet")',
        (": readings", "heet"),
    ),
    "sql": (
        "products",
        f"return {SELECT}",
        'from mesh_pipelines import sql; return sql("SELECT oops FROM r", r=readings_raw)',
        (": readings", "oops"),
    ),
    "no time": (
        "features",
        DERIVED,
        DERIVED + '.drop("day")',
        (": wear", "no column day", "[FeatureSetsCanBeKept]", "its columns are"),
    ),
    "time is text": (
        "features",
        DERIVED,
        DERIVED + '.with_columns(pl.col("day").cast(pl.String))',
        (": wear", "day is String"),
    ),
    "features that differ in case": (
        "features",
        DERIVED,
        'readings.with_columns(Heat=pl.col("heat"))',
        (": wear", "heat and Heat", "case"),
    ),
    "a list among the features": (
        "features",
        DERIVED,
        'readings.with_columns(x=pl.concat_list("heat"))',
        (": breaks", "x is List", "[FeaturesFitTheirModels]", "ignore"),
    ),
    "a score among the features": (
        "features",
        DERIVED,
        DERIVED + ".with_columns(score=pl.lit(0.5))",
        (": breaks", "score", "rename it"),
    ),
    "no target": (
        "features",
        DERIVED,
        DERIVED + '.drop("broke")',
        (": breaks", "broke is declared but not in"),
    ),
    "target is text": (
        "features",
        DERIVED,
        DERIVED + '.with_columns(pl.col("broke").cast(pl.String))',
        (": breaks", "broke is String"),
    ),
    "unknown parameter": (
        "models",
        "max_depth",
        "max_dept",
        (": breaks", "'max_dept'", "did you mean max_depth?", "[ParametersAreKnown]"),
    ),
    "parameter of another type": (
        "models",
        '"max_depth": 2',
        '"max_depth": "two"',
        (": breaks", "max_depth", "'two'"),
    ),
    "parameter out of range": (
        "models",
        '"max_depth": 2',
        '"subsample": 2.0',
        (": breaks", "subsample", "[0,1]"),
    ),
    "target of a sibling": (
        "models",
        "breaks = model",
        SIBLING,
        (
            ": breaks",
            "learns from parts, the target of plant.hot",
            'ignore=("parts",)',
            "[TargetsOfOthersAreNoFeatures]",
        ),
    ),
    "predictions without a column": (
        "models",
        "chance=",
        "chanse=",
        (": forecast", "`chance` is missing", "`chanse`?"),
    ),
    "predictions of no feature": ("models", '"day", chance', '"hour", chance', (": forecast", "hour")),
    "a database without a URL": (
        "sources",
        'source("readings.csv")',
        '__import__("mesh_pipelines").sql_source("a.readings", database="shop")',
        (": readings_raw", "'shop'", "MESH_DATABASES", "[DatabasesAreSet]"),
    ),
}


@pytest.mark.odd_input("declarations that cannot run", "held up")
@pytest.mark.parametrize("kind", FAULTS)
def test_a_function_that_must_fail_is_named_with_its_fix(world: World, kind: str) -> None:
    """Place, problem and fix, and nothing follows from it that the same mend would not mend."""
    module, old, new, words = FAULTS[kind]
    found = examine(world, module, old, new)
    told = [str(violation) for violation in found.violations]
    assert any(all(word in one for word in words) for one in told), told
    assert len(told) <= 2, told


WIDE = f"""wide = readings_raw.collect().pivot(on="machine", index="day", values="heat").select("m1")
            return {SELECT}.with_columns(wide["m1"].first())"""
MAY_WORK = {
    "columns that values make": (
        f"return {SELECT}",
        WIDE,
        "cannot be tried without rows: ColumnNotFoundError",
    ),
    "a first row": (
        f"return {SELECT}",
        f"x = readings_raw.collect().row(0); return {SELECT}.filter(pl.col('heat') > x[2])",
        "cannot be tried without rows: OutOfBoundsError",
    ),
    "a file that only the mesh has": (
        f"return {SELECT}",
        f"open('nowhere.txt'); return {SELECT}",
        "cannot be tried without rows: FileNotFoundError",
    ),
}


@pytest.mark.odd_input("declarations that cannot run", "held up")
@pytest.mark.parametrize("kind", MAY_WORK)
def test_a_function_that_may_work_with_rows_is_a_note(world: World, kind: str) -> None:
    """No violation: only the rows could tell."""
    old, new, words = MAY_WORK[kind]
    found = examine(world, "products", old, new)
    assert found.violations == ()
    assert words in found.notes[0]
    assert len(found.notes) == 1


def test_every_rule_is_shown_to_refuse() -> None:
    """A rule over functions that is added is added to the faults above."""
    shown = {word for _, _, _, words in FAULTS.values() for word in words}
    others = "".join(page.read_text(encoding="utf-8") for page in Path(__file__).parent.glob("test_*.py"))
    for rule in FUNCTION_RULES:
        name = f"[{type(rule).__name__}]"
        assert name in shown or name in others.replace(Path(__file__).read_text(encoding="utf-8"), ""), name


def test_a_function_that_prints_leaves_the_json_alone(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output belongs to the command."""
    assert examine(world, "products", f"return {SELECT}", f"print('hello'); return {SELECT}") == Checked(())
    assert capsys.readouterr() == ("", "hello\n")


def test_an_eager_function_that_keeps_its_contract_is_sound(world: World) -> None:
    """It asks for rows, gets none, and its columns are those of its contract all the same."""
    assert examine(world, "products", SELECT, f"{SELECT}.collect().lazy()") == Checked(())


def test_rows_that_a_plan_needs_only_when_it_runs_are_no_fault(world: World) -> None:
    """A range between the first and the last day has no bounds without rows."""
    days = 'readings.select(day=pl.date_range(pl.col("day").min(), pl.col("day").max()), machine=pl.lit("m"))'
    joined = f'readings.join({days}, on=["machine", "day"])'
    assert examine(world, "features", DERIVED, joined) == Checked(())
