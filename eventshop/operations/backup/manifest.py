"""The manifest of a backup: what it holds, what the store was like, and the SHA-256 of every file.

Beside `manifest.json` is `manifest.json.sha256`, a line that `sha256sum --check` understands.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.operations.backup.errors import BackupRefused

#: Raised when a program of before could not restore such a backup.
FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
CHECKSUM: Final = "manifest.json.sha256"
POSTGRES_DUMP: Final = "database.dump"
SQLITE_DUMP: Final = "database.sqlite3"
ERASURE_LIST: Final = "erased.txt"
KEYS: Final = "keys.jsonl"


class Strict(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the manifest: immutable, without fields that this program does not know."""


class FileEntry(Strict, frozen=True):
    """One file: its size in bytes and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


class ProgramState(Strict, frozen=True):
    """The program that took the backup: its version, and the migrations that the database had (`app.name`)."""

    version: str
    migrations: tuple[str, ...]


class StoreState(Strict, frozen=True):
    """The store at the moment of the backup. `head_hash` is the hash of the event at `position`, in hexadecimal."""

    installation_id: UUID
    epoch: int
    epoch_id: UUID
    position: int
    head_id: UUID | None
    head_hash: str
    events: int
    receipts: int
    running_sagas: int


class DatabaseState(Strict, frozen=True):
    """The database: `postgresql` or `sqlite`, and the version of the server or library."""

    vendor: str
    version: str


class TopicState(Strict, frozen=True):
    """A topic: its id, and the end offset of each partition."""

    topic_id: UUID
    ends: tuple[int, ...]


class SettingFingerprints(Strict, frozen=True):
    """Fingerprints of all settings by name, under the key-encryption key of this id."""

    key_id: str
    fingerprints: dict[str, str]


class KeysState(Strict, frozen=True):
    """The keys of personal data: their number, how many people are marked as erased, and what wraps the keys."""

    keys: int
    erased: int
    wrapped_by: tuple[str, ...]


class Manifest(Strict, frozen=True):
    """What a backup is. `topics` is empty without Kafka, and None if Kafka did not answer."""

    format: int
    backup_id: UUID
    taken_at: datetime
    program: ProgramState
    database: DatabaseState
    store: StoreState
    keys: KeysState
    erased_people: int
    topics: dict[str, TopicState] | None
    settings: SettingFingerprints
    files: dict[str, FileEntry]

    @property
    def dump(self) -> str:
        """The name of the file with the database."""
        return POSTGRES_DUMP if self.database.vendor == "postgresql" else SQLITE_DUMP


class _Format(Struct):
    format: int


def describe_file(path: Path) -> FileEntry:
    """Size and SHA-256 of a file, read in blocks."""
    with path.open("rb") as file:
        return FileEntry(path.stat().st_size, file_digest(file, "sha256").hexdigest())


def encode_manifest(manifest: Manifest) -> tuple[bytes, bytes]:
    """The contents of the manifest and of its checksum file."""
    content = msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=2) + b"\n"
    return content, f"{sha256(content).hexdigest()}  {MANIFEST}\n".encode()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a backup. Raises `BackupRefused` for none, a damaged one and one of a newer program."""
    try:
        content = (folder / MANIFEST).read_bytes()
        checksum = (folder / CHECKSUM).read_text(errors="replace").split()
    except OSError as error:
        raise BackupRefused(f"{folder} is no complete backup: {error.filename}: {error.strerror}") from error
    if checksum[:1] != [sha256(content).hexdigest()]:
        raise BackupRefused(f"{folder / MANIFEST} is damaged: it does not have the SHA-256 of {CHECKSUM}")
    try:
        if (version := msgspec.json.decode(content, type=_Format).format) > FORMAT:
            raise BackupRefused(
                f"{folder} was taken by a newer program (format {version}; this program knows {FORMAT}): "
                "restore it with that program"
            )
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise BackupRefused(f"{folder / MANIFEST} is no manifest of a backup: {error}") from error


def verify_file(path: Path, entry: FileEntry) -> None:
    """Raise `BackupRefused` unless a file of a backup is there and unchanged."""
    try:
        current = describe_file(path)
    except OSError as error:
        raise BackupRefused(f"the backup lacks {path}: {error.strerror}") from error
    if current != entry:
        raise BackupRefused(
            f"{path} is damaged: {current.size:,} bytes with SHA-256 {current.sha256}, not {entry.size:,} bytes with "
            f"{entry.sha256}"
        )
