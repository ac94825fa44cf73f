"""Cost of a sensor's tick: a domain of 200 models, and a domain with ten years of months.

Run: python -m benchmarks ticks
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks._measure import Figure, Sample, Work, alternate, at_most, load, run

MODELS = 200
MAX_SECONDS = 1.0
MAX_RATIO = 1.2
LOOKS = 30
DOMAIN = "many"
_FEATURES = """

@feature_set(key=("machine", "day"), time="day")
def features_{number}(readings: pl.LazyFrame) -> pl.LazyFrame:
    return readings
"""
_MODEL = """
model_{number} = model(
    features="features_{number}", target="repaired", objective="binary:logistic", metric="auc", rounds=1,
    baseline=("machine",),
)
"""


def figures(*, quick: bool = False) -> list[Figure]:
    """A tick over many models, and over many months."""
    models = 20 if quick else MODELS
    with _home() as home:
        many = run(
            "ticks", "tick", env={"MESH_HOME": f"{home}/.mesh"}, root=str(home), models=models, past=1
        ).result
    with _home() as young, _home() as old:
        # In turns, each time in a process of its own: a tick takes so little that the machine's mood would decide.
        found = alternate(
            {
                "12": lambda: _tick(young, 12),
                "120": lambda: _tick(old, 120),
            },
            1 if quick else 7,
        )
    months = {
        past: statistics.median(s.result["seconds"] for s in samples) for past, samples in found.items()
    }
    return [
        at_most(
            f"a tick over {models} models, nothing changed",
            many["seconds"],
            MAX_SECONDS,
            unit=" s",
            note=f"median of {LOOKS}, processor time; the first of a process {many['first']:.2f} s",
        ),
        at_most(
            f"a tick over {models} models, the registry changed",
            many["changed"],
            MAX_SECONDS,
            unit=" s",
            note="every model is asked about again",
        ),
        at_most(
            "a tick after 120 versions of everything / after 12",
            months["120"] / months["12"],
            MAX_RATIO,
            note=f"{1000 * months['120']:.1f} ms / {1000 * months['12']:.1f} ms",
        ),
    ]


def _tick(home: Path, past: int) -> Sample:
    return run("ticks", "tick", env={"MESH_HOME": f"{home}/.mesh"}, root=str(home), models=4, past=past)


def tick(root: str, models: int, past: int) -> Work:
    """Ticks over a domain whose every model has been trained ``past`` times, each time on other features."""
    load("dagster", "mlflow", "deltalake")
    import dagster as dg

    from mesh_pipelines.governance.load_mesh import load_sound_mesh
    from mesh_pipelines.modeling.registry import registry_of
    from mesh_pipelines.orchestration.tick import attempts_in
    from mesh_pipelines.planning.lookup import facts_of
    from mesh_pipelines.planning.next_run import NoRun, next_run
    from mesh_pipelines.shared import shared_resources
    from mesh_pipelines.testing import workspace

    with workspace(Path(root)):
        built = (Path(root) / "domains" / DOMAIN).exists()
        mesh = load_sound_mesh(Path(root)) if built else _build(Path(root), models, past)
    shared, instance = shared_resources(), dg.DagsterInstance.ephemeral()

    def look() -> float:
        begun = time.process_time()
        facts = facts_of(mesh.nodes, shared, settle=1.0, instance=lambda: instance)
        found = next_run(mesh, DOMAIN, facts, attempts_in(instance, DOMAIN))
        took = time.process_time() - begun
        if not isinstance(found, NoRun) or found.reason != "everything is up to date":
            raise SystemExit(f"the benchmark's mesh is not up to date: {found}")
        return took

    def work() -> Mapping[str, Any]:
        first = look()
        changed: list[float] = []
        for number in range(3):
            registry_of(shared).client.set_registered_model_tag(f"{DOMAIN}.model_0", "looked", str(number))
            changed.append(look())
        time.sleep(2.5)  # the registry's file has come to rest
        look()
        seconds = statistics.median(look() for _ in range(LOOKS))
        return {"first": first, "changed": statistics.median(changed), "seconds": seconds}

    return work


def _build(root: Path, models: int, past: int) -> Any:
    """A domain whose product is made for real; its features and models are written down as if they had been."""
    import polars as pl

    from mesh_pipelines.declaring.load import model_spec
    from mesh_pipelines.governance.load_mesh import load_sound_mesh
    from mesh_pipelines.modeling.registry import registry_of
    from mesh_pipelines.orchestration.run import run as run_mesh
    from mesh_pipelines.publishing.record import PublishRecord
    from mesh_pipelines.scaffold import new_domain
    from mesh_pipelines.shared import shared_resources
    from resources.lake.table_version import TableVersion

    new_domain(DOMAIN, root)
    folder, numbers = root / "domains" / DOMAIN, range(models)
    for name in ("contracts/repair_forecast.odcs.yaml", "features.py", "models.py"):
        (folder / name).unlink()
    head = "import polars as pl\n\nfrom mesh_pipelines import feature_set\n"
    (folder / "features.py").write_text(head + "".join(_FEATURES.format(number=n) for n in numbers))
    (folder / "models.py").write_text(
        "from mesh_pipelines import model\n" + "".join(_MODEL.format(number=n) for n in numbers)
    )
    mesh = load_sound_mesh(root)
    shared, nodes = shared_resources(), mesh.nodes
    rows = pl.DataFrame({"machine": ["m"], "day": ["2026-01-01"], "number": [0]})
    public = dict.fromkeys(rows.columns, "public")

    def publish(key: str, inputs: Mapping[str, TableVersion], **record: Any) -> dict[str, TableVersion]:
        """Every version of a table, each with other rows."""
        for number in range(past):
            with shared.lake.stage(key, dict(rows.schema), public) as stage:
                stage.write(rows.with_columns(number=pl.lit(number, pl.Int64)))
                made = PublishRecord(code_version=nodes[key].version_of_code, inputs=inputs, **record)
                stage.commit(made.to_json(), replace="all")
        last = shared.lake.record(key)
        return {key: TableVersion(key, last.version, last.data_version)}

    key = f"{DOMAIN}.readings_raw"
    if not run_mesh([key], mesh=mesh).ok:
        raise SystemExit(f"{key} could not be made")
    raw = publish(key, {}, landed=PublishRecord.of(shared.lake.record(key)).landed)
    readings = publish(f"{DOMAIN}.readings", raw)
    client = registry_of(shared).client
    for n in numbers:
        key, features = f"{DOMAIN}.model_{n}", publish(f"{DOMAIN}.features_{n}", readings)
        read = {
            name: {"version": one.version, "data_version": one.data_version} for name, one in features.items()
        }
        client.create_registered_model(key)
        digest = model_spec(nodes[key], nodes).digest
        for number in range(past):
            tags = {
                "spec_digest": digest,
                "inputs": json.dumps(read),
                "gate": "promoted",
                "trained_at": "",
            }
            client.create_model_version(key, source=f"file:///{key}/{number}", tags=tags)
        client.set_registered_model_alias(key, "champion", str(past))
    return mesh


@contextmanager
def _home() -> Generator[Path]:
    home = Path(tempfile.mkdtemp(prefix="mesh-bench-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)
