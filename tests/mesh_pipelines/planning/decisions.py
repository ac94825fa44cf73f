"""Asks planning for a domain's next run, after attempts that a test makes up."""

from __future__ import annotations

from collections.abc import Sequence

from mesh_pipelines.planning.lookup import facts_of
from mesh_pipelines.planning.next_run import Attempt, Attempts, NoRun, Request, next_run
from mesh_pipelines.shared import shared_resources
from tests.mesh_pipelines.small_domains import World


def nobody(_: str) -> Sequence[Attempt]:
    """Nothing was attempted before."""
    return ()


def after(domain: str, *attempts: Attempt) -> Attempts:
    """These were attempted in one domain."""
    return lambda asked: attempts if asked == domain else ()


def decision(world: World, domain: str, attempts: Attempts = nobody) -> Request | NoRun:
    """The run that a tick of a domain would request now, or why none."""
    mesh = world.mesh()
    return next_run(mesh, domain, facts_of(mesh.nodes, shared_resources()), attempts)


def request_of(world: World, domain: str, attempts: Attempts = nobody) -> Request:
    """The request of a tick that asks for a run."""
    found = decision(world, domain, attempts)
    assert isinstance(found, Request), found
    return found
