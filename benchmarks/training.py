"""Training from a published, encrypted feature set against bare XGBoost on the same rows in plain Parquet.

    python -m benchmarks.training [--rows 10000000] [--rounds 30] [--repeat 1] [--folder DIR] [--json]

Each variant runs in a process of its own, one after the other, and gives its wall time (imports left out) and its
peak memory. ``bare`` does what a plain script would: iterator, QuantileDMatrix, train, save. ``mesh`` is the platform's
whole training step: split in time, learn the categories, ordered digest of the data, train, score the holdout, compare
with the baseline, by slice. ``fit`` is the part of it that ``bare`` does. ``external`` is ``mesh`` with a bound on
memory below the data.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks._measure import Figure, at_most, peak_gib

FEATURES = 20
KEY = "bench.features"
ORIGINS = tuple(f"port-{index:02d}" for index in range(30))
CARRIERS = tuple(f"carrier-{index:02d}" for index in range(12))
PARAMS = {"max_depth": 6, "learning_rate": 0.1}
SEED = 7
BATCH = 250_000
#: rows span thirty days, the last three of which are the holdout
DAYS, HOLDOUT_DAYS = 30, 3
MAX_RATIO, MAX_PEAK_GIB = 1.2, 1.6


def _batches(rows: int) -> Iterator[Any]:
    import numpy as np
    import polars as pl

    random = np.random.default_rng(SEED)
    start = np.datetime64("2013-01-01T00:00:00", "us")
    step = DAYS * 86_400_000_000 // rows
    for first in range(0, rows, 1_000_000):
        size = min(1_000_000, rows - first)
        numbers = {f"f{index:02d}": random.normal(size=size).astype("f4") for index in range(FEATURES - 2)}
        origin, carrier = random.integers(0, len(ORIGINS), size), random.integers(0, len(CARRIERS), size)
        signal = numbers["f00"] * numbers["f01"] + numbers["f02"] + origin / 20 - carrier / 10
        yield pl.DataFrame(
            {
                "id": np.arange(first, first + size),
                "at": start + np.arange(first, first + size) * step,
                "origin": np.array(ORIGINS)[origin],
                "carrier": np.array(CARRIERS)[carrier],
                **numbers,
                "late": signal + random.normal(size=size) > 1,
            }
        ).with_columns(pl.col("at").dt.replace_time_zone("UTC"))


def _lake(folder: Path) -> Any:
    from resources.keys.keyring import Keyring
    from resources.lake.lake import Lake

    return Lake(str(folder / "lake"), Keyring(folder / "keys"))


def prepare(folder: Path, rows: int) -> dict[str, Any]:
    """Publish the feature set to an encrypted lake, and write the same rows as plain Parquet."""
    import polars as pl

    (folder / "plain").mkdir(parents=True)
    schema = next(_batches(1000)).schema
    classification = dict.fromkeys(schema, "confidential") | {"id": "public"}
    with _lake(folder).stage(KEY, dict(schema), classification) as stage:
        for number, batch in enumerate(_batches(rows)):
            batch.write_parquet(folder / "plain" / f"{number:05d}.parquet")
            stage.write(batch)
        stage.commit({"benchmark": "training"})
    return {"rows": pl.scan_parquet(folder / "plain").select(pl.len()).collect().item()}


def _spec(rounds: int, max_memory: int | None) -> Any:
    from mesh_pipelines.declaring.model_spec import ModelSpec

    return ModelSpec(
        key="bench.late",
        features=KEY,
        target="late",
        time="at",
        ignore=("id",),
        params=PARAMS,
        rounds=rounds,
        seed=SEED,
        baseline=("origin", "carrier"),
        slices=("origin", "carrier"),
        holdout=f"{HOLDOUT_DAYS}d",
        max_memory=max_memory,
    )


def bare(folder: Path, rounds: int) -> Callable[[], dict[str, Any]]:
    """A plain script: plain Parquet, an iterator, QuantileDMatrix, train."""
    import polars as pl
    import xgboost

    kinds = {"origin": pl.Enum(sorted(ORIGINS)), "carrier": pl.Enum(sorted(CARRIERS))}

    def run() -> dict[str, Any]:
        frame = pl.scan_parquet(folder / "plain")
        until = frame.select(pl.col("at").max().dt.offset_by(f"-{HOLDOUT_DAYS}d")).collect().item()
        past = frame.filter(pl.col("at") <= until).drop("id", "at").cast(kinds)  # pyright: ignore[reportArgumentType]

        class Batches(xgboost.DataIter):
            def next(self, input_data: Any) -> bool:
                batch = next(self.batches, None)
                if batch is None:
                    return False
                input_data(data=batch.drop("late"), label=batch["late"].to_numpy())
                return True

            def reset(self) -> None:
                self.batches = iter(past.collect_batches(chunk_size=BATCH, maintain_order=True, lazy=True))

        data = xgboost.QuantileDMatrix(Batches(), enable_categorical=True)
        params = {"objective": "binary:logistic", "tree_method": "hist", "seed": SEED, **PARAMS}
        model = bytes(xgboost.train(params, data, rounds).save_raw("ubj"))
        return {"sha256": hashlib.sha256(model).hexdigest()}

    return run


def mesh(folder: Path, rounds: int, max_memory: int | None = None) -> Callable[[], dict[str, Any]]:
    """The platform's training step, from the encrypted lake."""
    importlib.import_module("xgboost")  # imports are not timed, in any variant

    from mesh_pipelines.modeling.training import train

    lake, spec = _lake(folder), _spec(rounds, max_memory)

    def run() -> dict[str, Any]:
        trained = train(spec, lake.scan(KEY), batch_rows=BATCH)
        return {
            "sha256": trained.sha256,
            "auc": trained.metrics["auc"],
            "external": trained.record.external_memory,
        }

    return run


def fit(folder: Path, rounds: int) -> Callable[[], dict[str, Any]]:
    """The part of the platform's training step that ``bare`` does too."""
    importlib.import_module("xgboost")

    from mesh_pipelines.modeling import training
    from mesh_pipelines.modeling.matrix import learn_schema
    from mesh_pipelines.modeling.split import plan_split

    lake, spec = _lake(folder), _spec(rounds, None)

    def run() -> dict[str, Any]:
        frame = lake.scan(KEY)
        split = plan_split(frame, spec)
        past = split.train(frame, spec.time, spec.target)
        schema = learn_schema(spec, past)
        rows = split.train_rows
        model, _ = training.fit(
            past, schema, spec.target, spec.booster_params, rounds, rows=rows, batch_rows=BATCH
        )
        return {"sha256": hashlib.sha256(model).hexdigest()}

    return run


def _child(variant: str, folder: Path, rows: int, rounds: int) -> dict[str, Any]:
    from resources.compute.local import prepare_for_training

    prepare_for_training()
    if variant == "prepare":
        return prepare(folder, rows)
    run = {
        "bare": lambda: bare(folder, rounds),
        "fit": lambda: fit(folder, rounds),
        "mesh": lambda: mesh(folder, rounds),
        "external": lambda: mesh(folder, rounds, max_memory=rows * FEATURES),
    }[variant]()
    started, worked = time.perf_counter(), time.process_time()
    result = run()
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    return {**result, "seconds": seconds, "cpu_seconds": cpu, "peak_gib": peak_gib()}


def _run(variant: str, folder: Path, rows: int, rounds: int) -> dict[str, Any]:
    arguments = ["--child", variant, "--folder", str(folder), "--rows", str(rows), "--rounds", str(rounds)]
    command = [sys.executable, "-m", "benchmarks.training", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(rows: int, rounds: int, repeat: int = 1, folder: Path | None = None) -> dict[str, Any]:
    """Prepare the data, run every variant ``repeat`` times in turn, and keep each one's best time."""
    own = folder is None
    place = folder or Path(tempfile.mkdtemp(prefix="mesh-bench-"))
    try:
        if not (place / "plain").exists():
            _run("prepare", place, rows, rounds)
        variants = ("bare", "mesh", "fit", "external")
        found: dict[str, list[dict[str, Any]]] = {variant: [] for variant in variants}
        for turn in range(repeat):
            for variant in variants:
                if turn == 0 or variant != "external":
                    found[variant].append(_run(variant, place, rows, rounds))
    finally:
        if own:
            shutil.rmtree(place, ignore_errors=True)
    best = {variant: min(runs, key=lambda run: run["seconds"]) for variant, runs in found.items()}
    peak = max(run["peak_gib"] for run in found["mesh"])
    ratio = best["mesh"]["seconds"] / best["bare"]["seconds"]
    used = all(run["external"] for run in found["external"]) and not any(
        run["external"] for run in found["mesh"]
    )
    hashes = {variant: sorted({run["sha256"] for run in runs}) for variant, runs in found.items()}
    return {
        "rows": rows,
        "features": FEATURES,
        "rounds": rounds,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "variants": best,
        "ratio": ratio,
        # On a machine that others use too, this is the steadier one.
        "ratio_cpu": min(run["cpu_seconds"] for run in found["mesh"])
        / min(run["cpu_seconds"] for run in found["bare"]),
        "ratio_fit": best["fit"]["seconds"] / best["bare"]["seconds"],
        "peak_gib": peak,
        "same_bytes": {
            "external memory": hashes["external"] == hashes["mesh"],
            "bare xgboost": hashes["bare"] == hashes["mesh"],
        },
        "external_used": used,
        "within_bars": ratio <= MAX_RATIO
        and peak <= MAX_PEAK_GIB
        and used
        and hashes["external"] == hashes["mesh"],
    }


def figures(*, quick: bool = False) -> list[Figure]:
    """Training from an encrypted feature set against bare XGBoost, and its peak memory."""
    found = measure(1_000_000 if quick else 10_000_000, 30, 1 if quick else 3)
    size = f"{found['rows']:,} rows x {FEATURES}"
    bare, mesh = found["variants"]["bare"]["seconds"], found["variants"]["mesh"]["seconds"]
    same, used = found["same_bytes"]["external memory"], found["external_used"]
    external = found["variants"]["external"]
    return [
        at_most(
            f"training, {size}, encrypted / bare XGBoost",
            found["ratio"],
            MAX_RATIO,
            note=f"{mesh:.1f} s / {bare:.1f} s; without judging {found['ratio_fit']:.2f}x",
        ),
        at_most(f"peak memory of training, {size}", found["peak_gib"], MAX_PEAK_GIB, unit=" GiB"),
        Figure(
            "model trained through external memory",
            "not through it" if not used else "the same bytes" if same else "other bytes",
            "the same",
            used and same,
            f"{external['seconds']:.1f} s, {external['peak_gib']:.2f} GiB at most; in memory {mesh:.1f} s, "
            f"{found['peak_gib']:.2f} GiB",
        ),
    ]


def main() -> int:
    """Measure, print a table or JSON, and exit 1 if a bar is not met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=None, help="keep the data here, to measure again")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(_child(given.child, given.folder, given.rows, given.rounds)))
        return 0
    result = measure(given.rows, given.rounds, given.repeat, given.folder)
    if given.json:
        print(json.dumps(result))
    else:
        print(f"training, {result['rows']:,} rows x {result['features']}, {result['rounds']} rounds")
        for variant, run in result["variants"].items():
            times = f"{run['seconds']:8.1f} s {run['cpu_seconds']:8.1f} s cpu"
            print(f"  {variant:<10} {times} {run['peak_gib']:7.2f} GiB  {run['sha256'][:12]}")
        external = "external memory used" if result["external_used"] else "external memory NOT used"
        ratios = f"{result['ratio']:.2f} (at most {MAX_RATIO}), cpu {result['ratio_cpu']:.2f}"
        print(f"  mesh / bare {ratios}; fit / bare {result['ratio_fit']:.2f}")
        peak = f"{result['peak_gib']:.2f} GiB (at most {MAX_PEAK_GIB})"
        print(f"  peak {peak}; same bytes: {result['same_bytes']}; {external}")
    return 0 if result["within_bars"] else 1


if __name__ == "__main__":
    sys.exit(main())
