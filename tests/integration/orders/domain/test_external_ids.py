"""External ids of orders are unique per source, whoever sends the command and however."""

from __future__ import annotations

from uuid import UUID

import pytest

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.command_dispatcher import send, send_many
from orders.domain.commands import CreateCreditNote, CreateOrder
from orders.domain.errors import ExternalIdTaken
from orders.domain.events import ExternalId, Line
from tests.support.order_fulfilment import load_order
from tests.support.sales import gbp

pytestmark = pytest.mark.usefixtures("clean_database")

LINES = (Line("mug", "", 1, gbp("2.00")),)


def order(*ids: str, order_id: UUID | None = None) -> CreateOrder:
    external_ids = tuple(ExternalId(*text.split(":")) for text in ids)
    return CreateOrder(order_id or new_id(), "1", None, LINES, external_ids=external_ids)


def test_an_id_of_a_source_belongs_to_one_order() -> None:
    send(order("amazon:302-1"))
    taken = order("amazon:302-1")
    with pytest.raises(ExternalIdTaken, match="amazon:302-1") as refusal:
        send(taken)
    assert refusal.value.code == "external-id-taken"
    assert not load_order(taken.order_id).lines, "nothing was recorded"
    send(order("ebay:302-1"))
    send(order("amazon:302-2"))
    send(order("amazon:a-1"))
    send(order("amazon:A-1"))


def test_a_credit_note_may_not_have_the_id_of_an_order() -> None:
    send(order("amazon:1"))
    note = CreateCreditNote(new_id(), "C1", None, LINES, "goodwill", external_ids=(ExternalId("amazon", "1"),))
    with pytest.raises(ExternalIdTaken):
        send(note)


def test_in_a_batch_the_second_is_refused_and_the_others_are_not() -> None:
    commands = [order("amazon:1"), order("amazon:1", "ebay:1"), order("ebay:1"), order("amazon:2")]
    outcomes = send_many([(command, Envelope(new_id())) for command in commands])
    assert [isinstance(outcome, ExternalIdTaken) for outcome in outcomes] == [False, True, False, False]


def test_the_same_command_again_is_the_same_order() -> None:
    command, envelope = order("amazon:1"), Envelope(new_id())
    assert send(command, envelope=envelope).events == send(command, envelope=envelope).events
