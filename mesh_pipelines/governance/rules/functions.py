"""Rules over what functions make, planned without rows.

``mesh check`` alone holds them: a run that breaks one fails at one asset, and others go on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from mesh_pipelines.declaring.declarations import FeatureSetDeclaration
from mesh_pipelines.declaring.load import model_spec
from mesh_pipelines.declaring.model_spec import (
    BINARY_METRICS,
    BINARY_OBJECTIVES,
    REGRESSION_OBJECTIVES,
    ModelSpec,
)
from mesh_pipelines.declaring.node import LoadedDomain, ModelNode
from mesh_pipelines.errors import DefinitionError, TransformError, Violation
from mesh_pipelines.governance.rules.contracts import RelationsLeadToColumns
from mesh_pipelines.governance.rules.databases import DatabasesAreSet, TablesAreThere, notes_of_databases
from mesh_pipelines.governance.rules.federation import Federation
from mesh_pipelines.governance.rules.horizons import faults_of_horizon
from mesh_pipelines.governance.rules.nearest import nearest_or
from mesh_pipelines.governance.rules.plans import faults_of_features
from mesh_pipelines.governance.rules.trials import RulesCanRun, notes_of_rules
from mesh_pipelines.modeling.matrix import feature_columns
from mesh_pipelines.modeling.parameters import faults_of_parameters
from mesh_pipelines.modeling.scoring import MODEL_VERSION, SCORE
from mesh_pipelines.modeling.split import check_time_and_target
from mesh_pipelines.modeling.training_trial import fault_of_training
from quality.lint.rule import Rule
from quality.typed import differences


class FunctionsCanBePlanned(Rule[Federation]):
    """A function that names a column which is not there fails whatever lands."""

    def check(self, federation: Federation) -> Iterator[Violation]:
        for key, planned in federation.plans.items():
            if planned.problem:
                yield self.violation(federation.nodes[key].place, planned.problem, planned.fix)


class FunctionsKeepTheirContracts(Rule[Federation]):
    """A result without a promised column, or of another type, is refused at each publish."""

    def check(self, federation: Federation) -> Iterator[Violation]:
        for key, planned in federation.plans.items():
            node = federation.nodes[key]
            if planned.schema is None or planned.note or node.contract is None:
                continue
            for problem in differences(planned.schema, node.contract):
                yield self.violation(
                    node.place,
                    f"its function makes another table than its contract promises: {problem}",
                    f"mend its function, or change contracts/{node.contract.path.name} and its version",
                )


class FeatureSetsCanBeKept(Rule[Federation]):
    """A feature set has its key and its time, and columns that the lake can store."""

    def check(self, federation: Federation) -> Iterator[Violation]:
        for key, planned in federation.plans.items():
            node = federation.nodes[key]
            declared = node.declaration
            if not isinstance(declared, FeatureSetDeclaration) or planned.schema is None or planned.note:
                continue
            for problem, fix in faults_of_features(declared, planned.schema):
                yield self.violation(node.place, problem, fix)


class FeaturesFitTheirModels(Rule[Federation]):
    """A model's target, time, slices and features are columns of its feature set, of types that it can use."""

    def check(self, federation: Federation) -> Iterator[Violation]:
        for node, spec in _models(federation):
            planned = federation.plans.get(node.features_key)
            if planned is None or planned.schema is None or planned.note or _faulty(node, federation):
                continue
            _, _, wrong = feature_columns(spec, planned.schema)
            taken = [name for name in (SCORE, MODEL_VERSION) if name in planned.schema]
            wrong += [f"{name} is a column that is added to the scored features: rename it" for name in taken]
            for problem in wrong:
                yield self.violation(
                    node.place,
                    f"{problem} ({node.features_key})",
                    f"its columns are: {', '.join(planned.schema)}; name one, cast it, or add it to `ignore`",
                )
            if {spec.time, spec.target} <= set(planned.schema):
                try:
                    check_time_and_target(planned.schema, spec)
                except TransformError as error:
                    yield self.violation(node.place, error.what, error.remedy)


class TargetsOfOthersAreNoFeatures(Rule[Federation]):
    """The target of another model on the same feature set is not known at the time of prediction either."""

    def check(self, federation: Federation) -> Iterator[Violation]:
        models = list(_models(federation))
        for node, spec in models:
            planned = federation.plans.get(node.features_key)
            features = feature_columns(spec, planned.schema)[0] if planned and planned.schema else ()
            for other, theirs in models:
                if other.features_key == node.features_key and theirs.target in features:
                    yield self.violation(
                        node.place,
                        f"learns from {theirs.target}, the target of {other.key}, which is not known when it predicts",
                        f'ignore=("{theirs.target}",)',
                    )


class HistoriesAreLongEnough(Rule[Federation]):
    """A model whose holdout takes all the data that there can be is never trained."""

    def check(self, federation: Federation) -> Iterator[Violation]:
        for node, spec in _models(federation):
            for problem, fix in faults_of_horizon(node, spec, federation):
                yield self.violation(node.place, problem, fix)


class ParametersAreKnown(Rule[Federation]):
    """XGBoost passes over a parameter that it does not know, and the model is another than its author thinks."""

    def check(self, federation: Federation) -> Iterator[Violation]:
        for domain, node in federation.models:
            spec = _spec(node, domain)
            params = spec.booster_params if spec else _params_of(node.declared.options)
            faults = faults_of_parameters(params)
            for problem, name, known in faults:
                yield self.violation(
                    node.place, problem, nearest_or(name, known, "see xgboost.readthedocs.io, Parameters")
                )
            planned = federation.plans.get(node.features_key)
            if spec is None or faults or planned is None or planned.schema is None or planned.note:
                continue
            names, kinds, wrong = feature_columns(spec, planned.schema)
            if not wrong and (problem := fault_of_training(spec.booster_params, names, kinds)):
                yield self.violation(
                    node.place, problem, "mend its params or names; its features are " + ", ".join(names)
                )


FUNCTION_RULES: tuple[Rule[Federation], ...] = (
    FunctionsCanBePlanned(),
    FunctionsKeepTheirContracts(),
    FeatureSetsCanBeKept(),
    FeaturesFitTheirModels(),
    TargetsOfOthersAreNoFeatures(),
    HistoriesAreLongEnough(),
    ParametersAreKnown(),
    DatabasesAreSet(),
    TablesAreThere(),
    RelationsLeadToColumns(),
    RulesCanRun(),
)


def notes(federation: Federation) -> list[str]:
    """Functions and rules of which trying them without data says nothing certain, each with the reason."""
    return [
        *(
            f"{federation.nodes[key].place}: could not be planned: {planned.note}"
            for key, planned in federation.plans.items()
            if planned.note
        ),
        *notes_of_rules(federation),
        *notes_of_databases(federation),
    ]


def _faulty(model: ModelNode, federation: Federation) -> bool:
    """True if the feature set of a model has faults of its own, which are reported there."""
    declared, planned = federation.nodes[model.features_key].declaration, federation.plans[model.features_key]
    assert isinstance(declared, FeatureSetDeclaration)
    return any(faults_of_features(declared, planned.schema or {}))


def _models(federation: Federation) -> Iterator[tuple[ModelNode, ModelSpec]]:
    for domain, node in federation.models:
        if spec := _spec(node, domain):
            yield node, spec


def _params_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """XGBoost's parameters of options that are not sound, as far as they are; values that are none are left out."""
    objective, params = options.get("objective"), options.get("params")
    if objective not in (*BINARY_OBJECTIVES, *REGRESSION_OBJECTIVES):
        binary = options.get("metric") in BINARY_METRICS
        objective = (BINARY_OBJECTIVES if binary else REGRESSION_OBJECTIVES)[0]
    given: dict[Any, Any] = dict(params) if isinstance(params, Mapping) else {}
    own = {"objective": objective, "tree_method": "hist", "device": "cpu"}
    return own | {
        name: value
        for name, value in given.items()
        if isinstance(name, str) and name not in own and isinstance(value, str | int | float)
        if not isinstance(value, float) or math.isfinite(value)
    }


def _spec(node: ModelNode, domain: LoadedDomain) -> ModelSpec | None:
    """Specification of a model; ``None`` where another rule reports what is wrong with it."""
    features = domain.nodes.get(node.declared.features)
    if features is None or not isinstance(features.declaration, FeatureSetDeclaration):
        return None
    try:
        return model_spec(node, domain.by_key)
    except (DefinitionError, TypeError):
        return None
