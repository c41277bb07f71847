"""One bound over everything that is stored of an event, one for the metadata of a command; checked at the append."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from pytest_django import Settings

from eventshop.core.errors import EventTooLarge, InvalidMessage, MetadataTooLarge
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.event_size import MAX_EVENT_BYTES, MAX_METADATA_BYTES
from eventshop.eventstore.event_store import EventStore, store
from eventshop.eventstore.hash_chain.chain import canonical_text
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.web.api.problem_details import status_for
from orders.domain.stock_item import stock_item_id
from tests.support.api_clients import ApiClient, staff
from tests.support.raised import with_data
from tests.support.tally_aggregate import Count, Noted, Open, pounds, tallies

pytestmark = pytest.mark.usefixtures("clean_database")

tally_store = EventStore(tallies)


def metadata_of(size: int) -> dict[str, str]:
    """Metadata of this many bytes as JSON."""
    return {"n": "x" * (size - len('{"n":""}'))}


def append_note(text: str, metadata: dict[str, str], *, first: tuple[Noted, ...] = ()) -> UUID:
    stream = new_id()
    envelope = Envelope(new_id(), metadata=metadata)
    tally_store.append_events(stream, [*first, Noted(text=text)], expected_version=0, envelope=envelope)
    return stream


def stored_size(stream: UUID) -> int:
    return len(canonical_text(list(tally_store.read_rows(stream))[-1]))


@pytest.mark.parametrize("metadata", [{}, {"trace": "äöü" * 100}, metadata_of(MAX_METADATA_BYTES)])
@pytest.mark.parametrize("character", ["x", "é", "漢", "\U0001f600", '"', "\x01"])
def test_an_event_is_refused_above_the_bound_and_accepted_at_it(metadata: dict[str, str], character: str) -> None:
    empty = stored_size(append_note("", metadata))
    one = stored_size(append_note(character, metadata)) - empty
    count, rest = divmod(MAX_EVENT_BYTES - empty, one)
    text = character * count + "x" * rest
    assert stored_size(append_note(text, metadata)) == MAX_EVENT_BYTES
    before = StoredEvent.objects.count(), StoredReceipt.objects.count()
    for first in ((), (Noted(text="before"),)):
        with pytest.raises(EventTooLarge, check=with_data(event="Noted", limit=MAX_EVENT_BYTES)) as refusal:
            append_note(text + "x", metadata, first=first)
        assert str(MAX_EVENT_BYTES + 1) in str(refusal.value) and str(MAX_EVENT_BYTES) in str(refusal.value)
    assert (StoredEvent.objects.count(), StoredReceipt.objects.count()) == before


def send_singly(command: Any, envelope: Envelope) -> None:
    command_dispatcher.send(command, envelope=envelope, registry=tallies)


def send_in_batch(command: Any, envelope: Envelope) -> None:
    [accepted, refused] = command_dispatcher.send_many(
        [(Open(tally_id=new_id(), name="another"), Envelope(new_id())), (command, envelope)], registry=tallies
    )
    assert isinstance(accepted, command_dispatcher.Receipt)
    if isinstance(refused, Exception):
        raise refused


def append(command: Any, envelope: Envelope) -> None:
    append_note("text", dict(envelope.metadata))


WRITES = [send_singly, send_in_batch, append]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        (metadata_of(MAX_METADATA_BYTES + 1), MetadataTooLarge),
        ({"blob": "é" * 2 * 1024 * 1024}, MetadataTooLarge),
        ({str(number): "x" * 100 for number in range(1_000)}, MetadataTooLarge),
        ({"a": {"b": "c"}}, InvalidMessage),
        ({"a": ["b"] * 10}, InvalidMessage),
        ({"a": 1}, InvalidMessage),
        ({1: "a"}, InvalidMessage),
        ({"a": "\ud800"}, InvalidMessage),
    ],
)
def test_metadata_that_is_too_large_or_not_flat_is_refused_and_leaves_nothing(
    write: Callable[[Any, Envelope], None], metadata: Any, error: type[InvalidMessage]
) -> None:
    stream, command_id = new_id(), new_id()
    with pytest.raises(error) as refusal:
        write(Open(tally_id=stream, name="till"), Envelope(command_id, metadata=metadata))
    assert type(refusal.value) is error
    assert status_for(refusal.value) == 422
    assert not StoredEvent.objects.filter(aggregate_id=stream).exists()
    assert not StoredReceipt.objects.filter(command_id=command_id).exists()


@pytest.mark.parametrize("write", WRITES)
def test_metadata_at_the_bound_is_stored(write: Callable[[Any, Envelope], None]) -> None:
    metadata = metadata_of(MAX_METADATA_BYTES)
    write(Open(tally_id=new_id(), name="till"), Envelope(new_id(), metadata=metadata))
    newest = StoredEvent.objects.order_by("-position")[0]
    assert [event.meta.metadata for event in tally_store.get_events(newest.aggregate_id)][-1] == metadata


def test_a_command_on_a_cached_aggregate_is_checked_too() -> None:
    stream = new_id()
    send_singly(Open(tally_id=stream, name="till"), Envelope(new_id()))
    envelope = Envelope(new_id(), metadata=metadata_of(MAX_METADATA_BYTES + 1))
    with pytest.raises(MetadataTooLarge, check=with_data(bytes=MAX_METADATA_BYTES + 1, limit=MAX_METADATA_BYTES)):
        send_singly(Count(tally_id=stream, amount=pounds("1")), envelope)
    send_singly(Count(tally_id=stream, amount=pounds("1")), Envelope(new_id()))


def test_a_client_of_the_api_cannot_fill_the_metadata(settings: Settings) -> None:
    """Of a trace context of a later version, with any number of fields, only the ids are kept."""
    settings.TRUST_TRACEPARENT = True
    trace = "0af7651916cd43dd8448eb211c80319c"
    later = f"01-{trace}-00f067aa0ba902b7-01-" + "x" * 60_000
    client = ApiClient(staff("clerk", "receive_stock"))
    answer = client.post("stock/MUG/receipts", {"quantity": 1, "reference": "note"}, traceparent=later)
    assert answer.status_code in (200, 201, 202)
    [event] = store.get_events(stock_item_id("MUG"))
    assert trace in event.meta.metadata["traceparent"]
    assert len(str(event.meta.metadata)) < 1_000
