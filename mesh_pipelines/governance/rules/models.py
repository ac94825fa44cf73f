"""Rules over models and predictions."""

from __future__ import annotations

from collections.abc import Iterator

from mesh_pipelines.declaring.declarations import (
    FeatureSetDeclaration,
    ModelDeclaration,
    PredictionsDeclaration,
)
from mesh_pipelines.declaring.load import model_spec
from mesh_pipelines.declaring.node import LoadedDomain, ModelNode
from mesh_pipelines.errors import DefinitionError, Violation
from mesh_pipelines.governance.rules.nearest import nearest_or
from quality.lint.rule import Rule


class ModelsAreTrainedOnOwnFeatures(Rule[LoadedDomain]):
    """A model is trained on a feature set of its domain, and predictions are of a model of it."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            declared = node.declaration
            if isinstance(node, ModelNode):
                features = domain.nodes.get(node.declared.features)
                if features is None or not isinstance(features.declaration, FeatureSetDeclaration):
                    yield self.violation(
                        node.place,
                        f"is trained on {node.declared.features!r}, which is no feature set of this domain",
                        "decorate a function of that name with @feature_set(key=..., time=...)",
                        node.key,
                    )
            if isinstance(declared, PredictionsDeclaration):
                of = domain.nodes.get(declared.model)
                if of is None or not isinstance(of.declaration, ModelDeclaration):
                    yield self.violation(
                        node.place,
                        f"publishes the scores of {declared.model!r}, which is no model of this domain",
                        f"declare `{declared.model} = model(...)`",
                        node.key,
                    )


class WatchedScoresArePublished(Rule[LoadedDomain]):
    """The score that a model is watched by is a column that its predictions promise."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            declared = node.declaration
            if not isinstance(declared, PredictionsDeclaration) or node.contract is None:
                continue
            of = domain.nodes.get(declared.model)
            score = of.declared.watch.score if isinstance(of, ModelNode) else ""
            if score and score not in node.contract.dtypes:
                yield self.violation(
                    node.place,
                    f"its model is watched by the score {score!r}, which its contract does not promise",
                    nearest_or(score, node.contract.dtypes, f"columns: {', '.join(node.contract.dtypes)}"),
                    node.key,
                )


class ModelsAreSound(Rule[LoadedDomain]):
    """A model's options are checked when the domain loads, not when training has run for an hour."""

    def check(self, domain: LoadedDomain) -> Iterator[Violation]:
        for node in domain.nodes.values():
            if not isinstance(node, ModelNode):
                continue
            features = domain.nodes.get(node.declared.features)
            if features is None or not isinstance(features.declaration, FeatureSetDeclaration):
                continue
            try:
                model_spec(node, domain.by_key)
            except DefinitionError as error:
                for found in error.violations:
                    yield self.violation(node.place, found.problem, found.fix, node.key)
            except TypeError as error:
                yield self.violation(
                    node.place, f"its options are not sound: {error}", "mend the model(...) call", node.key
                )
