"""Split rows by time: train on the past, judge on the last period, with an embargo between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.errors import TransformError

Moment = datetime | date


@dataclass(frozen=True)
class Split:
    """The cut of a history into training and holdout; moments in the time column's own zone.

    ``train_until`` is inclusive; ``holdout_from``, exclusive, is later by the embargo.
    """

    train_from: Moment
    train_until: Moment
    holdout_from: Moment
    holdout_until: Moment
    train_rows: int
    holdout_rows: int

    def train(self, frame: pl.LazyFrame, time: str, target: str) -> pl.LazyFrame:
        return labelled(frame, target).filter(pl.col(time) <= moment(self.train_until, frame, time))

    def holdout(self, frame: pl.LazyFrame, time: str, target: str) -> pl.LazyFrame:
        """The out-of-time rows, in their order."""
        after, until = moment(self.holdout_from, frame, time), moment(self.holdout_until, frame, time)
        return labelled(frame, target).filter((pl.col(time) > after) & (pl.col(time) <= until))

    def to_dict(self) -> dict[str, Any]:
        moments = ("train_from", "train_until", "holdout_from", "holdout_until")
        rows = {"train_rows": self.train_rows, "holdout_rows": self.holdout_rows}
        return {name: getattr(self, name).isoformat() for name in moments} | rows

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Split:
        plain: dict[str, Any] = {n: parse_moment(v) if isinstance(v, str) else v for n, v in content.items()}
        return cls(**plain)


def parse_moment(text: str) -> Moment:
    """The inverse of ``isoformat`` of a date or a datetime."""
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def labelled(frame: pl.LazyFrame, target: str) -> pl.LazyFrame:
    """Rows whose target is known: neither null nor NaN."""
    known = pl.col(target).is_not_null()
    if frame.collect_schema()[target].is_float():
        known = known & pl.col(target).is_not_nan()
    return frame.filter(known)


def moment(value: Moment, frame: pl.LazyFrame, time: str) -> pl.Expr:
    """A moment as a literal of the time column's type; the same instant whatever its zone."""
    return pl.lit(value).cast(frame.collect_schema()[time])


def offset(value: Moment, period: str) -> Moment:
    """A moment moved by a polars duration such as ``-30d`` or ``1mo``."""
    return pl.select(pl.lit(value).dt.offset_by(period)).item()


def plan_split(frame: pl.LazyFrame, spec: ModelSpec) -> Split:
    """Find the cut at which the last period begins. Raises TransformError: a column is missing or of the wrong type,
    the history is too short, or the target does not fit.
    """
    where = f"model {spec.key}, features {spec.features}"
    check_time_and_target(frame.collect_schema(), spec)
    known = labelled(frame, spec.target)
    latest = known.select(pl.col(spec.time).max()).collect(engine="streaming").item()
    if latest is None:
        raise TransformError(
            f"no row has a known {spec.target}", where=where, remedy="Wait for outcomes, or check it."
        )
    holdout_from = offset(latest, f"-{spec.holdout}")
    train_until = offset(holdout_from, f"-{spec.embargo}") if spec.embargo else holdout_from
    time, target = pl.col(spec.time), pl.col(spec.target).cast(pl.Float64)
    in_training, in_holdout = (
        time <= moment(train_until, frame, spec.time),
        time > moment(holdout_from, frame, spec.time),
    )
    counts = (
        known.select(
            time.min().alias("train_from"),
            in_training.sum().alias("train_rows"),
            in_holdout.sum().alias("holdout_rows"),
            pl.len().alias("known"),
            target.filter(in_training).min().alias("least"),
            target.filter(in_training).max().alias("most"),
            (~target.is_in([0.0, 1.0])).sum().alias("neither"),
        )
        .collect(engine="streaming")
        .row(0, named=True)
    )
    _check_counts(counts, spec, where, latest)
    return Split(
        counts["train_from"], train_until, holdout_from, latest, counts["train_rows"], counts["holdout_rows"]
    )


def check_time_and_target(schema: Mapping[str, pl.DataType], spec: ModelSpec) -> None:
    """Refuse, by a TransformError that names the column, a time or target that is missing or of the wrong type."""
    where = f"model {spec.key}, features {spec.features}"
    for column in (spec.time, spec.target):
        if column not in schema:
            raise TransformError(
                f"there is no column {column}", where=where, remedy="Correct the model's declaration."
            )
    if not isinstance(schema[spec.time], pl.Datetime | pl.Date):
        problem = f"time column {spec.time} is {schema[spec.time].base_type()}"
        raise TransformError(problem, where=where, remedy="Give a Datetime or a Date.")
    if not (schema[spec.target].is_numeric() or schema[spec.target] == pl.Boolean):
        problem = f"target {spec.target} is {schema[spec.target].base_type()}"
        raise TransformError(
            problem, where=where, remedy="Give a number, or a boolean for a binary objective."
        )


def _check_counts(counts: Mapping[str, Any], spec: ModelSpec, where: str, latest: Moment) -> None:
    """Refuse a history that is too short or has a target that does not fit."""
    if not counts["train_rows"]:
        raise _too_short_error(counts, spec, where, latest)
    if spec.binary and counts["neither"]:
        problem = f"target {spec.target} is neither 0 nor 1 in {counts['neither']:,} rows"
        raise TransformError(problem, where=where, remedy="Make it boolean, or use a reg: objective.")
    if counts["least"] == counts["most"]:
        raise TransformError(
            f"target {spec.target} is the same in every training row: there is nothing to learn",
            where=where,
            remedy="Land more history, or check how the target is made.",
            quoted=f"{counts['least']:g}",
        )


def _too_short_error(
    counts: Mapping[str, Any], spec: ModelSpec, where: str, latest: Moment
) -> TransformError:
    """The error of a history without a row before the last period; it tells lengths, since moments are values."""
    days = (latest - counts["train_from"]).total_seconds() / 86_400
    needed = f"holdout={spec.holdout}" + (f" and embargo={spec.embargo}" if spec.embargo else "")
    known = counts["known"]
    return TransformError(
        f"all {known:,} rows with a known {spec.target} are in the last {days:.1f} days, and {needed} leave none of "
        "them to train on",
        where=where,
        remedy=f"Land more history than {needed} together, or declare shorter ones than {days:.1f} days.",
    )
