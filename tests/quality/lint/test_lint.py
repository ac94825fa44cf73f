"""Whatever is wrong with a contract is reported at once, with place and fix."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from inspect import isabstract
from pathlib import Path
from pkgutil import iter_modules

import pytest

from mesh_pipelines.errors import ContractError, Violation
from quality import lint
from quality.contract import load_contract
from quality.lint.draft import Draft
from quality.lint.lint import CONTRACT_RULES, violations_of_federation
from quality.lint.rule import Rule
from tests.quality.lint.broken_contracts import BROKEN, NOTHING_KEEPS, Document, Rewrite, refused


@pytest.mark.odd_input("declarations that cannot run", "held up")
@pytest.mark.parametrize("case", NOTHING_KEEPS)
def test_a_promise_that_nothing_keeps_is_reported_once(rewrite: Rewrite, case: str) -> None:
    """When the contract is read, with file, place and fix, and by one rule."""
    assert len(refused(rewrite, NOTHING_KEEPS[case])) == 1


def test_all_faults_are_reported_together(rewrite: Rewrite) -> None:
    """A team mends a contract in one go."""
    cases = (
        "typo in a property",
        "no classification",
        "no team",
        "a unit nobody knows",
        "typo in the description",
    )

    def change(document: Document) -> None:
        for case in cases:
            BROKEN[case][0](document)

    path = rewrite(change)
    with pytest.raises(ContractError) as error:
        load_contract(path)
    for case in cases:
        assert any(BROKEN[case][1] in v.where for v in error.value.violations), case


def test_every_rule_is_shown_to_refuse(rewrite: Rewrite) -> None:
    """A rule that is added to the federation is added to the broken contracts."""
    broken: set[str] = set()
    for change, _, _ in BROKEN.values():
        with pytest.raises(ContractError) as error:
            load_contract(rewrite(change))
        broken |= {violation.rule for violation in error.value.violations}
    assert {type(rule).__name__ for rule in CONTRACT_RULES} <= broken


def test_every_rule_that_is_written_is_in_the_register() -> None:
    """The linter runs each rule of its room once, and every rule says why it exists."""
    modules = [import_module(f"{lint.__name__}.{found.name}") for found in iter_modules(lint.__path__)]
    written = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == module.__name__
    ]
    assert {kind for kind in written if not isabstract(kind)} == {type(rule) for rule in CONTRACT_RULES}
    assert len({type(rule) for rule in CONTRACT_RULES}) == len(CONTRACT_RULES)
    assert all(type(rule).__doc__ for rule in CONTRACT_RULES)


def test_a_rule_that_is_not_in_the_register_judges_no_contract(rewrite: Rewrite) -> None:
    """To define a rule somewhere in the process is not to add it to the federation."""

    class NothingIsAllowed(Rule[Draft]):
        """Refuses every contract."""

        def check(self, draft: Draft) -> Iterator[Violation]:
            yield self.violation(draft.place("id"), "is a contract", "write none")

    path = rewrite(lambda document: None)
    [found] = NothingIsAllowed().check(Draft({}, path))
    assert found == Violation("NothingIsAllowed", f"{path}: id", "is a contract", "write none")
    assert load_contract(path).name == "flights"


def test_a_document_that_breaks_the_standard_is_judged_as_far_as_it_goes() -> None:
    """A rule that fails on it is passed over, and the others find what they find."""
    path = Path("orders.odcs.yaml")
    found = violations_of_federation({"schema": [{"name": "orders"}], "team": 1}, path, sound=False)
    assert {"OneSchemaObject", "Owned", "Served"} <= {violation.rule for violation in found}
    with pytest.raises(TypeError):
        violations_of_federation({"schema": 1}, path)
