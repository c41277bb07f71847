"""Signed roots: what somebody outside can hold so that nobody here can change the past unseen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC
from hashlib import sha256
from time import sleep
from typing import Final

from django.utils import timezone

from eventshop.core.errors import TailBusy
from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.hash_chain import stream_heads
from eventshop.eventstore.hash_chain.chain import START
from eventshop.eventstore.hash_chain.verification import Head
from eventshop.operations.models import SignedRoot
from eventshop.privacy import signatures

#: Positions that one root covers at most: its heads are 5 MB then.
SPAN: Final = 100_000
_TRIES: Final = 100


def statement(root: SignedRoot) -> bytes:
    """What is signed."""
    return (
        f"EventShop signed root 1\n"
        f"number: {root.number}\n"
        f"positions: after {root.after_position} to {root.to_position}\n"
        f"streams: {root.streams}\n"
        f"root: {bytes(root.root).hex()}\n"
        f"previous: {bytes(root.previous).hex()}\n"
        f"taken: {root.taken_at.astimezone(UTC).isoformat(timespec='microseconds')}\n"
    ).encode()


def sign_new() -> list[SignedRoot]:
    """Sign what has been appended since the last root, in order; raises `TailBusy`."""
    signed = []
    last = SignedRoot.objects.defer("heads").order_by("-number").first()
    horizon = _horizon(last.to_position if last else 0)
    while (after := last.to_position if last else 0) < horizon:
        root = _signed(last, after, min(horizon, after + SPAN))
        # Of two processes at once one signs: the database has room for one root behind each position.
        SignedRoot.objects.bulk_create([root], ignore_conflicts=True)
        last = SignedRoot.objects.defer("heads").get(number=root.number)
        signed.append(last)
    return signed


def _signed(last: SignedRoot | None, after: int, to: int) -> SignedRoot:
    leaves = stream_heads.packed(stream_heads.heads_between(after, to))
    root = SignedRoot(
        number=last.number + 1 if last else 1,
        after_position=after,
        to_position=to,
        streams=len(leaves) // stream_heads.LEAF,
        root=stream_heads.root(leaves),
        previous=sha256(statement(last)).digest() if last else START,
        taken_at=timezone.now(),
        public_key=signatures.public_key(),
        heads=leaves,
    )
    root.signature = signatures.signed(statement(root))
    return root


def faults(roots: Iterable[SignedRoot], believed: frozenset[str] | None = None) -> Iterator[str]:
    """What is wrong with roots given in order from the first: each needs the one before it, its heads, a signature."""
    previous, after, number = START, 0, 1
    for root in roots:
        if root.number != number:
            yield f"root {number} is missing"
        elif bytes(root.previous) != previous or root.after_position != after:
            yield f"root {root.number} does not follow from the one before it"
        if stream_heads.root(bytes(root.heads)) != bytes(root.root):
            yield f"the heads of root {root.number} are not those that were signed"
        if root.public_key not in (signatures.believed() if believed is None else believed):
            yield f"root {root.number} is signed by an unknown key, {root.public_key}"
        elif not signatures.is_signed(statement(root), bytes(root.signature), root.public_key):
            yield f"the signature of root {root.number} is wrong"
        previous, after, number = sha256(statement(root)).digest(), root.to_position, root.number + 1


def newest_heads(roots: Iterable[SignedRoot]) -> list[Head]:
    """How far each stream had come when it was last signed; the roots in order."""
    newest: dict[object, Head] = {}
    for root in roots:
        for head in stream_heads.unpacked(bytes(root.heads)):
            newest[head.aggregate_id] = head
    return list(newest.values())


def _horizon(after: int) -> int:
    for _ in range(_TRIES):
        try:
            return engine().horizon(after)
        except TailBusy:
            sleep(0.05)
    return engine().horizon(after)
