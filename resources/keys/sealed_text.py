"""A short text in a place that is kept in clear, such as a publish record, sealed with a product's data key."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resources.keys.keyring import Keyring

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_SEALED = "sealed:"


@dataclass(frozen=True)
class TextSeal:
    """Seals texts of one column; equal texts are equal when sealed, so that nothing changes where nothing did.

    AES-SIV (RFC 5297) under a key derived by HKDF (RFC 5869) from the data key of the column's classification; the
    column's name is authenticated with it.

    Args:
        classification: of the column; texts of a ``public`` one stay as they are.
    """

    keyring: Keyring
    domain: str
    product: str
    column: str
    classification: str

    def seal(self, text: str) -> str:
        if not text or self.classification == "public":
            return text
        key = self.keyring.data_key(self.domain, self.product, self.classification)
        sealed = base64.b64encode(_cipher(key.secret).encrypt(text.encode(), self._about(key.version)))
        return f"{_SEALED}{key.version}:{sealed.decode()}"

    def open(self, kept: str) -> str:
        """The text of what was kept, sealed or not.

        Raises:
            KeyUnavailable: its key is gone.
            cryptography.exceptions.InvalidTag: it was changed, or is of another column.
        """
        if not kept.startswith(_SEALED):
            return kept
        version, _, sealed = kept.removeprefix(_SEALED).partition(":")
        key = self.keyring.data_key(self.domain, self.product, self.classification, int(version))
        return _cipher(key.secret).decrypt(base64.b64decode(sealed), self._about(key.version)).decode()

    def _about(self, version: int) -> list[bytes]:
        return [f"{self.domain}.{self.product}/{self.column}/{version}".encode()]


def _cipher(secret: bytes) -> AESSIV:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return AESSIV(HKDF(SHA256(), 64, salt=None, info=b"sealed text").derive(secret))
