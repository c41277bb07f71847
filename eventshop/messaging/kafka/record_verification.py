"""Verifies what Kafka delivers against the event table: whoever can write to a topic must not decide what is read.

An event that the table has under the same id must have the hash that the table has, and its content must give that
hash. One that the table lacks, or has another one in place of, is no forgery: the two have diverged, which
`reconciliation/divergence.py` finds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.hash_chain.chain import GENESIS_HASH, hash_event
from eventshop.eventstore.records import EventRow, StoredHash


class ForgedRecord(BrokenStream):
    """A record on Kafka has another content than the event in the event table"""

    code = "forged-record"


StoredHashes: TypeAlias = Mapping[int, StoredHash]


def load_stored_hashes(positions: Sequence[int]) -> StoredHashes:
    """The hashes of the events at these positions. One statement, in plain SQL: every poll of a worker waits for it."""
    return {stored.position: stored for stored in backend().load_hashes(positions)} if positions else {}


def verify_record(row: EventRow, stored: StoredHashes) -> None:
    """Raise `ForgedRecord` unless the event is as the table has it."""
    known = stored.get(row.position)
    if known is None or known.event_id != row.event_id:
        return
    if row.hash != known.hash or hash_event(known.previous or GENESIS_HASH, row) != known.hash:
        raise ForgedRecord(position=row.position, event_id=row.event_id)
