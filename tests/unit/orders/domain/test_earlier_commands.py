"""A command that is sent again after an upgrade is the same command: its hash has no fields that are new and unused."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from eventshop.core.message_registry import registry
from eventshop.core.messages import Command, Envelope, new_id
from eventshop.eventstore.command_execution import PreparedCommand, accepted_hashes, prepare_command
from eventshop.eventstore.event_append import hash_command
from orders.domain.commands import CreateCreditNote, CreateOrder, DeclinePayment, ProcessPayment, RequestPayment
from orders.domain.events import ExternalId
from tests.support.sales import ADA, LANTERNS, Sale, gbp

ORDER = Sale(1).order_id
LINES = '[{"sku":"71053","description":"WHITE METAL LANTERN","quantity":6,"price":{"amount":"3.39","currency":"GBP"}}]'
create = CreateOrder(ORDER, "1", ADA, (LANTERNS,))
EARLIER: list[tuple[Command, str]] = [
    (
        create,
        f'{{"order_id":"{ORDER}","reference":"1","customer_id":"{ADA}","lines":{LINES},"country":"",'
        '"delivery_name":"","delivery_address":""}',
    ),
    (
        CreateCreditNote(ORDER, "1", ADA, (LANTERNS,), "goodwill"),
        f'{{"order_id":"{ORDER}","reference":"1","customer_id":"{ADA}","lines":{LINES},"reason":"goodwill",'
        '"country":""}',
    ),
    (RequestPayment(ORDER, "card"), f'{{"order_id":"{ORDER}","method":"card"}}'),
    (
        ProcessPayment(ORDER, gbp("20.34"), "invoice"),
        f'{{"order_id":"{ORDER}","amount":{{"amount":"20.34","currency":"GBP"}},"method":"invoice"}}',
    ),
    (DeclinePayment(ORDER, "expired"), f'{{"order_id":"{ORDER}","reason":"expired"}}'),
]


def hash_of(command: Command) -> bytes:
    return prepare_command(command, Envelope(new_id()), registry).payload_hash


@pytest.mark.parametrize(("command", "stored"), EARLIER, ids=[type(command).__name__ for command, _ in EARLIER])
def test_the_hash_is_that_of_the_earlier_release(command: Command, stored: str) -> None:
    aggregate = registry.aggregate_of(type(command))
    prepared = PreparedCommand(command, Envelope(new_id()), aggregate, aggregate.id_of(command), b"")
    if all(field.since == 1 for field in registry.personal_fields_of(type(command))):
        prepared = prepare_command(command, prepared.envelope, registry)  # needs no key: its personal fields are empty
    assert hash_command(type(command).__name__, stored.encode()) in accepted_hashes(prepared, registry)


def test_a_new_field_that_is_used_makes_another_command() -> None:
    named = replace(create, external_ids=(ExternalId("marketplace", "M-1"),))
    freight = replace(create, lines=(replace(LANTERNS, kind="freight"),))
    assert len({hash_of(create), hash_of(named), hash_of(freight)}) == 3
