"""A domain in which everything goes wrong: each source has one fault, each product fails in one way, with canaries."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import polars as pl

from tests.e2e.canaries import Canaries
from tests.mesh_pipelines.small_domains import World, promise

HEAD = "id,patient,diagnosis,qty,note"
CLASSES = {"id": "public", "patient": "restricted", "diagnosis": "confidential", "qty": "internal"}


def columns(**more: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The contract's columns, one of each class, with further fields by column."""
    found = {
        name: {
            "logicalType": "integer" if name == "qty" else "string",
            "classification": CLASSES.get(name, "public"),
        }
        for name in HEAD.split(",")
    }
    return {name: {**fields, **more.get(name, {})} for name, fields in found.items()}


class Rows:
    """Writes rows in which each cell of one fault is a canary of its own."""

    def __init__(self, canaries: Canaries, fault: str) -> None:
        self.canaries, self.fault = canaries, fault

    def cell(self, name: str) -> str:
        """A canary."""
        return self.canaries.text(f"{self.fault}: {name}")

    def row(self, number: int = 1, **cells: object) -> dict[str, Any]:
        """One row."""
        row: dict[str, Any] = {"id": self.cell(f"id {number}"), "patient": self.cell(f"patient {number}")}
        row |= {"diagnosis": self.cell(f"diagnosis {number}"), "note": self.cell(f"note {number}")}
        return {**row, "qty": self.canaries.number(f"{self.fault}: qty {number}"), **cells}

    def lines(self, *rows: Mapping[str, object]) -> list[str]:
        """Lines of a CSV, the header first."""
        return [HEAD, *(",".join(str(row[name]) for name in HEAD.split(",")) for row in rows)]

    def csv(self, *rows: Mapping[str, object]) -> bytes:
        """A CSV."""
        return ("\n".join(self.lines(*(rows or (self.row(),)))) + "\n").encode()

    def json(self, *rows: Mapping[str, object]) -> bytes:
        """JSON lines."""
        return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _parquet(frame: pl.DataFrame) -> bytes:
    import io

    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def _frame(rows: Rows, **columns: Any) -> pl.DataFrame:
    return pl.DataFrame([rows.row()]).with_columns(**columns)


def _retyped(rows: Rows) -> bytes:
    return _parquet(
        _frame(
            rows,
            qty=pl.lit(rows.cell("category")).cast(pl.Enum([rows.cell("category"), rows.cell("unused")])),
        )
    )


FILES: dict[str, tuple[str, Callable[[Rows], bytes]]] = {
    "headerless": ("csv", lambda r: "\n".join(r.lines(r.row(), r.row(2))[1:]).encode()),
    "extra": (
        "csv",
        lambda r: (
            r.csv()
            .replace(b",note\n", f",note,{r.cell('header')}\n".encode(), 1)
            .replace(b"\n", b",x\n")
            .replace(b",x\n", b"\n", 1)
        ),
    ),
    "renamed": ("csv", lambda r: r.csv().replace(b"patient", r.cell("header").encode(), 1)),
    "doubled": (
        "csv",
        lambda r: r.csv().replace(HEAD.encode(), f"{HEAD},{r.cell('h')},{r.cell('h')}".encode()),
    ),
    "semicolons": (
        "csv",
        lambda r: r.csv().replace(b",", b";").replace(b"note", r.cell("header").encode(), 1),
    ),
    "mistyped": ("csv", lambda r: r.csv(r.row(qty=r.cell("qty")))),
    "too_large": (
        "csv",
        lambda r: r.csv(r.row(qty=f"{r.canaries.number(r.fault + ': large')}99999999999999")),
    ),
    "quoted": ("csv", lambda r: r.csv(r.row(note=f'say "{r.cell("quote")}" twice'))),
    "unclosed": ("csv", lambda r: r.csv(r.row(), r.row(2, note='"' + r.cell("never closed")))),
    "cut": ("csv", lambda r: r.csv(r.row(), r.row(2))[:-60]),
    "wide": ("csv", lambda r: r.csv(r.row(note=f"{r.cell('a')},{r.cell('b')}"))),
    "latin": (
        "csv",
        lambda r: r.csv(r.row(patient="M\u00fcller" + r.cell("name"))).decode().encode("latin-1"),
    ),
    "utf16": ("csv", lambda r: r.csv().decode().encode("utf-16")),
    "zeros": ("csv", lambda r: r.csv(r.row(patient=r.cell("name") + "\0"))),
    "long_cell": ("csv", lambda r: r.csv(r.row(patient=r.cell("name") * 30_000))),
    "ranged": ("csv", lambda r: r.csv(r.row(), r.row(2))),
    "patterned": ("csv", lambda r: r.csv(r.row(), r.row(2))),
    "listed": ("csv", lambda r: r.csv(r.row(), r.row(2))),
    "keyed": ("csv", lambda r: r.csv(r.row(id=r.cell("key")), r.row(2, id=r.cell("key")))),
    "keyless": ("csv", lambda r: r.csv(r.row(), r.row(2, id=""))),
    "tolerated": ("csv", lambda r: r.csv(r.row(qty=r.cell("qty")), r.row(2), r.row(3))),
    "queried": ("csv", lambda r: r.csv(r.row(), r.row(2))),
    "expected": ("csv", lambda r: r.csv(r.row(), r.row(2))),
    "bounded": ("csv", lambda r: r.csv(r.row(), r.row(2))),
    "sampled": ("csv", lambda r: r.csv(r.row(), r.row(2))),
    "json_keys": ("jsonl", lambda r: r.json({**r.row(), r.cell("key"): 1})),
    "json_twice": (
        "jsonl",
        lambda r: r.json(r.row()).replace(
            b"{", f'{{"{r.cell("key")}": 1, "{r.cell("key")}": 2, '.encode(), 1
        ),
    ),
    "json_nested": ("jsonl", lambda r: r.json(r.row(), r.row(2, patient={r.cell("key"): r.cell("value")}))),
    "json_late": ("jsonl", lambda r: r.json(r.row(), r.row(2, patient=1.5), r.row(3, qty=r.cell("qty")))),
    "json_array": ("jsonl", lambda r: b"[" + r.json(r.row())[:-1] + b"]\n"),
    "json_cut": ("jsonl", lambda r: r.json(r.row(), r.row(2))[:-20]),
    "retyped": ("parquet", _retyped),
    "structured": (
        "parquet",
        lambda r: _parquet(_frame(r, note=pl.struct(pl.lit(1).alias(r.cell("field"))))),
    ),
    "parquet_extra": ("parquet", lambda r: _parquet(_frame(r, **{r.cell("header"): pl.lit(1)}))),
    "parquet_cut": ("parquet", lambda r: _parquet(_frame(r))[:-30]),
    "no_parquet": ("parquet", lambda r: r.csv()),
}
"""By fault: ending of the landed file, and its content."""


def _rule(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "description": "A rule.", "dimension": "accuracy", **fields}


def _expectation(kind: str, **arguments: Any) -> dict[str, Any]:
    return _rule(
        "expected",
        type="custom",
        engine="greatExpectations",
        implementation={"type": kind, "kwargs": arguments},
    )


RULES: dict[str, dict[str, Any]] = {
    "queried": _rule(
        "queried",
        type="sql",
        query="SELECT COUNT(*) FROM ${table} WHERE CAST(patient AS INTEGER) > 1 OR CAST(note AS INTEGER) > 1",
        mustBe=0,
    ),
    "expected": _expectation("expect_column_values_to_be_in_set", column="diagnosis", value_set=["well"]),
    "bounded": _expectation("expect_column_max_to_be_between", column="qty", max_value=3),
    "sampled": _expectation("expect_column_values_to_be_in_set", column="note", value_set=["well"]),
}
"""By source: its dataset rule beside the usual ones."""
FIELDS: dict[str, dict[str, Any]] = {
    "ranged": columns(qty={"logicalTypeOptions": {"maximum": 3}}),
    "patterned": columns(patient={"logicalTypeOptions": {"pattern": "^[0-9]+$", "maxLength": 5}}),
    "listed": columns(diagnosis={"enum": [{"value": "well"}]}, note={"enum": [{"value": "well"}]}),
}


def _promise(name: str, columns_: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    document = promise("clinic", name, columns_, **more)
    if name in RULES:
        document["schema"][0]["quality"].append(RULES[name])
    return document


PRODUCTS = {
    "raises": """
        found = visits.collect()["patient"][0]
        raise ValueError(f"no such patient: {found}")
    """,
    "chains": """
        try:
            int(visits.collect()["patient"][0])
        except ValueError as error:
            raise KeyError("a patient's number") from error
    """,
    "groups": """
        raise ExceptionGroup(str(visits.collect()["patient"][0]), [ValueError(visits.collect()["diagnosis"][0])])
    """,
    "casts": """
        return visits.with_columns(qty=pl.col("diagnosis").cast(pl.Int64))
    """,
    "casts_now": """
        return visits.with_columns(qty=pl.col("diagnosis").cast(pl.Int64)).collect()
    """,
    "parses": """
        return visits.with_columns(note=pl.col("patient").str.to_date("%Y-%m-%d").cast(pl.String))
    """,
    "replaces": """
        return visits.with_columns(note=pl.col("patient").replace_strict({"well": "ill"}))
    """,
    "maps": """
        return visits.with_columns(qty=pl.col("patient").map_elements(int, return_dtype=pl.Int64))
    """,
    "pivots": """
        return visits.collect().pivot(on="patient", index="id", values="qty")
    """,
    "categories": """
        return visits.with_columns(qty=pl.col("patient").cast(pl.Enum(visits.collect()["patient"].unique())))
    """,
    "asserts": """
        assert visits.collect()["patient"].to_list() == ["well"], visits.collect().to_dicts()
    """,
    "own_error": """
        from mesh_pipelines.errors import TransformError

        raise TransformError(visits.collect()["patient"][0], where=visits.collect()["note"][0], remedy="see a doctor")
    """,
    "dagster_failure": """
        import dagster as dg

        raise dg.Failure(visits.collect()["patient"][0], metadata={"row": str(visits.collect().row(0))})
    """,
    "retries": """
        import dagster as dg

        raise dg.RetryRequested(max_retries=1) from ValueError(visits.collect()["patient"][0])
    """,
    "queries": """
        return sql("SELECT id, patient, diagnosis, CAST(patient AS INTEGER) AS qty, note FROM visits", visits=visits)
    """,
    "wrong_rows": """
        return visits.with_columns(qty=pl.lit(99), patient=pl.lit(None, pl.String))
    """,
    "returns_text": """
        return visits.collect()["patient"][0]
    """,
    "panics": """
        class Odd(BaseException):
            pass

        raise Odd(visits.collect()["patient"][0])
    """,
    "warns": """
        import warnings

        warnings.warn(visits.collect()["patient"][0], stacklevel=1)
        return visits
    """,
    "logs": """
        import logging

        import dagster as dg

        for logger in (logging.getLogger("clinic"), dg.get_dagster_logger()):
            logger.error("saw %s", visits.collect()["patient"][0])
        return visits
    """,
    "interrupts": """
        raise KeyboardInterrupt(visits.collect()["patient"][0])
    """,
    "answers_oddly": """
        raise OSError(5, visits.collect()["patient"][0])
    """,
    "names_a_function": """
        name, made = visits.collect()["patient"][0], {}
        exec(compile(f"def {name}(): int('x')", __file__, "exec"), made)
        made[name]()
    """,
    "returns_odd": """
        return type(visits.collect()["patient"][0], (), {})()
    """,
}
"""By product: the body of its function, which reads ``visits``."""


STAYS = {
    "day": {"logicalType": "date", "classification": "internal"},
    "patient": {"logicalType": "string", "classification": "restricted"},
    "ward": {"logicalType": "string", "classification": "confidential"},
    "weight": {"logicalType": "number", "classification": "internal"},
    "late": {"logicalType": "boolean", "classification": "internal"},
}
FORECAST = {
    "day": STAYS["day"],
    "patient": STAYS["patient"],
    "chance": {"logicalType": "number", "classification": "restricted"},
    "model_version": {"logicalType": "string", "classification": "public"},
}
FEATURES = """
    @feature_set(key=("patient", "day"), time="day")
    def stay_features(stays: pl.LazyFrame) -> pl.LazyFrame:
        wards = stays.collect()["ward"].unique(maintain_order=True)
        return stays.drop("_file", "_row", strict=False).with_columns(ward=pl.col("ward").cast(pl.Enum(wards)))
"""
MODELS = """
    late = model(
        features="stay_features",
        target="late",
        objective="binary:logistic",
        metric="auc",
        rounds=3,
        baseline=("ward",),
        holdout="20d",
        slices=("ward",),
        gate=Gate(margin=1, slice_margin=1, min_slice_rows=5, must_beat_baseline=False),
    )


    @predictions(model="late")
    def late_forecast(scores: pl.LazyFrame) -> pl.LazyFrame:
        return scores.select("day", "patient", chance=pl.col("score"), model_version=pl.col("model_version"))
"""


BY_HAND = """
    import dagster as dg


    @dg.asset
    def written_by_hand(context: dg.AssetExecutionContext, visits: pl.LazyFrame) -> dg.Output[pl.LazyFrame]:
        found = visits.collect()["patient"][0]
        context.log.info(found)
        context.log.log(20, found)
        context.add_asset_metadata({"found": found})
        context.add_output_metadata({"found": found})
        context.log_event(dg.AssetObservation(["clinic", "written_by_hand"], metadata={"found": found}))
        return dg.Output(visits, metadata={"found": found})
"""
CHECKS = """
    import dagster as dg


    @dg.asset_check(asset="visits")
    def talks(context: dg.AssetCheckExecutionContext, visits: pl.LazyFrame) -> dg.AssetCheckResult:
        import warnings

        print(visits.collect()["patient"][0])
        warnings.warn(visits.collect()["patient"][1], stacklevel=1)
        context.log.info(visits.collect()["patient"][2])
        return dg.AssetCheckResult(passed=True)


    @dg.asset_check(asset="visits")
    def does_not_answer(visits: pl.LazyFrame) -> dg.AssetCheckResult:
        raise OSError(5, visits.collect()["patient"][0])


    @dg.asset_check(asset="visits")
    def nobody_is_ill(visits: pl.LazyFrame) -> dg.AssetCheckResult:
        assert visits.collect()["diagnosis"].to_list() == ["well"], visits.collect().to_dicts()
        return dg.AssetCheckResult(passed=True)
"""


def stays(rows: Rows, first: str = "2026-01-01", days: int = 60) -> bytes:
    """Eight patients' days in four wards: a model learns from them, and has a metric for each ward."""
    lines = [",".join(STAYS)]
    for day in range(days):
        for patient in range(8):
            weight = (day * 7 + patient * 3) % 11
            when = date.fromisoformat(first) + timedelta(days=day)
            who, ward = rows.cell(f"patient {patient}"), rows.cell(f"ward {patient % 4}")
            lines.append(f"{when},{who},{ward},{weight},{str(weight > 5 or day % 3 == 0).lower()}")
    return ("\n".join(lines) + "\n").encode()


def write(root: Path, landing: Path, canaries: Canaries) -> World:
    """Write the domain and let everything land."""
    (root / "domains").mkdir(parents=True, exist_ok=True)
    (root / "domains" / "__init__.py").write_text('"""The domains."""\n')
    (root / "workspace.yaml").write_text("load_from:\n")
    world = World(root, landing)
    sources = [f'{name} = source("{name}.{ending}")' for name, (ending, _) in FILES.items()]
    promises = [
        _promise(name, FIELDS.get(name, columns()), tolerance=50 if name == "tolerated" else 0)
        for name in FILES
    ]
    functions = [
        f"@data_product\ndef {name}(visits: pl.LazyFrame) -> pl.LazyFrame:{dedent(body).rstrip()}\n".replace(
            "\n", "\n    "
        ).replace("\n    def ", "\ndef ")
        for name, body in PRODUCTS.items()
    ]
    required = {"patient": {"required": True}, "qty": {"logicalTypeOptions": {"maximum": 98}}}
    world.write(
        "clinic",
        *promises,
        promise("clinic", "visits", columns()),
        *(
            promise("clinic", name, columns(**(required if name == "wrong_rows" else {})))
            for name in PRODUCTS
        ),
        promise("clinic", "written_by_hand", columns()),
        promise("clinic", "stays", STAYS, key=("patient", "day")),
        promise("clinic", "late_forecast", FORECAST, key=("patient", "day")),
        sources="\n".join([*sources, 'visits = source("visits.csv")', 'stays = source("stays.csv")']),
        by_hand=BY_HAND,
        checks=CHECKS,
        features=FEATURES,
        models=MODELS,
        products="from mesh_pipelines import sql\n\n\n" + "\n\n".join(functions),
    )
    folder = landing / "clinic"
    folder.mkdir(parents=True)
    for name, (ending, content) in FILES.items():
        (folder / f"{name}.{ending}").write_bytes(content(Rows(canaries, name)))
    visits = Rows(canaries, "visits")
    (folder / "visits.csv").write_bytes(visits.csv(*(visits.row(number) for number in range(1, 6))))
    (folder / "stays.csv").write_bytes(stays(Rows(canaries, "stays")))
    return world
