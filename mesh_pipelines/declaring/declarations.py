"""Declarations of a domain: sources, products, feature sets, models and predictions, plain data over functions.

A declaration is free of Dagster. ``domain()`` turns it into an ordinary asset; calling it calls the domain's
own function.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_type_hints, overload

import polars as pl

from mesh_pipelines.declaring.sql import sql
from quality.typed import PROVENANCE

if TYPE_CHECKING:
    from mesh_pipelines.declaring.model_spec import Gate, Retrain
    from mesh_pipelines.declaring.watch import Watch

Stage = Literal["source", "product", "features", "model", "champion", "predictions"]
Transform = Callable[..., pl.LazyFrame]
CsvDialect = Literal["rfc4180", "semicolon", "tab", "unquoted", "short rows"]
History = Literal["none", "walk_forward"]
T = TypeVar("T")
AHEAD = "1 hour"
"""Time that a watermark may be ahead of the database's clock, where a source says nothing else."""


@dataclass(frozen=True)
class Port:
    """An input port: another domain's product, read under an agreement for one purpose.

    It annotates an argument: ``rows: Annotated[pl.LazyFrame, Port("weather.observations", purpose="...")]``.

    Args:
        product: key of the product, ``domain.name``.
        purpose: what it is read for; the product's owner has to have agreed to it.
    """

    product: str
    purpose: str


@dataclass(frozen=True)
class Input:
    """One argument of a domain's function, and the source of its rows: a table, or where ``registered`` a model."""

    argument: str
    key: str
    port: Port | None = None
    registered: bool = False


@dataclass(frozen=True)
class Declaration:
    """Base of everything a domain declares."""

    fn: Transform | None = None
    contract: str | None = None
    module: str = ""
    line: int = 1
    stage: Stage = field(default="product", init=False)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.fn is None:
            raise TypeError(f"a {self.stage} has no function of its own to call")
        return self.fn(*args, **kwargs)

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.fn) or "" if self.fn else ""

    @property
    def first_line(self) -> int:
        return self.fn.__code__.co_firstlineno if self.fn else self.line

    def inputs(self, domain: str) -> tuple[Input, ...]:
        """Inputs by argument; an argument without a :class:`Port` is an asset of the domain itself."""
        return inputs_of(self.fn, domain) if self.fn else ()


@dataclass(frozen=True)
class SourceDeclaration(Declaration):
    """Data from outside, kept as it came; see :func:`source`."""

    pattern: str = ""
    dialect: str = "rfc4180"
    stage: Stage = field(default="source", init=False)


@dataclass(frozen=True)
class TableDeclaration(SourceDeclaration):
    """A table of a database, as a source; see :func:`sql_source`."""

    table: str = ""
    database: str = ""
    watermark: str = ""
    overlap: str = ""
    ahead: str = AHEAD
    partition: str = ""


@dataclass(frozen=True)
class ProductDeclaration(Declaration):
    """A validated, versioned, published product; see :func:`data_product`."""

    @property
    def uses_sql(self) -> bool:
        """The function itself calls the platform's word :func:`mesh_pipelines.sql`."""
        function: Any = inspect.unwrap(self.fn) if self.fn else None
        names = function.__code__.co_names if function else ()
        return any(function.__globals__.get(name) is sql for name in names)


@dataclass(frozen=True)
class FeatureSetDeclaration(Declaration):
    """Model inputs as known at the time of prediction; see :func:`feature_set`."""

    key: tuple[str, ...] = ()
    time: str = ""
    stage: Stage = field(default="features", init=False)


@dataclass(frozen=True)
class ModelDeclaration(Declaration):
    """A model of the domain and the rules for promoting it; see :func:`model`."""

    features: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    stage: Stage = field(default="model", init=False)

    @property
    def gate(self) -> Gate:
        """The rules between a challenger and the champion's place; the defaults where the domain set none."""
        from mesh_pipelines.declaring.model_spec import Gate

        return self._option("gate", Gate)

    @property
    def watch(self) -> Watch:
        """The bounds beyond which checks warn; the defaults where the domain set none."""
        from mesh_pipelines.declaring.watch import Watch

        return self._option("watch", Watch)

    @property
    def retrain(self) -> Retrain:
        """The reasons to train again; the defaults where the domain set none."""
        from mesh_pipelines.declaring.model_spec import Retrain

        return self._option("retrain", Retrain)

    def _option(self, name: str, kind: type[T]) -> T:
        given = self.options.get(name)
        return given if isinstance(given, kind) else kind()


@dataclass(frozen=True)
class PredictionsDeclaration(Declaration):
    """The champion's scores, published as a product; see :func:`predictions`."""

    model: str = ""
    history: History = "none"
    stage: Stage = field(default="predictions", init=False)


def source(
    pattern: str, *, dialect: CsvDialect = "rfc4180", contract: str | None = None
) -> SourceDeclaration:
    """Declare a source: files that land in the domain's own folder of the landing zone (``MESH_LANDING``).

    Args:
        pattern: file name below the domain's landing folder; ``{month}`` marks the partition, ``*`` matches any
            text. The suffix is the format: ``.parquet``, ``.jsonl`` or ``.ndjson``; any other is read as CSV.
        dialect: form of its CSV files where it is not that of RFC 4180: ``semicolon`` or ``tab`` between fields,
            ``unquoted`` (a quote is an ordinary character), ``short rows`` (last fields may be missing).
        contract: name of the contract; by default the name of the variable.
    """
    module, line = _caller()
    return SourceDeclaration(pattern=pattern, dialect=dialect, contract=contract, module=module, line=line)


def sql_source(
    table: str,
    *,
    database: str,
    watermark: str = "",
    overlap: str = "",
    ahead: str = AHEAD,
    partition: str = "",
    contract: str | None = None,
) -> TableDeclaration:
    """Declare a source: a table or view of a PostgreSQL database.

    Without a watermark it is a snapshot: read as a whole, or partition by partition, when its content has changed.

    Args:
        table: its name with its schema, e.g. ``sales.orders``.
        database: name of the database; its URL stands in ``MESH_DATABASES``.
        watermark: column of dates, times or numbers that grows with each change, e.g. ``updated_at``: only rows at or
            beyond the highest value read so far are read, and those whose value is none (null, infinite, NaN, beyond
            the database's clock). A row with a known key takes the place of the one before. If rows below were taken
            away or came late, all of the table is read anew.
        overlap: how far below the highest value rows are expected to appear still, since transactions commit late: a
            number, or for a time as PostgreSQL writes it, e.g. ``10 minutes``. Such rows cost no reading anew, and
            rows that were read before do not double.
        ahead: how far a time may be beyond the database's clock, e.g. ``5 minutes``.
        partition: column (a date, a time, or the partition's own name as text) by which rows belong to the contract's
            partitions; by default the column that the contract names.
        contract: name of the contract; by default the name of the variable.
    """
    module, line = _caller()
    return TableDeclaration(
        table=table,
        database=database,
        watermark=watermark,
        overlap=overlap,
        ahead=ahead,
        partition=partition,
        contract=contract,
        module=module,
        line=line,
    )


@overload
def data_product(fn: Transform, /) -> ProductDeclaration: ...
@overload
def data_product(*, contract: str | None = None) -> Callable[[Transform], ProductDeclaration]: ...
def data_product(fn: Transform | None = None, /, *, contract: str | None = None) -> Any:
    """Declare a data product: the decorated function makes its rows, the contract says what they promise.

    Args:
        fn: function from input frames to the product's frame, all ``pl.LazyFrame``; an argument is named after
            the asset of the same domain that it reads, or is annotated with a ``Port``.
        contract: name of the contract, where it is not the function's name.
    """

    def declare(function: Transform) -> ProductDeclaration:
        return ProductDeclaration(fn=function, contract=contract, module=function.__module__)

    return declare(fn) if fn else declare


def feature_set(*, key: Sequence[str], time: str) -> Callable[[Transform], FeatureSetDeclaration]:
    """Declare a feature set: one row per thing to predict, holding only what was known at ``time``.

    Args:
        key: columns that identify a row; rows are published in their order, which training depends on.
        time: column of the moment of prediction: a date, or a timestamp in UTC.
    """

    def declare(function: Transform) -> FeatureSetDeclaration:
        return FeatureSetDeclaration(
            fn=function,
            module=function.__module__,
            key=(key,) if isinstance(key, str) else tuple(key),
            time=time,
        )

    return declare


def model(
    *,
    features: str,
    target: str,
    objective: str,
    metric: str,
    rounds: int,
    baseline: Sequence[str],
    params: Mapping[str, Any] | None = None,
    seed: int = 0,
    holdout: str = "30d",
    slices: Sequence[str] = (),
    ignore: Sequence[str] = (),
    gate: Gate | None = None,
    watch: Watch | None = None,
    **options: Any,
) -> ModelDeclaration:
    """Declare a model, trained by XGBoost on one of the domain's feature sets.

    Args:
        features: name of the feature set, in the same domain.
        target: column to predict; a row without it is scored but not trained on.
        objective: XGBoost's objective: ``binary:logistic``, or of a quantity ``reg:squarederror``,
            ``reg:absoluteerror``, ``reg:pseudohubererror``, ``reg:gamma``, ``reg:tweedie``, ``count:poisson``.
        metric: the metric that the gate compares: ``auc``, ``logloss`` or ``brier`` of a binary objective,
            ``rmse`` or ``mae`` of a quantity.
        rounds: boosting rounds.
        baseline: columns whose historic mean of the target is the naive forecast to beat.
        params: further XGBoost parameters.
        holdout: length of the last period, kept out of training to evaluate the model, e.g. ``30d``.
        slices: columns whose values are each evaluated separately too.
        ignore: columns of the feature set that the model must not see.
        gate: the rules between a challenger and the champion's place.
        watch: the drift and loss of quality beyond which checks warn.
        options: further fields of :class:`mesh_pipelines.declaring.model_spec.ModelSpec`.
    """
    declared = {
        "target": target,
        "objective": objective,
        "metric": metric,
        "rounds": rounds,
        "baseline": _in_a_tuple(baseline),
        "params": {} if params is None else params,
        "seed": seed,
        "holdout": holdout,
        "slices": _in_a_tuple(slices),
        "ignore": _in_a_tuple(ignore),
        **({} if gate is None else {"gate": gate}),
        **({} if watch is None else {"watch": watch}),
        **options,
    }
    module, line = _caller()
    return ModelDeclaration(module=module, line=line, features=features, options=declared)


def predictions(
    *, model: str, history: History = "none", contract: str | None = None
) -> Callable[[Transform], PredictionsDeclaration]:
    """Declare a product made of a model's scores.

    The decorated function takes the scored feature set (all its columns, plus ``score`` and ``model_version``)
    and returns the product's rows. No row is ever scored by a model that was trained on it.

    Args:
        model: name of the model in the same domain.
        history: ``walk_forward`` also scores the months that the champion was trained on, each by a model that
            saw only the months before it; ``none`` leaves them out.
        contract: name of the contract; by default the function's name.
    """

    def declare(function: Transform) -> PredictionsDeclaration:
        return PredictionsDeclaration(
            fn=function, contract=contract, module=function.__module__, model=model, history=history
        )

    return declare


def provenance(frame: pl.LazyFrame) -> dict[str, pl.Expr]:
    """Provenance columns of a source, to carry along: ``select(..., **provenance(raw))``.

    A refused row's provenance is kept in the quarantine; a product is published without it. Rows without
    provenance, as in a test, give none.
    """
    there = frame.collect_schema().names()
    return {name: pl.col(name) for name in PROVENANCE if name in there}


def inputs_of(fn: Callable[..., Any], domain: str) -> tuple[Input, ...]:
    """Read the inputs of a domain's function off its signature."""
    hints = get_type_hints(fn, include_extras=True)
    found: list[Input] = []
    for argument in inspect.signature(fn).parameters:
        extras = getattr(hints.get(argument), "__metadata__", ())
        port = next((extra for extra in extras if isinstance(extra, Port)), None)
        found.append(Input(argument, port.product if port else f"{domain}.{argument}", port))
    return tuple(found)


def _in_a_tuple(names: Any) -> Any:
    """A list as a tuple; anything else as it is, for a rule to refuse: a text is a list of letters to Python."""
    return tuple(names) if isinstance(names, list | set | frozenset) else names


def _caller() -> tuple[str, int]:
    frame = inspect.currentframe()
    outer = frame.f_back.f_back if frame and frame.f_back else None
    return (str(outer.f_globals.get("__name__", "")), outer.f_lineno) if outer else ("", 1)
