"""Content that a step fails for is noted, and forgotten once it is made; what may pass is not noted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from mesh_pipelines.dagster_names import FAILED
from mesh_pipelines.errors import AuditRefused, SourceUnavailable
from mesh_pipelines.planning.facts import Facts
from mesh_pipelines.planning.failures import FailedContent, read_failures
from mesh_pipelines.planning.judge import content_of
from mesh_pipelines.steps.tries import Tries
from tests.mesh_pipelines.small_domains import product, promise, read_promise


@pytest.fixture
def tries(tmp_path: Path) -> Iterator[Tries]:
    """Those of a product that reads nothing."""
    node = product(read_promise(tmp_path, promise("shop", "orders", {"id": "integer"})))
    with dg.DagsterInstance.ephemeral() as instance:
        yield Tries(instance, node, Facts(lambda _: None, {node.key: node}, now=datetime.now(UTC)))


def known(tries: Tries) -> list[FailedContent]:
    """The failures on record."""
    name = FAILED + tries.node.key
    return read_failures(tries.instance.daemon_cursor_storage.get_cursor_values({name}).get(name, ""))


def fail(tries: Tries, error: BaseException) -> None:
    """End a try with an error, which is raised on."""
    with pytest.raises(type(error)), tries.note_end(None):
        raise error


def test_a_failure_is_noted_until_it_is_made(tries: Tries) -> None:
    """As the hash by which a tick finds it again."""
    fail(tries, AuditRefused("x"))
    assert known(tries) == [FailedContent(content_of(tries.node, tries.facts, None))]
    with tries.note_end(None, makes=False):
        pass
    assert known(tries)
    with tries.note_end(None):
        pass
    assert known(tries) == []


@pytest.mark.parametrize(
    "error", [SourceUnavailable("x"), ConnectionError(), KeyboardInterrupt(), dg.RetryRequested()]
)
def test_what_may_pass_is_not_noted(tries: Tries, error: BaseException) -> None:
    """It says nothing of the content."""
    fail(tries, error)
    assert known(tries) == []


def test_partitions_are_noted_in_the_groups_that_were_tried(tries: Tries) -> None:
    """What was made beside them is none of them."""
    tries.note([], [("2013-01",), ("2013-02", "2013-04")])
    assert [one.partitions for one in known(tries)] == [("2013-01",), ("2013-02", "2013-04")]
    tries.note([("2013-04",)], [])
    assert [one.partitions for one in known(tries)] == [("2013-01",)]
