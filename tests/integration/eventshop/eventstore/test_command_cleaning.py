"""Commands are cleaned when they are sent; what is stored already, and what sagas make of it, goes on working."""

from __future__ import annotations

from typing import cast
from uuid import uuid4

import pytest

from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Command, Envelope, new_id
from eventshop.eventstore.command_dispatcher import Receipt, send, send_many
from eventshop.eventstore.event_store import store
from orders.domain.commands import ReceiveStock, WriteOffStock
from orders.domain.events import StockReceived
from users.domain.events import UserCreated

pytestmark = pytest.mark.usefixtures("clean_database")

#: A code that was accepted before texts had rules.
OLD_CODE = "MUG\u200b"


def from_saga(command: Command) -> int:
    return send(command, envelope=Envelope(new_id(), saga_id=uuid4())).version


def test_the_aggregate_of_a_command_is_that_of_its_clean_text() -> None:
    receipts = [send(ReceiveStock(sku, 1, "D-1")) for sku in ("Caf\u00e9", " Cafe\u0301 ")]
    assert receipts[0].aggregate_id == receipts[1].aggregate_id


def test_the_same_command_with_other_spaces_is_a_repetition() -> None:
    envelope = Envelope(new_id())
    first = send(ReceiveStock("MUG", 1, "D-1"), envelope=envelope)
    again = send(ReceiveStock("MUG ", 1, " D-1"), envelope=envelope)
    assert (again.replayed, again.version) == (True, first.version)


def test_in_a_batch_only_the_command_with_the_bad_text_is_refused() -> None:
    commands = [ReceiveStock(sku, 1, "D-1") for sku in ("MUG", OLD_CODE, "LAMP")]
    outcomes = send_many([(command, Envelope(new_id())) for command in commands])
    assert [isinstance(outcome, InvalidMessage) for outcome in outcomes] == [False, True, False]


def test_in_a_batch_with_free_texts_only_the_command_with_the_bad_id_is_refused() -> None:
    send(ReceiveStock("MUG", 5, "D-1"))
    commands = [WriteOffStock(cast(str, sku), 1, "broken", reference) for sku, reference in (("MUG", "1"), (5, "2"))]
    outcomes = send_many([(command, Envelope(new_id())) for command in commands])
    assert [isinstance(outcome, InvalidMessage) for outcome in outcomes] == [False, True]


def test_a_saga_repeats_what_is_stored() -> None:
    with pytest.raises(InvalidMessage, match=r"sku must not contain U\+200B"):
        send(ReceiveStock(OLD_CODE, 1, "D-1"))
    assert from_saga(ReceiveStock(OLD_CODE, 2, "D-1")) == 1
    assert from_saga(WriteOffStock(OLD_CODE, 1, "broken\u202e", "W-1")) == 2
    with pytest.raises(InvalidMessage, match="reference must not contain an e-mail address"):
        send(ReceiveStock("MUG", 1, "of ada@example.org"))
    assert from_saga(ReceiveStock("MUG", 1, "of ada@example.org")) == 1


@pytest.mark.parametrize("old", [OLD_CODE, "of ada@example.org"])
def test_what_an_earlier_release_accepted_can_be_named_again_where_it_stands(old: str) -> None:
    from_saga(ReceiveStock(old, 5, "D-1"))
    assert send(WriteOffStock(old, 1, "broken", "W-1")).version == 2
    [outcome] = send_many([(WriteOffStock(old, 1, "broken", "W-2"), Envelope(new_id()))])
    assert isinstance(outcome, Receipt) and outcome.version == 3
    with pytest.raises(InvalidMessage, match="reference must not contain"):
        send(WriteOffStock(old, 1, "broken", "of bob@example.org"))
    with pytest.raises(InvalidMessage, match="reference must not contain"):
        send(ReceiveStock("MUG", 1, old))  # in another stream it is new
    cause = store.get_events(send(WriteOffStock(old, 1, "broken", "W-3")).aggregate_id)[0].meta.event_id
    assert send(ReceiveStock("MUG", 1, old), envelope=Envelope(new_id(), causation_id=cause)).version == 1


def test_stored_events_are_read_as_ever() -> None:
    stream, person = uuid4(), uuid4()
    email = "ada@example.org"
    old_events = StockReceived(OLD_CODE, 1, email), UserCreated(person, email, "\u200b", "", "", "page")
    store.append_events(stream, [old_events[0]], expected_version=0)
    store.append_events(person, [old_events[1]], expected_version=0)
    assert (store.get_events(stream)[0].event, store.get_events(person)[0].event) == old_events
