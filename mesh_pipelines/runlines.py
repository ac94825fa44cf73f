"""What a terminal is told of a run: that it begins and why, what failed and the remedy, how it ended.

All that happens is in Dagster's own log, where people look for it. A terminal on which a daemon, a webserver and
several runs write at once is for what a person has to know now.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.execution import context_creation_job
from dagster._core.log_manager import LOG_RECORD_METADATA_ATTR

from mesh_pipelines.errors import cause_in_words
from mesh_pipelines.planner import REASON
from resources.settings import get_settings

DEFAULT_LOGGERS = "default_system_loggers"
"""What Dagster asks for the loggers of a run that names none."""


def quiet_runs() -> None:
    """Have runs of this process that name no logger of their own say these lines, instead of every event.

    Dagster would write each event to the terminal, and takes a level for it (``python_logs``) only together with one
    below which it forgets what a domain's own code logs.
    """
    setattr(context_creation_job, DEFAULT_LOGGERS, lambda _instance: [(run_lines, {})])


@dg.logger
def run_lines(context: dg.InitLoggerContext) -> logging.Logger:
    """Dagster's console logger, for a person."""
    del context
    lines = logging.Logger("dagster")
    lines.addHandler(RunLines())
    return lines


class RunLines(logging.Handler):
    """Writes the line of a record to standard error; most records have none."""

    def emit(self, record: logging.LogRecord) -> None:
        known: Mapping[str, Any] = getattr(record, LOG_RECORD_METADATA_ATTR, {})
        event = known.get("dagster_event")
        line = record.getMessage() if event is None and record.levelno >= logging.WARNING else None
        if event is not None:
            line = line_of(event, str(known.get("run_id", "")), known.get("job_tags") or {})
        if line:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()


def line_of(event: dg.DagsterEvent, run_id: str, tags: Mapping[str, Any]) -> str | None:
    """The line of an event; ``None`` for one that a person need not know now.

    Args:
        event: what happened.
        run_id: the run that it happened in.
        tags: of the run.
    """
    run = f"run {run_id[:8]} of {tags.get('mesh/domain', 'a person')}"
    where = f"{get_settings().ui_url.rstrip('/')}/runs/{run_id}"
    match event.event_type:
        case dg.DagsterEventType.RUN_START:
            return f"{run} begins: {tags.get(REASON, 'launched by hand')}"
        case dg.DagsterEventType.STEP_FAILURE:
            name = str(event.step_key).replace("__", ".", 1)
            return f"{run}: {name} failed: {cause_in_words(event.step_failure_data.error)}"
        case dg.DagsterEventType.RUN_SUCCESS:
            return f"{run} has ended well"
        case dg.DagsterEventType.RUN_FAILURE:
            return f"{run} failed: {where}"
        case dg.DagsterEventType.RUN_CANCELED:
            return f"{run} was cancelled: {where}"
        case _:
            return None
