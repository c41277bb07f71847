"""The rows in signed roots: collects those of a new root, and compares those of signed ones with the tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec
from django.conf import settings
from msgspec import Struct

from eventshop.operations.models import SignedRoot
from eventshop.operations.tamper_evidence.sealed_tables import (
    LEAF_BYTES,
    OVERLAP,
    SEALED_TABLES,
    Leaves,
    SealedTable,
    Span,
    hash_projection_settings,
    pack_leaves,
    unpack_leaves,
)
from eventshop.runtime.database_clock import database_now

#: The entry of a root without rows: a hash of what may change.
SETTINGS_ENTRY: Final = "projection settings"
#: Rows whose retention ends within this time may be gone already.
RETENTION_MARGIN: Final = timedelta(days=1)


class TableEntry(Struct, frozen=True):
    """The rows of one table in a root. `until` is set if there were more rows than fit: the next root goes on there."""

    name: str
    rows: int
    digest: str
    until: datetime | None = None


class SealedRows(NamedTuple):
    """What a new root holds of the tables: the entries as JSON, and the leaves."""

    tables: str
    leaves: bytes
    is_new: bool


class RowFault(NamedTuple):
    """A row that is not as it was signed."""

    table: str
    description: str


_decode: Final = msgspec.json.Decoder(list[TableEntry]).decode


def entries_of(root: SignedRoot) -> list[TableEntry]:
    """The tables of a root; none for a root that was signed before rows were."""
    return _decode(root.tables) if root.tables else []


def describe(entry: TableEntry) -> str:
    """The line of the signed statement."""
    return f"{entry.name}: {entry.rows} {entry.digest}\n"


def collect_new_rows(last: SignedRoot | None, after: int, to: int) -> SealedRows:
    """The rows that are new since the last root. Takes a query for each table, and one more for recent roots."""
    earlier = {entry.name: entry for entry in entries_of(last)} if last else {}
    known = _recent_leaves(last, earlier)
    entries, packed = [], b""
    for table in SEALED_TABLES:
        entry = earlier.get(table.name)
        since = (entry.until or last.taken_at) if entry and last else None
        leaves, until = table.new_leaves(Span(after, to, since), known.get(table.name, set()))
        leaf_bytes = pack_leaves(leaves)
        entries.append(TableEntry(table.name, len(leaves), sha256(leaf_bytes).hexdigest(), until))
        packed += leaf_bytes
    entries.append(TableEntry(SETTINGS_ENTRY, 0, hash_projection_settings().hex()))
    is_changed = bool(packed) or earlier.get(SETTINGS_ENTRY) != entries[-1]
    return SealedRows(msgspec.json.encode(entries).decode(), packed, is_changed)


def is_consistent(root: SignedRoot) -> bool:
    """Whether the leaves of a root are those whose hashes were signed."""
    entries = [entry for entry in entries_of(root) if entry.name != SETTINGS_ENTRY]
    if sum(entry.rows for entry in entries) * LEAF_BYTES != len(root.leaves):
        return False
    return all(sha256(packed).hexdigest() == entry.digest for entry, packed in _split_leaves(root))


def find_row_faults(roots: Iterable[SignedRoot]) -> Iterator[RowFault]:
    """The rows that are not as the newest root with them says, or gone though no retention may have deleted them."""
    tables = {table.name: table for table in SEALED_TABLES}
    suspects: dict[tuple[str, bytes], tuple[int, bytes | None]] = {}
    for root in roots:
        for entry, packed in _split_leaves(root):
            table = tables.get(entry.name)
            if table is None:
                continue
            signed: Leaves = dict(unpack_leaves(packed))
            present = table.find_leaves(signed)
            for key, digest in signed.items():
                suspects.pop((table.name, key), None)
                if present.get(key) != digest and not (key not in present and _may_be_gone(table, root)):
                    suspects[table.name, key] = root.number, present.get(key)
    for (name, key), (number, found) in suspects.items():
        what = "is gone" if found is None else "was changed"
        yield RowFault(name, f"a row of {name} that root {number} has {what}: key {key.hex()}")


def count_rows(roots: Iterable[SignedRoot]) -> int:
    """The number of rows in these roots."""
    return sum(entry.rows for root in roots for entry in entries_of(root))


def _may_be_gone(table: SealedTable, root: SignedRoot) -> bool:
    if not table.kept:
        return False
    kept = timedelta(days=getattr(settings, table.kept))
    return root.taken_at < database_now() - kept + RETENTION_MARGIN


def _recent_leaves(last: SignedRoot | None, earlier: dict[str, TableEntry]) -> dict[str, set[tuple[bytes, bytes]]]:
    """The leaves of the roots that may have rows of the time that is looked at again, by table."""
    known: dict[str, set[tuple[bytes, bytes]]] = {}
    if last is None or not earlier:
        return known
    since = min([last.taken_at, *(entry.until for entry in earlier.values() if entry.until)])
    for root in SignedRoot.objects.filter(taken_at__gte=since - 2 * OVERLAP).defer("heads").exclude(tables=""):
        for entry, packed in _split_leaves(root):
            known.setdefault(entry.name, set()).update(unpack_leaves(packed))
    return known


def _split_leaves(root: SignedRoot) -> Iterator[tuple[TableEntry, bytes]]:
    start, packed = 0, bytes(root.leaves)
    for entry in entries_of(root):
        if entry.name != SETTINGS_ENTRY:
            yield entry, packed[start : start + entry.rows * LEAF_BYTES]
            start += entry.rows * LEAF_BYTES
