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
from quality.rule_trial import RuleFault
from quality.rules import DataRule, row_rules, rules_of
from quality.tried_rules import key_of, read, write

SECONDS = 10.0
"""Most processor time (s) that the rules of one contract may take on rows that are made up."""
_MEMORY = "256MB"
_IN_CHILD = ("sql", "expectation")
_Left = dict[str, tuple[Contract, tuple[DataRule, ...]]]

_tried: dict[str, tuple[RuleFault, ...]] = {}
"""Faults that this process knows, by :func:`quality.tried_rules.key_of`."""


def try_rules(
    contracts: Iterable[Contract], *, seconds: float = SECONDS, memory: Path | None = None
) -> Mapping[Path, Sequence[RuleFault]]:
    """Faults of the rules of each contract, by its file.

    Args:
        seconds: processor time that the rules of one contract may take.

    Raises:
        AuditorLost: the child ended before a rule was tried.
    """
    keys = {key_of(contract): contract for contract in contracts}
    before = read(memory)
    for key in keys:
        if key in before:
            _tried.setdefault(key, before[key])
    left: _Left = {}
    found: dict[str, list[RuleFault]] = {}
    for key, contract in keys.items():
        if key in _tried:
            continue
        rules = rules_of(contract)
        found[key] = list(_faults_of_rows(contract, rules))
        if any(rule.kind in _IN_CHILD for rule in rules):
            left[key] = contract, rules
    while left:
        _try_in_child(left, found, seconds)
    _tried.update((key, tuple(faults)) for key, faults in found.items())
    known = {key: _tried[key] for key in keys}
    if known != before:
        write(memory, known)
    return {contract.path: known[key] for key, contract in keys.items()}


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
        for key, (contract, rules) in left.items():
            child.ask(0, "add", (key, contract.name, rules, made_up_rows(contract)), key, seconds, _MEMORY)
        for key in tuple(left):
            contract, rules = left.pop(key)
            name = f"{contract.domain}.{contract.name}"
            try:
                found[key].extend(child.ask(0, "try_rules", (key, rules), name, seconds, _MEMORY))
            except (RuleTooCostly, ChildEnded) as error:
                found[key].append(_costly(rules, error, seconds))
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
