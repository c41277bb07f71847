"""Signed roots: kept outside the system, they reveal any later change of stored events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC
from enum import StrEnum
from hashlib import sha256
from time import sleep
from typing import Final, NamedTuple

from eventshop.core.errors import TailBusy
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.hash_chain import stream_heads
from eventshop.eventstore.hash_chain.chain import GENESIS_HASH
from eventshop.eventstore.hash_chain.verification import ChainHead
from eventshop.operations.models import SignedRoot
from eventshop.operations.tamper_evidence import sealed_rows
from eventshop.privacy import signatures
from eventshop.runtime.database_clock import database_now

#: The most positions that one root covers; its heads then have 5 MB.
MAX_POSITIONS_PER_ROOT: Final = 100_000
_MAX_TRIES: Final = 100


def statement_of(root: SignedRoot) -> bytes:
    """The text of a root that is signed."""
    return (
        f"EventShop signed root {2 if root.tables else 1}\n"
        f"number: {root.number}\n"
        f"positions: after {root.after_position} to {root.to_position}\n"
        f"streams: {root.streams}\n"
        f"root: {bytes(root.root).hex()}\n"
        f"{''.join(map(sealed_rows.describe, sealed_rows.entries_of(root)))}"
        f"previous: {bytes(root.previous).hex()}\n"
        f"taken: {root.taken_at.astimezone(UTC).isoformat(timespec='microseconds')}\n"
    ).encode()


def sign_new_roots() -> list[SignedRoot]:
    """Sign what is new since the last root, as new roots in order. Raises `TailBusy` and `SigningKeyMissing`.

    Without new events, new rows or changed settings there is no new root.
    """
    new_roots = []
    last = SignedRoot.objects.defer("heads", "leaves").order_by("-number").first()
    horizon = _read_horizon(last.to_position if last else 0)
    while root := _sign_next_root(last, horizon):
        # Of two concurrent processes one wins: each number exists once.
        SignedRoot.objects.bulk_create([root], ignore_conflicts=True)
        last = SignedRoot.objects.defer("heads", "leaves").get(number=root.number)
        new_roots.append(last)
    return new_roots


def _sign_next_root(last: SignedRoot | None, horizon: int) -> SignedRoot | None:
    after = last.to_position if last else 0
    to = min(max(horizon, after), after + MAX_POSITIONS_PER_ROOT)
    # Before the rows are read: a row that is committed meanwhile is then in the next root.
    taken_at = database_now()
    sealed = sealed_rows.collect_new_rows(last, after, to)
    if after == to and not sealed.is_new:
        return None
    leaves = stream_heads.pack_heads(stream_heads.load_heads_between(after, to))
    root = SignedRoot(
        number=last.number + 1 if last else 1,
        after_position=after,
        to_position=to,
        streams=len(leaves) // stream_heads.LEAF_BYTES,
        root=stream_heads.merkle_root(leaves),
        previous=sha256(statement_of(last)).digest() if last else GENESIS_HASH,
        taken_at=taken_at,
        public_key=signatures.public_key(),
        heads=leaves,
        tables=sealed.tables,
        leaves=sealed.leaves,
    )
    root.signature = signatures.sign(statement_of(root))
    return root


class RootFaultKind(StrEnum):
    """What is wrong with a signed root."""

    MISSING = "missing"
    UNLINKED = "unlinked"
    HEADS = "heads"
    ROWS = "rows"
    UNKNOWN_KEY = "unknown key"
    SIGNATURE = "signature"


class RootFault(NamedTuple):
    """A fault of the root with this number."""

    number: int
    kind: RootFaultKind
    description: str


def find_faults(roots: Iterable[SignedRoot], trusted_keys: frozenset[str] | None = None) -> Iterator[RootFault]:
    """The faults of roots, given in order from the first: broken links, wrong heads, unknown keys, wrong signatures."""
    previous, after, number = GENESIS_HASH, 0, 1
    for root in roots:
        if root.number != number:
            yield RootFault(number, RootFaultKind.MISSING, f"root {number} is missing")
        elif bytes(root.previous) != previous or root.after_position != after:
            yield RootFault(
                root.number, RootFaultKind.UNLINKED, f"root {root.number} does not follow from the previous one"
            )
        if stream_heads.merkle_root(bytes(root.heads)) != bytes(root.root):
            yield RootFault(
                root.number, RootFaultKind.HEADS, f"the heads of root {root.number} are not those that were signed"
            )
        if not sealed_rows.is_consistent(root):
            yield RootFault(
                root.number, RootFaultKind.ROWS, f"the rows of root {root.number} are not those that were signed"
            )
        if root.public_key not in (signatures.trusted_public_keys() if trusted_keys is None else trusted_keys):
            text = f"root {root.number} is signed by an unknown key, {root.public_key}"
            yield RootFault(root.number, RootFaultKind.UNKNOWN_KEY, text)
        elif not signatures.verify_signature(statement_of(root), bytes(root.signature), root.public_key):
            yield RootFault(root.number, RootFaultKind.SIGNATURE, f"the signature of root {root.number} is wrong")
        previous, after, number = sha256(statement_of(root)).digest(), root.to_position, root.number + 1


def newest_heads(roots: Iterable[SignedRoot]) -> list[ChainHead]:
    """The newest signed head of each stream, from roots in order."""
    newest: dict[object, ChainHead] = {}
    for root in roots:
        for head in stream_heads.unpack_heads(bytes(root.heads)):
            newest[head.aggregate_id] = head
    return list(newest.values())


def _read_horizon(after: int) -> int:
    for _ in range(_MAX_TRIES):
        try:
            return backend().read_horizon(after)
        except TailBusy:
            sleep(0.05)
    return backend().read_horizon(after)
