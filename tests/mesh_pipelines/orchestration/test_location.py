"""Code locations: what Dagster is given of each domain, by declaration or by hand, and that each loads by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from mesh_pipelines.dagster_names import IF_STALE, asset_key
from mesh_pipelines.declaring.mesh import Location, Mesh, read_workspace
from mesh_pipelines.declaring.node import Node, ProductNode
from mesh_pipelines.governance.load_mesh import load_mesh
from mesh_pipelines.orchestration.assets import DAGSTER_KINDS, GROUPS
from mesh_pipelines.orchestration.location import definitions
from mesh_pipelines.publishing.quarantine import QUARANTINE
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.steps.checks import checks_of
from quality.contract import load_contract
from quality.rules import rules_of
from tests.mesh_pipelines.run_reports import failure
from tests.mesh_pipelines.small_domains import World, promise

ROOT = Path(__file__).resolve().parents[3]
LOCATIONS = read_workspace(ROOT)
OWN = {"contracts", "tests", "README.md", "domain.yaml"}
HEAVY = ("mlflow", "great_expectations", "xgboost", "pandera", "sklearn", "matplotlib", "duckdb", "ray")
pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")
in_each = pytest.mark.parametrize("location", LOCATIONS, ids=lambda location: location.name)


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    """The mesh of this project."""
    return load_mesh(ROOT)


@pytest.fixture(scope="module")
def shown(mesh: Mesh) -> dict[str, dg.Definitions]:
    """What Dagster is given, by domain."""
    return {name: definitions(domain) for name, domain in mesh.domains.items()}


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


# -- every domain of workspace.yaml --------------------------------------------------------------------------------


@in_each
def test_a_domain_has_what_a_domain_has(location: Location) -> None:
    """README, profile, contracts and code; its folder holds nothing else."""
    folder = ROOT.joinpath(*location.package.split("."))
    assert (folder / "README.md").read_text(encoding="utf-8").startswith("# ")
    profile = yaml.safe_load((folder / "domain.yaml").read_text(encoding="utf-8"))
    assert {"owner", "contact", "priority", "timezone", "description"} == set(profile)
    held = {path.name for path in folder.iterdir() if path.suffix != ".py" and path.name != "__pycache__"}
    assert held <= OWN
    assert all(path.name.endswith(".odcs.yaml") for path in (folder / "contracts").iterdir())


@in_each
def test_every_contract_of_a_domain_is_somebodys(location: Location, mesh: Mesh) -> None:
    """Each contract is sound and belongs to an asset; each file is named as what it promises."""
    domain = mesh.domains[location.name]
    for file in sorted((domain.folder / "contracts").iterdir()):
        name = file.name.removesuffix(".odcs.yaml")
        node = domain.nodes[name]
        contract = load_contract(file, stage="source" if node.stage == "source" else "product")
        assert (contract.name, contract.domain) == (name, location.name)


@in_each
def test_a_domain_readme_names_what_it_publishes(location: Location, mesh: Mesh) -> None:
    """Whoever reads a domain's README finds every product and model of it."""
    domain = mesh.domains[location.name]
    text = (domain.folder / "README.md").read_text(encoding="utf-8")
    for node in domain.nodes.values():
        if node.stage in ("product", "predictions", "model"):
            assert node.name in text


@in_each
def test_a_domain_loads_alone_and_light(location: Location, tmp_path: Path) -> None:
    """In a fresh interpreter its definitions load, without a warning, without other domains and heavy libraries."""
    program = f"""
import sys
import {location.module} as module
module.defs.get_repository_def()
loaded = set(sys.modules)
heavy = sorted(name for name in {HEAVY!r} if name in loaded)
others = sorted(n for n in loaded if n.startswith('domains.') and not n.startswith({location.package!r}))
assert not heavy, heavy
assert not others, others
"""
    env = {**os.environ, "MESH_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", program],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert not (tmp_path / "home").exists(), "loading a domain writes nothing"


@pytest.mark.slow
def test_dagster_itself_finds_the_workspace_sound(tmp_path: Path) -> None:
    """``dagster definitions validate -w workspace.yaml`` passes, each domain a location of its own."""
    env = {
        **os.environ,
        "MESH_HOME": str(tmp_path),
        "DAGSTER_HOME": str(tmp_path),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }
    done = subprocess.run(
        [str(Path(sys.executable).parent / "dagster"), "definitions", "validate", "-w", "workspace.yaml"],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    for location in LOCATIONS:
        assert f"Validation successful for code location {location.name}." in said


# -- an asset written by hand -----------------------------------------------------------------------------------------

ROWS = {"id": "integer", "amount": {"logicalType": "number", "logicalTypeOptions": {"minimum": 0}}}
BYHAND = """
import dagster as dg

BAD = {bad}

@dg.asset(kinds={{"python"}}, owners=["somebody@else.example"], group_name="mine", metadata={{"wiki": "page 7"}})
def refunds() -> pl.LazyFrame:
    "What was paid back."
    return pl.LazyFrame({{"id": range(10), "amount": [-1.0] * BAD + [1.0] * (10 - BAD)}})

@dg.asset
def totals(refunds: pl.LazyFrame) -> pl.DataFrame:
    return refunds.select(id=pl.len().cast(pl.Int64), amount=pl.col("amount").sum()).collect()

@dg.asset_check(asset="refunds")
def small() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True, metadata={{"by": "hand"}})

@dg.asset_check(asset="refunds", blocking=True)
def dear(refunds: pl.LazyFrame) -> dg.AssetCheckResult:
    rows = refunds.collect().height
    return dg.AssetCheckResult(passed=rows > 1, metadata={{"rows": rows}})
"""


def by_hand(world: World, bad: int) -> dg.Definitions:
    """A domain whose assets are all written by hand; so many of the ten rows of ``refunds`` break its contract."""
    promises = (promise("shop", name, ROWS, tolerance=20) for name in ("refunds", "totals"))
    return definitions(world.load(world.write("shop", *promises, byhand=BYHAND.format(bad=bad))))


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance of this test's own."""
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as made:
        yield made


def run(shown: dg.Definitions, instance: dg.DagsterInstance, *names: str) -> dg.ExecuteInProcessResult:
    """Materialize these assets, or all, with their checks."""
    job = shown.get_repository_def().get_implicit_global_asset_job_def()
    keys = [dg.AssetKey(["shop", name]) for name in names] or None
    return job.execute_in_process(instance=instance, asset_selection=keys, raise_on_error=False)


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


def test_an_asset_by_hand_passes_the_same_gate(world: World, instance: dg.DagsterInstance) -> None:
    """Its rows are published, refused ones quarantined, checks reported, and what reads it reads the lake."""
    result = run(by_hand(world, 1), instance)
    assert result.success
    lake = shared_resources().lake
    assert lake.scan("shop.refunds").collect().height == 9
    [refused] = lake.scan("shop.refunds" + QUARANTINE).collect().to_dicts()
    assert (refused["id"], refused["amount"]) == ("0", "-1.0")
    assert lake.scan("shop.totals").collect().rows() == [(9, 9.0)]
    evaluations = {
        e.check_name: e for e in result.get_asset_check_evaluations() if e.asset_key.path[-1] == "refunds"
    }
    assert evaluations["within_tolerance"].passed
    assert evaluations["within_tolerance"].metadata["failed"].value == 1
    assert evaluations["small"].passed
    assert evaluations["dear"].metadata["rows"].value == 9


def test_an_asset_by_hand_that_breaks_its_contract_is_refused(
    world: World, instance: dg.DagsterInstance
) -> None:
    """Beyond the tolerance nothing is published or materialized, the failed check says why, nothing downstream runs."""
    result = run(by_hand(world, 3), instance, "refunds", "totals")
    assert not result.success
    assert not shared_resources().lake.exists("shop.refunds")
    assert result.get_asset_materialization_events() == []
    failed = [e.check_name for e in result.get_asset_check_evaluations() if not e.passed]
    assert "within_tolerance" in failed
    assert "30.00%" in failure(result)


@pytest.mark.parametrize("returned", ["5", "None", "[1, 2]"])
def test_an_asset_by_hand_that_returns_no_rows_is_told_so(
    world: World, instance: dg.DagsterInstance, returned: str
) -> None:
    """A function that returns something else than rows fails with what to return instead."""
    code = f"import dagster as dg\n\n@dg.asset\ndef refunds():\n    return {returned}\n"
    shown = definitions(world.load(world.write("shop", promise("shop", "refunds", ROWS), byhand=code)))
    result = run(shown, instance, "refunds")
    assert not result.success
    assert "return a pl.LazyFrame" in failure(result)


def test_an_asset_by_hand_reads_through_its_port(world: World, instance: dg.DagsterInstance) -> None:
    """With the purpose that was agreed on, another domain's product is read; with none it is not."""
    agreed = {"shop": ("planning", "2999-01-01")}
    world.write(
        "store",
        promise("store", "sales", ROWS, agreements=agreed),
        products="@data_product\ndef sales() -> pl.LazyFrame:\n"
        "    return pl.LazyFrame({'id': [1], 'amount': [2.0]})\n",
    )
    world.write(
        "shop",
        promise("shop", "refunds", ROWS),
        byhand="""
        import dagster as dg

        @dg.asset(
            ins={"sales": dg.AssetIn(["store", "sales"])},
            metadata={"mesh/ports": {"store.sales": "planning"}},
        )
        def refunds(sales: pl.LazyFrame) -> pl.LazyFrame:
            return sales
        """,
    )
    mesh = world.mesh()
    for name in ("store", "shop"):
        job = definitions(mesh.domains[name]).get_repository_def().get_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=instance, raise_on_error=False).success
    assert shared_resources().lake.scan("shop.refunds").collect().rows() == [(1, 2.0)]


FEATURES = """
@data_product
def refunds() -> pl.LazyFrame:
    "What was paid back."
    return pl.LazyFrame({"id": range(10), "amount": [1.0] * 10})

@feature_set(key=("id",), time="at")
def known(refunds: pl.LazyFrame) -> pl.LazyFrame:
    "What is known of a refund."
    return refunds.select("id", double=pl.col("amount") * 2, at=pl.datetime(2026, 1, 1, time_zone="UTC"))

@feature_set(key=("id",), time="at")
def collected(refunds: pl.LazyFrame) -> pl.LazyFrame:
    "The same, made at once."
    return refunds.select("id", at=pl.datetime(2026, 1, 1, time_zone="UTC")).collect().lazy()
"""


def test_a_feature_set_shows_its_columns(world: World, instance: dg.DagsterInstance) -> None:
    """Types as published, and what each is made of; where that cannot be told the page says why.

    A later run that leaves it as it is says so again: a page shows what the last one said.
    """
    world.write("shop", promise("shop", "refunds", ROWS), features=FEATURES)
    job = definitions(world.load("domains.shop")).get_repository_def().get_implicit_global_asset_job_def()
    known: Any = {}
    for _ in range(2):
        result = job.execute_in_process(instance=instance, tags={IF_STALE: "true"})
        known, collected = (
            result.asset_materializations_for_node(f"shop__{name}")[0].metadata
            for name in ("known", "collected")
        )
        columns: Any = known["dagster/column_schema"].value
        assert [(c.name, c.type, c.tags) for c in columns.columns] == [
            ("id", "Int64", {"classification": "internal"}),
            ("double", "Float64", {"classification": "internal"}),
            ("at", "timestamp (UTC)", {"classification": "internal"}),
        ]
        lineage: Any = known["dagster/column_lineage"].value
        refunds = dg.AssetKey(["shop", "refunds"])
        assert lineage.deps_by_column == {
            "id": [dg.TableColumnDep(refunds, "id")],
            "double": [dg.TableColumnDep(refunds, "amount")],
            "at": [],
        }
        assert [c.name for c in collected["dagster/column_schema"].value.columns] == ["id", "at"]  # type: ignore[union-attr]
        assert "dagster/column_lineage" not in collected
        assert "its function reads the rows of shop.refunds" in str(collected["column lineage"].value)
    assert "unchanged" in known
