"""The Merkle root is RFC 9162's."""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID

import pytest

from eventshop.core.errors import InvalidMessage
from eventshop.eventstore.hash_chain.stream_heads import merkle_root, pack_heads, unpack_heads
from eventshop.eventstore.hash_chain.verification import ChainHead


def make_heads(count: int) -> list[ChainHead]:
    return [ChainHead(UUID(int=n), n + 1, sha256(bytes([n])).digest()) for n in range(count)]


def root_by_definition(leaves: list[bytes]) -> bytes:
    """Word by word: split at the largest power of two below the count."""
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + root_by_definition(leaves[:split]) + root_by_definition(leaves[split:])).digest()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 8, 9, 21, 64, 100])
def test_the_root_of_some_leaves_is_the_one_of_the_definition(count: int) -> None:
    leaves = pack_heads(make_heads(count))
    assert merkle_root(leaves) == root_by_definition([leaves[at : at + 52] for at in range(0, len(leaves), 52)])


def test_the_empty_tree_has_the_root_of_the_definition() -> None:
    assert merkle_root(b"") == sha256(b"").digest()


def test_heads_are_packed_and_unpacked() -> None:
    heads = make_heads(3)
    assert list(unpack_heads(pack_heads(heads))) == heads
    with pytest.raises(InvalidMessage):
        list(unpack_heads(pack_heads(heads)[:-1]))
