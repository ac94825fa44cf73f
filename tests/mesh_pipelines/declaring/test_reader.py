"""The reader of a product, in words, and the owner of what it asks for."""

from __future__ import annotations

import pytest

from mesh_pipelines.declaring.reader import AccessRequest, Reader


def test_a_person_is_never_written_as_a_domain() -> None:
    """A domain by its name, everybody else with the kind: one that bears a domain's name is another reader."""
    readers = [Reader("domain", "shop"), Reader("person", "shop"), Reader("agent", "shop")]
    assert [str(reader) for reader in readers] == ["shop", "person shop", "agent shop"]
    assert len(set(readers)) == 3


@pytest.mark.parametrize(
    ("product", "owner"),
    [
        ("shop.orders", "shop"),
        ("shop.orders__quarantine", "shop"),
        ("shop", "shop"),
        ("shop.orders.extra", "shop"),
        (".orders", ""),
        ("", ""),
    ],
)
def test_the_owner_is_the_domain_of_the_product(product: str, owner: str) -> None:
    """The word before the first dot, whoever asks."""
    assert AccessRequest(Reader("domain", "store"), product).owner == owner
