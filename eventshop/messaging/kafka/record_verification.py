"""Verifies what Kafka delivers against the event table: whoever can write to a topic must not decide what is read.

An event that the table has under the same id must have the hash that the table has, and its content must give that
hash. One that the table lacks, or has another one in place of, is no forgery: the two have diverged, which
`reconciliation/divergence.py` finds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, TypeAlias
from uuid import UUID

from django.db.models import F, OuterRef, Subquery

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.hash_chain.chain import GENESIS_HASH, hash_event
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import EventRow


class ForgedRecord(BrokenStream):
    """A record on Kafka has another content than the event in the event table"""

    code = "forged-record"


class StoredHash(NamedTuple):
    """The hash of an event in the table, and that of the event before it in its stream."""

    event_id: UUID
    hash: bytes
    previous: bytes


StoredHashes: TypeAlias = Mapping[int, StoredHash]


def load_stored_hashes(positions: Collection[int]) -> StoredHashes:
    """The hashes of the events at these positions. One statement."""
    if not positions:
        return {}
    previous = StoredEvent.objects.filter(aggregate_id=OuterRef("aggregate_id"), version=OuterRef("version") - 1)
    rows = StoredEvent.objects.filter(position__in=positions).order_by()
    columns = rows.annotate(previous=Subquery(previous.values("hash"))).values_list(
        "position", "event_id", F("hash"), "previous"
    )
    return {
        position: StoredHash(event_id, bytes(own), bytes(before) if before is not None else GENESIS_HASH)
        for position, event_id, own, before in columns
    }


def verify_record(row: EventRow, stored: StoredHashes) -> None:
    """Raise `ForgedRecord` unless the event is as the table has it."""
    known = stored.get(row.position)
    if known is None or known.event_id != row.event_id:
        return
    if row.hash != known.hash or hash_event(known.previous, row) != known.hash:
        raise ForgedRecord(position=row.position, event_id=row.event_id)
