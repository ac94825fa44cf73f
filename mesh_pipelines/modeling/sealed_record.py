"""A training record as it lies beside its model: the categories of its text features are sealed.

Categories are values of the feature set, whose columns are encrypted in the lake: the same key seals them here.
"""

from __future__ import annotations

import json

from mesh_pipelines.errors import IntegrityError
from mesh_pipelines.modeling.record import Record
from resources.keys.keyring import Keyring
from resources.keys.sealed_text import TextSeal

CLASSIFICATION = "internal"
"""Of every column of a feature set."""


def seal_record(record: Record, keyring: Keyring) -> str:
    """The record as JSON, each list of categories as one sealed text."""
    content = json.loads(record.to_json())
    categories = content["schema"]["categories"]
    for name, values in categories.items():
        seal = _seal(keyring, record.features.key, name)
        categories[name] = seal.seal(json.dumps(values, ensure_ascii=False))
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)


def open_record(kept: str, keyring: Keyring) -> Record:
    """The record of what :func:`seal_record` gave; one of before, whose categories are in clear, as it is.

    Raises:
        KeyUnavailable: the key of the feature set is gone.
        IntegrityError: a sealed text was changed.
    """
    from cryptography.exceptions import InvalidTag

    content = json.loads(kept)
    categories = content["schema"]["categories"]
    for name, values in categories.items():
        if isinstance(values, str):
            try:
                categories[name] = json.loads(_seal(keyring, content["features"]["key"], name).open(values))
            except (InvalidTag, ValueError):  # no base64 either
                raise IntegrityError(
                    f"the categories of {name} in record.json are not those that were sealed",
                    where=f"model {content['key']}",
                    remedy="restore the file from its backup, or train the model again",
                ) from None
    return Record.from_json(json.dumps(content))


def _seal(keyring: Keyring, features: str, column: str) -> TextSeal:
    domain, _, name = features.partition(".")
    return TextSeal(keyring, domain, name, column, CLASSIFICATION)
