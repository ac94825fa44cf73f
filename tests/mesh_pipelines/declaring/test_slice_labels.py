"""Names of slices: a value where it is public, else a name that only the key gives."""

from __future__ import annotations

from mesh_pipelines.declaring.slice_labels import MISSING, SliceLabels


def test_a_value_of_a_classified_column_has_a_name_of_its_own() -> None:
    """The same each time, another for another value, column or key, and nothing of the value in it."""
    labels, others = SliceLabels(frozenset({"origin"}), b"k" * 32), SliceLabels(frozenset(), b"l" * 32)
    assert labels.of("origin", "EWR") == "EWR"
    assert labels.of("ward", MISSING) == MISSING
    name = labels.of("ward", "oncology")
    assert name == labels.of("ward", "oncology")
    assert "oncology" not in name
    others_names = {
        labels.of("ward", "surgery"),
        labels.of("wing", "oncology"),
        others.of("ward", "oncology"),
    }
    assert len({name, *others_names}) == 4
    assert "k" * 4 not in repr(labels)
