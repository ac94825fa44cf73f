"""The linter: holds a domain, and all domains together, against the rules of the federation.

A domain is linted whenever it loads, the whole mesh by ``mesh check`` and before each ``mesh run``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from mesh_pipelines.declaring.node import LoadedDomain
from mesh_pipelines.errors import Violation
from mesh_pipelines.governance.rules.contracts import (
    ColumnsAreMadeOfColumns,
    ContractIdsAreUnique,
    ContractNamesItsDomain,
    ContractsAreKept,
    DomainsAreDescribed,
    EveryProductHasAContract,
)
from mesh_pipelines.governance.rules.declared import NamesAreTexts, PatternsFitContracts, WordsAreKnown
from mesh_pipelines.governance.rules.federation import Federation
from mesh_pipelines.governance.rules.handwritten import (
    HandwrittenAssetsMakeOneTable,
    HandwrittenAssetsReturnRows,
    HandwrittenChecksAreKept,
    HandwrittenCodeNeedsNoConfig,
    HandwrittenCodeTakesLazyFrames,
)
from mesh_pipelines.governance.rules.inputs import (
    KeysAreUnique,
    LineageHasNoCircle,
    NothingIsMadeOfItself,
    OtherDomainsAreReadThroughPorts,
    OwnInputsExist,
    PartitionsAreOfOneKind,
    PartitionsReachAsFar,
    PortsLeadToProducts,
    SourcesReadTheirOwnFolder,
    TablesAreReadOneWay,
)
from mesh_pipelines.governance.rules.models import (
    ModelsAreSound,
    ModelsAreTrainedOnOwnFeatures,
    WatchedScoresArePublished,
)
from mesh_pipelines.governance.rules.names import ChampionsKeepTheirNames, NamesAreKeys
from quality.lint.rule import Rule

if TYPE_CHECKING:
    from mesh_pipelines.governance.rules.plans import Planned

DOMAIN_RULES: tuple[Rule[LoadedDomain], ...] = (
    NamesAreKeys(),
    ChampionsKeepTheirNames(),
    EveryProductHasAContract(),
    ContractNamesItsDomain(),
    ContractsAreKept(),
    DomainsAreDescribed(),
    OwnInputsExist(),
    SourcesReadTheirOwnFolder(),
    OtherDomainsAreReadThroughPorts(),
    WordsAreKnown(),
    NamesAreTexts(),
    PatternsFitContracts(),
    ModelsAreTrainedOnOwnFeatures(),
    ModelsAreSound(),
    WatchedScoresArePublished(),
    TablesAreReadOneWay(),
    PartitionsReachAsFar(),
    HandwrittenAssetsMakeOneTable(),
    HandwrittenAssetsReturnRows(),
    HandwrittenCodeNeedsNoConfig(),
    HandwrittenCodeTakesLazyFrames(),
    HandwrittenChecksAreKept(),
    NothingIsMadeOfItself(),
)
"""Rules that every domain is held against by itself."""

MESH_RULES: tuple[Rule[Federation], ...] = (
    KeysAreUnique(),
    PortsLeadToProducts(),
    PartitionsAreOfOneKind(),
    ContractIdsAreUnique(),
    ColumnsAreMadeOfColumns(),
    LineageHasNoCircle(),
)
"""Rules that all domains are held against together."""


def lint_domain(domain: LoadedDomain) -> tuple[Violation, ...]:
    """Faults of loading one domain, then its violations of rules."""
    found = list(domain.violations)
    for rule in DOMAIN_RULES:
        found += rule.check(domain)
    for rule in domain.rules:
        found += _violations_of_own(rule, domain)
    return tuple(found)


def _violations_of_own(rule: Rule[LoadedDomain], domain: LoadedDomain) -> list[Violation]:
    """Violations of a rule that the domain wrote; a rule that raises is a violation itself."""
    try:
        return list(rule.check(domain))
    except Exception as error:  # noqa: BLE001 (a domain's rule may raise anything at all)
        name, module = type(rule).__name__, type(rule).__module__.rpartition(".")[2]
        return [
            rule.violation(
                f"{domain.place}/{module}.py: {name}",
                f"the rule itself fails: {type(error).__name__}: {error}",
                "mend its check(), which is given the domain as loaded",
            )
        ]


def lint_mesh(
    domains: Sequence[LoadedDomain], today: date, absent: Iterable[str] = ()
) -> tuple[Violation, ...]:
    """Violations of the rules between domains."""
    federation = Federation(tuple(domains), today, frozenset(absent))
    return tuple(violation for rule in MESH_RULES for violation in rule.check(federation))


def lint_functions(
    domains: Sequence[LoadedDomain],
    today: date,
    absent: Iterable[str] = (),
    planned: Mapping[str, Planned] | None = None,
) -> tuple[tuple[Violation, ...], tuple[str, ...]]:
    """Violations of the rules over functions, and notes on functions of which they say nothing certain.

    Args:
        domains: every domain of the workspace that loads.
        absent: names of those that do not load.
        planned: plans of their functions; made in this process without them.
    """
    from mesh_pipelines.governance.rules import functions

    federation = Federation(tuple(domains), today, frozenset(absent), planned)
    found = tuple(violation for rule in functions.FUNCTION_RULES for violation in rule.check(federation))
    return found, tuple(functions.notes(federation))
