"""The keys of personal data as a file of their own: a line of JSON for each key and each marker of an erased person.

The keys stay wrapped with KEY_ENCRYPTION_KEY. The file is the same for every database, so that it can be kept, and
deleted, apart from the backup of everything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec
from django.db import ProgrammingError, connections
from msgspec import Struct

from eventshop.operations.backup.errors import BackupRefused
from eventshop.operations.backup.manifest import KeysState
from eventshop.privacy.encryption import key_wrapping
from eventshop.privacy.encryption.keys_db_router import keys_database
from eventshop.privacy.models import ErasedPerson, PersonalKey

_CHUNK: Final = 2_000


class KeyLine(Struct, frozen=True, forbid_unknown_fields=True, tag="key"):
    """The wrapped key of a person for one purpose. The fields are columns of `PersonalKey`."""

    subject: UUID
    purpose: str
    wrapped: bytes
    wrapped_by: str
    made_at: datetime
    generation: int = 1


class ErasedLine(Struct, frozen=True, forbid_unknown_fields=True, tag="erased"):
    """The marker that a person's keys are destroyed."""

    subject: UUID
    erased_at: datetime


class BackupLine(Struct, frozen=True, forbid_unknown_fields=True, tag="backup"):
    """The first line: which backup the keys belong to."""

    backup_id: UUID


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(KeyLine | ErasedLine | BackupLine).decode


class KeySet:
    """Keys and markers of erased persons, together. `lost` are keys in whose place there was another one."""

    def __init__(self) -> None:
        self.keys: dict[tuple[UUID, str], KeyLine] = {}
        self.erased: dict[UUID, ErasedLine] = {}
        self.lost: list[KeyLine] = []

    def add(self, line: KeyLine | ErasedLine) -> None:
        """Add a line. Of one person's keys the latest generation counts, then what was added first."""
        if isinstance(line, ErasedLine):
            self.erased.setdefault(line.subject, line)
            return
        present = self.keys.setdefault((line.subject, line.purpose), line)
        if present.generation < line.generation:  # what the earlier one encrypted is erased
            self.keys[line.subject, line.purpose] = line
        elif present.generation == line.generation and not _is_same_key(present, line):
            self.lost.append(line)

    def remove_erased(self) -> None:
        """Remove the keys of everybody who is marked as erased."""
        self.keys = {name: line for name, line in self.keys.items() if name[0] not in self.erased}
        self.lost = [line for line in self.lost if line.subject not in self.erased]


def _is_same_key(line: KeyLine, other: KeyLine) -> bool:
    return line.wrapped == other.wrapped or _unwrap(line) == _unwrap(other)


def _unwrap(line: KeyLine) -> bytes:
    return key_wrapping.unwrap_key(line.wrapped, line.wrapped_by, line.subject, line.purpose)


def read_stored_keys() -> Iterator[KeyLine | ErasedLine]:
    """The keys and markers in the keys database. An erasure at the same time may leave a marker with its key."""
    for row in PersonalKey.objects.order_by("pk").values(*KeyLine.__struct_fields__).iterator(_CHUNK):
        yield KeyLine(**row | {"wrapped": bytes(row["wrapped"])})
    for person in ErasedPerson.objects.order_by("pk").iterator(_CHUNK):
        yield ErasedLine(person.subject, person.erased_at)


def has_key_tables() -> bool:
    """Whether the keys database has its tables."""
    try:
        tables = set(connections[keys_database()].introspection.table_names())
    except ProgrammingError:
        return False
    return {PersonalKey._meta.db_table, ErasedPerson._meta.db_table} <= tables


def write_keys(path: Path, backup_id: UUID) -> KeysState:
    """Write all keys and markers to a file."""
    count = erased = 0
    wrapped_by = set[str]()
    with path.open("wb") as file:
        file.write(_encode(BackupLine(backup_id)) + b"\n")
        for line in read_stored_keys():
            file.write(_encode(line) + b"\n")
            if isinstance(line, KeyLine):
                count += 1
                wrapped_by.add(line.wrapped_by)
            else:
                erased += 1
    return KeysState(count, erased, tuple(sorted(wrapped_by)))


def read_key_file(path: Path, backup_id: UUID) -> Iterator[KeyLine | ErasedLine]:
    """The lines of a file of this backup. Raises `BackupRefused`."""
    with path.open("rb") as file:
        for number, content in enumerate(file, start=1):
            try:
                line = _decode(content)
            except msgspec.DecodeError as error:
                raise BackupRefused(f"{path}, line {number}: {error}") from error
            if isinstance(line, BackupLine):
                if line.backup_id != backup_id:
                    raise BackupRefused(f"{path} holds the keys of the backup {line.backup_id}, not of {backup_id}")
                continue
            yield line
