"""Verifies hash chains: detects events that were changed, removed or moved, or that differ from signed heads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple
from uuid import UUID

from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.hash_chain.chain import GENESIS_HASH
from eventshop.eventstore.records import ChainLink

#: Events fetched at a time.
PAGE_SIZE: Final = 2_000
FIRST_STREAM_ID: Final = UUID(int=0)
LAST_STREAM_ID: Final = UUID(int=2**128 - 1)


class ChainHead(NamedTuple):
    """The version and hash of a stream's last event; the hash covers all events before it."""

    aggregate_id: UUID
    version: int
    hash: bytes


class ChainFault(NamedTuple):
    """The first fault of a stream. `position` is the position of the event that shows it; 0: none."""

    position: int
    aggregate_id: UUID
    version: int
    description: str


class VerificationResult(NamedTuple):
    """The numbers of verified events and streams, and the first fault of each broken stream."""

    events: int
    streams: int
    faults: list[ChainFault]


def verify_streams(
    after_stream: UUID,
    to_stream: UUID,
    signed_heads: Mapping[UUID, ChainHead],
    report_progress: Callable[[int], None] = lambda events: None,
) -> VerificationResult:
    """Verify all streams after `after_stream` up to `to_stream`; `signed_heads` must exist in them."""
    counter, streams, faults = _ProgressCounter(report_progress), 0, list[ChainFault]()
    missing = dict(signed_heads)
    for stream, links in groupby(counter.count(_load_pages(after_stream, to_stream)), key=attrgetter("aggregate_id")):
        streams += 1
        if fault := find_fault(links, missing.pop(stream, None)):
            faults.append(fault)
    faults += [_missing_stream_fault(head) for head in missing.values()]
    return VerificationResult(counter.events, streams, faults)


def find_fault(links: Iterable[ChainLink], signed_head: ChainHead | None = None) -> ChainFault | None:
    """Return the first fault of a stream, given from its first event on, or None."""
    previous_hash, expected_version, last = GENESIS_HASH, 1, None
    for last in links:
        if last.version != expected_version:
            return _to_fault(
                last, expected_version, f"version {expected_version} of {_describe_stream(last)} is missing"
            )
        if sha256(previous_hash + last.canonical_text).digest() != last.hash:
            return _to_fault(last, expected_version, f"{_describe_event(last)}: its content does not match its hash")
        if signed_head and signed_head.version == expected_version and signed_head.hash != last.hash:
            return _to_fault(
                last, expected_version, f"{_describe_event(last)}: its hash is not the one that was signed"
            )
        previous_hash, expected_version = last.hash, expected_version + 1
    if signed_head and last and signed_head.version >= expected_version:
        description = (
            f"{_describe_stream(last)} ends after version {last.version}; version {signed_head.version} was signed"
        )
        return _to_fault(last, expected_version, description)
    return None


class _ProgressCounter:
    """Counts the events of an iteration and reports each page."""

    def __init__(self, report_progress: Callable[[int], None]) -> None:
        self.events = 0
        self._report_progress = report_progress

    def count(self, pages: Iterable[list[ChainLink]]) -> Iterator[ChainLink]:
        for page in pages:
            yield from page
            self.events += len(page)
            self._report_progress(len(page))


def _load_pages(after_stream: UUID, to_stream: UUID) -> Iterator[list[ChainLink]]:
    cursor = after_stream, 2**31 - 1  # behind the last version of that stream
    while True:
        page = backend().load_chain_links(cursor, to_stream, PAGE_SIZE)
        yield page
        if len(page) < PAGE_SIZE:
            return
        cursor = page[-1].aggregate_id, page[-1].version


def _to_fault(link: ChainLink, version: int, description: str) -> ChainFault:
    return ChainFault(link.position, link.aggregate_id, version, description)


def _missing_stream_fault(head: ChainHead) -> ChainFault:
    return ChainFault(0, head.aggregate_id, 1, f"stream {head.aggregate_id} is gone; version {head.version} was signed")


def _describe_stream(link: ChainLink) -> str:
    return f"{link.aggregate_type} {link.aggregate_id}"


def _describe_event(link: ChainLink) -> str:
    version = f"version {link.version} of {_describe_stream(link)}"
    return f"{link.event_type} {link.event_id}, {version}, position {link.position}"
