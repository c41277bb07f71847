"""The heads of streams, and one hash over many of them.

The hash is a Merkle tree's root as in RFC 9162, section 2.1.1: SHA-256, 0x00 before a leaf, 0x01 before two nodes, the
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
from eventshop.eventstore.hash_chain.verification import Head
from eventshop.eventstore.models import StoredEvent

LEAF: Final = 52


def heads_between(after: int, to: int) -> list[Head]:
    """The last event of every stream that has one behind position `after` up to `to`, by stream."""
    inside = StoredEvent.objects.filter(position__gt=after, position__lte=to).order_by()
    last = inside.values("aggregate_id").annotate(last=Max("position")).values("last")
    rows = StoredEvent.objects.filter(position__in=last).values_list("aggregate_id", "version", "hash")
    return sorted(Head(stream, version, bytes(digest)) for stream, version, digest in rows)


def packed(heads: Iterable[Head]) -> bytes:
    return b"".join(head.aggregate_id.bytes + head.version.to_bytes(4) + head.hash for head in heads)


def unpacked(leaves: bytes) -> Iterator[Head]:
    """The heads that `packed` wrote; raises `InvalidMessage` when some are cut off."""
    if len(leaves) % LEAF:
        raise InvalidMessage("heads are 52 bytes each", bytes=len(leaves))
    for at in range(0, len(leaves), LEAF):
        yield Head(
            UUID(bytes=leaves[at : at + 16]), int.from_bytes(leaves[at + 16 : at + 20]), leaves[at + 20 : at + LEAF]
        )


def root(leaves: bytes) -> bytes:
    """The Merkle root over packed heads."""
    return _root([sha256(b"\x00" + leaves[at : at + LEAF]).digest() for at in range(0, len(leaves), LEAF)])


def _root(nodes: Sequence[bytes]) -> bytes:
    """Level by level; a last node without a partner moves up as it is, which is RFC 9162's tree."""
    if not nodes:
        return sha256().digest()
    while len(nodes) > 1:
        pairs = [sha256(b"\x01" + nodes[at] + nodes[at + 1]).digest() for at in range(0, len(nodes) - 1, 2)]
        nodes = pairs + list(nodes[len(nodes) - 1 :]) if len(nodes) % 2 else pairs
    return nodes[0]
