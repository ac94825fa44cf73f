"""Data keys: one per domain, product and classification, versioned, wrapped under one master key, on disk.

A data key is 32 random bytes (AES-256), wrapped with AES-256-GCM (NIST SP 800-38D, 96-bit random nonce) under
the master key; domain, product, classification and version are its associated data, so that a wrapped key cannot be
moved to another place. Destroying a key's versions is crypto-shredding: every copy of its data is unreadable at once.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import os
import re
import secrets
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mesh_pipelines.errors import KeyUnavailable
from resources.store.folder import FolderStore

log = logging.getLogger(__name__)

FOOTER = "footer"
KEY_BYTES = 32
_NONCE_BYTES = 12
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class DataKey:
    """One version of a data key: ``secret`` is 32 bytes."""

    version: int
    secret: bytes = field(repr=False)


class Keyring:
    """The keys of one mesh, safe under concurrent processes.

    Args:
        path: folder of the keyring (0700); one JSON file (0600) per product below it.
        master_key: base64 of 32 bytes. Without it, ``path/master.key`` is read, or generated once.

    Attributes:
        generated: the master key's file if this very object generated it, else None.
    """

    def __init__(self, path: Path | str, master_key: str | None = None) -> None:
        self.path = Path(path)
        self.generated: Path | None = None
        self._given = master_key
        self._master: bytes | None = None

    def data_key(self, domain: str, product: str, classification: str, version: int | None = None) -> DataKey:
        """A version of a data key, by default the newest, which is made on first use.

        Raises KeyUnavailable: the version does not exist or was destroyed, or the master key is missing or wrong.
        """
        name = f"{domain}.{product}/{classification}"
        file = self._file(domain, product)
        entry = _read(file).get(classification)
        if version is not None:
            return DataKey(version, self._unwrap(name, version, entry, file))
        if entry and entry["current"]:
            current = int(entry["current"])
            return DataKey(current, self._unwrap(name, current, entry, file))
        return self._add(domain, product, classification, only_if_none=True)

    def require(self, domain: str, product: str, classification: str, version: int) -> None:
        """Refuse a version that the keyring has lost; a destroyed one is known still.

        Raises KeyUnavailable: the keyring has no entry for it.
        """
        file = self._file(domain, product)
        entry = _read(file).get(classification)
        if entry is None or str(version) not in entry["versions"]:
            raise _lost_key_error(f"{domain}.{product}/{classification}", version, file)

    def rotate(self, domain: str, product: str, classification: str) -> DataKey:
        """Make a new version of a key: later publishes use it, older versions stay readable."""
        return self._add(domain, product, classification, only_if_none=False)

    def destroy(
        self, domain: str, product: str, classification: str, version: int | None = None
    ) -> tuple[int, ...]:
        """Crypto-shredding: destroy a version (default: all) for good; returns the versions destroyed."""
        file = self._file(domain, product)
        with self._locked(file):
            content = _read(file)
            entry = content.get(classification)
            if entry is None:
                return ()
            now = datetime.now(UTC).isoformat(timespec="seconds")
            gone: list[int] = []
            for number, wrapped in entry["versions"].items():
                if "wrapped" in wrapped and version in (None, int(number)):
                    entry["versions"][number] = {"created": wrapped["created"], "destroyed": now}
                    gone.append(int(number))
            if entry["current"] in gone:
                entry["current"] = None
            _write(file, content)
        return tuple(gone)

    def rewrap(self, new_master_key: str) -> int:
        """Wrap every data key under another master key (base64 of 32 bytes); returns their number; data stays.

        The new master key must replace the old one in its setting or file right afterwards.
        """
        master, count = _decode(new_master_key, "the new master key"), 0
        for file in sorted(self.path.glob("*/*.json")):
            domain, product = file.parent.name, file.stem
            with self._locked(file):
                content = _read(file)
                for classification, entry in content.items():
                    name = f"{domain}.{product}/{classification}"
                    for number, wrapped in entry["versions"].items():
                        if "wrapped" in wrapped:
                            secret = self._unwrap(name, int(number), entry, file)
                            wrapped["wrapped"] = _wrap(master, secret, f"{name}/{number}")
                            count += 1
                _write(file, content)
        return count

    def _add(self, domain: str, product: str, classification: str, *, only_if_none: bool) -> DataKey:
        name = f"{domain}.{product}/{classification}"
        file = self._file(domain, product)
        _private_folder(self.path)
        _private_folder(file.parent)
        with self._locked(file):
            content = _read(file)
            entry = content.setdefault(classification, {"current": None, "versions": {}})
            if only_if_none and entry["current"]:
                current = int(entry["current"])
                return DataKey(current, self._unwrap(name, current, entry, file))
            number = max((int(v) for v in entry["versions"]), default=0) + 1
            secret = secrets.token_bytes(KEY_BYTES)
            entry["versions"][str(number)] = {
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "wrapped": _wrap(self._master_key(), secret, f"{name}/{number}"),
            }
            entry["current"] = number
            _write(file, content)
        return DataKey(number, secret)

    def _unwrap(self, name: str, version: int, entry: dict[str, Any] | None, file: Path) -> bytes:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        stored = (entry or {"versions": {}})["versions"].get(str(version))
        if stored is None:
            raise _lost_key_error(name, version, file)
        if "wrapped" not in stored:
            raise KeyUnavailable(
                f"data key {name} version {version} was destroyed on {stored['destroyed']}",
                where=str(file),
                remedy="what it protected is gone for good; read the other columns, or publish again",
            )
        sealed = base64.b64decode(stored["wrapped"])
        try:
            cipher = AESGCM(self._master_key())
            return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], f"{name}/{version}".encode())
        except InvalidTag:
            raise KeyUnavailable(
                f"data key {name} version {version} does not open with this master key",
                where=str(file),
                remedy="set MESH_MASTER_KEY (or restore master.key) to the key that this keyring is from",
            ) from None

    def _master_key(self) -> bytes:
        if self._master is None:
            file = self.path / "master.key"
            if self._given:
                self._master = _decode(self._given, "MESH_MASTER_KEY")
            elif file.exists():
                self._master = _decode(file.read_text().strip(), str(file))
            else:
                self._master = self._generate(file)
        return self._master

    def _generate(self, file: Path) -> bytes:
        if any(self.path.glob("*/*.json")):
            raise KeyUnavailable(
                "the master key is missing, and this keyring already holds data keys wrapped under it",
                where=str(file),
                remedy="set MESH_MASTER_KEY, or restore master.key from its backup: a new one opens nothing",
            )
        _private_folder(self.path)
        text = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
        try:
            FolderStore(str(self.path.absolute())).create(file.name, (text + "\n").encode())
            self.generated = file
        except FileExistsError:  # another process was first: its key is the one
            text = file.read_text().strip()
        if self.generated:
            log.warning(
                "A master key was generated at %s. Back it up: without it no classified column can ever be "
                "read again. In production set MESH_MASTER_KEY instead.",
                file,
            )
        return _decode(text, str(file))

    def _file(self, domain: str, product: str) -> Path:
        for part in (domain, product):
            if not _SAFE.fullmatch(part):
                raise ValueError(f"not a name: {part!r}")
        return self.path / domain / f"{product}.json"

    @contextmanager
    def _locked(self, file: Path) -> Generator[None]:
        import fcntl

        # The master key is resolved first: generating it must not happen between a read and a write of this
        # file.
        self._master_key()
        descriptor = os.open(self.path / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _lost_key_error(name: str, version: int, file: Path) -> KeyUnavailable:
    return KeyUnavailable(
        f"data key {name} has no version {version}",
        where=str(file),
        remedy="restore the keyring's folder from its backup: the key that wrote the data is missing",
    )


def _wrap(master: bytes, secret: bytes, purpose: str) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return base64.b64encode(nonce + AESGCM(master).encrypt(nonce, secret, purpose.encode())).decode()


def _decode(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyUnavailable(
            "the master key is not base64 of 32 bytes",
            where=where,
            remedy="make one with: head -c 32 /dev/urandom | base64",
        )
    return key


def _private_folder(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)


def _read(file: Path) -> dict[str, dict[str, Any]]:
    try:
        return json.loads(file.read_text())["keys"]
    except FileNotFoundError:
        return {}
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise KeyUnavailable(
            f"this keyring file cannot be read: {error}", where=str(file), remedy="restore it from its backup"
        ) from None


def _write(file: Path, keys: dict[str, dict[str, Any]]) -> None:
    temporary = _temporary(file, json.dumps({"format": 1, "keys": keys}, indent=1) + "\n")
    temporary.replace(file)


def _temporary(file: Path, text: str) -> Path:
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mkstemp makes it 0600
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    return Path(name)
