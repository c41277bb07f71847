"""The largest event that the store accepts fits a Kafka record, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from eventshop.core.errors import EventTooLarge
from eventshop.core.messages import Envelope, Event, new_id
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.event_size import MAX_EVENT_BYTES, MAX_METADATA_BYTES
from eventshop.eventstore.event_store import store
from eventshop.eventstore.hash_chain.chain import canonical_text
from eventshop.messaging.kafka.clients import MAX_MESSAGE_BYTES
from eventshop.messaging.kafka.event_records import (
    MAX_RECORD_BYTES,
    RECORD_OVERHEAD_BYTES,
    KafkaRecord,
    encode_event,
    partition_for,
)
from orders.domain.events import Line, OrderCreated, PaymentRequested
from tests.support.tally_aggregate import pounds

pytestmark = pytest.mark.usefixtures("clean_database")

#: The envelope with every text at its maximum: the actor in characters of four bytes, metadata at the bound.
METADATA = {"n": "\x01" * ((MAX_METADATA_BYTES - len('{"n":""}')) // len("\\u0001"))}


def largest_envelope() -> Envelope:
    return Envelope(new_id(), "\U0001f600" * 200, None, new_id(), new_id(), new_id(), 2**31 - 2, METADATA)


def order_of(count: int, character: str) -> OrderCreated:
    """An order of lines whose texts have `count` characters in all, at most 200 each; its personal texts are full."""
    lengths = [200] * (count // 200) + [count % 200]
    lines = tuple(Line("x", character * length, 1, pounds("1")) for length in lengths)
    full, address = character * 200, character * 1_000
    return OrderCreated(UUID(int=1), full, UUID(int=2), full, lines, pounds("1"), full, address)


def order_of_small_lines(count: int, character: str) -> OrderCreated:
    """Many numbers and short texts."""
    return OrderCreated(UUID(int=1), "1", None, "", (Line(character, "", 1, pounds("1")),) * count, pounds("1"))


def append_largest(make: Callable[[int], Event]) -> UUID:
    """Append the largest event of a kind that is accepted, found by bisection, to a new stream; return the stream."""
    low, high, largest = 0, MAX_EVENT_BYTES, UUID(int=0)
    while low < high:
        middle, stream = (low + high + 1) // 2, new_id()
        try:
            store.append_event(stream, make(middle), expected_version=0, envelope=largest_envelope())
            low, largest = middle, stream
        except EventTooLarge:
            high = middle - 1
    return largest


def record_size(record: KafkaRecord) -> int:
    return len(record.key) + len(record.value) + sum(len(name) + len(value) for name, value in record.headers)


@pytest.mark.parametrize("character", ["x", "é", "漢", "\U0001f600", '"', "\\", "\u2028"])
@pytest.mark.parametrize("make", [order_of, order_of_small_lines])
def test_the_largest_accepted_event_fits_a_record(make: Callable[[int, str], Event], character: str) -> None:
    [row] = store.read_rows(append_largest(lambda count: make(count, character)))
    assert MAX_EVENT_BYTES - 200 < len(canonical_text(row)) <= MAX_EVENT_BYTES  # a line more would be too many
    [receipt] = backend().load_receipts([row.command_id])
    largest_numbers = row._replace(position=2**63 - 1, version=2**31 - 1)
    record = encode_event(
        largest_numbers, partition_for(row.aggregate_id), 2**63 - 1, receipt._replace(position=2**63 - 1)
    )
    assert record_size(record) <= MAX_RECORD_BYTES < MAX_MESSAGE_BYTES // 2


def test_a_small_event_is_charged_far_less_than_the_reserve() -> None:
    """The reserve also holds for what is added to the record's attributes later."""
    stream = new_id()
    event = PaymentRequested(stream, None, pounds("1"), "card")
    store.append_event(stream, event, expected_version=0, envelope=largest_envelope())
    [row] = store.read_rows(stream)
    [receipt] = backend().load_receipts([row.command_id])
    added = record_size(encode_event(row, 0, 1, receipt)) - len(canonical_text(row))
    assert added < RECORD_OVERHEAD_BYTES // 2
