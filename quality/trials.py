"""Tries the rules of contracts without data, through the engines that audit: row rules here, all others in a child.

A child is killed where a rule takes too long or too much memory, and another one tries the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from mesh_pipelines.errors import AuditorLost, RuleTooCostly
from quality.child import NURSERY, ChildEnded
from quality.contract import Contract
from quality.made_up import ROWS, made_up_rows
from quality.rows import broken
from quality.rules import DataRule, row_rules, rules_of
from quality.trial import RuleFault

SECONDS = 10.0
"""Most processor time (s) that the rules of one contract may take on rows that are made up."""
_MEMORY = "256MB"
_IN_CHILD = ("sql", "expectation")
_Left = dict[str, tuple[Contract, tuple[DataRule, ...]]]

_tried: dict[tuple[str, bool], tuple[RuleFault, ...]] = {}
"""Faults by digest of the contract's file, and whether it is a source's."""


def try_rules(
    contracts: Iterable[Contract], *, seconds: float = SECONDS
) -> Mapping[Path, Sequence[RuleFault]]:
    """Faults of the rules of each contract, by its file.

    Args:
        seconds: longest that the rules of one contract may take.

    Raises:
        AuditorLost: the child ended before a rule was tried.
    """
    wanted = {contract.path: contract for contract in contracts}
    left: _Left = {}
    found: dict[str, list[RuleFault]] = {}
    for contract in wanted.values():
        name = _name(contract)
        if _key(contract) in _tried or name in left:
            continue
        rules = rules_of(contract)
        found[name] = list(_faults_of_rows(contract, rules))
        if any(rule.kind in _IN_CHILD for rule in rules):
            left[name] = contract, rules
    every = dict(left)
    while left:
        _try_in_child(left, found, seconds)
    for contract in wanted.values():
        if _key(contract) not in _tried and (
            _name(contract) not in every or every[_name(contract)][0] is contract
        ):
            _tried[_key(contract)] = tuple(found[_name(contract)])
    return {path: _tried.get(_key(contract), ()) for path, contract in wanted.items()}


def _key(contract: Contract) -> tuple[str, bool]:
    return contract.digest, contract.is_source


def _name(contract: Contract) -> str:
    return f"{contract.domain}.{contract.name}"


def _faults_of_rows(contract: Contract, rules: Sequence[DataRule]) -> Iterator[RuleFault]:
    rows = made_up_rows(contract)
    for rule in row_rules(tuple(rules)):
        try:
            rows.select(broken(rule, rows.schema).any())
        except (
            pl.exceptions.PolarsError,
            pl.exceptions.PanicException,
            OverflowError,
            TypeError,
            ValueError,
        ) as error:
            words = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            yield RuleFault(
                rule.name,
                rule.place,
                f"polars cannot compare {rule.columns[0]} with it: {words}",
                f"write values that fit {contract.dtypes[rule.columns[0]]}",
            )


def _try_in_child(left: _Left, found: Mapping[str, list[RuleFault]], seconds: float) -> None:
    """Try the rest of the contracts in one child; those that were tried are taken out of ``left``."""
    child = NURSERY.child()
    try:
        child.ask(0, "try", ("", {"memory_limit": _MEMORY}), "", seconds, _MEMORY)
        for name, (contract, rules) in left.items():
            child.ask(0, "add", (name, rules, made_up_rows(contract)), name, seconds, _MEMORY)
        for name in tuple(left):
            _, rules = left.pop(name)
            try:
                found[name].extend(child.ask(0, "try_rules", (name, rules), name, seconds, _MEMORY))
            except (RuleTooCostly, ChildEnded) as error:
                found[name].append(_costly(rules, error, seconds))
                return
    except ChildEnded as error:
        raise AuditorLost(
            "the process that tries the rules of contracts has ended",
            remedy="run it again; if it ends again, see that there is memory for it",
        ) from error
    finally:
        child.close()


def _costly(rules: Sequence[DataRule], error: Exception, seconds: float) -> RuleFault:
    """The fault of the rule that was tried when the child was killed or ended."""
    where = error.where if isinstance(error, RuleTooCostly) else ""
    name = where.partition(", rule ")[2]
    rule = next((rule for rule in rules if rule.name == name), None)
    return RuleFault(
        name,
        rule.place if rule else "",
        f"takes longer than {seconds:g} s, or more memory than {_MEMORY}, for {ROWS} rows that were made up",
        "make it cheaper: it is computed anew for every candidate",
    )
