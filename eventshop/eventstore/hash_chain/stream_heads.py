"""The heads of streams, and the Merkle root over many of them.

The root is that of RFC 9162, section 2.1.1: SHA-256, 0x00 before a leaf, 0x01 before two nodes, the
left half the largest power of two. A leaf is the stream's id (16 bytes), the version (4 bytes, big-endian) and the
hash of the event of that version (32 bytes); leaves are in the order of those bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final
from uuid import UUID

from django.db.models import Max

from eventshop.core.errors import InvalidMessage
from eventshop.eventstore.hash_chain.verification import ChainHead
from eventshop.eventstore.models import StoredEvent

LEAF_BYTES: Final = 52


def load_heads_between(after: int, to: int) -> list[ChainHead]:
    """Load the last event of every stream with events after position `after` up to `to`, by stream."""
    events = StoredEvent.objects.filter(position__gt=after, position__lte=to).order_by()
    last = events.values("aggregate_id").annotate(last=Max("position")).values("last")
    rows = StoredEvent.objects.filter(position__in=last).values_list("aggregate_id", "version", "hash")
    return sorted(ChainHead(stream, version, bytes(digest)) for stream, version, digest in rows)


def pack_heads(heads: Iterable[ChainHead]) -> bytes:
    return b"".join(head.aggregate_id.bytes + head.version.to_bytes(4) + head.hash for head in heads)


def unpack_heads(leaves: bytes) -> Iterator[ChainHead]:
    """Yield the heads that `pack_heads` wrote; raises `InvalidMessage` for a truncated input."""
    if len(leaves) % LEAF_BYTES:
        raise InvalidMessage("heads are 52 bytes each", bytes=len(leaves))
    for offset in range(0, len(leaves), LEAF_BYTES):
        yield ChainHead(
            UUID(bytes=leaves[offset : offset + 16]),
            int.from_bytes(leaves[offset + 16 : offset + 20]),
            leaves[offset + 20 : offset + LEAF_BYTES],
        )


def merkle_root(leaves: bytes) -> bytes:
    """Return the Merkle root over packed heads."""
    return _reduce_to_root(
        [sha256(b"\x00" + leaves[at : at + LEAF_BYTES]).digest() for at in range(0, len(leaves), LEAF_BYTES)]
    )


def _reduce_to_root(nodes: Sequence[bytes]) -> bytes:
    """Reduce level by level; an unpaired last node moves up unchanged, which gives RFC 9162's tree."""
    if not nodes:
        return sha256().digest()
    while len(nodes) > 1:
        pairs = [sha256(b"\x01" + nodes[at] + nodes[at + 1]).digest() for at in range(0, len(nodes) - 1, 2)]
        nodes = pairs + list(nodes[len(nodes) - 1 :]) if len(nodes) % 2 else pairs
    return nodes[0]
