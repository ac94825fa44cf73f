"""The Dagster asset of each node: key, group, owners, tags, columns, checks, code and partitions."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mesh_pipelines.dagster_names import asset_key
from mesh_pipelines.declaring.mesh import Location, Mesh, read_workspace
from mesh_pipelines.declaring.node import Node, ProductNode
from mesh_pipelines.governance.load_mesh import load_mesh
from mesh_pipelines.orchestration import assets
from mesh_pipelines.orchestration.assets import DAGSTER_KINDS, GROUPS, partitions_of
from mesh_pipelines.steps.checks import checks_of
from quality.rules import rules_of
from tests.mesh_pipelines.by_hand import by_hand
from tests.mesh_pipelines.small_domains import World, promise, read_promise

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")


ROOT = Path(__file__).resolve().parents[3]


LOCATIONS = read_workspace(ROOT)

in_each = pytest.mark.parametrize("location", LOCATIONS, ids=lambda location: location.name)

YEAR = [f"2013-{month:02d}" for month in range(1, 13)]


def spec_of(shown: dict[str, dg.Definitions], node: Node) -> dg.AssetSpec:
    """The spec of a node as Dagster shows it."""
    return shown[node.domain].get_repository_def().asset_graph.get(asset_key(node.key)).to_asset_spec()


def metadata_of(shown: dict[str, dg.Definitions], node: Node) -> dict[str, Any]:
    """The metadata of a node as Dagster shows it."""
    return dict(shown[node.domain].get_repository_def().asset_graph.get(asset_key(node.key)).metadata)


@in_each
def test_every_asset_is_named_grouped_and_owned(
    location: Location, mesh: Mesh, shown: dict[str, Any]
) -> None:
    """Key ``[domain, name]``, group by domain and stage, the domain's owners and tags, at most three kinds."""
    domain = mesh.domains[location.name]
    graph = shown[domain.name].get_repository_def().asset_graph
    for node in domain.nodes.values():
        asset = graph.get(dg.AssetKey([domain.name, node.name]))
        assert asset.group_name == f"{domain.name}_{GROUPS[type(node)]}"
        assert domain.profile.contact in asset.owners
        assert any(owner.startswith("team:") for owner in asset.owners)
        assert (asset.tags["mesh/domain"], asset.tags["mesh/stage"]) == (domain.name, node.stage)
        kinds = {tag.removeprefix("dagster/kind/") for tag in asset.tags if tag.startswith("dagster/kind/")}
        assert kinds
        assert len(kinds) <= 3
        assert kinds <= set().union(*DAGSTER_KINDS.values(), {"duckdb"})
        assert ("duckdb" in kinds) == (node.key == "fleet.utilisation")  # the one product made by SQL
        assert asset.code_version == node.version_of_code
        assert {i.key for i in node.inputs} == {".".join(key.path) for key in asset.parent_keys}


@in_each
def test_every_asset_says_what_it_is(location: Location, mesh: Mesh, shown: dict[str, Any]) -> None:
    """A description; of a promise its card: version, grain, key, what may be refused."""
    for node in mesh.domains[location.name].nodes.values():
        description = spec_of(shown, node).description
        assert description
        if node.contract and node.stage not in ("model", "champion"):
            for words in (node.contract.version, node.contract.grain, *node.contract.key, "| promise |"):
                assert words in description


@in_each
def test_columns_lineage_and_freshness_come_from_the_contract(
    location: Location, mesh: Mesh, shown: dict[str, Any]
) -> None:
    """The UI shows each column's type, class and constraints, what it was made from, and when it is overdue."""
    for node in mesh.domains[location.name].nodes.values():
        contract = node.contract
        if contract is None or node.stage in ("model", "champion"):
            continue
        metadata = metadata_of(shown, node)
        columns: dg.TableSchema = metadata["dagster/column_schema"]
        assert [c.name for c in columns.columns] == [c.name for c in contract.columns]
        assert [c.tags["classification"] for c in columns.columns] == [
            c.classification for c in contract.columns
        ]
        assert [not c.constraints.nullable for c in columns.columns] == [c.required for c in contract.columns]
        if any(c.sources for c in contract.columns):
            lineage: dg.TableColumnLineage = metadata["dagster/column_lineage"]
            for column in contract.columns:
                found = [
                    ".".join([*d.asset_key.path, d.column_name])
                    for d in lineage.deps_by_column.get(column.name, [])
                ]
                # What is made of a whole asset, such as a score, is made of no column of it more than of another.
                of_columns = all(source.count(".") == 2 for source in column.sources)
                assert sorted(found) == (sorted(column.sources) if of_columns else [])
        if contract.sla.freshness:
            policy = (
                shown[node.domain].get_repository_def().asset_graph.get(asset_key(node.key)).freshness_policy
            )
            assert policy is not None
            assert policy.fail_window.to_timedelta() == contract.sla.freshness


@in_each
def test_every_rule_is_a_check_of_its_asset(location: Location, mesh: Mesh, shown: dict[str, Any]) -> None:
    """Each rule of a contract is a check on its product; those that refuse a candidate block."""
    graph = shown[location.name].get_repository_def().asset_graph
    for node in mesh.domains[location.name].nodes.values():
        there = {
            key.name: graph.get_check_spec(key)
            for key in graph.get_check_keys_for_assets({asset_key(node.key)})
        }
        assert {check.name for check in checks_of(node)} <= set(there)
        if node.contract and node.stage not in ("model", "champion"):
            for rule in rules_of(node.contract):
                assert there[rule.name].blocking == (rule.severity == "error")
                assert there[rule.name].description
            assert {"columns_conform", "within_tolerance"} <= set(there)
        if node.stage == "model":
            assert "rebuilds_bit_for_bit" in there
        if node.stage == "champion":
            assert {"floors", "beats_baseline", "not_worse_than_champion", "no_slice_left_behind"} <= set(
                there
            )


@in_each
def test_every_asset_leads_to_its_code(location: Location, mesh: Mesh, shown: dict[str, Any]) -> None:
    """Code references name the file and line of its declaration, and the contract; the files exist."""
    for node in mesh.domains[location.name].nodes.values():
        references = metadata_of(shown, node)["dagster/code_references"].value.code_references
        files = [Path(reference.file_path) for reference in references]
        assert all(file.is_file() for file in files)
        if node.contract and node.stage not in ("model", "champion"):
            assert node.contract.path in files
        first = files[0].read_text(encoding="utf-8").splitlines()[references[0].line_number - 1 :][:6]
        name = node.name.removesuffix("_champion")
        fn = node.declaration.fn if node.declaration else None
        assert any(f"def {name}(" in line for line in first) if fn else first[0].startswith(f"{name} = ")


@in_each
def test_products_of_others_are_shown_as_what_they_are(
    location: Location, mesh: Mesh, shown: dict[str, Any]
) -> None:
    """A port's product is in this location's lineage, but it is not this domain's to make."""
    graph = shown[location.name].get_repository_def().asset_graph
    foreign = {key for key in graph.get_all_asset_keys() if key.path[0] != location.name}
    wanted = {i.key for n in mesh.domains[location.name].nodes.values() for i in n.inputs if i.port}
    assert {".".join(key.path) for key in foreign} == wanted
    assert not any(graph.get(key).is_executable for key in foreign)


def test_an_asset_by_hand_gets_what_every_asset_gets(world: World) -> None:
    """Key, owners, group, columns and checks are the domain's and the contract's; what it says of itself stays."""
    graph = by_hand(world, 0).get_repository_def().asset_graph
    asset = graph.get(dg.AssetKey(["shop", "refunds"]))
    assert (asset.group_name, asset.tags["mesh/domain"]) == ("shop_products", "shop")
    assert set(asset.owners) == {"team:a_team", "team@mesh.example"}
    assert asset.description == "What was paid back."
    assert asset.metadata["wiki"] == "page 7"
    assert [c.name for c in asset.metadata["dagster/column_schema"].columns] == ["id", "amount"]
    kinds = {tag.removeprefix("dagster/kind/") for tag in asset.tags if tag.startswith("dagster/kind/")}
    assert kinds >= DAGSTER_KINDS[ProductNode]
    checks = {key.name for key in graph.get_check_keys_for_assets({asset.key})}
    assert {"columns_conform", "within_tolerance", "has_rows", "small", "dear"} <= checks
    assert graph.get(dg.AssetKey(["shop", "totals"])).parent_keys == {asset.key}


@pytest.mark.parametrize(
    ("every", "since", "until", "last"),
    [
        ("month", "2013-01", "2013-12", "2013-12"),
        ("day", "2013-12-30", "2013-12-31", "2013-12-31"),
        ("year", "2011", "2013", "2013"),
        ("month", "2013-11", "2013-11", "2013-11"),
    ],
)
def test_dagster_has_the_declared_partitions_and_no_others(
    tmp_path: Path, every: str, since: str, until: str, last: str
) -> None:
    """The last one is in, the one after it is not."""
    document = promise("shop", "orders", {"id": "integer", "month": "string"}, partitions=since, until=until)
    document["customProperties"][1]["value"]["every"] = every
    found = partitions_of(read_promise(tmp_path, document))
    assert found is not None
    names = found.get_partition_keys()
    assert (names[0], names[-1]) == (since, last)


def test_the_year_of_the_data_is_all_that_is_shown() -> None:
    """The departures and the weather are of 2013: no month after it is shown as missing."""
    mesh = load_mesh(Path(__file__).resolve().parents[3])
    cut = [node for node in mesh.nodes.values() if node.partitioned]
    assert cut
    for node in cut:
        found = partitions_of(node.contract)
        assert found is not None
        assert list(found.get_partition_keys()) == YEAR, node.key


def test_a_contract_that_ends_with_the_calendar_has_no_end(tmp_path: Path) -> None:
    """Dagster's end is the first partition that is not there, and after the year 9999 there is none."""
    document = promise(
        "shop", "orders", {"id": "integer", "month": "string"}, partitions="2013-01", until="9999-12"
    )
    found = partitions_of(read_promise(tmp_path, document))
    assert found is not None
    names = found.get_partition_keys(current_time=datetime(2013, 4, 2, tzinfo=UTC))
    assert list(names) == ["2013-01", "2013-02", "2013-03"]


def test_what_is_not_cut_has_no_partitions(tmp_path: Path) -> None:
    """A contract without partitions, and no contract."""
    assert partitions_of(read_promise(tmp_path, promise("shop", "orders", {"id": "integer"}))) is None
    assert partitions_of(None) is None


@pytest.mark.parametrize(
    ("owner", "contact", "owners"),
    [
        ("A team", "team@mesh.example", ["team:a_team", "team@mesh.example"]),
        ("Ops & Weather (north)", "#ops", ["team:ops___weather__north"]),
        ("Équipe Données", "a@b.example", ["team:équipe_données", "a@b.example"]),
        ("...", "", []),
        ("", "", []),
    ],
)
def test_any_owner_is_one_that_dagster_takes(owner: str, contact: str, owners: list[str]) -> None:
    """A team's name in letters, digits and underscores; a contact that is no address is shown on the page alone."""
    assert assets._owners(owner, contact) == owners
    assert list(dg.AssetSpec("a", owners=owners).owners) == owners


def test_the_kinds_of_an_asset_are_at_most_three() -> None:
    """Those of the engines come before what its author named."""
    assert assets._kinds({"polars", "pandera", "deltalake"}, {"python"}) == {"polars", "pandera", "deltalake"}
    assert assets._kinds({"mlflow"}, {"python", "excel", "sql", "mlflow"}) == {"mlflow", "excel", "python"}
    assert assets._kinds(set(), set()) == set()
