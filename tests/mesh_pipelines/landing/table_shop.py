"""A domain that reads one table of a real PostgreSQL, brought up to date as its step does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mesh_pipelines.declaring.node import Node
from mesh_pipelines.landing.landed import Known, Landed
from mesh_pipelines.landing.tables import TableLanding
from mesh_pipelines.orchestration.run import run
from mesh_pipelines.orchestration.run_report import StepReport
from mesh_pipelines.publishing.publish import publish
from mesh_pipelines.publishing.record import PublishRecord
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.steps.source import source_candidate
from resources.database import Database
from resources.settings import get_settings
from tests.mesh_pipelines.postgres import Postgres
from tests.mesh_pipelines.small_domains import World, promise

KEY = "shop.orders_raw"
TABLE = "CREATE TABLE sales.orders (id bigint, city text, changed_at timestamptz)"
COLUMNS: dict[str, Any] = {
    "id": "integer",
    "city": "string",
    "changed_at": "timestamp",
}
NOON = "2024-01-01 12:00+00"


@dataclass(frozen=True)
class Shop:
    """A domain that reads one table.

    Args:
        world: its workspace.
        database: where the table is.
    """

    world: World
    database: Postgres

    def declare(self, arguments: str, columns: dict[str, Any] | None = None, **more: Any) -> Node:
        """Write the domain: ``orders_raw = sql_source(<arguments>)``."""
        code = f"from mesh_pipelines import sql_source\n\norders_raw = sql_source({arguments})\n"
        package = self.world.write(
            "shop", promise("shop", "orders_raw", columns or COLUMNS, **more), sources=code
        )
        return self.world.load(package).nodes["orders_raw"]

    def run(self, **options: Any) -> StepReport:
        """Bring it up to date, as ``mesh run`` does."""
        return run(["shop"], **options).steps[0]

    def make(self, node: Node, *, anew: bool = False) -> str:
        """Bring it up to date as its step does, without Dagster around it: ``done`` or ``up to date``."""
        before = shared_resources().record(KEY)
        with place(node) as landing:
            parts = (
                tuple(landing.look(PublishRecord.of(before).landed).by_partition())
                if node.partitioned
                else None
            )
            found = source_candidate(node, landing, before, parts, anew=anew)
            if found is None:
                return "up to date"
            publish(shared_resources(), node, found[0], {}, "run")
        return "done"

    def rows(self) -> list[tuple[Any, ...]]:
        """Id and city of what is published, by id."""
        return shared_resources().lake.scan(KEY).select("id", "city").sort("id", "city").collect().rows()

    def in_database(self) -> list[tuple[Any, ...]]:
        """Id and city of the table's rows, by id."""
        with Database("shop", self.database.url) as database:
            return database.rows("SELECT id, city FROM sales.orders ORDER BY id, city")

    def refused(self) -> list[tuple[Any, ...]]:
        """Id and city of what is in quarantine."""
        lake = shared_resources().lake
        if not lake.exists(f"{KEY}__quarantine"):
            return []
        return lake.scan(f"{KEY}__quarantine").select("id", "city").sort("id").collect().rows()


def place(node: Node) -> TableLanding:
    """Where the rows of a source come from."""
    return TableLanding(node.declaration, node, get_settings())  # type: ignore[arg-type]


def look(node: Node, known: Known, *, settle: float = 0.0) -> Landed:
    """One look by itself."""
    with place(node) as landing:
        return landing.look(known, settle=settle)


SNAPSHOT = '"sales.orders", database="shop"'
WATERMARK = '"sales.orders", database="shop", watermark="changed_at"'
