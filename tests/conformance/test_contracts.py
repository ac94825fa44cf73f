"""Every domain's contracts: sound by the standard, and true of where the data is and what it is made of."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.validators import validator_for
from open_data_contract_standard.model import OpenDataContractStandard

from mesh_pipelines.declaring.declarations import SourceDeclaration
from mesh_pipelines.declaring.node import Node
from mesh_pipelines.errors import ContractError
from mesh_pipelines.governance.load_mesh import load_mesh
from quality.contract import load_contract
from resources.lake.lake import Lake
from resources.settings import Settings

ROOT = Path(__file__).parents[2]
CONTRACTS = sorted((ROOT / "domains").glob("*/contracts/*.odcs.yaml"))
each_contract = pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.name.partition(".")[0])


@pytest.fixture(scope="module")
def promising() -> Mapping[Path, Node]:
    """What each contract is the promise of."""
    nodes = load_mesh(ROOT).nodes.values()
    return {node.contract.path: node for node in nodes if node.contract and node.promises}


@each_contract
def test_a_contract_is_complete_by_the_standard(path: Path, promising: Mapping[Path, Node]):
    """Each contract validates against the standard's own schema and leaves out nothing that a consumer asks for."""
    schema = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text())
    contract = yaml.safe_load(path.read_text())

    validator_for(schema)(schema).validate(contract)

    promised = {"description", "servers", "schema", "team", "roles", "slaProperties", "support"}
    assert promised | {"customProperties"} <= {field for field, value in contract.items() if value}
    assert {p["property"] for p in contract["slaProperties"]} == {
        "freshness",
        "latency",
        "frequency",
        "retention",
    }
    asked = {"logicalType", "physicalType", "description", "classification"}
    if promising[path].stage != "source":
        asked.add("transformSourceObjects")
    for column in contract["schema"][0]["properties"]:
        assert asked <= {field for field, value in column.items() if value}, column["name"]
    assert {rule["type"] for rule in contract["schema"][0]["quality"]} >= {"library", "custom"}


@each_contract
def test_other_tools_read_all_of_a_contract(path: Path):
    """The standard's own model takes it without a warning, and keeps every word of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = OpenDataContractStandard.from_file(str(path))
        kept = read.model_dump(mode="json", by_alias=True, exclude_none=True)

    assert kept == yaml.safe_load(path.read_text())


@each_contract
def test_a_contract_says_where_its_data_is(path: Path, promising: Mapping[Path, Node], tmp_path: Path):
    """Below the home of the mesh: a product where the lake has it, a source where its files land."""
    node, settings = promising[path], Settings(home=tmp_path)
    place = Lake.from_settings(settings).uri(node.key)
    if isinstance(node.declaration, SourceDeclaration):
        place = f"{settings.landing}/{node.domain}/{node.declaration.pattern}"

    assert node.contract
    assert str(Path(place).relative_to(tmp_path)) in {server.location for server in node.contract.servers}


@each_contract
def test_a_column_is_made_of_what_its_asset_reads(path: Path, promising: Mapping[Path, Node]):
    """The origin of a column is an input of its asset and, where that has a contract, a column of it."""
    node = promising[path]
    columns = {above.key: above.contract.dtypes for above in promising.values() if above.contract}
    assert node.contract
    for column in node.contract.columns:
        for origin in column.sources:
            domain, name, *of = origin.split(".")
            assert f"{domain}.{name}" in {read.key for read in node.inputs}, (column.name, origin)
            assert set(of) <= set(columns.get(f"{domain}.{name}", of)), (column.name, origin)


@each_contract
def test_an_unknown_field_is_refused_at_any_depth(path: Path, promising: Mapping[Path, Node], tmp_path: Path):
    """Wherever a contract has a mapping, one more key in it is an error that names the file and the key."""
    text, stage = path.read_text(), "source" if promising[path].stage == "source" else "product"
    broken = tmp_path / path.name
    kinds = {tuple("*" if isinstance(s, int) else s for s in p): p for p in _mappings(yaml.safe_load(text))}
    for place in kinds.values():
        contract = yaml.safe_load(text)
        here = contract
        for step in place:
            here = here[step]
        here["nonsensical"] = 1
        broken.write_text(yaml.safe_dump(contract, sort_keys=False))
        with pytest.raises(ContractError) as refused:
            load_contract(broken, stage=stage)
        assert any(
            str(broken) in v.where and "nonsensical" in f"{v.where} {v.problem}"
            for v in refused.value.violations
        ), place


def _mappings(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Places of the mappings in a document, depth first."""
    if isinstance(value, dict):
        yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _mappings(inner, (*place, key))


def test_every_domain_is_a_code_location():
    """workspace.yaml has exactly one entry for each folder of a domain."""
    entries = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]

    named = {
        entry["python_module"]["location_name"]: entry["python_module"]["module_name"] for entry in entries
    }

    folders = {path.parent.name for path in (ROOT / "domains").glob("*/domain.yaml")}
    assert named == {name: f"domains.{name}.definitions" for name in folders}
