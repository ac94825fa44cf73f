"""The declaration of a model: plain data, checked when written, with a digest."""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

import polars as pl

from mesh_pipelines.declaring.model_policy import GATE_OPTIONS, RETRAIN_OPTIONS, Gate, Retrain
from mesh_pipelines.declaring.option_types import (
    LENGTH,
    LONGEST_DAYS,
    NAMES,
    PARAMETERS,
    PERIOD,
    TEXT,
    WHOLE,
    Kind,
    days_of,
    faults_of_types,
    of_class,
)
from mesh_pipelines.declaring.slice_labels import SliceLabels
from mesh_pipelines.errors import DefinitionError, Violation

#: A baseline of the domain's own: (training, holdout) rows -> a prediction for each holdout row, in order.
BaselineFunction = Callable[[pl.LazyFrame, pl.LazyFrame], pl.Series]
Parameter = str | int | float | bool

#: metric -> True where more is better
METRICS: Mapping[str, bool] = MappingProxyType(
    {"auc": True, "logloss": False, "brier": False, "rmse": False, "mae": False}
)
BINARY_METRICS = ("auc", "logloss", "brier")
REGRESSION_METRICS = ("rmse", "mae")
BINARY_OBJECTIVES = ("binary:logistic",)
REGRESSION_OBJECTIVES = (
    "reg:squarederror",
    "reg:absoluteerror",
    "reg:pseudohubererror",
    "reg:gamma",
    "reg:tweedie",
    "count:poisson",
)
#: parameters that the platform sets, because rebuilding the same bytes hangs on them
RESERVED_PARAMETERS = (
    "objective",
    "seed",
    "random_state",
    "nthread",
    "n_jobs",
    "tree_method",
    "device",
    "booster",
)

_KEY = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_FLOORS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "auc": (0.0, 1.0),
        "brier": (0.0, math.inf),
        "logloss": (0.0, math.inf),
        "rmse": (0.0, math.inf),
        "mae": (0.0, math.inf),
    }
)
"""Least and greatest value that a metric can have."""


@dataclass(frozen=True)
class ModelSpec:
    """One model of one domain.

    Every column of the feature set is a feature, except the target, the time, ``ignore``, those columns of
    ``entity`` that hold a date or a time, and columns of the platform's own, whose names begin with ``_``.

    Args:
        key: ``domain.name`` of the model.
        features: ``domain.name`` of the feature set, published in the order of its key.
        target: column to predict; 0/1 or boolean for a binary objective. Rows without it are not trained on.
        time: column with the moment of prediction (Datetime or Date); splits training from holdout.
        entity: columns that, with ``time``, identify a row.
        objective: an XGBoost objective, e.g. ``binary:logistic`` or ``reg:squarederror``.
        metric: the gate's metric: auc, logloss, brier, rmse or mae.
        rounds: number of boosting rounds. Early stopping is left out: it would learn from the holdout.
        baseline: columns by whose groups the historic mean is the naive prediction, or a function.
        holdout: length of the last, out-of-time period: ``30d``, ``4w``, ``1mo``.
        embargo: rows this close before the holdout are not trained on: their target was not yet known then.
        slices: columns by whose values the metrics are also given, and judged.
        ignore: columns that are not features.
        retrain: reasons to train it again.
        max_memory: bytes; training data larger than this (rows x features x 4) goes through external memory.
        max_categories: a text feature with more distinct values is refused as an identifier.

    Raises:
        DefinitionError: with every violation found.
    """

    key: str
    features: str
    target: str
    time: str
    entity: tuple[str, ...] = ()
    objective: str = "binary:logistic"
    metric: str = "auc"
    params: Mapping[str, Parameter] = field(default_factory=dict)
    rounds: int = 200
    seed: int = 7
    baseline: tuple[str, ...] | BaselineFunction = ()
    holdout: str = "30d"
    embargo: str | None = None
    slices: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    gate: Gate = field(default_factory=Gate)
    retrain: Retrain = field(default_factory=Retrain)
    max_memory: int | None = None
    max_categories: int = 1000
    description: str = ""
    labels: SliceLabels | None = field(default=None, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if PARAMETERS.holds(self.params):
            object.__setattr__(self, "params", MappingProxyType(dict(self.params)))
        violations = list(_violations(self))
        if violations:
            raise DefinitionError(f"model {self.key}", violations)

    def __reduce__(self) -> tuple[Any, ...]:
        values = {f.name: getattr(self, f.name) for f in fields(self)} | {"params": dict(self.params)}
        return (_spec_of, (values,))

    @property
    def domain(self) -> str:
        return self.key.partition(".")[0]

    @property
    def name(self) -> str:
        return self.key.partition(".")[2]

    @property
    def binary(self) -> bool:
        """True where the model gives the probability of an event, False where it gives a quantity."""
        return self.objective in BINARY_OBJECTIVES

    @property
    def metrics(self) -> tuple[str, ...]:
        return BINARY_METRICS if self.binary else REGRESSION_METRICS

    @property
    def booster_params(self) -> dict[str, Parameter]:
        """XGBoost's parameters in a fixed order; without threads, which do not change the model."""
        own = {"objective": self.objective, "tree_method": "hist", "device": "cpu", "seed": self.seed}
        return {**own, **dict(sorted(self.params.items()))}

    def labelled(self, labels: SliceLabels | None) -> ModelSpec:
        """The same with names for its slices in what is kept in clear; None: their values."""
        spec = replace(self)
        object.__setattr__(spec, "labels", labels)
        return spec

    def slice_label(self, column: str, value: str) -> str:
        return self.labels.of(column, value) if self.labels else value

    def to_dict(self) -> dict[str, Any]:
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "labels"}
        return plain | {
            "entity": list(self.entity),
            "slices": list(self.slices),
            "ignore": list(self.ignore),
            "params": dict(sorted(self.params.items())),
            "gate": self.gate.to_dict(),
            "retrain": self.retrain.to_dict(),
            "baseline": list(self.baseline)
            if isinstance(self.baseline, tuple)
            else _source_of(self.baseline),
        }

    @property
    def digest(self) -> str:
        """SHA-256 of everything but description and retraining policy."""
        content = self.to_dict()
        del content["description"], content["retrain"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def code_version(self) -> str:
        return self.digest[:16]


def _spec_of(values: dict[str, Any]) -> ModelSpec:
    labels = values.pop("labels", None)
    return ModelSpec(**values).labelled(labels)


def _source_of(function: BaselineFunction) -> dict[str, str]:
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        source = code.co_code.hex() if code is not None else repr(function)
    return {
        "function": getattr(function, "__qualname__", type(function).__qualname__),
        "sha256": hashlib.sha256(source.encode()).hexdigest(),
    }


_Broken = Callable[[str, str, str], None]
"""Records a broken rule: name, problem, fix."""


_BASELINE = Kind(f"{NAMES.words}, or a function", lambda value: callable(value) or NAMES.holds(value))
_OPTIONS: Mapping[str, Kind] = MappingProxyType(
    {
        **dict.fromkeys(("key", "features", "target", "time", "objective", "metric", "description"), TEXT),
        **dict.fromkeys(("entity", "slices", "ignore"), NAMES),
        "baseline": _BASELINE,
        **dict.fromkeys(("rounds", "seed", "max_categories"), WHOLE),
        "max_memory": WHOLE.or_none(),
        "params": PARAMETERS,
        "holdout": LENGTH,
        "embargo": LENGTH.or_none(),
        "gate": of_class(Gate),
        "retrain": of_class(Retrain),
    }
)


def _violations(spec: ModelSpec) -> list[Violation]:
    found: list[Violation] = []
    unsound: set[str] = set()

    def broken(rule: str, problem: str, fix: str) -> None:
        found.append(Violation(rule, f"model {spec.key}", problem, fix))

    for part, kinds in (("", _OPTIONS), ("gate", GATE_OPTIONS), ("retrain", RETRAIN_OPTIONS)):
        owner = getattr(spec, part) if part else spec
        if part in unsound:
            continue  # it is reported itself
        for name, problem, fix in faults_of_types(owner, kinds, f"{part}." if part else ""):
            value = getattr(owner, name)
            unsound.add(part or name)
            if kinds[name] in (NAMES, _BASELINE) and isinstance(value, str):
                broken(
                    "ColumnsAreTuples", f"{name} is the text {value!r}", f"Write ({value!r},) with a comma."
                )
            else:
                broken("OptionsAreTyped", problem, fix)
    for check, compared in _CHECKS.items():
        if unsound.isdisjoint(compared):
            check(spec, broken)
    return found


def _check_keys(spec: ModelSpec, broken: _Broken) -> None:
    for label, value in (("key", spec.key), ("features", spec.features)):
        if not _KEY.fullmatch(value):
            broken("KeysAreDomainDotName", f"{label} is {value!r}", "Write it as domain.name, in snake_case.")


def _check_objective(spec: ModelSpec, broken: _Broken) -> None:
    known = (*BINARY_OBJECTIVES, *REGRESSION_OBJECTIVES)
    if spec.objective not in known:
        broken(
            "ObjectiveIsKnown",
            f"objective {spec.objective!r} is not supported",
            f"Use one of {', '.join(known)}.",
        )
    elif spec.metric not in spec.metrics:
        problem = f"metric {spec.metric!r} does not fit objective {spec.objective!r}"
        broken("MetricFitsObjective", problem, f"Use one of {', '.join(spec.metrics)}.")
    for metric, floor in spec.gate.floors.items():
        if not math.isfinite(floor):
            problem = f"the floor of {metric!r} is {floor}, which nothing can be compared with"
            broken("GatesAreNumbers", problem, "Write a finite number.")
        elif metric in _FLOORS and not _FLOORS[metric][0] <= floor <= _FLOORS[metric][1]:
            least, most = _FLOORS[metric]
            problem = f"the floor of {metric!r} is {floor}, and no model ever gets there"
            broken(
                "GatesAreNumbers",
                problem,
                f"Write {least:g} to {most:g}." if most < math.inf else f"Write {least:g} or more.",
            )
        if spec.objective in known and metric not in spec.metrics:
            problem = f"the gate has a floor for {metric!r}, which is not worked out for {spec.objective!r}"
            broken("MetricFitsObjective", problem, f"Use one of {', '.join(spec.metrics)}.")


def _check_parameters(spec: ModelSpec, broken: _Broken) -> None:
    reserved = sorted(set(spec.params) & set(RESERVED_PARAMETERS))
    if reserved:
        problem = f"params sets {', '.join(reserved)}"
        broken(
            "ParametersAreTunable",
            problem,
            "Leave it out: objective and seed are arguments, the rest is fixed.",
        )
    for name, value in spec.params.items():
        # Arguments come from domain code, where the annotations are not enforced.
        if not isinstance(value, str | int | float | bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            broken(
                "ParametersAreTunable",
                f"params[{name!r}] is {value!r}",
                "Use a number, a string or a boolean.",
            )
        elif isinstance(value, float) and not math.isfinite(value):
            broken("ParametersAreTunable", f"params[{name!r}] is {value!r}", "Use a finite number.")


def _check_columns(spec: ModelSpec, broken: _Broken) -> None:
    if spec.target == spec.time or spec.target in spec.entity:
        broken("TargetIsNoFeature", f"target {spec.target!r} is also time or entity", "Use distinct columns.")
    if spec.target in spec.ignore:
        broken(
            "TargetIsNoFeature", f"target {spec.target!r} is in ignore", "Take it out: it is never a feature."
        )
    if isinstance(spec.baseline, tuple) and spec.target in spec.baseline:
        broken("TargetIsNoFeature", "the baseline groups by the target", "Group by columns known beforehand.")


def _check_periods(spec: ModelSpec, broken: _Broken) -> None:
    periods = (
        ("holdout", spec.holdout),
        ("embargo", spec.embargo),
        ("retrain.max_age", spec.retrain.max_age),
        ("gate.shadow", spec.gate.shadow),
    )
    for label, period in periods:
        if period is not None and not PERIOD.fullmatch(period):
            broken(
                "PeriodsAreDurations", f"{label} is {period!r}", "Write a duration such as 30d, 4w or 1mo."
            )
        elif period is not None and days_of(period) > LONGEST_DAYS:
            broken(
                "PeriodsAreDurations", f"{label} is {period!r}, longer than any data", "Write 100y at most."
            )


def _check_margins(spec: ModelSpec, broken: _Broken) -> None:
    margins = spec.gate.margin, spec.gate.slice_margin
    if not all(margin >= 0 for margin in margins) or spec.gate.min_slice_rows < 1:  # NaN is not at least 0
        broken(
            "GateIsSound",
            "a margin is negative or min_slice_rows is below 1",
            "Use 0 or more, and 1 or more.",
        )


def _check_bounds(spec: ModelSpec, broken: _Broken) -> None:
    if spec.rounds < 1:
        broken("RoundsArePositive", f"rounds is {spec.rounds}", "Use at least 1.")
    if spec.max_memory is not None and spec.max_memory < 1:
        broken("MemoryIsPositive", f"max_memory is {spec.max_memory}", "Give a number of bytes, or None.")
    if spec.max_categories < 1:
        broken("OptionsAreInRange", f"max_categories is {spec.max_categories}", "Use at least 1.")
    if not 0 <= spec.seed < 2**31:
        broken("OptionsAreInRange", f"seed is {spec.seed}", "Use 0 to 2147483647.")
    if spec.retrain.min_new_rows < 0:
        broken("OptionsAreInRange", f"retrain.min_new_rows is {spec.retrain.min_new_rows}", "Use 0 or more.")


_CHECKS: Mapping[Callable[[ModelSpec, _Broken], None], tuple[str, ...]] = MappingProxyType(
    {
        _check_keys: ("key", "features"),
        _check_objective: ("objective", "metric", "gate"),
        _check_parameters: ("params",),
        _check_columns: ("target", "time", "entity", "ignore", "baseline"),
        _check_periods: ("holdout", "embargo", "retrain", "gate"),
        _check_margins: ("gate",),
        _check_bounds: ("rounds", "max_memory", "max_categories", "seed", "retrain"),
    }
)
"""Options that each check compares; it is left out where one of them is of another type."""
