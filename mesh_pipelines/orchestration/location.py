"""``domain()``: the one call by which a domain becomes a Dagster code location.

Steps: load the package, lint it, build its assets behind their audits, provide resources. All violations are raised in
one error, each with its fix.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from mesh_pipelines.dagster_names import dotted
from mesh_pipelines.declaring.load import load_domain
from mesh_pipelines.declaring.node import LoadedDomain, ModelNode, Node
from mesh_pipelines.declaring.own_checks import step_of
from mesh_pipelines.declaring.reader import Reader
from mesh_pipelines.declaring.sever import sever
from mesh_pipelines.errors import DomainError
from mesh_pipelines.governance.import_trial import hazards_of
from mesh_pipelines.governance.lint import lint_domain
from mesh_pipelines.governance.load_mesh import hazard_violation
from mesh_pipelines.monitoring.checks import monitor_checks
from mesh_pipelines.orchestration.assets import build_asset, stubs
from mesh_pipelines.orchestration.io_manager import LakeIOManager
from mesh_pipelines.orchestration.notices import notice_sensor
from mesh_pipelines.orchestration.schedules import due_schedules
from mesh_pipelines.orchestration.sensors import update_sensor
from mesh_pipelines.orchestration.standing_notices import standing_sensor
from mesh_pipelines.steps.checks import checks_of
from mesh_pipelines.steps.context import Produce
from mesh_pipelines.steps.rebuild import rebuild_check
from resources.settings import get_settings


def domain(package: str | None) -> dg.Definitions:
    """All of a domain's assets, checks, sensors and resources, ready for Dagster.

    Args:
        package: the domain's package; in its ``definitions.py`` that is ``__package__``.

    An asset that breaks a rule by itself is left out, with a warning in the log; the others of the domain go on.

    Raises:
        DomainError: the domain as a whole breaks rules of the federation, or none of its assets is sound; every
            violation is named, with its fix.
    """
    _require_harmless(str(package))
    loaded = load_domain(str(package))
    violations = lint_domain(loaded)
    refused = {key for fault in violations for key in fault.about or (loaded.name,)}
    sound, _ = sever(loaded, refused)
    if loaded.name in refused or (violations and not sound.nodes):
        raise DomainError(f"domain {loaded.name}", violations)
    for violation in violations:
        logging.getLogger("dagster").warning("left out of %s: %s", loaded.name, violation)
    return definitions(sound)


def _require_harmless(package: str) -> None:
    """Refuse to import the modules of a domain that would end or hang this process, which is its code server or run."""
    file = getattr(sys.modules.get(package), "__file__", None)
    if file is None or not get_settings().home.is_dir():
        return  # without a home no mesh runs here: a test or a linter imports it, and nothing is written
    root = Path(file).parents[len(package.split("."))]
    if trial := hazards_of(root, [package]).get(package):
        fault = hazard_violation(package, trial)
        raise DomainError(f"domain {package.rpartition('.')[2]}", [fault])


def definitions(loaded: LoadedDomain) -> dg.Definitions:
    """Dagster definitions of a domain that has been found sound."""
    assets = [
        build_asset(node, loaded, _step(node, loaded), checks_of(node)) for node in loaded.nodes.values()
    ]
    checks = [
        _qualify(extra, loaded) for extra in loaded.extras if isinstance(extra, dg.AssetChecksDefinition)
    ]
    checks += [rebuild_check(node) for node in loaded.nodes.values() if isinstance(node, ModelNode)]
    checks += [check for node in loaded.nodes.values() for check in monitor_checks(node, loaded)]
    checks = [_recordable(check, loaded) for check in checks]
    return dg.Definitions(
        assets=[*assets, *stubs(loaded)],
        asset_checks=checks,
        jobs=[extra for extra in loaded.extras if isinstance(extra, dg.JobDefinition)],
        schedules=[
            *due_schedules(loaded),
            *(extra for extra in loaded.extras if isinstance(extra, dg.ScheduleDefinition)),
        ],
        sensors=[
            update_sensor(loaded),
            notice_sensor(loaded),
            standing_sensor(loaded),
            *(extra for extra in loaded.extras if isinstance(extra, dg.SensorDefinition)),
        ],
        resources={"io_manager": LakeIOManager(Reader("domain", loaded.name))},
        executor=dg.in_process_executor,
        loggers={"console": console},
    )


def _step(node: Node, loaded: LoadedDomain) -> Produce:
    """The step of a node; modules that only a running step needs are imported by the first run."""

    def step(context: dg.AssetExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        from mesh_pipelines.steps.produce import produce

        return produce(node, loaded)(context, inputs)

    return step


def _qualify(check: dg.AssetChecksDefinition, loaded: LoadedDomain) -> dg.AssetChecksDefinition:
    """A hand-written check whose asset is named without the domain, moved to the domain's asset."""
    full = {dg.AssetKey([name]): dg.AssetKey([loaded.name, name]) for name in loaded.nodes}
    return dg.AssetChecksDefinition.create(
        keys_by_input_name={i: full.get(key, key) for i, key in check.node_keys_by_input_name.items()},
        node_def=check.op.with_replaced_properties(name=step_of(check, loaded.name)),
        check_specs_by_output_name={
            output: spec.replace_key(spec.key.replace_asset_key(full.get(spec.asset_key, spec.asset_key)))
            for output, spec in check.node_check_specs_by_output_name.items()
        },
        resource_defs=check.resource_defs,
        can_subset=check.can_subset,
    )


def _recordable(check: dg.AssetChecksDefinition, loaded: LoadedDomain) -> dg.AssetChecksDefinition:
    """A check whose errors may be recorded, for it reads rows of the asset."""
    from dagster._core.execution.plan.compute_generator import create_op_compute_wrapper

    op = check.op
    original = create_op_compute_wrapper(op)
    [*keys] = {dotted(key.asset_key) for key in check.check_keys}
    node = loaded.by_key.get(keys[0]) if len(keys) == 1 else None

    def compute(context: dg.AssetCheckExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        from mesh_pipelines.publishing.recorded import hush, quotes, recordable_results

        def results() -> Iterator[Any]:
            with hush(node is not None and quotes(node)):
                return iter(list(original(context, inputs)))

        yield from recordable_results(context, results, keys[0], node, loaded.folder)

    # Dagster reads the annotation itself, which is text in this project's modules.
    compute.__annotations__["context"] = dg.AssetCheckExecutionContext
    step = dg.OpDefinition(
        compute_fn=compute,
        name=op.name,
        ins=op.ins,
        outs=op.outs,
        description=op.description,
        config_schema=op.config_schema,
        required_resource_keys=set(op.required_resource_keys),
        tags=op.tags,
        retry_policy=op.retry_policy,
        pool=op.pool,
    )
    return dg.AssetChecksDefinition.create(
        keys_by_input_name=check.node_keys_by_input_name,
        node_def=step,
        check_specs_by_output_name=check.node_check_specs_by_output_name,
        resource_defs=check.resource_defs,
        can_subset=check.can_subset,
    )


@dg.logger(
    config_schema={
        "log_level": dg.Field(str, is_required=False, default_value="INFO"),
        "name": dg.Field(str, is_required=False, default_value="dagster"),
    }
)
def console(context: dg.InitLoggerContext) -> logging.Logger:
    """Dagster's own console at a higher level: every event is in the run's log anyway."""
    return dg.colored_console_logger.logger_fn(context)
