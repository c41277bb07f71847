"""Walking along the hash chains: what of a stream was changed, removed, moved, or is not what was once signed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple
from uuid import UUID

from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.hash_chain.chain import START
from eventshop.eventstore.records import Linked

#: Events fetched at a time.
PAGE: Final = 2_000
FIRST: Final = UUID(int=0)
LAST: Final = UUID(int=2**128 - 1)


class Head(NamedTuple):
    """How far a stream had come: the version and the hash of its last event, which stands for all before it."""

    aggregate_id: UUID
    version: int
    hash: bytes


class Fault(NamedTuple):
    """The first thing that is wrong with one stream. `position` is where in the store that shows; 0: nowhere."""

    position: int
    aggregate_id: UUID
    version: int
    sentence: str


class Walked(NamedTuple):
    """What a walk has seen: how much, and each broken stream's first fault."""

    events: int
    streams: int
    faults: list[Fault]


def walk(
    after: UUID, to: UUID, signed: Mapping[UUID, Head], told: Callable[[int], None] = lambda events: None
) -> Walked:
    """Walk all streams behind `after` up to `to`, each from its first event; `signed` are heads that must be there."""
    seen, streams, faults = _Counted(told), 0, list[Fault]()
    missing = dict(signed)
    for stream, links in groupby(seen.of(_links(after, to)), key=attrgetter("aggregate_id")):
        streams += 1
        if fault := fault_of(links, missing.pop(stream, None)):
            faults.append(fault)
    faults += [_gone(head) for head in missing.values()]
    return Walked(seen.events, streams, faults)


def fault_of(links: Iterable[Linked], signed: Head | None = None) -> Fault | None:
    """The first fault of one stream, given from its first event on; None: it is as it was written."""
    previous, expected, last = START, 1, None
    for last in links:
        if last.version != expected:
            return _fault(last, expected, f"version {expected} of {_stream(last)} is missing")
        if sha256(previous + last.text).digest() != last.hash:
            return _fault(last, expected, f"{_named(last)}: what is stored is not what its hash says")
        if signed and signed.version == expected and signed.hash != last.hash:
            return _fault(last, expected, f"{_named(last)}: its hash is not the one that was signed")
        previous, expected = last.hash, expected + 1
    if signed and last and signed.version >= expected:
        sentence = f"{_stream(last)} ends after version {last.version}; version {signed.version} was signed"
        return _fault(last, expected, sentence)
    return None


class _Counted:
    """Counts what passes, and tells it page by page."""

    def __init__(self, told: Callable[[int], None]) -> None:
        self.events = 0
        self._told = told

    def of(self, pages: Iterable[list[Linked]]) -> Iterator[Linked]:
        for page in pages:
            yield from page
            self.events += len(page)
            self._told(len(page))


def _links(after: UUID, to: UUID) -> Iterator[list[Linked]]:
    at = after, 2**31 - 1  # behind that stream's last version
    while True:
        page = engine().links(at, to, PAGE)
        yield page
        if len(page) < PAGE:
            return
        at = page[-1].aggregate_id, page[-1].version


def _fault(at: Linked, version: int, sentence: str) -> Fault:
    return Fault(at.position, at.aggregate_id, version, sentence)


def _gone(head: Head) -> Fault:
    return Fault(0, head.aggregate_id, 1, f"stream {head.aggregate_id} is gone; version {head.version} was signed")


def _stream(link: Linked) -> str:
    return f"{link.aggregate_type} {link.aggregate_id}"


def _named(link: Linked) -> str:
    return f"{link.event_type} {link.event_id}, version {link.version} of {_stream(link)}, position {link.position}"
