"""The lines of a run on a terminal: its begin and reason, each failure and its remedy, its end.

Every event is in Dagster's own log. A terminal that a daemon, a webserver and several runs share shows the lines
that a person needs now.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.execution import context_creation_job
from dagster._core.log_manager import LOG_RECORD_METADATA_ATTR

from mesh_pipelines.dagster_names import DOMAIN, REASON, key_of_op
from mesh_pipelines.errors import cause_in_words
from quality.markup import printable
from resources.settings import get_settings
from resources.ui_address import ui_url

DEFAULT_LOGGERS = "default_system_loggers"
"""Loggers that Dagster uses for a run that names none."""


def quiet_runs() -> None:
    """Write these lines instead of every event in runs of this process that name no logger of their own.

    Dagster's level of the terminal (``python_logs``) goes only with one below which it forgets what a domain's code
    logs. The lines go to standard error as it is at this call: while a run's output is captured, Dagster copies it
    by ``tail``, whose last lines may be lost (https://github.com/dagster-io/dagster/issues/23336).
    """
    lines = logging.Logger("dagster")
    lines.addHandler(RunLines(os.dup(2)))
    to_terminal = dg.LoggerDefinition(lambda _context: lines)
    setattr(context_creation_job, DEFAULT_LOGGERS, lambda _instance: [(to_terminal, {})])


class RunLines(logging.Handler):
    """Writes the line of a record; most records have none."""

    def __init__(self, terminal: int) -> None:
        super().__init__()
        self.terminal = terminal

    def emit(self, record: logging.LogRecord) -> None:
        known: Mapping[str, Any] = getattr(record, LOG_RECORD_METADATA_ATTR, {})
        event = known.get("dagster_event")
        line = record.getMessage() if event is None and record.levelno >= logging.WARNING else None
        if event is not None:
            line = line_of(event, str(known.get("run_id", "")), known.get("job_tags") or {})
        if line:
            os.write(self.terminal, f"{printable(line)}\n".encode(errors="replace"))


def line_of(event: dg.DagsterEvent, run_id: str, tags: Mapping[str, Any]) -> str | None:
    """The line of an event; ``None`` for one that a person need not know now."""
    run = f"run {run_id[:8]} of {tags.get(DOMAIN, 'a person')}"
    where = f"{ui_url(get_settings())}/runs/{run_id}"
    match event.event_type:
        case dg.DagsterEventType.RUN_START:
            return f"{run} begins: {tags.get(REASON, 'launched by hand')}"
        case dg.DagsterEventType.STEP_FAILURE:
            name = key_of_op(str(event.step_key))
            return f"{run}: {name} failed: {cause_in_words(event.step_failure_data.error)}"
        case dg.DagsterEventType.RUN_SUCCESS:
            return f"{run} succeeded"
        case dg.DagsterEventType.RUN_FAILURE:
            return f"{run} failed: {where}"
        case dg.DagsterEventType.RUN_CANCELED:
            return f"{run} was cancelled: {where}"
        case _:
            return None
