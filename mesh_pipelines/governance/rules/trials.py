"""Rules over the rules of contracts: each is tried without data, in the engine that audits."""

from __future__ import annotations

from collections.abc import Iterator

from mesh_pipelines.declaring.node import LoadedDomain
from mesh_pipelines.errors import Violation
from mesh_pipelines.governance.rules.federation import Federation
from quality.contract import Contract
from quality.lint.rule import Rule
from quality.rule_trial import RuleFault


class RulesCanRun(Rule[Federation]):
    """A rule that its engine cannot compute fails every run, and no data would help."""

    def check(self, federation: Federation) -> Iterator[Violation]:
        for domain, contract, fault in _faults(federation):
            if fault.certain:
                place = f"{domain.place_of(contract)}: {fault.place or f'rule {fault.rule}'}"
                problem = f"rule {fault.rule}: {fault.problem}"
                yield self.violation(place, problem, fault.fix, f"{domain.name}.{contract.name}")


def notes_of_rules(federation: Federation) -> Iterator[str]:
    """Rules that failed on made-up rows, and may work on others."""
    for domain, contract, fault in _faults(federation):
        if not fault.certain:
            yield f"{domain.place_of(contract)}: rule {fault.rule} may fail: {fault.problem}"


def _faults(federation: Federation) -> Iterator[tuple[LoadedDomain, Contract, RuleFault]]:
    for domain in federation.domains:
        for contract in domain.contracts:
            for fault in federation.trials.get(contract.path, ()):
                yield domain, contract, fault
